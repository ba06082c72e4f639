// Numeric conversion. The primitive converts between bool, integers, float32 and float64, and between float16 and
// float32; everything else about the half types is composed here, so that a value is rounded exactly once.
#include "ir/scalar/builder.h"

namespace lazuli::scalar {
namespace {

Value bfloat16_to_float32(Builder& s, Value a) {
  const Value wide = s.convert(s.bitcast(a, kInt16), kInt32);
  return s.bitcast(s.shl(wide, 16), kFloat32);
}

/// Round to nearest even on the bit pattern; denormals are ordinary, a NaN stays one (the carry must not reach it).
Value float32_to_bfloat16(Builder& s, Value a) {
  const Value bits = s.bitcast(a, kInt32);
  const Value odd = s.bit_and(s.lshr(bits, 16), s.constant_int(kInt32, 1));
  const Value rounded = s.add(bits, s.add(odd, s.constant_int(kInt32, 0x7fff)));
  const Value quiet = s.bit_or(bits, s.constant_int(kInt32, 0x400000));
  const Value high = s.lshr(s.select(s.is_nan(a), quiet, rounded), 16);
  return s.bitcast(s.convert(high, kInt16), kBFloat16);
}

/// float64 to float32 by rounding to odd: with 13 bits to spare, a following rounding to a half type is then the
/// only one that counts.
Value float64_to_odd_float32(Builder& s, Value a) {
  const Value nearest = s.convert(a, kFloat32);
  const Value back = s.convert(nearest, kFloat64);
  const Value one = s.constant_int(kInt32, 1), zero = s.constant_int(kInt32, 0);
  const Value bits = s.bitcast(nearest, kInt32);
  const Value toward_zero = s.sub(bits, s.select(s.lt(s.abs(a), s.abs(back)), one, zero));
  return s.bitcast(s.bit_or(toward_zero, s.select(s.ne(a, back), one, zero)), kFloat32);
}

/// int64 to float64 by rounding to odd: above 2^53 the low 11 bits only matter as "not zero".
Value int64_to_odd_float64(Builder& s, Value a) {
  const Value low = s.constant_int(kInt64, 0x7ff);
  const Value sticky = s.select(s.eq(s.bit_and(a, low), s.constant_int(kInt64, 0)), s.constant_int(kInt64, 0),
                                s.constant_int(kInt64, 0x800));
  const Value cut = s.bit_or(s.bit_and(a, s.bit_not(low)), sticky);
  const Value small = s.lt(s.abs(s.ashr(a, 1)), s.constant_int(kInt64, int64_t{1} << 52));
  return s.convert(s.select(small, a, cut), kFloat64);
}

/// A float32 whose rounding to a half type equals the rounding of `a`.
Value narrow_for_half(Builder& s, Value a) {
  switch (s.type(a)) {
    case kInt64:
      return float64_to_odd_float32(s, int64_to_odd_float64(s, a));
    case kInt32:
      return float64_to_odd_float32(s, s.convert(a, kFloat64));
    case kFloat64:
      return float64_to_odd_float32(s, a);
    default:
      return s.convert(a, kFloat32);
  }
}

}  // namespace

Value Builder::convert(Value a, DType to) {
  const DType from = type(a);
  if (from == to) return a;
  if (is_half(from)) {
    const Value wide = from == kFloat16 ? emit(Prim::convert, kFloat32, {a}) : bfloat16_to_float32(*this, a);
    return convert(wide, to);
  }
  if (is_half(to)) {
    // What was widened from this very type goes back as it was.
    if (const Inst* inner = definition(a, Prim::convert)) {
      if (to == kFloat16 && type({inner->args[0]}) == kFloat16) return {inner->args[0]};
    }
    const Value narrow = narrow_for_half(*this, a);
    return to == kFloat16 ? emit(Prim::convert, kFloat16, {narrow}) : float32_to_bfloat16(*this, narrow);
  }
  if (to == kBool) return ne(a, constant_int(from, 0));
  return emit(Prim::convert, to, {a});
}

}  // namespace lazuli::scalar
