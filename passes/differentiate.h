// What vjp and jvp share: the part of a graph that derivatives pass through.
#pragma once
#include <span>
#include <unordered_map>
#include <vector>

#include "ir/node_numbers.h"

namespace lazuli::passes {

/// What a custom result stands for to gradients, if it is no more than a name for it: the walk goes through there, as
/// though its readers read that node. Null for others.
using StandsFor = const ir::Node* (*)(const ir::Node* custom_result);

/// The nodes that some outputs reach, producers first, and which of them depend differentiably on the nodes of `wrt`.
/// Where a composite op does, the nodes of its expansion stand before it.
class Dependence {
 public:
  Dependence(ir::Interner& interner, std::span<const ir::Node* const> outputs, std::span<const ir::Node* const> wrt,
             StandsFor stands_for = nullptr);

  size_t size() const { return order_.size(); }
  const ir::Node* node(size_t i) const { return order_[i]; }
  /// Whether the node depends on one of `wrt` or is one.
  bool active(size_t i) const { return active_[i]; }
  bool active(const ir::Node* n) const { return active_[position(n)]; }
  /// Whether it depends on one through its operands.
  bool depends(const ir::Node* n) const;
  /// Throws Error(Internal) when the node is not among them.
  uint32_t position(const ir::Node* n) const { return numbers_[meant(n)]; }
  /// Position, or NodeNumbers::kAbsent.
  uint32_t find(const ir::Node* n) const { return numbers_.find(meant(n)); }
  /// What an active composite node is made of.
  const ir::Node* expansion(const ir::Node* composite) const { return expansions_.at(composite).get(); }

 private:
  struct Visit {
    const ir::Node* node;
    size_t next_input = 0;
    bool expanded = false;
  };
  /// The next node that `visit` waits for; null when it is complete.
  const ir::Node* descend(Visit& visit, ir::Interner& interner);

  /// The node itself, or what it stands for in the end.
  const ir::Node* meant(const ir::Node* n) const {
    return stands_for_ && n->op() == ir::Op::custom_result ? looked_up(n) : n;
  }
  const ir::Node* looked_up(const ir::Node* n) const;

  const StandsFor stands_for_;
  std::vector<const ir::Node*> order_;
  std::vector<bool> active_;
  std::unordered_map<const ir::Node*, ir::NodeRef> expansions_;
  mutable std::unordered_map<const ir::Node*, const ir::Node*> meanings_;  // of custom results
  ir::NodeNumbers numbers_;
};

/// The first operand that derivatives pass to: a custom result's value is none.
inline size_t first_differentiated(const ir::Node* n) {
  return n->op() == ir::Op::custom_result ? 1 : 0;
}

/// Throws Error(Internal) unless `d`, a "tangent" or "cotangent", has the type of `n`.
void check_derivative(const char* what, const ir::NodeRef& d, const ir::Node* n);
/// Throws Error(Unsupported): the op of `n` has no gradient.
[[noreturn]] void refuse_gradient(const ir::Node* n);

}  // namespace lazuli::passes
