// Gradients of windowed ops. windows and fold are each other's transposes; a convolution's gradients are convolutions.
#include "ir/ops/gradients.h"
#include "ir/ops/rules.h"
#include "ir/ops/window.h"

namespace lazuli::ir::gradient {
namespace {

Expr convolution(const Expr& x, const Expr& weight, WindowDims dims) {
  return make(x.at(), Op::convolution, {x.get(), weight.get()}, window_attr(std::move(dims)));
}

/// Axes 0 and 1 swapped inside each of `groups` parts of axis `grouped`: (g*a, b, ...) -> (g*b, a, ...) for axis 0,
/// (a, g*b, ...) -> (b, g*a, ...) for axis 1.
Expr swap_in_groups(const Expr& x, int64_t groups, size_t grouped) {
  const Shape& from = x->shape();
  Shape split, joined;
  Dims order;
  const auto g = static_cast<int64_t>(grouped);
  for (size_t d = 0; d < from.size(); ++d) {
    if (d == grouped) split.push_back(groups);
    split.push_back(d == grouped ? from[d] / groups : from[d]);
  }
  order = grouped == 0 ? Dims{0, 2, 1} : Dims{2, 1, 0};
  for (size_t d = 3; d < split.size(); ++d) order.push_back(static_cast<int64_t>(d));
  const int64_t first = from[0] / (g == 0 ? groups : 1), second = from[1] / (g == 1 ? groups : 1);
  joined = grouped == 0 ? Shape{groups * second, first} : Shape{second, groups * first};
  for (size_t d = 2; d < from.size(); ++d) joined.push_back(from[d]);
  return reshape(permute(reshape(x, split), order), joined);
}

/// Of the first operand: the gradient, with zeros between its elements where windows were steps apart, under the
/// flipped weight.
Expr of_input(const Expr& g, const Node* n) {
  const WindowDims& w = *n->attr_as<WindowAttr>().dims;
  const Node *x = n->input(0), *weight = n->input(1);
  const size_t axes = x->rank() - 2;
  WindowDims back{.size = {},
                  .step = w.spread,
                  .dilation = w.dilation,
                  .low = {},
                  .high = {},
                  .spread = w.step,
                  .groups = w.groups};
  Dims flipped;
  for (size_t d = 0; d < axes; ++d) {
    const int64_t reach = window_reach(weight->shape()[2 + d], w.dilation[d]);
    const int64_t low = reach - 1 - w.low[d];
    back.low.push_back(low);
    back.high.push_back((x->shape()[2 + d] - 1) * w.spread[d] + reach - ((g->shape()[2 + d] - 1) * w.step[d] + 1) -
                        low);
    flipped.push_back(static_cast<int64_t>(2 + d));
  }
  const Expr turned = swap_in_groups(flip(operand_of(g, n, 1), flipped), w.groups[0], 0);
  return convolution(g, turned, std::move(back));
}

/// Of the weight: the first operand under the gradient, with batch and channels in each other's place.
Expr of_weight(const Expr& g, const Node* n) {
  const WindowDims& w = *n->attr_as<WindowAttr>().dims;
  const Node *x = n->input(0), *weight = n->input(1);
  const size_t axes = x->rank() - 2;
  WindowDims back{.size = {},
                  .step = w.dilation,
                  .dilation = w.step,
                  .low = w.low,
                  .high = w.high,
                  .spread = w.spread,
                  .groups = w.groups};
  for (size_t d = 0; d < axes; ++d) {
    const int64_t extent = (x->shape()[2 + d] - 1) * w.spread[d] + 1 + w.low[d] + w.high[d];
    // What no window reached.
    back.high[d] -= (extent - window_reach(weight->shape()[2 + d], w.dilation[d])) % w.step[d];
  }
  Dims order{1, 0};
  for (size_t d = 2; d < x->rank(); ++d) order.push_back(static_cast<int64_t>(d));
  const Expr turned = swap_in_groups(operand_of(g, n, 0), w.groups[0], 1);
  return permute(convolution(turned, permute(g, order), std::move(back)), order);
}

/// Which elements over the axes of `n` are the first largest one.
Expr is_first_max(const Place& at, const Node* n) {
  const Dims& axes = n->attr_as<CompositeAttr>().axes;
  const Expr x(at, NodeRef(n->input(0)));
  Shape kept = x->shape();
  Expr place;
  int64_t stride = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    const auto d = static_cast<size_t>(axes[i]);
    const Expr along = make(at, Op::iota, {}, AxesAttr{{axes[i]}}, kInt64, x->shape());
    const Expr part = stride == 1 ? along : along * static_cast<double>(stride);
    place = place ? place + part : part;
    stride *= x->shape()[d];
    kept[d] = 1;
  }
  if (!place) return full(at, kBool, x->shape(), 1);
  return eq(place, expand(reshape(reduce(Op::argmax, x, axes), kept), x->shape()));
}

}  // namespace

Expr of_windows(const Expr& g, const Node* n, size_t) {
  return make(g.at(), Op::fold, {g.get()}, n->attr(), kFloat32, n->input(0)->shape());
}

Expr of_fold(const Expr& g, const Node* n, size_t) {
  return make(g.at(), Op::windows, {g.get()}, n->attr());
}

Expr of_pick_max(const Expr& g, const Node* n, size_t) {
  Shape kept = n->input(0)->shape();
  for (int64_t a : n->attr_as<CompositeAttr>().axes) kept[static_cast<size_t>(a)] = 1;
  return where(is_first_max(g.at(), n), expand(reshape(g, kept), n->input(0)->shape()), 0);
}

Expr tangent_of_pick_max(const Place& at, const Node* n, std::span<const Expr> tangents) {
  return sum(where(is_first_max(at, n), tangents[0], 0), n->attr_as<CompositeAttr>().axes);
}

Expr of_convolution(const Expr& g, const Node* n, size_t operand) {
  const Node* of = n->input(operand);
  if (of->numel() == 0 || n->numel() == 0) return full(g.at(), of->dtype(), of->shape(), 0);
  return operand == 0 ? of_input(g, n) : of_weight(g, n);
}

Expr tangent_of_convolution(const Place& at, const Node* n, std::span<const Expr> tangents) {
  const WindowDims& w = *n->attr_as<WindowAttr>().dims;
  const Expr x(at, NodeRef(n->input(0))), weight(at, NodeRef(n->input(1)));
  const Expr left = tangents[0] ? convolution(tangents[0], weight, w) : Expr();
  const Expr right = tangents[1] ? convolution(x, tangents[1], w) : Expr();
  return left && right ? left + right : left ? left : right;
}

}  // namespace lazuli::ir::gradient
