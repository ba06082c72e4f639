// verify_plan: a symbolic machine whose memory cells hold nodes instead of numbers.
#include <fmt/format.h>

#include <map>
#include <unordered_set>

#include "passes/memory_rules.h"

namespace lazuli::passes {
namespace {

using ir::Node;

[[noreturn]] void fail(const std::string& text) {
  throw Error(ErrorKind::Internal, "illegal memory plan: " + text);
}

std::string shown(const Slot& s) {
  constexpr std::string_view names[] = {"input", "output", "arena"};
  return fmt::format("{} ({} {}, {} bytes)", ir::name(s.node->op()), names[static_cast<size_t>(s.place)], s.index,
                     s.bytes);
}

/// Which value every piece of memory holds. Pieces are (place, offset); inputs and outputs are one piece each.
class Memory {
 public:
  void write(const Slot& s, const Node* value) {
    if (s.bytes == 0) return;
    if (s.place != Place::Arena) {
      whole_[key(s)] = value;
      return;
    }
    const int64_t end = s.index + s.bytes;
    auto it = arena_.lower_bound(s.index);
    if (it != arena_.begin() && std::prev(it)->second.end > s.index) --it;
    while (it != arena_.end() && it->first < end) it = arena_.erase(it);
    arena_[s.index] = {end, value};
  }
  bool holds(const Slot& s, const Node* value) const {
    if (s.bytes == 0) return true;
    if (s.place != Place::Arena) {
      const auto it = whole_.find(key(s));
      return it != whole_.end() && it->second == value;
    }
    const auto it = arena_.find(s.index);
    return it != arena_.end() && it->second.value == value && it->second.end == s.index + s.bytes;
  }

 private:
  struct Piece {
    int64_t end;
    const Node* value;
  };
  static int64_t key(const Slot& s) { return s.index * 2 + (s.place == Place::Output); }
  std::unordered_map<int64_t, const Node*> whole_;
  std::map<int64_t, Piece> arena_;
};

bool overlap(const Slot& a, const Slot& b) {
  if (a.place != b.place || a.bytes == 0 || b.bytes == 0) return false;
  if (a.place != Place::Arena) return a.index == b.index;
  return a.index < b.index + b.bytes && b.index < a.index + a.bytes;
}

class Machine {
 public:
  Machine(const ir::Graph& g, const ir::Partition& p, const MemoryFacts& facts, const MemoryPlan& plan)
      : g_(g), p_(p), facts_(facts), plan_(plan) {}

  void run() {
    load_leaves();
    check_order();
    for (uint32_t position = 0; position < plan_.order.size(); ++position) run_region(position);
    if (next_base_ != plan_.base_copies.size()) fail("a copy of a base belongs to no region");
    for (const PlannedCopy& c : plan_.copies) run_copy(c);
    check_results();
  }

 private:
  const Slot& slot(const Node* n) const {
    const auto it = slots_.find(n);
    if (it == slots_.end()) fail(fmt::format("a {} has no slot", ir::name(n->op())));
    return *it->second;
  }

  void load_leaves() {
    const std::vector<const Node*> leaves = data_leaves(g_, facts_);
    for (const Node* n : facts_.donated) writable_.insert(n);
    for (const auto& [output, leaf] : facts_.targets) writable_.insert(leaf);
    for (size_t i = 0; i < plan_.slots.size(); ++i) {
      const Slot& s = plan_.slots[i];
      if (!slots_.emplace(s.node, &s).second) fail("a node has two slots");
      if (s.bytes != s.node->nbytes()) fail(shown(s) + " has the wrong size");
      if (s.place == Place::Arena) check_arena(s);
      if (s.place == Place::Output && (s.index < 0 || s.index >= static_cast<int64_t>(g_.outputs.size()) ||
                                       s.bytes > g_.outputs[static_cast<size_t>(s.index)]->nbytes()))
        fail(shown(s) + " does not fit its output");
      if (s.place == Place::Input && (s.index < 0 || s.index >= static_cast<int64_t>(leaves.size())))
        fail(shown(s) + " names no leaf");
      if (i < leaves.size()) {
        if (s.node != leaves[i] || s.place != Place::Input || s.index != static_cast<int64_t>(i))
          fail("leaves do not come first, in their order");
        memory_.write(s, s.node);
      }
    }
    if (plan_.slots.size() < leaves.size()) fail("a leaf has no slot");
    leaves_ = leaves;
  }

  void check_arena(const Slot& s) const {
    if (s.index < 0 || s.index % kBufferAlignment != 0 || s.index + s.bytes > plan_.arena_bytes)
      fail(shown(s) + " is misaligned or leaves the arena");
  }

  void check_order() {
    std::vector<bool> seen(p_.regions.size(), false);
    for (uint32_t i = 0; i < plan_.order.size(); ++i) {
      const uint32_t r = plan_.order[i];
      if (r >= seen.size() || seen[r]) fail("the order is not a permutation of the regions");
      seen[r] = true;
      if (may_fail(p_.regions[r])) first_unchecked_ = i + 1;
    }
    if (plan_.order.size() != p_.regions.size()) fail("the order leaves regions out");
  }

  void run_region(uint32_t position) {
    const ir::Region& region = p_.regions[plan_.order[position]];
    for (; next_base_ < plan_.base_copies.size() && plan_.base_copies[next_base_].first == position; ++next_base_) {
      const PlannedCopy& c = plan_.base_copies[next_base_].second;
      if (c.target.place == Place::Input && position < first_unchecked_)
        fail(shown(c.target) + " is written before every check has passed");
      run_copy(c);
    }
    if (const Node* base = base_of_update(region); base && !memory_.holds(slot(region.outputs[0]), base))
      fail(fmt::format("region {} updates {}, where its base is not", plan_.order[position],
                       shown(slot(region.outputs[0]))));
    for (const Node* n : region.inputs)
      if (n->op() != ir::Op::argument && !memory_.holds(slot(n), n))
        fail(fmt::format("region {} reads {} after it was overwritten", plan_.order[position], shown(slot(n))));
    for (size_t i = 0; i < region.outputs.size(); ++i) {
      const Slot& s = slot(region.outputs[i]);
      if (s.place == Place::Input && s.bytes > 0) {
        if (!writable_.count(leaves_[static_cast<size_t>(s.index)])) fail(shown(s) + " is a leaf that others need");
        if (leaves_[static_cast<size_t>(s.index)]->nbytes() != s.bytes) fail(shown(s) + " does not fit its leaf");
        if (position < first_unchecked_) fail(shown(s) + " is written before every check has passed");
      }
      for (size_t k = 0; k < i; ++k)
        if (overlap(s, slot(region.outputs[k]))) fail(shown(s) + " overlaps another output of its region");
      for (const Node* n : region.inputs) {
        if (n->op() == ir::Op::argument || !overlap(s, slot(n))) continue;
        if (slot(n).index != s.index || !may_overwrite(region, region.outputs[i], n))
          fail(fmt::format("{} overlaps {}, which its region reads", shown(s), shown(slot(n))));
      }
    }
    for (const Node* n : region.outputs) memory_.write(slot(n), n);
  }

  void run_copy(const PlannedCopy& c) {
    if (c.source.bytes != c.target.bytes || c.source.bytes != c.from->nbytes()) fail("a copy has the wrong size");
    if (c.target.place == Place::Arena) check_arena(c.target);
    if (!memory_.holds(c.source, c.from)) fail("a copy reads " + shown(c.source) + " after it was overwritten");
    if (c.to_leaf && (slot(c.to_leaf).index != c.target.index || c.target.place != Place::Input))
      fail("a copy does not go where it says");
    if (c.target.place == Place::Input && !writable_.count(leaves_.at(static_cast<size_t>(c.target.index))))
      fail("a copy overwrites a leaf that others need");
    memory_.write(c.target, c.from);
  }

  void check_results() {
    std::unordered_map<const Node*, size_t> left;  // occurrences that no target takes
    std::unordered_map<const Node*, int64_t> first;
    for (size_t i = 0; i < g_.outputs.size(); ++i) {
      ++left[g_.outputs[i].get()];
      first.emplace(g_.outputs[i].get(), static_cast<int64_t>(i));
    }
    for (const auto& [output, leaf] : facts_.targets) {
      if (left[output] > 0) --left[output];
      if (slots_.count(output) && !memory_.holds(slot(leaf), output)) fail("a target does not hold its output");
    }
    for (size_t i = 0; i < g_.outputs.size(); ++i) {
      const Node* n = g_.outputs[i].get();
      if (!slots_.count(n) || left[n] == 0) continue;
      // In its slot or, where a leaf was overwritten, in fresh memory of the first output that it is.
      const Slot fresh{n, Place::Output, first[n], n->nbytes()};
      if (!memory_.holds(slot(n), n) && !(n->op() == ir::Op::data && memory_.holds(fresh, n)))
        fail(fmt::format("output {} is lost", i));
      left[n] = 0;
    }
  }

  const ir::Graph& g_;
  const ir::Partition& p_;
  const MemoryFacts& facts_;
  const MemoryPlan& plan_;
  std::unordered_map<const Node*, const Slot*> slots_;
  std::unordered_set<const Node*> writable_;
  std::vector<const Node*> leaves_;
  uint32_t first_unchecked_ = 0;
  size_t next_base_ = 0;
  Memory memory_;
};

}  // namespace

void verify_plan(const ir::Graph& g, const ir::Partition& p, const MemoryFacts& facts, const MemoryPlan& plan) {
  Machine(g, p, facts, plan).run();
}

}  // namespace lazuli::passes
