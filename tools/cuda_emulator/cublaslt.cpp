// A stand-in for libcublasLt: products of matrices on the emulated device, computed in double when their turn comes.
//
// It is stricter than the library: sizes of attributes, shapes of operands and leading dimensions must agree, an
// algorithm is good for the product, the layouts and the alignment that it was asked for, its workspace must be there,
// and every element that is read or written must be the device's memory. The library sees the device through the
// stand-in for libcuda, which must be loaded (LAZULI_CUDA_DRIVER).
//
//   LAZULI_EMULATOR_NO_ALGORITHM=1    the heuristics find none
#include <dlfcn.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

constexpr int kSuccess = 0, kInvalidValue = 7, kNotSupported = 15, kExecutionFailed = 13;
constexpr int kReal32 = 0, kReal16 = 2, kBrain16 = 14, kCompute32 = 68;

struct Handle {
  uint64_t live = 0x6c74;
};
struct Form {
  int compute, scale, turned[2] = {0, 0};
};
struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t leading;
  int32_t batch = 1;
  int64_t batch_stride = 0;
};
struct Preference {
  size_t workspace = 0;
  uint32_t alignment[4] = {256, 256, 256, 256};
};
struct Algorithm {
  uint64_t digest, alignment, rest[6];
};
struct Found {
  Algorithm algorithm;
  size_t workspace;
  int status;
  float waves;
  int reserved[4];
};
constexpr size_t kWorkspace = 4096;  // of everything here: it is written, so that a wrong address shows

int complain(const char* what) {
  std::fprintf(stderr, "CUDA emulator: cuBLASLt: %s\n", what);
  return kInvalidValue;
}

/// A function of the stand-in for libcuda.
template <class F>
F driver_function(const char* name) {
  const char* path = std::getenv("LAZULI_CUDA_DRIVER");
  void* library = path ? dlopen(path, RTLD_NOW | RTLD_NOLOAD) : nullptr;
  return library ? reinterpret_cast<F>(dlsym(library, name)) : nullptr;
}

uint64_t digest(const Form& f, const Layout& a, const Layout& b, const Layout& d) {
  uint64_t h = 0;
  const auto mix = [&](uint64_t v) { h = (h ^ v) * 0x9e3779b97f4a7c15u + 1; };
  mix(static_cast<uint64_t>(f.turned[0] * 2 + f.turned[1]));
  for (const Layout* l : {&a, &b, &d})
    for (const uint64_t v : {static_cast<uint64_t>(l->type), l->rows, l->columns, static_cast<uint64_t>(l->leading),
                             static_cast<uint64_t>(l->batch), static_cast<uint64_t>(l->batch_stride)})
      mix(v);
  return h;
}

size_t bytes_of(int type) {
  return type == kReal32 ? 4 : 2;
}
double load(const void* from, int type, int64_t at) {
  if (type == kReal32) return static_cast<const float*>(from)[at];
  const uint16_t bits = static_cast<const uint16_t*>(from)[at];
  if (type == kReal16) return static_cast<double>(__builtin_bit_cast(_Float16, bits));
  return __builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16);
}
void store(void* to, int type, int64_t at, double v) {
  if (type == kReal32) {
    static_cast<float*>(to)[at] = static_cast<float>(v);
  } else if (type == kReal16) {
    static_cast<uint16_t*>(to)[at] = __builtin_bit_cast(uint16_t, static_cast<_Float16>(v));
  } else {
    const auto bits = __builtin_bit_cast(uint32_t, static_cast<float>(v));
    static_cast<uint16_t*>(to)[at] = static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
}

struct Product {
  Form form;
  Layout a, b, d;
  const void *left, *right;
  void* result;
  void* workspace;
};

/// What is wrong with the operands of a product; null if nothing.
const char* wrong(const Form& f, const Layout& a, const Layout& b, const Layout& d) {
  const uint64_t rows = f.turned[0] ? a.columns : a.rows, depth = f.turned[0] ? a.rows : a.columns;
  const uint64_t columns = f.turned[1] ? b.rows : b.columns, other = f.turned[1] ? b.columns : b.rows;
  if (f.compute != kCompute32 || f.scale != kReal32) return "a way of computing that is not emulated";
  if (a.type != b.type || a.type != d.type) return "operands of several types";
  if (a.type != kReal32 && a.type != kReal16 && a.type != kBrain16) return "a type that is not emulated";
  if (depth != other || d.rows != rows || d.columns != columns) return "shapes that do not fit each other";
  for (const Layout* l : {&a, &b, &d})
    if (l->leading < static_cast<int64_t>(l->rows)) return "a leading dimension of less than the rows";
  if (a.batch != d.batch || b.batch != d.batch || d.batch < 1) return "batches that do not fit each other";
  return nullptr;
}

int multiply(const Product& p) {
  const auto allocated = driver_function<int (*)(const void*, size_t)>("lzemu_is_allocated");
  const auto inside = [&](const void* at, const Layout& l) {
    const int64_t last =
        (l.batch - 1) * l.batch_stride + static_cast<int64_t>(l.columns - 1) * l.leading + static_cast<int64_t>(l.rows);
    return allocated(at, static_cast<size_t>(last) * bytes_of(l.type)) != 0;
  };
  if (!inside(p.left, p.a) || !inside(p.right, p.b) || !inside(p.result, p.d) || !allocated(p.workspace, kWorkspace)) {
    complain("an operand is not within the device's memory");
    return kExecutionFailed;
  }
  std::memset(p.workspace, 0xa5, kWorkspace);
  const auto depth = static_cast<int64_t>(p.form.turned[0] ? p.a.rows : p.a.columns);
  const auto at = [](const Layout& l, bool turned, int64_t batch, int64_t row, int64_t column) {
    return batch * l.batch_stride + (turned ? row * l.leading + column : column * l.leading + row);
  };
  for (int64_t n = 0; n < p.d.batch; ++n)
    for (int64_t c = 0; c < static_cast<int64_t>(p.d.columns); ++c)
      for (int64_t r = 0; r < static_cast<int64_t>(p.d.rows); ++r) {
        double sum = 0;
        for (int64_t k = 0; k < depth; ++k)
          sum += load(p.left, p.a.type, at(p.a, p.form.turned[0], n, r, k)) *
                 load(p.right, p.b.type, at(p.b, p.form.turned[1], n, k, c));
        store(p.result, p.d.type, at(p.d, false, n, r, c), sum);
      }
  return kSuccess;
}

template <class T>
int set(T& to, const void* from, size_t bytes) {
  if (bytes != sizeof to) return complain("an attribute of another size");
  std::memcpy(&to, from, bytes);
  return kSuccess;
}

}  // namespace

EXPORT size_t cublasLtGetVersion() {
  return 130000;
}
EXPORT const char* cublasLtGetStatusString(int status) {
  return status == kNotSupported   ? "CUBLAS_STATUS_NOT_SUPPORTED"
         : status == kInvalidValue ? "CUBLAS_STATUS_INVALID_VALUE"
                                   : "CUBLAS_STATUS_EXECUTION_FAILED";
}
EXPORT int cublasLtCreate(Handle** handle) {
  *handle = new Handle;
  return kSuccess;
}
EXPORT int cublasLtDestroy(Handle* handle) {
  delete handle;
  return kSuccess;
}
EXPORT int cublasLtMatmulDescCreate(Form** form, int compute, int scale) {
  *form = new Form{compute, scale};
  return kSuccess;
}
EXPORT int cublasLtMatmulDescDestroy(Form* form) {
  delete form;
  return kSuccess;
}
EXPORT int cublasLtMatmulDescSetAttribute(Form* form, int attribute, const void* from, size_t bytes) {
  if (attribute != 3 && attribute != 4) return complain("an attribute that is not emulated");
  return set(form->turned[attribute - 3], from, bytes);
}
EXPORT int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t leading) {
  *layout = new Layout{type, rows, columns, leading};
  return kSuccess;
}
EXPORT int cublasLtMatrixLayoutDestroy(Layout* layout) {
  delete layout;
  return kSuccess;
}
EXPORT int cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* from, size_t bytes) {
  if (attribute == 5) return set(layout->batch, from, bytes);
  if (attribute == 6) return set(layout->batch_stride, from, bytes);
  return complain("an attribute that is not emulated");
}
EXPORT int cublasLtMatmulPreferenceCreate(Preference** preference) {
  *preference = new Preference;
  return kSuccess;
}
EXPORT int cublasLtMatmulPreferenceDestroy(Preference* preference) {
  delete preference;
  return kSuccess;
}
EXPORT int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* from, size_t bytes) {
  if (attribute == 1) return set(preference->workspace, from, bytes);
  if (attribute >= 5 && attribute <= 8) return set(preference->alignment[attribute - 5], from, bytes);
  return complain("an attribute that is not emulated");
}
EXPORT int cublasLtMatmulAlgoGetHeuristic(Handle* handle, Form* form, Layout* a, Layout* b, Layout*, Layout* d,
                                          Preference* preference, int most, Found* found, int* count) {
  *count = 0;
  if (handle->live != Handle{}.live) return complain("a handle that was not made");
  if (const char* what = wrong(*form, *a, *b, *d)) return complain(what);
  if (const char* none = std::getenv("LAZULI_EMULATOR_NO_ALGORITHM"); none && *none == '1') return kNotSupported;
  if (most < 1 || preference->workspace < kWorkspace) return kNotSupported;
  *found = Found{{digest(*form, *a, *b, *d), preference->alignment[0], {}}, kWorkspace, kSuccess, 1, {}};
  *count = 1;
  return kSuccess;
}
EXPORT int cublasLtMatmul(Handle* handle, Form* form, const void* alpha, const void* a, Layout* a_layout, const void* b,
                          Layout* b_layout, const void* beta, const void* c, Layout*, void* d, Layout* d_layout,
                          const Algorithm* algorithm, void* workspace, size_t bytes, void* stream) {
  if (handle->live != Handle{}.live) return complain("a handle that was not made");
  if (*static_cast<const float*>(alpha) != 1 || *static_cast<const float*>(beta) != 0 || c != d)
    return complain("a sum that is not emulated");
  if (const char* what = wrong(*form, *a_layout, *b_layout, *d_layout)) return complain(what);
  if (!algorithm || algorithm->digest != digest(*form, *a_layout, *b_layout, *d_layout))
    return complain("an algorithm of another product");
  for (const void* p : {a, b, static_cast<const void*>(d)})
    if (reinterpret_cast<uintptr_t>(p) % algorithm->alignment != 0) return complain("an address of another alignment");
  if (!workspace || bytes < kWorkspace) return complain("no workspace");
  if (reinterpret_cast<uintptr_t>(workspace) % 256 != 0)
    return complain("a workspace that is not aligned to 256 bytes");
  const auto enqueue = driver_function<int (*)(void*, int (*)(void*), void*)>("lzemu_enqueue");
  const auto count = driver_function<void (*)(const char*)>("lzemu_note");
  if (!enqueue || !count) return complain("the emulated driver is not loaded");
  count("cublasLtMatmul");
  auto product = std::make_unique<Product>(Product{*form, *a_layout, *b_layout, *d_layout, a, b, d, workspace});
  const auto run = [](void* data) {
    const std::unique_ptr<Product> p(static_cast<Product*>(data));
    return multiply(*p);
  };
  return enqueue(stream, run, product.release()) == 0 ? kSuccess : kExecutionFailed;
}
