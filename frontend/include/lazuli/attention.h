// Attention: softmax(query key' * scale + mask) value, without a tensor of all scores, forward and backward: memory
// grows with the number of places, not with its square.
//
//   y = scaled_dot_product_attention(q, k, v);                            // (B, H, L, D), (B, H, S, D), (B, H, S, E)
//   y = scaled_dot_product_attention(q, k, v, {.is_causal = true});       // query i sees keys 0 to i
//   y = scaled_dot_product_attention(q, k, v, {.attn_mask = seen});       // bool: true where a key is seen
//   y = scaled_dot_product_attention(q, k, v, {.attn_mask = bias});       // floats: added to the scores
//   y = scaled_dot_product_attention(q, k, v, {.key_lengths = lengths});  // (B): keys from there on are padding
//   y = scaled_dot_product_attention(q, k, v, {.scale = 1.0});            // 1 / sqrt(D) otherwise
//   y = scaled_dot_product_attention(q, k, v, {.enable_gqa = true});      // k, v (B, H / n, S, .): n heads share them
#pragma once
#include <optional>

#include "lazuli/tensor.h"

namespace lazuli {

struct AttentionOptions {
  Tensor attn_mask = {};    // broadcasts to (..., L, S)
  bool is_causal = false;   // query i sees keys j <= i; not together with a mask
  Tensor key_lengths = {};  // integers (B), the first axis: keys at and behind this number do not exist
  std::optional<double> scale = {};
  bool enable_gqa = false;  // key and value may have fewer heads, a divisor of the query's
};

/// PyTorch's function of that name, without dropout. Operands have two or more axes, (..., L, D), (..., S, D) and
/// (..., S, E), of one float type; half types are computed in float32 and rounded once. A query that sees no key gives
/// 0. The result is the one that docs/numerics.md defines, which rounds otherwise than softmax and two products would.
/// A gradient with respect to a mask, second derivatives and forward mode take memory for all scores. Errors: Shape,
/// DType, Value; Unsupported on CUDA devices.
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options = {}, Location loc = Location::current());

}  // namespace lazuli
