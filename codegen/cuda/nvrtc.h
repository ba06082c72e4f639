// NVRTC, loaded when asked for: the build needs no CUDA, the binary runs without it, and no GPU is needed to compile.
#pragma once
#include <memory>
#include <string>

namespace lazuli::codegen {

class Nvrtc {
 public:
  /// Opens `path` if given, else the known names (libnvrtc.so.13, .12, /usr/local/cuda). Returns null when there is
  /// none, with the reason in `why`.
  static std::shared_ptr<Nvrtc> open(const std::string& path, std::string* why);
  ~Nvrtc();

  /// Machine code for exactly this architecture ("sm_90a"). Nothing contracts, denormals are kept.
  /// Throws Error(Compile) with NVRTC's log.
  std::string compile(const std::string& source, const std::string& name, const std::string& arch) const;
  /// "NVRTC 13.0".
  std::string version() const;

 private:
  struct Functions;
  Nvrtc();
  void* library_ = nullptr;
  std::unique_ptr<Functions> f_;
};

}  // namespace lazuli::codegen
