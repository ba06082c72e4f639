// Placement and merging of instructions, and control flow. Values are in kernel_builder_values.cpp.
#include "codegen/kernel_builder.h"

#include "lazuli/base/error.h"

namespace lazuli::codegen {

namespace {

bool same(const Inst& a, const Inst& b) {
  return a.op == b.op && a.prim == b.prim && a.flags == b.flags && a.imm == b.imm && a.operands == b.operands;
}

constexpr uint64_t mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * 0x9e3779b97f4a7c15u;
  return h ^ (h >> 29);
}

}  // namespace

KernelBuilder::KernelBuilder(std::string name) {
  kernel_.name = std::move(name);
}

void KernelBuilder::expect(bool ok, const char* rule) const {
  if (!ok) throw Error(ErrorKind::Internal, "kernel " + kernel_.name + ": " + rule);
}

// ---- Merging -------------------------------------------------------------------------------------------------------

uint64_t KernelBuilder::hash(const Inst& inst, Type result, BlockId block, uint64_t epoch) const {
  uint64_t h =
      mix(static_cast<uint64_t>(inst.op) << 24 | static_cast<uint64_t>(inst.prim) << 16 | inst.flags, inst.imm);
  h = mix(h, static_cast<uint64_t>(result.dtype) << 48 | static_cast<uint64_t>(result.lanes) << 32 | block);
  h = mix(h, epoch);
  for (ValueId v : inst.operands) h = mix(h, v);
  return h;
}

InstId KernelBuilder::InstTable::find(const KernelBuilder& b, const Inst& inst, Type result, BlockId block,
                                      uint64_t epoch) const {
  if (slots_.empty()) return kNone;
  for (size_t i = b.hash(inst, result, block, epoch);; ++i) {
    const InstId id = slots_[i & (slots_.size() - 1)];
    if (id == kNone) return kNone;
    const Inst& other = b.kernel_.insts[id];
    if (b.block_of_inst_[id] == block && b.epoch_of_inst_[id] == epoch && same(inst, other) &&
        b.type(other.results[0]) == result)
      return id;
  }
}

void KernelBuilder::InstTable::insert(const KernelBuilder& b, InstId id) {
  const auto place = [&](InstId n) {
    const Inst& inst = b.kernel_.insts[n];
    size_t i = b.hash(inst, b.type(inst.results[0]), b.block_of_inst_[n], b.epoch_of_inst_[n]);
    while (slots_[i & (slots_.size() - 1)] != kNone) ++i;
    slots_[i & (slots_.size() - 1)] = n;
  };
  if (slots_.size() < 2 * (used_ + 1)) {
    std::vector<InstId> old = std::move(slots_);
    slots_.assign(old.empty() ? 128 : old.size() * 2, kNone);
    for (InstId n : old)
      if (n != kNone) place(n);
  }
  place(id);
  ++used_;
}

// ---- Placement -----------------------------------------------------------------------------------------------------

BlockId KernelBuilder::current() const {
  expect(!open_.empty(), "an instruction outside every phase");
  return open_.back().block;
}

size_t KernelBuilder::depth_of(ValueId v) const {
  expect(v < block_of_value_.size(), "a value that does not exist");
  const BlockId block = block_of_value_[v];
  const size_t depth = depth_of_block_[block];
  expect(depth < open_.size() && open_[depth].block == block, "a value used outside the block that defines it");
  return depth;
}

ValueId KernelBuilder::new_value(Type t, InstId definer, BlockId block) {
  kernel_.values.push_back(t);
  kernel_.definers.push_back(definer);
  block_of_value_.push_back(block);
  return static_cast<ValueId>(kernel_.values.size() - 1);
}

InstId KernelBuilder::append(Inst inst, std::span<const Type> results, BlockId block, uint64_t epoch) {
  const auto id = static_cast<InstId>(kernel_.insts.size());
  for (Type t : results) inst.results.push_back(new_value(t, id, block));
  kernel_.insts.push_back(std::move(inst));
  block_of_inst_.push_back(block);
  epoch_of_inst_.push_back(epoch);
  kernel_.blocks[block].insts.push_back(id);
  return id;
}

ValueId KernelBuilder::emit_pure(Inst inst, Type result, bool may_leave_branch) {
  current();
  size_t outermost = 0;
  for (ValueId v : inst.operands) outermost = std::max(outermost, depth_of(v));
  if (!may_leave_branch)
    for (size_t d = open_.size() - 1; d > outermost; --d)
      if (open_[d].is_branch) outermost = d;
  size_t home = outermost;
  if (!inst.operands.empty())
    while (home + 1 < open_.size() && open_[home + 1].is_branch) ++home;
  for (size_t d = home + 1; d-- > outermost;)
    if (InstId id = known_.find(*this, inst, result, open_[d].block, 0); id != kNone)
      return kernel_.insts[id].results[0];
  const InstId id = append(std::move(inst), {&result, 1}, open_[home].block);
  known_.insert(*this, id);
  return kernel_.insts[id].results[0];
}

ValueId KernelBuilder::load_any(Inst inst, Type result) {
  if (kernel_.buffers[inst.imm].role == Role::Input) return emit_pure(std::move(inst), result, false);
  const BlockId block = current();
  for (ValueId v : inst.operands) depth_of(v);
  if (InstId id = known_.find(*this, inst, result, block, effects_); id != kNone) return kernel_.insts[id].results[0];
  const InstId id = append(std::move(inst), {&result, 1}, block, effects_);
  known_.insert(*this, id);
  return kernel_.insts[id].results[0];
}

void KernelBuilder::emit_effect(Inst inst) {
  const BlockId block = current();
  for (ValueId v : inst.operands) depth_of(v);
  if (inst.op == KOp::Store || inst.op == KOp::Barrier || inst.op == KOp::LaneSwap || inst.op == KOp::MultiplyTile ||
      inst.op == KOp::StreamTile)
    ++effects_;
  append(std::move(inst), {}, block);
  for (const OpenBlock& o : open_) block_has_effect_[o.block] = true;
}

BlockId KernelBuilder::open_block(bool is_branch) {
  const auto id = static_cast<BlockId>(kernel_.blocks.size());
  kernel_.blocks.push_back({open_.empty() ? kNone : open_.back().block, {}, {}, {}});
  depth_of_block_.push_back(static_cast<uint32_t>(open_.size()));
  block_has_effect_.push_back(false);
  open_.push_back({id, is_branch});
  ++effects_;  // a load in here runs another number of times than one before
  return id;
}

void KernelBuilder::close_block(std::vector<ValueId> yields) {
  for (ValueId v : yields) depth_of(v);
  kernel_.blocks[current()].yields = std::move(yields);
  open_.pop_back();
  ++effects_;
}

// ---- Arguments and control flow ------------------------------------------------------------------------------------

uint32_t KernelBuilder::add_buffer(DType dtype, Role role, int64_t extent) {
  kernel_.buffers.push_back({dtype, role, extent});
  return static_cast<uint32_t>(kernel_.buffers.size() - 1);
}

uint32_t KernelBuilder::add_scalar(DType dtype) {
  kernel_.scalars.push_back(dtype);
  return static_cast<uint32_t>(kernel_.scalars.size() - 1);
}

uint32_t KernelBuilder::add_size() {
  return kernel_.size_args++;
}

ValueId KernelBuilder::size_arg(uint32_t index) {
  expect(index < kernel_.size_args, "a size argument that was not added");
  Inst inst{KOp::SizeArg};
  inst.imm = index;
  return emit_pure(std::move(inst), {kInt64, 1});
}

ValueId KernelBuilder::scalar_arg(uint32_t index) {
  expect(index < kernel_.scalars.size(), "a scalar argument that was not added");
  Inst inst{KOp::ScalarArg};
  inst.imm = index;
  return emit_pure(std::move(inst), {kernel_.scalars[index], 1});
}

void KernelBuilder::phase(std::string name, const std::function<void(ValueId task)>& body) {
  expect(open_.empty(), "a phase inside a phase");
  const BlockId block = open_block(false);
  const ValueId task = new_value({kInt64, 1}, kNone, block);
  kernel_.blocks[block].args.push_back(task);
  body(task);
  close_block({});
  kernel_.phases.push_back({std::move(name), block});
}

int64_t KernelBuilder::multiple_of(ValueId v, int steps) const {
  constexpr uint64_t kMost = 4096;
  if (const auto c = constant_of(v)) return static_cast<int64_t>(std::min(kMost, *c == 0 ? kMost : *c & -*c));
  if (const auto at = multiples_.find(v); at != multiples_.end()) return at->second;
  const InstId d = kernel_.definers[v];
  if (d == kNone || kernel_.insts[d].op != KOp::Prim || steps == 0) return 1;
  const Inst& i = kernel_.insts[d];
  const auto of = [&](size_t n) { return multiple_of(i.operands[n], steps - 1); };
  switch (i.prim) {
    case Prim::add:
    case Prim::sub:
    case Prim::minimum:
      return std::min(of(0), of(1));
    case Prim::mul:
      return std::min(static_cast<int64_t>(kMost), of(0) * of(1));
    case Prim::bit_and:
      return std::max(of(0), of(1));
    default:
      return 1;
  }
}

std::pair<ValueId, int64_t> KernelBuilder::constant_part(ValueId v) const {
  const InstId d = kernel_.definers[v];
  if (d == kNone || kernel_.insts[d].op != KOp::Prim || kernel_.insts[d].prim != Prim::add) return {v, 0};
  const auto& in = kernel_.insts[d].operands;
  const auto c = constant_of(in[1]);
  return c ? std::pair(in[0], static_cast<int64_t>(*c)) : std::pair(v, int64_t{0});
}

std::vector<ValueId> KernelBuilder::for_loop(
    ValueId begin, ValueId end, ValueId step, std::vector<ValueId> init,
    const std::function<std::vector<ValueId>(ValueId i, const std::vector<ValueId>&)>& body, LoopKind kind) {
  if (const auto b = constant_of(begin), e = constant_of(end), s = constant_of(step); b && e && s) {
    const auto from = static_cast<int64_t>(*b), to = static_cast<int64_t>(*e), by = static_cast<int64_t>(*s);
    expect(by > 0, "a loop whose step is not positive");
    if (from >= to) return init;
    if (to - from <= by && kind == LoopKind::Serial) return body(begin, init);
  }
  const BlockId block = open_block(false);
  const ValueId i = new_value({kInt64, 1}, kNone, block);
  note_multiple(i, std::min(multiple_of(begin), multiple_of(step)));
  std::vector<Type> types;
  std::vector<ValueId> carried;
  for (ValueId v : init) {
    types.push_back(type(v));
    carried.push_back(new_value(types.back(), kNone, block));
  }
  kernel_.blocks[block].args = carried;
  kernel_.blocks[block].args.insert(kernel_.blocks[block].args.begin(), i);
  close_block(body(i, carried));
  Inst inst{KOp::For};
  inst.loop = kind;
  inst.operands = {begin, end, step};
  for (ValueId v : init) inst.operands.push_back(v);
  for (ValueId v : inst.operands) depth_of(v);
  inst.blocks.push_back(block);
  const InstId id = append(std::move(inst), types, current());
  const auto& results = kernel_.insts[id].results;
  return {results.begin(), results.end()};
}

std::vector<ValueId> KernelBuilder::if_then(ValueId condition, const std::function<std::vector<ValueId>()>& then,
                                            const std::function<std::vector<ValueId>()>& otherwise, uint8_t flags) {
  if (const auto c = constant_of(condition)) {
    if (*c) return then();
    return otherwise ? otherwise() : std::vector<ValueId>{};
  }
  depth_of(condition);
  const auto branch = [&](const std::function<std::vector<ValueId>()>& f) {
    const BlockId block = open_block(true);
    close_block(f ? f() : std::vector<ValueId>{});
    return block;
  };
  Inst inst{KOp::If};
  inst.flags = flags;
  inst.operands = {condition};
  inst.blocks.push_back(branch(then));
  inst.blocks.push_back(branch(otherwise));
  std::vector<Type> types;
  for (ValueId v : kernel_.blocks[inst.blocks[0]].yields) types.push_back(type(v));
  const InstId id = append(std::move(inst), types, current());
  const auto& results = kernel_.insts[id].results;
  return {results.begin(), results.end()};
}

}  // namespace lazuli::codegen
