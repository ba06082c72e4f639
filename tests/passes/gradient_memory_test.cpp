// What gradients keep: every layer's value without checkpoints, and with them the values between blocks and those of
// one block. Gradients of weights are computed where they free memory, wherever they stand among the outputs.
#include <gtest/gtest.h>

#include "ir/gradient.h"
#include "passes/pass.h"
#include "passes/plan_memory.h"
#include "passes/vjp.h"

namespace lazuli::passes {
namespace {

using namespace ir;
using namespace ir::gradient;

constexpr int kLayers = 24;
constexpr int64_t kRows = 256, kWidth = 16, kLayerBytes = kRows * kWidth * 4;

Expr block(Expr h, std::span<const Expr> weights) {
  for (const Expr& w : weights) h = tanh(dot_general(h, w, {{}, {}, {1}, {0}}));
  return h;
}

/// Computes the block again, behind a barrier.
class Recompute : public CustomRule {
 public:
  std::vector<NodeRef> vjp(Interner& in, std::span<const NodeRef> operands,
                           std::span<const NodeRef> cotangents) const override {
    const gradient::Place at{in, {}, kCPU};
    std::vector<Expr> inputs{gradient::make(at, Op::barrier, {operands[0].get()}, LeafAttr{in.next_leaf_id()})};
    for (const NodeRef& w : operands.subspan(1)) inputs.emplace_back(at, w);
    const Expr y = block(inputs[0], std::span(inputs).subspan(1));
    const Node* outputs[] = {y.get()};
    std::vector<const Node*> wrt;
    for (const Expr& e : inputs) wrt.push_back(e.get());
    return passes::vjp(in, outputs, cotangents, wrt);
  }
};

int64_t arena_bytes(int layers_per_block, bool last_weight_first) {
  Interner in;
  const gradient::Place at{in, {}, kCPU};
  const auto leaf = [&](const Shape& s) {
    return gradient::make(at, Op::data, {}, LeafAttr{in.next_leaf_id()}, kFloat32, s);
  };
  Expr h = leaf({kRows, kWidth});
  std::vector<Expr> weights;
  std::vector<const Node*> wrt;
  for (int i = 0; i < kLayers; ++i) {
    weights.push_back(leaf({kWidth, kWidth}));
    wrt.push_back(weights.back().get());
  }
  for (int i = 0; i < kLayers; i += layers_per_block) {
    const auto part =
        std::span<const Expr>(weights).subspan(static_cast<size_t>(i), static_cast<size_t>(layers_per_block));
    const Expr value = block(h, part);
    NodeSpec spec{.op = Op::custom_result, .attr = CustomAttr{std::make_shared<Recompute>(), 0}};
    spec.inputs = {value.get(), h.get()};
    for (const Expr& w : part) spec.inputs.push_back(w.get());
    h = layers_per_block == kLayers ? value : Expr(at, in.make(std::move(spec)));
  }
  const Expr loss = gradient::sum(h, {0, 1});
  const Node* outputs[] = {loss.get()};
  const NodeRef ones[] = {full(at, kFloat32, {}, 1).node()};
  std::vector<NodeRef> gradients = vjp(in, outputs, ones, wrt);
  if (last_weight_first) std::reverse(gradients.begin(), gradients.end());
  gradients.insert(gradients.begin(), loss.node());
  PassContext ctx{.interner = in, .observer = {}};
  const Graph g = run_passes({gradients}, default_pipeline(), ctx);
  return plan_memory(g, partition(g, ctx), {}).arena_bytes;
}

TEST(GradientMemory, KeepsOneValuePerLayer) {
  for (const bool order : {false, true}) {
    EXPECT_LE(arena_bytes(kLayers, order), (kLayers + 2) * kLayerBytes);
    EXPECT_GE(arena_bytes(kLayers, order), (kLayers - 1) * kLayerBytes);
  }
}

TEST(GradientMemory, CheckpointsKeepOneValuePerBlockAndOneBlock) {
  for (const int per_block : {2, 4, 6, 12})
    for (const bool order : {false, true})
      EXPECT_LE(arena_bytes(per_block, order), (kLayers / per_block + per_block + 1) * kLayerBytes)
          << per_block << " layers per block";
}

}  // namespace
}  // namespace lazuli::passes
