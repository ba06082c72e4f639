// Greatest common divisors, and mantissas with their exponents.
#include <fmt/format.h>

#include <cmath>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"
#include "lazuli/nn.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;

struct Two {
  NodeRef x, y;
};

/// Both in their common type and shape.
Two integers(const char* op, const Tensor& x, const Tensor& y, const Location& loc) {
  const Operand both[] = {x, y};
  const DType type = result_type(both);
  if (!is_integral(type))
    throw Error(ErrorKind::DType, fmt::format("\"{}_cpu\" not implemented for '{}'", op, torch_name(type)),
                "convert both with to(kInt64)", loc);
  const ir::Shape shape = broadcast_or_throw(op, ir::Shape(x.sizes()), ir::Shape(y.sizes()), loc);
  const auto node = [&](const Tensor& t) { return expand_to(cast_to(node_of(t), type, loc), shape, loc); };
  return {node(x), node(y)};
}

/// Euclid's algorithm with the remainder that is smallest in magnitude: every step makes a number smaller by 1 +
/// sqrt(2) at least, so their number is known. Quotients are those of floats, which vectors divide fast: of small
/// integers they are exact, and so is all that follows; of int64 they may be off by a little, which leaves a remainder,
/// too.
NodeRef gcd_node(const Build& b, const Two& of) {
  const DType type = of.x->dtype();
  const bool wide = type == kInt64;
  const DType real = itemsize(type) <= 2 ? kFloat32 : kFloat64, number = wide ? kInt64 : real;
  const int steps = static_cast<int>(8 * static_cast<double>(itemsize(type)) * 0.787) + 4;
  NodeRef x = b.op(Op::abs, b.cast(of.x, number)), y = b.op(Op::abs, b.cast(of.y, number));
  const NodeRef none = b.number(0, x);
  for (int i = 0; i < steps; ++i) {
    const NodeRef done = b.op(Op::eq, y, none);
    const NodeRef divisor = b.where(done, b.number(1, y), y);
    const NodeRef quotient = b.op(Op::round, b.op(Op::div, b.cast(x, real), b.cast(divisor, real)));
    const NodeRef rest = b.op(Op::abs, b.op(Op::sub, x, b.op(Op::mul, b.cast(quotient, number), divisor)));
    x = b.where(done, x, y);
    y = b.where(done, none, rest);
  }
  return b.cast(b.cast(x, kInt64), type);  // the magnitude of the smallest integer wraps
}

}  // namespace

Tensor gcd(const Tensor& x, const Tensor& y, Location loc) {
  return wrap_result(gcd_node(Build(loc), integers("gcd", x, y, loc)), loc);
}

Tensor lcm(const Tensor& x, const Tensor& y, Location loc) {
  const Build b(loc);
  const Two of = integers("lcm", x, y, loc);
  const NodeRef divisor = gcd_node(b, of), none = b.integer(0, divisor);
  const NodeRef zero = b.op(Op::eq, divisor, none);
  const NodeRef whole = b.op(Op::floor_divide, of.x, b.where(zero, b.integer(1, divisor), divisor));
  const NodeRef product = b.op(Op::mul, whole, of.y);
  return wrap_result(is_signed(product->dtype()) ? b.op(Op::abs, product) : product, loc);
}

std::pair<Tensor, Tensor> frexp(const Tensor& x, Location loc) {
  const NodeRef given = node_of(x);
  if (!is_floating(given->dtype()))
    throw Error(ErrorKind::DType, "torch.frexp() only supports floating-point dtypes",
                "convert the input with to(kFloat32)", loc);
  const Build b(loc);
  const NodeRef n = b.cast(given, is_half(given->dtype()) ? kFloat32 : given->dtype());
  const NodeRef plain = b.op(Op::logical_and, b.op(Op::isfinite, n), b.op(Op::ne, n, 0.0));
  const NodeRef size = b.where(plain, b.op(Op::abs, n), b.number(1, n));
  // Denormals are lifted first.
  const NodeRef tiny = b.op(Op::lt, size, n->dtype() == kFloat64 ? 0x1p-1000 : 0x1p-100);
  const NodeRef y = b.where(tiny, b.op(Op::mul, size, 0x1p64), size);
  // The logarithm may round up to the next whole number, or not reach it: one correction.
  NodeRef exponent = b.op(Op::add, b.op(Op::floor, b.op(Op::log2, b.op(Op::stop_gradient, y))), 1.0);
  const NodeRef half = b.op(Op::floor, b.op(Op::mul, exponent, 0.5));
  const auto power = [&](const NodeRef& e) { return b.op(Op::exp2, b.op(Op::neg, e)); };
  NodeRef mantissa = b.op(Op::mul, b.op(Op::mul, y, power(half)), power(b.op(Op::sub, exponent, half)));
  const NodeRef large = b.op(Op::ge, mantissa, 1.0), small = b.op(Op::lt, mantissa, 0.5);
  mantissa = b.where(large, b.op(Op::mul, mantissa, 0.5), b.where(small, b.op(Op::mul, mantissa, 2.0), mantissa));
  exponent = b.where(large, b.op(Op::add, exponent, 1.0), b.where(small, b.op(Op::sub, exponent, 1.0), exponent));
  exponent = b.where(tiny, b.op(Op::sub, exponent, 64.0), exponent);
  mantissa = b.where(plain, b.op(Op::copysign, mantissa, n), n);
  exponent = b.where(plain, exponent, b.number(0, n));
  return {wrap_result(b.cast(mantissa, given->dtype()), loc), wrap(b.cast(exponent, kInt32), loc)};
}

}  // namespace lazuli
