// Polynomials for the hand-written loops, so that they become vector code too: some 2 units in the last place.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace bench {

/// For -87 <= x <= 88: x = n ln 2 + r, 2^n by its exponent bits.
inline float exp_near(float x) {
  const float clamped = std::min(std::max(x, -87.f), 88.f);
  const float shifted = clamped * 1.44269504f + 12582912.f;  // 1.5 * 2^23: rounds to a whole number
  const float n = shifted - 12582912.f;
  const float r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  const int32_t bits =
      static_cast<int32_t>(std::bit_cast<uint32_t>(shifted) << 23);  // n modulo 2^9, above the mantissa
  return std::bit_cast<float>(static_cast<int32_t>(std::bit_cast<uint32_t>(p) + static_cast<uint32_t>(bits)));
}

/// For normal positive x: x = 2^e m with m in [sqrt(1/2), sqrt(2)), the polynomial of Cephes.
inline float log_near(float x) {
  const uint32_t shifted = std::bit_cast<uint32_t>(x) - 0x3f3504f3u;
  const auto e = static_cast<float>(static_cast<int32_t>(shifted) >> 23);
  const float f = std::bit_cast<float>((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.f, z = f * f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  return e * 0.693359375f + (f + (f * z * p - e * 2.12194440e-4f - 0.5f * z));
}

/// The distribution function of the normal distribution: 1/2 erfc by the fit of Numerical Recipes (erfcc), within
/// 1.2e-7 of the result.
inline float phi_near(float x) {
  const float a = std::abs(x) * 0.70710678f, t = 1.f / (1.f + 0.5f * a);
  float p = 0.17087277f;
  p = p * t - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  const float tail = 0.5f * t * exp_near(-a * a - 1.26551223f + t * p);
  return x < 0 ? tail : 1.f - tail;
}

}  // namespace bench
