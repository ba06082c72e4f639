// The end of building: unused instructions go, the rest is numbered in program order, the verifier looks at it.
#include "codegen/kernel_builder.h"

namespace lazuli::codegen {

namespace {

/// Copies the live part of a kernel in program order.
class Compactor {
 public:
  Compactor(const Kernel& from, const std::vector<bool>& live)
      : from_(from), live_(live), value_(from.values.size(), kNone) {
    to_.name = from.name;
    to_.buffers = from.buffers;
    to_.scalars = from.scalars;
    to_.size_args = from.size_args;
    to_.threads = from.threads;
    to_.shuffles = from.shuffles;
    to_.tiles = from.tiles;
    to_.streams = from.streams;
    to_.has_checks = from.has_checks;
  }

  Kernel run() {
    for (const Phase& p : from_.phases) to_.phases.push_back({p.name, block(p.body, kNone)});
    return std::move(to_);
  }

 private:
  ValueId define(ValueId v, InstId definer) {
    value_[v] = static_cast<ValueId>(to_.values.size());
    to_.values.push_back(from_.values[v]);
    to_.definers.push_back(definer);
    return value_[v];
  }

  BlockId block(BlockId b, BlockId parent) {
    const auto id = static_cast<BlockId>(to_.blocks.size());
    to_.blocks.push_back({parent, {}, {}, {}});
    std::vector<ValueId> args, yields;
    for (ValueId v : from_.blocks[b].args) args.push_back(define(v, kNone));
    std::vector<InstId> insts;
    for (InstId i : from_.blocks[b].insts)
      if (live_[i]) insts.push_back(inst(from_.insts[i], id));
    for (ValueId v : from_.blocks[b].yields) yields.push_back(value_[v]);
    to_.blocks[id].args = std::move(args);
    to_.blocks[id].insts = std::move(insts);
    to_.blocks[id].yields = std::move(yields);
    return id;
  }

  InstId inst(const Inst& old, BlockId home) {
    Inst n = old;
    for (ValueId& v : n.operands) v = value_[v];
    for (BlockId& b : n.blocks) b = block(b, home);
    const auto id = static_cast<InstId>(to_.insts.size());
    for (ValueId& v : n.results) v = define(v, id);
    to_.insts.push_back(std::move(n));
    return id;
  }

  const Kernel& from_;
  const std::vector<bool>& live_;
  std::vector<ValueId> value_;  // new id of each old value
  Kernel to_;
};

}  // namespace

void KernelBuilder::drop_unused() {
  // A user is always younger than what it uses (a For or If is younger than its body), so one backward walk suffices.
  std::vector<bool> used(kernel_.values.size()), live(kernel_.insts.size());
  for (size_t n = kernel_.insts.size(); n-- > 0;) {
    const Inst& inst = kernel_.insts[n];
    bool keep =
        inst.results.empty() && (inst.blocks.empty() || inst.op == KOp::StreamTile || inst.op == KOp::MultiplyTile);
    for (ValueId v : inst.results) keep |= used[v];
    for (BlockId b : inst.blocks) keep |= block_has_effect_[b];
    live[n] = keep;
    if (!keep) continue;
    for (ValueId v : inst.operands) used[v] = true;
    for (BlockId b : inst.blocks)
      for (ValueId v : kernel_.blocks[b].yields) used[v] = true;
  }
  kernel_ = Compactor(kernel_, live).run();
}

std::shared_ptr<const Kernel> KernelBuilder::finish() {
  expect(open_.empty(), "finish() inside a phase");
  drop_unused();
  verify_kernel(kernel_);
  return std::make_shared<const Kernel>(std::move(kernel_));
}

}  // namespace lazuli::codegen
