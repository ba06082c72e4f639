// Gradients of gather and the scatters.
#include "ir/ops/gradients.h"

namespace lazuli::ir::gradient {
namespace {

/// `op` over the operands and the index operands of `n`, which begin at `first`.
Expr indexed(const Place& at, Op op, std::initializer_list<const Node*> operands, const Node* n, size_t first) {
  NodeSpec spec{.op = op, .inputs = {}, .attr = n->attr(), .device = n->device(), .origin = at.origin};
  for (const Node* x : operands) spec.inputs.push_back(x);
  for (size_t i = first; i < n->input_count(); ++i) spec.inputs.push_back(n->input(i));
  return {at, at.interner.make(std::move(spec))};
}

}  // namespace

Expr of_gather(const Expr& g, const Node* n, size_t operand) {
  if (operand != 0) return {};
  const Expr zeros = full(g.at(), n->dtype(), n->input(0)->shape(), 0);
  return indexed(g.at(), Op::scatter_add, {zeros.get(), g.get()}, n, 1);
}

Expr of_scatter_add(const Expr& g, const Node* n, size_t operand) {
  if (operand == 0) return g;
  return operand == 1 ? indexed(g.at(), Op::gather, {g.get()}, n, 2) : Expr();
}

namespace {

/// What is added to an element of the base, and to the element on which each value falls.
Expr scattered_sum(const Place& at, const Node* n, const Expr& base, const Expr& values) {
  const Expr zeros = base ? base : full(at, n->dtype(), n->shape(), 0);
  if (!values) return zeros;
  return indexed(at, Op::scatter_add, {zeros.get(), values.get()}, n, 2);
}

Expr at_places(const Expr& x, const Node* n) {
  return indexed(x.at(), Op::gather, {x.get()}, n, 2);
}

/// Whether each value is the last one of its place, in the shape of the values.
Expr stays(const Place& at, const Node* n) {
  const Shape& places = n->input(2)->shape();
  const Dims& axes = n->attr_as<AxesAttr>().axes;
  Shape indexed_sizes;
  Dims all;
  for (size_t k = 0; k < axes.size(); ++k) {
    indexed_sizes.push_back(n->shape()[static_cast<size_t>(axes[k])]);
    all.push_back(static_cast<int64_t>(k));
  }
  const Expr numbers = reshape(make(at, Op::iota, {}, AxesAttr{{0}}, kInt64, {numel(places)}), places);
  const auto over_places = [&](Op op, std::initializer_list<const Node*> operands) {
    NodeSpec spec{.op = op, .inputs = {}, .attr = AxesAttr{all}, .device = at.device, .origin = at.origin};
    for (const Node* x : operands) spec.inputs.push_back(x);
    for (size_t i = 2; i < n->input_count(); ++i) spec.inputs.push_back(n->input(i));
    return Expr(at, at.interner.make(std::move(spec)));
  };
  const Expr none = full(at, kInt64, indexed_sizes, -1);
  const Expr last = over_places(Op::scatter, {none.get(), numbers.get()});
  const Expr mine = eq(over_places(Op::gather, {last.get()}), numbers);
  Shape aligned = places;
  while (aligned.size() < n->input(1)->rank()) aligned.push_back(1);
  return expand(reshape(mine, aligned), n->input(1)->shape());
}

/// The derivatives of the result with respect to the base and to the values, element by element.
struct Partials {
  Expr base, values;
};

/// The product of the others: with one zero only that factor has a derivative, with two none has. (Second derivatives
/// at zeros are lost, as in PyTorch.)
Partials of_product(const Place& at, const Node* n) {
  const Expr out{at, NodeRef(n)}, base{at, NodeRef(n->input(0))}, values{at, NodeRef(n->input(1))};
  const Expr one = like(base, 1), none = like(base, 0), value_one = like(values, 1), value_none = like(values, 0);
  const Expr base_zero = eq(base, 0), value_zero = eq(values, 0);
  const Expr filled = where(base_zero, one, base), filled_values = where(value_zero, value_one, values);
  const Expr others = indexed(at, Op::scatter_mul, {filled.get(), filled_values.get()}, n, 2);
  const Expr zeros = scattered_sum(at, n, where(base_zero, one, none), where(value_zero, value_one, value_none));
  const Expr single = where(eq(zeros, 1), others, none), whole = where(eq(zeros, 0), out, none);
  return {where(base_zero, single, whole / filled),
          where(value_zero, at_places(single, n), at_places(whole, n) / filled_values)};
}

/// One over the number of elements that are the extreme one, where this is one of them.
Partials of_equals(const Place& at, const Node* n) {
  const Expr out{at, NodeRef(n)}, base{at, NodeRef(n->input(0))}, values{at, NodeRef(n->input(1))};
  const Expr here = eq(base, out), there = eq(values, at_places(out, n));
  const Expr one = where(here, like(base, 1), 0), ones = where(there, like(values, 1), 0);
  const Expr share = 1 / scattered_sum(at, n, one, ones);
  return {where(here, share, 0), where(there, at_places(share, n), 0)};
}

Expr cotangent(const Expr& g, const Node* n, size_t operand, Partials (*partials)(const Place&, const Node*)) {
  if (operand > 1) return {};
  const Partials d = partials(g.at(), n);
  if (operand == 0) return where(eq(d.base, 0), 0, g * d.base);
  return where(eq(d.values, 0), 0, at_places(g, n) * d.values);
}

Expr tangent(const Place& at, const Node* n, std::span<const Expr> tangents,
             Partials (*partials)(const Place&, const Node*)) {
  const Partials d = partials(at, n);
  return scattered_sum(at, n, tangents[0] ? tangents[0] * d.base : Expr(),
                       tangents[1] ? tangents[1] * d.values : Expr());
}

}  // namespace

Expr of_scatter(const Expr& g, const Node* n, size_t operand) {
  if (operand == 0) {
    const Expr zeros = full(g.at(), n->dtype(), n->input(1)->shape(), 0);
    return indexed(g.at(), Op::scatter, {g.get(), zeros.get()}, n, 2);
  }
  return operand == 1 ? where(stays(g.at(), n), at_places(g, n), 0) : Expr();
}

Expr of_scatter_mul(const Expr& g, const Node* n, size_t operand) {
  return cotangent(g, n, operand, of_product);
}
Expr tangent_of_scatter_mul(const Place& at, const Node* n, std::span<const Expr> tangents) {
  return tangent(at, n, tangents, of_product);
}
Expr of_scatter_extremum(const Expr& g, const Node* n, size_t operand) {
  return cotangent(g, n, operand, of_equals);
}
Expr tangent_of_scatter_extremum(const Place& at, const Node* n, std::span<const Expr> tangents) {
  return tangent(at, n, tangents, of_equals);
}

}  // namespace lazuli::ir::gradient
