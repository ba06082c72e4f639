// What the memory planner and the verifier of its plans must agree on.
#pragma once
#include "passes/plan_memory.h"

namespace lazuli::passes {

/// Whether running the region may raise an error about an element value (integer division by zero, an index out of
/// bounds).
bool may_fail(const ir::Region& region);
/// The same of one elementwise op.
bool may_refuse(const ir::Node* n);

/// What an Update leaves where it stands; null for any other region.
const ir::Node* base_of_update(const ir::Region& region);

/// Data leaves in the order of Place::Input.
std::vector<const ir::Node*> data_leaves(const ir::Graph& g, const MemoryFacts& facts);

/// Whether output `o` of the region may be written over its input `v`.
bool may_overwrite(const ir::Region& region, const ir::Node* o, const ir::Node* v);

}  // namespace lazuli::passes
