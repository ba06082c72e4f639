// Gradients of gather and scatter_add: each other.
#include "ir/ops/gradients.h"

namespace lazuli::ir::gradient {
namespace {

/// `op` over the operands and the index operands of `n`, which begin at `first`.
Expr indexed(const Place& at, Op op, std::initializer_list<const Node*> operands, const Node* n, size_t first) {
  NodeSpec spec{.op = op, .inputs = {}, .attr = n->attr(), .device = n->device(), .origin = at.origin};
  for (const Node* x : operands) spec.inputs.push_back(x);
  for (size_t i = first; i < n->input_count(); ++i) spec.inputs.push_back(n->input(i));
  return {at, at.interner.make(std::move(spec))};
}

}  // namespace

Expr of_gather(const Expr& g, const Node* n, size_t operand) {
  if (operand != 0) return {};
  const Expr zeros = full(g.at(), n->dtype(), n->input(0)->shape(), 0);
  return indexed(g.at(), Op::scatter_add, {zeros.get(), g.get()}, n, 1);
}

Expr of_scatter_add(const Expr& g, const Node* n, size_t operand) {
  if (operand == 0) return g;
  return operand == 1 ? indexed(g.at(), Op::gather, {g.get()}, n, 2) : Expr();
}

}  // namespace lazuli::ir::gradient
