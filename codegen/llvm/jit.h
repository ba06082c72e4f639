// Kernel IR -> LLVM IR -> machine code, through ORC. The only door to LLVM: no LLVM type leaves this folder.
// No LLVM IR passes run: kernels arrive with vectors, invariant code outside loops and common subexpressions merged.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/target.h"

namespace lazuli::codegen {

/// Executable phases of one kernel. Keeps its code alive, also when the LlvmJit is gone.
class CompiledKernel {
 public:
  virtual ~CompiledKernel() = default;
  std::vector<PhaseFn> phases;
  std::string object;  // the relocatable object file, for a disk cache; LlvmJit::load takes it back
  size_t code_bytes = 0;
  double compile_ms = 0;  // from kernel IR, or from the object file, to callable
};

enum class CodegenLevel : uint8_t { Fast, Default };

struct JitOptions {
  bool perf_map = false;  // append to /tmp/perf-<pid>.map, keep frame pointers
  bool debugger = false;  // announce kernels through gdb's JIT interface
};

/// The machine this process runs on.
CpuTarget host_target();

/// Compiles kernels. Thread-safe: each call takes one of a pool of target machines.
class LlvmJit {
 public:
  explicit LlvmJit(CpuTarget target, JitOptions options = {});
  ~LlvmJit();
  const CpuTarget& target() const;

  /// Throws Error(Compile) with LLVM's message. Must be called on a stack of at least 1 MB (see runtime's compile
  /// threads).
  std::shared_ptr<const CompiledKernel> compile(const Kernel& kernel, CodegenLevel level = CodegenLevel::Default);
  /// Links an object file that compile() made for this very target. The caller vouches for its bytes.
  std::shared_ptr<const CompiledKernel> load(std::string object);
  std::string llvm_ir(const Kernel& kernel);
  std::string assembly(const Kernel& kernel);
  /// "LLVM 19.1.7".
  static std::string version();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazuli::codegen
