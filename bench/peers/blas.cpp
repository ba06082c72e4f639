// Matrix libraries, one to a process and named on the command line. Each is loaded when the process starts; one that is
// missing makes it end with an error, and the coordinator leaves it out.
//   lazuli-bench-blas openblas|blis|onednn FILE
#include <dlfcn.h>

#include <cstdio>
#include <functional>
#include <stdexcept>
#include <utility>

#include "epilogue.h"

namespace bench {
namespace {

using CblasSgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*,
                            int);
using DnnlSgemm = int (*)(char, char, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t,
                          float, float*, int64_t);

void* open_first(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  throw std::runtime_error("the library is not installed");
}

template <class F>
F symbol(void* library, const char* name) {
  return reinterpret_cast<F>(dlsym(library, name));
}
template <class F>
F needed(void* library, const char* name) {
  if (const auto f = symbol<F>(library, name)) return f;
  throw std::runtime_error(std::string("the library has no ") + name);
}

class Blas final : public Contestant {
 public:
  explicit Blas(const std::string& which) {
    if (which == "openblas") {
      by_cblas(open_first({"/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0", "libopenblas.so.0"}));
      if (const auto config = symbol<const char* (*)()>(library_, "openblas_get_config")) version_ = config();
    } else if (which == "blis") {
      by_cblas(open_first({"/usr/lib/x86_64-linux-gnu/blis-pthread/libblis.so.4", "libblis.so.4"}));
      if (const auto version = symbol<const char* (*)()>(library_, "bli_info_get_version_str")) version_ = version();
      const auto id = symbol<int (*)()>(library_, "bli_arch_query_id");
      const auto name = symbol<const char* (*)(int)>(library_, "bli_arch_string");
      if (id && name) version_ += std::string(" ") + name(id());
    } else if (which == "onednn") {
      library_ = open_first({"libdnnl.so.3", "libdnnl.so.2"});
      const auto sgemm = needed<DnnlSgemm>(library_, "dnnl_sgemm");
      multiply_ = [sgemm](int64_t n, const float* a, const float* b, float* c) {
        sgemm('N', 'N', n, n, n, 1, a, n, b, n, 0, c, n);
      };
      struct Version {
        int major, minor, patch;
      };
      if (const auto version = symbol<const Version* (*)()>(library_, "dnnl_version"))
        version_ = std::to_string(version()->major) + "." + std::to_string(version()->minor) + "." +
                   std::to_string(version()->patch);
    } else {
      throw std::runtime_error("no library is called " + which);
    }
  }
  std::string version() const override { return version_; }
  std::vector<Series> prepare(const Job& job, std::byte* shared) override {
    const bool more = job.name == "contract/bias_gelu_tanh_residual";
    if (job.name != "contract/sgemm" && !more) return {};
    return kernel_series(job, shared, [this, more](const Arguments& a) {
      multiply_(a.rows, a.f32(0), a.f32(1), a.result());
      if (more) finish_bias_gelu_tanh_residual(a);
    });
  }

 private:
  void by_cblas(void* library) {
    library_ = library;
    const auto sgemm = needed<CblasSgemm>(library, "cblas_sgemm");
    multiply_ = [sgemm](int64_t n, const float* a, const float* b, float* c) {
      constexpr int kRowMajor = 101, kNoTranspose = 111;
      const int s = static_cast<int>(n);
      sgemm(kRowMajor, kNoTranspose, kNoTranspose, s, s, s, 1, a, s, b, s, 0, c, s);
    };
  }
  void* library_ = nullptr;
  std::string version_;
  std::function<void(int64_t, const float*, const float*, float*)> multiply_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    if (argc < 3) throw std::runtime_error("this program is started by lazuli-bench");
    bench::Blas peer(argv[1]);
    return bench::serve(peer, argc - 1, argv + 1);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "lazuli-bench-blas: %s\n", e.what());
    return 1;
  }
}
