// Numbers of nodes (and of other things that have addresses) in the order in which they are added: a look-up per edge
// of a graph that may have millions, and one allocation for a graph of a few.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "ir/node.h"

namespace lazuli::ir {

template <class T>
class PointerNumbers {
 public:
  static constexpr uint32_t kAbsent = ~0u;

  explicit PointerNumbers(size_t expected = 0) {
    size_t slots = 16;
    while (slots < expected * 2 + 2) slots *= 2;
    slots_.resize(slots, {nullptr, 0});
  }
  explicit PointerNumbers(const std::vector<const T*>& order) : PointerNumbers(order.size()) {
    for (const T* n : order) add(n);
  }
  /// False, and nothing changes, when the node has a number already.
  bool add(const T* n) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    return put(n, size_);
  }
  uint32_t find(const T* n) const {
    const auto& slot = slots_[place(n)];
    return slot.first ? slot.second : kAbsent;
  }
  /// Throws Error(Internal) when the node has none.
  uint32_t operator[](const T* n) const {
    const uint32_t i = find(n);
    if (i == kAbsent) throw Error(ErrorKind::Internal, "a node is used outside of the list that should hold it");
    return i;
  }
  bool contains(const T* n) const { return find(n) != kAbsent; }
  uint32_t size() const { return size_; }

 private:
  /// Where the node stands or would stand.
  size_t place(const T* n) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (reinterpret_cast<uintptr_t>(n) * 0x9e3779b97f4a7c15ull >> 20) & mask;
    while (slots_[at].first && slots_[at].first != n) at = (at + 1) & mask;
    return at;
  }
  bool put(const T* n, uint32_t number) {
    auto& slot = slots_[place(n)];
    if (slot.first) return false;
    slot = {n, number};
    ++size_;
    return true;
  }
  void grow() {
    std::vector<std::pair<const T*, uint32_t>> old(slots_.size() * 2, {nullptr, 0});
    old.swap(slots_);
    size_ = 0;
    for (const auto& [n, number] : old)
      if (n) put(n, number);
  }

  std::vector<std::pair<const T*, uint32_t>> slots_;
  uint32_t size_ = 0;
};

using NodeNumbers = PointerNumbers<Node>;

}  // namespace lazuli::ir
