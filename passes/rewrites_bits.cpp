// Logic and bits. Every op here has a form for bool and one for integers; on bool the all-ones pattern is true.
#include "passes/rewrites.h"

namespace lazuli::passes {
namespace {

using ir::Node;
using ir::NodeRef;
using ir::Op;

/// 0 or all ones.
const Node* beside_zeros(const Node* n) {
  return beside(n, 0);
}
const Node* beside_ones(const Node* n) {
  return beside(n, is_bool(n->dtype()) ? 1 : -1);
}
uint64_t ones(DType t) {
  return number_bits(t, is_bool(t) ? 1 : -1);
}
Op complement(const Node* n) {
  return n->op() == Op::logical_xor ? Op::logical_not : Op::bitwise_not;
}

NodeRef and_ones(const Node* n, Rewriter&) {
  return NodeRef(beside_ones(n));
}
NodeRef and_zeros(const Node* n, Rewriter& r) {
  return beside_zeros(n) ? r.full(n->dtype(), 0, n->shape()) : nullptr;
}
NodeRef or_zeros(const Node* n, Rewriter&) {
  return NodeRef(beside_zeros(n));
}
NodeRef or_ones(const Node* n, Rewriter& r) {
  return beside_ones(n) ? r.full(n->dtype(), ones(n->dtype()), n->shape()) : nullptr;
}
NodeRef same_operands(const Node* n, Rewriter&) {
  return n->input(0) == n->input(1) ? NodeRef(n->input(0)) : nullptr;
}
NodeRef xor_zeros(const Node* n, Rewriter&) {
  return NodeRef(beside_zeros(n));
}
NodeRef xor_ones(const Node* n, Rewriter& r) {
  const Node* x = beside_ones(n);
  return x ? r.make(complement(n), {x}) : nullptr;
}
NodeRef xor_self(const Node* n, Rewriter& r) {
  return n->input(0) == n->input(1) ? r.full(n->dtype(), 0, n->shape()) : nullptr;
}
NodeRef not_not(const Node* n, Rewriter&) {
  return n->input(0)->op() == n->op() ? NodeRef(n->input(0)->input(0)) : nullptr;
}
/// not (x == y) = x != y, NaN included. (not (x < y) is not x >= y.)
NodeRef not_equal(const Node* n, Rewriter& r) {
  const Node* x = n->input(0);
  if (x->op() == Op::eq) return r.make(Op::ne, {x->input(0), x->input(1)});
  if (x->op() == Op::ne) return r.make(Op::eq, {x->input(0), x->input(1)});
  return nullptr;
}
/// On bool the two complements are one.
NodeRef bitwise_not_bool(const Node* n, Rewriter& r) {
  return is_bool(n->dtype()) ? r.make(Op::logical_not, {n->input(0)}) : nullptr;
}
NodeRef shift_nothing(const Node* n, Rewriter&) {
  return is_uniform(n->input(1), 0) ? NodeRef(n->input(0)) : nullptr;
}

constexpr Rule kRules[] = {
    {"and-ones", Op::logical_and, and_ones},
    {"and-zeros", Op::logical_and, and_zeros},
    {"and-same", Op::logical_and, same_operands},
    {"or-zeros", Op::logical_or, or_zeros},
    {"or-ones", Op::logical_or, or_ones},
    {"or-same", Op::logical_or, same_operands},
    {"xor-zeros", Op::logical_xor, xor_zeros},
    {"xor-ones", Op::logical_xor, xor_ones},
    {"xor-self", Op::logical_xor, xor_self},
    {"not-not", Op::logical_not, not_not},
    {"not-equal", Op::logical_not, not_equal},
    {"bitwise-and-ones", Op::bitwise_and, and_ones},
    {"bitwise-and-zeros", Op::bitwise_and, and_zeros},
    {"bitwise-and-same", Op::bitwise_and, same_operands},
    {"bitwise-or-zeros", Op::bitwise_or, or_zeros},
    {"bitwise-or-ones", Op::bitwise_or, or_ones},
    {"bitwise-or-same", Op::bitwise_or, same_operands},
    {"bitwise-xor-zeros", Op::bitwise_xor, xor_zeros},
    {"bitwise-xor-ones", Op::bitwise_xor, xor_ones},
    {"bitwise-xor-self", Op::bitwise_xor, xor_self},
    {"bitwise-not-not", Op::bitwise_not, not_not},
    {"bitwise-not-bool", Op::bitwise_not, bitwise_not_bool},
    {"shift-left-nothing", Op::bitwise_left_shift, shift_nothing},
    {"shift-right-nothing", Op::bitwise_right_shift, shift_nothing},
};

}  // namespace

std::span<const Rule> bit_rules() {
  return kRules;
}

}  // namespace lazuli::passes
