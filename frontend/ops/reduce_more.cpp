// Reductions that are made of others, and the out forms.
#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/axes.h"
#include "lazuli/generated/ops.h"
#include "lazuli/reduce.h"

namespace lazuli {

using ir::NodeRef;
using ir::Op;

std::pair<Tensor, Tensor> aminmax(const Tensor& x, std::optional<int64_t> dim, bool keepdim, Location loc) {
  if (dim ? x.dim() > 0 && x.size(*dim, loc) == 0 : x.numel() == 0)
    throw Error(
        ErrorKind::Shape,
        dim ? fmt::format("aminmax: Expected reduction dim {} to have non-zero size.", wrap_dim(*dim, x.dim(), loc))
            : "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.",
        {}, loc);
  if (dim) return {amin(x, *dim, keepdim, loc), amax(x, *dim, keepdim, loc)};
  return {amin(x, {}, keepdim, loc), amax(x, {}, keepdim, loc)};
}

namespace {

/// x with 0 in the place of NaN.
Tensor without_nan(const Tensor& x, const Location& loc) {
  if (!is_floating(x.dtype())) return x;
  const Build b(loc);
  const NodeRef n = node_of(x);
  return wrap(b.where(b.op(Op::isnan, n), b.number(0, n), n), loc);
}

}  // namespace

Tensor nansum(const Tensor& x, DimList dim, bool keepdim, OptionalDType dtype, Location loc) {
  return sum(without_nan(x, loc), dim, keepdim, dtype, loc);
}
Tensor nanmean(const Tensor& x, DimList dim, bool keepdim, OptionalDType dtype, Location loc) {
  const DType type = dtype.value_or(x.dtype());
  if (!is_floating(type))
    throw Error(ErrorKind::DType,
                fmt::format("nanmean(): expected input to have floating point or complex dtype but got {}", name(type)),
                "convert the input with to(kFloat32)", loc);
  const Tensor numbers = sum(x.eq(x, loc), dim, keepdim, {}, loc);
  return nansum(x, dim, keepdim, type, loc).div(numbers.to(type, loc), loc);
}

std::pair<Tensor, Tensor> var_mean(const Tensor& x, DimList dim, double correction, bool keepdim, Location loc) {
  return {var(x, dim, correction, keepdim, loc), mean(x, dim, keepdim, {}, loc)};
}
std::pair<Tensor, Tensor> std_mean(const Tensor& x, DimList dim, double correction, bool keepdim, Location loc) {
  return {lazuli::std(x, dim, correction, keepdim, loc), mean(x, dim, keepdim, {}, loc)};
}

Tensor norm(const Tensor& x, Scalar p, DimList dim, bool keepdim, DType dtype, Location loc) {
  return norm(x.to(dtype, loc), p, dim, keepdim, loc);
}
Tensor dist(const Tensor& x, const Tensor& y, Scalar p, Location loc) {
  return norm(x.sub(y, loc), p, loc);
}

Tensor& prod_out(Tensor& out, const Tensor& x, int64_t dim, bool keepdim, OptionalDType dtype, Location loc) {
  return write_out(out, prod(x, dim, keepdim, dtype, loc), loc);
}
Tensor& var_out(Tensor& out, const Tensor& x, DimList dim, double correction, bool keepdim, Location loc) {
  return write_out(out, var(x, dim, correction, keepdim, loc), loc);
}
Tensor& std_out(Tensor& out, const Tensor& x, DimList dim, double correction, bool keepdim, Location loc) {
  return write_out(out, lazuli::std(x, dim, correction, keepdim, loc), loc);
}
Tensor& amax_out(Tensor& out, const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return write_out(out, amax(x, dim, keepdim, loc), loc);
}
Tensor& amin_out(Tensor& out, const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return write_out(out, amin(x, dim, keepdim, loc), loc);
}
Tensor& argmax_out(Tensor& out, const Tensor& x, std::optional<int64_t> dim, bool keepdim, Location loc) {
  return write_out(out, argmax(x, dim, keepdim, loc), loc);
}
Tensor& argmin_out(Tensor& out, const Tensor& x, std::optional<int64_t> dim, bool keepdim, Location loc) {
  return write_out(out, argmin(x, dim, keepdim, loc), loc);
}
Tensor& any_out(Tensor& out, const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return write_out(out, any(x, dim, keepdim, loc), loc);
}
Tensor& all_out(Tensor& out, const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return write_out(out, all(x, dim, keepdim, loc), loc);
}
Tensor& norm_out(Tensor& out, const Tensor& x, Scalar p, DimList dim, bool keepdim, Location loc) {
  return write_out(out, norm(x, p, dim, keepdim, loc), loc);
}
Tensor& logsumexp_out(Tensor& out, const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return write_out(out, logsumexp(x, dim, keepdim, loc), loc);
}

Tensor Tensor::prod(DimList dim, bool keepdim, std::optional<DType> dtype, Location loc) const {
  return lazuli::prod(*this, dim, keepdim, dtype, loc);
}
std::pair<Tensor, Tensor> Tensor::aminmax(std::optional<int64_t> dim, bool keepdim, Location loc) const {
  return lazuli::aminmax(*this, dim, keepdim, loc);
}
Tensor Tensor::nansum(DimList dim, bool keepdim, std::optional<DType> dtype, Location loc) const {
  return lazuli::nansum(*this, dim, keepdim, dtype, loc);
}
Tensor Tensor::nanmean(DimList dim, bool keepdim, std::optional<DType> dtype, Location loc) const {
  return lazuli::nanmean(*this, dim, keepdim, dtype, loc);
}
Tensor Tensor::norm(Scalar p, DimList dim, bool keepdim, DType dtype, Location loc) const {
  return lazuli::norm(*this, p, dim, keepdim, dtype, loc);
}
Tensor Tensor::dist(const Tensor& other, Scalar p, Location loc) const {
  return lazuli::dist(*this, other, p, loc);
}

}  // namespace lazuli
