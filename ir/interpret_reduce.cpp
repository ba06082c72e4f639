// Reference meaning of reductions: the tree of docs/numerics.md for sum and prod, first index and NaN rules for the
// others.
#include <cmath>

#include "ir/interpret_parts.h"

namespace lazuli::ir {
namespace {

// Integers wrap: the arithmetic runs on the unsigned 64-bit ring and is cut to the type.
template <class T>
T plus(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
T times(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

template <class T>
bool is_nan(T v) {
  return v != v;
}

/// Whether `a` replaces `b` as the largest (or smallest): NaN wins, and +0 is above -0 where signs of zeros count.
template <class T>
bool beats(T a, T b, bool largest, bool signed_zeros) {
  if (is_nan(b)) return false;
  if (is_nan(a)) return true;
  if constexpr (std::is_floating_point_v<T>) {
    if (signed_zeros && a == 0 && b == 0)
      return largest ? std::signbit(b) && !std::signbit(a) : std::signbit(a) && !std::signbit(b);
  }
  return largest ? a > b : a < b;
}

/// Position in [begin, begin + n) of the winner; the first one on ties.
template <class T>
int64_t winner(const HostArray& x, int64_t begin, int64_t n, bool largest, bool signed_zeros) {
  int64_t best = begin;
  for (int64_t i = begin + 1; i < begin + n; ++i)
    if (beats(load<T>(x, i), load<T>(x, best), largest, signed_zeros)) best = i;
  return best;
}

template <class T>
void reduce_row(Op op, const HostArray& x, int64_t begin, int64_t n, HostArray& out, int64_t row) {
  const auto at = [&](int64_t i) { return load<T>(x, begin + i); };
  switch (op) {
    case Op::sum: {
      const auto next = [&](T lane, int64_t i) { return plus<T>(lane, at(i)); };
      return store<T>(out, row, n == 0 ? T{0} : reduce_tree<T>(n, at, next, plus<T>));
    }
    case Op::prod: {
      const auto next = [&](T lane, int64_t i) { return times<T>(lane, at(i)); };
      return store<T>(out, row, n == 0 ? T{1} : reduce_tree<T>(n, at, next, times<T>));
    }
    case Op::reduce_max:
    case Op::reduce_min:
      return out.set_bits(row, x.bits(winner<T>(x, begin, n, op == Op::reduce_max, true)));
    case Op::argmax:
    case Op::argmin:
      out.as<int64_t>()[row] = winner<T>(x, begin, n, op == Op::argmax, false) - begin;
      return;
    case Op::any:
    case Op::all: {
      const uint8_t* p = x.as<uint8_t>() + begin;
      const bool found = n != 0 && std::find(p, p + n, op == Op::any ? 1 : 0) != p + n;
      return out.set_bits(row, found == (op == Op::any));
    }
    default:
      throw Error(ErrorKind::Internal, "the interpreter has no case for " + std::string(name(op)));
  }
}

}  // namespace

void interpret_reduce(const Node* n, Operands inputs, HostArray& out) {
  const Dims& axes = n->attr_as<AxesAttr>().axes;
  const HostArray& x = *inputs[0];
  Dims order;  // kept axes, then the reduced ones: every output element owns one contiguous row
  for (size_t d = 0; d < x.shape.size(); ++d)
    if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) == axes.end())
      order.push_back(static_cast<int64_t>(d));
  int64_t length = 1;
  for (int64_t a : axes) {
    order.push_back(a);
    length *= x.shape[static_cast<size_t>(a)];
  }
  const bool trailing = std::is_sorted(order.begin(), order.end());
  const HostArray moved = trailing ? HostArray{} : transposed(n, x, order);
  const HostArray& rows = trailing ? x : moved;
  with_type(x.dtype, [&](auto zero) {
    const int64_t count = numel(out.shape);
    for (int64_t r = 0; r < count; ++r) reduce_row<decltype(zero)>(n->op(), rows, r * length, length, out, r);
  });
}

}  // namespace lazuli::ir
