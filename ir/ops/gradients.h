// The gradient rules that outgrow a row of ir/ops/*.def: what the gradient column names. Rules of structural ops stand
// in ir/ops/gradient_<family>.cpp, pieces of elementwise ones in gradient_elementwise.cpp.
#pragma once
#include "ir/gradient.h"

namespace lazuli::ir::gradient {

// Elementwise: pieces of expressions.
/// Operand i of `n`; null where it has fewer.
Expr operand_of(const Expr& g, const Node* n, size_t i);
/// g, halved where x equals y: each of two equal operands takes half.
Expr share(const Expr& g, const Expr& x, const Expr& y);
// Derivatives at x.
Expr of_silu(const Expr& x);
Expr of_gelu(const Expr& x);
Expr of_gelu_tanh(const Expr& x);
/// Of every elementwise op: the sum of the rows' expressions with tangents in place of g.
Expr tangent_of_elementwise(const Place& at, const Node* n, std::span<const Expr> tangents);

// Structural ops: `of_<op>` is the cotangent of one operand.
/// Of every op that is linear in its float operands together: the op itself over their tangents.
Expr tangent_of_linear(const Place& at, const Node* n, std::span<const Expr> tangents);

Expr of_to(const Expr& g, const Node* n, size_t operand);
Expr of_cast(const Expr& g, const Node* n, size_t operand);
Expr of_reshape(const Expr& g, const Node* n, size_t operand);
Expr of_permute(const Expr& g, const Node* n, size_t operand);
Expr of_expand(const Expr& g, const Node* n, size_t operand);
Expr of_slice(const Expr& g, const Node* n, size_t operand);
Expr of_flip(const Expr& g, const Node* n, size_t operand);
Expr of_pad(const Expr& g, const Node* n, size_t operand);
Expr of_concat(const Expr& g, const Node* n, size_t operand);
Expr of_slice_update(const Expr& g, const Node* n, size_t operand);

/// windows and fold are each other's transposes.
Expr of_windows(const Expr& g, const Node* n, size_t operand);
Expr of_fold(const Expr& g, const Node* n, size_t operand);
/// To the first of equal elements.
Expr of_pick_max(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_pick_max(const Place& at, const Node* n, std::span<const Expr> tangents);
/// Convolutions again: of the spread gradient with the flipped weight, and of the operand with the gradient.
Expr of_convolution(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_convolution(const Place& at, const Node* n, std::span<const Expr> tangents);

Expr of_gather(const Expr& g, const Node* n, size_t operand);
Expr of_scatter_add(const Expr& g, const Node* n, size_t operand);
/// Only the value that stayed has a gradient.
Expr of_scatter(const Expr& g, const Node* n, size_t operand);
Expr of_scatter_mul(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_scatter_mul(const Place& at, const Node* n, std::span<const Expr> tangents);
/// Equal elements share the gradient evenly.
Expr of_scatter_extremum(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_scatter_extremum(const Place& at, const Node* n, std::span<const Expr> tangents);

/// The scan of what comes from the other end.
Expr of_cumsum(const Expr& g, const Node* n, size_t operand);
Expr of_cumprod(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_cumprod(const Place& at, const Node* n, std::span<const Expr> tangents);
Expr of_logcumsumexp(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_logcumsumexp(const Place& at, const Node* n, std::span<const Expr> tangents);

/// cummax and cummin: of equal elements the last one so far has it.
Expr of_running_extremum(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_running_extremum(const Place& at, const Node* n, std::span<const Expr> tangents);

Expr of_sum(const Expr& g, const Node* n, size_t operand);
Expr of_prod(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_prod(const Place& at, const Node* n, std::span<const Expr> tangents);
/// reduce_max and reduce_min: equal elements share the gradient evenly.
Expr of_extremum(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_extremum(const Place& at, const Node* n, std::span<const Expr> tangents);

Expr of_dot_general(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_dot_general(const Place& at, const Node* n, std::span<const Expr> tangents);

/// Through attention_query_gradient and attention_key_gradient, which keep no scores. Of a mask, and forward mode: by
/// primitives over all scores.
Expr of_attention(const Expr& g, const Node* n, size_t operand);
Expr tangent_of_attention(const Place& at, const Node* n, std::span<const Expr> tangents);

}  // namespace lazuli::ir::gradient
