// simplify_movement: views are merged and ordered (expand outermost, then permute, flip, slice, reshape), joins lose
// the parts that nobody reads.
#include "passes/pass.h"
#include "passes/rewrites.h"

namespace lazuli::passes {

ir::Graph simplify_movement(const ir::Graph& g, PassContext& ctx) {
  static const RuleSet rules{empty_rules(), view_rules(), join_rules()};
  return rewrite_to_fixpoint(g, rules, ctx.interner, "simplify_movement");
}

}  // namespace lazuli::passes
