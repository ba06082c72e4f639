// The frame of a phase function: arguments, the loop over tasks, and the instructions that only move lanes.
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/Support/Alignment.h>

#include "codegen/kernel_types.h"
#include "codegen/llvm/emitter.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {

PhaseEmitter::PhaseEmitter(llvm::Module& module, const Kernel& kernel, const EmitOptions& options)
    : module_(module), context_(module.getContext()), b_(context_), kernel_(kernel), options_(options) {}

llvm::Type* PhaseEmitter::element_type(DType t) {
  if (t == kFloat32) return b_.getFloatTy();
  if (t == kFloat64) return b_.getDoubleTy();
  return b_.getIntNTy(static_cast<unsigned>(bit_width(t)));
}

llvm::Type* PhaseEmitter::memory_type(DType t) {
  return is_bool(t) ? b_.getInt8Ty() : element_type(t);
}

llvm::Type* PhaseEmitter::vector_of(llvm::Type* element, unsigned lanes) {
  return lanes == 1 ? element : llvm::FixedVectorType::get(element, lanes);
}

PhaseEmitter::V PhaseEmitter::constant(Type t, uint64_t bits) {
  llvm::Constant* c;
  if (t.dtype == kFloat32)
    c = llvm::ConstantFP::get(context_, llvm::APFloat(llvm::APFloat::IEEEsingle(), llvm::APInt(32, bits)));
  else if (t.dtype == kFloat64)
    c = llvm::ConstantFP::get(context_, llvm::APFloat(llvm::APFloat::IEEEdouble(), llvm::APInt(64, bits)));
  else
    c = llvm::ConstantInt::get(context_, llvm::APInt(static_cast<unsigned>(bit_width(t.dtype)), bits));
  return t.lanes == 1 ? c : llvm::ConstantVector::getSplat(llvm::ElementCount::getFixed(t.lanes), c);
}

PhaseEmitter::V PhaseEmitter::intrinsic(llvm::Intrinsic::ID id, llvm::ArrayRef<llvm::Type*> types,
                                        llvm::ArrayRef<V> args) {
  return b_.CreateIntrinsic(id, types, args);
}

PhaseEmitter::BB PhaseEmitter::new_block(const char* name) {
  return llvm::BasicBlock::Create(context_, name, function_);
}

void PhaseEmitter::set_attributes(llvm::Function* f) {
  const std::string width = std::to_string(options_.target.vector_bits);
  f->addFnAttr("target-cpu", options_.target.cpu);
  f->addFnAttr("target-features", options_.target.features);
  f->addFnAttr("prefer-vector-width", width);
  f->addFnAttr("min-legal-vector-width", width);
  f->addFnAttr("frame-pointer", options_.frame_pointers ? "all" : "none");
  f->addFnAttr(llvm::Attribute::NoUnwind);
}

void PhaseEmitter::collect_arguments(const Block& block, std::vector<bool>& buffers,
                                     std::vector<const Inst*>& scalars) {
  for (InstId n : block.insts) {
    const Inst& i = kernel_.insts[n];
    if (i.op == KOp::Load || i.op == KOp::Store || i.op == KOp::Prefetch) buffers[i.imm] = true;
    if (i.op == KOp::SizeArg || i.op == KOp::ScalarArg) scalars.push_back(&i);
    for (BlockId inner : i.blocks) collect_arguments(kernel_.blocks[inner], buffers, scalars);
  }
}

/// Loads what the phase uses from LaunchArgs, before the loop over tasks.
void PhaseEmitter::load_arguments(const Block& body) {
  std::vector<bool> used(kernel_.buffers.size());
  std::vector<const Inst*> scalars;
  collect_arguments(body, used, scalars);
  llvm::Type* pointer = b_.getPtrTy();
  const auto field = [&](unsigned n) {
    return b_.CreateAlignedLoad(pointer, b_.CreateConstGEP1_64(pointer, function_->getArg(0), n), llvm::Align(8));
  };
  V buffers = field(0), sizes = field(1), bits = field(2);
  buffers_.assign(kernel_.buffers.size(), nullptr);
  sizes_.assign(kernel_.size_args, nullptr);
  scalars_.assign(kernel_.scalars.size(), nullptr);
  unsigned next_scratch = 0;
  for (size_t n = 0; n < used.size(); ++n) {
    const bool scratch = is_private(kernel_.buffers[n].role);
    const size_t slot = scratch ? next_scratch++ : n;
    if (!used[n]) continue;
    V from = b_.CreateConstGEP1_64(pointer, scratch ? function_->getArg(3) : buffers, slot);
    buffers_[n] = b_.CreateAlignedLoad(pointer, from, llvm::Align(8), "b" + std::to_string(n));
  }
  for (const Inst* i : scalars) {
    auto& slot = i->op == KOp::SizeArg ? sizes_[i->imm] : scalars_[i->imm];
    if (slot) continue;
    V from = b_.CreateConstGEP1_64(b_.getInt64Ty(), i->op == KOp::SizeArg ? sizes : bits, i->imm);
    slot = b_.CreateAlignedLoad(b_.getInt64Ty(), from, llvm::Align(8));
    if (i->op == KOp::SizeArg) continue;
    const DType t = kernel_.scalars[i->imm];
    V narrow = b_.CreateTrunc(slot, b_.getIntNTy(static_cast<unsigned>(bit_width(t))));
    slot = b_.CreateBitCast(narrow, element_type(t));
  }
}

llvm::Function* PhaseEmitter::emit(size_t phase, const std::string& symbol) {
  llvm::Type *pointer = b_.getPtrTy(), *index = b_.getInt64Ty();
  auto* type = llvm::FunctionType::get(b_.getInt32Ty(), {pointer, index, index, pointer}, false);
  function_ = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, symbol, module_);
  set_attributes(function_);
  values_.assign(kernel_.values.size(), nullptr);

  BB entry = new_block("entry"), head = new_block("task"), exit = new_block("exit");
  b_.SetInsertPoint(entry);
  failed_ = nullptr;
  if (kernel_.has_checks) {
    failed_ = b_.CreateAlloca(b_.getInt32Ty());
    b_.CreateStore(b_.getInt32(0), failed_);
  }
  const Block& body = kernel_.blocks[kernel_.phases[phase].body];
  load_arguments(body);
  V begin = function_->getArg(1), end = function_->getArg(2);
  b_.CreateCondBr(b_.CreateICmpSLT(begin, end), head, exit);

  b_.SetInsertPoint(head);
  llvm::PHINode* task = b_.CreatePHI(index, 2);
  task->addIncoming(begin, entry);
  values_[body.args[0]] = task;
  block(body);
  V next = b_.CreateNSWAdd(task, b_.getInt64(1));
  task->addIncoming(next, b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateICmpSLT(next, end), head, exit);

  exit->moveAfter(b_.GetInsertBlock());
  b_.SetInsertPoint(exit);
  b_.CreateRet(failed_ ? b_.CreateLoad(b_.getInt32Ty(), failed_) : static_cast<V>(b_.getInt32(0)));
  return function_;
}

void PhaseEmitter::inst(const Inst& i) {
  const auto result = [&](V v) { values_[i.results[0]] = v; };
  switch (i.op) {
    case KOp::Prim:
      if (i.prim == Prim::check) return check(operand(i, 0));
      return result(prim(i));
    case KOp::SizeArg:
      return result(sizes_[i.imm]);
    case KOp::ScalarArg:
      return result(scalars_[i.imm]);
    case KOp::Iota: {
      llvm::SmallVector<uint64_t, 64> lanes(type(i.results[0]).lanes);
      for (size_t n = 0; n < lanes.size(); ++n) lanes[n] = n;
      return result(lanes.size() == 1 ? static_cast<V>(b_.getInt64(0))
                                      : llvm::ConstantDataVector::get(context_, lanes));
    }
    case KOp::Splat: {
      const unsigned lanes = type(i.results[0]).lanes;
      return result(lanes == 1 ? operand(i, 0) : b_.CreateVectorSplat(lanes, operand(i, 0)));
    }
    case KOp::Low:
      return result(half_of(operand(i, 0), false));
    case KOp::High:
      return result(half_of(operand(i, 0), true));
    case KOp::Extract: {
      V v = operand(i, 0);
      return result(v->getType()->isVectorTy() ? b_.CreateExtractElement(v, i.imm) : v);
    }
    case KOp::Shuffle: {
      const auto& picks = kernel_.shuffles[i.imm];
      return result(shuffle(operand(i, 0), operand(i, 1), {picks.begin(), picks.end()}));
    }
    case KOp::LaneMask:
      return result(lane_mask(operand(i, 0), type(i.results[0]).lanes));
    case KOp::AnyLane:
      return result(any_lane(operand(i, 0)));
    case KOp::FastDiv:
      return result(b_.CreateLShr(b_.CreateMul(operand(i, 0), operand(i, 1)), operand(i, 2)));
    case KOp::DotBytes: {
      const unsigned lanes = type(i.results[0]).lanes;
      const auto which = lanes == 16  ? llvm::Intrinsic::x86_avx512_vpdpbusd_512
                         : lanes == 8 ? llvm::Intrinsic::x86_avx512_vpdpbusd_256
                                      : llvm::Intrinsic::x86_avx512_vpdpbusd_128;
      return result(intrinsic(which, {}, {operand(i, 0), operand(i, 1), operand(i, 2)}));
    }
    case KOp::Load:
      return result(load(i));
    case KOp::Store:
      return store(i);
    case KOp::Prefetch:
      return prefetch(i);
    case KOp::Barrier:
      return;
    case KOp::LaneSwap:
    case KOp::MultiplyTile:
    case KOp::StreamTile:
      throw lazuli::Error(ErrorKind::Internal,
                          "kernel " + kernel_.name + ": " + std::string(name(i.op)) + " is for CUDA devices alone");
    case KOp::Fence:
      intrinsic(llvm::Intrinsic::x86_sse_sfence, {}, {});
      return;
    case KOp::For:
      return for_loop(i);
    case KOp::If:
      return if_then(i);
  }
}

PhaseEmitter::V PhaseEmitter::shuffle(V a, V b, const std::vector<int>& picks) {
  if (!a->getType()->isVectorTy()) {  // one lane each
    if (picks.size() == 1) return picks[0] ? b : a;
    V v = llvm::PoisonValue::get(vector_of(a->getType(), static_cast<unsigned>(picks.size())));
    for (size_t n = 0; n < picks.size(); ++n) v = b_.CreateInsertElement(v, picks[n] ? b : a, n);
    return v;
  }
  if (picks.size() == 1) {
    const auto lanes = static_cast<int>(llvm::cast<llvm::FixedVectorType>(a->getType())->getNumElements());
    return b_.CreateExtractElement(picks[0] < lanes ? a : b, static_cast<uint64_t>(picks[0] % lanes));
  }
  return b_.CreateShuffleVector(a, b, picks);
}

PhaseEmitter::V PhaseEmitter::half_of(V v, bool high) {
  const unsigned lanes = llvm::cast<llvm::FixedVectorType>(v->getType())->getNumElements() / 2;
  if (lanes == 1) return b_.CreateExtractElement(v, high ? 1 : 0);
  llvm::SmallVector<int, 64> picked(lanes);
  for (unsigned n = 0; n < lanes; ++n) picked[n] = static_cast<int>(n + (high ? lanes : 0));
  return b_.CreateShuffleVector(v, picked);
}

/// Compares in 32 bits: the count is clamped first, so one compare serves 16 lanes.
PhaseEmitter::V PhaseEmitter::lane_mask(V n, unsigned lanes) {
  if (lanes == 1) return b_.CreateICmpSGT(n, b_.getInt64(0));
  llvm::Type* t = b_.getInt64Ty();
  V low = intrinsic(llvm::Intrinsic::smax, {t}, {n, b_.getInt64(0)});
  V count = b_.CreateTrunc(intrinsic(llvm::Intrinsic::smin, {t}, {low, b_.getInt64(lanes)}), b_.getInt32Ty());
  llvm::SmallVector<uint32_t, 64> numbers(lanes);
  for (unsigned k = 0; k < lanes; ++k) numbers[k] = k;
  return b_.CreateICmpULT(llvm::ConstantDataVector::get(context_, numbers), b_.CreateVectorSplat(lanes, count));
}

PhaseEmitter::V PhaseEmitter::any_lane(V v) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(v->getType());
  if (!vector) return v;
  llvm::Type* bits = b_.getIntNTy(vector->getNumElements());
  return b_.CreateICmpNE(b_.CreateBitCast(v, bits), integer(bits, 0));
}

}  // namespace lazuli::codegen
