// A training step of a transformer of any number of layers, for tests of what grows with it.
#pragma once
#include "lazuli/lazuli.h"

namespace lazuli::testing {

struct Layer {
  Tensor norm1_w, norm1_b, qkv_w, qkv_b, join_w, join_b, norm2_w, norm2_b, up_w, up_b, down_w, down_b;
};
struct Model {
  Tensor words;
  std::vector<Layer> layers;
  Tensor head;
};
using State = optim::AdamState<Model>;

inline constexpr int64_t kWidth = 32, kHeads = 2, kWords = 64;

inline Model model_of(int layers) {
  const auto weight = [](int64_t from, int64_t to) { return randn({from, to}) * 0.1; };
  Model m{weight(kWords, kWidth), {}, weight(kWidth, kWords)};
  for (int l = 0; l < layers; ++l)
    m.layers.push_back({ones({kWidth}), zeros({kWidth}), weight(kWidth, 3 * kWidth), zeros({3 * kWidth}),
                        weight(kWidth, kWidth), zeros({kWidth}), ones({kWidth}), zeros({kWidth}),
                        weight(kWidth, 4 * kWidth), zeros({4 * kWidth}), weight(4 * kWidth, kWidth), zeros({kWidth})});
  m = tree_map([](const Tensor& t) { return t.clone(); }, m);
  eval(std::span<const Tensor>(tree_leaves(m)));
  return m;
}

inline Tensor layer_of(const Layer& p, const Tensor& x) {
  const int64_t batch = x.size(0), places = x.size(1);
  const Tensor parts = (matmul(layer_norm(x, {kWidth}, p.norm1_w, p.norm1_b), p.qkv_w) + p.qkv_b)
                           .reshape({batch, places, 3, kHeads, kWidth / kHeads})
                           .permute({2, 0, 3, 1, 4});
  const Tensor seen = scaled_dot_product_attention(parts[0], parts[1], parts[2], {.is_causal = true});
  const Tensor y = x + matmul(seen.transpose(1, 2).reshape(x.sizes()), p.join_w) + p.join_b;
  const Tensor up = gelu(matmul(layer_norm(y, {kWidth}, p.norm2_w, p.norm2_b), p.up_w) + p.up_b);
  return y + matmul(up, p.down_w) + p.down_b;
}

/// Everything that a step of AdamW gives, pending: parameters, what the optimiser keeps, and the loss.
inline std::vector<Tensor> step(const Model& m, const State& state, const Tensor& index) {
  const auto loss_of = [](const Model& model, const Tensor& from) {
    Tensor x = embedding(model.words, from);
    for (const Layer& l : model.layers) x = layer_of(l, x);
    return cross_entropy(matmul(x, model.head).flatten(0, 1), from.flatten());
  };
  const auto [loss, gradients] = value_and_grad(loss_of)(m, index);
  std::vector<Tensor> results = tree_leaves(optim::adamw(m, gradients, state, 1e-3));
  results.push_back(loss);
  return results;
}

}  // namespace lazuli::testing
