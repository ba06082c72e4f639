// Reference meaning of dot_general: the contraction trees of docs/numerics.md.
#include <cmath>

#include "ir/interpret_parts.h"

namespace lazuli::ir {
namespace {

constexpr int64_t kBlock = 512;
constexpr int64_t kSpan = 32768;

/// One product sum where both sides have several rows.
template <class T>
T contract_blocks(const T* a, const T* b, int64_t n) {
  std::vector<T> spans;
  for (int64_t begin = 0; begin < n; begin += kSpan) {
    const int64_t span_end = std::min(n, begin + kSpan);
    T span = 0;
    for (int64_t block = begin; block < span_end; block += kBlock) {
      T chain = 0;
      for (int64_t k = block; k < std::min(span_end, block + kBlock); ++k) chain = std::fma(a[k], b[k], chain);
      span = block == begin ? chain : span + chain;
    }
    spans.push_back(span);
  }
  return combine_pairwise(spans, [](T x, T y) { return x + y; });
}

/// One product sum where a side is a vector: the reduction tree with a fused multiply-add chain per lane.
template <class T>
T contract_lanes(const T* a, const T* b, int64_t n) {
  const auto next = [&](T lane, int64_t k) { return std::fma(a[k], b[k], lane); };
  return reduce_tree<T>(n, [&](int64_t k) { return next(T{0}, k); }, next, [](T x, T y) { return x + y; });
}

template <class T>
T contract_integers(const T* a, const T* b, int64_t n) {
  uint64_t sum = 0;  // cut to the type at the end: the same as wrapping at every step
  for (int64_t k = 0; k < n; ++k) sum += static_cast<uint64_t>(a[k]) * static_cast<uint64_t>(b[k]);
  return static_cast<T>(sum);
}

/// batch, free, contracting axes, in this order.
Dims packed_order(const HostArray& x, const Dims& batch, const Dims& contract) {
  Dims order = batch;
  const auto has = [](const Dims& axes, int64_t d) { return std::find(axes.begin(), axes.end(), d) != axes.end(); };
  for (int64_t d = 0; d < static_cast<int64_t>(x.shape.size()); ++d)
    if (!has(batch, d) && !has(contract, d)) order.push_back(d);
  for (int64_t d : contract) order.push_back(d);
  return order;
}

template <class T>
std::vector<T> loaded(const HostArray& x) {
  std::vector<T> values(static_cast<size_t>(numel(x.shape)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = load<T>(x, static_cast<int64_t>(i));
  return values;
}

int64_t extent(const HostArray& x, const Dims& axes) {
  int64_t n = 1;
  for (int64_t a : axes) n *= x.shape[static_cast<size_t>(a)];
  return n;
}

}  // namespace

void interpret_contract(const Node* n, Operands inputs, HostArray& out) {
  const DotDims& dims = *n->attr_as<DotAttr>().dims;
  const HostArray lhs = transposed(n, *inputs[0], packed_order(*inputs[0], dims.lhs_batch, dims.lhs_contract));
  const HostArray rhs = transposed(n, *inputs[1], packed_order(*inputs[1], dims.rhs_batch, dims.rhs_contract));
  const int64_t depth = extent(*inputs[0], dims.lhs_contract), batch = extent(*inputs[0], dims.lhs_batch);
  if (numel(out.shape) == 0 || depth == 0) return;  // no element, or sums of nothing: the zeros are there
  const int64_t rows = numel(lhs.shape) / (batch * depth), columns = numel(rhs.shape) / (batch * depth);
  with_type(lhs.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::vector<T> a = loaded<T>(lhs), b = loaded<T>(rhs);
    int64_t at = 0;
    for (int64_t g = 0; g < batch; ++g)
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) {
          const T *x = &a[(g * rows + i) * depth], *y = &b[(g * columns + j) * depth];
          T sum;
          if constexpr (!std::is_floating_point_v<T>)
            sum = contract_integers(x, y, depth);
          else
            sum = rows == 1 || columns == 1 ? contract_lanes(x, y, depth) : contract_blocks(x, y, depth);
          store<T>(out, at++, sum);
        }
  });
}

}  // namespace lazuli::ir
