// Graphs of a size that breaks recursion, quadratic steps and unbounded memory: built, printed, evaluated by compiled
// kernels and destroyed on a 64 KB stack. Optimised builds must be done within ten seconds each.
#include <sys/resource.h>

#include <chrono>
#include <cmath>

#include "tests/frontend/litmus.h"
#include "tests/frontend/small_stack.h"

namespace lazuli {
namespace {

using namespace litmus;

class Within {
 public:
  explicit Within(double seconds) : limit_(seconds) {}
  ~Within() {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin_;
    ::testing::Test::RecordProperty("seconds", std::to_string(spent.count()));
    std::printf("%.2f s\n", spent.count());
#ifdef NDEBUG
    EXPECT_LT(spent.count(), limit_);
#endif
  }

 private:
  double limit_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

struct Unlimited {
  int64_t before = pending_limit();
  Unlimited() { set_pending_limit(0); }
  ~Unlimited() { set_pending_limit(before); }
};

TEST(LargeGraphs, AMillionAdditions) {
  on_small_stack([] {
    const Unlimited unlimited;
    const Within limit(10);
    Tensor one = floats({1}), x = floats({0});
    for (int i = 0; i < 1'000'000; ++i) x = x + one;
    EXPECT_GT(dump(x, "graph").size(), 30'000'000u);
    eval(x);
    EXPECT_EQ(x.item<float>(), 1'000'000);
  });
}

TEST(LargeGraphs, ALadderOf2To60Paths) {
  on_small_stack([] {
    const Within limit(10);
    Tensor x = floats({1, 2, 3});
    for (int i = 0; i < 60; ++i) {
      const Tensor left = x * 0.5, right = x * 0.5;
      x = left + right;
    }
    EXPECT_GT(dump(x, "graph").size(), 1000u);
    eval(x);
    EXPECT_THAT(values(x), ElementsAre(1, 2, 3));
  });
}

TEST(LargeGraphs, AHundredThousandOutputsOfOneNode) {
  on_small_stack([] {
    const Unlimited unlimited;
    const Within limit(10);
    const Tensor shared = floats({0, 1}).exp();
    std::vector<Tensor> outputs;
    for (int i = 0; i < 100'000; ++i) outputs.push_back(shared + i);
    EXPECT_GT(dump(outputs[99'999], "graph").size(), 50u);
    eval(std::span<const Tensor>(outputs));
    EXPECT_EQ(outputs[0].select(0, 0).item<float>(), 1);
    EXPECT_EQ(outputs[99'999].select(0, 0).item<float>(), 100'000);
  });
}

TEST(LargeGraphs, AMillionStepsWithoutEval) {
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, std::string_view text) { warnings.emplace_back(text); });
  const auto resident_kb = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  Tensor x = floats({1, 2});
  const double dt = 1e-6;
  const auto f = [](const Tensor& v) { return -v; };
  long before = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    if (i == 10'000) before = resident_kb();
    x += dt * f(x);
  }
  EXPECT_LT(resident_kb() - before, 64 << 10);
  set_log_sink(nullptr);
  EXPECT_EQ(warnings.size(), 1u);
  EXPECT_NEAR(x.select(0, 0).item<float>(), std::exp(-1.0), 0.05);
}

}  // namespace
}  // namespace lazuli
