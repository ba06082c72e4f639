// Arithmetic identities that hold for every bit pattern. What is missing is missing on purpose: x*0, x-x and x/x on
// floats (NaN, signed zero), x+0.0 (-0), reassociation.
#include <cmath>
#include <limits>

#include "passes/rewrites.h"

namespace lazuli::passes {
namespace {

using ir::Node;
using ir::NodeRef;
using ir::Op;

bool is_integer(const Node* n) {
  return is_integral(n->dtype());
}
constexpr double kInf = std::numeric_limits<double>::infinity();

/// x + (-0.0), integer x + 0, x or false. (x + 0.0 would turn -0 into +0.)
NodeRef add_neutral(const Node* n, Rewriter&) {
  return NodeRef(beside(n, is_floating(n->dtype()) ? -0.0 : 0.0));
}
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
NodeRef mul_one(const Node* n, Rewriter&) {
  return NodeRef(beside(n, 1));
}
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
NodeRef div_one(const Node* n, Rewriter&) {
  return is_uniform(n->input(1), 1) ? NodeRef(n->input(0)) : nullptr;
}
NodeRef div_minus_one(const Node* n, Rewriter& r) {
  return is_uniform(n->input(1), -1) ? r.make(Op::neg, {n->input(0)}) : nullptr;
}
/// x / 2^k = x * 2^-k: both round the same number once.
NodeRef div_power_of_two(const Node* n, Rewriter& r) {
  const std::optional<uint64_t> bits = uniform_bits(n->input(1));
  if (!bits) return nullptr;
  const double v = float_value(n->dtype(), *bits);
  int exponent = 0;
  if (!std::isfinite(v) || std::abs(std::frexp(v, &exponent)) != 0.5) return nullptr;
  const uint64_t inverse = number_bits(n->dtype(), 1 / v);
  if (!std::isnormal(1 / v) || float_value(n->dtype(), inverse) != 1 / v) return nullptr;
  const NodeRef factor = r.full(n->dtype(), inverse, n->shape());
  return r.make(Op::mul, {n->input(0), factor.get()});
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
/// f(f(x)) = x.
NodeRef involution(const Node* n, Rewriter&) {
  return n->input(0)->op() == n->op() ? NodeRef(n->input(0)->input(0)) : nullptr;
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

/// |-x| = |x| (but for unsigned integers, where |x| = x), (-x)^2 = x^2, |x|^2 = x^2.
NodeRef sign_ignored(const Node* n, Rewriter& r) {
  const Node* x = n->input(0);
  if (n->op() == Op::abs && !is_signed(n->dtype())) return nullptr;
  const bool ignored = x->op() == Op::neg || (x->op() == Op::abs && n->op() == Op::square);
  return ignored ? r.make(n->op(), {x->input(0)}) : nullptr;
}
bool rounds(Op op) {
  return op == Op::floor || op == Op::ceil || op == Op::trunc || op == Op::round;
}
/// Whole numbers stay what they are.
NodeRef round_whole(const Node* n, Rewriter&) {
  const Node* x = n->input(0);
  return is_integer(x) || rounds(x->op()) ? NodeRef(x) : nullptr;
}
/// The smallest or largest value of a type; infinite for floats.
uint64_t extreme_bits(DType t, bool largest) {
  if (is_floating(t)) return number_bits(t, largest ? kInf : -kInf);
  if (!is_signed(t)) return largest ? number_bits(t, is_bool(t) ? 1 : -1) : 0;
  const uint64_t sign = uint64_t{1} << (8 * itemsize(t) - 1);
  return largest ? sign - 1 : sign;
}
/// max(x, smallest) = x, min(x, largest) = x; NaN wins over the infinities, too.
NodeRef extreme_neutral(const Node* n, Rewriter&) {
  const bool is_max = n->op() == Op::maximum || n->op() == Op::clamp_min;
  const uint64_t neutral = extreme_bits(n->dtype(), !is_max);
  if (uniform_bits(n->input(1)) == neutral) return NodeRef(n->input(0));
  if (uniform_bits(n->input(0)) == neutral) return NodeRef(n->input(1));
  return nullptr;
}
/// Integer division by 1, and what is left of it.
NodeRef floor_divide_one(const Node* n, Rewriter&) {
  return is_integer(n) && is_uniform(n->input(1), 1) ? NodeRef(n->input(0)) : nullptr;
}
NodeRef remainder_one(const Node* n, Rewriter& r) {
  return is_integer(n) && is_uniform(n->input(1), 1) ? r.full(n->dtype(), 0, n->shape()) : nullptr;
}

/// What matters to gradients alone.
NodeRef identity(const Node* n, Rewriter&) {
  return NodeRef(n->input(0));
}

constexpr Rule kRules[] = {
    {"stop-gradient", Op::stop_gradient, identity},
    {"variable", Op::variable, identity},
    {"custom-result", Op::custom_result, identity},
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
    {"div-power-of-two", Op::div, div_power_of_two},
    {"div-signs-cancel", Op::div, signs_cancel},
    {"floor-divide-one", Op::floor_divide, floor_divide_one},
    {"remainder-one", Op::remainder, remainder_one},
    {"fmod-one", Op::fmod, remainder_one},
    {"neg-neg", Op::neg, involution},
    {"abs-sign", Op::abs, sign_ignored},
    {"square-sign", Op::square, sign_ignored},
    {"abs-abs", Op::abs, idempotent},
    {"sign-sign", Op::sign, idempotent},
    {"relu-relu", Op::relu, idempotent},
    {"nan-to-num-twice", Op::nan_to_num, idempotent},
    {"floor-whole", Op::floor, round_whole},
    {"ceil-whole", Op::ceil, round_whole},
    {"trunc-whole", Op::trunc, round_whole},
    {"round-whole", Op::round, round_whole},
    {"maximum-same", Op::maximum, same_operands},
    {"minimum-same", Op::minimum, same_operands},
    {"fmax-same", Op::fmax, same_operands},
    {"fmin-same", Op::fmin, same_operands},
    {"clamp-min-same", Op::clamp_min, same_operands},
    {"clamp-max-same", Op::clamp_max, same_operands},
    {"maximum-neutral", Op::maximum, extreme_neutral},
    {"minimum-neutral", Op::minimum, extreme_neutral},
    {"clamp-min-neutral", Op::clamp_min, extreme_neutral},
    {"clamp-max-neutral", Op::clamp_max, extreme_neutral},
};

}  // namespace

std::span<const Rule> arithmetic_rules() {
  return kRules;
}

}  // namespace lazuli::passes
