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

}  // namespace lazuli
