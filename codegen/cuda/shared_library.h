// Libraries that are opened when asked for, so that the build needs no CUDA and the binary runs without it, and where
// CUDA's stand.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lazuli::codegen {

class SharedLibrary {
 public:
  /// The first of these names or paths that the system can open. Null when there is none, with every reason in `why`.
  static std::unique_ptr<SharedLibrary> open(std::span<const std::string> candidates, std::string* why);
  ~SharedLibrary();
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;

  /// Address of a function, or null.
  void* symbol(const char* name) const;
  /// Sets a function pointer; false, and its name in `missing`, when there is no such function.
  template <class F>
  bool find(F& function, const char* name, std::string* missing) const {
    function = reinterpret_cast<F>(symbol(name));
    if (!function && missing) *missing = name;
    return function != nullptr;
  }
  /// The name that was opened.
  const std::string& name() const { return name_; }

 private:
  SharedLibrary(void* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
  void* handle_;
  std::string name_;
};

/// What to open, in this order: `given` and nothing else if it is not empty; the sonames of CUDA 13 and 12; the usual
/// folders of toolkits; those of Python wheels.
std::vector<std::string> nvrtc_candidates(const std::string& given);
/// The same for cuBLASLt.
std::vector<std::string> cublaslt_candidates(const std::string& given);
/// The driver's library: `given`, or the names under which drivers install it.
std::vector<std::string> driver_candidates(const std::string& given);

}  // namespace lazuli::codegen
