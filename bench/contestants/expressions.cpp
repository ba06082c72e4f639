#include "contestants/expressions.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "contestants/training.h"

namespace bench {
namespace {

using namespace lazuli;
using In = const std::vector<Tensor>&;
using Sizes = IntArrayRef;  // of the result
using Out = std::vector<Tensor>;

Tensor affine(In in) {
  return in[0] * in[1] + in[2];
}

Out black_scholes(In in, Sizes) {
  const Tensor &s = in[0], &k = in[1], &t = in[2];
  const auto phi = [](const Tensor& x) { return 0.5 * erfc(x * -0.70710678118654752); };
  const Tensor root = 0.3 * sqrt(t), d1 = (log(s / k) + 0.065 * t) / root, d2 = d1 - root;
  return {s * phi(d1) - k * exp(-0.02 * t) * phi(d2)};
}

Out where_chain(In in, Sizes) {
  const Tensor &x = in[0], &y = in[1];
  return {clamp(where(x > 0, x * y, where(y > 0, x + y, x - y)), -1, 1)};
}

Out int_mix(In in, Sizes) {
  const Tensor &x = in[0], &y = in[1];
  const Tensor h = (x ^ (y << 13)) * -1640531535;  // 2654435761 modulo 2^32
  return {(h ^ (h >> 16)) + y};
}

Out log_softmax_backward(In in, Sizes) {
  const Tensor &y = in[0], &g = in[1];
  return {g - exp(y) * g.sum(1, true)};
}

Out layer_norm_backward(In in, Sizes) {
  const Tensor& w = in[2];
  const auto forward = [&](const Tensor& x) { return layer_norm(x, {w.size(0)}, w); };
  return {vjp(forward, in[0]).second(in[1])};
}

Out attention_backward(In in, Sizes) {
  const auto forward = [](const Tensor& q, const Tensor& k, const Tensor& v) {
    return scaled_dot_product_attention(q, k, v, {.is_causal = true});
  };
  const auto gradients = vjp(forward, in[0], in[1], in[2]).second(in[3]);
  return {std::get<0>(gradients), std::get<1>(gradients), std::get<2>(gradients)};
}

Out scatter_rows(In in, Sizes result) {
  return {index_add(zeros(result), 0, in[1], in[0])};
}

Out product_and_more(In in, const char* form) {
  return {gelu(matmul(in[0], in[1]) + in[2], form) + in[3]};
}

/// Groups of 128 weights: see dequantised() in cases/contract.cpp.
Out dequantised_product(In in, Sizes) {
  const Tensor &x = in[0], &w = in[1], &scale = in[2];
  const Tensor q = cat({w & 15, w >> 4}, 2).to(kFloat32) - 8;
  return {matmul(x, (q * scale.unsqueeze(2)).reshape({w.size(0), x.size(1)}).t())};
}

Out nbody(In in, Sizes) {
  const auto &p = in[0], &v = in[1], &m = in[2];
  std::vector<Tensor> d;
  for (const Tensor& c : p.unbind(1)) d.push_back(c.unsqueeze(0) - c.unsqueeze(1));
  const Tensor r = 1 / sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + 0.01), w = m * (r * r * r);
  const Tensor velocity = v + 0.01 * stack({(w * d[0]).sum(1), (w * d[1]).sum(1), (w * d[2]).sum(1)}, 1);
  return {p + 0.01 * velocity, velocity};
}

Out heat2d(In in, Sizes) {
  Tensor u = in[0].clone();
  const Slice inner(1, -1), up(None, -2), down(2);
  for (int step = 0; step < 8; ++step) {
    const Tensor centre = u(inner, inner);
    const Tensor around = u(up, inner) + u(down, inner) + u(inner, up) + u(inner, down);
    u(inner, inner) = centre + 0.2 * (around - 4 * centre);
  }
  return {u};
}

Out kmeans_step(In in, Sizes sizes) {
  const Tensor &x = in[0], &c = in[1];
  const Tensor nearest = argmin((c * c).sum(1) - 2 * matmul(x, c.t()), 1);
  const Tensor sums = index_add(zeros(sizes), 0, nearest, x);
  const Tensor points = index_add(zeros({sizes[0]}), 0, nearest, ones({x.size(0)}));
  return {sums / clamp_min(points, 1).unsqueeze(1)};
}

Out adam_step(In in, Sizes) {
  Out results;
  for (size_t t = 0; t < in.size(); t += 4) {
    const Tensor &p = in[t], &g = in[t + 1];
    const Tensor m = 0.9 * in[t + 2] + 0.1 * g, v = 0.999 * in[t + 3] + 0.001 * (g * g);
    const Tensor root = sqrt(v * (1 / (1 - std::pow(0.999, 10)))) + 1e-8;
    results.insert(results.end(), {p - 1e-3 / (1 - std::pow(0.9, 10)) * (m / root), m, v});
  }
  return results;
}

Out chain(In in, int operations) {
  Tensor y = in[0];
  for (int k = 0; k < operations / 2; ++k) y = (y + in[1]) * in[2];
  return {y};
}

struct Named {
  std::string_view name;
  Expression expression;
};
constexpr Named kExpressions[] = {
    {"map/relu_bias", [](In in, Sizes) -> Out { return {relu(affine(in))}; }},
    {"map/gelu_bias", [](In in, Sizes) -> Out { return {gelu(affine(in))}; }},
    {"map/gelu_tanh_bias", [](In in, Sizes) -> Out { return {gelu(affine(in), "tanh")}; }},
    {"map/black_scholes", black_scholes},
    {"map/where_chain", where_chain},
    {"map/cast_f32_bf16", [](In in, Sizes) -> Out { return {in[0].to(kBFloat16)}; }},
    {"map/strided_sum3", [](In in, Sizes) -> Out { return {in[0] + in[1].t() + in[2].flip({1})}; }},
    {"map/rng_normal", [](In, Sizes result) -> Out { return {randn(result)}; }},
    {"map/int_mix", int_mix},
    {"row/softmax", [](In in, Sizes) -> Out { return {softmax(in[0], 1)}; }},
    {"row/softmax_100k", [](In in, Sizes) -> Out { return {softmax(in[0], 1)}; }},
    {"row/log_softmax_backward", log_softmax_backward},
    {"row/layer_norm", [](In in, Sizes) -> Out { return {layer_norm(in[0], {in[0].size(1)}, in[1], in[2])}; }},
    {"row/layer_norm_backward", layer_norm_backward},
    {"row/cross_entropy", [](In in, Sizes) -> Out { return {cross_entropy(in[0], in[1])}; }},
    {"reduce/sum_all", [](In in, Sizes) -> Out { return {in[0].sum()}; }},
    {"reduce/sum_axis0", [](In in, Sizes) -> Out { return {in[0].sum(0)}; }},
    {"reduce/sum_axis1", [](In in, Sizes) -> Out { return {in[0].sum(1)}; }},
    {"reduce/var_axis0", [](In in, Sizes) -> Out { return {var(in[0], 0)}; }},
    {"reduce/var_axis1", [](In in, Sizes) -> Out { return {var(in[0], 1)}; }},
    {"reduce/argmax_axis1", [](In in, Sizes) -> Out { return {argmax(in[0], 1)}; }},
    {"scan/cumsum", [](In in, Sizes) -> Out { return {in[0].cumsum(1)}; }},
    {"move/transpose", [](In in, Sizes) -> Out { return {in[0].t()}; }},
    {"move/permute_0213", [](In in, Sizes) -> Out { return {in[0].permute({0, 2, 1, 3})}; }},
    {"move/cat", [](In in, Sizes) -> Out { return {cat({in[0], in[1]}, 1)}; }},
    {"move/flip", [](In in, Sizes) -> Out { return {in[0].flip({1})}; }},
    {"gather/rows", [](In in, Sizes) -> Out { return {index_select(in[0], 0, in[1])}; }},
    {"scatter/add_rows", scatter_rows},
    {"contract/sgemm", [](In in, Sizes) -> Out { return {matmul(in[0], in[1])}; }},
    {"contract/bias_gelu_residual", [](In in, Sizes) { return product_and_more(in, "none"); }},
    {"contract/bias_gelu_tanh_residual", [](In in, Sizes) { return product_and_more(in, "tanh"); }},
    {"contract/dgemm", [](In in, Sizes) -> Out { return {matmul(in[0], in[1])}; }},
    {"contract/bgemm", [](In in, Sizes) -> Out { return {matmul(in[0], in[1])}; }},
    {"contract/igemm", [](In in, Sizes) -> Out { return {matmul(in[0].to(kInt32), in[1].to(kInt32))}; }},
    {"contract/batched", [](In in, Sizes) -> Out { return {matmul(in[0], in[1])}; }},
    {"contract/skinny", [](In in, Sizes) -> Out { return {matmul(in[0], in[1])}; }},
    {"contract/gemv nn", [](In in, Sizes) -> Out { return {matmul(in[0], in[1])}; }},
    {"contract/gemv nt", [](In in, Sizes) -> Out { return {matmul(in[0], in[1].t())}; }},
    {"contract/tall_k", [](In in, Sizes) -> Out { return {matmul(in[0], in[1])}; }},
    {"contract/tn", [](In in, Sizes) -> Out { return {matmul(in[0].t(), in[1])}; }},
    {"contract/nt", [](In in, Sizes) -> Out { return {matmul(in[0], in[1].t())}; }},
    {"contract/tt", [](In in, Sizes) -> Out { return {matmul(in[0].t(), in[1].t())}; }},
    {"contract/bias_gelu_residual_scale",
     [](In in, Sizes) -> Out { return {product_and_more(in, "tanh")[0] * in[4]}; }},
    {"contract/dequant_int4", dequantised_product},
    {"attend/prefill",
     [](In in, Sizes) -> Out { return {scaled_dot_product_attention(in[0], in[1], in[2], {.is_causal = true})}; }},
    {"attend/prefill_backward", attention_backward},
    {"attend/decode",
     [](In in, Sizes) -> Out { return {scaled_dot_product_attention(in[0], in[1], in[2], {.enable_gqa = true})}; }},
    {"conv/resnet", [](In in, Sizes) -> Out { return {conv2d(in[0], in[1], {}, 1, 1)}; }},
    {"conv/depthwise", [](In in, Sizes) -> Out { return {conv2d(in[0], in[1], {}, 1, 1, 1, in[0].size(1))}; }},
    {"e2e/nbody", nbody},
    {"e2e/heat2d", heat2d},
    {"e2e/kmeans_step", kmeans_step},
    {"e2e/adam_100_tensors", adam_step},
    {"e2e/mlp_step", mlp_step},
    {"e2e/transformer_block_step", transformer_block_step},
    {"e2e/transformer_12_layers_step", transformer_step},
    {"e2e/convnet_step", convnet_step},
    {"latency/cold_relu", [](In in, Sizes) -> Out { return {relu(in[0])}; }},
    {"latency/cold_gelu", [](In in, Sizes) -> Out { return {gelu(in[0])}; }},
    {"latency/cold_black_scholes", black_scholes},
    {"latency/dispatch_compiled", [](In in, Sizes) { return chain(in, 10); }},
    {"latency/dispatch_lazy_10ops", [](In in, Sizes) { return chain(in, 10); }},
    {"latency/graph_1000ops", [](In in, Sizes) { return chain(in, 1000); }},
};

}  // namespace

Expression expression_named(std::string_view name) {
  const auto* const at =
      std::find_if(std::begin(kExpressions), std::end(kExpressions), [&](const Named& n) { return n.name == name; });
  return at == std::end(kExpressions) ? nullptr : at->expression;
}

Expression expression_of(std::string_view name, std::string_view size) {
  if (const Expression e = expression_named(name)) return e;
  return expression_named(std::string(name) + " " + std::string(size));
}

Expression baseline_of(std::string_view name) {
  return name.starts_with("contract/bias_") ? expression_named("contract/sgemm") : nullptr;
}

}  // namespace bench
