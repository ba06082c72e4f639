// cuBLASLt, loaded when asked for (LAZULI_CUDA_CUBLASLT): products of matrices as they are, in the place of a kernel.
// The types are our own: what is called has had this interface since CUDA 12.
#pragma once
#include <array>
#include <memory>
#include <string>

#include "codegen/plain_product.h"
#include "runtime/cuda/gpu.h"

namespace lazuli::runtime::cuda {

struct OpaqueHandle;
struct OpaqueProduct;
struct OpaqueLayout;

class CublasLt {
 public:
  /// Opens the library (cublaslt_candidates). Null with a sentence in `why` when there is none or it lacks a function.
  static std::shared_ptr<const CublasLt> open(const std::string& path, std::string* why);
  ~CublasLt();

  struct Functions;
  const Functions& functions() const { return *f_; }
  /// "cuBLASLt 13.0.2".
  std::string version() const;
  /// Throws Error(Device) that names what was done.
  void check(int status, const std::string& what) const;

 private:
  CublasLt();
  std::unique_ptr<codegen::SharedLibrary> library_;
  std::unique_ptr<Functions> f_;
};

/// One product, with the algorithm that the library's heuristics name first. Thread-safe once made.
class LtProduct {
 public:
  /// Null with a sentence in `why` when the library has no algorithm for it.
  static std::shared_ptr<const LtProduct> make(std::shared_ptr<const CublasLt> library, Gpu& gpu,
                                               const codegen::PlainProduct& product, std::string* why);
  ~LtProduct();
  LtProduct(const LtProduct&) = delete;
  LtProduct& operator=(const LtProduct&) = delete;

  int64_t workspace_bytes() const { return workspace_; }
  /// Queues it on the GPU's stream.
  void run(Gpu& gpu, const void* left, const void* right, void* result, void* workspace) const;

 private:
  /// cublasLtMatmulHeuristicResult_t.
  struct Found {
    uint64_t algorithm[8];
    size_t workspace;
    int status;
    float waves;
    int reserved[4];
  };
  LtProduct(std::shared_ptr<const CublasLt> library, const codegen::PlainProduct& product);
  bool prepare(Gpu& gpu, std::string* why);
  bool ask(size_t alignment, Found& found, std::string* why) const;

  std::shared_ptr<const CublasLt> library_;
  const codegen::PlainProduct product_;
  OpaqueHandle* handle_ = nullptr;
  OpaqueProduct* form_ = nullptr;
  OpaqueLayout *a_ = nullptr, *b_ = nullptr, *d_ = nullptr;
  std::array<Found, 2> found_{};  // for addresses that are multiples of 16, and for any
  int64_t workspace_ = 0;
};

}  // namespace lazuli::runtime::cuda
