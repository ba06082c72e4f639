// Compositions on nodes.
#include "frontend/build.h"

#include "frontend/apply.h"

namespace lazuli {

using ir::Dims;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

NodeRef on_device(NodeRef leaf, Device device, const Location& loc) {
  if (leaf->device() == device) return leaf;
  ir::NodeSpec spec;
  spec.op = leaf->op();
  spec.attr = leaf->attr();
  spec.dtype = leaf->dtype();
  spec.device = device;
  spec.payload = leaf->payload();
  return make_node(std::move(spec), loc);
}

NodeRef Build::op(Op op, const NodeRef& a, const NodeRef& b) const {
  const Shape shape = broadcast_or_throw(ir::name(op), a->shape(), b->shape(), loc_);
  return make_node(op, {expand(a, shape).get(), expand(b, shape).get()}, ir::NoAttr{}, loc_);
}

NodeRef Build::where(const NodeRef& condition, const NodeRef& a, const NodeRef& b) const {
  Shape shape = broadcast_or_throw("where", a->shape(), b->shape(), loc_);
  shape = broadcast_or_throw("where", condition->shape(), shape, loc_);
  return make_node(Op::where, {expand(condition, shape).get(), expand(a, shape).get(), expand(b, shape).get()},
                   ir::NoAttr{}, loc_);
}

NodeRef Build::permute(const NodeRef& x, const Dims& axes) const {
  return make_node(Op::permute, {x.get()}, ir::AxesAttr{axes}, loc_);
}

NodeRef Build::concat(const std::vector<NodeRef>& parts, int64_t axis) const {
  ir::NodeSpec spec;
  spec.op = Op::concat;
  for (const NodeRef& p : parts) spec.inputs.push_back(p.get());
  spec.attr = ir::AxesAttr{{axis}};
  return make_node(std::move(spec), loc_);
}

NodeRef Build::slice(const NodeRef& x, size_t axis, int64_t start, int64_t size) const {
  ir::NodeSpec spec;
  spec.op = Op::slice;
  spec.inputs.push_back(x.get());
  spec.shape = x->shape();
  spec.shape[axis] = size;
  ir::SliceAttr attr{Dims(x->rank(), 0), Dims(x->rank(), 1)};
  attr.start[axis] = start;
  spec.attr = std::move(attr);
  return make_node(std::move(spec), loc_);
}

NodeRef Build::iota(const Shape& shape, int64_t axis, DType dtype, Device device) const {
  ir::NodeSpec spec;
  spec.op = Op::iota;
  spec.attr = ir::AxesAttr{{axis}};
  spec.dtype = dtype;
  spec.shape = shape;
  spec.device = device;
  return make_node(std::move(spec), loc_);
}

NodeRef Build::keep_axes(NodeRef reduced, const NodeRef& x, const Dims& axes) const {
  Shape shape = x->shape();
  for (int64_t a : axes) shape[static_cast<size_t>(a)] = 1;
  return reshape(reduced, shape);
}

NodeRef Build::reduce(Op op, const NodeRef& x, const Dims& axes, bool keep) const {
  NodeRef r = make_node(op, {x.get()}, ir::AxesAttr{axes}, loc_);
  return keep ? keep_axes(std::move(r), x, axes) : r;
}

NodeRef Build::composite(Op op, const NodeRef& x, const Dims& axes, double number, bool keep) const {
  NodeRef r = make_node(op, {x.get()}, ir::CompositeAttr{axes, number}, loc_);
  return keep ? keep_axes(std::move(r), x, axes) : r;
}

}  // namespace lazuli
