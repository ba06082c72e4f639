// expand: composite ops become the primitive nodes that define them.
#include "ir/expand.h"

#include <algorithm>

#include "passes/pass.h"

namespace lazuli::passes {
namespace {

bool is_composite(const ir::Node* n) {
  return ir::family(n->op()) == ir::Family::Composite;
}

}  // namespace

ir::Graph expand(const ir::Graph& g, PassContext& ctx) {
  ir::Graph current = g;
  // A definition may itself use composites; the op set bounds how deep that goes.
  for (int round = 0; round <= ir::op_count(); ++round) {
    const std::vector<const ir::Node*> order = ir::topological_order(current);
    if (std::none_of(order.begin(), order.end(), is_composite)) return current;
    current =
        ir::rewrite(current, ctx.interner, [&](const ir::Node* n, std::span<const ir::NodeRef> inputs) -> ir::NodeRef {
          if (!is_composite(n)) return nullptr;
          return ir::expand_composite(ir::rebuild(n, inputs, ctx.interner).get(), ctx.interner);
        });
  }
  throw Error(ErrorKind::Internal, "expand: definitions of composite ops use each other in a circle");
}

}  // namespace lazuli::passes
