// What an evaluation would have to compute: the nodes behind some storages, cut where a value is already in memory, and
// which of them nobody will need afterwards. Histories are seen through: what only gradients need is not in it. Made
// and used under Context::mutex.
#pragma once
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "frontend/context.h"
#include "ir/graph.h"
#include "ir/node_numbers.h"

namespace lazuli {

/// How many of the references to some nodes are counted.
class NodeCounts {
 public:
  struct Entry {
    const ir::Node* node;
    uint32_t count;
  };
  void add(const ir::Node* n) {
    if (numbers_.add(n)) entries_.push_back({n, 0});
    ++entries_[numbers_[n]].count;
  }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  ir::NodeNumbers numbers_;
  std::vector<Entry> entries_;
};

class PendingGraph {
 public:
  /// Visits at most `limit` nodes (then complete() is false).
  explicit PendingGraph(std::span<const ir::Node* const> outputs, size_t limit = SIZE_MAX);

  /// Producers before consumers. A cut node stands without its inputs.
  const std::vector<const ir::Node*>& order() const { return order_; }
  bool contains(const ir::Node* n) const { return numbers_.contains(n); }
  bool complete() const { return complete_; }
  /// The memory that stands for a cut node; null if it has to be computed.
  const Materialized* cut(const ir::Node* n) const;
  /// Operations to compute: neither leaves nor cut.
  size_t operations() const;

  /// Nodes whose every reference comes from dying nodes or from `released` (references that the evaluation itself
  /// drops, per node).
  std::vector<const ir::Node*> dying(const NodeCounts& released) const;

  /// Nodes whose value depends on memory that others may write.
  std::unordered_set<const ir::Node*> reads_escaped() const;

  /// The graph of the outputs with the leaves of cut nodes in their place, and without histories.
  ir::Graph graph(std::span<const ir::Node* const> outputs) const;

 private:
  std::vector<const ir::Node*> order_;
  uint32_t place(const ir::Node* n) const { return places_[numbers_[n]]; }

  ir::NodeNumbers numbers_;       // in the order in which they were met
  std::vector<uint32_t> places_;  // in order_, by number
  std::unordered_map<const ir::Node*, std::shared_ptr<Materialized>> cuts_;
  bool complete_ = true;
};

/// The pending storages that read `leaf`, in the order of becoming pending. Looks through values already computed,
/// because their nodes can become readers again. `except` are left out. `keep_alive` is to outlive the lock.
std::vector<std::shared_ptr<Storage>> readers_of(const ir::Node* leaf,
                                                 const std::vector<std::shared_ptr<Storage>>& except,
                                                 std::vector<std::shared_ptr<Storage>>& keep_alive);

/// Those of the pending candidates that share an operation still to be computed with the graph.
std::vector<std::shared_ptr<Storage>> sharing(const PendingGraph& graph,
                                              std::span<const std::shared_ptr<Storage>> candidates);

}  // namespace lazuli
