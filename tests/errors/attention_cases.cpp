// What is refused in attention.
#include "tests/errors/cases.h"

namespace lazuli::errors {
namespace {

Tensor queries4() {
  return zeros({2, 4, 5, 8});
}
Tensor keys4() {
  return zeros({2, 4, 7, 8});
}
Tensor two_heads() {
  return zeros({2, 2, 7, 8});
}

}  // namespace

std::vector<Case> attention_cases() {
  return {
      REFUSES(Shape,
              "Expected query, key, and value to all be at least 2 dimensional, but got "
              "query.dim: 1, key.dim: 4 and value.dim: 4 instead.",
              scaled_dot_product_attention(zeros({8}), keys4(), keys4())),
      REFUSES(DType,
              "Expected query, key, and value to have the same dtype, but got "
              "query.dtype: Float key.dtype: Double and value.dtype: Float instead.",
              scaled_dot_product_attention(queries4(), keys4().to(kFloat64), keys4())),
      REFUSES(DType, "scaled_dot_product_attention: takes floats, not int64",
              scaled_dot_product_attention(queries4().to(kInt64), keys4().to(kInt64), keys4().to(kInt64))),
      REFUSES(Shape,
              "scaled_dot_product_attention: the depths of query [2, 4, 5, 8], key [2, 4, 7, 6] and value [2, 4, 7, 8] "
              "differ",
              scaled_dot_product_attention(queries4(), zeros({2, 4, 7, 6}), keys4())),
      REFUSES(Shape,
              "scaled_dot_product_attention: the places of query [2, 4, 5, 8], key [2, 4, 7, 8] and value [2, 4, 6, 8] "
              "differ",
              scaled_dot_product_attention(queries4(), keys4(), zeros({2, 4, 6, 8}))),
      REFUSES(Shape,
              "scaled_dot_product_attention: the leading axes of query [2, 4, 5, 8], key [2, 2, 7, 8] and value [2, 2, "
              "7, 8] do not broadcast",
              scaled_dot_product_attention(queries4(), two_heads(), two_heads())),
      REFUSES(Shape,
              "scaled_dot_product_attention: the heads of query [2, 4, 5, 8], key [2, 3, 7, 8] and value [2, 3, 7, 8] "
              "do not group",
              scaled_dot_product_attention(queries4(), zeros({2, 3, 7, 8}), zeros({2, 3, 7, 8}), {.enable_gqa = true})),
      REFUSES(
          Value, "scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True",
          scaled_dot_product_attention(queries4(), keys4(), keys4(), {.attn_mask = zeros({5, 7}), .is_causal = true})),
      REFUSES(DType,
              "Expected attn_mask dtype to be bool or float or to match query dtype, but "
              "got attn_mask.dtype: Long and query.dtype: Float instead.",
              scaled_dot_product_attention(queries4(), keys4(), keys4(), {.attn_mask = zeros({5, 7}, kInt64)})),
      REFUSES(Shape, "scaled_dot_product_attention: attn_mask of shape [7, 5] does not broadcast to [2, 4, 5, 7]",
              scaled_dot_product_attention(queries4(), keys4(), keys4(), {.attn_mask = zeros({7, 5})})),
      REFUSES(DType, "scaled_dot_product_attention: key_lengths are integers, not float32",
              scaled_dot_product_attention(queries4(), keys4(), keys4(), {.key_lengths = zeros({2})})),
      REFUSES(Shape, "scaled_dot_product_attention: key_lengths of shape [3] for a query of shape [2, 4, 5, 8]",
              scaled_dot_product_attention(queries4(), keys4(), keys4(), {.key_lengths = zeros({3}, kInt64)})),
  };
}

}  // namespace lazuli::errors
