// Reference meaning of gather and the scatters: places in ascending row-major order, one after the other; and of
// argsort.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/interpret_parts.h"

namespace lazuli::ir {
namespace {

/// Where the elements of a place stand: row `p` of `places` begins at offset(p) in `x`, and its elements are at
/// offset(p) + rest[i].
class Places {
 public:
  /// `indices` of `n`, one per axis, into an operand of shape `x`.
  Places(const Node* n, const Shape& x, Operands indices) : node_(n), shape_(x), indices_(indices) {
    const Dims strides = contiguous_strides(x);
    const Dims& axes = n->attr_as<AxesAttr>().axes;
    Shape sizes;
    Dims steps;
    for (size_t d = 0, next = 0; d < x.size(); ++d) {
      if (next < axes.size() && axes[next] == static_cast<int64_t>(d)) {
        strides_.push_back(strides[d]);
        ++next;
      } else {
        sizes.push_back(x[d]);
        steps.push_back(strides[d]);
      }
    }
    const int64_t count = numel(sizes);
    rest_.resize(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      int64_t left = i, at = 0;
      for (size_t d = sizes.size(); d-- > 0;) {
        at += left % sizes[d] * steps[d];
        left /= sizes[d];
      }
      rest_[static_cast<size_t>(i)] = at;
    }
  }

  /// Nothing is read, and so nothing refused, when a place has no elements.
  int64_t count() const { return rest_.empty() ? 0 : numel(indices_[0]->shape); }
  const std::vector<int64_t>& rest() const { return rest_; }

  int64_t offset(int64_t place) const {
    const Dims& axes = node_->attr_as<AxesAttr>().axes;
    int64_t at = 0;
    for (size_t k = 0; k < axes.size(); ++k) {
      const int64_t i = load<int64_t>(*indices_[k], place), size = shape_[static_cast<size_t>(axes[k])];
      if (i < 0 || i >= size)
        throw Error(ErrorKind::Index,
                    fmt::format("{}: index {} is out of bounds for dimension {} with size {} (element {} of the {} "
                                "indices)",
                                node_->called(), i, axes[k], size, place, str(indices_[k]->shape)),
                    {}, node_->origin());
      at += i * strides_[k];
    }
    return at;
  }

 private:
  const Node* node_;
  const Shape& shape_;
  Operands indices_;
  Dims strides_;  // per indexed axis
  std::vector<int64_t> rest_;
};

/// What becomes of an element when another value falls on it.
template <class T>
T combined(Op op, T old, T v) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    if (op == Op::scatter_add) return static_cast<T>(static_cast<U>(old) + static_cast<U>(v));
    if (op == Op::scatter_mul) return static_cast<T>(uint64_t{static_cast<U>(old)} * static_cast<U>(v));
    return op == Op::scatter_max ? std::max(old, v) : std::min(old, v);
  } else {
    if (op == Op::scatter_add) return old + v;
    if (op == Op::scatter_mul) return old * v;
    if (std::isnan(old) || std::isnan(v)) return std::numeric_limits<T>::quiet_NaN();
    if (old == v) return std::signbit(old) == (op == Op::scatter_max) ? v : old;  // -0 is below +0
    return (old < v) == (op == Op::scatter_max) ? v : old;
  }
}

}  // namespace

void interpret_indexed(const Node* n, Operands inputs, HostArray& out) {
  const HostArray& x = *inputs[0];
  if (n->op() == Op::gather) {
    const Places places(n, x.shape, inputs.subspan(1));
    const int64_t row = static_cast<int64_t>(places.rest().size());
    for (int64_t p = 0; p < places.count(); ++p) {
      const int64_t from = places.offset(p);
      for (int64_t i = 0; i < row; ++i) out.set_bits(p * row + i, x.bits(from + places.rest()[static_cast<size_t>(i)]));
    }
    return;
  }
  if (out.bytes.empty()) return;
  const HostArray& values = *inputs[1];
  const Places places(n, x.shape, inputs.subspan(2));
  const int64_t row = static_cast<int64_t>(places.rest().size()), total = numel(x.shape);
  if (n->op() == Op::scatter) {
    out.bytes = x.bytes;
    for (int64_t p = 0; p < places.count(); ++p) {
      const int64_t to = places.offset(p);
      for (int64_t i = 0; i < row; ++i)
        out.set_bits(to + places.rest()[static_cast<size_t>(i)], values.bits(p * row + i));
    }
    return;
  }
  with_type(x.dtype, [&](auto zero) {
    using T = decltype(zero);  // float for half types: they are added up there and rounded once
    std::vector<T> sums(static_cast<size_t>(total));
    for (int64_t i = 0; i < total; ++i) sums[static_cast<size_t>(i)] = load<T>(x, i);
    for (int64_t p = 0; p < places.count(); ++p) {
      const int64_t to = places.offset(p);
      for (int64_t i = 0; i < row; ++i) {
        T& sum = sums[static_cast<size_t>(to + places.rest()[static_cast<size_t>(i)])];
        sum = combined<T>(n->op(), sum, load<T>(values, p * row + i));
      }
    }
    for (int64_t i = 0; i < total; ++i) store<T>(out, i, sums[static_cast<size_t>(i)]);
  });
}

void interpret_order(const Node* n, Operands inputs, HostArray& out) {
  const HostArray& x = *inputs[0];
  const int64_t length = x.shape.back(), rows = length == 0 ? 0 : numel(x.shape) / length;
  const bool down = n->op() == Op::argsort_down;
  with_type(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto before = [](T a, T b) {
      if constexpr (std::is_floating_point_v<T>) return a < b || (std::isnan(b) && !std::isnan(a));
      return a < b;
    };
    for (int64_t r = 0; r < rows; ++r) {
      int64_t* order = out.as<int64_t>() + r * length;
      std::iota(order, order + length, int64_t{0});
      std::stable_sort(order, order + length, [&](int64_t i, int64_t j) {
        const T a = load<T>(x, r * length + i), b = load<T>(x, r * length + j);
        return down ? before(b, a) : before(a, b);
      });
    }
  });
}

}  // namespace lazuli::ir
