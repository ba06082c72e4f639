// plan_memory: order, then slots in one sweep over the order, then copies. See plan_memory.h for what always holds.
#include "passes/plan_memory.h"

#include <fmt/format.h>

#include <map>
#include <queue>
#include <unordered_set>

#include "ir/text.h"
#include "passes/arena.h"
#include "passes/check_first.h"
#include "passes/memory_order.h"
#include "passes/memory_rules.h"

namespace lazuli::passes {
namespace {

using ir::Node;

constexpr uint32_t kNever = ~0u - 1;  // a leaf that no region reads; compares above every position, below kForever
constexpr uint32_t kForever = ~0u;    // needed after the last region
constexpr uint32_t kNoRegion = ~0u;
constexpr uint32_t kNone = ~0u;  // no value

/// One stored node or data leaf.
struct Value {
  const Node* node = nullptr;
  uint32_t region = kNoRegion;    // that computes it
  std::vector<uint32_t> readers;  // regions, ascending
  uint32_t last_use = kNever;     // position in the order
  bool kept = false;              // leaf whose contents must survive all regions
  bool donated = false;
  bool freed = false;         // its memory belongs to somebody else by now
  uint32_t first_output = 0;  // graph output that it is, if `output_count`
  uint32_t output_count = 0, target_count = 0;
  uint32_t memory_leaf = 0;   // Place::Input: value id of the leaf whose memory it has
  uint32_t wish = kNone;      // the target that a chain of updates from here ends in
  bool is_target = false;     // a leaf that is one
  uint32_t holder = kNone;    // of a target: the value that had its memory last
  uint32_t lender = kNone;    // Place::Output of another value: that one
  bool over_donated = false;  // the last of a chain of updates in donated memory
  bool stands_in_donated() const { return donated || over_donated; }
  uint32_t position = 0;  // of its region in the order
  Slot slot{};
};

struct Target {
  uint32_t output, leaf;  // value ids
  bool in_place = false;
};

class Planner {
 public:
  Planner(const ir::Graph& g, const ir::Partition& p, const MemoryFacts& facts, bool from_the_end)
      : g_(g), p_(p), facts_(facts), from_the_end_(from_the_end) {}

  MemoryPlan run() {
    collect_values();
    collect_targets();
    collect_wishes();
    order_regions();
    find_last_uses();
    assign_slots();
    plan_copies();
    for (const Value& v : values_) plan_.slots.push_back(v.slot);
    plan_.arena_bytes = arena_.size();
    return std::move(plan_);
  }

 private:
  void collect_values();
  void collect_targets();
  void collect_wishes();
  bool in_place_thinkable(const Target& t) const;
  void order_regions();
  void find_last_uses();
  void assign_slots();
  void place(const ir::Region& region, uint32_t id, uint32_t position);
  bool place_in_target(const ir::Region& region, uint32_t id, uint32_t position);
  bool place_as_wished(const ir::Region& region, uint32_t id, uint32_t position);
  bool take_target(const ir::Region& region, uint32_t id, uint32_t leaf, uint32_t position);
  void plan_base_copy(const ir::Region& region, uint32_t position);
  bool place_over_input(const ir::Region& region, uint32_t id, uint32_t position);
  bool place_in_dead_leaf(uint32_t id, uint32_t position);
  void find_lenders();
  void take_leaf(uint32_t id, uint32_t leaf);
  void release(uint32_t id);
  void plan_copies();
  void order_copies(std::vector<PlannedCopy> copies);

  /// Leaves are written only after every check has passed.
  bool may_write_leaves(uint32_t position) const { return position >= first_unchecked_; }
  bool wants_fresh_memory(const Value& v) const { return v.output_count > v.target_count; }

  const ir::Graph& g_;
  const ir::Partition& p_;
  const MemoryFacts& facts_;
  const bool from_the_end_;
  std::vector<Value> values_;
  std::unordered_map<const Node*, uint32_t> ids_;
  uint32_t leaf_count_ = 0;
  std::vector<bool> fails_;       // per region
  uint32_t first_unchecked_ = 0;  // position after the last region that may fail
  std::vector<Target> targets_;
  std::vector<std::vector<uint32_t>> targets_of_;                   // per value: its targets, as an output
  std::unordered_map<int64_t, std::vector<uint32_t>> dead_leaves_;  // donated and dead, by size
  Arena arena_{kBufferAlignment};
  MemoryPlan plan_;
};

void Planner::collect_values() {
  const auto add = [&](const Node* n) {
    const auto [it, fresh] = ids_.emplace(n, static_cast<uint32_t>(values_.size()));
    if (!fresh) throw Error(ErrorKind::Internal, "memory plan: a node is stored by two regions");
    values_.emplace_back().node = n;
    return it->second;
  };
  for (const Node* leaf : data_leaves(g_, facts_)) {
    const uint32_t id = add(leaf);
    values_[id].slot = {leaf, Place::Input, id, leaf->nbytes()};
    values_[id].memory_leaf = id;
  }
  leaf_count_ = static_cast<uint32_t>(values_.size());
  for (uint32_t r = 0; r < p_.regions.size(); ++r) {
    for (const Node* n : p_.regions[r].outputs) values_[add(n)].region = r;
    fails_.push_back(may_fail(p_.regions[r]));
  }
  for (uint32_t r = 0; r < p_.regions.size(); ++r)
    for (const Node* n : p_.regions[r].inputs) {
      const auto it = ids_.find(n);
      if (it != ids_.end()) {
        values_[it->second].readers.push_back(r);
      } else if (n->op() != ir::Op::argument) {
        throw Error(ErrorKind::Internal,
                    fmt::format("memory plan: region {} reads a {} that no region stores", r, ir::name(n->op())));
      }
    }
  for (uint32_t i = 0; i < g_.outputs.size(); ++i) {
    const auto it = ids_.find(g_.outputs[i].get());
    if (it == ids_.end()) continue;  // argument, constant: written by the runtime
    Value& v = values_[it->second];
    if (v.output_count++ == 0) v.first_output = i;
  }
}

void Planner::collect_targets() {
  std::unordered_set<uint32_t> taken;
  targets_of_.resize(values_.size());
  for (const auto& [output, leaf] : facts_.targets) {
    const auto it = ids_.find(output);
    if (it == ids_.end()) continue;
    const Target t{it->second, ids_.at(leaf)};
    if (leaf->nbytes() != output->nbytes() || t.leaf >= leaf_count_)
      throw Error(ErrorKind::Internal, fmt::format("memory plan: {} bytes are to be stored in a leaf of {} bytes",
                                                   output->nbytes(), leaf->nbytes()));
    if (!taken.insert(t.leaf).second)
      throw Error(ErrorKind::Internal, "memory plan: two outputs are to be stored in one leaf");
    ++values_[t.output].target_count;
    values_[t.leaf].is_target = true;
    targets_of_[t.output].push_back(static_cast<uint32_t>(targets_.size()));
    targets_.push_back(t);
  }
  for (const Node* leaf : facts_.donated) {
    const auto it = ids_.find(leaf);
    if (it != ids_.end() && it->second < leaf_count_ && !taken.count(it->second)) values_[it->second].donated = true;
  }
  // A leaf that is an output itself is read at the very end.
  for (uint32_t id = 0; id < leaf_count_; ++id)
    if (values_[id].output_count + values_[id].target_count > 0) {
      values_[id].kept = true;
      values_[id].donated = false;
    }
}

/// The intermediate values of a chain of updates that ends in a target go to the target's memory, too.
void Planner::collect_wishes() {
  for (const Target& t : targets_) {
    uint32_t id = t.output;
    while (values_[id].region != kNoRegion) {
      const Node* base = base_of_update(p_.regions[values_[id].region]);
      if (!base) break;
      id = ids_.at(base);
      Value& v = values_[id];
      if (v.region == kNoRegion || v.output_count + v.target_count > 0 || v.wish != kNone || fails_[v.region]) break;
      v.wish = t.leaf;
    }
  }
}

/// Whether the output could be computed straight into the leaf if all other readers of the leaf ran before.
bool Planner::in_place_thinkable(const Target& t) const {
  const Value &output = values_[t.output], &leaf = values_[t.leaf];
  if (output.region == kNoRegion || leaf.kept || fails_[output.region]) return false;
  const bool reads = std::find(leaf.readers.begin(), leaf.readers.end(), output.region) != leaf.readers.end();
  return !reads || may_overwrite(p_.regions[output.region], output.node, leaf.node);
}

/// Keeps the order that memory wants where it can; a region that overwrites a leaf waits for the leaf's readers and for
/// the regions that may fail. When that makes regions wait for each other, the first of them stops waiting (and a copy
/// will do).
void Planner::order_regions() {
  std::vector<StoredValue> stored;
  for (const Value& v : values_)
    if (v.region != kNoRegion)
      stored.push_back({v.region, v.readers, v.output_count + v.target_count > 0 ? 0 : v.node->nbytes()});
  const std::vector<uint32_t> preferred =
      (from_the_end_ ? order_from_the_end : memory_order)(static_cast<uint32_t>(p_.regions.size()), stored);
  std::vector<uint32_t> rank(preferred.size());
  for (uint32_t i = 0; i < preferred.size(); ++i) rank[preferred[i]] = i;
  const uint32_t count = static_cast<uint32_t>(p_.regions.size());
  std::vector<uint32_t> hard(count, 0), soft(count, 0);
  std::vector<std::vector<uint32_t>> soft_users(count);
  uint32_t failing = 0;
  for (uint32_t r = 0; r < count; ++r) failing += fails_[r];
  for (const Value& v : values_)
    if (v.region != kNoRegion)
      for (uint32_t r : v.readers) ++hard[r];
  std::vector<uint32_t> writers;  // regions that wait for the checks
  const auto wait_for_readers = [&](uint32_t writer, const Value& v) {
    for (uint32_t r : v.readers)
      if (r != writer) {
        soft_users[r].push_back(writer);
        ++soft[writer];
      }
  };
  const auto wait_for_checks = [&](uint32_t writer) {
    if (failing == 0) return;
    writers.push_back(writer);
    ++soft[writer];
  };
  for (const Target& t : targets_) {
    if (!in_place_thinkable(t)) continue;
    wait_for_readers(values_[t.output].region, values_[t.leaf]);
    wait_for_checks(values_[t.output].region);
  }
  for (const Value& v : values_) {
    if (v.wish == kNone) continue;
    wait_for_readers(v.region, values_[v.wish]);
    wait_for_checks(v.region);
  }
  for (uint32_t r = 0; r < count; ++r)
    if (const Node* base = base_of_update(p_.regions[r]))
      if (const Value& v = values_[ids_.at(base)]; v.region != kNoRegion || v.donated) wait_for_readers(r, v);

  using Queue = std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>>;
  Queue ready, waiting;
  std::vector<bool> done(count, false);
  const auto offer = [&](uint32_t r) {
    if (hard[r] == 0) (soft[r] == 0 ? ready : waiting).push(rank[r]);
  };
  for (uint32_t r = 0; r < count; ++r) offer(r);
  while (plan_.order.size() < count) {
    Queue& from = ready.empty() ? waiting : ready;
    if (from.empty()) throw Error(ErrorKind::Internal, "memory plan: regions wait for each other");
    const uint32_t r = preferred[from.top()];
    from.pop();
    if (done[r]) continue;
    done[r] = true;
    plan_.order.push_back(r);
    for (const Node* n : p_.regions[r].outputs)
      for (uint32_t user : values_[ids_.at(n)].readers)
        if (--hard[user] == 0) offer(user);
    const auto soften = [&](uint32_t writer) {
      if (--soft[writer] == 0 && !done[writer]) offer(writer);
    };
    for (uint32_t writer : soft_users[r]) soften(writer);
    if (fails_[r]) {
      first_unchecked_ = static_cast<uint32_t>(plan_.order.size());
      if (--failing == 0)
        for (uint32_t writer : writers) soften(writer);
    }
  }
}

void Planner::find_last_uses() {
  std::vector<uint32_t> position(p_.regions.size());
  for (uint32_t i = 0; i < plan_.order.size(); ++i) position[plan_.order[i]] = i;
  for (Value& v : values_) {
    if (v.region != kNoRegion) v.last_use = v.position = position[v.region];
    for (uint32_t r : v.readers) v.last_use = v.last_use == kNever ? position[r] : std::max(v.last_use, position[r]);
    if (v.output_count + v.target_count > 0) v.last_use = kForever;
  }
}

void Planner::assign_slots() {
  find_lenders();
  for (uint32_t id = 0; id < leaf_count_; ++id)
    if (values_[id].donated && values_[id].last_use == kNever) release(id);
  for (uint32_t position = 0; position < plan_.order.size(); ++position) {
    const ir::Region& region = p_.regions[plan_.order[position]];
    for (const Node* n : region.outputs) place(region, ids_.at(n), position);
    plan_base_copy(region, position);
    const auto release_dead = [&](const Node* n) {
      const auto it = ids_.find(n);
      if (it != ids_.end() && values_[it->second].last_use == position) release(it->second);
    };
    for (const Node* n : region.inputs) release_dead(n);
    for (const Node* n : region.outputs) release_dead(n);
  }
}

void Planner::place(const ir::Region& region, uint32_t id, uint32_t position) {
  Value& v = values_[id];
  v.slot = {v.node, Place::Arena, 0, v.node->nbytes()};
  if (place_in_target(region, id, position) || place_as_wished(region, id, position)) return;
  if (v.lender != kNone) {
    v.slot.place = Place::Output;
    v.slot.index = values_[v.lender].first_output;
    return;
  }
  if (v.slot.bytes > 0) {
    if (place_over_input(region, id, position)) return;
    if (wants_fresh_memory(v) && place_in_dead_leaf(id, position)) return;
  }
  if (wants_fresh_memory(v)) {
    v.slot.place = Place::Output;
    v.slot.index = v.first_output;
  } else {
    v.slot.index = arena_.allocate(v.slot.bytes);
  }
}

bool Planner::place_in_target(const ir::Region& region, uint32_t id, uint32_t position) {
  for (uint32_t k : targets_of_[id]) {
    Target& t = targets_[k];
    if (!in_place_thinkable(t) || !take_target(region, id, t.leaf, position)) continue;
    t.in_place = true;
    return true;
  }
  return false;
}

bool Planner::place_as_wished(const ir::Region& region, uint32_t id, uint32_t position) {
  const uint32_t wish = values_[id].wish;
  return wish != kNone && !values_[wish].kept && take_target(region, id, wish, position);
}

/// Places the value in the leaf's memory, if nothing that is still needed stands there, save what the region may write
/// over.
bool Planner::take_target(const ir::Region& region, uint32_t id, uint32_t leaf, uint32_t position) {
  if (!may_write_leaves(position)) return false;
  const auto done = [&](const Value& v) {
    return v.last_use == kNever || v.last_use < position ||
           (v.last_use == position && may_overwrite(region, values_[id].node, v.node));
  };
  Value& target = values_[leaf];
  if (!done(target) || (target.holder != kNone && !done(values_[target.holder]))) return false;
  if (target.holder != kNone) values_[target.holder].freed = true;
  target.freed = true;
  take_leaf(id, leaf);
  return true;
}

/// What an update leaves as it is must stand where its result does.
void Planner::plan_base_copy(const ir::Region& region, uint32_t position) {
  const Node* base = base_of_update(region);
  if (!base) return;
  const Slot from = values_[ids_.at(base)].slot;
  Slot to = values_[ids_.at(region.outputs[0])].slot;
  if (from.place == to.place && from.index == to.index) return;
  to.node = base;
  plan_.base_copies.push_back({position, {base, nullptr, from, to}});
}

bool Planner::place_over_input(const ir::Region& region, uint32_t id, uint32_t position) {
  Value& v = values_[id];
  for (const auto& [o, i] : region.may_alias) {
    if (region.outputs[o] != v.node) continue;
    const auto it = ids_.find(region.inputs[i]);
    if (it == ids_.end()) continue;
    Value& under = values_[it->second];
    if (under.freed || under.last_use != position || !may_overwrite(region, v.node, under.node)) continue;
    const bool is_leaf = under.region == kNoRegion;
    if (is_leaf && !under.donated) continue;
    if (under.slot.place == Place::Input) {
      if (values_[under.memory_leaf].is_target && v.wish != under.memory_leaf) continue;
      if (!may_write_leaves(position)) continue;
      under.freed = true;
      take_leaf(id, under.memory_leaf);
      return true;
    }
    if (wants_fresh_memory(v)) continue;
    if (under.lender != kNone) continue;  // its lender takes it back
    under.freed = true;
    v.slot.index = under.slot.index;
    return true;
  }
  return false;
}

/// What dies before an output is computed may stand in its fresh memory, if it is not much smaller. Found backwards in
/// time: what comes just before an output takes it first. Outputs that may end up in donated memory lend none.
void Planner::find_lenders() {
  constexpr int kTries = 8;
  std::unordered_set<int64_t> donated;  // sizes
  for (uint32_t id = 0; id < leaf_count_; ++id)
    if (values_[id].donated) donated.insert(values_[id].slot.bytes);
  for (const uint32_t r : plan_.order)
    if (const Node* base = base_of_update(p_.regions[r]))
      values_[ids_.at(p_.regions[r].outputs[0])].over_donated = values_[ids_.at(base)].stands_in_donated();
  std::map<std::pair<int64_t, uint32_t>, uint32_t> lenders;  // (bytes, output) -> the first value that has its memory
  for (uint32_t position = static_cast<uint32_t>(plan_.order.size()); position-- > 0;) {
    const ir::Region& region = p_.regions[plan_.order[position]];
    for (const Node* n : region.outputs) {
      Value& v = values_[ids_.at(n)];
      if (n->nbytes() == 0 || v.output_count + v.target_count > 0 || v.wish != kNone || v.over_donated) continue;
      int tries = 0;
      for (auto it = lenders.lower_bound({n->nbytes(), 0}); it != lenders.end() && tries < kTries; ++it, ++tries) {
        if (it->first.first / 2 > n->nbytes()) break;
        const Value& next = values_[it->second];
        const bool free = v.last_use < next.position ||
                          (v.last_use == next.position && may_overwrite(p_.regions[next.region], next.node, n));
        if (!free) continue;
        v.lender = it->first.second;
        it->second = ids_.at(n);
        break;
      }
    }
    for (const Node* n : region.outputs) {
      const uint32_t id = ids_.at(n);
      const Value& v = values_[id];
      if (v.output_count > 0 && v.target_count == 0 && n->nbytes() > 0 && !donated.count(n->nbytes()))
        lenders.emplace(std::pair{n->nbytes(), id}, id);
    }
  }
}

bool Planner::place_in_dead_leaf(uint32_t id, uint32_t position) {
  if (!may_write_leaves(position)) return false;
  const auto it = dead_leaves_.find(values_[id].slot.bytes);
  if (it == dead_leaves_.end() || it->second.empty()) return false;
  const uint32_t leaf = it->second.back();
  it->second.pop_back();
  take_leaf(id, leaf);
  return true;
}

void Planner::take_leaf(uint32_t id, uint32_t leaf) {
  values_[id].slot.place = Place::Input;
  values_[id].slot.index = leaf;
  values_[id].memory_leaf = leaf;
  values_[leaf].holder = id;
}

/// The value is dead: its memory may be used again.
void Planner::release(uint32_t id) {
  Value& v = values_[id];
  if (v.freed) return;
  if (v.region == kNoRegion && !v.donated) return;
  v.freed = true;
  if (v.slot.place == Place::Arena) arena_.release(v.slot.index, v.slot.bytes);
  if (v.slot.place == Place::Input && v.slot.bytes > 0 && !values_[v.memory_leaf].is_target)
    dead_leaves_[v.slot.bytes].push_back(v.memory_leaf);
}

void Planner::plan_copies() {
  std::vector<PlannedCopy> copies;
  std::vector<bool> overwritten(leaf_count_, false);
  for (const Target& t : targets_) {
    if (t.in_place || t.output == t.leaf) continue;
    const Node* from = values_[t.output].node;
    overwritten[t.leaf] = true;
    copies.push_back(
        {from, values_[t.leaf].node, values_[t.output].slot, {from, Place::Input, t.leaf, from->nbytes()}});
  }
  // A leaf that somebody else overwrites and that is an output of its own, too.
  for (uint32_t id = 0; id < leaf_count_; ++id) {
    const Value& v = values_[id];
    if (overwritten[id] && wants_fresh_memory(v))
      copies.push_back({v.node, nullptr, v.slot, {v.node, Place::Output, v.first_output, v.slot.bytes}});
  }
  order_copies(std::move(copies));
}

/// A copy out of a leaf goes before the copy into it. Circles (two tensors exchanged) are opened by saving one leaf.
void Planner::order_copies(std::vector<PlannedCopy> copies) {
  std::vector<uint32_t> readers(leaf_count_, 0);
  std::vector<int64_t> writer(leaf_count_, -1);
  std::vector<std::vector<uint32_t>> reading(leaf_count_);
  const auto reads_leaf = [&](const PlannedCopy& c) {
    return c.source.place == Place::Input && c.source.index < leaf_count_ &&
           values_[static_cast<size_t>(c.source.index)].node == c.from;
  };
  for (uint32_t i = 0; i < copies.size(); ++i) {
    if (copies[i].to_leaf) writer[static_cast<size_t>(copies[i].target.index)] = i;
    if (!reads_leaf(copies[i])) continue;
    ++readers[static_cast<size_t>(copies[i].source.index)];
    reading[static_cast<size_t>(copies[i].source.index)].push_back(i);
  }
  std::vector<uint32_t> ready;
  std::vector<bool> done(copies.size(), false);
  for (uint32_t i = 0; i < copies.size(); ++i)
    if (!copies[i].to_leaf || readers[static_cast<size_t>(copies[i].target.index)] == 0) ready.push_back(i);
  const auto drain = [&] {
    while (!ready.empty()) {
      const uint32_t i = ready.back();
      ready.pop_back();
      if (done[i]) continue;
      done[i] = true;
      const bool from_leaf = reads_leaf(copies[i]);
      plan_.copies.push_back(copies[i]);
      if (!from_leaf) continue;
      const size_t leaf = static_cast<size_t>(copies[i].source.index);
      if (--readers[leaf] == 0 && writer[leaf] >= 0) ready.push_back(static_cast<uint32_t>(writer[leaf]));
    }
  };
  drain();
  for (uint32_t i = 0; i < copies.size(); ++i) {
    if (done[i]) continue;
    const size_t leaf = static_cast<size_t>(copies[i].target.index);
    const Slot saved{values_[leaf].node, Place::Arena, arena_.allocate(values_[leaf].slot.bytes),
                     values_[leaf].slot.bytes};
    plan_.copies.push_back({values_[leaf].node, nullptr, values_[leaf].slot, saved});
    for (uint32_t reader : reading[leaf])
      if (!done[reader]) copies[reader].source = saved;
    readers[leaf] = 0;
    ready.push_back(i);
    drain();
  }
}

std::string_view name(Place p) {
  constexpr std::string_view names[] = {"input", "output", "arena"};
  return names[static_cast<size_t>(p)];
}

}  // namespace

const Node* base_of_update(const ir::Region& region) {
  return region.kind == ir::RegionKind::Update ? region.outputs[0]->input(0) : nullptr;
}

bool may_refuse(const ir::Node* n) {
  return ir::is_elementwise(n->op()) && (ir::info(n->op()).flags & ir::kChecked) && !is_floating(n->dtype());
}

bool may_fail(const ir::Region& region) {
  return std::any_of(region.nodes.begin(), region.nodes.end(), [&](const Node* n) {
    if (n->op() == ir::Op::gather) return !indices_are_checked(region, n);
    return ir::is_indexed(n->op()) || may_refuse(n);
  });
}

std::vector<const Node*> data_leaves(const ir::Graph& g, const MemoryFacts& facts) {
  std::vector<const Node*> leaves;
  std::unordered_set<const Node*> seen;
  const auto add = [&](const Node* n) {
    if (n->op() == ir::Op::data && seen.insert(n).second) leaves.push_back(n);
  };
  for (const Node* n : ir::topological_order(g)) add(n);
  for (const auto& [output, leaf] : facts.targets) add(leaf);
  return leaves;
}

bool may_overwrite(const ir::Region& region, const Node* o, const Node* v) {
  if (o->nbytes() != v->nbytes() || o->dtype() != v->dtype()) return false;
  return std::any_of(region.may_alias.begin(), region.may_alias.end(), [&](const auto& pair) {
    return region.outputs[pair.first] == o && region.inputs[pair.second] == v;
  });
}

/// Of results that get fresh memory, not that of something donated.
static int64_t fresh_bytes(const ir::Graph& g, const MemoryPlan& plan) {
  int64_t bytes = 0;
  for (const Slot& s : plan.slots)
    if (s.place == Place::Output && g.outputs[static_cast<size_t>(s.index)].get() == s.node) bytes += s.bytes;
  return bytes;
}

MemoryPlan plan_memory(const ir::Graph& g, const ir::Partition& p, const MemoryFacts& facts) {
  MemoryPlan plan = Planner(g, p, facts, false).run();
  if (plan.arena_bytes > 0 && p.regions.size() > 2) {
    // What is computed in place is known only now; the order is left for a gain alone.
    MemoryPlan other = Planner(g, p, facts, true).run();
    if (other.arena_bytes < plan.arena_bytes / 33 * 32 && fresh_bytes(g, other) <= fresh_bytes(g, plan) &&
        other.base_copies.size() <= plan.base_copies.size() && other.copies.size() <= plan.copies.size())
      plan = std::move(other);
  }
#ifndef NDEBUG
  verify_plan(g, p, facts, plan);
#endif
  return plan;
}

std::string MemoryPlan::str() const {
  std::string text = fmt::format("memory plan, arena of {} bytes\n", arena_bytes);
  const auto where = [](const Slot& s) { return fmt::format("{} {}, {} bytes", name(s.place), s.index, s.bytes); };
  for (size_t i = 0; i < slots.size(); ++i)
    text += fmt::format("  slot {}: {} -> {}\n", i,
                        ir::print_node(slots[i].node, [](const Node* n) { return std::string(ir::name(n->op())); }),
                        where(slots[i]));
  text += fmt::format("  order: {}\n", fmt::join(order, " "));
  for (const auto& [position, c] : base_copies)
    text += fmt::format("  before {}: {} -> {}\n", position, where(c.source), where(c.target));
  for (const PlannedCopy& c : copies) text += fmt::format("  copy: {} -> {}\n", where(c.source), where(c.target));
  return text;
}

}  // namespace lazuli::passes
