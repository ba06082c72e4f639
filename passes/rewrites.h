// The rule tables, one file (rewrites_<table>.cpp) and one group of tests each.
#pragma once
#include <optional>

#include "passes/rewrite.h"

namespace lazuli::passes {

// Of both passes: values without elements need no computation. Stands first, so that other rules see elements.
std::span<const Rule> empty_rules();
// Of canonicalize.
std::span<const Rule> fold_rules();        // constants, arithmetic below an expand
std::span<const Rule> arithmetic_rules();  // neutral and absorbing elements, signs, idempotent ops
std::span<const Rule> select_rules();      // where, comparisons, tests
std::span<const Rule> bit_rules();         // logic and bits
std::span<const Rule> cast_rules();
std::span<const Rule> reduce_rules();
std::span<const Rule> pick_rules();  // a sum of one element that is not zero
// Of simplify_movement.
std::span<const Rule> view_rules();  // reshape, permute, expand, slice, flip
std::span<const Rule> join_rules();  // pad, concat, slice_update, and slices of them

/// The bits of the one value that all elements of `n` have, if it is a constant below any number of views.
std::optional<uint64_t> uniform_bits(const ir::Node* n);
/// Bit pattern of a small number in a type (0, -0.0, 1, -1), rounded.
uint64_t number_bits(DType dtype, double v);
/// The number that a bit pattern of a float type stands for.
double float_value(DType dtype, uint64_t bits);
/// The operand beside one whose elements all are this number; null if neither operand is such.
const ir::Node* beside(const ir::Node* n, double v);
/// Whether every element of `n` is this number, sign of zero included.
bool is_uniform(const ir::Node* n, double v);

}  // namespace lazuli::passes
