// Gradients of gather and the scatters.
#include <algorithm>
#include <cstdlib>

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

/// Of x [n, m] or [n]: element i is element i - by, and `fill` where there is none.
Expr shifted(const Expr& x, int64_t by, double fill) {
  const size_t rank = x->rank();
  Dims start(rank, 0), step(rank, 1), low(rank, 0), high(rank, 0);
  Shape shape = x->shape();
  shape[0] -= std::abs(by);
  start[0] = std::max<int64_t>(-by, 0);
  low[0] = std::max<int64_t>(by, 0);
  high[0] = std::max<int64_t>(-by, 0);
  return pad(slice(x, start, step, shape), low, high, fill);
}

/// Of rows [n, m] sorted by `places` [n]: the product of all rows of the place before (behind, for direction -1) this
/// one. After steps of 1, 2, 4 ... element i holds the product of the last 1, 2, 4 ... of them.
Expr product_up_to(const Expr& rows, const Expr& places, int64_t direction) {
  const int64_t n = places->numel();
  const auto same = [&](int64_t by) {
    const Expr equal = eq(places, shifted(places, by * direction, -1));
    return expand(reshape(equal, {n, 1}), rows->shape());
  };
  Expr product = where(same(1), shifted(rows, direction, 1), 1);
  for (int64_t by = 1; by < n; by *= 2)
    product = where(same(by), product * shifted(product, by * direction, 1), product);
  return product;
}

/// For every value the product of the base and all other values of its place. Nothing is divided by, so zeros need no
/// care, in further derivatives neither.
Expr product_of_others(const Place& at, const Node* n) {
  const Expr base{at, NodeRef(n->input(0))}, values{at, NodeRef(n->input(1))};
  const Expr base_there = indexed(at, Op::gather, {base.get()}, n, 2);
  const Shape& places = n->input(2)->shape();
  const int64_t count = numel(places);
  if (count < 2 || values->numel() == 0) return base_there;
  const Dims& axes = n->attr_as<AxesAttr>().axes;
  Expr number{at, NodeRef(n->input(2))};
  for (size_t k = 1; k < axes.size(); ++k)
    number =
        number * static_cast<double>(n->shape()[static_cast<size_t>(axes[k])]) + Expr(at, NodeRef(n->input(2 + k)));
  number = reshape(number, {count});
  const auto pick = [&](const Expr& x, const Expr& from) {
    return make(at, Op::gather, {x.get(), from.get()}, AxesAttr{{0}});
  };
  const DType type = is_half(values->dtype()) ? kFloat32 : values->dtype();
  const Expr order = make(at, Op::argsort, {number.get()}), back = make(at, Op::argsort, {order.get()});
  const Expr sorted = pick(number, order);
  const Expr rows = pick(reshape(cast(values, type), {count, values->numel() / count}), order);
  const Expr others = product_up_to(rows, sorted, 1) * product_up_to(rows, sorted, -1);
  const Expr there = reshape(pick(others, back), values->shape());
  return cast(cast(base_there, type) * there, values->dtype());
}

/// The product of the values of every place.
Expr product_of_values(const Place& at, const Node* n) {
  return indexed(at, Op::scatter_mul, {full(at, n->dtype(), n->shape(), 1).get(), n->input(1)}, n, 2);
}

/// The derivatives of the result with respect to the base and to the values, element by element.
struct Partials {
  Expr base, values;
};

/// One over the number of elements that are the extreme one, where this is one of them.
Partials of_equals(const Place& at, const Node* n) {
  const Expr out{at, NodeRef(n)}, base{at, NodeRef(n->input(0))}, values{at, NodeRef(n->input(1))};
  const Expr here = eq(base, out), there = eq(values, at_places(out, n));
  const Expr one = where(here, like(base, 1), 0), ones = where(there, like(values, 1), 0);
  const Expr share = 1 / scattered_sum(at, n, one, ones);
  return {where(here, share, 0), where(there, at_places(share, n), 0)};
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
  if (operand == 0) return g * product_of_values(g.at(), n);
  return operand == 1 ? at_places(g, n) * product_of_others(g.at(), n) : Expr();
}
Expr tangent_of_scatter_mul(const Place& at, const Node* n, std::span<const Expr> tangents) {
  return scattered_sum(at, n, tangents[0] ? tangents[0] * product_of_values(at, n) : Expr(),
                       tangents[1] ? tangents[1] * product_of_others(at, n) : Expr());
}
Expr of_scatter_extremum(const Expr& g, const Node* n, size_t operand) {
  if (operand > 1) return {};
  const Partials d = of_equals(g.at(), n);
  if (operand == 0) return where(eq(d.base, 0), 0, g * d.base);
  return where(eq(d.values, 0), 0, at_places(g, n) * d.values);
}
Expr tangent_of_scatter_extremum(const Place& at, const Node* n, std::span<const Expr> tangents) {
  const Partials d = of_equals(at, n);
  return scattered_sum(at, n, tangents[0] ? tangents[0] * d.base : Expr(),
                       tangents[1] ? tangents[1] * d.values : Expr());
}

}  // namespace lazuli::ir::gradient
