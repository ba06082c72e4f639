#include "ir/scalar/math_parts.h"

#include <cmath>

namespace lazuli::scalar::parts {

Pair fast_two_sum(Builder& s, Value a, Value b) {
  const Value hi = s.add(a, b);
  return {hi, s.sub(b, s.sub(hi, a))};
}

Pair two_sum(Builder& s, Value a, Value b) {
  const Value hi = s.add(a, b);
  const Value bb = s.sub(hi, a);
  return {hi, s.add(s.sub(a, s.sub(hi, bb)), s.sub(b, bb))};
}

Pair two_product(Builder& s, Value a, Value b) {
  const Value hi = s.mul(a, b);
  return {hi, s.fma(a, b, s.neg(hi))};
}

Pair half_pi(Builder& s, Value like) {
  return {pick(s, like, 0x1.921fb6p+0, 0x1.921fb54442d18p+0), pick(s, like, -0x1.777a5cp-25, 0x1.1a62633145c07p-54)};
}

Pair add(Builder& s, Pair a, Value b) {
  const Pair t = two_sum(s, a.hi, b);
  return fast_two_sum(s, t.hi, s.add(t.lo, a.lo));
}

Pair add(Builder& s, Pair a, Pair b) {
  const Pair t = two_sum(s, a.hi, b.hi);
  return fast_two_sum(s, t.hi, s.add(t.lo, s.add(a.lo, b.lo)));
}

Pair mul(Builder& s, Pair a, Value b) {
  const Pair t = two_product(s, a.hi, b);
  return fast_two_sum(s, t.hi, s.fma(a.lo, b, t.lo));
}

Pair mul(Builder& s, Pair a, Pair b) {
  const Pair t = two_product(s, a.hi, b.hi);
  return fast_two_sum(s, t.hi, s.fma(a.lo, b.hi, s.fma(a.hi, b.lo, t.lo)));
}

Pair div(Builder& s, Pair a, Pair b) {
  const Value q = s.div(a.hi, b.hi);
  // The remainder of q is exact; the low parts enter to first order.
  const Value rest = s.fma(s.neg(q), b.lo, s.add(s.fma(s.neg(q), b.hi, a.hi), a.lo));
  return {q, s.div(rest, b.hi)};
}

Pair sqrt(Builder& s, Pair a) {
  const Value r = s.sqrt(a.hi);
  const Value rest = s.add(s.fma(s.neg(r), r, a.hi), a.lo);
  const Value lo = s.div(rest, s.add(r, r));
  return {r, s.select(s.eq(r, s.like(r, 0)), r, lo)};
}

Whole round_product(Builder& s, Value a, Value b) {
  const Value magic = pick(s, a, 0x1.8p23, 0x1.8p52);
  const Value t = s.fma(a, b, magic);
  return {s.sub(t, magic), s.bitcast(t, int_twin(s, a))};
}

Value pow2(Builder& s, Value bits, Value like) {
  const Value one = s.bitcast(s.like(like, 1), s.type(bits));
  return s.bitcast(s.add(s.shl(bits, mantissa_bits(s, like)), one), s.type(like));
}

Value scale(Builder& s, Value y, Whole n) {
  return s.scale2(y, n.number);
}

ExpReduced reduce_exp(Builder& s, Value x) {
  const Whole n = round_product(s, x, s.like(x, 0x1.71547652b82fep+0));
  // n * hi is a multiple of ulp(hi) and cancels against x, so the first step is exact. Both constants are negative:
  // then r is -0 where x is.
  const Value r = s.fma(n.number, pick(s, x, -0x1.62e42ep-1, -0x1.62e42fefa39efp-1), x);
  return {s.fma(n.number, pick(s, x, -0x1.efa39ep-25, -0x1.abc9e3b39803fp-56), r), n};
}

// Remez on |r| <= 1.02 ln2 / 2, error relative to e^r - 1: float32 2^-27.9, float64 2^-61.1.
Value exp_tail(Builder& s, Value r) {
  return poly(s, r, {1.4852946e-04, 1.3931991e-03, 8.34206e-03, 4.16665e-02, 1.6666633e-01, 5.e-01},
              {2.0919245223637441e-9, 2.5111276273645099e-8, 2.7557247597832046e-7, 2.7557237823429092e-6,
               2.4801587369634706e-5, 0.00019841269892480231, 0.0013888888888856949, 0.0083333333333191137,
               0.041666666666666713, 0.1666666666666668, 0.5});
}

// Beyond these the result is 0 or infinity whatever the rest of the expansion does.
Value clamp_exp(Builder& s, Value x) {
  return at_most(s, at_least(s, x, pick(s, x, -104, -746)), pick(s, x, 89, 710));
}

Value exp_clamped(Builder& s, Value x) {
  const auto [r, n] = reduce_exp(s, x);
  const Value one = s.like(x, 1);
  const Value y = s.fma(s.fma(exp_tail(s, r), r, one), r, one);
  return scale(s, y, n);
}

// (2^r - 1) / r by Remez on |r| <= 0.505, error times r: float32 2^-27, float64 2^-56.
Value exp2_reduced(Builder& s, Value r) {
  const Value p = poly(s, r, {1.5471083e-04, 1.339202e-03, 9.618027e-03, 5.550355e-02, 2.402265e-01, 6.931472e-01},
                       {4.582981896302464e-10, 7.074382108564152e-9, 1.0177258750764023e-7, 1.3215432734237737e-6,
                        1.5252735587565506e-5, 0.00015403530459640012, 0.0013333558144858208, 0.0096181291075949551,
                        0.055504108664826385, 0.24022650695910119, 0.69314718055994529});
  return s.fma(p, r, s.like(r, 1));
}

LogReduced reduce_log(Builder& s, Value x) {
  const bool d = wide(s, x);
  const int shift = mantissa_bits(s, x);
  const Value denormal = s.lt(x, pick(s, x, 0x1p-126, 0x1p-1022));
  const Value normal = s.select(denormal, s.mul(x, pick(s, x, 0x1p23, 0x1p52)), x);
  const Value bits = s.bitcast(normal, int_twin(s, x));
  // Taking the exponent relative to 2/3 puts 1 + f into [2/3, 4/3).
  const Value two_thirds = s.bitcast(s.like(x, 2.0 / 3), s.type(bits));
  const Value e = s.ashr(s.sub(bits, two_thirds), shift);
  const Value m = s.bitcast(s.sub(bits, s.shl(e, shift)), s.type(x));
  Value ef;
  if (d) {
    // Vector units before AVX-512 do not convert int64; adding to the mantissa of 1.5*2^52 does it anywhere.
    const Value magic = s.like(x, 0x1.8p52);
    ef = s.sub(s.bitcast(s.add(e, s.bitcast(magic, kInt64)), kFloat64), magic);
  } else {
    ef = s.convert(e, kFloat32);
  }
  ef = s.select(denormal, s.sub(ef, s.like(x, shift)), ef);
  return {ef, s.sub(m, s.like(x, 1))};
}

// Remez on |f| <= 1/3, error relative to log(1 + f): float32 2^-27.6, float64 below 2^-58.
Value log_tail(Builder& s, Value f) {
  const Value w = poly(s, f,
                       {-1.24859795e-01, 1.4061145e-01, -1.22736245e-01, 1.3989645e-01, -1.6674444e-01, 2.0011435e-01,
                        -2.499992e-01, 3.3333197e-01, -5.e-01},
                       {-0.08118371157084793,  0.08536642146592216,   -0.039718735601358857,
                        0.041549235207087205,  -0.057124989257246024, 0.060565793529543138,
                        -0.062356088700545848, 0.066500329771031472,  -0.071436837206757697,
                        0.076933147288697171,  -0.083333035486702137, 0.090908703406380867,
                        -0.10000000653684694,  0.11111112030036899,   -0.12499999991822468,
                        0.14285714273217798,   -0.16666666666717628,  0.2000000000008417,
                        -0.24999999999999892,  0.33333333333333137,   -0.5});
  return s.mul(s.mul(f, f), w);
}

namespace {
/// e ln2 + log(1 + f) + c as a sum of a large and a small part.
Pair log_sum(Builder& s, LogReduced x, Value c) {
  // The leading bits of ln2 times e are exact; two_sum keeps what adding f to them loses.
  const Pair t = fast_two_sum(s, s.mul(x.e, pick(s, x.f, 0x1.62e4p-1, 0x1.62e42fefa4p-1)), x.f);
  const Value low = s.fma(x.e, pick(s, x.f, 0x1.7f7d1cp-20, -0x1.8432a1b0e2634p-43), s.add(t.lo, c));
  return {t.hi, s.add(low, log_tail(s, x.f))};
}
}  // namespace

Value log_of(Builder& s, LogReduced x, Value c) {
  const Pair y = log_sum(s, x, c);
  return s.add(y.hi, y.lo);
}

Pair log_pair(Builder& s, LogReduced x) {
  const Pair y = log_sum(s, x, s.like(x.f, 0));
  return fast_two_sum(s, y.hi, y.lo);
}

Value log1p_of(Builder& s, Value x, Value x_lo) {
  const Pair u = two_sum(s, s.like(x, 1), x);
  const Value c = s.div(s.add(u.lo, x_lo), u.hi);
  return log_of(s, reduce_log(s, u.hi), c);
}

Value log_specials(Builder& s, Value x, Value y) {
  const Value zero = s.like(x, 0), inf = s.like(x, INFINITY);
  const Value below = s.select(s.eq(x, zero), s.neg(inf), s.like(x, NAN));
  return s.select(s.lt(zero, x), s.select(s.eq(x, inf), inf, y), below);
}

}  // namespace lazuli::scalar::parts
