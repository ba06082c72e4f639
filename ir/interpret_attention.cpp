// Reference meaning of the attention ops: docs/numerics.md, one query (of the key gradient, one key) after the other.
#include <cmath>
#include <limits>

#include "ir/attention.h"
#include "ir/interpret_parts.h"
#include "ir/lower_scalar.h"

namespace lazuli::ir {
namespace {

constexpr int64_t kDepthBlock = 512;

template <class T>
class Attention {
 public:
  Attention(const Node* n, Operands inputs)
      : a(n),
        exp_(lower_elementwise(Op::exp, std::array{n->dtype()})),
        log_(lower_elementwise(Op::log, std::array{n->dtype()})) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const HostArray* x = inputs[i];
      if (i == 0) q = x->as<T>();
      if (i == 1) k = x->as<T>();
      if (i == 2) v = x->as<T>();
      if (i >= attention_operands(n->op()))
        (n->input(i)->rank() == 1 ? lengths_ : mask_) = x;
      else if (i >= 3)
        (i == 3 ? gradient : i == 4 ? lse : row_sums) = x->as<T>();
    }
    if (mask_) mask_strides_ = contiguous_strides(mask_->shape);
  }

  void forward(T* out, bool wants_lse) {
    for (int64_t head = 0; head < a.batch * a.heads; ++head)
      for (int64_t i = 0; i < a.queries; ++i) forward_row(head, i, out, wants_lse);
  }

  void query_gradient(T* out) {
    for (int64_t head = 0; head < a.batch * a.heads; ++head)
      for (int64_t i = 0; i < a.queries; ++i) {
        const int64_t row = head * a.queries + i;
        std::vector<T> sums(static_cast<size_t>(a.depth));
        each_block(head, i, [&](int64_t begin, int64_t end) {
          std::vector<T> ds;
          for (int64_t j = begin; j < end; ++j) ds.push_back(weight_and_change(head, i, j).second);
          for (int64_t d = 0; d < a.depth; ++d) {
            T chain = 0;
            for (int64_t j = begin; j < end; ++j) chain = std::fma(key_row(head, j)[d], ds[j - begin], chain);
            sums[d] += chain;
          }
        });
        for (int64_t d = 0; d < a.depth; ++d) out[row * a.depth + d] = sums[d] * scale();
      }
  }

  void key_gradient(T* out) {
    const int64_t width = a.depth + a.value_depth;
    for (int64_t kh = 0; kh < a.batch * a.key_heads; ++kh)
      for (int64_t j = 0; j < a.keys; ++j) {
        std::vector<T> sums(static_cast<size_t>(width));
        for (int64_t head = kh * a.group(); head < (kh + 1) * a.group(); ++head)
          for (int64_t begin = a.causal ? j / kAttentionBlock * kAttentionBlock : 0; begin < a.queries;
               begin += kAttentionBlock) {
            const int64_t end = std::min(a.queries, begin + kAttentionBlock);
            std::vector<T> chains(static_cast<size_t>(width));
            for (int64_t i = begin; i < end; ++i) {
              const auto [p, ds] = weight_and_change(head, i, j);
              const int64_t row = head * a.queries + i;
              for (int64_t d = 0; d < a.depth; ++d) chains[d] = std::fma(q[row * a.depth + d], ds, chains[d]);
              for (int64_t e = 0; e < a.value_depth; ++e)
                chains[a.depth + e] = std::fma(gradient[row * a.value_depth + e], p, chains[a.depth + e]);
            }
            for (int64_t d = 0; d < width; ++d) sums[d] += chains[d];
          }
        for (int64_t d = 0; d < width; ++d)
          out[(kh * a.keys + j) * width + d] = d < a.depth ? sums[d] * scale() : sums[d];
      }
  }

 private:
  static constexpr T kInfinity = std::numeric_limits<T>::infinity();

  T scale() const { return static_cast<T>(a.scale); }

  static uint64_t bits(T x) {
    if constexpr (sizeof(T) == 4) return std::bit_cast<uint32_t>(x);
    return std::bit_cast<uint64_t>(static_cast<double>(x));
  }
  static T number(uint64_t x) {
    if constexpr (sizeof(T) == 4) return std::bit_cast<float>(static_cast<uint32_t>(x));
    return static_cast<T>(std::bit_cast<double>(x));
  }
  static T apply(const scalar::Function& f, T x) { return number(scalar::evaluate(f, {bits(x)})[0]); }
  T exp(T x) const { return apply(exp_, x); }

  int64_t key_head(int64_t head) const { return head / a.group(); }  // batch and head together
  const T* key_row(int64_t head, int64_t j) const { return k + (key_head(head) * a.keys + j) * a.depth; }
  const T* value_row(int64_t head, int64_t j) const { return v + (key_head(head) * a.keys + j) * a.value_depth; }

  int64_t limit(int64_t head) const {
    if (!lengths_) return a.keys;
    return std::clamp<int64_t>(lengths_->as<int64_t>()[head / a.heads], 0, a.keys);
  }

  static T product(const T* x, const T* y, int64_t n) {
    T sum = 0;
    for (int64_t begin = 0; begin < n; begin += kDepthBlock) {
      T chain = 0;
      for (int64_t d = begin; d < std::min(n, begin + kDepthBlock); ++d) chain = std::fma(x[d], y[d], chain);
      sum = begin == 0 ? chain : sum + chain;
    }
    return sum;
  }

  T score(int64_t head, int64_t i, int64_t j) const {
    T t = product(q + (head * a.queries + i) * a.depth, key_row(head, j), a.depth) * scale();
    if (mask_) {
      const int64_t at[] = {head / a.heads, head % a.heads, i, j};
      int64_t place = 0;
      for (size_t d = 0; d < 4; ++d)
        if (mask_->shape[d] != 1) place += at[d] * mask_strides_[d];
      if (is_bool(mask_->dtype))
        t = mask_->bits(place) ? t : -kInfinity;
      else
        t = t + mask_->as<T>()[place];
    }
    if ((a.causal && j > i) || j >= limit(head)) return -kInfinity;
    return t;
  }

  /// The weight of key j for query i, and the gradient with respect to its score.
  std::pair<T, T> weight_and_change(int64_t head, int64_t i, int64_t j) const {
    const int64_t row = head * a.queries + i;
    const T p = exp(score(head, i, j) - lse[row]);
    const T dp = product(gradient + row * a.value_depth, value_row(head, j), a.value_depth);
    return {p, p == 0 ? T{0} : p * (dp - row_sums[row])};
  }

  template <class F>
  void each_block(int64_t head, int64_t i, F f) const {
    const int64_t keys = limit(head);
    for (int64_t begin = 0; begin < keys && (!a.causal || begin / kAttentionBlock <= i / kAttentionBlock);
         begin += kAttentionBlock)
      f(begin, std::min(keys, begin + kAttentionBlock));
  }

  static T maximum(T x, T y) { return std::isnan(x) || x > y ? x : y; }  // the sign of a zero changes nothing below

  void forward_row(int64_t head, int64_t i, T* out, bool wants_lse) const {
    const int64_t row = head * a.queries + i;
    T top = -kInfinity, sum = 0;
    std::vector<T> values(static_cast<size_t>(a.value_depth));
    each_block(head, i, [&](int64_t begin, int64_t end) {
      std::vector<T> p;
      for (int64_t j = begin; j < end; ++j) p.push_back(score(head, i, j));
      T now = top;
      for (T t : p) now = maximum(now, t);
      const T base = now == -kInfinity ? T{0} : now, shrink = exp(top - base);
      T lanes[4] = {};
      for (size_t j = 0; j < p.size(); ++j) lanes[j % 4] += p[j] = exp(p[j] - base);
      sum = std::fma(sum, shrink, (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]));
      for (int64_t e = 0; e < a.value_depth && !wants_lse; ++e) {
        T chain = 0;
        for (int64_t j = begin; j < end; ++j) chain = std::fma(value_row(head, j)[e], p[j - begin], chain);
        values[e] = std::fma(values[e], shrink, chain);
      }
      top = now;
    });
    if (wants_lse) {
      out[row] = sum == 0 ? kInfinity : top + apply(log_, sum);
      return;
    }
    const T factor = T{1} / sum;  // 0 for a query that sees nothing, whatever stands in the values
    for (int64_t e = 0; e < a.value_depth; ++e) out[row * a.value_depth + e] = sum == 0 ? T{0} : values[e] * factor;
  }

  AttentionOperands a;
  scalar::Function exp_, log_;
  const T *q = nullptr, *k = nullptr, *v = nullptr, *gradient = nullptr, *lse = nullptr, *row_sums = nullptr;
  const HostArray *mask_ = nullptr, *lengths_ = nullptr;
  Dims mask_strides_;
};

}  // namespace

void interpret_attention(const Node* n, Operands inputs, HostArray& out) {
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    Attention<T> attention(n, inputs);
    if (n->op() == Op::attention_query_gradient) return attention.query_gradient(out.as<T>());
    if (n->op() == Op::attention_key_gradient) return attention.key_gradient(out.as<T>());
    attention.forward(out.as<T>(), n->op() == Op::attention_lse);
  };
  if (numel(out.shape) == 0) return;
  n->dtype() == kFloat64 ? run(double{}) : run(float{});
}

}  // namespace lazuli::ir
