// Numbers of nodes in the order in which they are added: a look-up per edge of a graph that may have millions.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "ir/node.h"

namespace lazuli::ir {

class NodeNumbers {
 public:
  static constexpr uint32_t kAbsent = ~0u;

  explicit NodeNumbers(size_t expected = 0) {
    size_t slots = 64;
    while (slots < expected * 2 + 2) slots *= 2;
    slots_.resize(slots, {nullptr, 0});
  }
  explicit NodeNumbers(const std::vector<const Node*>& order) : NodeNumbers(order.size()) {
    for (const Node* n : order) add(n);
  }
  /// False, and nothing changes, when the node has a number already.
  bool add(const Node* n) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    return put(n, size_);
  }
  uint32_t find(const Node* n) const {
    const auto& slot = slots_[place(n)];
    return slot.first ? slot.second : kAbsent;
  }
  /// Throws Error(Internal) when the node has none.
  uint32_t operator[](const Node* n) const {
    const uint32_t i = find(n);
    if (i == kAbsent) throw Error(ErrorKind::Internal, "a node is used outside of the list that should hold it");
    return i;
  }
  uint32_t size() const { return size_; }

 private:
  /// Where the node stands or would stand.
  size_t place(const Node* n) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (reinterpret_cast<uintptr_t>(n) * 0x9e3779b97f4a7c15ull >> 20) & mask;
    while (slots_[at].first && slots_[at].first != n) at = (at + 1) & mask;
    return at;
  }
  bool put(const Node* n, uint32_t number) {
    auto& slot = slots_[place(n)];
    if (slot.first) return false;
    slot = {n, number};
    ++size_;
    return true;
  }
  void grow() {
    std::vector<std::pair<const Node*, uint32_t>> old(slots_.size() * 2, {nullptr, 0});
    old.swap(slots_);
    size_ = 0;
    for (const auto& [n, number] : old)
      if (n) put(n, number);
  }

  std::vector<std::pair<const Node*, uint32_t>> slots_;
  uint32_t size_ = 0;
};

}  // namespace lazuli::ir
