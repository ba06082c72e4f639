// Position of each node in a list: a lookup per edge of a graph that may have millions.
#pragma once
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "ir/node.h"

namespace lazuli::runtime {

class NodeNumbers {
 public:
  explicit NodeNumbers(const std::vector<const ir::Node*>& order) : mask_(std::bit_ceil(order.size() * 2 + 2) - 1) {
    slots_.resize(mask_ + 1, {nullptr, 0});
    for (uint32_t i = 0; i < order.size(); ++i) {
      size_t at = first(order[i]);
      while (slots_[at].first) at = (at + 1) & mask_;
      slots_[at] = {order[i], i};
    }
  }
  static constexpr uint32_t kAbsent = ~0u;
  uint32_t find(const ir::Node* n) const {
    size_t at = first(n);
    for (; slots_[at].first != n; at = (at + 1) & mask_)
      if (!slots_[at].first) return kAbsent;
    return slots_[at].second;
  }
  /// Throws Error(Internal) when the node is not in the list.
  uint32_t operator[](const ir::Node* n) const {
    const uint32_t i = find(n);
    if (i == kAbsent) throw Error(ErrorKind::Internal, "a node is used outside of the list that should hold it");
    return i;
  }

 private:
  size_t first(const ir::Node* n) const {
    return (reinterpret_cast<uintptr_t>(n) * 0x9e3779b97f4a7c15ull >> 20) & mask_;
  }
  size_t mask_;
  std::vector<std::pair<const ir::Node*, uint32_t>> slots_;
};

}  // namespace lazuli::runtime
