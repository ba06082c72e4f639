// Operands and sizes of the attention ops. All take query [B, H, L, D], key [B, K, S, D] and value [B, K, S, E], where
// head h reads key head h / (H / K); the gradients then take the result's gradient [B, H, L, E], the log-sum-exp and
// the row sums [B, H, L]. Behind these stand, where given, a mask of four axes (each of the full size or 1; bool, or
// floats that are added) and key lengths, int64 [B].
#pragma once
#include "ir/node.h"

namespace lazuli::ir {

/// Keys that are taken at once: part of the meaning (docs/numerics.md).
inline constexpr int64_t kAttentionBlock = 64;

struct AttentionOperands {
  explicit AttentionOperands(const Node* n);

  const Node *query, *key, *value;
  const Node *gradient = nullptr, *lse = nullptr, *row_sums = nullptr;
  const Node *mask = nullptr, *lengths = nullptr;
  int64_t batch, heads, key_heads, queries, keys, depth, value_depth;
  bool causal;
  double scale;
  int64_t group() const { return key_heads == 0 ? 1 : heads / key_heads; }
  /// Products of two numbers that one matrix of all scores takes per unit of depth, causal blocks left out.
  double scores() const;
};

/// How many operands come before mask and lengths.
inline size_t attention_operands(Op op) {
  return op == Op::attention || op == Op::attention_lse ? 3 : 6;
}

}  // namespace lazuli::ir
