#include "codegen/cuda/shared_library.h"

#include <dlfcn.h>
#include <glob.h>

#include <algorithm>
#include <cstdlib>

namespace lazuli::codegen {
namespace {

/// Existing paths, those with higher version numbers first.
void add_matches(const std::string& pattern, std::vector<std::string>& paths) {
  glob_t found{};
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    for (size_t i = found.gl_pathc; i-- > 0;) {
      std::string path = found.gl_pathv[i];
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(std::move(path));
    }
  globfree(&found);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Of a library that toolkits bring: sonames, toolkits' folders, those of Python wheels.
std::vector<std::string> toolkit_candidates(const std::string& library, const std::string& wheel);

}  // namespace

std::unique_ptr<SharedLibrary> SharedLibrary::open(std::span<const std::string> candidates, std::string* why) {
  std::string reasons;
  for (const std::string& name : candidates) {
    // It stays loaded: what it allocates for good would otherwise be lost at every closing.
    if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE))
      return std::unique_ptr<SharedLibrary>(new SharedLibrary(handle, name));
    const char* reason = dlerror();
    reasons += (reasons.empty() ? "" : "; ") + std::string(reason ? reason : name);
  }
  if (why) *why = reasons;
  return nullptr;
}

SharedLibrary::~SharedLibrary() {
  dlclose(handle_);
}

void* SharedLibrary::symbol(const char* name) const {
  return dlsym(handle_, name);
}

std::vector<std::string> nvrtc_candidates(const std::string& given) {
  return given.empty() ? toolkit_candidates("libnvrtc", "cuda_nvrtc") : std::vector{given};
}

std::vector<std::string> cublaslt_candidates(const std::string& given) {
  return given.empty() ? toolkit_candidates("libcublasLt", "cublas") : std::vector{given};
}

namespace {

std::vector<std::string> toolkit_candidates(const std::string& library, const std::string& wheel) {
  std::vector<std::string> names = {library + ".so.13", library + ".so.12"};
  std::vector<std::string> toolkits;
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"})
    if (const std::string folder = variable(name); !folder.empty()) toolkits.push_back(folder);
  for (const char* folder : {"/usr/local/cuda", "/usr/local/cuda-13*", "/usr/local/cuda-12*", "/opt/cuda"})
    toolkits.emplace_back(folder);
  for (const std::string& folder : toolkits)
    for (const char* below : {"/lib64", "/lib", "/targets/x86_64-linux/lib"})
      for (const char* version : {"13", "12"}) add_matches(folder + below + "/" + library + ".so." + version, names);
  std::vector<std::string> pythons;
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (const std::string folder = variable(name); !folder.empty()) pythons.push_back(folder);
  if (const std::string home = variable("HOME"); !home.empty()) pythons.push_back(home + "/.local");
  for (const char* folder : {"/usr/local", "/usr"}) pythons.emplace_back(folder);
  for (const std::string& folder : pythons)
    for (const char* packages : {"site-packages", "dist-packages"})
      for (const std::string& package : {std::string("cu13"), wheel})
        add_matches(folder + "/lib/python3*/" + packages + "/nvidia/" + package + "/lib/" + library + ".so.1[23]",
                    names);
  return names;
}

}  // namespace

std::vector<std::string> driver_candidates(const std::string& given) {
  if (!given.empty()) return {given};
  return {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"};
}

}  // namespace lazuli::codegen
