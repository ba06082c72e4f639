// where, comparisons and tests on one value.
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
NodeRef where_is_negation(const Node* n, Rewriter& r) {
  return is_bool(n->dtype()) && is_uniform(n->input(1), 0) && is_uniform(n->input(2), 1)
             ? r.make(Op::logical_not, {n->input(0)})
             : nullptr;
}
NodeRef where_not(const Node* n, Rewriter& r) {
  const Node* c = n->input(0);
  return c->op() == Op::logical_not || c->op() == Op::bitwise_not
             ? r.make(Op::where, {c->input(0), n->input(2), n->input(1)})
             : nullptr;
}

bool holds_when_equal(Op op) {
  return op == Op::eq || op == Op::le || op == Op::ge;
}
/// x == x and the like on integers, x < x on everything; x == x on floats asks for NaN.
NodeRef compare_self(const Node* n, Rewriter& r) {
  if (n->input(0) != n->input(1)) return nullptr;
  const bool same_for_nan = n->op() == Op::lt || n->op() == Op::gt;
  if (is_floating(n->input(0)->dtype()) && !same_for_nan) return nullptr;
  return r.full(kBool, holds_when_equal(n->op()), n->shape());
}
/// b == true, b != false: b. The other two: not b.
NodeRef compare_bool(const Node* n, Rewriter& r) {
  if (!is_bool(n->input(0)->dtype())) return nullptr;
  for (const bool c : {false, true})
    if (const Node* x = beside(n, c)) return c == (n->op() == Op::eq) ? NodeRef(x) : r.make(Op::logical_not, {x});
  return nullptr;
}
/// Integers are finite numbers.
NodeRef test_integer(const Node* n, Rewriter& r) {
  return is_floating(n->input(0)->dtype()) ? nullptr : r.full(kBool, n->op() == Op::isfinite, n->shape());
}
NodeRef signbit_unsigned(const Node* n, Rewriter& r) {
  const DType t = n->input(0)->dtype();
  return is_floating(t) || is_signed(t) ? nullptr : r.full(kBool, 0, n->shape());
}

constexpr Rule kRules[] = {
    {"where-constant", Op::where, where_constant},
    {"where-same", Op::where, where_same},
    {"where-nested", Op::where, where_nested},
    {"where-is-condition", Op::where, where_is_condition},
    {"where-is-negation", Op::where, where_is_negation},
    {"where-not", Op::where, where_not},
    {"eq-self", Op::eq, compare_self},
    {"ne-self", Op::ne, compare_self},
    {"lt-self", Op::lt, compare_self},
    {"le-self", Op::le, compare_self},
    {"gt-self", Op::gt, compare_self},
    {"ge-self", Op::ge, compare_self},
    {"eq-bool", Op::eq, compare_bool},
    {"ne-bool", Op::ne, compare_bool},
    {"isnan-integer", Op::isnan, test_integer},
    {"isinf-integer", Op::isinf, test_integer},
    {"isposinf-integer", Op::isposinf, test_integer},
    {"isneginf-integer", Op::isneginf, test_integer},
    {"isfinite-integer", Op::isfinite, test_integer},
    {"signbit-unsigned", Op::signbit, signbit_unsigned},
};

}  // namespace

std::span<const Rule> select_rules() {
  return kRules;
}

}  // namespace lazuli::passes
