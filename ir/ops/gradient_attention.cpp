// Gradients of attention, and the attention ops as primitives over all scores. First derivatives with respect to query,
// key and value are ops of their own, which keep no scores; everything else is derived from the primitives.
#include <limits>

#include "ir/attention.h"
#include "ir/expand.h"
#include "ir/ops/gradients.h"

namespace lazuli::ir {
namespace gradient {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Expressions over all scores, [B, H, L, S].
class Scores {
 public:
  Scores(const Place& place, const Node* n) : at(place), a(n), all_{a.batch, a.heads, a.queries, a.keys} {}

  Expr of(const Node* n) const { return Expr(at, NodeRef(n)); }

  /// rows [B, H, L, X] times others [B, K, S, X].
  Expr products(const Expr& rows, const Expr& others) const {
    const Expr p = dot_general(by_key_head(rows), others,
                               {.lhs_batch = {0, 1}, .rhs_batch = {0, 1}, .lhs_contract = {4}, .rhs_contract = {3}});
    return reshape(p, all_);
  }
  /// weights [B, H, L, S] times others [B, K, S, X]: [B, H, L, X].
  Expr weighted(const Expr& weights, const Expr& others) const {
    const Expr p = dot_general(by_key_head(weights), others,
                               {.lhs_batch = {0, 1}, .rhs_batch = {0, 1}, .lhs_contract = {4}, .rhs_contract = {2}});
    return reshape(p, {a.batch, a.heads, a.queries, others->shape()[3]});
  }
  /// weights [B, H, L, S], turned, times rows [B, H, L, X]: [B, K, S, X].
  Expr weighted_rows(const Expr& weights, const Expr& rows) const {
    return dot_general(by_key_head(weights), by_key_head(rows),
                       {.lhs_batch = {0, 1}, .rhs_batch = {0, 1}, .lhs_contract = {2, 3}, .rhs_contract = {2, 3}});
  }

  /// [B, H, L] over the keys.
  Expr over_keys(const Expr& rows) const { return expand(reshape(rows, {a.batch, a.heads, a.queries, 1}), all_); }

  /// x where a query sees a key, else the number.
  Expr where_seen(const Expr& x, double hidden) const {
    Expr y = x;
    const auto place = [&](int64_t axis) { return make(at, Op::iota, {}, AxesAttr{{axis}}, kInt64, all_); };
    if (a.mask && is_bool(a.mask->dtype())) y = where(expand(of(a.mask), all_), y, hidden);
    if (a.causal) y = where(le(place(3), place(2)), y, hidden);
    if (a.lengths) {
      const Expr lengths = expand(reshape(of(a.lengths), {a.batch, 1, 1, 1}), all_);
      y = where(lt(place(3), lengths), y, hidden);
    }
    return y;
  }

  Expr logits() const {
    Expr t = products(of(a.query), of(a.key)) * a.scale;
    if (a.mask && !is_bool(a.mask->dtype())) t = t + expand(of(a.mask), all_);
    return where_seen(t, -kInfinity);
  }
  Expr weights(const Expr& lse) const { return exp(logits() - over_keys(lse)); }
  Expr score_gradient(const Expr& p, const Expr& g, const Expr& row_sums) const {
    return where(eq(p, 0), 0, p * (products(g, of(a.value)) - over_keys(row_sums)));
  }
  Expr lse() const {
    if (a.keys == 0) return full(at, a.query->dtype(), {a.batch, a.heads, a.queries}, kInfinity);
    const Expr l = make(at, Op::logsumexp, {logits().get()}, CompositeAttr{{3}, 0.0});
    return where(eq(l, -kInfinity), kInfinity, l);
  }

  const Place& at;
  AttentionOperands a;

 private:
  Expr by_key_head(const Expr& rows) const {
    return reshape(rows, {a.batch, a.key_heads, a.group(), a.queries, rows->shape()[3]});
  }

  Shape all_;
};

/// One of the ops over the operands of `n`, with others before its mask.
Expr beside(const Place& at, Op op, const Node* n, std::initializer_list<Expr> more) {
  NodeSpec spec{.op = op, .attr = n->attr_as<CompositeAttr>(), .device = at.device, .origin = at.origin};
  for (size_t i = 0; i < 3; ++i) spec.inputs.push_back(n->input(i));
  for (const Expr& e : more) spec.inputs.push_back(e.get());
  for (size_t i = 3; i < n->input_count(); ++i) spec.inputs.push_back(n->input(i));
  return {at, at.interner.make(std::move(spec))};
}

}  // namespace

Expr of_attention(const Expr& g, const Node* n, size_t operand) {
  const Place& at = g.at();
  const Expr out(at, NodeRef(n)), lse = beside(at, Op::attention_lse, n, {}), row_sums = sum(g * out, {3});
  if (operand == 0) return beside(at, Op::attention_query_gradient, n, {g, lse, row_sums});
  if (operand < 3) {
    const Expr both = beside(at, Op::attention_key_gradient, n, {g, lse, row_sums});
    const int64_t depth = n->input(1)->shape()[3];
    return slice(both, {0, 0, 0, operand == 1 ? 0 : depth}, {1, 1, 1, 1}, n->input(operand)->shape());
  }
  const Scores s(at, n);
  const Expr ds = s.score_gradient(s.weights(lse), g, row_sums);
  const Shape& shape = s.a.mask->shape();
  Dims axes;
  for (size_t d = 0; d < 4; ++d)
    if (shape[d] == 1 && ds->shape()[d] != 1) axes.push_back(static_cast<int64_t>(d));
  return reshape(axes.empty() ? ds : sum(ds, axes), shape);
}

Expr tangent_of_attention(const Place& at, const Node* n, std::span<const Expr> tangents) {
  const Scores s(at, n);
  const Expr p = s.weights(beside(at, Op::attention_lse, n, {}));
  Expr change, total;
  const auto add = [](Expr& sum, const Expr& part) { sum = sum ? sum + part : part; };
  if (tangents[0]) add(change, s.products(tangents[0], s.of(s.a.key)) * s.a.scale);
  if (tangents[1]) add(change, s.products(s.of(s.a.query), tangents[1]) * s.a.scale);
  if (n->input_count() > 3 && tangents[3]) add(change, expand(tangents[3], p->shape()));
  if (change) {
    const Expr weighted = where(eq(p, 0), 0, p * change);
    add(total, s.weighted(weighted - p * s.over_keys(sum(weighted, {3})), s.of(s.a.value)));
  }
  if (tangents[2]) add(total, s.weighted(p, tangents[2]));
  return total;
}

}  // namespace gradient

NodeRef expand_attention(const Node* n, Interner& interner) {
  using namespace gradient;
  const Place at{interner, n->origin(), n->device()};
  const Scores s(at, n);
  if (n->op() == Op::attention_lse) return s.lse().node();
  if (n->op() == Op::attention) return s.weighted(s.weights(s.lse()), s.of(s.a.value)).node();
  const Expr g = s.of(s.a.gradient), p = s.weights(s.of(s.a.lse));
  const Expr ds = s.score_gradient(p, g, s.of(s.a.row_sums));
  if (n->op() == Op::attention_query_gradient) return (s.weighted(ds, s.of(s.a.key)) * s.a.scale).node();
  const Expr key = s.weighted_rows(ds, s.of(s.a.query)) * s.a.scale, value = s.weighted_rows(p, g);
  return make(at, Op::concat, {key.get(), value.get()}, AxesAttr{{3}}).node();
}

}  // namespace lazuli::ir
