// Numbers of nodes (and of other things that have addresses) in the order in which they are added: a look-up per edge
// of a graph that may have millions, and no allocation for a graph of a few.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "ir/node.h"

namespace lazuli::ir {

template <class T>
class PointerNumbers {
 public:
  static constexpr uint32_t kAbsent = ~0u;

  explicit PointerNumbers(size_t expected = 0) {
    size_t slots = kFew;
    while (slots < expected * 2 + 2) slots *= 2;
    if (slots > kFew) many_.resize(slots, {nullptr, 0});
  }
  explicit PointerNumbers(const std::vector<const T*>& order) : PointerNumbers(order.size()) {
    for (const T* n : order) add(n);
  }
  /// False, and nothing changes, when the node has a number already.
  bool add(const T* n) {
    if (2 * (size_ + 1) > slots().size()) grow();
    return put(n, size_);
  }
  uint32_t find(const T* n) const {
    const Slot& slot = slots()[place(n)];
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
  using Slot = std::pair<const T*, uint32_t>;
  static constexpr size_t kFew = 16;

  std::span<const Slot> slots() const { return many_.empty() ? std::span<const Slot>(few_) : many_; }
  std::span<Slot> slots() { return many_.empty() ? std::span<Slot>(few_) : many_; }
  /// Where the node stands or would stand.
  size_t place(const T* n) const {
    const std::span<const Slot> all = slots();
    const size_t mask = all.size() - 1;
    size_t at = (reinterpret_cast<uintptr_t>(n) * 0x9e3779b97f4a7c15ull >> 20) & mask;
    while (all[at].first && all[at].first != n) at = (at + 1) & mask;
    return at;
  }
  bool put(const T* n, uint32_t number) {
    Slot& slot = slots()[place(n)];
    if (slot.first) return false;
    slot = {n, number};
    ++size_;
    return true;
  }
  void grow() {
    const std::vector<Slot> old(slots().begin(), slots().end());
    many_.assign(old.size() * 2, {nullptr, 0});
    size_ = 0;
    for (const auto& [n, number] : old)
      if (n) put(n, number);
  }

  std::array<Slot, kFew> few_{};
  std::vector<Slot> many_;  // instead, from the first that does not fit
  uint32_t size_ = 0;
};

using NodeNumbers = PointerNumbers<Node>;

}  // namespace lazuli::ir
