// NVRTC, loaded when asked for: the build needs no CUDA, the binary runs without it, and no GPU is needed to compile.
#pragma once
#include <memory>
#include <string>

#include "codegen/cuda/shared_library.h"

namespace lazuli::codegen {

class Nvrtc {
 public:
  /// Opens `path` if given, else what nvrtc_candidates() finds. Returns null when there is none, with the reason in
  /// `why`.
  static std::shared_ptr<Nvrtc> open(const std::string& path, std::string* why);
  ~Nvrtc();

  /// Machine code for exactly this architecture ("sm_90a"). Nothing contracts, denormals are kept.
  /// Throws Error(Compile) with NVRTC's log. `log` receives it where all went well, with what the assembler says about
  /// registers, spills and its own warnings.
  std::string compile(const std::string& source, const std::string& name, const std::string& arch,
                      std::string* log = nullptr) const;
  /// What every kernel is compiled with, beside its architecture: part of a cache's key.
  static std::string fixed_options();
  /// "NVRTC 13.0".
  std::string version() const;

 private:
  struct Functions;
  Nvrtc();
  std::unique_ptr<SharedLibrary> library_;
  std::unique_ptr<Functions> f_;
};

}  // namespace lazuli::codegen
