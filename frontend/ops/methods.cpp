// Methods that are functions with the tensor as first argument, and the conversions.
#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/cuda.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/join.h"
#include "lazuli/matmul.h"
#include "lazuli/nn.h"
#include "lazuli/reduce.h"

namespace lazuli {

Tensor Tensor::to(DType dtype, Location loc) const {
  if (dtype == this->dtype()) return *this;
  if (!is_supported(dtype))
    throw Error(ErrorKind::Unsupported, fmt::format("to: element type {} is not supported", name(dtype)), {}, loc);
  return wrap_result(cast_to(node_of(*this), dtype, loc), loc);
}
Tensor Tensor::to(Device device, Location loc) const {
  if (device == this->device()) return *this;
  if (device.is_cuda()) need_cuda("to", device, loc);
  const ir::NodeRef from = node_of(*this);
  return wrap_result(make_node({.op = ir::Op::to, .inputs = {from.get()}, .device = device}, loc), loc);
}
Tensor Tensor::to(TensorOptions options, Location loc) const {
  if (options.requires_grad())
    throw Error(ErrorKind::Value,
                "to(options) expects unset requires_grad flag, but got options.requires_grad set as true",
                "call requires_grad_() on the result", loc);
  return to(options.device_or(device()), loc).to(options.dtype_or(dtype()), loc);
}
Tensor Tensor::to(const Tensor& other, Location loc) const {
  return to(other.device(), loc).to(other.dtype(), loc);
}
Tensor Tensor::type_as(const Tensor& other, Location loc) const {
  return to(other, loc);
}
Tensor Tensor::cpu(Location loc) const {
  return to(kCPU, loc);
}

Tensor Tensor::new_zeros(IntArrayRef sizes, TensorOptions o, Location loc) const {
  return zeros(sizes, o.dtype(o.dtype_or(dtype())).device(o.device_or(device())), loc);
}
Tensor Tensor::new_ones(IntArrayRef sizes, TensorOptions o, Location loc) const {
  return ones(sizes, o.dtype(o.dtype_or(dtype())).device(o.device_or(device())), loc);
}
Tensor Tensor::new_empty(IntArrayRef sizes, TensorOptions o, Location loc) const {
  return lazuli::empty(sizes, o.dtype(o.dtype_or(dtype())).device(o.device_or(device())), loc);
}
Tensor Tensor::new_full(IntArrayRef sizes, Scalar value, TensorOptions o, Location loc) const {
  return full(sizes, value, o.dtype(o.dtype_or(dtype())).device(o.device_or(device())), loc);
}

}  // namespace lazuli
