// Gradients of scans. cumsum is linear. The derivatives of the others are linear recurrences, which are evaluated by
// doubling: nothing is divided by an element, so zeros need no care, in derivatives of any order neither.
#include "ir/ops/gradients.h"

namespace lazuli::ir::gradient {
namespace {

size_t axis_of(const Node* n) {
  return static_cast<size_t>(n->attr_as<AxesAttr>().axes[0]);
}

Expr range(const Expr& x, size_t axis, int64_t begin, int64_t end) {
  Dims start(x->rank(), 0);
  start[axis] = begin;
  Shape shape = x->shape();
  shape[axis] = end - begin;
  return slice(x, start, Dims(x->rank(), 1), shape);
}

/// `by` elements of `number` before x.
Expr behind(const Expr& x, size_t axis, int64_t by, double number) {
  Dims low(x->rank(), 0);
  low[axis] = by;
  return pad(x, low, Dims(x->rank(), 0), number);
}

/// f[i] = c[i] + m[i] * f[i - 1]; m[0] is not used.
Expr recurrence(Expr c, Expr m, size_t axis) {
  const int64_t n = c->shape()[axis];
  for (int64_t by = 1; by < n; by *= 2) {
    const Expr high = range(m, axis, by, n);
    c = c + behind(high * range(c, axis, 0, n - by), axis, by, 0);
    if (2 * by < n) m = behind(high * range(m, axis, 0, n - by), axis, by, 0);
  }
  return c;
}

/// The same from the other end: f[i] = c[i] + m[i] * f[i + 1]; the last of m is not used.
Expr recurrence_from_end(const Expr& c, const Expr& m, size_t axis) {
  const Dims axes{static_cast<int64_t>(axis)};
  return flip(recurrence(flip(c, axes), flip(m, axes), axis), axes);
}

Expr scan(const Expr& x, const Node* n) {
  return make(x.at(), n->op(), {x.get()}, n->attr_as<AxesAttr>());
}

/// The operand, in float32 for half types.
Expr wide_operand(const Place& at, const Node* n) {
  return cast(Expr(at, NodeRef(n->input(0))), is_half(n->dtype()) ? kFloat32 : n->dtype());
}

/// The product of all elements before each.
Expr product_before(const Expr& x, const Node* n) {
  const size_t axis = axis_of(n);
  return behind(range(scan(x, n), axis, 0, x->shape()[axis] - 1), axis, 1, 1);
}

/// exp(x - y), 1 where both are the same infinity.
Expr ratio(const Expr& x, const Expr& y) {
  return exp(where(logical_and(eq(x, y), isinf(x)), 0, x - y));
}

/// `from` at the places of the elements that a running extremum stands for.
Expr at_extremum(const Expr& from, const Node* n) {
  const Place& at = from.at();
  const Expr x(at, NodeRef(n->input(0))), y(at, NodeRef(n));
  const auto place = [&](size_t axis) {
    return make(at, Op::iota, {}, AxesAttr{{static_cast<int64_t>(axis)}}, kInt64, n->shape());
  };
  const Expr set = where(logical_or(eq(x, y), isnan(x)), place(axis_of(n)), 0);
  std::vector<Expr> places;
  Dims axes;
  for (size_t d = 0; d < n->rank(); ++d) {
    axes.push_back(static_cast<int64_t>(d));
    places.push_back(d == axis_of(n) ? make(at, Op::cummax, {set.get()}, n->attr_as<AxesAttr>()) : place(d));
  }
  NodeSpec spec{.op = Op::gather, .attr = AxesAttr{axes}, .device = at.device, .origin = at.origin};
  spec.inputs.push_back(from.get());
  for (const Expr& p : places) spec.inputs.push_back(p.get());
  return {at, at.interner.make(std::move(spec))};
}

}  // namespace

Expr of_cumsum(const Expr& g, const Node* n, size_t) {
  const Dims axes = n->attr_as<AxesAttr>().axes;
  return flip(scan(flip(g, axes), n), axes);
}

Expr of_cumprod(const Expr& g, const Node* n, size_t) {
  const size_t axis = axis_of(n);
  const int64_t size = n->shape()[axis];
  if (n->numel() == 0) return g;
  const Expr x = wide_operand(g.at(), n);
  Dims high(x->rank(), 0);
  high[axis] = 1;
  const Expr next = pad(range(x, axis, 1, size), Dims(x->rank(), 0), high, 0);
  return cast(product_before(x, n) * recurrence_from_end(cast(g, x->dtype()), next, axis), n->dtype());
}

Expr tangent_of_cumprod(const Place& at, const Node* n, std::span<const Expr> tangents) {
  if (n->numel() == 0) return tangents[0];
  const Expr x = wide_operand(at, n);
  return cast(recurrence(product_before(x, n) * cast(tangents[0], x->dtype()), x, axis_of(n)), n->dtype());
}

Expr of_logcumsumexp(const Expr& g, const Node* n, size_t) {
  const size_t axis = axis_of(n);
  const int64_t size = n->shape()[axis];
  if (n->numel() == 0) return g;
  const Expr x = wide_operand(g.at(), n), y = scan(x, n);
  Dims high(x->rank(), 0);
  high[axis] = 1;
  const Expr shrinks = ratio(range(y, axis, 0, size - 1), range(y, axis, 1, size));
  const Expr share = pad(shrinks, Dims(x->rank(), 0), high, 0);
  return cast(ratio(x, y) * recurrence_from_end(cast(g, x->dtype()), share, axis), n->dtype());
}

Expr tangent_of_logcumsumexp(const Place& at, const Node* n, std::span<const Expr> tangents) {
  const size_t axis = axis_of(n);
  const int64_t size = n->shape()[axis];
  if (n->numel() == 0) return tangents[0];
  const Expr x = wide_operand(at, n), y = scan(x, n);
  const Expr shrinks = ratio(range(y, axis, 0, size - 1), range(y, axis, 1, size));
  const Expr c = ratio(x, y) * cast(tangents[0], x->dtype());
  return cast(recurrence(c, behind(shrinks, axis, 1, 0), axis), n->dtype());
}

Expr of_running_extremum(const Expr& g, const Node* n, size_t) {
  if (n->numel() == 0) return g;
  return of_gather(g, at_extremum(Expr(g.at(), NodeRef(n->input(0))), n).get(), 0);
}

Expr tangent_of_running_extremum(const Place&, const Node* n, std::span<const Expr> tangents) {
  return n->numel() == 0 ? tangents[0] : at_extremum(tangents[0], n);
}

}  // namespace lazuli::ir::gradient
