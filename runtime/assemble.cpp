// Binds a plan to positions: what is left of nodes after this is a number. See plan_memory.h for what the memory plan
// leaves to the runtime: outputs that are leaves, several outputs that are one node, and values without a kernel.
#include <algorithm>
#include <unordered_set>

#include "ir/interpret.h"
#include "lazuli/base/error.h"
#include "runtime/program.h"

namespace lazuli::runtime {
namespace {

using ir::Node;

int64_t aligned(int64_t bytes) {
  return (bytes + passes::kBufferAlignment - 1) / passes::kBufferAlignment * passes::kBufferAlignment;
}

class Assembler {
 public:
  Assembler(const Planned& planned, const Boundary& boundary)
      : planned_(planned),
        boundary_(boundary),
        slots_(index_slots(planned.memory)),
        program_(std::make_shared<Program>()) {}

  std::shared_ptr<Program> run() {
    program_->device = boundary_.device;
    program_->arena_bytes = aligned(planned_.memory.arena_bytes);
    number_leaves();
    find_owners();
    for (size_t i = 0; i < planned_.graph.outputs.size(); ++i) place_result(i);
    program_->copies = std::move(early_);
    for (const passes::PlannedCopy& c : planned_.memory.copies)
      copy(program_->copies, where(c.source), where(c.target), c.source.bytes);
    // Targets that overlap something come last.
    std::stable_partition(late_.begin(), late_.end(), [](const Copy& c) { return c.to.kind != Binding::Target; });
    for (Copy& c : late_) program_->copies.push_back(c);
    add_launches();
    return std::move(program_);
  }

 private:
  void number_leaves();
  void find_owners();
  void place_result(size_t i);
  void place_stored(size_t i, const Binding& at);
  void place_leaf(size_t i);
  void place_host_value(size_t i);
  void add_launches();

  static void copy(std::vector<Copy>& list, Binding from, Binding to, int64_t bytes) {
    if (bytes > 0 && !(from.kind == to.kind && from.index == to.index)) list.push_back({from, to, bytes});
  }
  static Binding at_target(size_t i) { return {Binding::Target, static_cast<int64_t>(i)}; }
  static Binding at_output(size_t i) { return {Binding::Output, static_cast<int64_t>(i)}; }
  Binding temporary(int64_t bytes) {
    const Binding b{Binding::Arena, program_->arena_bytes};
    program_->arena_bytes += aligned(bytes);
    return b;
  }
  Binding where(const passes::Slot& s);
  Binding where(const Node* n) { return where(*slots_.at(n)); }

  const Planned& planned_;
  const Boundary& boundary_;
  SlotIndex slots_;
  std::shared_ptr<Program> program_;
  std::unordered_map<const Node*, Binding> leaf_memory_;     // data leaves, and those that stand for targets
  std::unordered_map<const Node*, int64_t> leaf_numbers_;    // data and argument leaves of the request
  std::vector<const Node*> plan_leaves_;                     // by Place::Input
  std::unordered_map<const Node*, Binding> fresh_;           // memory of Place::Output, by node
  std::unordered_set<const Node*> saved_;                    // leaves that the plan copies to Place::Output
  std::unordered_set<int64_t> written_leaves_, given_away_;  // leaf ordinals: targets; already some output's buffer
  std::vector<Copy> early_, late_;                           // before and after the plan's copies
};

void Assembler::number_leaves() {
  for (size_t i = 0; i < boundary_.leaves.size(); ++i) {
    leaf_numbers_.emplace(boundary_.leaves[i], static_cast<int64_t>(i));
    leaf_memory_.emplace(boundary_.leaves[i], Binding{Binding::Leaf, static_cast<int64_t>(i)});
  }
  size_t foreign = 0;
  for (size_t i = 0; i < boundary_.targets.size(); ++i) {
    const Boundary::Target& t = boundary_.targets[i];
    if (!t.wanted) continue;
    if (t.leaf != Boundary::Target::kForeign) {
      written_leaves_.insert(t.leaf);
    } else if (!t.indirect) {
      leaf_memory_.emplace(planned_.foreign[foreign++].get(), at_target(i));
    }
  }
  for (const passes::Slot& s : planned_.memory.slots) {
    if (s.node->op() != ir::Op::data) break;
    plan_leaves_.push_back(s.node);
  }
  for (const passes::PlannedCopy& c : planned_.memory.copies)
    if (!c.to_leaf && c.target.place == passes::Place::Output) saved_.insert(c.from);
}

/// Fresh memory that the plan gives to a node belongs to its first output without a target.
void Assembler::find_owners() {
  for (size_t i = 0; i < planned_.graph.outputs.size(); ++i)
    if (!boundary_.targets[i].wanted) fresh_.emplace(planned_.graph.outputs[i].get(), at_output(i));
}

Binding Assembler::where(const passes::Slot& s) {
  switch (s.place) {
    case passes::Place::Input:
      return leaf_memory_.at(plan_leaves_.at(static_cast<size_t>(s.index)));
    case passes::Place::Arena:
      return {Binding::Arena, s.index};
    case passes::Place::Output:
      break;
  }
  // Where every output of its owner goes to a target that the plan does not know, the value waits in the arena.
  const Node* owner = planned_.graph.outputs[static_cast<size_t>(s.index)].get();
  const auto [it, missing] = fresh_.try_emplace(owner);
  if (missing) it->second = temporary(owner->nbytes());
  return it->second;
}

void Assembler::place_result(size_t i) {
  const Node* n = planned_.graph.outputs[i].get();
  const bool wanted = boundary_.targets[i].wanted;
  program_->results.push_back(
      {.kind = wanted ? Program::Result::Target : Program::Result::Fresh, .leaf = 0, .bytes = n->nbytes()});
  if (n->op() == ir::Op::data) {
    place_leaf(i);
  } else if (slots_.contains(n)) {
    place_stored(i, where(n));
  } else {
    place_host_value(i);
  }
}

void Assembler::place_stored(size_t i, const Binding& at) {
  const int64_t bytes = program_->results[i].bytes;
  if (boundary_.targets[i].wanted) {
    if (boundary_.targets[i].indirect) copy(late_, at, at_target(i), bytes);
    return;
  }
  // The memory of a donated leaf becomes the output's; that of a target stays with its storage.
  if (at.kind == Binding::Leaf && !written_leaves_.contains(at.index) && given_away_.insert(at.index).second) {
    program_->results[i] = {Program::Result::Leaf, static_cast<uint32_t>(at.index), bytes};
    return;
  }
  copy(late_, at, at_output(i), bytes);
}

void Assembler::place_leaf(size_t i) {
  const Node* n = planned_.graph.outputs[i].get();
  const Binding memory = leaf_memory_.at(n);
  const int64_t bytes = program_->results[i].bytes;
  const Boundary::Target& t = boundary_.targets[i];
  if (t.wanted) {
    if (!t.indirect || (t.leaf != Boundary::Target::kForeign && boundary_.leaves[t.leaf]->payload() == n->payload()))
      return;
    // Saved before any leaf is written.
    const Binding saved = temporary(bytes);
    copy(early_, memory, saved, bytes);
    copy(late_, saved, at_target(i), bytes);
    return;
  }
  if (saved_.contains(n)) {
    copy(late_, fresh_.at(n), at_output(i), bytes);
    return;
  }
  if (boundary_.donated[static_cast<size_t>(memory.index)] && !written_leaves_.contains(memory.index) &&
      given_away_.insert(memory.index).second) {
    program_->results[i] = {Program::Result::Leaf, static_cast<uint32_t>(memory.index), bytes};
    return;
  }
  copy(early_, memory, at_output(i), bytes);
}

void Assembler::place_host_value(size_t i) {
  const Node* n = planned_.graph.outputs[i].get();
  const int64_t bytes = program_->results[i].bytes;
  if (bytes == 0) return;
  HostWrite w{.to = boundary_.targets[i].wanted ? at_target(i) : at_output(i), .size = bytes};
  if (n->op() == ir::Op::argument) {
    w.argument = leaf_numbers_.at(n);
  } else if (n->input_count() == 0) {
    w.bytes = ir::interpret_node(n, {}).bytes;
  } else {
    throw Error(ErrorKind::Internal, std::string("an output (") + std::string(ir::name(n->op())) + ") has no kernel");
  }
  program_->writes.push_back(std::move(w));
}

void Assembler::add_launches() {
  const int64_t workspace = program_->arena_bytes;
  int64_t workspace_bytes = 0;
  size_t next_copy = 0;
  const auto& base_copies = planned_.memory.base_copies;
  for (uint32_t position = 0; position < planned_.memory.order.size(); ++position) {
    const uint32_t r = planned_.memory.order[position];
    for (; next_copy < base_copies.size() && base_copies[next_copy].first == position; ++next_copy) {
      const passes::Slot& from = base_copies[next_copy].second.source;
      program_->base_copies.push_back({static_cast<uint32_t>(program_->launches.size()),
                                       {where(from), where(planned_.partition.regions[r].outputs[0]), from.bytes}});
    }
    const auto& kernel = planned_.kernels[r];
    if (!kernel) continue;
    const ir::Region& region = planned_.partition.regions[r];
    program_->launches.push_back(
        {kernel, static_cast<uint32_t>(program_->bindings.size()), static_cast<uint32_t>(program_->scalars.size())});
    for (const KernelPlan::Argument& a : kernel->buffers) {
      const auto index = static_cast<size_t>(a.index);
      program_->bindings.push_back(a.kind == KernelPlan::Argument::Input    ? where(region.inputs[index])
                                   : a.kind == KernelPlan::Argument::Output ? where(region.outputs[index])
                                   : a.kind == KernelPlan::Argument::Workspace
                                       ? Binding{Binding::Arena, workspace + a.index}
                                       : Binding{Binding::Scratch, a.index});  // of Shared ones not looked at
    }
    for (const uint32_t s : kernel->scalars)
      program_->scalars.push_back({static_cast<uint32_t>(leaf_numbers_.at(region.inputs[s])),
                                   static_cast<uint32_t>(itemsize(region.inputs[s]->dtype()))});
    workspace_bytes = std::max(workspace_bytes, kernel->workspace_bytes);
    program_->scratch_bytes = std::max(program_->scratch_bytes, kernel->scratch_bytes);
    program_->max_bindings = std::max(program_->max_bindings, kernel->buffers.size());
    program_->max_scalars = std::max(program_->max_scalars, kernel->scalars.size());
  }
  program_->arena_bytes += workspace_bytes;
}

}  // namespace

std::shared_ptr<const Program> assemble(const Planned& planned, const Boundary& boundary, bool replays) {
  const std::shared_ptr<Program> program = Assembler(planned, boundary).run();
  if (replays && program->device.is_cuda()) program->replay = cuda::Replay::of(*program);
  return program;
}

int64_t code_bytes(const KernelPlan& k) {
  return k.code ? static_cast<int64_t>(k.code->code_bytes) : k.gpu.module ? k.gpu.module->code_bytes() : 0;
}

int64_t Program::cost() const {
  int64_t bytes = sizeof(Program);
  bytes += static_cast<int64_t>(launches.size() * sizeof(Launch) + bindings.size() * sizeof(Binding) +
                                scalars.size() * sizeof(Scalar) + (copies.size() + base_copies.size()) * sizeof(Copy) +
                                results.size() * sizeof(Result));
  for (const HostWrite& w : writes) bytes += static_cast<int64_t>(sizeof(HostWrite) + w.bytes.size());
  const KernelPlan* before = nullptr;
  for (const Launch& l : launches) {
    // Repeated kernels usually stand side by side; counting some twice only evicts earlier.
    if (l.kernel.get() != before) bytes += static_cast<int64_t>(sizeof(KernelPlan)) + code_bytes(*l.kernel);
    before = l.kernel.get();
  }
  constexpr int64_t kOfGraphs = 1 << 10;  // what the driver keeps of a kernel in a graph, roughly
  if (replay) bytes += static_cast<int64_t>(launches.size()) * kOfGraphs;
  return bytes;
}

}  // namespace lazuli::runtime
