// special:: over the elementwise rows, and the functions among them that are compositions.
#include "lazuli/special.h"

#include <fmt/format.h>

#include <cmath>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/nn.h"
#include "lazuli/reduce.h"

namespace lazuli {

using ir::NodeRef;
using ir::Op;

namespace {

/// x as the floats that it is computed in (half types: float32), and the type of the result.
struct Wide {
  NodeRef node;
  DType result;
};
Wide wide(const Tensor& x, const Location& loc) {
  const NodeRef n = node_of(x);
  const DType type = is_floating(n->dtype()) ? n->dtype() : kDefaultDType;
  return {cast_to(n, is_half(type) ? kFloat32 : type, loc), type};
}

/// The sum of (q + k)^-x over k >= 0 by Euler and Maclaurin, for x > 1 and q > 0 (S. L. Moshier, Cephes, zeta.c).
NodeRef zeta_node(const Build& b, const NodeRef& x, const NodeRef& q) {
  // (2k)! / B2k.
  constexpr double kTerms[] = {12.0,
                               -720.0,
                               30240.0,
                               -1209600.0,
                               47900160.0,
                               -1.8924375803183791606e9,
                               7.47242496e10,
                               -2.950130727918164224e12,
                               1.1646782814350067249e14,
                               -4.5979787224074726105e15,
                               1.8152105401943546773e17,
                               -7.1661652561756670113e18};
  const NodeRef power = b.op(Op::neg, x), one = b.number(1, q), none = b.number(0, q);
  const NodeRef valid = b.op(Op::gt, q, none), above = b.op(Op::gt, x, one);
  const NodeRef from = b.where(valid, q, one), exponent = b.where(above, power, b.number(-2, power));
  NodeRef sum, last, at = from;
  for (int k = 0; k < 10; ++k) {
    at = k == 0 ? from : b.op(Op::add, from, static_cast<double>(k));
    last = b.op(Op::pow, at, exponent);
    sum = sum ? b.op(Op::add, sum, last) : last;
  }
  const NodeRef order = b.op(Op::neg, exponent);
  sum = b.op(Op::add, sum, b.op(Op::div, b.op(Op::mul, last, at), b.op(Op::sub, order, one)));
  sum = b.op(Op::sub, sum, b.op(Op::mul, last, 0.5));
  NodeRef factor = one;
  double k = 0;
  for (const double term : kTerms) {
    factor = b.op(Op::mul, factor, b.op(Op::add, order, k));
    last = b.op(Op::div, last, at);
    sum = b.op(Op::add, sum, b.op(Op::mul, b.op(Op::mul, factor, last), 1 / term));
    factor = b.op(Op::mul, factor, b.op(Op::add, order, k + 1));
    last = b.op(Op::div, last, at);
    k += 2;
  }
  const NodeRef nan = b.number(NAN, q), infinite = b.number(INFINITY, q);
  const NodeRef pole = b.op(Op::eq, q, b.op(Op::floor, q));
  sum = b.where(valid, sum, b.where(b.op(Op::logical_and, b.op(Op::le, q, none), pole), infinite, nan));
  return b.where(above, sum, b.where(b.op(Op::eq, x, one), infinite, nan));
}

}  // namespace

Tensor polygamma(int64_t n, const Tensor& x, Location loc) {
  if (n < 0) throw Error(ErrorKind::Value, "polygamma(n, x) does not support negative n.", {}, loc);
  if (n == 0) return apply(Op::digamma, {x}, loc);
  if (n == 1) return apply(Op::trigamma, {x}, loc);
  if (n == 2) return apply(Op::tetragamma, {x}, loc);
  const Build b(loc);
  const Wide w = wide(x, loc);
  const double factor = (n % 2 != 0 ? 1 : -1) * std::tgamma(static_cast<double>(n) + 1);
  const NodeRef order = b.expand(b.number(static_cast<double>(n) + 1, w.node), w.node->shape());
  return wrap_result(b.cast(b.op(Op::mul, zeta_node(b, order, w.node), factor), w.result), loc);
}

Tensor mvlgamma(const Tensor& x, int64_t p, Location loc) {
  if (p < 1) throw Error(ErrorKind::Value, "p has to be greater than or equal to 1", fmt::format("it is {}", p), loc);
  const Build b(loc);
  const Wide w = wide(x, loc);
  NodeRef sum;
  for (int64_t i = 0; i < p; ++i) {
    const NodeRef term = b.op(Op::lgamma, i == 0 ? w.node : b.op(Op::sub, w.node, static_cast<double>(i) / 2));
    sum = sum ? b.op(Op::add, sum, term) : term;
  }
  const double rest = static_cast<double>(p * (p - 1)) * std::log(M_PI) / 4;
  return wrap_result(b.cast(b.op(Op::add, sum, rest), w.result), loc);
}

Tensor logit(const Tensor& x, std::optional<double> eps, Location loc) {
  if (!eps || *eps < 0) return apply(Op::logit, {x}, loc);
  return apply(Op::logit, {apply(Op::clamp, {x, *eps, 1 - *eps}, loc)}, loc);
}

namespace special {

#define LAZULI_SPECIAL(name, op)               \
  Tensor name(const Tensor& x, Location loc) { \
    return apply(Op::op, {x}, loc);            \
  }
LAZULI_SPECIAL(erf, erf)
LAZULI_SPECIAL(erfc, erfc)
LAZULI_SPECIAL(erfinv, erfinv)
LAZULI_SPECIAL(exp2, exp2)
LAZULI_SPECIAL(expm1, expm1)
LAZULI_SPECIAL(log1p, log1p)
LAZULI_SPECIAL(expit, sigmoid)
LAZULI_SPECIAL(gammaln, lgamma)
LAZULI_SPECIAL(digamma, digamma)
LAZULI_SPECIAL(psi, digamma)
#undef LAZULI_SPECIAL

Tensor round(const Tensor& x, int64_t decimals, Location loc) {
  return lazuli::round(x, decimals, loc);
}
Tensor sinc(const Tensor& x, Location loc) {
  return lazuli::sinc(x, loc);
}
Tensor xlogy(const Tensor& x, const Tensor& y, Location loc) {
  return apply(Op::xlogy, {x, y}, loc);
}
Tensor xlogy(const Tensor& x, Scalar y, Location loc) {
  return apply(Op::xlogy, {x, y}, loc);
}
Tensor logit(const Tensor& x, std::optional<double> eps, Location loc) {
  return lazuli::logit(x, eps, loc);
}
Tensor logsumexp(const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return lazuli::logsumexp(x, dim, keepdim, loc);
}
Tensor softmax(const Tensor& x, int64_t dim, OptionalDType dtype, Location loc) {
  return lazuli::softmax(x, dim, dtype, loc);
}
Tensor log_softmax(const Tensor& x, int64_t dim, OptionalDType dtype, Location loc) {
  return lazuli::log_softmax(x, dim, dtype, loc);
}
Tensor polygamma(int64_t n, const Tensor& x, Location loc) {
  return lazuli::polygamma(n, x, loc);
}
Tensor multigammaln(const Tensor& x, int64_t p, Location loc) {
  return lazuli::mvlgamma(x, p, loc);
}

namespace {

/// x * log1p(y) by the rule of xlogy.
Tensor xlog1py_of(const Operand& x, const Operand& y, const Location& loc) {
  const Operand both[] = {x, y};
  DType type = result_type(both);
  if (!is_floating(type)) type = kDefaultDType;
  const auto tensor = [&](const Operand& o) {
    return o.is_tensor() ? o.tensor().to(type, loc) : full({}, o.scalar(), type, loc);
  };
  const Tensor a = tensor(x), c = tensor(y);
  const Tensor none = a.eq(Scalar(0), loc).logical_and(c.isnan(loc).logical_not(loc), loc);
  // The arm that is not taken keeps a finite derivative.
  const Tensor safe = where(none, Scalar(0), c, loc);
  return where(none, Scalar(0), a.mul(safe.log1p(loc), loc), loc).to(type, loc);
}

}  // namespace

Tensor xlog1py(const Tensor& x, const Tensor& y, Location loc) {
  return xlog1py_of(x, y, loc);
}
Tensor xlog1py(const Tensor& x, Scalar y, Location loc) {
  return xlog1py_of(x, y, loc);
}

Tensor entr(const Tensor& x, Location loc) {
  const Build b(loc);
  const Wide w = wide(x, loc);
  const NodeRef &n = w.node, none = b.number(0, n), positive = b.op(Op::gt, n, none);
  const NodeRef safe = b.where(positive, n, b.number(1, n));
  const NodeRef inside = b.op(Op::neg, b.op(Op::mul, n, b.op(Op::log, safe)));
  const NodeRef rest =
      b.where(b.op(Op::eq, n, none), none, b.where(b.op(Op::lt, n, none), b.number(-INFINITY, n), b.number(NAN, n)));
  return wrap_result(b.cast(b.where(positive, inside, rest), w.result), loc);
}

Tensor ndtr(const Tensor& x, Location loc) {
  const Build b(loc);
  const Wide w = wide(x, loc);
  return wrap_result(b.cast(b.op(Op::mul, b.op(Op::erfc, b.op(Op::mul, w.node, -M_SQRT1_2)), 0.5), w.result), loc);
}

namespace {

/// exp(x^2) erfc(x) for x > 0, by the continued fraction beyond 2 and the definition below.
NodeRef erfcx_positive(const Build& b, const NodeRef& x, DType type) {
  const NodeRef far = b.op(Op::gt, x, b.number(2, x));
  const NodeRef near_x = b.where(far, b.number(2, x), x), far_x = b.where(far, x, b.number(2, x));
  const NodeRef near = b.op(Op::mul, b.op(Op::exp, b.op(Op::mul, near_x, near_x)), b.op(Op::erfc, near_x));
  // 1 / (x + (1/2) / (x + (2/2) / (x + (3/2) / ...))), over sqrt(pi).
  NodeRef tail = far_x;
  for (int k = type == kFloat64 ? 50 : 20; k > 0; --k)
    tail = b.op(Op::add, far_x, b.op(Op::div, b.expand(b.number(k / 2.0, x), x->shape()), tail));
  return b.where(far, b.op(Op::div, b.expand(b.number(M_2_SQRTPI / 2, x), x->shape()), tail), near);
}

}  // namespace

Tensor erfcx(const Tensor& x, Location loc) {
  const Build b(loc);
  const Wide w = wide(x, loc);
  const NodeRef &n = w.node, positive = b.op(Op::gt, n, b.number(0, n));
  const NodeRef above = b.where(positive, n, b.number(1, n)), below = b.where(positive, b.number(0, n), n);
  const NodeRef r = b.where(positive, erfcx_positive(b, above, n->dtype()),
                            b.op(Op::mul, b.op(Op::exp, b.op(Op::mul, below, below)), b.op(Op::erfc, below)));
  return wrap_result(b.cast(r, w.result), loc);
}

Tensor log_ndtr(const Tensor& x, Location loc) {
  // Below -1: log(erfcx(-x / sqrt(2)) / 2) - x^2 / 2; above: log1p(-erfc(x / sqrt(2)) / 2).
  const Build b(loc);
  const Wide w = wide(x, loc);
  const NodeRef& n = w.node;
  const NodeRef low = b.op(Op::lt, n, b.number(-1, n));
  const NodeRef low_x = b.op(Op::mul, b.where(low, n, b.number(-1, n)), -M_SQRT1_2);
  const NodeRef high_x = b.op(Op::mul, b.where(low, b.number(-1, n), n), M_SQRT1_2);
  const NodeRef below = b.op(Op::sub, b.op(Op::log, b.op(Op::mul, erfcx_positive(b, low_x, n->dtype()), 0.5)),
                             b.op(Op::mul, low_x, low_x));
  const NodeRef above = b.op(Op::log1p, b.op(Op::mul, b.op(Op::erfc, high_x), -0.5));
  return wrap_result(b.cast(b.where(low, below, above), w.result), loc);
}

namespace {

Tensor zeta_of(const Operand& x, const Operand& q, const Location& loc) {
  const Operand both[] = {x, q};
  DType type = result_type(both);
  if (!is_floating(type)) type = kDefaultDType;
  const Build b(loc);
  const auto node = [&](const Operand& o) {
    const NodeRef n = o.is_tensor() ? node_of(o.tensor()) : node_of(full({}, o.scalar(), type, loc));
    return b.cast(b.cast(n, type), is_half(type) ? kFloat32 : type);
  };
  const NodeRef s = node(x), from = node(q);
  const ir::Shape shape = broadcast_or_throw("zeta", s->shape(), from->shape(), loc);
  return wrap_result(b.cast(zeta_node(b, b.expand(s, shape), b.expand(from, shape)), type), loc);
}

}  // namespace

Tensor zeta(const Tensor& x, const Tensor& q, Location loc) {
  return zeta_of(x, q, loc);
}
Tensor zeta(const Tensor& x, Scalar q, Location loc) {
  return zeta_of(x, q, loc);
}

}  // namespace special
}  // namespace lazuli
