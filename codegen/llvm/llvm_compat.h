// The differences between LLVM 18, 19 and 20 that Lazuli meets. Nothing else looks at LLVM_VERSION_MAJOR.
#pragma once
#include <llvm/ADT/StringMap.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/TargetParser/Host.h>

#if LLVM_VERSION_MAJOR < 18 || LLVM_VERSION_MAJOR > 20
#error "Lazuli is written for LLVM 18 to 20"
#endif

namespace lazuli::codegen::compat {

inline llvm::StringMap<bool> host_features() {
#if LLVM_VERSION_MAJOR >= 19
  return llvm::sys::getHostCPUFeatures();
#else
  llvm::StringMap<bool> features;
  llvm::sys::getHostCPUFeatures(features);
  return features;
#endif
}

inline llvm::Intrinsic::ID intrinsic_id(llvm::StringRef name) {
#if LLVM_VERSION_MAJOR >= 20
  return llvm::Intrinsic::lookupIntrinsicID(name);
#else
  return llvm::Function::lookupIntrinsicID(name);
#endif
}

}  // namespace lazuli::codegen::compat
