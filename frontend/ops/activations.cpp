// Activation functions as compositions. Each arm of a selection sees only what it is taken for, so that the other's
// infinities reach no derivative; kinks belong to the arm that PyTorch gives them to.
#include "lazuli/activations.h"

#include <fmt/format.h>

#include <cmath>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;

/// Half types are computed in float32 and rounded once.
struct Wide {
  NodeRef node;
  DType result;
};
Wide wide(const char* kernel, const Tensor& x, const Location& loc) {
  const NodeRef n = node_of(x);
  if (!is_floating(n->dtype()))
    throw Error(ErrorKind::DType, fmt::format("\"{}\" not implemented for '{}'", kernel, torch_name(n->dtype())),
                "convert the input with to(kFloat32)", loc);
  return {cast_to(n, is_half(n->dtype()) ? kFloat32 : n->dtype(), loc), n->dtype()};
}

Tensor done(const Build& b, const NodeRef& n, DType type, const Location& loc) {
  return wrap_result(b.cast(n, type), loc);
}

Tensor exponential_below(const char* kernel, const Tensor& x, double alpha, double scale, double input_scale,
                         const Location& loc) {
  const Build b(loc);
  const auto [n, type] = wide(kernel, x, loc);
  const NodeRef below = b.op(Op::le, n, 0.0), safe = b.where(below, n, b.number(0, n));
  const NodeRef bent = b.op(Op::mul, b.op(Op::expm1, b.op(Op::mul, safe, input_scale)), alpha * scale);
  return done(b, b.where(below, bent, b.op(Op::mul, n, scale)), type, loc);
}

}  // namespace

Tensor elu(const Tensor& x, Scalar alpha, Scalar scale, Scalar input_scale, Location loc) {
  return exponential_below("elu_cpu", x, alpha.to_double(), scale.to_double(), input_scale.to_double(), loc);
}
Tensor selu(const Tensor& x, Location loc) {
  return exponential_below("elu_cpu", x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1, loc);
}
Tensor celu(const Tensor& x, Scalar alpha, Location loc) {
  if (alpha.to_double() == 0) throw Error(ErrorKind::Value, "ZeroDivisionError: alpha cannot be 0 for CELU", {}, loc);
  return exponential_below("elu_cpu", x, alpha.to_double(), 1, 1 / alpha.to_double(), loc);
}

Tensor mish(const Tensor& x, Location loc) {
  const Build b(loc);
  const auto [n, type] = wide("mish_cpu", x, loc);
  return done(b, b.op(Op::mul, n, b.op(Op::tanh, b.op(Op::softplus, n))), type, loc);
}
Tensor log_sigmoid(const Tensor& x, Location loc) {
  const Build b(loc);
  const auto [n, type] = wide("log_sigmoid_cpu", x, loc);
  return done(b, b.op(Op::neg, b.op(Op::softplus, b.op(Op::neg, n))), type, loc);
}
Tensor softsign(const Tensor& x, Location loc) {
  return apply(Op::div, {x, apply(Op::add, {apply(Op::abs, {x}, loc), 1}, loc)}, loc);
}
Tensor tanhshrink(const Tensor& x, Location loc) {
  return apply(Op::sub, {x, apply(Op::tanh, {x}, loc)}, loc);
}

Tensor hardtanh(const Tensor& x, Scalar min_val, Scalar max_val, Location loc) {
  if (is_bool(x.dtype()))
    throw Error(ErrorKind::DType, "Bool inputs not supported for hardtanh", "convert it with to(kFloat32)", loc);
  // Strictly between the limits; they themselves have no gradient.
  const Tensor low = apply(Op::le, {x, min_val}, loc), high = apply(Op::ge, {x, max_val}, loc);
  return apply(Op::where, {low, min_val, apply(Op::where, {high, max_val, x}, loc)}, loc).to(x.dtype(), loc);
}
Tensor relu6(const Tensor& x, Location loc) {
  return hardtanh(x, 0, 6, loc);
}
Tensor hardsigmoid(const Tensor& x, Location loc) {
  const Build b(loc);
  const auto [n, type] = wide("hardsigmoid_cpu", x, loc);
  const NodeRef low = b.op(Op::le, n, -3.0), high = b.op(Op::ge, n, 3.0);
  const NodeRef line = b.op(Op::div, b.op(Op::add, n, 3.0), 6.0);
  return done(b, b.where(low, b.number(0, n), b.where(high, b.number(1, n), line)), type, loc);
}
Tensor hardswish(const Tensor& x, Location loc) {
  const Build b(loc);
  const auto [n, type] = wide("hardswish_cpu", x, loc);
  const NodeRef low = b.op(Op::lt, n, -3.0), high = b.op(Op::gt, n, 3.0);
  const NodeRef bent = b.op(Op::div, b.op(Op::mul, n, b.op(Op::add, n, 3.0)), 6.0);
  return done(b, b.where(low, b.number(0, n), b.where(high, n, bent)), type, loc);
}
Tensor threshold(const Tensor& x, Scalar threshold, Scalar value, Location loc) {
  const Tensor below = apply(Op::le, {x, threshold}, loc);
  return apply(Op::where, {below, value, x}, loc).to(x.dtype(), loc);
}
Tensor hardshrink(const Tensor& x, Scalar lambd, Location loc) {
  const double limit = lambd.to_double();
  const Build b(loc);
  const auto [n, type] = wide("hardshrink_cpu", x, loc);
  const NodeRef inside = b.op(Op::logical_and, b.op(Op::ge, n, -limit), b.op(Op::le, n, limit));
  return done(b, b.where(inside, b.number(0, n), n), type, loc);
}
Tensor softshrink(const Tensor& x, Scalar lambd, Location loc) {
  const double limit = lambd.to_double();
  if (!(limit >= 0))
    throw Error(ErrorKind::Value, fmt::format("lambda must be greater or equal to 0, but found to be {}.", limit), {},
                loc);
  const Build b(loc);
  const auto [n, type] = wide("softshrink_cpu", x, loc);
  const NodeRef above = b.op(Op::gt, n, limit), below = b.op(Op::lt, n, -limit), isnan = b.op(Op::isnan, n);
  const NodeRef rest = b.where(isnan, n, b.number(0, n));
  return done(b, b.where(above, b.op(Op::sub, n, limit), b.where(below, b.op(Op::add, n, limit), rest)), type, loc);
}

Tensor prelu(const Tensor& x, const Tensor& weight, Location loc) {
  if (x.dtype() != weight.dtype())
    throw Error(
        ErrorKind::DType,
        fmt::format("prelu: Type promoting not supported. Got {} and {}", name(x.dtype()), name(weight.dtype())),
        "convert one of them with to()", loc);
  Tensor slope = weight;
  if (weight.dim() == 1 && weight.numel() != 1) {
    const int64_t channels = x.dim() < 2 ? 1 : x.size(1);
    if (channels != weight.numel())
      throw Error(ErrorKind::Shape,
                  fmt::format("Mismatch of parameter numbers and input channel size. Found parameter numbers = {} and "
                              "channel size = {}.",
                              weight.numel(), channels),
                  {}, loc);
    std::vector<int64_t> sizes(static_cast<size_t>(x.dim()), 1);
    sizes[1] = channels;
    slope = weight.reshape(sizes, loc);
  } else if (weight.numel() == 1) {
    slope = weight.reshape({}, loc);
  }
  const Tensor positive = apply(Op::gt, {x, 0}, loc);
  return apply(Op::where, {positive, x, apply(Op::mul, {slope, x}, loc)}, loc);
}

Tensor glu(const Tensor& x, int64_t dim, Location loc) {
  if (x.dim() == 0) throw Error(ErrorKind::Shape, "glu does not support 0-dimensional tensors", {}, loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc), size = x.size(axis);
  if (size % 2 != 0)
    throw Error(ErrorKind::Shape,
                fmt::format("Halving dimension must be even, but dimension {} is size {}", axis, size), {}, loc);
  return x.narrow(axis, 0, size / 2, loc).mul(x.narrow(axis, size / 2, size / 2, loc).sigmoid(loc), loc);
}

}  // namespace lazuli
