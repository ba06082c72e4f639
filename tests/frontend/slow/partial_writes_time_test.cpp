// A loop that writes single elements or rows takes as long per write on a large tensor as on a small one.
#include <chrono>
#include <cstdio>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

/// Microseconds per write, in turns of 64 rows: programs are cached, and new places are planned once.
template <class F>
double time_of(int64_t rows, int64_t columns, const F& write) {
  Tensor x = zeros({rows, columns});
  eval(x);
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    constexpr int kWrites = 300;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kWrites; ++i) {
      write(x, i * 37 % 64);
      eval(x);
    }
    best = std::min(
        best, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / kWrites);
  }
  EXPECT_NE(x.sum().item<float>(), 0);
  return best;
}

TEST(PartialWriteTimes, DoNotDependOnTheSizeOfTheTensor) {
  const std::vector<std::pair<const char*, std::function<void(Tensor&, int64_t)>>> writes{
      {"x(i, 3) = 9", [](Tensor& x, int64_t i) { x(i, 3) = 9; }},
      {"x(0, 3) = i", [](Tensor& x, int64_t i) { x(0, 3) = i; }},
      {"x[i] += 1", [](Tensor& x, int64_t i) { x[i] += 1; }},
      {"x.slice(1, 0, 2) = 1 of row i", [](Tensor& x, int64_t i) { x[i].slice(0, 0, 2).fill_(1); }},
  };
  for (const auto& [text, write] : writes) {
    const double small = time_of(64, 1024, write), large = time_of(16384, 1024, write);  // 256 KB, 64 MB
    std::printf("%-32s %8.1f us per write on 256 KB, %8.1f us on 64 MB\n", text, small, large);
    EXPECT_LT(large, 3 * small + 20) << text;
  }
}

}  // namespace
}  // namespace lazuli
