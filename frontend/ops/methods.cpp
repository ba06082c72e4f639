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

Tensor& Tensor::add_(const Tensor& other, Scalar alpha, Location loc) {
  return add_(other.mul(alpha, loc), loc);
}
Tensor& Tensor::sub_(const Tensor& other, Scalar alpha, Location loc) {
  return sub_(other.mul(alpha, loc), loc);
}

Tensor Tensor::sum(std::optional<DType> dtype, Location loc) const {
  return lazuli::sum(*this, dtype, loc);
}
Tensor Tensor::sum(DimList dim, bool keepdim, std::optional<DType> dtype, Location loc) const {
  return lazuli::sum(*this, dim, keepdim, dtype, loc);
}
Tensor Tensor::prod(std::optional<DType> dtype, Location loc) const {
  return lazuli::prod(*this, dtype, loc);
}
Tensor Tensor::prod(int64_t dim, bool keepdim, std::optional<DType> dtype, Location loc) const {
  return lazuli::prod(*this, dim, keepdim, dtype, loc);
}
Tensor Tensor::mean(std::optional<DType> dtype, Location loc) const {
  return lazuli::mean(*this, dtype, loc);
}
Tensor Tensor::mean(DimList dim, bool keepdim, std::optional<DType> dtype, Location loc) const {
  return lazuli::mean(*this, dim, keepdim, dtype, loc);
}
Tensor Tensor::var(Location loc) const {
  return lazuli::var(*this, loc);
}
Tensor Tensor::var(DimList dim, double correction, bool keepdim, Location loc) const {
  return lazuli::var(*this, dim, correction, keepdim, loc);
}
Tensor Tensor::std(Location loc) const {
  return lazuli::std(*this, loc);
}
Tensor Tensor::std(DimList dim, double correction, bool keepdim, Location loc) const {
  return lazuli::std(*this, dim, correction, keepdim, loc);
}
Tensor Tensor::amax(DimList dim, bool keepdim, Location loc) const {
  return lazuli::amax(*this, dim, keepdim, loc);
}
Tensor Tensor::amin(DimList dim, bool keepdim, Location loc) const {
  return lazuli::amin(*this, dim, keepdim, loc);
}
Tensor Tensor::max(Location loc) const {
  return lazuli::max(*this, loc);
}
Tensor Tensor::min(Location loc) const {
  return lazuli::min(*this, loc);
}
std::pair<Tensor, Tensor> Tensor::max(int64_t dim, bool keepdim, Location loc) const {
  return lazuli::max(*this, dim, keepdim, loc);
}
std::pair<Tensor, Tensor> Tensor::min(int64_t dim, bool keepdim, Location loc) const {
  return lazuli::min(*this, dim, keepdim, loc);
}
Tensor Tensor::max(const Tensor& other, Location loc) const {
  return lazuli::max(*this, other, loc);
}
Tensor Tensor::min(const Tensor& other, Location loc) const {
  return lazuli::min(*this, other, loc);
}
Tensor Tensor::argmax(std::optional<int64_t> dim, bool keepdim, Location loc) const {
  return lazuli::argmax(*this, dim, keepdim, loc);
}
Tensor Tensor::argmin(std::optional<int64_t> dim, bool keepdim, Location loc) const {
  return lazuli::argmin(*this, dim, keepdim, loc);
}
Tensor Tensor::any(DimList dim, bool keepdim, Location loc) const {
  return lazuli::any(*this, dim, keepdim, loc);
}
Tensor Tensor::all(DimList dim, bool keepdim, Location loc) const {
  return lazuli::all(*this, dim, keepdim, loc);
}
Tensor Tensor::norm(Scalar p, Location loc) const {
  return lazuli::norm(*this, p, loc);
}
Tensor Tensor::norm(Scalar p, DimList dim, bool keepdim, Location loc) const {
  return lazuli::norm(*this, p, dim, keepdim, loc);
}
Tensor Tensor::logsumexp(DimList dim, bool keepdim, Location loc) const {
  return lazuli::logsumexp(*this, dim, keepdim, loc);
}
Tensor Tensor::count_nonzero(DimList dim, Location loc) const {
  return lazuli::count_nonzero(*this, dim, loc);
}
Tensor Tensor::matmul(const Tensor& other, Location loc) const {
  return lazuli::matmul(*this, other, loc);
}
Tensor Tensor::mm(const Tensor& other, Location loc) const {
  return lazuli::mm(*this, other, loc);
}
Tensor Tensor::bmm(const Tensor& other, Location loc) const {
  return lazuli::bmm(*this, other, loc);
}
Tensor Tensor::mv(const Tensor& other, Location loc) const {
  return lazuli::mv(*this, other, loc);
}
Tensor Tensor::dot(const Tensor& other, Location loc) const {
  return lazuli::dot(*this, other, loc);
}
Tensor Tensor::outer(const Tensor& other, Location loc) const {
  return lazuli::outer(*this, other, loc);
}
Tensor Tensor::softmax(int64_t dim, std::optional<DType> dtype, Location loc) const {
  return lazuli::softmax(*this, dim, dtype, loc);
}
Tensor Tensor::log_softmax(int64_t dim, std::optional<DType> dtype, Location loc) const {
  return lazuli::log_softmax(*this, dim, dtype, loc);
}
Tensor Tensor::clamp(Scalar min, Location loc) const {
  return lazuli::clamp(*this, min, loc);
}
Tensor Tensor::clamp(Scalar min, std::nullopt_t max, Location loc) const {
  return lazuli::clamp(*this, min, max, loc);
}
Tensor Tensor::clamp(std::nullopt_t min, Scalar max, Location loc) const {
  return lazuli::clamp(*this, min, max, loc);
}
Tensor Tensor::clip(Scalar min, Scalar max, Location loc) const {
  return lazuli::clip(*this, min, max, loc);
}
Tensor Tensor::add(const Tensor& other, Scalar alpha, Location loc) const {
  return lazuli::add(*this, other, alpha, loc);
}
Tensor Tensor::sub(const Tensor& other, Scalar alpha, Location loc) const {
  return lazuli::sub(*this, other, alpha, loc);
}
Tensor Tensor::div(const Tensor& other, std::string_view rounding_mode, Location loc) const {
  return lazuli::div(*this, other, rounding_mode, loc);
}
Tensor Tensor::div(Scalar other, std::string_view rounding_mode, Location loc) const {
  return lazuli::div(*this, other, rounding_mode, loc);
}
Tensor Tensor::isclose(const Tensor& other, double rtol, double atol, bool equal_nan, Location loc) const {
  return lazuli::isclose(*this, other, rtol, atol, equal_nan, loc);
}
bool Tensor::allclose(const Tensor& other, double rtol, double atol, bool equal_nan, Location loc) const {
  return lazuli::allclose(*this, other, rtol, atol, equal_nan, loc);
}
bool Tensor::equal(const Tensor& other, Location loc) const {
  return lazuli::equal(*this, other, loc);
}
std::vector<Tensor> Tensor::split(int64_t split_size, int64_t dim, Location loc) const {
  return lazuli::split(*this, split_size, dim, loc);
}
std::vector<Tensor> Tensor::chunk(int64_t chunks, int64_t dim, Location loc) const {
  return lazuli::chunk(*this, chunks, dim, loc);
}
std::vector<Tensor> Tensor::unbind(int64_t dim, Location loc) const {
  return lazuli::unbind(*this, dim, loc);
}

}  // namespace lazuli
