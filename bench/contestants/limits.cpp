// The limits that cases are measured against, as a contestant: moving as many bytes as the case must move (with stores
// around the caches, and with plain ones), reading them, or as many multiply-adds in registers. One body, compiled for
// three vector widths; the processor chooses at run time.
#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "contestants/contestant.h"

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

// In assembly, because compilers move accumulators of such loops through memory or fold them.
#define LZ_EACH_12(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define LZ_CLOBBERS(r) \
  r "0", r "1", r "2", r "3", r "4", r "5", r "6", r "7", r "8", r "9", r "10", r "11", r "14", r "15"

void fma512(int64_t rounds) {
#define LZ_FMA(n) "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #n "\n"
  asm volatile("vpxorq %%zmm14, %%zmm14, %%zmm14\nvpxorq %%zmm15, %%zmm15, %%zmm15\n1:\n" LZ_EACH_12(LZ_FMA)
                   LZ_EACH_12(LZ_FMA) "dec %0\njnz 1b"
               : "+r"(rounds)::"cc", LZ_CLOBBERS("xmm"));
#undef LZ_FMA
}

void fma256(int64_t rounds) {
#define LZ_FMA(n) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #n "\n"
  asm volatile("vxorps %%ymm14, %%ymm14, %%ymm14\nvxorps %%ymm15, %%ymm15, %%ymm15\n1:\n" LZ_EACH_12(LZ_FMA)
                   LZ_EACH_12(LZ_FMA) "dec %0\njnz 1b"
               : "+r"(rounds)::"cc", LZ_CLOBBERS("xmm"));
#undef LZ_FMA
}

int vector_bits() {
  if (__builtin_cpu_supports("avx512f")) return 512;
  return __builtin_cpu_supports("avx2") ? 256 : 128;
}

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

/// Returns how many operations (two per fma) it did.
double multiply_add(int64_t rounds) {
  const int bits = vector_bits() == 512 ? 512 : 256;
  if (vector_bits() >= 256 && __builtin_cpu_supports("fma")) bits == 512 ? fma512(rounds) : fma256(rounds);
  return static_cast<double>(rounds) * 24 * (bits / 32) * 2;
}

const char* vectors() {
  switch (vector_bits()) {
    case 512:
      return "AVX-512";
    case 256:
      return "AVX2";
    default:
      return "SSE2";
  }
}

/// Arrays of the contestant's own, taken in turns like the operands of a case.
struct Arrays {
  Arrays(int64_t elements, int64_t from_count, int64_t to_count) : n((elements + kUnit - 1) / kUnit * kUnit) {
    for (int64_t i = 0; i < from_count + to_count; ++i) {
      memory.push_back(allocate(n * static_cast<int64_t>(sizeof(float))));
      (i < from_count ? from : to).push_back(reinterpret_cast<float*>(memory.back().get()));
    }
  }
  static constexpr int64_t kUnit = 512;  // elements: what every loop above divides
  int64_t n;
  std::vector<Block> memory;
  std::vector<float*> from, to;
};

template <class Body>
Series series(const char* name, Body body) {
  Series s{.name = name, .run = {}, .publish = {}, .facts = {}};
  s.run = [body](int64_t turn, int64_t repeats) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t r = 0; r < repeats; ++r) body(turn + r);
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  };
  return s;
}

/// [begin, end) of `units` pieces, in elements.
template <class F>
void split_units(int threads, int64_t n, F f) {
  split(threads, n / Arrays::kUnit, [&](int64_t begin, int64_t end) {
    if (begin < end) f(begin * Arrays::kUnit, (end - begin) * Arrays::kUnit);
  });
}

class Limits final : public Contestant {
 public:
  std::string version() const override { return vectors(); }
  std::vector<Series> prepare(const Job& job, std::byte*) override {
    const int threads = job.threads;
    const auto elements = static_cast<int64_t>(job.amount / sizeof(float));
    if (job.limit == Limit::Copy) {
      auto a = std::make_shared<Arrays>(elements / 2, job.copies, 2);
      const auto copy = [a, threads](const auto& how) {
        return [a, threads, how](int64_t turn) {
          const float* from = a->from[static_cast<size_t>(turn) % a->from.size()];
          float* to = a->to[static_cast<size_t>(turn) % a->to.size()];
          split_units(threads, a->n, [&](int64_t at, int64_t n) { how(from + at, to + at, n); });
        };
      };
      return {series("~around_caches", copy(copy_around_caches)),
              series("~plain", copy([](const float* from, float* to, int64_t n) {
                       std::memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
                     }))};
    }
    if (job.limit == Limit::Read) {
      auto a = std::make_shared<Arrays>(elements, job.copies, 0);
      return {series("~read", [a, threads](int64_t turn) {
        const float* from = a->from[static_cast<size_t>(turn) % a->from.size()];
        split_units(threads, a->n,
                    [&](int64_t at, int64_t n) { [[maybe_unused]] volatile float sum = read_all(from + at, n); });
      })};
    }
    if (job.limit == Limit::Fma) {
      const double each = multiply_add(1);
      const auto rounds = std::max<int64_t>(1, static_cast<int64_t>(job.amount / each / threads));
      return {series("~fma", [rounds, threads](int64_t) {
        split(threads, threads, [&](int64_t, int64_t) { multiply_add(rounds); });
      })};
    }
    return {};
  }
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::Limits limits;
  return bench::serve(limits, argc, argv);
}
