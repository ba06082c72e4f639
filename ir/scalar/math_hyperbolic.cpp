// Hyperbolic functions and their inverses.
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

// t / (t + 2) with t = e^2a - 1, a = |x|; beyond the clamp the quotient rounds to 1. A step of Newton's method removes
// what the division and the sum rounded off, with 1 / (t + 2) = (1 - q) / 2.
Value tanh(Builder& s, Value x) {
  const Value a = at_most(s, s.abs(x), pick(s, x, 9.2, 19.5));
  const auto [r, n] = reduce_exp(s, s.add(a, a));
  const Value em1 = s.fma(s.mul(r, r), exp_tail(s, r), r);
  const Value power = pow2(s, n.bits, x);
  const Value t = s.fma(power, em1, s.sub(power, s.like(x, 1)));
  const Value two = s.like(x, 2);
  const Value sum = s.add(t, two);
  // For larger t what the sum lost does not matter.
  const Value lost = s.select(s.lt(t, two), s.sub(t, s.sub(sum, two)), s.like(x, 0));
  const Value q = s.div(t, sum), minus_q = s.neg(q);
  const Value rest = s.fma(minus_q, lost, s.fma(minus_q, sum, t));
  return s.copysign(s.fma(rest, s.fma(q, s.like(x, -0.5), s.like(x, 0.5)), q), x);
}

namespace {

/// e^|x| / 2 without overflow where sinh and cosh are finite.
Value half_exp(Builder& s, Value x) {
  const Value a = at_most(s, s.abs(x), pick(s, x, 90, 711));
  auto [r, n] = reduce_exp(s, a);
  const Value one = s.like(x, 1);
  const Value y = s.fma(s.fma(exp_tail(s, r), r, one), r, one);
  n.number = s.sub(n.number, one);
  return scale(s, y, n);
}

}  // namespace

Value sinh(Builder& s, Value x) {
  const Value h = half_exp(s, x);
  const Value large = s.sub(h, s.div(s.like(x, 0.25), h));
  const Value z = s.mul(x, x);
  // Taylor: below 1 the next term is under 2^-28 (float32) or 2^-56 (float64).
  const Value p =
      poly(s, z, {2.7557319e-06, 1.9841270e-04, 8.3333333e-03, 1.6666667e-01},
           {1.0 / 51090942171709440000.0, 1.0 / 121645100408832000.0, 1.0 / 355687428096000.0, 1.0 / 1307674368000.0,
            1.0 / 6227020800.0, 1.0 / 39916800.0, 1.0 / 362880.0, 1.0 / 5040.0, 1.0 / 120.0, 1.0 / 6.0});
  const Value small = s.fma(s.mul(z, x), p, x);
  return s.select(s.lt(s.abs(x), s.like(x, 1)), small, s.copysign(large, x));
}

Value cosh(Builder& s, Value x) {
  const Value h = half_exp(s, x);
  return s.add(h, s.div(s.like(x, 0.25), h));
}

// sign(x) log1p(a + a^2 / (1 + sqrt(a^2 + 1))), a = |x|, with the argument as a pair; for a beyond 2^p it is log(2a).
Value asinh(Builder& s, Value x) {
  const Value a = s.abs(x), one = s.like(x, 1);
  const Value huge = s.lt(pick(s, x, 0x1p28, 0x1p58), a);
  const Value b = s.select(huge, one, a);
  const Pair square = two_product(s, b, b);
  const Pair root = sqrt(s, add(s, square, one));
  const Pair arg = add(s, div(s, square, add(s, root, one)), b);
  const Value small = log1p_of(s, arg.hi, arg.lo);
  const Pair ln2 = {pick(s, x, 0x1.62e43p-1, 0x1.62e42fefa39efp-1), pick(s, x, -0x1.05c61p-29, 0x1.abc9e3b39803fp-56)};
  const Value large = s.add(log_of(s, reduce_log(s, s.select(huge, a, one)), ln2.lo), ln2.hi);
  const Value y = s.select(huge, s.select(s.eq(a, s.like(x, INFINITY)), a, large), small);
  // Tiny arguments are their own result; NaN falls through to the first arm.
  return s.select(s.le(pick(s, x, 0x1p-13, 0x1p-28), a), s.copysign(y, x), x);
}

// log1p(t + sqrt(2t + t^2)), t = x - 1, with the argument as a pair; log(2x) beyond 2^p.
Value acosh(Builder& s, Value x) {
  const Value one = s.like(x, 1);
  const Value huge = s.lt(pick(s, x, 0x1p28, 0x1p58), x);
  const Value b = s.select(huge, s.like(x, 2), x);
  const Pair t = two_sum(s, b, s.like(x, -1));
  const Pair root = sqrt(s, mul(s, t, add(s, t, s.like(x, 2))));
  const Pair arg = add(s, root, t);
  const Value small = log1p_of(s, arg.hi, arg.lo);
  const Value large = s.add(log(s, x), pick(s, x, 0x1.62e43p-1, 0x1.62e42fefa39efp-1));
  const Value y = s.select(huge, large, small);
  return s.select(s.eq(x, one), s.like(x, 0), s.select(s.lt(one, x), y, s.like(x, NAN)));
}

// log1p(2a / (1 - a)) / 2, a = |x|, with the quotient as a pair.
Value atanh(Builder& s, Value x) {
  const Value a = s.abs(x), one = s.like(x, 1);
  const Pair q = div(s, {s.add(a, a), s.like(x, 0)}, fast_two_sum(s, one, s.neg(a)));
  const Value y = s.mul(log1p_of(s, q.hi, q.lo), s.like(x, 0.5));
  const Value edge = s.select(s.eq(a, one), s.like(x, INFINITY), s.like(x, NAN));
  const Value wide = s.copysign(s.select(s.lt(a, one), y, edge), x);
  return s.select(s.lt(a, pick(s, x, 0x1p-13, 0x1p-28)), x, wide);
}

}  // namespace lazuli::scalar
