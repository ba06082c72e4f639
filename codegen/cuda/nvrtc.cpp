#include "codegen/cuda/nvrtc.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <iterator>
#include <vector>

#include "lazuli/base/error.h"

namespace lazuli::codegen {

// The part of nvrtc.h that is used, with the types it has had since CUDA 11.
struct Nvrtc::Functions {
  using Result = int;
  using Program = struct OpaqueProgram*;
  Result (*version)(int*, int*);
  Result (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*);
  Result (*compile)(Program, int, const char* const*);
  Result (*destroy)(Program*);
  Result (*cubin_size)(Program, size_t*);
  Result (*cubin)(Program, char*);
  Result (*log_size)(Program, size_t*);
  Result (*log)(Program, char*);
  const char* (*error_string)(Result);
};

Nvrtc::Nvrtc() : f_(std::make_unique<Functions>()) {}

Nvrtc::~Nvrtc() {
  if (library_) dlclose(library_);
}

std::shared_ptr<Nvrtc> Nvrtc::open(const std::string& path, std::string* why) {
  std::vector<std::string> names = {path};
  if (path.empty())
    names = {"libnvrtc.so.13", "libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so",
             "/usr/local/cuda/lib/libnvrtc.so"};
  std::shared_ptr<Nvrtc> n(new Nvrtc);
  std::string reasons;
  for (const std::string& name : names) {
    // It stays loaded: what it allocates for good would otherwise be lost at every closing.
    n->library_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (n->library_) break;
    const char* reason = dlerror();
    reasons += (reasons.empty() ? "" : "; ") + std::string(reason ? reason : name);
  }
  if (!n->library_) {
    if (why) *why = "NVRTC was not found: " + reasons;
    return nullptr;
  }
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(n->library_, name));
    if (!function && why) *why = std::string("NVRTC has no function ") + name;
    return function != nullptr;
  };
  Functions& f = *n->f_;
  const bool complete = find(f.version, "nvrtcVersion") && find(f.create, "nvrtcCreateProgram") &&
                        find(f.compile, "nvrtcCompileProgram") && find(f.destroy, "nvrtcDestroyProgram") &&
                        find(f.cubin_size, "nvrtcGetCUBINSize") && find(f.cubin, "nvrtcGetCUBIN") &&
                        find(f.log_size, "nvrtcGetProgramLogSize") && find(f.log, "nvrtcGetProgramLog") &&
                        find(f.error_string, "nvrtcGetErrorString");
  return complete ? n : nullptr;
}

std::string Nvrtc::version() const {
  int major = 0, minor = 0;
  f_->version(&major, &minor);
  return fmt::format("NVRTC {}.{}", major, minor);
}

std::string Nvrtc::compile(const std::string& source, const std::string& name, const std::string& arch) const {
  const auto require = [&](int result, const char* function, const std::string& log = {}) {
    if (result)
      throw Error(ErrorKind::Compile, fmt::format("kernel {} for {}: {} failed: {}{}{}", name, arch, function,
                                                  f_->error_string(result), log.empty() ? "" : "\n", log));
  };
  Functions::Program program = nullptr;
  const std::string file = name + ".cu";
  require(f_->create(&program, source.c_str(), file.c_str(), 0, nullptr, nullptr), "nvrtcCreateProgram");
  struct Destroy {
    const Functions& f;
    Functions::Program* program;
    ~Destroy() { f.destroy(program); }
  } const destroy{*f_, &program};

  const std::string target = "--gpu-architecture=" + arch;
  const char* options[] = {target.c_str(),     "--fmad=false", "--ftz=false", "--prec-div=true",
                           "--prec-sqrt=true", "--std=c++17",  "--minimal"};
  if (const int result = f_->compile(program, static_cast<int>(std::size(options)), options)) {
    size_t size = 0;
    f_->log_size(program, &size);
    std::string log(size, '\0');
    if (size) f_->log(program, log.data());
    while (!log.empty() && (log.back() == '\0' || log.back() == '\n')) log.pop_back();
    require(result, "nvrtcCompileProgram", log);
  }
  size_t size = 0;
  require(f_->cubin_size(program, &size), "nvrtcGetCUBINSize");
  std::string cubin(size, '\0');
  require(f_->cubin(program, cubin.data()), "nvrtcGetCUBIN");
  return cubin;
}

}  // namespace lazuli::codegen
