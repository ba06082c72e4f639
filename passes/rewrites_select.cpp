// where, comparisons and logic.
#include "passes/rewrites.h"

namespace lazuli::passes {
namespace {

using ir::Node;
using ir::NodeRef;
using ir::Op;

NodeRef where_constant(const Node* n, Rewriter&) {
  const std::optional<uint64_t> c = uniform_bits(n->input(0));
  return c ? NodeRef(n->input(*c != 0 ? 1 : 2)) : nullptr;
}
NodeRef where_same(const Node* n, Rewriter&) {
  return n->input(1) == n->input(2) ? NodeRef(n->input(1)) : nullptr;
}
/// The same condition again in an arm has one outcome there.
NodeRef where_nested(const Node* n, Rewriter& r) {
  const Node *c = n->input(0), *a = n->input(1), *b = n->input(2);
  if (a->op() == Op::where && a->input(0) == c) return r.make(Op::where, {c, a->input(1), b});
  if (b->op() == Op::where && b->input(0) == c) return r.make(Op::where, {c, a, b->input(2)});
  return nullptr;
}
/// where(c, true, false) = c.
NodeRef where_is_condition(const Node* n, Rewriter&) {
  return is_bool(n->dtype()) && is_uniform(n->input(1), 1) && is_uniform(n->input(2), 0) ? NodeRef(n->input(0))
                                                                                        : nullptr;
}
/// x == x; on floats it asks for NaN.
NodeRef eq_self(const Node* n, Rewriter& r) {
  return n->input(0) == n->input(1) && !is_floating(n->input(0)->dtype()) ? r.full(kBool, 1, n->shape()) : nullptr;
}
const Node* beside(const Node* n, double v) {
  if (is_uniform(n->input(1), v)) return n->input(0);
  if (is_uniform(n->input(0), v)) return n->input(1);
  return nullptr;
}
NodeRef and_true(const Node* n, Rewriter&) { return NodeRef(beside(n, 1)); }
NodeRef and_false(const Node* n, Rewriter& r) { return beside(n, 0) ? r.full(kBool, 0, n->shape()) : nullptr; }

constexpr Rule kRules[] = {
    {"where-constant", Op::where, where_constant},
    {"where-same", Op::where, where_same},
    {"where-nested", Op::where, where_nested},
    {"where-is-condition", Op::where, where_is_condition},
    {"eq-self", Op::eq, eq_self},
    {"and-true", Op::logical_and, and_true},
    {"and-false", Op::logical_and, and_false},
};

}  // namespace

std::span<const Rule> select_rules() { return kRules; }

}  // namespace lazuli::passes
