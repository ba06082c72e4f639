// Loops as one would write them by hand for a compiler that vectorises: no intrinsics, no libraries, exp as a
// polynomial so that it becomes vector code too.
#include <algorithm>
#include <bit>
#include <cstdint>

#include "cases.h"

namespace bench {
namespace {

/// exp for -87 <= x <= 88, within some 2 units in the last place: x = n ln 2 + r, 2^n by its exponent bits.
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
  const int32_t bits = std::bit_cast<int32_t>(shifted) << 23;  // n modulo 2^9, above the mantissa
  return std::bit_cast<float>(std::bit_cast<int32_t>(p) + bits);
}

void relu_bias(const Operands& o) {
  const float* __restrict w = o.w;
  const float* __restrict b = o.b;
  for (int64_t i = 0; i < o.rows; ++i) {
    const float* __restrict x = o.x + i * o.columns;
    float* __restrict y = o.y + i * o.columns;
    for (int64_t j = 0; j < o.columns; ++j) {
      const float v = x[j] * w[j] + b[j];
      y[j] = v > 0 ? v : 0;
    }
  }
}

void gelu_tanh(const Operands& o) {
  const float* __restrict w = o.w;
  const float* __restrict b = o.b;
  for (int64_t i = 0; i < o.rows; ++i) {
    const float* __restrict x = o.x + i * o.columns;
    float* __restrict y = o.y + i * o.columns;
    for (int64_t j = 0; j < o.columns; ++j) {
      const float v = x[j] * w[j] + b[j];
      const float u = 0.7978845608f * (v + 0.044715f * v * v * v);
      y[j] = v / (1.f + exp_near(-2 * u));
    }
  }
}

constexpr int64_t kLanes = 64;  // independent chains, which the compiler may not make by itself

float largest(const float* __restrict x, int64_t n) {
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, x[0]);
  for (int64_t j = 0; j < n; j += kLanes)
    for (int64_t k = 0; k < kLanes; ++k) lanes[k] = x[j + k] > lanes[k] ? x[j + k] : lanes[k];
  return *std::max_element(lanes, lanes + kLanes);
}

float total(const float* __restrict x, int64_t n) {
  float lanes[kLanes] = {};
  for (int64_t j = 0; j < n; j += kLanes)
    for (int64_t k = 0; k < kLanes; ++k) lanes[k] += x[j + k];
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

void softmax(const Operands& o) {
  for (int64_t i = 0; i < o.rows; ++i) {
    const float* __restrict x = o.x + i * o.columns;
    float* __restrict y = o.y + i * o.columns;
    const float most = largest(x, o.columns);
    for (int64_t j = 0; j < o.columns; ++j) y[j] = exp_near(x[j] - most);
    const float scale = 1.f / total(y, o.columns);
    for (int64_t j = 0; j < o.columns; ++j) y[j] *= scale;
  }
}

void sum_all(const Operands& o) {
  o.y[0] = total(o.x, o.rows * o.columns);
}

void sum_axis0(const Operands& o) {
  float* __restrict y = o.y;
  std::fill_n(y, o.columns, 0.f);
  for (int64_t i = 0; i < o.rows; ++i) {
    const float* __restrict x = o.x + i * o.columns;
    for (int64_t j = 0; j < o.columns; ++j) y[j] += x[j];
  }
}

}  // namespace

const Peer kLoop{relu_bias, gelu_tanh, softmax, sum_all, sum_axis0};

}  // namespace bench
