#include "codegen/cuda/nvrtc.h"

#include <fmt/format.h>

#include <vector>

#include "lazuli/base/error.h"

namespace lazuli::codegen {

namespace {

constexpr const char* kOptions[] = {"--fmad=false",     "--ftz=false", "--prec-div=true",
                                    "--prec-sqrt=true", "--std=c++17", "--minimal"};

}  // namespace

std::string Nvrtc::fixed_options() {
  return fmt::format("{}", fmt::join(kOptions, " "));
}

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

Nvrtc::~Nvrtc() = default;

std::shared_ptr<Nvrtc> Nvrtc::open(const std::string& path, std::string* why) {
  std::string reason;
  std::shared_ptr<Nvrtc> n(new Nvrtc);
  n->library_ = SharedLibrary::open(nvrtc_candidates(path), &reason);
  if (!n->library_) {
    if (why) *why = "NVRTC was not found: " + reason;
    return nullptr;
  }
  const auto find = [&](auto& function, const char* name) { return n->library_->find(function, name, &reason); };
  Functions& f = *n->f_;
  if (find(f.version, "nvrtcVersion") && find(f.create, "nvrtcCreateProgram") &&
      find(f.compile, "nvrtcCompileProgram") && find(f.destroy, "nvrtcDestroyProgram") &&
      find(f.cubin_size, "nvrtcGetCUBINSize") && find(f.cubin, "nvrtcGetCUBIN") &&
      find(f.log_size, "nvrtcGetProgramLogSize") && find(f.log, "nvrtcGetProgramLog") &&
      find(f.error_string, "nvrtcGetErrorString"))
    return n;
  if (why) *why = n->library_->name() + " has no function " + reason;
  return nullptr;
}

std::string Nvrtc::version() const {
  int major = 0, minor = 0;
  f_->version(&major, &minor);
  return fmt::format("NVRTC {}.{}", major, minor);
}

std::string Nvrtc::compile(const std::string& source, const std::string& name, const std::string& arch,
                           std::string* log) const {
  const auto require = [&](int result, const char* function, const std::string& text = {}) {
    if (result)
      throw Error(ErrorKind::Compile, fmt::format("kernel {} for {}: {} failed: {}{}{}", name, arch, function,
                                                  f_->error_string(result), text.empty() ? "" : "\n", text));
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
  std::vector<const char*> options = {target.c_str()};
  options.insert(options.end(), std::begin(kOptions), std::end(kOptions));
  if (log) options.push_back("--ptxas-options=-v");
  const int result = f_->compile(program, static_cast<int>(options.size()), options.data());
  if (result || log) {
    size_t size = 0;
    f_->log_size(program, &size);
    std::string text(size, '\0');
    if (size) f_->log(program, text.data());
    while (!text.empty() && (text.back() == '\0' || text.back() == '\n')) text.pop_back();
    require(result, "nvrtcCompileProgram", text);
    *log = std::move(text);
  }
  size_t size = 0;
  require(f_->cubin_size(program, &size), "nvrtcGetCUBINSize");
  std::string cubin(size, '\0');
  require(f_->cubin(program, cubin.data()), "nvrtcGetCUBIN");
  return cubin;
}

}  // namespace lazuli::codegen
