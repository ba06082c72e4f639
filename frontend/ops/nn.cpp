// Functions of neural networks, and variants of elementwise functions that take further arguments.
#include "lazuli/nn.h"

#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"
#include "lazuli/reduce.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;
using ir::Shape;

Tensor softmax_like(std::string_view kernel, Op op, const Tensor& x, int64_t dim, std::optional<DType> dtype,
                    const Location& loc) {
  const Build b(loc);
  NodeRef n = node_of(x);
  if (dtype) n = b.cast(n, *dtype);
  if (!is_floating(n->dtype()))
    throw Error(ErrorKind::DType, fmt::format("\"{}\" not implemented for '{}'", kernel, torch_name(n->dtype())),
                "convert the input with to(kFloat32), or pass a float dtype", loc);
  const int64_t axis = wrap_dim(dim, static_cast<int64_t>(n->rank()), loc);
  const Shape shape = n->shape();
  if (shape.empty()) n = b.reshape(n, {1});
  n = b.reshape(b.composite(op, n, {axis}, 0, false), shape);
  return wrap_result(std::move(n), loc);
}

Tensor scaled(const Tensor& y, Scalar alpha, const Location& loc) {
  if (alpha.is_floating() && !is_floating(y.dtype()))
    throw Error(ErrorKind::DType, "For integral input tensors, argument alpha must not be a floating point number.", {},
                loc);
  return alpha == Scalar(1) ? y : apply(Op::mul, {y, alpha}, loc);
}

Tensor divided(const Tensor& x, const Operand& y, std::string_view mode, const Location& loc) {
  if (mode == "floor") return apply(Op::floor_divide, {x, y}, loc);
  if (mode != "trunc")
    throw Error(ErrorKind::Value,
                fmt::format("div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{}'", mode),
                {}, loc);
  const Operand both[] = {x, y};
  const DType type = result_type(both);
  if (is_floating(type)) return apply(Op::trunc, {apply(Op::div, {x, y}, loc)}, loc);
  // Exact: x - fmod(x, y) is a multiple of y, so its floor division is the truncated quotient.
  const Tensor rest = apply(Op::fmod, {x, y}, loc);
  const Tensor whole = wrap(cast_to(node_of(x), type, loc), loc);  // no bool, which is not subtracted from
  return apply(Op::floor_divide, {apply(Op::sub, {whole, rest}, loc), y}, loc);
}

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype, Location loc) {
  return softmax_like("softmax_kernel_impl", Op::softmax, x, dim, dtype, loc);
}
Tensor log_softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype, Location loc) {
  return softmax_like("log_softmax_kernel_impl", Op::log_softmax, x, dim, dtype, loc);
}

Tensor layer_norm(const Tensor& x, IntArrayRef normalized_shape, const Tensor& weight, const Tensor& bias, double eps,
                  Location loc) {
  const NodeRef n = node_of(x);
  if (normalized_shape.empty())
    throw Error(
        ErrorKind::Shape,
        "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
        "normalized_shape = []",
        {}, loc);
  const size_t axes = normalized_shape.size();
  bool fits = n->rank() >= axes;
  for (size_t i = 0; fits && i < axes; ++i) fits = n->shape()[n->rank() - axes + i] == normalized_shape[i];
  const Shape row(std::span<const int64_t>{normalized_shape});
  if (!fits) {
    std::string tail;
    for (int64_t d : normalized_shape) tail += fmt::format(", {}", d);
    throw Error(ErrorKind::Shape,
                fmt::format("Given normalized_shape={}, expected input with shape [*{}], but got input of size{}",
                            ir::str(row), tail, ir::str(n->shape())),
                {}, loc);
  }
  if (!is_floating(n->dtype()))
    throw Error(ErrorKind::DType,
                fmt::format("\"LayerNormKernelImpl\" not implemented for '{}'", torch_name(n->dtype())),
                "convert the input with to(kFloat32)", loc);
  const auto parameter = [&](const Tensor& t, std::string_view what) {
    const NodeRef p = node_of(t);
    if (!(p->shape() == row))
      throw Error(ErrorKind::Shape,
                  fmt::format("Expected {} to be of same shape as normalized_shape, but got {} of shape {} and "
                              "normalized_shape = {}",
                              what, what, ir::str(p->shape()), ir::str(row)),
                  {}, loc);
    return cast_to(p, n->dtype(), loc);
  };
  ir::NodeSpec spec;
  spec.op = Op::layer_norm;
  spec.inputs.push_back(n.get());
  ir::CompositeAttr attr{{}, eps};
  for (size_t i = n->rank() - axes; i < n->rank(); ++i) attr.axes.push_back(static_cast<int64_t>(i));
  spec.attr = std::move(attr);
  NodeRef w, c;
  if (weight.defined()) w = parameter(weight, "weight");
  if (bias.defined()) {
    c = parameter(bias, "bias");
    if (!w) w = expand_to(on_device(constant(1, n->dtype(), loc), n->device(), loc), row, loc);
  }
  if (w) spec.inputs.push_back(w.get());
  if (c) spec.inputs.push_back(c.get());
  return wrap_result(make_node(std::move(spec), loc), loc);
}

Tensor gelu(const Tensor& x, std::string_view approximate, Location loc) {
  if (approximate == "none") return apply(Op::gelu, {x}, loc);
  if (approximate == "tanh") return apply(Op::gelu_tanh, {x}, loc);
  throw Error(ErrorKind::Value, "approximate argument must be either none or tanh.",
              fmt::format("it is \"{}\"", approximate), loc);
}

Tensor leaky_relu(const Tensor& x, Scalar negative_slope, Location loc) {
  const Tensor positive = apply(Op::gt, {x, 0}, loc);
  return apply(Op::where, {positive, x, apply(Op::mul, {x, negative_slope}, loc)}, loc);
}

Tensor clamp(const Tensor& x, Scalar min, Location loc) {
  return apply(Op::clamp_min, {x, min}, loc);
}
Tensor clamp(const Tensor& x, Scalar min, std::nullopt_t, Location loc) {
  return apply(Op::clamp_min, {x, min}, loc);
}
Tensor clamp(const Tensor& x, std::nullopt_t, Scalar max, Location loc) {
  return apply(Op::clamp_max, {x, max}, loc);
}
Tensor clip(const Tensor& x, Scalar min, Scalar max, Location loc) {
  return apply(Op::clamp, {x, min, max}, loc);
}

Tensor add(const Tensor& x, const Tensor& y, Scalar alpha, Location loc) {
  return apply(Op::add, {x, scaled(y, alpha, loc)}, loc);
}
Tensor sub(const Tensor& x, const Tensor& y, Scalar alpha, Location loc) {
  return apply(Op::sub, {x, scaled(y, alpha, loc)}, loc);
}
Tensor div(const Tensor& x, const Tensor& y, std::string_view mode, Location loc) {
  return divided(x, y, mode, loc);
}
Tensor div(const Tensor& x, Scalar y, std::string_view mode, Location loc) {
  return divided(x, y, mode, loc);
}

Tensor isclose(const Tensor& x, const Tensor& y, double rtol, double atol, bool equal_nan, Location loc) {
  if (x.dtype() != y.dtype())
    throw Error(ErrorKind::DType, fmt::format("{} did not match {}", torch_name(x.dtype()), torch_name(y.dtype())),
                "isclose compares tensors of one type; convert with to()", loc);
  if (rtol < 0 || atol < 0)
    throw Error(ErrorKind::Value,
                fmt::format("{} must be greater than or equal to zero, but got {}", rtol < 0 ? "rtol" : "atol",
                            rtol < 0 ? rtol : atol),
                {}, loc);
  Tensor close = apply(Op::eq, {x, y}, loc);
  if (equal_nan && is_floating(x.dtype())) {
    const Tensor both = apply(Op::logical_and, {apply(Op::isnan, {x}, loc), apply(Op::isnan, {y}, loc)}, loc);
    close = apply(Op::logical_or, {close, both}, loc);
  }
  // Integers are compared in float64, where atol and rtol mean something.
  const DType type = is_floating(x.dtype()) ? x.dtype() : kFloat64;
  const Tensor a = wrap(cast_to(node_of(x), type, loc), loc), b = wrap(cast_to(node_of(y), type, loc), loc);
  const Tensor allowed = apply(Op::add, {apply(Op::abs, {apply(Op::mul, {b, rtol}, loc)}, loc), atol}, loc);
  const Tensor error = apply(Op::abs, {apply(Op::sub, {a, b}, loc)}, loc);
  const Tensor within =
      apply(Op::logical_and, {apply(Op::isfinite, {error}, loc), apply(Op::le, {error, allowed}, loc)}, loc);
  return apply(Op::logical_or, {close, within}, loc);
}

bool allclose(const Tensor& x, const Tensor& y, double rtol, double atol, bool equal_nan, Location loc) {
  return all(isclose(x, y, rtol, atol, equal_nan, loc), {}, false, loc).item<bool>(loc);
}

bool equal(const Tensor& x, const Tensor& y, Location loc) {
  if (x.dtype() != y.dtype())
    throw Error(
        ErrorKind::DType,
        fmt::format("Expected object of data type {} but got data type {} for argument 'other' in call to equal",
                    torch_name(x.dtype()), torch_name(y.dtype())),
        "convert one of them with to()", loc);
  if (!(x.sizes() == y.sizes())) return false;
  return all(apply(Op::eq, {x, y}, loc), {}, false, loc).item<bool>(loc);
}

DType result_type(const Tensor& x, const Tensor& y) {
  const Operand both[] = {x, y};
  return result_type(std::span<const Operand>(both));
}
DType result_type(const Tensor& x, Scalar y) {
  const Operand both[] = {x, y};
  return result_type(std::span<const Operand>(both));
}

}  // namespace lazuli
