#include "frontend/pending_graph.h"

#include <algorithm>

namespace lazuli {

namespace {

bool is_leaf(const ir::Node* n) {
  return n->input_count() == 0;
}

/// Depth first with an explicit stack, inputs left to right.
template <class Enter, class Leave>
bool walk(const ir::Node* root, size_t& budget, const Enter& enter, const Leave& leave) {
  struct Frame {
    const ir::Node* node;
    uint32_t next;
  };
  if (!enter(root)) return true;
  std::vector<Frame> stack;
  stack.reserve(16);
  stack.push_back({root, 0});
  while (!stack.empty()) {
    Frame& top = stack.back();
    if (const auto operands = operands_of(top.node); top.next < operands.size()) {
      const ir::Node* input = operands[top.next++];
      if (enter(input)) {
        if (budget == 0) return false;
        --budget;
        stack.push_back({input, 0});
      }
    } else {
      leave(top.node);
      stack.pop_back();
    }
  }
  return true;
}

}  // namespace

PendingGraph::PendingGraph(std::span<const ir::Node* const> outputs, size_t limit) {
  constexpr uint32_t kOpen = UINT32_MAX;
  size_t budget = limit;
  places_.reserve(16);  // a graph of a few is the common case
  order_.reserve(16);
  const auto enter = [&](const ir::Node* n) {
    if (!numbers_.add(n)) return false;
    places_.push_back(kOpen);
    if (!is_leaf(n)) {
      if (auto m = materialized(n)) {
        cuts_.emplace(n, std::move(m));
        places_.back() = static_cast<uint32_t>(order_.size());
        order_.push_back(n);
        return false;
      }
    }
    return true;
  };
  const auto leave = [&](const ir::Node* n) {
    places_[numbers_[n]] = static_cast<uint32_t>(order_.size());
    order_.push_back(n);
  };
  for (const ir::Node* out : outputs) {
    if (!walk(out, budget, enter, leave)) {
      complete_ = false;
      return;
    }
  }
}

const Materialized* PendingGraph::cut(const ir::Node* n) const {
  if (cuts_.empty()) return nullptr;
  const auto it = cuts_.find(n);
  return it == cuts_.end() ? nullptr : it->second.get();
}

size_t PendingGraph::operations() const {
  return static_cast<size_t>(
      std::count_if(order_.begin(), order_.end(), [&](const ir::Node* n) { return !is_leaf(n) && !cut(n); }));
}

std::vector<const ir::Node*> PendingGraph::dying(const NodeCounts& released) const {
  std::vector<uint32_t> dropped(order_.size(), 0);
  for (const auto& [node, count] : released.entries())
    if (contains(node)) dropped[place(node)] += count;
  std::vector<const ir::Node*> result;
  result.reserve(16);
  for (size_t i = order_.size(); i-- > 0;) {
    const ir::Node* n = order_[i];
    if (dropped[i] < n->use_count()) continue;
    result.push_back(n);
    if (cut(n)) continue;
    for (const ir::Node* input : operands_of(n)) ++dropped[place(input)];
  }
  return result;
}

std::unordered_set<const ir::Node*> PendingGraph::reads_escaped() const {
  std::unordered_set<const ir::Node*> result;
  for (const ir::Node* n : order_) {
    bool reads = false;
    if (const Materialized* m = cut(n)) {
      reads = m->buffer->external();
    } else if (n->op() == ir::Op::data) {
      const auto* buffer = dynamic_cast<const runtime::Buffer*>(n->payload().get());
      reads = buffer && buffer->external();
    } else if (!result.empty()) {
      for (const ir::Node* input : operands_of(n)) reads |= result.count(input) != 0;
    }
    if (reads) result.insert(n);
  }
  return result;
}

ir::Graph PendingGraph::graph(std::span<const ir::Node* const> outputs) const {
  ir::Graph g;
  std::unordered_map<const ir::Node*, ir::NodeRef> replaced;
  std::vector<ir::NodeRef> inputs;
  for (const ir::Node* n : order_) {
    if (const Materialized* m = cut(n)) {
      replaced.emplace(n, m->leaf);
      continue;
    }
    if (is_history(n->op())) {
      const auto it = replaced.find(n->input(0));
      replaced.emplace(n, it == replaced.end() ? ir::NodeRef(n->input(0)) : it->second);
      continue;
    }
    if (replaced.empty()) continue;
    bool changed = false;
    for (const ir::Node* input : n->inputs()) changed |= replaced.count(input) != 0;
    if (!changed) continue;
    inputs.clear();
    for (const ir::Node* input : n->inputs()) {
      const auto it = replaced.find(input);
      inputs.push_back(it == replaced.end() ? ir::NodeRef(input) : it->second);
    }
    replaced.emplace(n, ir::rebuild(n, inputs, interner()));
  }
  for (const ir::Node* n : outputs) {
    const auto it = replaced.find(n);
    g.outputs.push_back(it == replaced.end() ? ir::NodeRef(n) : it->second);
  }
  return g;
}

std::vector<std::shared_ptr<Storage>> readers_of(const ir::Node* leaf,
                                                 const std::vector<std::shared_ptr<Storage>>& except,
                                                 std::vector<std::shared_ptr<Storage>>& keep_alive) {
  const auto pending = context().pending_storages();
  keep_alive.insert(keep_alive.end(), pending.begin(), pending.end());
  std::unordered_map<const ir::Node*, bool> reads;
  size_t budget = SIZE_MAX;
  const auto enter = [&](const ir::Node* n) {
    // Serials grow along edges: what is older than the leaf cannot read it.
    if (n != leaf && n->serial() < leaf->serial()) return false;
    return reads.emplace(n, n == leaf).second;
  };
  const auto leave = [&](const ir::Node* n) {
    bool found = n == leaf;
    for (const ir::Node* input : operands_of(n)) {
      const auto it = reads.find(input);
      found |= it != reads.end() && it->second;
    }
    reads[n] = found;
  };
  std::vector<std::shared_ptr<Storage>> result;
  for (const auto& s : pending) {
    if (s->in_flight || s->ready()) continue;
    if (std::find(except.begin(), except.end(), s) != except.end()) continue;
    walk(s->value.get(), budget, enter, leave);
    const auto it = reads.find(s->value.get());
    if (it != reads.end() && it->second) result.push_back(s);
  }
  return result;
}

std::vector<std::shared_ptr<Storage>> sharing(const PendingGraph& graph,
                                              std::span<const std::shared_ptr<Storage>> candidates) {
  std::unordered_map<const ir::Node*, bool> shares;  // a node, or something that it is computed from
  size_t budget = SIZE_MAX;
  const auto enter = [&](const ir::Node* n) {
    const bool operation = !is_leaf(n) && !is_history(n->op());
    if (operation && materialized(n)) return false;
    const bool hit = operation && graph.contains(n);
    return shares.emplace(n, hit).second && !hit;
  };
  const auto leave = [&](const ir::Node* n) {
    bool found = false;
    for (const ir::Node* input : operands_of(n)) {
      const auto it = shares.find(input);
      found |= it != shares.end() && it->second;
    }
    shares[n] = found;
  };
  std::vector<std::shared_ptr<Storage>> result;
  for (const auto& s : candidates) {
    walk(s->value.get(), budget, enter, leave);
    const auto it = shares.find(s->value.get());
    if (it != shares.end() && it->second) result.push_back(s);
  }
  return result;
}

}  // namespace lazuli
