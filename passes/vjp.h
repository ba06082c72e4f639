// Reverse mode: a graph of cotangents made from a graph of values. The rules stand in the rows of the op table
// (ir/ops/*.def); the result is ordinary IR over the nodes of the forward graph, so it shares values with it, is
// optimised by the same passes, and is differentiated again by calling vjp on it.
#pragma once
#include <span>
#include <vector>

#include "ir/graph.h"
#include "passes/differentiate.h"

namespace lazuli::passes {

struct PassContext;

/// Cotangents of `wrt`, given one cotangent per output (null for zero) of the output's dtype and shape.
/// Null where no output depends on that node; a node on which outputs depend in steps alone (floor) gets zeros.
/// Built of primitives at the places of the forward nodes. Contributions to one node are added in the order in which
/// the outputs' topological order, walked backwards, meets them: custom results that stand for others (StandsFor) make
/// no difference to it. Linear in the graph, and nothing recurses over it. Throws Error(Unsupported) when an op in the
/// way has no gradient.
std::vector<ir::NodeRef> vjp(ir::Interner& interner, std::span<const ir::Node* const> outputs,
                             std::span<const ir::NodeRef> cotangents, std::span<const ir::Node* const> wrt,
                             StandsFor stands_for = nullptr);

/// As a pass, for text: the outputs of `g`, then the gradient of the sum of all elements of its float outputs with
/// respect to every float data leaf, in the order of the leaves.
ir::Graph vjp(const ir::Graph& g, PassContext& ctx);

}  // namespace lazuli::passes
