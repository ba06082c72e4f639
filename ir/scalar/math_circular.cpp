// sin, cos and tan.
//
// Arguments below 2^15 (2^44) are reduced by three fma steps; there the rounding of 1/pi cannot push the remainder
// noticeably past half a unit. Larger ones take the bits of 1/(2 pi) that matter for
// their exponent and multiply in integers (Payne and Hanek); primitives do not branch, so both reductions always run.
// The integer one works on words as wide as T and needs neither float64 nor a table in memory.
#include <cmath>

#include "ir/scalar/math_parts.h"

namespace lazuli::scalar {
using namespace parts;

namespace {

/// x = n pi/2 + r, |r| <= 1.005 pi/4; only the two lowest bits of n count.
struct Reduced {
  Pair r;
  Value n;
};

// 1/(2 pi) from the binary point on, after 8 zero bits: so the table serves exponents from -8 (|x| = 2^15, 2^44).
constexpr uint64_t kInverseTwoPi[] = {
    0x0028be60db939105, 0x4a7f09d5f47d4d37, 0x7036d8a5664f10e4, 0x107f9458eaf7aef1, 0x586dc91b8e909374,
    0xb801924bba827464, 0x873f877ac72c4a69, 0xcfba208d7d4baed1, 0x213a671c09ad17df, 0x904e64758e60d4ce,
    0x7d272117e2ef7e4a, 0x0ec7fe25fff78166, 0x03fbcbc462d6829b, 0x47db4d9fb3c9f2c2, 0x6dd3d18fd9a797fa,
    0x8b5d49eeb1faf97c, 0x5ecf41ce7de294a4, 0xba9afed7ec47e357, 0x421580cc11bf1eda,
};

/// The upper half of the product of two words read as unsigned.
Value high_product(Builder& s, Value a, Value b) {
  if (s.type(a) == kInt32) return s.umulhi(a, b);
  const Value mask = s.constant_int(kInt64, 0xffffffff);
  const Value al = s.bit_and(a, mask), ah = s.lshr(a, 32), bl = s.bit_and(b, mask), bh = s.lshr(b, 32);
  const Value mid = s.add(s.mul(ah, bl), s.lshr(s.mul(al, bl), 32));
  const Value low = s.add(s.mul(al, bh), s.bit_and(mid, mask));
  return s.add(s.add(s.mul(ah, bh), s.lshr(mid, 32)), s.lshr(low, 32));
}

Reduced reduce_large(Builder& s, Value x) {
  const bool d = wide(s, x);
  const DType w = int_twin(s, x);
  const int width = d ? 64 : 32, mantissa = d ? 52 : 23, log_width = d ? 6 : 5, last_word = d ? 15 : 3;
  const auto num = [&](int64_t v) { return s.constant_int(w, v); };

  // |x| = m 2^(e - 8). Words j to j + 3 of the table, j = e / width, by halving the distance.
  const Value bits = s.bitcast(s.abs(x), w);
  const Value e = s.sub(s.lshr(bits, mantissa), num(d ? 1067 : 142));
  const Value m = s.bit_or(s.bit_and(bits, num((int64_t{1} << mantissa) - 1)), num(int64_t{1} << mantissa));
  std::vector<Value> words;
  for (int i = 0; i <= last_word + 3; ++i) {
    words.push_back(s.constant_bits(w, d ? kInverseTwoPi[i] : kInverseTwoPi[i / 2] << (32 * (i & 1)) >> 32));
  }
  for (int step = (last_word + 1) / 2; step >= 1; step /= 2) {
    const Value far = s.ne(s.bit_and(e, num(int64_t{step} << log_width)), num(0));
    for (size_t i = 0; i + step < words.size(); ++i) words[i] = s.select(far, words[i + step], words[i]);
    words.resize(words.size() - step);
  }
  // Three words g of 2^(e - 8) / (2 pi) mod 1, and the leading two of m g mod 1.
  const Value shift = s.bit_and(e, num(width - 1)), back = s.sub(num(width - 1), shift);
  Value g[3];
  for (int i = 0; i < 3; ++i) g[i] = s.bit_or(s.shl(words[i], shift), s.lshr(s.lshr(words[i + 1], 1), back));
  const Value middle = s.mul(m, g[1]);
  const Value lo = s.add(middle, high_product(s, m, g[2]));
  const Value carry = s.select(s.ult(lo, middle), num(1), num(0));
  const Value hi = s.add(s.add(s.mul(m, g[0]), high_product(s, m, g[1])), carry);

  // Quarter turns: the whole part n above the point, v = the fraction as a signed double word.
  const Value vh = s.bit_or(s.shl(hi, 2), s.lshr(lo, width - 2)), vl = s.shl(lo, 2);
  const Value sign = s.ashr(vh, width - 1);
  const Value n = s.sub(s.lshr(hi, width - 2), sign);  // up where the fraction is at least a half
  // |v| (but for its last bit) in two floats without cancellation.
  const int cut = width - 1 - (mantissa + 1);
  const Value ah = s.bit_xor(vh, sign), al = s.bit_xor(vl, sign), rest_mask = num((int64_t{1} << cut) - 1);
  const Value top = s.convert(s.bit_and(ah, s.bit_not(rest_mask)), s.type(x));
  const Value rest =
      s.convert(s.bit_or(s.shl(s.bit_and(ah, rest_mask), mantissa + 1), s.lshr(al, width - mantissa - 1)), s.type(x));
  const Pair f = fast_two_sum(s, s.mul(top, pick(s, x, 0x1p-32, 0x1p-64)), s.mul(rest, pick(s, x, 0x1p-56, 0x1p-117)));
  const Pair r = mul(s, f, half_pi(s, x));
  // Back to the signs of v and x; infinity and NaN become NaN.
  const Value x_sign = s.ashr(s.bitcast(x, w), width - 1);
  const Value flip = s.shl(s.bit_xor(sign, x_sign), width - 1);
  const auto with_sign = [&](Value v) { return s.bitcast(s.bit_xor(s.bitcast(v, w), flip), s.type(x)); };
  return {{s.add(with_sign(r.hi), s.sub(x, x)), with_sign(r.lo)}, s.sub(s.bit_xor(n, x_sign), x_sign)};
}

/// `exact` keeps what rounding r lost; otherwise r.lo is 0.
Reduced reduce_small(Builder& s, Value x, bool exact) {
  const Whole n = round_product(s, x, s.like(x, 0x1.45f306dc9c883p-1));
  // The first step is exact: all its terms are multiples of 2^-23 (2^-52) below 2.
  const Value p2 = pick(s, x, 0x1.777a5cp-25, -0x1.1a62633145c07p-54);
  const Value p3 = pick(s, x, 0x1.ee59dap-50, 0x1.f1976b7ed8fbcp-110);
  const Value r1 = s.fma(n.number, pick(s, x, -0x1.921fb6p+0, -0x1.921fb54442d18p+0), x);
  if (!exact) return {{s.fma(n.number, p3, s.fma(n.number, p2, r1)), s.like(x, 0)}, n.bits};
  const Pair t = two_product(s, n.number, p2);
  const Pair r2 = two_sum(s, r1, t.hi);
  return {fast_two_sum(s, r2.hi, s.add(r2.lo, s.fma(n.number, p3, t.lo))), n.bits};
}

Reduced reduce(Builder& s, Value x, bool exact) {
  const Reduced a = reduce_small(s, x, exact), b = reduce_large(s, x);
  const Value small = s.lt(s.abs(x), pick(s, x, 0x1p15, 0x1p44));
  return {{s.select(small, a.r.hi, b.r.hi), s.select(small, a.r.lo, b.r.lo)}, s.select(small, a.n, b.n)};
}

}  // namespace

Value parts::sin_of(Builder& s, Value r, Value n) {
  const DType w = s.type(n);
  const Value z = s.mul(r, r), one = s.like(r, 1);
  // Both by Remez on |r| <= 1.005 pi/4, relative error: float32 2^-27.8, float64 2^-63.
  const Value p = poly(s, z, {-1.9507829e-04, 8.332106e-03, -1.6666654e-01},
                       {-7.3965349044873165e-13, 1.605443767487456e-10, -2.5052071766747463e-8, 2.7557319076586833e-6,
                        -0.00019841269840966083, 0.0083333333333330435, -0.16666666666666666});
  const Value q = poly(s, z, {2.4431427e-05, -1.3887305e-03, 4.1666646e-02},
                       {4.6001755817462066e-14, -1.1467010315035032e-11, 2.0876723138895487e-9, -2.7557319064768936e-7,
                        2.4801587301187753e-5, -0.0013888888888888393, 0.041666666666666664});
  const Value sine = s.fma(s.mul(z, p), r, r);
  const Value cosine = s.fma(s.mul(z, z), q, s.fma(z, s.like(r, -0.5), one));
  const Value odd = s.ne(s.bit_and(n, s.constant_int(w, 1)), s.constant_int(w, 0));
  const Value sign = s.shl(s.lshr(n, 1), static_cast<int>(8 * itemsize(w)) - 1);
  return s.bitcast(s.bit_xor(s.bitcast(s.select(odd, cosine, sine), w), sign), s.type(r));
}

Value sin(Builder& s, Value x) {
  const Reduced v = reduce(s, x, false);
  return s.select(s.eq(x, s.like(x, 0)), x, sin_of(s, v.r.hi, v.n));
}

Value cos(Builder& s, Value x) {
  const Reduced v = reduce(s, x, false);
  return sin_of(s, v.r.hi, s.add(v.n, s.constant_int(s.type(v.n), 1)));
}

// tan(r) as a pair t; -1 / t in odd quadrants, corrected by its residual.
Value tan(Builder& s, Value x) {
  const Reduced v = reduce(s, x, true);
  const Value r = v.r.hi, z = s.mul(r, r), one = s.like(x, 1);
  // Remez on |r| <= 1.005 pi/4, relative error: float32 2^-29.3, float64 2^-56.
  const Value p = poly(
      s, z, {4.462527e-03, -8.454114e-05, 1.0972172e-02, 2.123011e-02, 5.4069865e-02, 1.3332577e-01, 3.3333352e-01},
      {2.1342945306017471e-5, -4.6874237607910797e-5, 9.3158932250946664e-5, -3.0426413597146786e-5,
       0.00013939766555956981, 0.00022098218313102799, 0.0005955401484078679, 0.0014546445803918745,
       0.00359230781523741, 0.0088632170790305179, 0.021869489757647822, 0.053968253920439684, 0.13333333333427716,
       0.33333333333332682});
  const Value tail = s.mul(s.mul(z, r), p);
  const Value slope = s.fma(s.add(r, tail), s.add(r, tail), one);
  const Pair t = fast_two_sum(s, r, s.fma(v.r.lo, slope, tail));
  const Value q = s.div(s.like(x, -1), t.hi);
  const Value rest = s.fma(q, t.lo, s.fma(q, t.hi, one));
  const Value odd = s.ne(s.bit_and(v.n, s.constant_int(s.type(v.n), 1)), s.constant_int(s.type(v.n), 0));
  const Value y = s.select(odd, s.fma(rest, q, q), t.hi);
  return s.select(s.eq(x, s.like(x, 0)), x, y);
}

}  // namespace lazuli::scalar
