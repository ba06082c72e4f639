// What a training step of a transformer takes grows linearly with its layers: nodes, kernels, memory. Layers that are
// alike share their compiled kernels.
#include "tests/frontend/layers.h"

#include <gtest/gtest.h>

#include "frontend/tensor_impl.h"

namespace lazuli {
namespace {

struct Figures {
  int64_t nodes = 0, kernels = 0, compiled = 0, arena = 0;
};

Figures figures_of(int layers) {
  manual_seed(1);
  clear_caches();
  const testing::Model m = testing::model_of(layers);
  const testing::State state = optim::adam_state(m);
  const Tensor index = randint(0, testing::kWords, {2, 16});
  eval(std::span<const Tensor>(tree_leaves(std::pair(state, index))));
  const auto before = static_cast<int64_t>(interner().live_nodes());
  const std::vector<Tensor> results = testing::step(m, state, index);
  Figures f;
  f.nodes = static_cast<int64_t>(interner().live_nodes()) - before;
  const Report r = profile(std::span<const Tensor>(results));
  f.kernels = static_cast<int64_t>(r.kernels.size());
  for (const KernelReport& k : r.kernels) f.compiled += !k.cache_hit;
  f.arena = r.arena_bytes;
  return f;
}

TEST(Layers, StepsGrowLinearly) {
  const Figures three = figures_of(3), six = figures_of(6), twelve = figures_of(12);
  std::printf(
      "layers 3 / 6 / 12: nodes %ld / %ld / %ld, kernels %ld / %ld / %ld, compiled %ld / %ld / %ld, arena %ld / "
      "%ld / %ld\n",
      static_cast<long>(three.nodes), static_cast<long>(six.nodes), static_cast<long>(twelve.nodes),
      static_cast<long>(three.kernels), static_cast<long>(six.kernels), static_cast<long>(twelve.kernels),
      static_cast<long>(three.compiled), static_cast<long>(six.compiled), static_cast<long>(twelve.compiled),
      static_cast<long>(three.arena), static_cast<long>(six.arena), static_cast<long>(twelve.arena));
  const auto linear = [](int64_t a, int64_t b, int64_t c, double tolerance) {
    const auto first = static_cast<double>(b - a), second = static_cast<double>(c - b) / 2;
    EXPECT_GT(first, 0);
    EXPECT_NEAR(second, first, tolerance * first);
  };
  linear(three.nodes, six.nodes, twelve.nodes, 0.02);
  linear(three.kernels, six.kernels, twelve.kernels, 0.1);
  linear(three.arena, six.arena, twelve.arena, 0.25);
  // Updates of many small parameters at once are other kernels for more of them.
  EXPECT_LE((twelve.compiled - three.compiled) * 10, twelve.kernels - three.kernels);
}

}  // namespace
}  // namespace lazuli
