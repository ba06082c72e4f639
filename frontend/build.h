// Compositions on nodes: what softmax-like functions of the frontend are written with. Operands have one type
// (constants take it), and broadcast.
#pragma once
#include "frontend/tensor_impl.h"

namespace lazuli {

/// The same 0-d leaf (argument, constant) on a device.
ir::NodeRef on_device(ir::NodeRef leaf, Device device, const Location& loc);

class Build {
 public:
  /// Keeps a reference: lives no longer than the call that it serves.
  explicit Build(const Location& loc) : loc_(loc) {}

  ir::NodeRef op(ir::Op op, const ir::NodeRef& a) const { return make_node(op, {a.get()}, ir::NoAttr{}, loc_); }
  ir::NodeRef op(ir::Op op, const ir::NodeRef& a, const ir::NodeRef& b) const;
  ir::NodeRef op(ir::Op op, const ir::NodeRef& a, double b) const { return this->op(op, a, number(b, a)); }
  ir::NodeRef op(ir::Op op, double a, const ir::NodeRef& b) const { return this->op(op, number(a, b), b); }
  ir::NodeRef where(const ir::NodeRef& condition, const ir::NodeRef& a, const ir::NodeRef& b) const;

  /// A constant of the composition itself, of the type and on the device of another operand. Numbers of the user are
  /// argument().
  ir::NodeRef number(double v, const ir::NodeRef& like) const {
    return on_device(constant(v, like->dtype(), loc_), like->device(), loc_);
  }
  ir::NodeRef integer(int64_t v, const ir::NodeRef& like) const { return integer(v, like, like->dtype()); }
  ir::NodeRef integer(int64_t v, const ir::NodeRef& like, DType dtype) const {
    return on_device(constant(v, dtype, loc_), like->device(), loc_);
  }
  ir::NodeRef cast(const ir::NodeRef& x, DType dtype) const { return cast_to(x, dtype, loc_); }
  ir::NodeRef expand(const ir::NodeRef& x, const ir::Shape& shape) const { return expand_to(x, shape, loc_); }
  ir::NodeRef reshape(const ir::NodeRef& x, const ir::Shape& shape) const { return reshape_to(x, shape, loc_); }
  ir::NodeRef permute(const ir::NodeRef& x, const ir::Dims& axes) const;
  ir::NodeRef concat(const std::vector<ir::NodeRef>& parts, int64_t axis) const;
  ir::NodeRef slice(const ir::NodeRef& x, size_t axis, int64_t start, int64_t size) const;
  ir::NodeRef iota(const ir::Shape& shape, int64_t axis, DType dtype, Device device) const;
  /// Over ascending axes; `keep` leaves them as size 1.
  ir::NodeRef reduce(ir::Op op, const ir::NodeRef& x, const ir::Dims& axes, bool keep) const;
  /// mean, var, logsumexp likewise; softmax and log_softmax over one axis keep the shape.
  ir::NodeRef composite(ir::Op op, const ir::NodeRef& x, const ir::Dims& axes, double number, bool keep) const;

 private:
  ir::NodeRef keep_axes(ir::NodeRef reduced, const ir::NodeRef& x, const ir::Dims& axes) const;
  const Location& loc_;
};

}  // namespace lazuli
