// Pieces that several expansions share: error-free sums and products, powers of two, the reduced logarithm.
// Private to ir/scalar. T below is the type of the operand, float32 or float64; its integer twin is int32 or int64.
#pragma once
#include "ir/scalar/math.h"

namespace lazuli::scalar::parts {

inline bool wide(Builder& s, Value x) {
  return s.type(x) == kFloat64;
}
inline DType int_twin(Builder& s, Value x) {
  return wide(s, x) ? kInt64 : kInt32;
}
inline int mantissa_bits(Builder& s, Value x) {
  return wide(s, x) ? 52 : 23;
}

/// The constant for the type of `x`.
inline Value pick(Builder& s, Value x, double f32, double f64) {
  return s.like(x, wide(s, x) ? f64 : f32);
}
/// Horner with the list for the type of `x`, highest first.
inline Value poly(Builder& s, Value x, std::initializer_list<double> f32, std::initializer_list<double> f64) {
  return s.poly(x, wide(s, x) ? f64 : f32);
}
/// max(x, lo) and min(x, hi) that let NaN through and are one instruction each.
inline Value at_least(Builder& s, Value x, Value lo) {
  return s.select(s.lt(x, lo), lo, x);
}
inline Value at_most(Builder& s, Value x, Value hi) {
  return s.select(s.lt(hi, x), hi, x);
}

/// An unevaluated sum hi + lo with |lo| <= ulp(hi) / 2.
struct Pair {
  Value hi, lo;
};
/// a + b exactly, for |a| >= |b| or a = 0.
Pair fast_two_sum(Builder& s, Value a, Value b);
/// a + b exactly.
Pair two_sum(Builder& s, Value a, Value b);
/// a * b exactly (barring underflow).
Pair two_product(Builder& s, Value a, Value b);
/// pi / 2.
Pair half_pi(Builder& s, Value like);
/// Sum and product of pairs, relative error a few units of 2^-2p.
Pair add(Builder& s, Pair a, Value b);
Pair add(Builder& s, Pair a, Pair b);
Pair mul(Builder& s, Pair a, Value b);
Pair mul(Builder& s, Pair a, Pair b);
/// a / b to nearly twice the precision.
Pair div(Builder& s, Pair a, Pair b);
Pair sqrt(Builder& s, Pair a);

/// A whole number held twice: as a float, and in the low bits of an integer (its bits above 9, or 12, are garbage).
struct Whole {
  Value number, bits;
};
/// The whole number nearest to a*b, for |a*b| < 2^22 (2^51). Adding 1.5*2^23 leaves it in the low mantissa bits;
/// one fma does what a multiplication, a rounding and a saturating conversion would.
Whole round_product(Builder& s, Value a, Value b);
/// 2^n for n.number in the range of normal exponents.
Value pow2(Builder& s, Value bits, Value like);
/// y * 2^n by two multiplications with half the exponent each: rounds once, also into the denormals and to infinity.
Value scale(Builder& s, Value y, Whole n);

/// x = n ln2 + r with |r| <= ln2 / 2.
struct ExpReduced {
  Value r;
  Whole n;
};
ExpReduced reduce_exp(Builder& s, Value x);
/// Q of e^r = 1 + r + r^2 Q(r).
Value exp_tail(Builder& s, Value r);
/// e^x for x already clamped: float32 to [-104, 89], float64 to [-746, 710].
Value exp_clamped(Builder& s, Value x);
Value clamp_exp(Builder& s, Value x);
/// 2^r for |r| <= 0.505.
Value exp2_reduced(Builder& s, Value r);

/// x = 2^e (1 + f), f in [-1/3, 1/3], for x finite, positive; denormals included. `e` is a float.
struct LogReduced {
  Value e, f;
};
LogReduced reduce_log(Builder& s, Value x);
/// f^2 W(f) of log(1 + f) = f + f^2 W(f).
Value log_tail(Builder& s, Value f);
/// e ln2 + log(1 + f) + c, where c is tiny against 1.
Value log_of(Builder& s, LogReduced x, Value c);
/// e ln2 + log(1 + f) as a pair; its low part is good to about 2^-28 (2^-57).
Pair log_pair(Builder& s, LogReduced x);
/// sin(n pi/2 + r) for |r| <= 1.005 pi/4; only the two lowest bits of n count.
Value sin_of(Builder& s, Value r, Value n);
/// log(1 + x + x_lo), x > -1; x_lo is below an ulp of x. No special values.
Value log1p_of(Builder& s, Value x, Value x_lo);
/// What log gives at 0, below 0, at infinity and at NaN; `y` elsewhere.
Value log_specials(Builder& s, Value x, Value y);

}  // namespace lazuli::scalar::parts
