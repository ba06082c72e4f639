// Forward mode: a graph of tangents made from a graph of values, by the same rules as reverse mode (passes/vjp.h).
#pragma once
#include <span>
#include <vector>

#include "ir/graph.h"

namespace lazuli::passes {

/// Tangents of `outputs`, given one tangent per node of `wrt` (null for zero) of the node's dtype and shape. Null where
/// an output does not depend on any node that has a tangent. A node of `wrt` has its tangent whatever it is computed
/// from. Throws Error(Unsupported) when an op in the way has no gradient, or a gradient that is defined backwards only.
std::vector<ir::NodeRef> jvp(ir::Interner& interner, std::span<const ir::Node* const> wrt,
                             std::span<const ir::NodeRef> tangents, std::span<const ir::Node* const> outputs);

}  // namespace lazuli::passes
