// Loads, stores, gathers, scatters, prefetches. A Bool is a byte in memory and a bit elsewhere.
#include <llvm/IR/MDBuilder.h>

#include "codegen/llvm/emitter.h"

namespace lazuli::codegen {

PhaseEmitter::V PhaseEmitter::address(const Inst& i, Type value) {
  return b_.CreateGEP(memory_type(value.dtype), buffers_[i.imm], operand(i, 0));
}

llvm::Align PhaseEmitter::alignment(const Inst& i, Type value) {
  return llvm::Align(itemsize(value.dtype) * (i.flags & kAligned ? value.lanes : 1));
}

PhaseEmitter::V PhaseEmitter::load(const Inst& i) {
  const Type t = type(i.results[0]);
  const bool boolean = is_bool(t.dtype), masked = i.operands.size() == 3;
  llvm::Type* memory = vector_of(memory_type(t.dtype), t.lanes);
  V from = address(i, t), mask = masked ? operand(i, 1) : nullptr, other = masked ? operand(i, 2) : nullptr;
  const llvm::Align align = alignment(i, t);
  if (masked && boolean) other = b_.CreateZExt(other, memory);
  V v;
  if (t.lanes == 1 && masked) {
    BB before = b_.GetInsertBlock(), read = new_block("read"), next = new_block("next");
    b_.CreateCondBr(mask, read, next);
    b_.SetInsertPoint(read);
    V loaded = b_.CreateAlignedLoad(memory, from, align);
    b_.CreateBr(next);
    b_.SetInsertPoint(next);
    llvm::PHINode* phi = b_.CreatePHI(memory, 2);
    phi->addIncoming(other, before);
    phi->addIncoming(loaded, read);
    v = phi;
  } else if (from->getType()->isVectorTy()) {
    if (!mask) mask = llvm::Constant::getAllOnesValue(vector_of(b_.getInt1Ty(), t.lanes));
    v = b_.CreateMaskedGather(memory, from, align, mask, other);
  } else if (masked) {
    v = b_.CreateMaskedLoad(memory, from, align, mask, other);
  } else {
    llvm::LoadInst* plain = b_.CreateAlignedLoad(memory, from, align);
    if (kernel_.buffers[i.imm].role == Role::Input)
      plain->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context_, {}));
    v = plain;
  }
  return boolean ? b_.CreateICmpNE(v, llvm::Constant::getNullValue(memory)) : v;
}

void PhaseEmitter::store(const Inst& i) {
  const Type t = type(i.operands[1]);
  llvm::Type* memory = vector_of(memory_type(t.dtype), t.lanes);
  V to = address(i, t), v = operand(i, 1), mask = i.operands.size() == 3 ? operand(i, 2) : nullptr;
  if (is_bool(t.dtype)) v = b_.CreateZExt(v, memory);
  const llvm::Align align = alignment(i, t);
  if (to->getType()->isVectorTy()) {
    if (!mask) mask = llvm::Constant::getAllOnesValue(vector_of(b_.getInt1Ty(), t.lanes));
    b_.CreateMaskedScatter(v, to, align, mask);
  } else if (mask && t.lanes == 1) {
    BB write = new_block("write"), next = new_block("next");
    b_.CreateCondBr(mask, write, next);
    b_.SetInsertPoint(write);
    b_.CreateAlignedStore(v, to, align);
    b_.CreateBr(next);
    b_.SetInsertPoint(next);
  } else if (mask) {
    b_.CreateMaskedStore(v, to, align, mask);
  } else {
    llvm::StoreInst* plain = b_.CreateAlignedStore(v, to, align);
    if (i.flags & kNonTemporal) {
      auto* one = llvm::ConstantAsMetadata::get(b_.getInt32(1));
      plain->setMetadata(llvm::LLVMContext::MD_nontemporal, llvm::MDNode::get(context_, one));
    }
  }
}

void PhaseEmitter::prefetch(const Inst& i) {
  constexpr unsigned kRead = 0, kData = 1;
  const unsigned locality = i.flags & kFar ? 2 : 3;
  V at = address(i, {kernel_.buffers[i.imm].dtype, 1});
  intrinsic(llvm::Intrinsic::prefetch, {at->getType()},
            {at, b_.getInt32(kRead), b_.getInt32(locality), b_.getInt32(kData)});
}

}  // namespace lazuli::codegen
