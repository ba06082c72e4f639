// Circular functions and their inverses.
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

namespace {

/// atan on [0, 1] as x + x^3 A(x^2). Remez, relative error: float32 2^-28.5, float64 2^-57.
Value atan_unit(Builder& s, Value x, Value x_lo) {
  const Value z = s.mul(x, x);
  const Value a = poly(s, z,
                       {-1.78273e-03, 1.0868455e-02, -3.1096783e-02, 5.7881318e-02, -8.3993055e-02, 1.09508805e-01,
                        -1.4264016e-01, 1.999853e-01, -3.33333e-01},
                       {1.2998978659437223e-5, -0.00015007967258756963, 0.00082248868926847218, -0.002861993807469352,
                        0.0071558289702744332, -0.013848316802001269,   0.021934686157355342,   -0.029867195291050308,
                        0.036621353971230751,  -0.042182944396185779,   0.047220322254090959,   -0.05253447204415583,
                        0.058805149774515925,  -0.066664024393773294,   0.076922797070904589,   -0.090909069971951528,
                        0.11111111006997165,   -0.14285714282583514,    0.19999999999951751,    -0.33333333333333071});
  return s.add(x, s.fma(s.mul(z, x), a, x_lo));
}

/// asin(x) - x for |x| <= 1/2. Remez, error relative to asin: float32 2^-27.6, float64 2^-55.9.
Value asin_tail(Builder& s, Value x, Value z) {
  const Value b = poly(s, z, {4.2158023e-02, 2.4184844e-02, 4.546915e-02, 7.4953094e-02, 1.6666752e-01},
                       {0.031914093259476292, -0.016226858061289668, 0.019529890306039872, 0.0065273942901867554,
                        0.012169343001713965, 0.013885215916737907, 0.017359706694619684, 0.022371757925733933,
                        0.030381959142013481, 0.044642856828210419, 0.075000000003371495, 0.16666666666665408});
  return s.mul(s.mul(x, z), b);
}

Value half_pi_hi(Builder& s, Value x) {
  return pick(s, x, 0x1.921fb6p+0, 0x1.921fb54442d18p+0);
}
Value half_pi_lo(Builder& s, Value x) {
  return pick(s, x, -0x1.777a5cp-25, 0x1.1a62633145c07p-54);
}

struct AsinParts {
  Value big;      // |x| > 1/2
  Value u, u_lo;  // |x|, or sqrt((1 - |x|) / 2) with what its rounding lost
  Value tail;     // asin(u) - u
};
AsinParts asin_parts(Builder& s, Value x) {
  const Value a = s.abs(x), half = s.like(x, 0.5);
  const Value big = s.lt(half, a);
  const Value z = s.select(big, s.mul(s.sub(s.like(x, 1), a), half), s.mul(a, a));
  const Pair root = sqrt(s, {z, s.like(x, 0)});
  const Value u = s.select(big, root.hi, a);
  return {big, u, s.select(big, root.lo, s.like(x, 0)), asin_tail(s, u, z)};
}

}  // namespace

Value asin(Builder& s, Value x) {
  const auto [big, u, u_lo, tail] = asin_parts(s, x);
  const Value small = s.add(u, tail);
  const Value rest = s.sub(half_pi_lo(s, x), s.mul(s.like(x, 2), s.add(tail, u_lo)));
  const Pair t = fast_two_sum(s, half_pi_hi(s, x), s.mul(s.like(x, -2), u));
  const Value large = s.add(t.hi, s.add(t.lo, rest));
  return s.copysign(s.select(big, large, small), x);
}

Value acos(Builder& s, Value x) {
  const auto [big, u, u_lo, tail] = asin_parts(s, x);
  const Value two = s.like(x, 2), negative = s.lt(x, s.like(x, 0));
  // |x| <= 1/2: pi/2 - asin(x).
  const Pair t = fast_two_sum(s, half_pi_hi(s, x), s.neg(x));
  const Value signed_tail = s.select(negative, s.neg(tail), tail);
  const Value small = s.add(t.hi, s.add(t.lo, s.sub(half_pi_lo(s, x), signed_tail)));
  // Else 2 asin(sqrt((1 - |x|) / 2)), from pi where x is negative.
  const Value rest = s.add(tail, u_lo);
  const Value near_one = s.mul(two, s.add(u, rest));
  const Pair p = fast_two_sum(s, half_pi_hi(s, x), s.neg(u));
  const Value near_minus_one = s.mul(two, s.add(p.hi, s.add(p.lo, s.sub(half_pi_lo(s, x), rest))));
  return s.select(big, s.select(negative, near_minus_one, near_one), small);
}

Value atan(Builder& s, Value x) {
  const Value a = s.abs(x), one = s.like(x, 1);
  const Value inverse = s.lt(one, a);
  const Value u = s.select(inverse, s.div(s.like(x, -1), a), a);
  const Value y = atan_unit(s, u, s.like(x, 0));
  const Value z = s.add(half_pi_hi(s, x), s.add(y, half_pi_lo(s, x)));
  return s.copysign(s.select(inverse, z, y), x);
}

// atan of min/max of the magnitudes, then the octant by reflections.
Value atan2(Builder& s, Value y, Value x) {
  const Value ax = s.abs(x), ay = s.abs(y), zero = s.like(x, 0), inf = s.like(x, INFINITY);
  const Value swap = s.lt(ax, ay);
  const Value num = s.select(swap, ax, ay), den = s.select(swap, ay, ax);
  // 0/0 stands for the angle 0, inf/inf for pi/4; NaN must survive both.
  const Value ratio = s.div(num, den);
  const Value q = s.select(s.eq(den, zero), zero, s.select(s.eq(num, inf), s.like(x, 1), ratio));
  const Value t = atan_unit(s, q, zero);
  const Value hi = half_pi_hi(s, x), lo = half_pi_lo(s, x);
  const Value first = s.select(swap, s.add(hi, s.sub(lo, t)), t);
  const Value negative = s.lt(s.bitcast(x, int_twin(s, x)), s.constant_int(int_twin(s, x), 0));
  const Value pi_hi = s.mul(hi, s.like(x, 2)), pi_lo = s.mul(lo, s.like(x, 2));
  const Value mirrored = s.select(swap, s.add(hi, s.add(lo, t)), s.add(pi_hi, s.sub(pi_lo, t)));
  const Value angle = s.copysign(s.select(negative, mirrored, first), y);
  return s.select(s.bit_or(s.is_nan(x), s.is_nan(y)), s.add(x, y), angle);
}

}  // namespace lazuli::scalar
