// Node -> node, by open addressing: a pass over a million nodes spends most of its time in look-ups.
// Values are kept alive, keys are not.
#pragma once
#include <vector>

#include "ir/node.h"

namespace lazuli::passes {

class NodeTable {
 public:
  explicit NodeTable(size_t expected) {
    size_t slots = 64;
    while (slots < expected * 2) slots *= 2;
    slots_.resize(slots);
  }
  /// The value; null if the key is not there. Valid until the next insert.
  const ir::NodeRef* find(const ir::Node* key) const {
    const Slot& s = slots_[place(key)];
    return s.key ? &s.value : nullptr;
  }
  /// False, and nothing changes, when the key is there already.
  bool insert(const ir::Node* key, ir::NodeRef value) {
    Slot* s = &slots_[place(key)];
    if (s->key) return false;
    if (++size_ * 2 > slots_.size()) {
      grow();
      s = &slots_[place(key)];
    }
    s->key = key;
    s->value = std::move(value);
    return true;
  }

 private:
  struct Slot {
    const ir::Node* key = nullptr;
    ir::NodeRef value;
  };
  /// Where the key stands or would stand.
  size_t place(const ir::Node* key) const {
    const size_t mask = slots_.size() - 1;
    size_t i = (reinterpret_cast<uintptr_t>(key) * 0x9e3779b97f4a7c15ull >> 20) & mask;
    while (slots_[i].key && slots_[i].key != key) i = (i + 1) & mask;
    return i;
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (Slot& s : old)
      if (s.key) slots_[place(s.key)] = std::move(s);
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace lazuli::passes
