// canonicalize: local rewrites of values. Only such that keep every bit (docs/numerics.md).
#include "passes/pass.h"
#include "passes/rewrites.h"

namespace lazuli::passes {

ir::Graph canonicalize(const ir::Graph& g, PassContext& ctx) {
  static const RuleSet rules{empty_rules(), fold_rules(), arithmetic_rules(), select_rules(),
                             bit_rules(),   cast_rules(), reduce_rules(),     pick_rules()};
  return rewrite_to_fixpoint(g, rules, ctx.interner, "canonicalize");
}

}  // namespace lazuli::passes
