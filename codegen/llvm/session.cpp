#include "codegen/llvm/session.h"

#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/DebugObjectManagerPlugin.h>
#include <llvm/ExecutionEngine/Orc/EPCDebugObjectRegistrar.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/TargetProcess/JITLoaderGDB.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/MemoryBuffer.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "lazuli/base/error.h"

namespace lazuli::codegen {

namespace {

using namespace llvm::orc;

[[noreturn]] void fail(const std::string& what, const std::string& message) {
  throw lazuli::Error(ErrorKind::Compile, what + ": " + message);
}
void require(llvm::Error e, const char* what) {
  if (e) fail(what, llvm::toString(std::move(e)));
}
template <class T>
T require(llvm::Expected<T> v, const char* what) {
  if (!v) fail(what, llvm::toString(v.takeError()));
  return std::move(*v);
}

struct Symbol {
  size_t order;
  std::string name;
  uint64_t size;
};

/// The phases that an object file defines, in order. Refuses code that calls anything but the memory functions that
/// LLVM may put in for plain copies: a call of libm would mean other results on another machine.
std::vector<Symbol> phases_of(llvm::MemoryBufferRef buffer) {
  auto file = require(llvm::object::ObjectFile::createELFObjectFile(buffer), "reading a kernel's object file");
  std::vector<Symbol> found;
  for (const llvm::object::ELFSymbolRef symbol : file->symbols()) {
    const std::string name = require(symbol.getName(), "reading a kernel's symbols").str();
    const uint32_t flags = require(symbol.getFlags(), "reading a kernel's symbols");
    if (flags & llvm::object::SymbolRef::SF_Undefined) {
      if (!name.empty() && name != "memcpy" && name != "memset" && name != "memmove")
        fail("compiling a kernel", "the target cannot do '" + name + "' in its own instructions");
    } else if (name.starts_with("lz.")) {
      found.push_back({std::stoul(name.substr(3)), name, symbol.getSize()});
    }
  }
  std::sort(found.begin(), found.end(), [](const Symbol& a, const Symbol& b) { return a.order < b.order; });
  return found;
}

}  // namespace

/// Code in memory. Removing its dylib unmaps it.
class LinkedKernel : public CompiledKernel {
 public:
  LinkedKernel(std::shared_ptr<Session> session, JITDylib& dylib) : session_(std::move(session)), dylib_(dylib) {}
  ~LinkedKernel() override { llvm::consumeError(session_->session_->removeJITDylib(dylib_)); }

 private:
  std::shared_ptr<Session> session_;
  JITDylib& dylib_;
};

Session::Session(const JitOptions& options) : options_(options) {
  auto control = require(SelfExecutorProcessControl::Create(nullptr, std::make_unique<InPlaceTaskDispatcher>()),
                         "starting the linker");
  session_ = std::make_unique<ExecutionSession>(std::move(control));
  session_->setErrorReporter([](llvm::Error e) { llvm::consumeError(std::move(e)); });  // lookup() returns it, too
  layer_ = std::make_unique<ObjectLinkingLayer>(
      *session_, require(llvm::jitlink::InProcessMemoryManager::Create(), "starting the linker"));
  runtime_ = &session_->createBareJITDylib("runtime");
  const auto define = [&](const char* name, void* at) {
    return std::pair(
        session_->intern(name),
        ExecutorSymbolDef(ExecutorAddr::fromPtr(at), llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable));
  };
  SymbolMap symbols;
  symbols.insert(define("memcpy", reinterpret_cast<void*>(&std::memcpy)));
  symbols.insert(define("memmove", reinterpret_cast<void*>(&std::memmove)));
  symbols.insert(define("memset", reinterpret_cast<void*>(&std::memset)));
  require(runtime_->define(absoluteSymbols(std::move(symbols))), "starting the linker");
  if (options_.debugger)
    layer_->addPlugin(std::make_unique<DebugObjectManagerPlugin>(
        *session_,
        std::make_unique<EPCDebugObjectRegistrar>(*session_,
                                                  ExecutorAddr::fromPtr(&llvm_orc_registerJITLoaderGDBWrapper)),
        /*RequireDebugSections=*/false, /*AutoRegisterCode=*/true));
}

Session::~Session() {
  llvm::consumeError(session_->endSession());
}

std::string Session::phase_symbol(const Kernel& kernel, size_t phase) {
  std::string name = "lz." + std::to_string(phase) + "." + kernel.name;
  if (kernel.phases.size() > 1) name += "." + kernel.phases[phase].name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_') c = '_';
  return name;
}

std::shared_ptr<CompiledKernel> Session::link(std::string object) {
  const std::vector<Symbol> symbols = phases_of(llvm::MemoryBufferRef(object, "kernel"));
  if (symbols.empty()) fail("linking a kernel", "the object file holds no phase");
  JITDylib& dylib = session_->createBareJITDylib("k" + std::to_string(next_++));
  auto kernel =
      std::make_shared<LinkedKernel>(shared_from_this(), dylib);  // removes the dylib if anything below throws
  dylib.addToLinkOrder(*runtime_);
  require(layer_->add(dylib, llvm::MemoryBuffer::getMemBufferCopy(object, "kernel")), "linking a kernel");
  SymbolLookupSet wanted;
  for (const Symbol& s : symbols) wanted.add(session_->intern(s.name));
  const SymbolMap found =
      require(session_->lookup(makeJITDylibSearchOrder(&dylib), std::move(wanted)), "linking a kernel");
  for (const Symbol& s : symbols) {
    kernel->phases.push_back(found.at(session_->intern(s.name)).getAddress().toPtr<PhaseFn>());
    kernel->code_bytes += s.size;
  }
  if (options_.perf_map) {
    std::vector<std::string> names;
    std::vector<uint64_t> sizes;
    for (const Symbol& s : symbols) names.push_back(s.name), sizes.push_back(s.size);
    write_perf_map(names, sizes, kernel->phases);
  }
  kernel->object = std::move(object);
  return kernel;
}

void Session::write_perf_map(const std::vector<std::string>& names, const std::vector<uint64_t>& sizes,
                             const std::vector<PhaseFn>& phases) {
  const std::lock_guard lock(perf_map_);
  const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
  std::FILE* f = std::fopen(path.c_str(), "a");
  if (!f) return;  // a profile without names is still a profile
  for (size_t n = 0; n < names.size(); ++n)
    std::fprintf(f, "%llx %llx %s\n", static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(phases[n])),
                 static_cast<unsigned long long>(sizes[n]), names[n].c_str());
  std::fclose(f);
}

}  // namespace lazuli::codegen
