// Linking of object files into this process. Each object gets a JITDylib of its own, removed with the last user.
// Internal to codegen/llvm.
#pragma once
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "codegen/llvm/jit.h"

namespace lazuli::codegen {

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(const JitOptions& options);
  ~Session();
  /// Names of phase symbols: their order is in the name, so that an object file tells its phases.
  static std::string phase_symbol(const Kernel& kernel, size_t phase);
  /// Links and returns the phases. Throws Error(Compile) when the code refers to anything outside itself.
  std::shared_ptr<CompiledKernel> link(std::string object);

 private:
  friend class LinkedKernel;
  void write_perf_map(const std::vector<std::string>& names, const std::vector<uint64_t>& sizes,
                      const std::vector<PhaseFn>& phases);

  JitOptions options_;
  std::unique_ptr<llvm::orc::ExecutionSession> session_;
  std::unique_ptr<llvm::orc::ObjectLinkingLayer> layer_;
  llvm::orc::JITDylib* runtime_ = nullptr;  // what code generation may call: memcpy and its kin
  std::atomic<uint64_t> next_{0};
  std::mutex perf_map_;
};

}  // namespace lazuli::codegen
