// Spells one phase of a kernel as an LLVM function. It makes no decisions: vectors, loops and placement arrive in the
// kernel IR. Internal to codegen/llvm.
//
// Representation of values: Bool is i1; Float16 and BFloat16 are their 16 bits as i16; the rest is what LLVM calls it;
// more than one lane is a fixed vector. In memory a Bool is one byte, 0 or 1.
#pragma once
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "codegen/kernel.h"
#include "codegen/target.h"

namespace lazuli::codegen {

struct EmitOptions {
  const CpuTarget& target;
  bool frame_pointers = false;
};

class PhaseEmitter {
 public:
  PhaseEmitter(llvm::Module& module, const Kernel& kernel, const EmitOptions& options);
  /// Adds the PhaseFn of one phase to the module.
  llvm::Function* emit(size_t phase, const std::string& symbol);

 private:
  using V = llvm::Value*;
  using BB = llvm::BasicBlock*;

  // emit.cpp: the function's frame, types, lanes
  llvm::Type* element_type(DType t);
  llvm::Type* memory_type(DType t);
  llvm::Type* vector_of(llvm::Type* element, unsigned lanes);
  llvm::Type* llvm_type(Type t) { return vector_of(element_type(t.dtype), t.lanes); }
  V constant(Type t, uint64_t bits);
  V integer(llvm::Type* t, uint64_t v) { return llvm::ConstantInt::get(t, v); }
  V intrinsic(llvm::Intrinsic::ID id, llvm::ArrayRef<llvm::Type*> types, llvm::ArrayRef<V> args);
  void set_attributes(llvm::Function* f);
  void load_arguments(const Block& body);
  void collect_arguments(const Block& block, std::vector<bool>& buffers, std::vector<const Inst*>& scalars);
  void inst(const Inst& i);
  V lane_mask(V n, unsigned lanes);
  V any_lane(V v);
  V half_of(V v, bool high);
  V shuffle(V a, V b, const std::vector<int>& picks);
  V value(ValueId v) const { return values_[v]; }
  V operand(const Inst& i, size_t n) const { return values_[i.operands[n]]; }
  Type type(ValueId v) const { return kernel_.values[v]; }
  BB new_block(const char* name);

  // emit_prims.cpp
  V prim(const Inst& i);
  V spelled(std::string_view spelling, llvm::Type* result, llvm::ArrayRef<V> args);
  V bool_prim(Prim p, llvm::ArrayRef<V> args);
  V integer_division(bool remainder, DType t, V a, V b);
  V extremum(bool maximum, V a, V b);
  V convert(DType from, DType to, V v, unsigned lanes);
  V float_to_int(DType from, DType to, V v, unsigned lanes);
  V bitcast(DType from, DType to, V v, unsigned lanes);
  V umulhi(V a, V b);
  V scale2(DType t, V x, V n, unsigned lanes);
  void check(V ok);

  // emit_memory.cpp
  V address(const Inst& i, Type value);
  V load(const Inst& i);
  void store(const Inst& i);
  void prefetch(const Inst& i);
  llvm::Align alignment(const Inst& i, Type value);

  // emit_control.cpp
  void block(const Block& b);
  void for_loop(const Inst& i);
  void if_then(const Inst& i);

  llvm::Module& module_;
  llvm::LLVMContext& context_;
  llvm::IRBuilder<> b_;
  const Kernel& kernel_;
  const EmitOptions& options_;
  llvm::Function* function_ = nullptr;
  V failed_ = nullptr;              // i32 slot, ored by checks; null when the kernel has none
  std::vector<V> values_;           // by ValueId
  std::vector<V> buffers_;          // by buffer, loaded at entry
  std::vector<V> sizes_, scalars_;  // by argument, loaded at entry
};

}  // namespace lazuli::codegen
