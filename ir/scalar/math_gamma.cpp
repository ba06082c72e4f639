// The logarithm of the gamma function and its derivatives.
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

// |x| < 1/2: lgamma(1 + x) - log|x|. Around its zeros at 1 and 2 lgamma is v P(v) and v Q(v). From 3 on Stirling's
// formula with a fitted remainder. Below -1/2 the reflection log(pi / |x sin(pi x)|) - lgamma(|x|).
Value lgamma(Builder& s, Value x) {
  const Value a = s.abs(x), zero = s.like(x, 0), one = s.like(x, 1), half = s.like(x, 0.5), inf = s.like(x, INFINITY);
  const Value tiny = s.lt(a, half);
  const Value v1 = s.select(tiny, x, s.sub(a, one)), v2 = s.sub(a, s.like(x, 2));
  // Remez for lgamma(1 + v) / v on |v| <= 1/2, relative error: float32 2^-26, float64 2^-54.9.
  const Value p = poly(
      s, v1,
      {1.6415435e-01, -1.8470185e-01, 4.7155242e-02, -4.4843845e-02, 1.06439725e-01, -1.2053159e-01, 1.2498297e-01,
       -1.4310598e-01, 1.6957475e-01, -2.0743397e-01, 2.7058077e-01, -4.0068457e-01, 8.22467e-01, -5.772157e-01},
      {0.20597395307321434,  -0.22514353808532162,  -0.12881179376396432,  0.1535677696910056,   0.12522042546952844,
       -0.14547598506388873, 0.01991523702153113,   -0.014303555681128009, 0.05511449999854726,  -0.059905025649977635,
       0.05487074938620762,  -0.057727355196955626, 0.06256143573602228,   -0.06678398102378877, 0.07142965189996894,
       -0.07692413261969154, 0.08335392776082036,   -0.0909544288251489,   0.10009945819145703,  -0.1113342528266861,
       0.12550966940868866,  -0.14404989701556525,  0.16955717700039494,   -0.20738555102624534, 0.2705808084277562,
       -0.4006856343865408,  0.8224670334241133,    -0.5772156649015329});
  // Remez for lgamma(2 + v) / v on [-0.62, 1], relative error: float32 2^-25, float64 2^-54.
  const Value q =
      poly(s, v2,
           {-3.0228392e-05, 1.1968992e-04, -2.4981177e-04, 5.0465704e-04, -1.1794064e-03, 2.8904886e-03, -7.388432e-03,
            2.0580906e-02, -6.735204e-02, 3.2246703e-01, 4.2278433e-01},
           {3.991213907950201e-09,  -2.3485349310889795e-08, 6.210901903803005e-08,  -1.1225085367395051e-07,
            2.0438568860276217e-07, -4.357945506902421e-07,  9.551189081988668e-07,  -2.046136828470046e-06,
            4.376430544865026e-06,  -9.437465040569504e-06,  2.0506518747648556e-05, -4.492659565659842e-05,
            9.945765951167534e-05,  -0.000223154719392579,   0.0005096695079179274,  -0.0011927539142405196,
            0.0028905103317510158,  -0.0073855510285837775,  0.02058080842775754,    -0.06735230105319948,
            0.3224670334241134,     0.42278433509846713});
  const Pair log_a = log_pair(s, reduce_log(s, a));
  const Value at_tiny = s.sub(s.fma(v1, p, s.neg(log_a.hi)), log_a.lo);

  // (a - 1/2) (log a - 1) + (log(2 pi) - 1) / 2 + phi(1/a^2) / a.
  const Value inverse = s.div(one, a), z = s.mul(inverse, inverse);
  // Remez on a >= 3, relative to lgamma: float32 2^-34.2, float64 2^-60.1.
  const Value phi = poly(s, z, {-4.0840727e-04, 7.749211e-04, -2.776954e-03, 8.333332e-02},
                         {0.18948264445776197, -0.16373156409575415, 0.070143373484503641, -0.021399730828222073,
                          0.0059469572548896538, -0.001898538545884566, 0.00084121694959023684, -0.00059522841948290084,
                          0.00079365069124158797, -0.0027777777772533055, 0.083333333333332538});
  const Pair power = fast_two_sum(s, log_a.hi, s.like(x, -1));
  const Pair main = two_product(s, s.sub(a, half), power.hi);
  const Value low = s.fma(s.sub(a, half), s.add(power.lo, log_a.lo), main.lo);
  const Value rest = s.add(s.fma(phi, inverse, s.like(x, 0.41893853320467274)), low);
  const Value stirling = s.select(s.lt(main.hi, inf), s.add(main.hi, rest), main.hi);

  // Adding 0 makes the zeros positive.
  const Value near = s.add(s.select(s.lt(a, s.like(x, 1.4)), s.mul(v1, p), s.mul(v2, q)), zero);
  const Value positive = s.select(tiny, at_tiny, s.select(s.lt(a, s.like(x, 3)), near, stirling));

  // sin(pi f) for the distance f from the nearest whole number, by quarter turns.
  const Value f = s.abs(s.sub(a, s.roundeven(a)));
  const Value over = s.lt(s.like(x, 0.25), f);
  const Value angle = s.mul(s.select(over, s.sub(f, half), f), s.like(x, 0x1.921fb54442d18p+1));
  const DType w = int_twin(s, x);
  const Value sine = sin_of(s, angle, s.select(over, s.constant_int(w, 1), s.constant_int(w, 0)));
  const Value log_sine = log_of(s, reduce_log(s, sine), zero);
  const Value reflected = s.sub(s.sub(s.sub(s.like(x, 1.1447298858494002), log_sine), log_a.hi), positive);
  const Value below = s.select(s.eq(f, zero), inf, reflected);
  const Value y = s.select(s.le(x, s.like(x, -0.5)), below, positive);
  return s.select(s.bit_or(s.eq(a, zero), s.eq(a, inf)), inf, y);
}

namespace {

/// sin(pi f) and cos(pi f) for |f| <= 1/2, by quarter turns.
struct Turn {
  Value sine, cosine;
};
Turn turn(Builder& s, Value f) {
  const Value over = s.lt(s.like(f, 0.25), s.abs(f));
  const Value half = s.copysign(s.like(f, 0.5), f);
  const Value angle = s.mul(s.select(over, s.sub(f, half), f), s.like(f, 0x1.921fb54442d18p+1));
  const DType w = int_twin(s, f);
  const auto quarters = [&](int64_t n) { return s.constant_int(w, n); };
  // Beyond a quarter: sin(pi f) = +-cos(angle), cos(pi f) = -+sin(angle).
  const Value negative = s.lt(f, s.like(f, 0));
  const Value n = s.select(over, s.select(negative, quarters(3), quarters(1)), quarters(0));
  return {sin_of(s, angle, n), sin_of(s, angle, s.add(n, quarters(1)))};
}

/// Where psi and its derivatives are computed: at a, which is x or 1 - x; by the series at y, which is a or a + 8.
struct Places {
  Value reflect, a, shift, y;
  Value inverse, square;  // 1/y, 1/y^2
};
Places places(Builder& s, Value x) {
  Places p;
  p.reflect = s.lt(x, s.like(x, 0.5));
  p.a = s.select(p.reflect, s.sub(s.like(x, 1), x), x);
  p.shift = s.lt(p.a, s.like(x, 8));
  p.y = s.select(p.shift, s.add(p.a, s.like(x, 8)), p.a);
  p.inverse = s.div(s.like(x, 1), p.y);
  p.square = s.mul(p.inverse, p.inverse);
  return p;
}
/// 1 / (a + k)^power summed over k = 7 .. 0, smallest first.
Value steps(Builder& s, Value a, int power) {
  Value sum = s.like(a, 0);
  for (int k = 7; k >= 0; --k) {
    const Value r = s.div(s.like(a, 1), s.add(a, s.like(a, k)));
    sum = power == 1 ? s.add(sum, r) : s.fma(power == 2 ? r : s.mul(r, r), r, sum);
  }
  return sum;
}
/// What an odd pole is: -infinity at 0, infinity at -0, NaN at the others, where the sign is not known.
Value odd_pole(Builder& s, Value x) {
  return s.select(s.eq(x, s.like(x, 0)), s.copysign(s.like(x, INFINITY), s.neg(x)), s.like(x, NAN));
}
constexpr double kPi = 0x1.921fb54442d18p+1;

}  // namespace

// Where x < 1/2 the reflections psi(x) = psi(1 - x) - pi / tan(pi x), psi'(x) = pi^2 / sin^2(pi x) - psi'(1 - x), and
// the derivative of that. Below 8 the recurrence psi(x) = psi(x + 1) - 1/x, eight times; from there on the asymptotic
// series (DLMF 5.11.2), whose coefficients are Bernoulli numbers.
Value digamma(Builder& s, Value x) {
  const Places p = places(s, x);
  const Value series = poly(s, p.square, {-1.0 / 240, 1.0 / 252, -1.0 / 120, 1.0 / 12},
                            {-174611.0 / 6600, 43867.0 / 14364, -3617.0 / 8160, 1.0 / 12, -691.0 / 32760, 1.0 / 132,
                             -1.0 / 240, 1.0 / 252, -1.0 / 120, 1.0 / 12});
  const Value tail = s.fma(s.neg(p.square), series, s.mul(p.inverse, s.like(x, -0.5)));
  const Value at_y = s.add(log_of(s, reduce_log(s, p.y), s.like(x, 0)), tail);
  const Value at_a = s.select(p.shift, s.sub(at_y, steps(s, p.a, 1)), at_y);
  const Value positive = s.select(s.eq(p.a, s.like(x, INFINITY)), p.a, at_a);
  const Value f = s.sub(x, s.roundeven(x));
  const Turn t = turn(s, f);
  const Value reflected = s.sub(positive, s.mul(s.like(x, kPi), s.div(t.cosine, t.sine)));
  const Value finite = s.select(s.eq(x, s.like(x, -INFINITY)), s.like(x, NAN), reflected);
  return s.select(p.reflect, s.select(s.eq(f, s.like(x, 0)), odd_pole(s, x), finite), positive);
}

Value trigamma(Builder& s, Value x) {
  const Places p = places(s, x);
  const Value series = poly(s, p.square, {-1.0 / 30, 1.0 / 42, -1.0 / 30, 1.0 / 6},
                            {854513.0 / 138, -174611.0 / 330, 43867.0 / 798, -3617.0 / 510, 7.0 / 6, -691.0 / 2730,
                             5.0 / 66, -1.0 / 30, 1.0 / 42, -1.0 / 30, 1.0 / 6});
  const Value head = s.fma(p.square, s.like(x, 0.5), p.inverse);
  const Value at_y = s.fma(s.mul(p.square, p.inverse), series, head);
  const Value positive = s.select(p.shift, s.add(at_y, steps(s, p.a, 2)), at_y);
  const Value f = s.sub(x, s.roundeven(x));
  const Value ratio = s.div(s.like(x, kPi), turn(s, f).sine);
  const Value reflected = s.sub(s.mul(ratio, ratio), positive);
  return s.select(p.reflect, s.select(s.eq(f, s.like(x, 0)), s.like(x, INFINITY), reflected), positive);
}

Value tetragamma(Builder& s, Value x) {
  const Places p = places(s, x);
  const Value series = poly(s, p.square, {-3.0 / 10, 1.0 / 6, -1.0 / 6, 1.0 / 2},
                            {854513.0 / 6, -1222277.0 / 110, 43867.0 / 42, -3617.0 / 30, 35.0 / 2, -691.0 / 210,
                             5.0 / 6, -3.0 / 10, 1.0 / 6, -1.0 / 6, 1.0 / 2});
  const Value head = s.fma(p.square, p.inverse, p.square);
  const Value at_y = s.fma(s.mul(p.square, p.square), series, head);
  const Value at_a = s.fma(steps(s, p.a, 3), s.like(x, 2), at_y);
  const Value positive = s.neg(s.select(p.shift, at_a, at_y));
  const Value f = s.sub(x, s.roundeven(x));
  const Turn t = turn(s, f);
  const Value ratio = s.div(s.like(x, kPi), t.sine), cube = s.mul(s.mul(ratio, ratio), ratio);
  const Value reflected = s.sub(positive, s.mul(cube, s.mul(t.cosine, s.like(x, 2))));
  return s.select(p.reflect, s.select(s.eq(f, s.like(x, 0)), odd_pole(s, x), reflected), positive);
}

}  // namespace lazuli::scalar
