// A graph is its outputs; everything they reach is in it.
#pragma once
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/node.h"

namespace lazuli::ir {

struct Graph {
  std::vector<NodeRef> outputs;
};

/// Every node that the outputs reach, producers before consumers, in one deterministic order
/// (a function of structure alone: depth first from the first output, inputs left to right).
std::vector<const Node*> topological_order(const Graph& g);

/// Position of each node in a topological order.
using NodeIndex = std::unordered_map<const Node*, uint32_t>;
NodeIndex index_of(const std::vector<const Node*>& order);

/// Rebuilds the graph, producers first: `fn(node, new_inputs)` returns the node that replaces it, null for "as it was".
/// Untouched nodes keep their identity.
Graph rewrite(const Graph& g, Interner& interner,
              const std::function<NodeRef(const Node*, std::span<const NodeRef> inputs)>& fn);
/// The same node over other inputs; the node itself when the inputs are its own.
NodeRef rebuild(const Node* n, std::span<const NodeRef> inputs, Interner& interner);

/// Whether the graphs differ only in the identity of their leaves, variables, barriers and custom rules: same order of
/// nodes, and each with the same op, type, attributes and inputs. The two may come from different interners.
bool same_structure(const Graph& a, const Graph& b);

}  // namespace lazuli::ir
