// Arithmetic identities that hold for every bit pattern. What is missing is missing on purpose: x*0, x-x and x/x on
// floats (NaN, signed zero), x+0.0 (-0), reassociation.
#include "passes/rewrites.h"

namespace lazuli::passes {
namespace {

using ir::Node;
using ir::NodeRef;
using ir::Op;

bool is_integer(const Node* n) { return is_integral(n->dtype()); }
/// The other operand where one operand is this number.
const Node* beside(const Node* n, double v) {
  if (is_uniform(n->input(1), v)) return n->input(0);
  if (is_uniform(n->input(0), v)) return n->input(1);
  return nullptr;
}

/// x + (-0.0), integer x + 0, x or false. (x + 0.0 would turn -0 into +0.)
NodeRef add_neutral(const Node* n, Rewriter&) { return NodeRef(beside(n, is_floating(n->dtype()) ? -0.0 : 0.0)); }
/// x or true.
NodeRef add_absorbing(const Node* n, Rewriter& r) {
  return is_bool(n->dtype()) && beside(n, 1) ? r.full(kBool, 1, n->shape()) : nullptr;
}
/// x - (+0.0), integer x - 0.
NodeRef sub_zero(const Node* n, Rewriter&) {
  return is_uniform(n->input(1), 0.0) ? NodeRef(n->input(0)) : nullptr;
}
/// Integer x - x.
NodeRef sub_self(const Node* n, Rewriter& r) {
  return is_integer(n) && n->input(0) == n->input(1) ? r.full(n->dtype(), 0, n->shape()) : nullptr;
}
/// x * 1, x and true.
NodeRef mul_one(const Node* n, Rewriter&) { return NodeRef(beside(n, 1)); }
/// Integer x * 0, x and false.
NodeRef mul_zero(const Node* n, Rewriter& r) {
  return !is_floating(n->dtype()) && beside(n, 0) ? r.full(n->dtype(), 0, n->shape()) : nullptr;
}
/// x * -1 = -x.
NodeRef mul_minus_one(const Node* n, Rewriter& r) {
  if (!is_floating(n->dtype()) && !is_signed(n->dtype())) return nullptr;
  const Node* x = beside(n, -1);
  return x ? r.make(Op::neg, {x}) : nullptr;
}
NodeRef div_one(const Node* n, Rewriter&) { return is_uniform(n->input(1), 1) ? NodeRef(n->input(0)) : nullptr; }
NodeRef div_minus_one(const Node* n, Rewriter& r) {
  return is_uniform(n->input(1), -1) ? r.make(Op::neg, {n->input(0)}) : nullptr;
}
NodeRef neg_neg(const Node* n, Rewriter&) {
  return n->input(0)->op() == Op::neg ? NodeRef(n->input(0)->input(0)) : nullptr;
}
/// x + (-y) = x - y, (-x) + y = y - x.
NodeRef add_neg(const Node* n, Rewriter& r) {
  const Node *x = n->input(0), *y = n->input(1);
  if (y->op() == Op::neg) return r.make(Op::sub, {x, y->input(0)});
  if (x->op() == Op::neg) return r.make(Op::sub, {y, x->input(0)});
  return nullptr;
}
/// x - (-y) = x + y.
NodeRef sub_neg(const Node* n, Rewriter& r) {
  const Node* y = n->input(1);
  return y->op() == Op::neg ? r.make(Op::add, {n->input(0), y->input(0)}) : nullptr;
}
/// (-x) * (-y) = x * y, (-x) / (-y) = x / y.
NodeRef signs_cancel(const Node* n, Rewriter& r) {
  const Node *x = n->input(0), *y = n->input(1);
  return x->op() == Op::neg && y->op() == Op::neg ? r.make(n->op(), {x->input(0), y->input(0)}) : nullptr;
}
/// f(f(x)) = f(x).
NodeRef idempotent(const Node* n, Rewriter&) {
  return n->input(0)->op() == n->op() ? NodeRef(n->input(0)) : nullptr;
}
/// f(x, x) = x.
NodeRef same_operands(const Node* n, Rewriter&) {
  return n->input(0) == n->input(1) ? NodeRef(n->input(0)) : nullptr;
}
/// x or x, x and x.
NodeRef same_bools(const Node* n, Rewriter&) {
  return is_bool(n->dtype()) && n->input(0) == n->input(1) ? NodeRef(n->input(0)) : nullptr;
}

constexpr Rule kRules[] = {
    {"add-neutral", Op::add, add_neutral},
    {"add-absorbing", Op::add, add_absorbing},
    {"add-same-bools", Op::add, same_bools},
    {"add-neg", Op::add, add_neg},
    {"sub-zero", Op::sub, sub_zero},
    {"sub-self", Op::sub, sub_self},
    {"sub-neg", Op::sub, sub_neg},
    {"mul-one", Op::mul, mul_one},
    {"mul-zero", Op::mul, mul_zero},
    {"mul-minus-one", Op::mul, mul_minus_one},
    {"mul-same-bools", Op::mul, same_bools},
    {"mul-signs-cancel", Op::mul, signs_cancel},
    {"div-one", Op::div, div_one},
    {"div-minus-one", Op::div, div_minus_one},
    {"div-signs-cancel", Op::div, signs_cancel},
    {"neg-neg", Op::neg, neg_neg},
    {"relu-relu", Op::relu, idempotent},
    {"and-same", Op::logical_and, same_operands},
};

}  // namespace

std::span<const Rule> arithmetic_rules() { return kRules; }

}  // namespace lazuli::passes
