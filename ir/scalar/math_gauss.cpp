// The tail of the normal distribution: erfc and gelu.
//
// erfc(a) = e^(-a^2) erfcx(a). erfcx falls slowly and takes a rounded argument well; e^(-a^2) does not, so a^2 is a
// pair, which for gelu comes from x^2 / 2 and not from a rounded x / sqrt(2).
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

namespace {

double center(Builder& s, Value x) {
  return wide(s, x) ? 4 : 3;
}

/// weight * e^-square * erfcx(a), where d = a + center and square = a^2.
Value gauss_tail(Builder& s, Pair square, Pair d, Value weight) {
  const double k = center(s, weight);
  const Value one = s.like(weight, 1);
  // t = k / (a + k) as a pair; u = (a - k) / (a + k) = 1 - 2t.
  const Value th = s.div(s.like(weight, k), d.hi);
  const Value rest = s.fma(s.neg(th), d.lo, s.fma(s.neg(th), d.hi, s.like(weight, k)));
  const Value tl = s.mul(s.mul(rest, th), s.like(weight, 1 / k));
  const Value u = s.fma(tl, s.like(weight, -2), s.fma(th, s.like(weight, -2), one));
  // Remez for (1 + a/k) erfcx(a), a up to 11 (28), relative error: float32 2^-26.4, float64 2^-58.
  // The last two steps keep what they round off.
  const Value c0 = pick(s, weight, 3.580023e-01, 0.27399891525012277),
              c0_lo = pick(s, weight, 0, 0x1.0ff9287a4ec16p-56);
  const Value c1 = pick(s, weight, -2.9446483e-01, -0.24413718227022052);
  const Value p2 =
      poly(s, u,
           {5.837245e-06, -9.6042924e-05, -1.5763401e-04, 1.0190113e-03, -4.1293146e-04, -8.945014e-03, 3.9844096e-02,
            -1.0348879e-01, 1.9674267e-01},
           {2.599061548795278e-10,   -7.976068316894123e-11, -3.84909106739587e-09,   6.12705827843937e-10,
            3.096416031879495e-08,   -1.945371347336104e-08, -2.1146902105674437e-07, 3.565012638716571e-07,
            1.1735587072598211e-06,  -4.715439699893735e-06, -9.087773450937289e-07,  4.4203270727274214e-05,
            -0.00011376317475568986, -7.023972894338928e-05, 0.0015280139145818906,   -0.006592513333643843,
            0.01909537872725315,     -0.04350273431007379,   0.08271289696950737,     -0.13521345782830618,
            0.1933021755663092});
  const Value p1 = s.fma(p2, u, c1), p1_lo = s.fma(p2, u, s.sub(c1, p1));
  const Value p = s.fma(p1, u, c0), p_lo = s.fma(p1_lo, u, s.fma(p1, u, s.add(s.sub(c0, p), c0_lo)));
  const Value tp = s.mul(th, p), tp_lo = s.fma(tl, p, s.fma(th, p_lo, s.fma(th, p, s.neg(tp))));
  const Pair g = mul(s, Pair{tp, tp_lo}, weight);
  auto [r, n] = reduce_exp(s, s.neg(square.hi));
  r = s.sub(r, square.lo);
  const Value em1 = s.fma(s.mul(r, r), exp_tail(s, r), r);
  return scale(s, s.add(g.hi, s.fma(g.hi, em1, g.lo)), n);
}

}  // namespace

Value erfc(Builder& s, Value x) {
  const Value a = at_most(s, s.abs(x), pick(s, x, 11, 28));
  const Value y = gauss_tail(s, two_product(s, a, a), two_sum(s, a, s.like(x, center(s, x))), s.like(x, 1));
  return s.select(s.lt(x, s.like(x, 0)), s.sub(s.like(x, 2), y), y);
}

// x - |x| tail(|x|) for x >= 0 and -|x| tail(|x|) below, tail(x) = erfc(x / sqrt(2)) / 2.
Value gelu(Builder& s, Value x) {
  const Value a = at_most(s, s.abs(x), pick(s, x, 15, 39)), half = s.like(x, 0.5);
  Pair square = two_product(s, a, a);
  square = {s.mul(square.hi, half), s.mul(square.lo, half)};
  const Pair root_half = {pick(s, x, 0x1.6a09e6p-1, 0x1.6a09e667f3bcdp-1),
                          pick(s, x, 0x1.9fcef4p-27, -0x1.bdd3413b26456p-55)};
  const Pair d = add(s, mul(s, root_half, a), s.like(x, center(s, x)));
  const Value z = gauss_tail(s, square, d, s.mul(a, half));
  const Value y = s.select(s.le(s.like(x, 0), x), s.sub(x, z), s.neg(z));
  return s.select(s.eq(x, s.like(x, -INFINITY)), s.like(x, NAN), y);
}

}  // namespace lazuli::scalar
