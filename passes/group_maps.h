// Horizontal fusion: small maps over different spaces that do not depend on each other become the parts of one region,
// which is one launch. The parameter updates of an optimiser are the case that counts.
#pragma once
#include "ir/region.h"
#include "passes/pass.h"

namespace lazuli::passes {

/// Replaces groups of independent map regions by one region each, whose `parts` they are. The order still respects
/// dependences. `p.regions` hold no parts before.
void group_maps(const ir::Graph& g, ir::Partition& p, const PassContext& ctx);

}  // namespace lazuli::passes
