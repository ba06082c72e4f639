// The tail of the normal distribution: erfc and gelu.
//
// Both are e^-square times a function that falls slowly and takes a rounded argument well. e^-square does not, so the
// square is a pair. The slow function is a polynomial in a quotient that takes [0, infinity) to a finite interval. What
// rounding the quotient left over is added in the end, times a slope that needs to be right to some tenths only.
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

namespace {

/// n / d, rounded, and what is left over: n - value * d.
struct Quotient {
  Value value, rest;
};

/// n / (a + k) for 0 <= a < 64. k is a multiple of 1/2 and so of every ulp that the sum can have: taking it off the sum
/// again is exact.
Quotient over_sum(Builder& s, Value n, Value a, double k) {
  const Value kv = s.like(a, k), d = s.add(a, kv), d_lo = s.sub(a, s.sub(d, kv));
  const Value q = s.div(n, d), minus_q = s.neg(q);
  return {q, s.fma(minus_q, d_lo, s.fma(minus_q, d, n))};
}

/// A step of a polynomial, p u + c, and what it rounds off.
Pair step(Builder& s, Value p, Value u, Value c) {
  const Value y = s.fma(p, u, c);
  return {y, s.fma(p, u, s.sub(c, y))};
}

/// x y; the parts may overlap by some bits.
Pair product(Builder& s, Value x, Pair y) {
  const Pair g = two_product(s, x, y.hi);
  return {g.hi, s.fma(x, y.lo, g.lo)};
}

/// (g.hi + g.lo) e^-square. g.lo may be some ulps of g.hi.
Value damped(Builder& s, Pair g, Pair square) {
  auto [r, n] = reduce_exp(s, s.neg(square.hi));
  r = s.sub(r, square.lo);
  // float32: Remez as in exp_tail, but relative to e^r, 2^-28.1, which takes a coefficient less.
  const Value q = wide(s, r) ? exp_tail(s, r)
                             : s.poly(r, {1.382478e-03, 8.369384e-03, 4.1668236e-02, 1.6666515e-01, 4.9999994e-01});
  const Value em1 = s.fma(s.mul(r, r), q, r);
  return scale(s, s.add(g.hi, s.fma(s.add(g.hi, g.lo), em1, g.lo)), n);
}

}  // namespace

// erfc(a) = e^(-a^2) erfcx(a), erfcx(a) = t P(u) with t = k / (a + k) and u = (a - k) / (a + k) = 1 - 2t.
Value erfc(Builder& s, Value x) {
  const double k = wide(s, x) ? 4 : 3;
  const Value a = at_most(s, s.abs(x), pick(s, x, 11, 28));
  const Quotient t = over_sum(s, s.like(x, k), a, k);
  const Value u = s.fma(t.value, s.like(x, -2), s.like(x, 1));
  // Remez for (1 + a/k) erfcx(a), a up to 11 (26.7; beyond, the result is no normal number), relative error:
  // float32 2^-26.4, float64 2^-58.
  const Value p2 =
      poly(s, u,
           {5.837245e-06, -9.6042924e-05, -1.5763401e-04, 1.0190113e-03, -4.1293146e-04, -8.945014e-03, 3.9844096e-02,
            -1.0348879e-01, 1.9674267e-01},
           {2.4739313869799227e-10,  -1.156160820183907e-10,  -3.847129924745854e-09,  7.026688153551466e-10,
            3.101178296968198e-08,   -1.9547640991012784e-08, -2.1154451644387507e-07, 3.565538998049908e-07,
            1.1736138863945946e-06,  -4.715456685688368e-06,  -9.088005101707768e-07,  4.420327385421248e-05,
            -0.00011376316883677583, -7.02397292427604e-05,   0.001528013913664033,    -0.00659251333363274,
            0.019095378727335202,    -0.0435027343100738,     0.08271289696950362,     -0.13521345782830618,
            0.19330217556630924});
  const Pair p1 = step(s, p2, u, pick(s, x, -2.9446483e-01, -0.24413718227022052));
  Pair p = step(s, p1.hi, u, pick(s, x, 3.580023e-01, 0.27399891525012277));
  p.lo = s.fma(p1.lo, u, p.lo);
  if (wide(s, x)) p.lo = s.add(p.lo, s.like(x, 0x1.0d459a709455fp-56));  // the rest of the constant
  Pair g = product(s, t.value, p);
  const Value slope = poly(s, t.value, {0.38, 0.45, 0.3}, {0.72, 0.13, 0.25});  // of log erfcx
  g.lo = s.fma(g.hi, s.mul(t.rest, slope), g.lo);
  const Value y = damped(s, g, two_product(s, a, a));
  return s.select(s.lt(x, s.like(x, 0)), s.sub(s.like(x, 2), y), y);
}

// x - |x| tail(|x|) for x >= 0 and -|x| tail(|x|) below; tail(a) = erfc(a / sqrt(2)) / 2 and
// a tail(a) = e^(-a^2 / 2) q P(q) with q = a / (a + k).
Value gelu(Builder& s, Value x) {
  const Value zero = s.like(x, 0), a = at_most(s, s.abs(x), pick(s, x, 15, 39));
  const Quotient q = over_sum(s, a, a, wide(s, x) ? 5 : 3.5);
  // Around a point near the middle where P is almost a number of the type.
  const Value u = s.sub(q.value, pick(s, x, 0.38330078125, 0.4111328125));
  // Remez for (a + k) / 2 * erfcx(a / sqrt(2)), a up to 13.2 (37.7; beyond, the result is no normal number), relative
  // error: float32 2^-26.8, float64 2^-56.1.
  const Value p2 = poly(s, u,
                        {5.8618713e-02, 4.816965e-02, -1.3697892e-01, -1.1776116e-01, 3.2371858e-01, 1.2051371e-01,
                         -1.0242032e+00, 1.6056648e+00},
                        {0.004325021767727039, -0.00041999438056971987, -0.011814775025934471, -0.0006670118957976511,
                         0.02145548144286932,  0.0044488818315899775,   -0.03727409107376499,  -0.00926674810747562,
                         0.07030743264893305,  0.004455477539754832,    -0.14466849734193418,  0.06534753989724952,
                         0.2801207257259569,   -0.43538243603370863,    -0.1558650318218798,   1.5071114579771085,
                         -2.974692405022994,   3.7890842686796655,      -3.6409344460853728,   2.791848981776638});
  const Pair p1 = step(s, p2, u, pick(s, x, -1.4650869e+00, -1.7504698318453835));
  Pair p = step(s, p1.hi, u, pick(s, x, 8.9512223e-01, 0.9050388023520051));
  if (wide(s, x)) p.lo = s.fma(p1.lo, u, p.lo);
  Pair g = product(s, q.value, p);
  const Value slope = at_least(s, s.fma(q.value, pick(s, x, -0.875, -1.2), pick(s, x, 0.35, 0.36)), zero);
  g.lo = s.fma(q.rest, slope, g.lo);
  const Value z = damped(s, g, two_product(s, a, s.mul(a, s.like(x, 0.5))));
  // Below 0, x * 0 is -0, or NaN if x is infinite.
  return s.sub(s.select(s.le(zero, x), x, s.mul(x, zero)), z);
}

// Halley's method on erf(y) = |x| from a rational approximation (G. L. Pavlis, erfinv.m, 1996; error below 2e-3). Near
// 1 the residual is taken from erfc, where nothing cancels.
Value erfinv(Builder& s, Value x) {
  const Value a = s.abs(x), one = s.like(x, 1), rest = s.sub(one, a);
  const Value z = s.mul(a, a);
  const Value low = s.div(s.mul(a, s.poly(z, {-0.140543331, 0.914624893, -1.645349621, 0.886226899})),
                          s.poly(z, {0.012229801, -0.329097515, 1.442710462, -2.118377725, 1}));
  const Value w = s.sqrt(s.neg(log(s, s.mul(rest, s.like(x, 0.5)))));
  const Value high = s.div(s.poly(w, {1.641345311, 3.429567803, -1.624906493, -1.970840454}),
                           s.poly(w, {1.637067800, 3.543889200, 1}));
  const Value central = s.le(a, s.like(x, 0.7));
  Value y = s.select(central, low, high);
  for (int step = 0; step < 2; ++step) {
    const Value miss = s.select(central, s.sub(erf(s, y), a), s.sub(rest, erfc(s, y)));
    const Value u = s.div(miss, s.mul(s.like(x, 1.1283791670955126), exp(s, s.neg(s.mul(y, y)))));
    y = s.sub(y, s.div(u, s.fma(y, u, one)));
  }
  return s.copysign(s.select(s.eq(a, one), s.like(x, __builtin_inf()), y), x);
}

}  // namespace lazuli::scalar
