// Pieces of the elementwise rows' gradients, and the tangent that all of them share.
#include <cmath>

#include "ir/ops/gradients.h"

namespace lazuli::ir::gradient {

Expr operand_of(const Expr& g, const Node* n, size_t i) {
  return i < n->input_count() ? Expr(g.at(), NodeRef(n->input(i))) : Expr();
}

Expr share(const Expr& g, const Expr& x, const Expr& y) {
  return where(eq(x, y), g * 0.5, g);
}

// x sigmoid(x).
Expr of_silu(const Expr& x) {
  const Expr s = sigmoid(x);
  return s * (x * (1 - s) + 1);
}

// x Phi(x): Phi(x) + x phi(x).
Expr of_gelu(const Expr& x) {
  const Expr distribution = erfc(x * -M_SQRT1_2) * 0.5;
  const Expr density = exp(x * x * -0.5) * (0.5 * M_2_SQRTPI * M_SQRT1_2);
  return distribution + x * density;
}

// x sigmoid(v), v = 2 sqrt(2/pi) (x + 0.044715 x^3): sigmoid(v) + x sigmoid'(v) v'. Where |x| > 64, sigmoid'(v) is 0 in
// every type and v' may be infinite.
Expr of_gelu_tanh(const Expr& x) {
  constexpr double kScale = M_2_SQRTPI * M_SQRT2;
  const Expr near = clamp(x, -64, 64), square = near * near;
  const Expr s = sigmoid(near * (square * (0.044715 * kScale) + kScale));
  return s + near * (s * (1 - s)) * (square * (3 * 0.044715 * kScale) + kScale);
}

Expr tangent_of_elementwise(const Place& at, const Node* n, std::span<const Expr> tangents) {
  Expr total;
  for (size_t i = 0; i < tangents.size(); ++i) {
    if (!tangents[i]) continue;
    const Expr part = info(n->op()).gradient.vjp(Expr(at, tangents[i].node()), n, i);
    if (part) total = total ? total + part : part;
  }
  return total;
}

}  // namespace lazuli::ir::gradient
