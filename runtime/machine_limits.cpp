#include "runtime/machine_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "runtime/allocator.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define LAZULI_X86 1
#endif

namespace lazuli::runtime {
namespace {

using Clock = std::chrono::steady_clock;

double nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

/// Loops over memory and registers at one vector width. `n` is a multiple of 512 bytes, pointers are aligned to 64.
struct Probes {
  void (*read)(const std::byte* from, size_t n);
  void (*copy)(std::byte* to, const std::byte* from, size_t n);
  void (*stream)(std::byte* to, const std::byte* from, size_t n);  // past the cache
  double (*fma)(int64_t iterations);                               // returns operations per iteration
};

#ifdef LAZULI_X86
#define LAZULI_PROBES(suffix, isa, V, load, store, nt_store, fma_op, set1)                                  \
  __attribute__((target(isa))) void read_##suffix(const std::byte* from, size_t n) {                        \
    const auto* p = reinterpret_cast<const float*>(from);                                                   \
    constexpr size_t kStep = sizeof(V) / sizeof(float);                                                     \
    V a = load(p), b = a, c = a, d = a;                                                                     \
    for (size_t i = 0; i < n / sizeof(float); i += 4 * kStep) {                                             \
      a = (V)((a) + load(p + i));                                                                           \
      b = (V)((b) + load(p + i + kStep));                                                                   \
      c = (V)((c) + load(p + i + 2 * kStep));                                                               \
      d = (V)((d) + load(p + i + 3 * kStep));                                                               \
    }                                                                                                       \
    const V sum = a + b + c + d;                                                                            \
    asm volatile("" : : "x"(sum));                                                                          \
  }                                                                                                         \
  __attribute__((target(isa))) void copy_##suffix(std::byte* to, const std::byte* from, size_t n) {         \
    for (size_t i = 0; i < n; i += 4 * sizeof(V))                                                           \
      for (size_t j = 0; j < 4 * sizeof(V); j += sizeof(V))                                                 \
        store(reinterpret_cast<float*>(to + i + j), load(reinterpret_cast<const float*>(from + i + j)));    \
  }                                                                                                         \
  __attribute__((target(isa))) void stream_##suffix(std::byte* to, const std::byte* from, size_t n) {       \
    for (size_t i = 0; i < n; i += 4 * sizeof(V)) {                                                         \
      _mm_prefetch(reinterpret_cast<const char*>(from + i) + 4096, _MM_HINT_T0);                            \
      for (size_t j = 0; j < 4 * sizeof(V); j += sizeof(V))                                                 \
        nt_store(reinterpret_cast<float*>(to + i + j), load(reinterpret_cast<const float*>(from + i + j))); \
    }                                                                                                       \
    _mm_sfence();                                                                                           \
  }                                                                                                         \
  __attribute__((target(isa))) double fma_##suffix(int64_t iterations) {                                    \
    V x[12];                                                                                                \
    const V k = set1(0.999f), e = set1(1e-3f);                                                              \
    for (int j = 0; j < 12; ++j) x[j] = set1(static_cast<float>(j));                                        \
    for (int64_t i = 0; i < iterations; ++i) {                                                              \
      for (int j = 0; j < 12; ++j) x[j] = fma_op(x[j], k, e);                                               \
      asm volatile("" : "+x"(x[0]), "+x"(x[1]), "+x"(x[2]), "+x"(x[3]), "+x"(x[4]), "+x"(x[5]));            \
      asm volatile("" : "+x"(x[6]), "+x"(x[7]), "+x"(x[8]), "+x"(x[9]), "+x"(x[10]), "+x"(x[11]));          \
    }                                                                                                       \
    return 12.0 * 2 * sizeof(V) / sizeof(float);                                                            \
  }

#define LAZULI_MUL_ADD(a, b, c) _mm_add_ps(_mm_mul_ps(a, b), c)
LAZULI_PROBES(sse, "sse2", __m128, _mm_load_ps, _mm_store_ps, _mm_stream_ps, LAZULI_MUL_ADD, _mm_set1_ps)
LAZULI_PROBES(avx2, "avx2,fma", __m256, _mm256_load_ps, _mm256_store_ps, _mm256_stream_ps, _mm256_fmadd_ps,
              _mm256_set1_ps)
LAZULI_PROBES(avx512, "avx512f", __m512, _mm512_load_ps, _mm512_store_ps, _mm512_stream_ps, _mm512_fmadd_ps,
              _mm512_set1_ps)

Probes probes() {
  if (__builtin_cpu_supports("avx512f")) return {read_avx512, copy_avx512, stream_avx512, fma_avx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {read_avx2, copy_avx2, stream_avx2, fma_avx2};
  return {read_sse, copy_sse, stream_sse, fma_sse};
}
#else
Probes probes() {
  const auto copy = [](std::byte* to, const std::byte* from, size_t n) { std::memcpy(to, from, n); };
  return {[](const std::byte* from, size_t n) {
            float sum[16] = {};
            const auto* p = reinterpret_cast<const float*>(from);
            for (size_t i = 0; i < n / sizeof(float); i += 16)
              for (size_t j = 0; j < 16; ++j) sum[j] += p[i + j];
            for (const float s : sum) asm volatile("" : : "g"(s));
          },
          copy, copy,
          [](int64_t iterations) {
            float x[64];
            for (int j = 0; j < 64; ++j) x[j] = static_cast<float>(j);
            for (int64_t i = 0; i < iterations; ++i) {
              for (float& v : x) v = v * 0.999f + 1e-3f;
              asm volatile("" : : "g"(&x[0]) : "memory");
            }
            return 128.0;
          }};
}
#endif

/// Best time of a few runs of body(participant) on every thread, in nanoseconds.
template <class Body>
double best_of(ThreadPool& pool, int threads, int runs, Body&& body) {
  double best = 1e30;
  for (int r = 0; r < runs; ++r) {
    const auto start = Clock::now();
    pool.run(threads, threads, [&](int, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) body(i);
      return 0;
    });
    best = std::min(best, nanoseconds_since(start));
  }
  return best;
}

Bandwidth measure_level(ThreadPool& pool, int threads, std::byte* memory, int64_t set, int runs, bool past_cache) {
  const Probes p = probes();
  const auto part = static_cast<size_t>(set / threads / 1024 * 1024);
  const int repeat = static_cast<int>(std::max<int64_t>(1, (int64_t{8} << 20) / set));
  const double total = static_cast<double>(part) * threads * repeat;
  Bandwidth b{.working_set = set};
  b.read = total / best_of(pool, threads, runs, [&](int64_t i) {
             for (int r = 0; r < repeat; ++r) p.read(memory + static_cast<size_t>(i) * part, part);
           });
  b.copy = total / best_of(pool, threads, runs, [&](int64_t i) {
             std::byte* mine = memory + static_cast<size_t>(i) * part;
             for (int r = 0; r < repeat; ++r) (past_cache ? p.stream : p.copy)(mine + part / 2, mine, part / 2);
           });
  return b;
}

}  // namespace

MachineLimits measure_limits(ThreadPool& pool, int threads, int64_t l2, int64_t l3) {
  MachineLimits m{.threads = threads, .levels = {}};
  const int64_t in_l2 = l2 / 2 * threads, in_l3 = std::max(l3 / 2, in_l2 * 2),
                in_memory = std::max(2 * l3, int64_t{64} << 20);
  Allocator own;  // what the measurement uses goes back to the system
  const auto block = own.block(in_memory);
  const int64_t part = in_memory / threads;
  best_of(pool, threads, 1, [&](int64_t i) { std::memset(block.data() + i * part, 0, static_cast<size_t>(part)); });
  m.levels.push_back(measure_level(pool, threads, block.data(), in_l2, 5, false));
  m.levels.push_back(measure_level(pool, threads, block.data(), in_l3, 4, false));
  m.levels.push_back(measure_level(pool, threads, block.data(), in_memory, 4, true));
  // A larger set is never faster; noise must not say so.
  for (size_t i = m.levels.size() - 1; i-- > 0;) {
    m.levels[i].read = std::max(m.levels[i].read, m.levels[i + 1].read);
    m.levels[i].copy = std::max(m.levels[i].copy, m.levels[i + 1].copy);
  }
  constexpr int64_t kIterations = 20000;
  double operations = 0;
  const double ns = best_of(pool, threads, 5, [&](int64_t i) {
    const double per_iteration = probes().fma(kIterations);
    if (i == 0) operations = per_iteration * kIterations;
  });
  m.fma_float32 = operations * threads / ns;
  return m;
}

double MachineLimits::traffic_ns(int64_t bytes_read, int64_t bytes_written) const {
  const Bandwidth* level = &levels.back();
  for (size_t i = levels.size(); i-- > 0;)
    if (bytes_read + bytes_written <= levels[i].working_set) level = &levels[i];
  const double write_ns = std::max(0.0, 2 / level->copy - 1 / level->read);
  return static_cast<double>(bytes_read) / level->read + static_cast<double>(bytes_written) * write_ns;
}

double MachineLimits::fraction(int64_t bytes_read, int64_t bytes_written, double flops, double nanoseconds) const {
  if (nanoseconds <= 0) return 0;
  return std::max(traffic_ns(bytes_read, bytes_written), flops / fma_float32) / nanoseconds;
}

std::string MachineLimits::str() const {
  std::string text = fmt::format("{} thread{}: {:.0f} GF/s", threads, threads == 1 ? "" : "s", fma_float32);
  for (const Bandwidth& b : levels)
    text += fmt::format("; {} MB: read {:.0f} GB/s, copy {:.0f} GB/s", static_cast<double>(b.working_set) / (1 << 20),
                        b.read, b.copy);
  return text;
}

}  // namespace lazuli::runtime
