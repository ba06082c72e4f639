// What gradient rules are written in: expressions that make nodes of the graph. A gradient is ordinary IR, so the same
// passes optimise it and the same rules differentiate it again.
//
//   g * (out * (1 - out))          operators and numbers
//   where(le(out, 0), 0, g)        every elementwise op by its name
//   reshape(sum(g, axes), shape)   movement and reductions
//
// A number takes dtype and shape of the expression beside it, rounded once. A half type is no special case: every node
// of a gradient rounds to it, as any other op does.
#pragma once
#include <initializer_list>

#include "ir/node.h"

namespace lazuli::ir::gradient {

/// Where a rule's nodes are made: they carry the origin of the node that is differentiated.
struct Place {
  Interner& interner;
  Location origin;
  Device device;
};

/// A node in the making of a gradient; null stands for zero. The place must outlive it.
class Expr {
 public:
  Expr() = default;
  Expr(const Place& at, NodeRef node) : at_(&at), node_(std::move(node)) {}
  explicit operator bool() const { return static_cast<bool>(node_); }
  const Node* operator->() const { return node_.get(); }
  const Node* get() const { return node_.get(); }
  const NodeRef& node() const { return node_; }
  const Place& at() const { return *at_; }

 private:
  const Place* at_ = nullptr;
  NodeRef node_;
};

/// An operand: an expression or a number.
class Term {
 public:
  Term(const Expr& e) : expr_(&e) {}
  Term(double number) : number_(number) {}
  const Expr* expr() const { return expr_; }
  double number() const { return number_; }

 private:
  const Expr* expr_ = nullptr;  // lives until the end of the expression that the term stands in
  double number_ = 0;
};

/// An elementwise op. At least one operand is an expression (of `where`: one arm).
Expr apply(Op op, std::initializer_list<Term> operands);

// Every elementwise op by its name.
#define LAZULI_EXPR_1(name)         \
  inline Expr name(const Term& x) { \
    return apply(Op::name, {x});    \
  }
#define LAZULI_EXPR_2(name)                        \
  inline Expr name(const Term& x, const Term& y) { \
    return apply(Op::name, {x, y});                \
  }
#define LAZULI_EXPR_3(name)                                       \
  inline Expr name(const Term& x, const Term& y, const Term& z) { \
    return apply(Op::name, {x, y, z});                            \
  }
#define LAZULI_STRUCTURAL(...)
#define LAZULI_ELEMENTWISE(name, arity, ...) LAZULI_EXPR_##arity(name)
#include "ir/ops/elementwise.def"
#undef LAZULI_STRUCTURAL
#undef LAZULI_ELEMENTWISE
#undef LAZULI_EXPR_1
#undef LAZULI_EXPR_2
#undef LAZULI_EXPR_3

inline Expr operator+(const Term& x, const Term& y) {
  return apply(Op::add, {x, y});
}
inline Expr operator-(const Term& x, const Term& y) {
  return apply(Op::sub, {x, y});
}
inline Expr operator*(const Term& x, const Term& y) {
  return apply(Op::mul, {x, y});
}
inline Expr operator/(const Term& x, const Term& y) {
  return apply(Op::div, {x, y});
}
inline Expr operator-(const Expr& x) {
  return apply(Op::neg, {x});
}

/// The number in dtype and shape of `x`, or in others.
Expr like(const Expr& x, double number);
Expr full(const Place& at, DType dtype, const Shape& shape, double number);

// These return `x` itself when nothing would change.
Expr cast(const Expr& x, DType dtype);
Expr reshape(const Expr& x, const Shape& shape);
Expr expand(const Expr& x, const Shape& shape);
Expr permute(const Expr& x, const Dims& axes);
Expr slice(const Expr& x, const Dims& start, const Dims& step, const Shape& shape);
Expr flip(const Expr& x, const Dims& axes);
Expr pad(const Expr& x, const Dims& low, const Dims& high, double number);
/// A reduction; `op` is one of the Reduce family.
Expr reduce(Op op, const Expr& x, const Dims& axes);
inline Expr sum(const Expr& x, const Dims& axes) {
  return reduce(Op::sum, x, axes);
}
Expr slice_update(const Expr& base, const Expr& part, const Dims& start, const Dims& step);
Expr dot_general(const Expr& lhs, const Expr& rhs, DotDims dims);

/// Any op over operands that are no expressions yet. dtype and shape as in NodeSpec.
Expr make(const Place& at, Op op, std::initializer_list<const Node*> inputs, Attr attr = NoAttr{},
          DType dtype = kFloat32, Shape shape = {});

/// Bit pattern of a number in a type, rounded.
uint64_t number_bits(DType dtype, double number);

}  // namespace lazuli::ir::gradient
