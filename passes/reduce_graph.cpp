// reduce_graph: greedy, outputs first, then from both ends.
#include <algorithm>

#include "passes/verify_passes.h"

namespace lazuli::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeRef;

bool is_data(const Node* n) {
  return n->op() == ir::Op::data || n->op() == ir::Op::argument;
}

Graph with_leaf(const Graph& g, const Node* node, ir::Interner& interner) {
  return ir::rewrite(g, interner, [&](const Node* n, std::span<const NodeRef>) -> NodeRef {
    if (n != node) return nullptr;
    return interner.make({.op = ir::Op::data,
                          .inputs = {},
                          .attr = ir::LeafAttr{interner.next_leaf_id()},
                          .dtype = n->dtype(),
                          .shape = n->shape(),
                          .device = n->device(),
                          .payload = nullptr,
                          .origin = n->origin()});
  });
}

class Reducer {
 public:
  Reducer(Graph g, const std::function<bool(const Graph&)>& fails, ir::Interner& interner, int budget)
      : best_(std::move(g)), fails_(fails), interner_(interner), budget_(budget) {}

  Graph run(bool cut_producers) {
    one_output();
    for (bool progress = true; progress && budget_ > 0;) {
      progress = cut_consumers();
      if (cut_producers) progress = this->cut_producers() || progress;
    }
    return best_;
  }

 private:
  bool accept(Graph candidate) {
    if (budget_-- <= 0 || !fails_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }
  void one_output() {
    const std::vector<NodeRef> outputs = best_.outputs;
    if (outputs.size() < 2) return;
    for (const NodeRef& o : outputs)
      if (accept({{o}})) return;
  }
  /// The first node that shows the failure when it is the only output.
  bool cut_consumers() {
    const std::vector<const Node*> order = ir::topological_order(best_);
    if (best_.outputs.size() == 1)
      for (const Node* n : order)
        if (!is_data(n) && n != best_.outputs[0].get() && accept({{NodeRef(n)}})) return true;
    return false;
  }
  /// Nodes near the outputs first: they take the most with them.
  bool cut_producers() {
    bool progress = false;
    std::vector<NodeRef> order;
    for (const Node* n : ir::topological_order(best_)) order.emplace_back(n);
    for (size_t i = order.size(); i-- > 0 && budget_ > 0;) {
      const Node* n = order[i].get();
      const std::vector<const Node*> now = ir::topological_order(best_);
      const bool is_output =
          std::any_of(best_.outputs.begin(), best_.outputs.end(), [&](const NodeRef& o) { return o.get() == n; });
      if (is_data(n) || is_output || std::find(now.begin(), now.end(), n) == now.end()) continue;
      progress = accept(with_leaf(best_, n, interner_)) || progress;
    }
    return progress;
  }

  Graph best_;
  const std::function<bool(const Graph&)>& fails_;
  ir::Interner& interner_;
  int budget_;
};

}  // namespace

Graph reduce_graph(const Graph& g, const std::function<bool(const Graph&)>& fails, bool cut_producers,
                   ir::Interner& interner, int budget) {
  return Reducer(g, fails, interner, budget).run(cut_producers);
}

}  // namespace lazuli::passes
