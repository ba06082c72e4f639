// Division, powers and random bits that are made of integer work or of exact float steps.
#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

Value rsqrt(Builder& s, Value x) {
  return s.div(s.like(x, 1), s.sqrt(x));
}

// A guess from a third of the exponent (off by 4%), then Halley steps, which cube the error: the last one with the
// residual computed exactly, so that only the final addition rounds.
Value cbrt(Builder& s, Value x) {
  const bool d = wide(s, x);
  const DType bits = int_twin(s, x);
  const Value a = s.abs(x);
  // Away from both ends of the range, so that neither the residual underflows nor 2 t^3 + m overflows.
  const Value tiny = s.lt(a, pick(s, x, 0x1p-60, 0x1p-500)), huge = s.lt(pick(s, x, 0x1p60, 0x1p500), a);
  const Value one = s.like(x, 1);
  const Value into = s.select(tiny, pick(s, x, 0x1p90, 0x1p600), s.select(huge, pick(s, x, 0x1p-90, 0x1p-600), one));
  const Value back = s.select(tiny, pick(s, x, 0x1p-30, 0x1p-200), s.select(huge, pick(s, x, 0x1p30, 0x1p200), one));
  const Value m = s.mul(a, into);
  Value guess;
  if (d) {
    // The high word decides; a third of it by a multiplication in 64 bits.
    const Value high = s.lshr(s.bitcast(m, bits), 32);
    const Value third = s.lshr(s.mul(high, s.constant_int(bits, 0x55555556)), 32);
    guess = s.bitcast(s.shl(s.add(third, s.constant_int(bits, 715094163)), 32), s.type(x));
  } else {
    const Value third = s.umulhi(s.bitcast(m, bits), s.constant_int(bits, 0x55555556));
    guess = s.bitcast(s.add(third, s.constant_int(bits, 709958130)), s.type(x));
  }
  Value t = guess;
  for (int i = 0; i < (d ? 2 : 1); ++i) {
    const Value cube = s.mul(s.mul(t, t), t);
    const Value num = s.sub(cube, m), den = s.fma(cube, s.like(x, 2), m);
    t = s.fma(s.neg(t), s.div(num, den), t);
  }
  const Pair square = two_product(s, t, t);
  const Pair cube = two_product(s, square.hi, t);
  const Value rest = s.add(s.sub(cube.hi, m), s.fma(square.lo, t, cube.lo));
  const Value den = s.fma(cube.hi, s.like(x, 2), m);
  const Value y = s.fma(s.neg(t), s.div(rest, den), t);
  const Value regular = s.bit_and(s.lt(s.like(x, 0), a), s.lt(a, s.like(x, __builtin_inf())));
  return s.select(regular, s.copysign(s.mul(y, back), x), x);
}

namespace {
Value signs_differ(Builder& s, Value a, Value b) {
  const Value zero = s.constant_int(s.type(a), 0);
  return s.lt(s.bit_xor(a, b), zero);
}
}  // namespace

Value floor_div_int(Builder& s, Value a, Value b) {
  const Value q = s.idiv(a, b);
  if (!is_signed(s.type(a))) return q;
  const Value zero = s.constant_int(s.type(a), 0), one = s.constant_int(s.type(a), 1);
  const Value inexact = s.ne(s.irem(a, b), zero);
  return s.sub(q, s.select(s.bit_and(inexact, signs_differ(s, a, b)), one, zero));
}

Value floor_mod_int(Builder& s, Value a, Value b) {
  const Value r = s.irem(a, b);
  if (!is_signed(s.type(a))) return r;
  const Value zero = s.constant_int(s.type(a), 0);
  const Value wrong_sign = s.bit_and(s.ne(r, zero), signs_differ(s, r, b));
  return s.add(r, s.select(wrong_sign, b, zero));
}

// Long division: the divisor times 2^(step i), from the largest i down. Each quotient digit is below 2^step, off by
// at most one from rounding, and the remainder stays exact under fma. All exponents of the type are covered.
Value fmod_float(Builder& s, Value a, Value b) {
  const bool d = wide(s, a);
  const int steps = d ? 41 : 13;
  const Value zero = s.like(a, 0), inf = s.like(a, __builtin_inf());
  const Value divisor = s.abs(b);
  std::vector<Value> scaled{divisor};
  for (int i = 1; i < steps; ++i) scaled.push_back(s.mul(scaled.back(), s.like(a, d ? 0x1p52 : 0x1p23)));
  Value r = s.abs(a);
  for (int i = steps; i-- > 0;) {
    const Value m = scaled[i];
    const Value q = s.trunc(s.div(r, m));
    const Value rest = s.fma(s.neg(q), m, r);
    const Value fixed = s.select(s.lt(rest, zero), s.add(rest, m), rest);
    r = s.select(s.lt(r, m), r, fixed);
  }
  const Value valid = s.bit_and(s.lt(s.abs(a), inf), s.bit_and(s.lt(zero, divisor), s.le(divisor, inf)));
  return s.select(valid, s.copysign(r, a), s.like(a, __builtin_nan("")));
}

// As torch.remainder: fmod, moved to the divisor's side of zero.
Value floor_mod_float(Builder& s, Value a, Value b) {
  const Value r = fmod_float(s, a, b), zero = s.like(a, 0);
  const Value wrong_sign = s.bit_and(s.ne(r, zero), s.ne(s.lt(r, zero), s.lt(b, zero)));
  return s.select(wrong_sign, s.add(r, b), r);
}

// As torch.floor_divide: the quotient of a - fmod(a, b), which is nearly whole, brought to the whole number below.
Value floor_div_float(Builder& s, Value a, Value b) {
  const Value r = fmod_float(s, a, b), zero = s.like(a, 0), one = s.like(a, 1);
  const Value wrong_sign = s.bit_and(s.ne(r, zero), s.ne(s.lt(r, zero), s.lt(b, zero)));
  const Value whole = s.div(s.sub(a, r), b);
  const Value q = s.select(wrong_sign, s.sub(whole, one), whole);
  const Value low = s.floor(q);
  const Value nearest = s.select(s.lt(s.like(a, 0.5), s.sub(q, low)), s.add(low, one), low);
  const Value signed_zero = s.copysign(zero, s.div(a, b));
  const Value y = s.select(s.eq(q, zero), signed_zero, nearest);
  return s.select(s.eq(b, zero), s.div(a, b), y);
}

// Square and multiply over the bits that can matter: beyond 63 a power is 0, 1 or -1, or has lost all its bits
// to wrapping unless the base is odd, so every bit of the exponent counts.
Value pow_int(Builder& s, Value base, Value exponent) {
  const DType t = s.type(base);
  const int bits = static_cast<int>(8 * itemsize(t)) - (is_signed(t) ? 1 : 0);
  const Value zero = s.constant_int(t, 0), one = s.constant_int(t, 1);
  Value result = one, square = base;
  for (int i = 0; i < bits; ++i) {
    const Value bit = s.ne(s.bit_and(s.lshr(exponent, i), one), zero);
    result = s.select(bit, s.mul(result, square), result);
    if (i + 1 < bits) square = s.mul(square, square);
  }
  if (!is_signed(t)) return result;
  const Value minus_one = s.constant_int(t, -1);
  const Value odd = s.ne(s.bit_and(exponent, one), zero);
  const Value reciprocal =
      s.select(s.eq(base, one), one, s.select(s.eq(base, minus_one), s.select(odd, minus_one, one), zero));
  return s.select(s.lt(exponent, zero), reciprocal, result);
}

// Counter (block low, block high, offset low, offset high), key = seed.
Value philox_bits(Builder& s, Value seed, Value offset, Value element) {
  const auto low = [&](Value v) { return s.convert(v, kInt32); };
  const auto high = [&](Value v) { return s.convert(s.lshr(v, 32), kInt32); };
  const Value fifteen = s.constant_int(kInt64, 15), three = s.constant_int(kInt64, 3);
  const Value block = s.add(s.shl(s.lshr(element, 6), 4), s.bit_and(element, fifteen));
  const Value word = s.bit_and(s.lshr(element, 4), three);
  const std::array<Value, 4> out =
      philox_block(s, {low(block), high(block), low(offset), high(offset)}, {low(seed), high(seed)});
  const auto is = [&](int k) { return s.eq(word, s.constant_int(kInt64, k)); };
  return s.select(is(0), out[0], s.select(is(1), out[1], s.select(is(2), out[2], out[3])));
}

std::array<Value, 4> philox_block(Builder& s, std::array<Value, 4> c, std::array<Value, 2> key) {
  const Value m0 = s.constant_bits(kInt32, 0xD2511F53), m1 = s.constant_bits(kInt32, 0xCD9E8D57);
  const Value w0 = s.constant_bits(kInt32, 0x9E3779B9), w1 = s.constant_bits(kInt32, 0xBB67AE85);
  for (int round = 0; round < 10; ++round) {
    if (round > 0) key = {s.add(key[0], w0), s.add(key[1], w1)};
    const Value hi0 = s.umulhi(m0, c[0]), lo0 = s.mul(m0, c[0]);
    const Value hi1 = s.umulhi(m1, c[2]), lo1 = s.mul(m1, c[2]);
    c = {s.bit_xor(s.bit_xor(hi1, c[1]), key[0]), lo1, s.bit_xor(s.bit_xor(hi0, c[3]), key[1]), lo0};
  }
  return c;
}

}  // namespace lazuli::scalar
