// Elementwise functions that are short compositions, and forms of generated ones with more arguments.
#include <fmt/format.h>

#include <cmath>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/nn.h"
#include "lazuli/order.h"
#include "lazuli/reduce.h"

namespace lazuli {

using ir::NodeRef;
using ir::Op;

Tensor addcmul(const Tensor& x, const Tensor& y, const Tensor& z, Scalar value, Location loc) {
  return addcmul(x, apply(Op::mul, {y, value}, loc), z, loc);
}
Tensor addcdiv(const Tensor& x, const Tensor& y, const Tensor& z, Scalar value, Location loc) {
  return addcdiv(x, apply(Op::mul, {y, value}, loc), z, loc);
}
Tensor rsub(const Tensor& x, const Tensor& y, Scalar alpha, Location loc) {
  return alpha == Scalar(1) ? apply(Op::sub, {y, x}, loc) : apply(Op::sub, {y, apply(Op::mul, {x, alpha}, loc)}, loc);
}
Tensor rsub(const Tensor& x, Scalar y, Scalar alpha, Location loc) {
  return alpha == Scalar(1) ? apply(Op::sub, {y, x}, loc) : apply(Op::sub, {y, apply(Op::mul, {x, alpha}, loc)}, loc);
}
Tensor float_power(const Tensor& x, const Tensor& y, Location loc) {
  return apply(Op::pow, {x.to(kFloat64, loc), y.to(kFloat64, loc)}, loc);
}
Tensor float_power(const Tensor& x, Scalar y, Location loc) {
  return apply(Op::pow, {x.to(kFloat64, loc), y}, loc);
}
Tensor logaddexp2(const Tensor& x, const Tensor& y, Location loc) {
  const Scalar ln2 = M_LN2;
  return apply(Op::logaddexp, {apply(Op::mul, {x, ln2}, loc), apply(Op::mul, {y, ln2}, loc)}, loc).div(ln2, loc);
}
Tensor sinc(const Tensor& x, Location loc) {
  const Build b(loc);
  const NodeRef given = node_of(x);
  const DType type = is_floating(given->dtype()) ? given->dtype() : kDefaultDType;
  const NodeRef n = b.cast(given, is_half(type) ? kFloat32 : type);
  const NodeRef zero = b.op(Op::eq, n, 0.0);
  // The arm that is not taken stays finite, so that its derivative does.
  const NodeRef angle = b.op(Op::mul, b.where(zero, b.number(1, n), n), M_PI);
  return wrap(b.cast(b.where(zero, b.number(1, n), b.op(Op::div, b.op(Op::sin, angle), angle)), type), loc);
}
Tensor ldexp(const Tensor& x, const Tensor& y, Location loc) {
  // An integer exponent takes the type of x: the result of half types stays one.
  const bool convert = is_floating(x.dtype()) && !is_floating(y.dtype());
  return apply(Op::mul, {x, apply(Op::exp2, {convert ? y.to(x.dtype(), loc) : y}, loc)}, loc);
}
Tensor positive(const Tensor& x, Location loc) {
  if (is_bool(x.dtype()))
    throw Error(ErrorKind::DType, "The `+` operator, on a bool tensor is not supported.", {}, loc);
  return x;
}
Tensor sgn(const Tensor& x, Location loc) {
  return sign(x, loc);
}
Tensor round(const Tensor& x, int64_t decimals, Location loc) {
  if (decimals == 0) return lazuli::round(x, loc);
  const Scalar scale = std::pow(10.0, static_cast<double>(std::abs(decimals)));
  const Tensor scaled = decimals > 0 ? x.mul(scale, loc) : x.div(scale, loc);
  const Tensor whole = lazuli::round(scaled, loc);
  return decimals > 0 ? whole.div(scale, loc) : whole.mul(scale, loc);
}
Tensor nan_to_num(const Tensor& x, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf, Location loc) {
  if (!is_floating(x.dtype())) return x.clone(loc);
  const Build b(loc);
  const NodeRef n = node_of(x), limited = b.op(Op::nan_to_num, n);
  const auto instead = [&](Op test, const std::optional<double>& v, const NodeRef& rest) {
    return v ? b.where(b.op(test, n), b.number(*v, n), rest) : rest;
  };
  return wrap(instead(Op::isnan, nan, instead(Op::isposinf, posinf, instead(Op::isneginf, neginf, limited))), loc);
}
Tensor angle(const Tensor& x, Location loc) {
  const DType type = is_floating(x.dtype()) ? x.dtype() : kDefaultDType;
  const Build b(loc);
  const NodeRef n = b.op(Op::stop_gradient, cast_to(node_of(x), type, loc));
  const NodeRef flat = b.where(b.op(Op::lt, n, 0.0), b.number(M_PI, n), b.number(0, n));
  return wrap(b.where(b.op(Op::isnan, n), n, flat), loc);
}
Tensor real(const Tensor& x, Location) {
  return x;
}
Tensor conj(const Tensor& x, Location) {
  return x;
}
Tensor isreal(const Tensor& x, Location loc) {
  return full(x.sizes(), true, TensorOptions(kBool).device(x.device()), loc);
}
bool is_nonzero(const Tensor& x, Location loc) {
  if (x.numel() == 1) return x.ne(Scalar(0), loc).item<bool>(loc);
  throw Error(ErrorKind::Value,
              x.numel() == 0 ? "Boolean value of Tensor with no values is ambiguous"
                             : "Boolean value of Tensor with more than one value is ambiguous",
              "reduce it with any() or all()", loc);
}
Tensor fill(const Tensor& x, Scalar value, Location loc) {
  return full(x.sizes(), value, TensorOptions(x.dtype()).device(x.device()), loc);
}
Tensor fill(const Tensor& x, const Tensor& value, Location loc) {
  if (value.dim() != 0)
    throw Error(
        ErrorKind::Shape,
        fmt::format("fill only supports 0-dimension value tensor but got tensor with {} dimensions.", value.dim()), {},
        loc);
  return wrap_result(expand_to(cast_to(node_of(value), x.dtype(), loc), ir::Shape(x.sizes()), loc), loc);
}
Tensor isin(const Tensor& elements, const Tensor& test_elements, bool, bool invert, Location loc) {
  const DType type = promote_types(elements.dtype(), test_elements.dtype());
  const Tensor x = elements.to(type, loc), set = test_elements.reshape({-1}, loc).to(type, loc);
  const int64_t n = set.numel();
  Tensor found;
  if (n == 0) {
    found = apply(Op::ne, {x, x}, loc).logical_and(apply(Op::eq, {x, x}, loc), loc);
  } else if (n <= 16) {
    found = any(apply(Op::eq, {x.unsqueeze(-1, loc), set}, loc), -1, false, loc);
  } else {  // the element of the sorted set where x would stand
    const Tensor sorted = sort(set, 0, false, loc).first;
    const Tensor at = searchsorted(sorted, x, false, false, loc).clamp(std::nullopt, Scalar(n - 1), loc);
    found = apply(Op::eq, {sorted.take(at, loc), x}, loc);
  }
  return invert ? found.logical_not(loc) : found;
}

}  // namespace lazuli
