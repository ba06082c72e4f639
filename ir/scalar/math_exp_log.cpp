// Exponentials, logarithms and what is one step away from them.
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

Value exp(Builder& s, Value x) {
  return exp_clamped(s, clamp_exp(s, x));
}

Value exp2(Builder& s, Value x) {
  x = at_most(s, at_least(s, x, pick(s, x, -151, -1076)), pick(s, x, 128, 1024));
  const Whole n = round_product(s, x, s.like(x, 1));
  return scale(s, exp2_reduced(s, s.sub(x, n.number)), n);
}

// e^x - 1 = 2^n (e^r - 1) + (2^n - 1). Powers are halved so that n = 128 does not overflow before the end.
Value expm1(Builder& s, Value x) {
  const Value clamped = at_most(s, at_least(s, x, pick(s, x, -20, -40)), pick(s, x, 89, 710));
  const auto [r, n] = reduce_exp(s, clamped);
  const Value em1 = s.fma(s.mul(r, r), exp_tail(s, r), r);
  const Value half = pow2(s, s.sub(n.bits, s.constant_int(s.type(n.bits), 1)), x);
  const Value y = s.fma(half, em1, s.sub(half, s.like(x, 0.5)));
  // n = 0 leaves e^r - 1 itself, which keeps tiny results; the sign is that of x (which zero needs).
  return s.copysign(s.select(s.eq(n.number, s.like(x, 0)), em1, s.add(y, y)), x);
}

Value log(Builder& s, Value x) {
  return log_specials(s, x, log_of(s, reduce_log(s, x), s.like(x, 0)));
}

namespace {

/// Logarithm to a base b: `scale` = 1/ln b as hi + lo, `two` = log_b 2 as short hi + lo.
Value log_to_base(Builder& s, Value x, Value scale_hi, Value scale_lo, Value two_hi, Value two_lo) {
  const LogReduced r = reduce_log(s, x);
  const Pair v = two_product(s, r.f, scale_hi);
  const Pair t = fast_two_sum(s, s.mul(r.e, two_hi), v.hi);
  const Value low = s.fma(r.e, two_lo, s.add(t.lo, s.fma(r.f, scale_lo, v.lo)));
  return log_specials(s, x, s.add(t.hi, s.fma(log_tail(s, r.f), scale_hi, low)));
}

}  // namespace

Value log2(Builder& s, Value x) {
  return log_to_base(s, x, pick(s, x, 0x1.715476p+0, 0x1.71547652b82fep+0),
                     pick(s, x, 0x1.4ae0cp-26, 0x1.777d0ffda0d24p-56), s.like(x, 1), s.like(x, 0));
}

Value log10(Builder& s, Value x) {
  return log_to_base(s, x, pick(s, x, 0x1.bcb7b2p-2, 0x1.bcb7b1526e50ep-2),
                     pick(s, x, -0x1.5b235ep-27, 0x1.95355baaafad3p-57), pick(s, x, 0x1.344p-2, 0x1.34413509f8p-2),
                     pick(s, x, 0x1.3509f8p-18, -0x1.80433b83b532ap-44));
}

Value log1p(Builder& s, Value x) {
  const Value zero = s.like(x, 0), inf = s.like(x, INFINITY);
  const Value y = log1p_of(s, x, zero);
  const Value below = s.select(s.eq(x, s.like(x, -1)), s.neg(inf), s.like(x, NAN));
  const Value finite = s.select(s.lt(s.like(x, -1), x), y, below);
  return s.select(s.bit_or(s.eq(x, zero), s.eq(x, inf)), x, finite);
}

// e^-|x| never overflows: sigmoid is e^-|x| / (1 + e^-|x|) below zero and 1 / (1 + e^-|x|) above.
Value sigmoid(Builder& s, Value x) {
  const Value one = s.like(x, 1);
  const Value z = exp_clamped(s, at_least(s, s.neg(s.abs(x)), pick(s, x, -104, -746)));
  const Pair w = fast_two_sum(s, one, z);
  const Value q = s.div(s.select(s.lt(x, s.like(x, 0)), z, one), w.hi);
  return s.fma(s.neg(q), w.lo, q);
}

}  // namespace lazuli::scalar
