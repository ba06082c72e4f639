// x to the power y.
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

namespace {

/// log2 of a finite positive x to about 1.4 times the precision, so that y log2 x, at most 1100, still has all its
/// bits.
Pair log2_pair(Builder& s, Value x) {
  const LogReduced v = reduce_log(s, x);
  const Value zero = s.like(x, 0), two = s.like(x, 2);
  // log(1 + f) = 2 t + t^3 (2/3 + t^2 P(t^2)), t = f / (2 + f), |t| <= 1/5. Only t^2 P is of single precision.
  const Pair t = div(s, {v.f, zero}, fast_two_sum(s, two, v.f));
  const Pair z = mul(s, t, t);
  // Remez, relative to the logarithm: float32 2^-34.5, float64 2^-68.9.
  const Value p = poly(s, z.hi, {2.388918e-01, 2.8524712e-01, 4.0000403e-01},
                       {0.12593615382556358, 0.11588734733191569, 0.13341387268286922, 0.15384398068945754,
                        0.1818182169699776, 0.22222222189354873, 0.28571428571587881, 0.39999999999999702});
  const Pair third = fast_two_sum(s, pick(s, x, 0x1.555556p-1, 0x1.5555555555555p-1),
                                  s.fma(z.hi, p, pick(s, x, -0x1.555556p-26, 0x1.5555555555555p-55)));
  const Pair cubic = mul(s, mul(s, z, t), third);
  const Pair ln = add(s, Pair{s.mul(t.hi, two), s.mul(t.lo, two)}, cubic);
  const Pair log2e = {pick(s, x, 0x1.715476p+0, 0x1.71547652b82fep+0),
                      pick(s, x, 0x1.4ae0cp-26, 0x1.777d0ffda0d24p-56)};
  const Pair frac = mul(s, ln, log2e);
  const Pair whole = fast_two_sum(s, v.e, frac.hi);
  return fast_two_sum(s, whole.hi, s.add(whole.lo, frac.lo));
}

}  // namespace

Value pow(Builder& s, Value x, Value y) {
  const Value zero = s.like(x, 0), one = s.like(x, 1), inf = s.like(x, INFINITY);
  const Value a = s.abs(x);
  const Pair l = log2_pair(s, a);
  const Value edge = s.bit_or(s.eq(a, zero), s.eq(a, inf));
  const Value l_hi = s.select(s.eq(a, zero), s.neg(inf), s.select(s.lt(a, inf), l.hi, a));
  const Pair p = mul(s, Pair{l_hi, s.select(edge, zero, l.lo)}, y);
  // Out of this range the result is 0 or infinity and the low part may be NaN.
  const Value low = pick(s, x, -160, -1100), high = pick(s, x, 130, 1030);
  const Value e = at_most(s, at_least(s, s.mul(l_hi, y), low), high);
  const Value inside = s.bit_and(s.lt(low, e), s.lt(e, high));
  const Value e_hi = s.select(inside, p.hi, e), e_lo = s.select(inside, p.lo, zero);
  const Whole n = round_product(s, e_hi, one);
  const Value power = scale(s, exp2_reduced(s, s.add(s.sub(e_hi, n.number), e_lo)), n);

  // The sign of a negative base and the refusal of its broken powers; 0 and infinity have no broken powers.
  const Value half_y = s.mul(y, s.like(x, 0.5));
  const Value whole_y = s.eq(s.trunc(y), y);
  const Value odd_y = s.bit_and(whole_y, s.ne(s.trunc(half_y), half_y));
  const DType w = int_twin(s, x);
  const Value negative = s.lt(s.bitcast(x, w), s.constant_int(w, 0));
  const Value signed_power = s.select(s.bit_and(negative, odd_y), s.neg(power), power);
  const Value broken = s.bit_and(s.bit_and(s.lt(x, zero), s.lt(a, inf)), s.bit_not(whole_y));
  const Value general = s.select(broken, s.like(x, NAN), signed_power);
  // pow(x, 0) = pow(1, y) = 1 even for NaN, and pow(-1, +-infinity) = 1.
  const Value certain = s.bit_or(s.bit_or(s.eq(y, zero), s.eq(x, one)), s.bit_and(s.eq(a, one), s.is_inf(y)));
  return s.select(certain, one, general);
}

}  // namespace lazuli::scalar
