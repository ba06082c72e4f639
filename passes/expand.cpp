// expand: composite ops, and scatters of half types, become the primitive nodes that define them.
#include "ir/expand.h"

#include <algorithm>

#include "passes/pass.h"

namespace lazuli::passes {
namespace {

bool is_composite(const ir::Node* n) {
  return ir::family(n->op()) == ir::Family::Composite;
}

/// Values of half types add up in float32.
bool adds_halves(const ir::Node* n) {
  return ir::is_scatter(n->op()) && is_half(n->dtype());
}

ir::NodeRef in_float32(const ir::Node* n, std::span<const ir::NodeRef> inputs, ir::Interner& interner) {
  const auto cast = [&](const ir::Node* x, DType dtype) {
    return interner.make({.op = ir::Op::cast,
                          .inputs = {x},
                          .attr = ir::NoAttr{},
                          .dtype = dtype,
                          .shape = {},
                          .device = n->device(),
                          .payload = nullptr,
                          .origin = n->origin()});
  };
  std::vector<ir::NodeRef> wide(inputs.begin(), inputs.end());
  for (size_t i = 0; i < 2; ++i) wide[i] = cast(inputs[i].get(), kFloat32);
  return cast(ir::rebuild(n, wide, interner).get(), n->dtype());
}

bool is_expanded(const ir::Node* n) {
  return is_composite(n) || adds_halves(n);
}

}  // namespace

ir::Graph expand(const ir::Graph& g, PassContext& ctx) {
  ir::Graph current = g;
  // A definition may itself use composites; the op set bounds how deep that goes.
  for (int round = 0; round <= ir::op_count(); ++round) {
    const std::vector<const ir::Node*> order = ir::topological_order(current);
    if (std::none_of(order.begin(), order.end(), is_expanded)) return current;
    current =
        ir::rewrite(current, ctx.interner, [&](const ir::Node* n, std::span<const ir::NodeRef> inputs) -> ir::NodeRef {
          if (adds_halves(n)) return in_float32(n, inputs, ctx.interner);
          if (!is_composite(n)) return nullptr;
          return ir::expand_composite(ir::rebuild(n, inputs, ctx.interner).get(), ctx.interner);
        });
  }
  throw Error(ErrorKind::Internal, "expand: definitions of composite ops use each other in a circle");
}

}  // namespace lazuli::passes
