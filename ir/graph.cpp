// Walking and rebuilding graphs, always with an explicit stack.
#include "ir/graph.h"

#include <array>
#include <span>

namespace lazuli::ir {
namespace {

/// Open-addressing set of node pointers: a walk over a million nodes spends most of its time here.
class NodeSet {
 public:
  /// True when the node was not in the set yet.
  bool insert(const Node* n) {
    if (size_ * 2 >= slots_.size()) grow();
    return place(n);
  }

 private:
  bool place(const Node* n) {
    const size_t mask = slots_.size() - 1;
    size_t i = (reinterpret_cast<uintptr_t>(n) * 0x9e3779b97f4a7c15ull >> 20) & mask;
    for (; slots_[i]; i = (i + 1) & mask)
      if (slots_[i] == n) return false;
    slots_[i] = n;
    ++size_;
    return true;
  }
  void grow() {
    std::vector<const Node*> larger(slots_.size() * 2, nullptr);
    const std::span<const Node*> old = slots_;
    larger.swap(many_);  // `larger` keeps what `old` shows
    slots_ = many_;
    size_ = 0;
    for (const Node* n : old)
      if (n) place(n);
  }
  std::array<const Node*, 64> few_{};
  std::vector<const Node*> many_;  // instead, from the first that does not fit
  std::span<const Node*> slots_{few_};
  size_t size_ = 0;
};

}  // namespace

std::vector<const Node*> topological_order(const Graph& g) {
  struct Visit {
    const Node* node;
    size_t next_input;
  };
  std::vector<const Node*> order;
  std::vector<Visit> stack;
  order.reserve(16);  // a graph of a few is the common case
  stack.reserve(16);
  NodeSet seen;
  for (const NodeRef& output : g.outputs) {
    if (!output) throw Error(ErrorKind::Internal, "graph has a null output");
    if (!seen.insert(output.get())) continue;
    stack.push_back({output.get(), 0});
    while (!stack.empty()) {
      Visit& top = stack.back();
      if (top.next_input == top.node->input_count()) {
        order.push_back(top.node);
        stack.pop_back();
        continue;
      }
      const Node* input = top.node->input(top.next_input++);
      if (seen.insert(input)) stack.push_back({input, 0});
    }
  }
  return order;
}

NodeIndex index_of(const std::vector<const Node*>& order) {
  NodeIndex index;
  index.reserve(order.size());
  for (const Node* n : order) index.emplace(n, static_cast<uint32_t>(index.size()));
  return index;
}

Graph rewrite(const Graph& g, Interner& interner,
              const std::function<NodeRef(const Node*, std::span<const NodeRef> inputs)>& fn) {
  const std::vector<const Node*> order = topological_order(g);
  const NodeIndex index = index_of(order);
  std::vector<NodeRef> replaced(order.size());
  std::vector<NodeRef> inputs;
  for (size_t i = 0; i < order.size(); ++i) {
    inputs.clear();
    for (const Node* input : order[i]->inputs()) inputs.push_back(replaced[index.at(input)]);
    replaced[i] = fn(order[i], inputs);
    if (!replaced[i]) replaced[i] = rebuild(order[i], inputs, interner);
  }
  Graph result;
  for (const NodeRef& output : g.outputs) result.outputs.push_back(replaced[index.at(output.get())]);
  return result;
}

NodeRef rebuild(const Node* n, std::span<const NodeRef> inputs, Interner& interner) {
  const auto same = [](const Node* a, const NodeRef& b) { return a == b.get(); };
  if (std::equal(n->inputs().begin(), n->inputs().end(), inputs.begin(), inputs.end(), same)) return NodeRef(n);
  NodeSpec spec{.op = n->op(),
                .inputs = {},
                .attr = n->attr(),
                .dtype = n->dtype(),
                .shape = n->shape(),
                .device = n->device(),
                .payload = n->payload(),
                .origin = n->origin(),
                .called = n->called()};
  for (const NodeRef& input : inputs) spec.inputs.push_back(input.get());
  return interner.make(std::move(spec));
}

bool same_structure(const Graph& a, const Graph& b) {
  const std::vector<const Node*> order_a = topological_order(a), order_b = topological_order(b);
  if (order_a.size() != order_b.size() || a.outputs.size() != b.outputs.size()) return false;
  const NodeIndex index_a = index_of(order_a), index_b = index_of(order_b);
  for (size_t i = 0; i < order_a.size(); ++i) {
    const Node *x = order_a[i], *y = order_b[i];
    if (x->op() != y->op() || x->dtype() != y->dtype() || x->device() != y->device() || x->shape() != y->shape() ||
        x->input_count() != y->input_count())
      return false;
    const bool leaves = std::holds_alternative<LeafAttr>(x->attr()) && std::holds_alternative<LeafAttr>(y->attr());
    const bool results = x->op() == Op::custom_result &&
                         x->attr_as<CustomAttr>().result == y->attr_as<CustomAttr>().result;  // whatever the rule
    if (!leaves && !results && !(x->attr() == y->attr())) return false;
    for (size_t k = 0; k < x->input_count(); ++k)
      if (index_a.at(x->input(k)) != index_b.at(y->input(k))) return false;
  }
  for (size_t i = 0; i < a.outputs.size(); ++i)
    if (index_a.at(a.outputs[i].get()) != index_b.at(b.outputs[i].get())) return false;
  return true;
}

}  // namespace lazuli::ir
