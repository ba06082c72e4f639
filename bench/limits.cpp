// The limits every case is measured against: copy with non-temporal stores, and read. One body, compiled for three
// vector widths; the processor chooses at run time.
#include <immintrin.h>

#include "cases.h"

namespace bench {
namespace {

// What brought a single core nearest to its limit: copies prefetch some KB ahead, reads follow two streams at once.
constexpr int64_t kAhead = 1024;  // elements

__attribute__((target("avx512f"))) void copy512(const float* from, float* to, int64_t n) {
  for (int64_t i = 0; i < n; i += 64) {
    for (int64_t k = 0; k < 64; k += 16)
      _mm_prefetch(reinterpret_cast<const char*>(from + i + kAhead + k), _MM_HINT_T0);
    for (int64_t k = 0; k < 64; k += 16) _mm512_stream_ps(to + i + k, _mm512_load_ps(from + i + k));
  }
  _mm_sfence();
}

__attribute__((target("avx512f"))) float read512(const float* from, int64_t n) {
  __m512 sum[8];
  for (auto& s : sum) s = _mm512_setzero_ps();
  const float* half = from + n / 2;
  for (int64_t i = 0; i < n / 2; i += 64)
    for (int64_t k = 0; k < 4; ++k) {
      sum[k] = _mm512_add_ps(sum[k], _mm512_load_ps(from + i + 16 * k));
      sum[4 + k] = _mm512_add_ps(sum[4 + k], _mm512_load_ps(half + i + 16 * k));
    }
  for (int64_t k = 1; k < 8; ++k) sum[0] = _mm512_add_ps(sum[0], sum[k]);
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, sum[0]);
  float total = 0;
  for (const float v : lanes) total += v;
  return total;
}

__attribute__((target("avx2"))) void copy256(const float* from, float* to, int64_t n) {
  for (int64_t i = 0; i < n; i += 64) {
    for (int64_t k = 0; k < 64; k += 16)
      _mm_prefetch(reinterpret_cast<const char*>(from + i + kAhead + k), _MM_HINT_T0);
    for (int64_t k = 0; k < 64; k += 8) _mm256_stream_ps(to + i + k, _mm256_load_ps(from + i + k));
  }
  _mm_sfence();
}

__attribute__((target("avx2"))) float read256(const float* from, int64_t n) {
  __m256 sum[8];
  for (auto& s : sum) s = _mm256_setzero_ps();
  const float* half = from + n / 2;
  for (int64_t i = 0; i < n / 2; i += 32)
    for (int64_t k = 0; k < 4; ++k) {
      sum[k] = _mm256_add_ps(sum[k], _mm256_load_ps(from + i + 8 * k));
      sum[4 + k] = _mm256_add_ps(sum[4 + k], _mm256_load_ps(half + i + 8 * k));
    }
  for (int64_t k = 1; k < 8; ++k) sum[0] = _mm256_add_ps(sum[0], sum[k]);
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, sum[0]);
  float total = 0;
  for (const float v : lanes) total += v;
  return total;
}

void copy128(const float* from, float* to, int64_t n) {
  for (int64_t i = 0; i < n; i += 4) _mm_stream_ps(to + i, _mm_load_ps(from + i));
  _mm_sfence();
}

float read128(const float* from, int64_t n) {
  __m128 sum[8];
  for (auto& s : sum) s = _mm_setzero_ps();
  for (int64_t i = 0; i < n; i += 32)
    for (int64_t k = 0; k < 8; ++k) sum[k] = _mm_add_ps(sum[k], _mm_load_ps(from + i + 4 * k));
  for (int64_t k = 1; k < 8; ++k) sum[0] = _mm_add_ps(sum[0], sum[k]);
  alignas(16) float lanes[4];
  _mm_store_ps(lanes, sum[0]);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

int vector_bits() {
  if (__builtin_cpu_supports("avx512f")) return 512;
  return __builtin_cpu_supports("avx2") ? 256 : 128;
}

}  // namespace

void copy_around_caches(const float* from, float* to, int64_t n) {
  switch (vector_bits()) {
    case 512:
      return copy512(from, to, n);
    case 256:
      return copy256(from, to, n);
    default:
      return copy128(from, to, n);
  }
}

float read_all(const float* from, int64_t n) {
  switch (vector_bits()) {
    case 512:
      return read512(from, n);
    case 256:
      return read256(from, n);
    default:
      return read128(from, n);
  }
}

const char* limits_vectors() {
  switch (vector_bits()) {
    case 512:
      return "AVX-512";
    case 256:
      return "AVX2";
    default:
      return "SSE2";
  }
}

}  // namespace bench
