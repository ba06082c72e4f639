// Kernel IR -> LLVM IR -> machine code, through ORC. The only door to LLVM: no LLVM type leaves this folder.
// No LLVM IR passes run: kernels arrive with vectors, invariant code outside loops and common subexpressions merged.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/target.h"

namespace lazuli::codegen {

/// Executable phases of one kernel. Keeps its code alive.
class CompiledKernel {
 public:
  virtual ~CompiledKernel() = default;
  std::vector<PhaseFn> phases;
  size_t code_bytes = 0;
  double compile_ms = 0;
};

enum class CodegenLevel : uint8_t { Fast, Default };

/// The machine this process runs on.
CpuTarget host_target();

/// Compiles kernels. Thread-safe: each call takes one of a pool of target machines.
class LlvmJit {
 public:
  explicit LlvmJit(CpuTarget target);
  ~LlvmJit();
  const CpuTarget& target() const;

  /// Throws Error(Compile) with LLVM's message. Must be called on a stack of at least 1 MB (see runtime's compile threads).
  std::shared_ptr<const CompiledKernel> compile(const Kernel& kernel, CodegenLevel level = CodegenLevel::Default);
  std::string llvm_ir(const Kernel& kernel);
  std::string assembly(const Kernel& kernel);
  /// "LLVM 19.1.7".
  static std::string version();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazuli::codegen
