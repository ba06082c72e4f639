// Gradients of cast and movement: linear ops, whose gradients are their transposes.
#include "ir/ops/gradients.h"

namespace lazuli::ir::gradient {
namespace {

Dims filled(size_t count, int64_t v) {
  Dims dims;
  for (size_t i = 0; i < count; ++i) dims.push_back(v);
  return dims;
}

Expr zeros_like(const Place& at, const Node* n) {
  return full(at, n->dtype(), n->shape(), 0);
}

}  // namespace

Expr tangent_of_linear(const Place& at, const Node* n, std::span<const Expr> tangents) {
  std::vector<NodeRef> inputs;
  NodeSpec spec{.op = n->op(),
                .inputs = {},
                .attr = n->attr(),
                .dtype = n->dtype(),
                .shape = n->shape(),
                .device = n->device(),
                .payload = nullptr,
                .origin = at.origin};
  for (size_t i = 0; i < tangents.size(); ++i) {
    const Node* x = n->input(i);
    inputs.push_back(!is_floating(x->dtype()) ? NodeRef(x)
                     : tangents[i]            ? tangents[i].node()
                                              : zeros_like(at, x).node());
    spec.inputs.push_back(inputs.back().get());
  }
  return {at, at.interner.make(std::move(spec))};
}

Expr of_to(const Expr& g, const Node* n, size_t) {
  return {g.at(),
          g.at().interner.make(
              {.op = Op::to, .inputs = {g.node().get()}, .device = n->input(0)->device(), .origin = g.at().origin})};
}

Expr of_cast(const Expr& g, const Node* n, size_t) {
  return cast(g, n->input(0)->dtype());
}

Expr of_reshape(const Expr& g, const Node* n, size_t) {
  return reshape(g, n->input(0)->shape());
}

Expr of_permute(const Expr& g, const Node* n, size_t) {
  const Dims& axes = n->attr_as<AxesAttr>().axes;
  Dims inverse = axes;
  for (size_t i = 0; i < axes.size(); ++i) inverse[static_cast<size_t>(axes[i])] = static_cast<int64_t>(i);
  return permute(g, inverse);
}

Expr of_expand(const Expr& g, const Node* n, size_t) {
  const Shape& from = n->input(0)->shape();
  const size_t lead = n->rank() - from.size();
  Dims axes;
  for (size_t d = 0; d < n->rank(); ++d)
    if (d < lead || (from[d - lead] == 1 && n->shape()[d] != 1)) axes.push_back(static_cast<int64_t>(d));
  return reshape(sum(g, axes), from);
}

Expr of_slice(const Expr& g, const Node* n, size_t) {
  const auto& [start, step] = n->attr_as<SliceAttr>();
  const Shape& from = n->input(0)->shape();
  Dims high;
  for (size_t d = 0; d < from.size(); ++d) {
    if (step[d] != 1) return slice_update(zeros_like(g.at(), n->input(0)), g, start, step);
    high.push_back(from[d] - start[d] - n->shape()[d]);
  }
  return pad(g, start, high, 0);
}

Expr of_flip(const Expr& g, const Node* n, size_t) {
  return flip(g, n->attr_as<AxesAttr>().axes);
}

Expr of_pad(const Expr& g, const Node* n, size_t operand) {
  const PadAttr& attr = n->attr_as<PadAttr>();
  const Node* x = n->input(0);
  const Dims steps = filled(n->rank(), 1);
  if (operand == 0) return slice(g, attr.low, steps, x->shape());
  // What surrounds the operand, each element once.
  const Expr around = x->numel() == 0 ? g : slice_update(g, zeros_like(g.at(), x), attr.low, steps);
  Dims all;
  for (size_t d = 0; d < n->rank(); ++d) all.push_back(static_cast<int64_t>(d));
  return sum(around, all);
}

Expr of_concat(const Expr& g, const Node* n, size_t operand) {
  const auto axis = static_cast<size_t>(n->attr_as<AxesAttr>().axes[0]);
  Dims start = filled(n->rank(), 0);
  for (size_t i = 0; i < operand; ++i) start[axis] += n->input(i)->shape()[axis];
  return slice(g, start, filled(n->rank(), 1), n->input(operand)->shape());
}

Expr of_slice_update(const Expr& g, const Node* n, size_t operand) {
  const auto& [start, step] = n->attr_as<SliceAttr>();
  const Node* part = n->input(1);
  if (operand == 1) return slice(g, start, step, part->shape());
  return part->numel() == 0 ? g : slice_update(g, zeros_like(g.at(), part), start, step);
}

}  // namespace lazuli::ir::gradient
