#include <dlfcn.h>

#include <cstdlib>

#include "contract.h"

namespace bench {
namespace {

using CblasSgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*,
                            int);
using DnnlSgemm = int (*)(char, char, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t,
                          float, float*, int64_t);

void* open_first(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  return nullptr;
}

template <class F>
F symbol(void* library, const char* name) {
  return library ? reinterpret_cast<F>(dlsym(library, name)) : nullptr;
}

Multiply by_cblas(CblasSgemm sgemm) {
  constexpr int kRowMajor = 101, kNoTranspose = 111;
  return [sgemm](const float* a, const float* b, float* c, int64_t n) {
    const int s = static_cast<int>(n);
    sgemm(kRowMajor, kNoTranspose, kNoTranspose, s, s, s, 1, a, s, b, s, 0, c, s);
  };
}

}  // namespace

std::vector<Library> matrix_libraries() {
  std::vector<Library> found;
  void* openblas = open_first({"/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0", "libopenblas.so.0"});
  if (const auto sgemm = symbol<CblasSgemm>(openblas, "cblas_sgemm")) {
    if (const auto threads = symbol<void (*)(int)>(openblas, "openblas_set_num_threads")) threads(1);
    const auto config = symbol<const char* (*)()>(openblas, "openblas_get_config");
    found.push_back({"OpenBLAS", config ? config() : "", by_cblas(sgemm)});
  }
  void* blis = open_first({"/usr/lib/x86_64-linux-gnu/blis-pthread/libblis.so.4", "libblis.so.4"});
  if (const auto sgemm = symbol<CblasSgemm>(blis, "cblas_sgemm")) {
    if (const auto threads = symbol<void (*)(long)>(blis, "bli_thread_set_num_threads")) threads(1);
    const auto version = symbol<const char* (*)()>(blis, "bli_info_get_version_str");
    const auto id = symbol<int (*)()>(blis, "bli_arch_query_id");
    const auto name = symbol<const char* (*)(int)>(blis, "bli_arch_string");
    std::string text = version ? version() : "";
    if (id && name) text += std::string(" ") + name(id());
    found.push_back({"BLIS", text, by_cblas(sgemm)});
  }
  setenv("OMP_NUM_THREADS", "1", 1);  // read when oneDNN's OpenMP starts
  void* dnnl = open_first({"libdnnl.so.3", "libdnnl.so.2"});
  if (const auto sgemm = symbol<DnnlSgemm>(dnnl, "dnnl_sgemm")) {
    struct Version {
      int major, minor, patch;
    };
    const auto version = symbol<const Version* (*)()>(dnnl, "dnnl_version");
    std::string text;
    if (version)
      text = std::to_string(version()->major) + "." + std::to_string(version()->minor) + "." +
             std::to_string(version()->patch);
    found.push_back({"oneDNN", text, [sgemm](const float* a, const float* b, float* c, int64_t n) {
                       sgemm('N', 'N', n, n, n, 1, a, n, b, n, 0, c, n);
                     }});
  }
  found.push_back({"Eigen", eigen_version(), eigen_multiply});
  return found;
}

}  // namespace bench
