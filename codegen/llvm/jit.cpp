#include "codegen/llvm/jit.h"

#include <llvm/Config/llvm-config.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>

#include <chrono>
#include <mutex>

#include "codegen/llvm/emitter.h"
#include "codegen/llvm/session.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {

namespace {

constexpr const char* kTriple = "x86_64-pc-linux-gnu";

/// Sets one of LLVM's own switches, which hold for the process.
void set_llvm_option(const char* name) {
  auto& options = llvm::cl::getRegisteredOptions();
  const auto at = options.find(name);
  if (at == options.end() || at->second->addOccurrence(1, name, "true"))
    throw lazuli::Error(ErrorKind::Internal, std::string("LLVM has no option ") + name);
}

const llvm::Target& x86_target() {
  static const llvm::Target* target = [] {
    // Both take much of the compile time (loop strength reduction a third, scheduling once more after registers are
    // allocated a tenth) and gain nothing: kernels compute addresses as the processor wants them, and it reorders.
    set_llvm_option("disable-lsr");
    set_llvm_option("disable-post-ra");
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    std::string error;
    const llvm::Target* t = llvm::TargetRegistry::lookupTarget(kTriple, error);
    if (!t) throw lazuli::Error(ErrorKind::Compile, "LLVM has no X86 target: " + error);
    return t;
  }();
  return *target;
}

using Clock = std::chrono::steady_clock;
double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// A kernel as an LLVM module, with the context it lives in and what LLVM said against it.
struct Emitted {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::string errors;

  Emitted(const Kernel& kernel, const EmitOptions& options, const llvm::TargetMachine& machine) {
    context.setDiagnosticHandlerCallBack(
        [](const llvm::DiagnosticInfo* info, void* self) {
          if (info->getSeverity() != llvm::DS_Error) return;
          llvm::raw_string_ostream out(static_cast<Emitted*>(self)->errors);
          llvm::DiagnosticPrinterRawOStream printer(out);
          info->print(printer);
        },
        this);
    module = std::make_unique<llvm::Module>(kernel.name, context);
    module->setTargetTriple(kTriple);
    module->setDataLayout(machine.createDataLayout());
    PhaseEmitter emitter(*module, kernel, options);
    for (size_t n = 0; n < kernel.phases.size(); ++n) emitter.emit(n, Session::phase_symbol(kernel, n));
#ifndef NDEBUG
    std::string message;
    llvm::raw_string_ostream out(message);
    if (llvm::verifyModule(*module, &out))
      throw lazuli::Error(ErrorKind::Internal, "kernel " + kernel.name + " became malformed LLVM IR: " + message);
#endif
  }
};

}  // namespace

struct LlvmJit::Impl {
  CpuTarget target;
  JitOptions options;
  std::shared_ptr<Session> session;
  std::mutex mutex;
  std::vector<std::unique_ptr<llvm::TargetMachine>> idle[2];  // by CodegenLevel

  /// A target machine of this thread's own while the lease lives.
  class Lease {
   public:
    Lease(Impl& impl, CodegenLevel level) : impl_(impl), level_(level) {
      {
        const std::lock_guard lock(impl.mutex);
        auto& idle = impl.idle[static_cast<int>(level)];
        if (!idle.empty()) {
          machine_ = std::move(idle.back());
          idle.pop_back();
          return;
        }
      }
      llvm::TargetOptions options;
      options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
      machine_.reset(x86_target().createTargetMachine(
          kTriple, impl.target.cpu, impl.target.features, options, llvm::Reloc::PIC_, llvm::CodeModel::Small,
          level == CodegenLevel::Fast ? llvm::CodeGenOptLevel::Less : llvm::CodeGenOptLevel::Default, /*JIT=*/true));
      if (!machine_) throw lazuli::Error(ErrorKind::Compile, "LLVM makes no code for " + impl.target.cpu);
    }
    ~Lease() {
      const std::lock_guard lock(impl_.mutex);
      impl_.idle[static_cast<int>(level_)].push_back(std::move(machine_));
    }
    llvm::TargetMachine& operator*() { return *machine_; }
    llvm::TargetMachine* operator->() { return machine_.get(); }

   private:
    Impl& impl_;
    CodegenLevel level_;
    std::unique_ptr<llvm::TargetMachine> machine_;
  };

  EmitOptions emit_options() const { return {target, options.perf_map}; }
};

LlvmJit::LlvmJit(CpuTarget target, JitOptions options) : impl_(std::make_unique<Impl>()) {
  x86_target();
  impl_->target = std::move(target);
  impl_->options = options;
  impl_->session = std::make_shared<Session>(options);
}

LlvmJit::~LlvmJit() = default;

const CpuTarget& LlvmJit::target() const {
  return impl_->target;
}

std::shared_ptr<const CompiledKernel> LlvmJit::compile(const Kernel& kernel, CodegenLevel level) {
  const auto start = Clock::now();
  Impl::Lease machine(*impl_, level);
  Emitted emitted(kernel, impl_->emit_options(), *machine);
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream out(object);
  llvm::legacy::PassManager passes;
  llvm::MCContext* context = nullptr;
  if (machine->addPassesToEmitMC(passes, context, out, /*DisableVerify=*/true))
    throw lazuli::Error(ErrorKind::Compile, "LLVM cannot emit object code for " + impl_->target.cpu);
  passes.run(*emitted.module);
  if (!emitted.errors.empty())
    throw lazuli::Error(ErrorKind::Compile, "kernel " + kernel.name + " did not compile: " + emitted.errors);
  std::shared_ptr<CompiledKernel> linked;
  try {
    linked = impl_->session->link(std::string(object.begin(), object.end()));
  } catch (const lazuli::Error& e) {
    throw lazuli::Error(e.kind(), "kernel " + kernel.name + " for " + impl_->target.cpu + ": " + e.message());
  }
  linked->compile_ms = ms_since(start);
  return linked;
}

std::shared_ptr<const CompiledKernel> LlvmJit::load(std::string object) {
  const auto start = Clock::now();
  auto linked = impl_->session->link(std::move(object));
  linked->compile_ms = ms_since(start);
  return linked;
}

std::string LlvmJit::llvm_ir(const Kernel& kernel) {
  Impl::Lease machine(*impl_, CodegenLevel::Default);
  Emitted emitted(kernel, impl_->emit_options(), *machine);
  std::string text;
  llvm::raw_string_ostream out(text);
  emitted.module->print(out, nullptr);
  return text;
}

std::string LlvmJit::assembly(const Kernel& kernel) {
  Impl::Lease machine(*impl_, CodegenLevel::Default);
  Emitted emitted(kernel, impl_->emit_options(), *machine);
  llvm::SmallVector<char, 0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, out, nullptr, llvm::CodeGenFileType::AssemblyFile, /*DisableVerify=*/true))
    throw lazuli::Error(ErrorKind::Compile, "LLVM cannot emit assembly for " + impl_->target.cpu);
  passes.run(*emitted.module);
  return std::string(text.begin(), text.end());
}

std::string LlvmJit::version() {
  return "LLVM " LLVM_VERSION_STRING;
}

}  // namespace lazuli::codegen
