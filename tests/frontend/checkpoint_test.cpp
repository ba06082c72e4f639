// What checkpointing is for: memory. A deep MLP keeps one value per layer for its backward pass; with checkpoints, one
// per group of layers and those of one group.
#include "lazuli/lazuli.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

constexpr int kLayers = 24, kGroup = 4;
constexpr int64_t kBatch = 128, kWidth = 64;
constexpr int64_t kActivation = kBatch * kWidth * 4;

Tensor block(Tensor h, const std::vector<Tensor>& weights) {
  for (const Tensor& w : weights) h = relu(matmul(h, w));
  return h;
}

Tensor loss(const Tensor& x, const std::vector<Tensor>& weights, bool checkpoints) {
  Tensor h = x;
  for (int i = 0; i < kLayers; i += kGroup) {
    const std::vector<Tensor> part(weights.begin() + i, weights.begin() + i + kGroup);
    h = checkpoints ? checkpoint(block)(h, part) : block(h, part);
  }
  return h.pow(2).sum();
}

struct Mlp {
  Tensor x = rand({kBatch, kWidth});
  std::vector<Tensor> weights;
  Mlp() {
    manual_seed(7);
    for (int i = 0; i < kLayers; ++i) weights.push_back(randn({kWidth, kWidth}) * 0.18);
    eval(std::span<const Tensor>(weights));
    eval(x);
  }
};

TEST(Checkpoint, LowersThePeakOfOneProgram) {
  const Mlp m;
  int64_t arena[2], peak[2];
  std::vector<float> first[2];
  for (const bool checkpoints : {false, true}) {
    auto [l, g] = value_and_grad([&](const std::vector<Tensor>& w) { return loss(m.x, w, checkpoints); })(m.weights);
    std::vector<Tensor> all = g;
    all.push_back(l);
    const int64_t before = retained_bytes();
    const Report r = profile(std::span<const Tensor>(all));
    arena[checkpoints] = r.arena_bytes;
    peak[checkpoints] = r.peak_bytes - before;
    first[checkpoints] = values(g[0]);
  }
  EXPECT_EQ(first[0], first[1]);  // the same bits
  // All layers, and what flows back; against one value per group, one group, and what flows back.
  EXPECT_GE(arena[0], kLayers * kActivation);
  EXPECT_LE(arena[0], (kLayers + 2) * kActivation);
  EXPECT_LE(arena[1], (kLayers / kGroup + kGroup + 2) * kActivation);
  EXPECT_LE(peak[1], peak[0] - (kLayers - kLayers / kGroup - kGroup - 2) * kActivation);
}

TEST(Checkpoint, KeepsLessAfterAnObservedLoss) {
  const Mlp m;
  int64_t kept[2], peak[2];
  std::vector<float> first[2];
  for (const bool checkpoints : {false, true}) {
    std::vector<Tensor> weights;
    for (const Tensor& w : m.weights) weights.push_back(w.clone().requires_grad_());
    const int64_t before = retained_bytes();
    Tensor l = loss(m.x, weights, checkpoints);
    l.item();
    kept[checkpoints] = retained_bytes() - before;
    l.backward();
    const Report r = profile(weights[0].grad());
    peak[checkpoints] = r.peak_bytes - before;
    first[checkpoints] = values(weights[0].grad());
    EXPECT_EQ(state(weights[kLayers - 1].grad()), State::Ready);
  }
  EXPECT_EQ(first[0], first[1]);
  EXPECT_GE(kept[0], kLayers * kActivation);
  EXPECT_LE(kept[0], kLayers * kActivation + 256);
  EXPECT_LE(kept[1], kLayers / kGroup * kActivation + 256);
  EXPECT_LE(peak[1], peak[0] - (kLayers - kLayers / kGroup - kGroup - 2) * kActivation);
}

}  // namespace
}  // namespace lazuli
