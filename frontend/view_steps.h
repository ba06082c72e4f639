// What the steps of a view do to values: reading through them, and writing back.
//
// Two steps are more than one movement. A `gather` takes elements `start` + sum of i * step[d] (SliceAttr) of what is
// before it in row-major order: strides that no slices express, overlapping windows among them. A `bitcast` reads the
// bits as another dtype; where sizes differ the last axis grows or shrinks.
#pragma once
#include "frontend/tensor_impl.h"

namespace lazuli {

inline bool is_strided(const ViewStep& s) {
  return s.op == ir::Op::gather;
}
ViewStep strided_step(ir::Shape shape, ir::Dims strides, int64_t offset);
ViewStep bits_step(ir::Shape shape, DType dtype);

/// The value after a step.
ir::NodeRef apply(const ViewStep& step, const ir::NodeRef& before, const Location& loc);

/// How a write through a handle reaches its storage: movements, none of them across elements that overlap. Values are
/// carried as integers where the handle reads bits as another dtype, so that elements which are not written keep
/// theirs.
class WritePath {
 public:
  /// Throws Error(Value) where elements of the handle overlap.
  WritePath(const Tensor& dst, const Location& loc);
  /// What the storage's value becomes when the handle's is `value`.
  ir::NodeRef write(const ir::NodeRef& storage, ir::NodeRef value, const Location& loc) const;

 private:
  std::vector<ViewStep> steps_;
  bool bits_ = false;
};

/// The elements of flat, a row-major tensor without other axes, at `offset` + sum of i * strides: by slices where they
/// express it.
Tensor strided_view(const Tensor& flat, IntArrayRef sizes, IntArrayRef strides, int64_t offset, const Location& loc);
/// A handle on all elements of a tensor's storage, flat and of the tensor's dtype, that is a constant to gradients
/// where the tensor is. Throws Error(Unsupported) where gradients are taken with respect to a part of the storage.
Tensor whole_storage(const Tensor& x, const Location& loc);

/// What is read of a tensor in memory: itself, or, where it shows the bits of floats as another dtype, a copy, in which
/// NaN has its one pattern.
Tensor as_read(const Tensor& t, const Location& loc);

}  // namespace lazuli
