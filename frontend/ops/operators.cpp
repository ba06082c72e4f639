// Operators: one line each over apply().
#include "lazuli/operators.h"

#include "frontend/apply.h"

namespace lazuli {

using ir::Op;

#define LAZULI_BINARY(symbol, op)                              \
  Tensor operator symbol(const Operand& a, const Operand& b) { \
    return apply(Op::op, {a, b}, a.where());                   \
  }
LAZULI_BINARY(+, add)
LAZULI_BINARY(-, sub)
LAZULI_BINARY(*, mul)
LAZULI_BINARY(/, div)
LAZULI_BINARY(%, remainder)
LAZULI_BINARY(==, eq)
LAZULI_BINARY(!=, ne)
LAZULI_BINARY(<, lt)
LAZULI_BINARY(<=, le)
LAZULI_BINARY(>, gt)
LAZULI_BINARY(>=, ge)
LAZULI_BINARY(&, bitwise_and)
LAZULI_BINARY(|, bitwise_or)
LAZULI_BINARY(^, bitwise_xor)
LAZULI_BINARY(<<, bitwise_left_shift)
LAZULI_BINARY(>>, bitwise_right_shift)
#undef LAZULI_BINARY

Tensor operator-(const Operand& a) {
  return apply(Op::neg, {a}, a.where());
}
Tensor operator~(const Operand& a) {
  return apply(Op::bitwise_not, {a}, a.where());
}
Tensor operator!(const Tensor& a) {
  return apply(Op::logical_not, {a}, Location());
}

namespace {

/// `x.index({i}) += y` writes the changed elements to where they were read.
Tensor write_back(const Tensor& taken, Tensor changed, const Location& loc) {
  if (const auto from = impl_of(taken)->taken) from->put(changed, loc);
  return changed;
}

}  // namespace

#define LAZULI_COMPOUND(symbol, op)                                               \
  Tensor& operator symbol(Tensor & a, const Operand & b) {                        \
    return apply_inplace(Op::op, a, {a, b}, b.where());                           \
  }                                                                               \
  Tensor operator symbol(Tensor&& a, const Operand& b) {                          \
    return write_back(a, apply_inplace(Op::op, a, {a, b}, b.where()), b.where()); \
  }
LAZULI_COMPOUND(+=, add)
LAZULI_COMPOUND(-=, sub)
LAZULI_COMPOUND(*=, mul)
LAZULI_COMPOUND(/=, div)
LAZULI_COMPOUND(%=, remainder)
LAZULI_COMPOUND(&=, bitwise_and)
LAZULI_COMPOUND(|=, bitwise_or)
LAZULI_COMPOUND(^=, bitwise_xor)
LAZULI_COMPOUND(<<=, bitwise_left_shift)
LAZULI_COMPOUND(>>=, bitwise_right_shift)
#undef LAZULI_COMPOUND

}  // namespace lazuli
