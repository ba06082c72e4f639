// sin, cos and tan.
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

namespace {

/// x = n pi + r or x = (n + 1/2) pi + r; only the lowest bit of `n` counts.
struct Reduced {
  Value r, n;
};

/// sin(r) for |r| <= 1.005 pi/2. Remez, relative error: float32 2^-27.2, float64 2^-61.9.
Value sin_poly(Builder& s, Value r) {
  const Value z = s.mul(r, r);
  const Value p = poly(s, z, {2.6051473e-06, -1.9809442e-04, 8.3330665e-03, -1.666666e-01},
                       {-1.7363703264376028e-18, 2.7398565127475905e-15, -7.6438272286175213e-13,
                        1.6058959811335011e-10, -2.5052107153541691e-8, 2.7557319213424522e-6, -0.00019841269841219553,
                        0.008333333333333217, -0.16666666666666666});
  return s.fma(s.mul(z, r), p, r);
}

Reduced reduce(Builder& s, Value x, bool half_turn) {
  const Value inverse = s.like(x, 0x1.45f306dc9c883p-2);
  const Value half = s.like(x, 0.5);
  Whole n = half_turn ? round_product(s, s.fma(x, inverse, s.neg(half)), s.like(x, 1)) : round_product(s, x, inverse);
  if (half_turn) n.number = s.add(n.number, half);
  // With n below 2^22 (2^51) the first step is exact: all its terms are multiples of 2^-22 (2^-51).
  Value r = s.fma(n.number, pick(s, x, -0x1.921fb6p+1, -0x1.921fb54442d18p+1), x);
  r = s.fma(n.number, pick(s, x, 0x1.777a5cp-24, -0x1.1a62633145c07p-53), r);
  r = s.fma(n.number, pick(s, x, 0x1.ee59dap-49, 0x1.f1976b7ed8fbcp-109), r);
  return {r, n.bits};
}

}  // namespace

Value sin(Builder& s, Value x) {
  const auto [r, n] = reduce(s, x, false);
  const DType bits = s.type(n);
  const Value sign = s.shl(n, static_cast<int>(8 * itemsize(bits)) - 1);
  return sin_poly(s, s.bitcast(s.bit_xor(s.bitcast(r, bits), sign), s.type(x)));
}

Value cos(Builder& s, Value x) {
  const auto [r, n] = reduce(s, x, true);
  const DType bits = s.type(n);
  const Value sign = s.shl(s.bit_not(n), static_cast<int>(8 * itemsize(bits)) - 1);
  return sin_poly(s, s.bitcast(s.bit_xor(s.bitcast(r, bits), sign), s.type(x)));
}

}  // namespace lazuli::scalar
