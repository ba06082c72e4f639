// Matrix libraries, one to a process and named on the command line. Each is loaded when the process starts; one that is
// missing makes it end with an error, and the coordinator leaves it out.
//   lazuli-bench-blas openblas|blis|mkl|onednn FILE
#include <dlfcn.h>

#include <cstdio>
#include <functional>
#include <stdexcept>
#include <utility>

#include "epilogue.h"
#include "product.h"

namespace bench {
namespace {

template <class T>
using CblasGemm = void (*)(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
template <class T>
using CblasBatch = void (*)(int, int, int, int, int, int, T, const T*, int, int, const T*, int, int, T, T*, int, int,
                            int);
using DnnlSgemm = int (*)(char, char, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t,
                          float, float*, int64_t);
using DnnlS8Gemm = int (*)(char, char, char, int64_t, int64_t, int64_t, float, const int8_t*, int64_t, int8_t,
                           const int8_t*, int64_t, int8_t, float, int32_t*, int64_t, const int32_t*);

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
    } else if (which == "mkl") {
      by_cblas(open_first({"libmkl_rt.so.2", LAZULI_PEERS "/lib/libmkl_rt.so.2", LAZULI_PEERS "/lib/libmkl_rt.so.3"}));
      if (const auto version = symbol<void (*)(char*, int)>(library_, "mkl_get_version_string")) {
        char text[200] = {};
        version(text, sizeof text - 1);
        version_ = text;
      }
    } else if (which == "onednn") {
      library_ = open_first({LAZULI_PEERS "/lib/libdnnl.so.3", "libdnnl.so.3", "libdnnl.so.2"});
      const auto sgemm = needed<DnnlSgemm>(library_, "dnnl_sgemm");
      single_ = [sgemm](const ProductSizes& p, const float* a, const float* b, float* c) {
        sgemm(p.a_transposed ? 'T' : 'N', p.b_transposed ? 'T' : 'N', p.m, p.n, p.k, 1, a, p.lda(), b, p.ldb(), 0, c,
              p.n);
      };
      if (const auto gemm = symbol<DnnlS8Gemm>(library_, "dnnl_gemm_s8s8s32"))
        integers_ = [gemm](const ProductSizes& p, const int8_t* a, const int8_t* b, int32_t* c) {
          const int32_t none = 0;
          gemm('N', 'N', 'F', p.m, p.n, p.k, 1, a, p.lda(), 0, b, p.ldb(), 0, 0, c, p.n, &none);
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
    if (job.name == "contract/igemm" && integers_)
      return kernel_series(job, shared, [this, p = product_sizes(job)](const Arguments& a) {
        integers_(p, static_cast<const int8_t*>(a.in[0]), static_cast<const int8_t*>(a.in[1]), a.result<int32_t>());
      });
    if (job.name == "contract/dgemm" && double_) return series(job, shared, double_, doubles_);
    if (!is_float_product(job)) return {};
    if (job.inputs.size() == 2) return series(job, shared, single_, singles_);
    return kernel_series(job, shared, [this, p = product_sizes(job)](const Arguments& a) {
      single_(p, a.f32(0), a.f32(1), a.result());
      finish_bias_gelu_tanh_residual(a);
    });
  }

 private:
  template <class A, class C = A>
  using Multiply = std::function<void(const ProductSizes&, const A*, const A*, C*)>;

  /// A batch goes to the library's function for batches where it has one.
  template <class T>
  static std::vector<Series> series(const Job& job, std::byte* shared, const Multiply<T>& one, const Multiply<T>& all) {
    return kernel_series(job, shared, [one, all, p = product_sizes(job)](const Arguments& a) {
      const auto *left = static_cast<const T*>(a.in[0]), *right = static_cast<const T*>(a.in[1]);
      if (p.batch > 1 && all) return all(p, left, right, a.result<T>());
      for (int64_t i = 0; i < p.batch; ++i)
        one(p, left + i * p.m * p.k, right + i * p.k * p.n, a.result<T>() + i * p.m * p.n);
    });
  }
  template <class T>
  static Multiply<T> gemm_of(void* library, const char* name) {
    return [gemm = needed<CblasGemm<T>>(library, name)](const ProductSizes& p, const T* a, const T* b, T* c) {
      const auto i = [](int64_t v) { return static_cast<int>(v); };
      gemm(kRowMajor, transposition(p.a_transposed), transposition(p.b_transposed), i(p.m), i(p.n), i(p.k), 1, a,
           i(p.lda()), b, i(p.ldb()), 0, c, i(p.n));
    };
  }
  template <class T>
  static Multiply<T> batch_of(void* library, const char* name) {
    const auto gemm = symbol<CblasBatch<T>>(library, name);
    if (!gemm) return {};
    return [gemm](const ProductSizes& p, const T* a, const T* b, T* c) {
      const auto i = [](int64_t v) { return static_cast<int>(v); };
      gemm(kRowMajor, transposition(p.a_transposed), transposition(p.b_transposed), i(p.m), i(p.n), i(p.k), 1, a,
           i(p.lda()), i(p.m * p.k), b, i(p.ldb()), i(p.k * p.n), 0, c, i(p.n), i(p.m * p.n), i(p.batch));
    };
  }
  static constexpr int kRowMajor = 101;
  static int transposition(bool transposed) { return transposed ? 112 : 111; }

  void by_cblas(void* library) {
    library_ = library;
    single_ = gemm_of<float>(library, "cblas_sgemm");
    double_ = gemm_of<double>(library, "cblas_dgemm");
    singles_ = batch_of<float>(library, "cblas_sgemm_batch_strided");
  }
  void* library_ = nullptr;
  std::string version_;
  Multiply<float> single_, singles_;  // one product; a batch
  Multiply<double> double_, doubles_;
  Multiply<int8_t, int32_t> integers_;
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
