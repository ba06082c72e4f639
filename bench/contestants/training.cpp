#include "contestants/training.h"

namespace bench {
namespace {

using namespace lazuli;

struct Affine {
  Tensor w, b;
  Tensor operator()(const Tensor& x) const { return matmul(x, w) + b; }
};
struct Norm {
  Tensor w, b;
  Tensor operator()(const Tensor& x) const { return layer_norm(x, {w.size(0)}, w, b); }
};

/// The operands of a step one after the other.
struct Operands {
  const Tensors& all;
  size_t at = 0;
  Tensor next() { return all[at++]; }
  Affine affine() { return {next(), next()}; }
  Norm norm() { return {next(), next()}; }
  /// As many as there are parameters.
  template <class Params>
  Params like(const Params& params) {
    const size_t from = at;
    at += tree_leaves(params).size();
    return tree_unflatten(params, std::span(all).subspan(from, at - from));
  }
};

/// One step of AdamW: `loss_of(params, batch ...)`, and what the optimiser keeps after it.
template <class Params, class Loss>
Tensors adamw_step(const Params& params, Operands& in, const Loss& loss_of) {
  const optim::AdamState<Params> state{in.like(params), in.like(params), in.next()};
  const Tensor x = in.next(), y = in.next();
  const auto [loss, gradients] = value_and_grad(loss_of)(params, x, y);
  Tensors results = tree_leaves(optim::adamw(params, gradients, state, 1e-3));
  results.push_back(loss);
  return results;
}

struct Mlp {
  Affine first, second, third;
};

constexpr int64_t kDepth = 64;

struct Block {
  Norm norm1;
  Affine qkv, join;
  Norm norm2;
  Affine up, down;
  Tensor operator()(const Tensor& x) const {
    const int64_t batch = x.size(0), places = x.size(1), width = x.size(2);
    const Tensor parts = qkv(norm1(x)).reshape({batch, places, 3, width / kDepth, kDepth}).permute({2, 0, 3, 1, 4});
    const Tensor seen = scaled_dot_product_attention(parts[0], parts[1], parts[2], {.is_causal = true});
    const Tensor y = x + join(seen.transpose(1, 2).reshape({batch, places, width}));
    return y + down(gelu(up(norm2(y))));
  }
};
Block block(Operands& in) {
  return {in.norm(), in.affine(), in.affine(), in.norm(), in.affine(), in.affine()};
}

struct Transformer {
  Tensor words, places;
  std::vector<Block> layers;
  Norm norm;
  Affine head;
};

struct Convnet {
  std::array<Affine, 4> convolutions;
  Affine last;
};

}  // namespace

Tensors mlp_step(const Tensors& all, IntArrayRef) {
  Operands in{all};
  const Mlp params{in.affine(), in.affine(), in.affine()};
  return adamw_step(params, in, [](const Mlp& m, const Tensor& x, const Tensor& target) {
    return cross_entropy(m.third(relu(m.second(relu(m.first(x))))), target);
  });
}

Tensors transformer_block_step(const Tensors& all, IntArrayRef) {
  Operands in{all};
  const Block params = block(in);
  return adamw_step(params, in, [](const Block& b, const Tensor& x, const Tensor& y) { return mse_loss(b(x), y); });
}

Tensors transformer_step(const Tensors& all, IntArrayRef) {
  // Two embeddings, a norm and the head stand around the layers, of twelve parameters each; three sets and five more.
  const size_t layers = ((all.size() - 3) / 3 - 6) / 12;
  Operands in{all};
  Transformer params{.words = in.next(), .places = in.next(), .layers = {}, .norm = {}, .head = {}};
  for (size_t l = 0; l < layers; ++l) params.layers.push_back(block(in));
  params.norm = in.norm();
  params.head = in.affine();
  return adamw_step(params, in, [](const Transformer& m, const Tensor& index, const Tensor& target) {
    Tensor x = embedding(m.words, index) + m.places;
    for (const Block& layer : m.layers) x = layer(x);
    return cross_entropy(m.head(m.norm(x)).flatten(0, 1), target.flatten());
  });
}

Tensors convnet_step(const Tensors& all, IntArrayRef) {
  Operands in{all};
  const Convnet params{{in.affine(), in.affine(), in.affine(), in.affine()}, in.affine()};
  const optim::SgdState<Convnet> state{in.like(params)};
  const auto loss_of = [](const Convnet& m, Tensor x, const Tensor& target) {
    for (size_t l = 0; l < 4; ++l) {
      x = relu(conv2d(x, m.convolutions[l].w, m.convolutions[l].b, 1, 1));
      if (l % 2) x = max_pool2d(x, 2);
    }
    return cross_entropy(m.last(x.flatten(1)), target);
  };
  const Tensor x = in.next(), target = in.next();
  const auto [loss, gradients] = value_and_grad(loss_of)(params, x, target);
  Tensors results = tree_leaves(optim::sgd(params, gradients, state, 1e-3, {.momentum = 0.9}));
  results.push_back(loss);
  return results;
}

}  // namespace bench
