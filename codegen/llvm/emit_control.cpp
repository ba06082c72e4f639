// Loops and branches. Loops are emitted with the test at the bottom, because no LLVM pass runs that would rotate them.
#include <llvm/IR/MDBuilder.h>

#include "codegen/llvm/emitter.h"

namespace lazuli::codegen {

void PhaseEmitter::block(const Block& b) {
  for (InstId n : b.insts) inst(kernel_.insts[n]);
}

void PhaseEmitter::for_loop(const Inst& i) {
  const Block& body = kernel_.blocks[i.blocks[0]];
  V begin = operand(i, 0), end = operand(i, 1), step = operand(i, 2);
  BB before = b_.GetInsertBlock(), head = new_block("loop"), exit = new_block("done");
  b_.CreateCondBr(b_.CreateICmpSLT(begin, end), head, exit);

  b_.SetInsertPoint(head);
  llvm::SmallVector<llvm::PHINode*, 16> phis;
  for (size_t n = 0; n < body.args.size(); ++n) {
    llvm::PHINode* phi = b_.CreatePHI(llvm_type(type(body.args[n])), 2);
    phi->addIncoming(n ? operand(i, n + 2) : begin, before);
    values_[body.args[n]] = phi;
    phis.push_back(phi);
  }
  block(body);
  BB latch = b_.GetInsertBlock();
  V next = b_.CreateNSWAdd(phis[0], step);
  phis[0]->addIncoming(next, latch);
  for (size_t n = 0; n < body.yields.size(); ++n) phis[n + 1]->addIncoming(value(body.yields[n]), latch);
  b_.CreateCondBr(b_.CreateICmpSLT(next, end), head, exit);

  exit->moveAfter(latch);
  b_.SetInsertPoint(exit);
  for (size_t n = 0; n < i.results.size(); ++n) {
    llvm::PHINode* phi = b_.CreatePHI(llvm_type(type(i.results[n])), 2);
    phi->addIncoming(operand(i, n + 3), before);
    phi->addIncoming(value(body.yields[n]), latch);
    values_[i.results[n]] = phi;
  }
}

void PhaseEmitter::if_then(const Inst& i) {
  BB head = b_.GetInsertBlock(), join = new_block("join");
  BB ends[2];
  BB starts[2];
  for (int side = 0; side < 2; ++side) {
    const Block& branch = kernel_.blocks[i.blocks[side]];
    starts[side] = ends[side] = nullptr;
    if (branch.insts.empty()) continue;
    starts[side] = new_block(side ? "else" : "then");
    b_.SetInsertPoint(starts[side]);
    block(branch);
    ends[side] = b_.GetInsertBlock();
    b_.CreateBr(join);
  }
  b_.SetInsertPoint(head);
  if (!starts[0] && !starts[1]) {  // only a choice between values
    join->eraseFromParent();
    for (size_t n = 0; n < i.results.size(); ++n)
      values_[i.results[n]] = b_.CreateSelect(operand(i, 0), value(kernel_.blocks[i.blocks[0]].yields[n]),
                                              value(kernel_.blocks[i.blocks[1]].yields[n]));
    return;
  }
  llvm::MDNode* weights = nullptr;
  if (i.flags & kUnlikely) {
    weights = llvm::MDBuilder(context_).createBranchWeights(1, 0x7fffffff);
    // Weights count for LLVM where a function seems to have been profiled: then nothing leaves a rare block for a loop.
    function_->setEntryCount(1);
  }
  b_.CreateCondBr(operand(i, 0), starts[0] ? starts[0] : join, starts[1] ? starts[1] : join, weights);
  BB last = ends[1] ? ends[1] : ends[0];
  join->moveAfter(last);
  b_.SetInsertPoint(join);
  for (size_t n = 0; n < i.results.size(); ++n) {
    llvm::PHINode* phi = b_.CreatePHI(llvm_type(type(i.results[n])), 2);
    for (int side = 0; side < 2; ++side)
      phi->addIncoming(value(kernel_.blocks[i.blocks[side]].yields[n]), ends[side] ? ends[side] : head);
    values_[i.results[n]] = phi;
  }
}

}  // namespace lazuli::codegen
