// The time to build, plan and compile a training step grows linearly with its layers: the figures are printed, the
// bounds are loose, because the machine is shared.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/frontend/layers.h"

namespace lazuli {
namespace {

using Clock = std::chrono::steady_clock;

struct Times {
  double build = 1e9, plan = 1e9;  // milliseconds, the best of several; planning with all kernels compiled
};

Times times_of(int layers) {
  manual_seed(1);
  const testing::Model m = testing::model_of(layers);
  const testing::State state = optim::adam_state(m);
  const Tensor index = randint(0, testing::kWords, {2, 16});
  eval(std::span<const Tensor>(tree_leaves(std::pair(state, index))));
  Times t;
  for (int round = 0; round < 5; ++round) {
    clear_caches();
    const auto start = Clock::now();
    const std::vector<Tensor> results = testing::step(m, state, index);
    t.build = std::min(t.build, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    const Report r = profile(std::span<const Tensor>(results));
    EXPECT_FALSE(r.program_hit);
    double compiling = 0;
    for (const KernelReport& k : r.kernels) compiling += k.compile_ms;
    EXPECT_GT(compiling, 0);
    t.plan = std::min(t.plan, r.plan_ms);
  }
  return t;
}

TEST(Layers, TimesGrowLinearly) {
  times_of(3);
  const Times three = times_of(3), six = times_of(6), twelve = times_of(12);
  std::printf("layers 3 / 6 / 12: build %.2f / %.2f / %.2f ms, plan and compile %.1f / %.1f / %.1f ms\n", three.build,
              six.build, twelve.build, three.plan, six.plan, twelve.plan);
  EXPECT_LT(twelve.build, 3 * six.build);
  EXPECT_LT(twelve.build, 7 * three.build);
  EXPECT_LT(twelve.plan, 3 * six.plan);
  EXPECT_LT(twelve.plan, 7 * three.plan);
}

}  // namespace
}  // namespace lazuli
