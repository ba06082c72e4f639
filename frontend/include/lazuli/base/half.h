// Storage types of the two 16-bit float formats. They convert; they do not compute.
// float16 and bfloat16 operations compute in float32 and round once (docs/numerics.md).
#pragma once
#include <bit>
#include <cstdint>

namespace lazuli {

/// float32 -> IEEE binary16 bits, round to nearest even, subnormals kept, NaN stays NaN.
constexpr uint16_t float_to_half_bits(float value) {
  const uint32_t f = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (f >> 16) & 0x8000u;
  const uint32_t mag = f & 0x7fffffffu;
  if (mag > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (mag >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to infinity
  if (mag < 0x38800000u) {                                               // subnormal or zero
    if (mag < 0x33000000u) return static_cast<uint16_t>(sign);
    const uint32_t shift = 126u - (mag >> 23);
    const uint32_t mant = (mag & 0x7fffffu) | 0x800000u;
    const uint32_t q = mant >> shift, rest = mant & ((1u << shift) - 1), half = 1u << (shift - 1);
    return static_cast<uint16_t>(sign | (q + (rest > half || (rest == half && (q & 1u)))));
  }
  const uint32_t r = mag - 0x38000000u;
  return static_cast<uint16_t>(sign | ((r + 0xfffu + ((r >> 13) & 1u)) >> 13));
}

constexpr float half_bits_to_float(uint16_t h) {
  const uint32_t sign = (h & 0x8000u) << 16, exp = (h >> 10) & 31u, mant = h & 0x3ffu;
  if (exp == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mant << 13));
  if (exp != 0) return std::bit_cast<float>(sign | ((exp + 112u) << 23) | (mant << 13));
  const float value = static_cast<float>(mant) * 0x1p-24f;
  return sign ? -value : value;
}

/// float32 -> bfloat16 bits, round to nearest even, subnormals kept, NaN stays NaN.
constexpr uint16_t float_to_bfloat16_bits(float value) {
  const uint32_t f = std::bit_cast<uint32_t>(value);
  if ((f & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((f >> 16) | 0x40u);
  return static_cast<uint16_t>((f + 0x7fffu + ((f >> 16) & 1u)) >> 16);
}

constexpr float bfloat16_bits_to_float(uint16_t b) {
  return std::bit_cast<float>(static_cast<uint32_t>(b) << 16);
}

struct Half {
  uint16_t bits = 0;
  constexpr Half() = default;
  constexpr explicit Half(float v) : bits(float_to_half_bits(v)) {}
  constexpr explicit operator float() const { return half_bits_to_float(bits); }
};

struct BFloat16 {
  uint16_t bits = 0;
  constexpr BFloat16() = default;
  constexpr explicit BFloat16(float v) : bits(float_to_bfloat16_bits(v)) {}
  constexpr explicit operator float() const { return bfloat16_bits_to_float(bits); }
};

}  // namespace lazuli
