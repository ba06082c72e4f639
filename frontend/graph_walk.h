// Walks over parts of graphs with an explicit stack, and putting other nodes in the place of some.
#pragma once
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "frontend/tensor_impl.h"
#include "ir/graph.h"

namespace lazuli {

/// Depth first, inputs left to right, producers first. Only nodes that `enter` accepts, which is asked once per edge;
/// `inputs(node)` says where a walk goes on.
template <class Enter, class Inputs>
std::vector<const ir::Node*> post_order(std::span<const ir::Node* const> outputs, const Enter& enter,
                                        const Inputs& inputs) {
  struct Frame {
    const ir::Node* node;
    size_t next;
  };
  std::vector<const ir::Node*> order;
  std::unordered_set<const ir::Node*> seen;
  std::vector<Frame> stack;
  const auto push = [&](const ir::Node* n) {
    if (enter(n) && seen.insert(n).second) stack.push_back({n, 0});
  };
  for (const ir::Node* out : outputs) {
    push(out);
    while (!stack.empty()) {
      Frame& top = stack.back();
      const std::span<const ir::Node* const> next = inputs(top.node);
      if (top.next < next.size()) {
        push(next[top.next++]);
      } else {
        order.push_back(top.node);
        stack.pop_back();
      }
    }
  }
  return order;
}

inline std::vector<const ir::Node*> pointers(std::span<const ir::NodeRef> nodes) {
  std::vector<const ir::Node*> result;
  for (const ir::NodeRef& n : nodes) result.push_back(n.get());
  return result;
}

using Substitution = std::unordered_map<const ir::Node*, ir::NodeRef>;

/// The outputs with nodes substituted in what they are computed from; looks only at nodes for which `inside` holds.
/// `known` grows by every node that changes. A node that stood for a history and has none any more becomes its value.
template <class Inside>
std::vector<ir::NodeRef> substitute(std::span<const ir::NodeRef> outputs, Substitution& known, const Inside& inside) {
  const auto order = post_order(
      pointers(outputs), [&](const ir::Node* n) { return inside(n) && !known.count(n); },
      [](const ir::Node* n) { return n->inputs(); });
  std::vector<ir::NodeRef> inputs;
  for (const ir::Node* n : order) {
    bool changed = false;
    inputs.clear();
    for (const ir::Node* input : n->inputs()) {
      const auto it = known.find(input);
      changed |= it != known.end();
      inputs.push_back(it == known.end() ? ir::NodeRef(input) : it->second);
    }
    if (!changed) continue;
    ir::NodeRef next = ir::rebuild(n, inputs, interner());
    if (n->op() == ir::Op::custom_result && !next->differentiable()) next = inputs[0];
    known.emplace(n, std::move(next));
  }
  std::vector<ir::NodeRef> result;
  for (const ir::NodeRef& n : outputs) {
    const auto it = known.find(n.get());
    result.push_back(it == known.end() ? n : it->second);
  }
  return result;
}

}  // namespace lazuli
