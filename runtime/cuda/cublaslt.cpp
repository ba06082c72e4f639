#include "runtime/cuda/cublaslt.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lazuli/base/error.h"

namespace lazuli::runtime::cuda {
namespace {

/// That the library asks of its workspace.
constexpr int64_t kWorkspaceAlignment = 256;

// Values of the library's enumerations.
constexpr int kReal32 = 0, kReal16 = 2, kBrain16 = 14;  // cudaDataType
constexpr int kCompute32 = 68;                          // cublasComputeType_t: without TF32
constexpr int kAsItIs = 0, kTransposed = 1;             // cublasOperation_t
constexpr int kTransposeA = 3, kTransposeB = 4;         // cublasLtMatmulDescAttributes_t
constexpr int kBatchCount = 5, kBatchStride = 6;        // cublasLtMatrixLayoutAttribute_t
constexpr int kMostWorkspace = 1, kAlignmentA = 5;      // cublasLtMatmulPreferenceAttributes_t: of A, B, C, D
constexpr size_t kWorkspace = size_t{32} << 20, kAligned = 16;

int data_type(DType t) {
  return t == kFloat32 ? kReal32 : t == kFloat16 ? kReal16 : kBrain16;
}

}  // namespace

struct CublasLt::Functions {
  using Handle = OpaqueHandle*;
  using Form = OpaqueProduct*;
  using Layout = OpaqueLayout*;
  using Preference = struct OpaquePreference*;
  int (*create)(Handle*);
  int (*destroy)(Handle);
  size_t (*version)();
  const char* (*status_string)(int);
  int (*form_create)(Form*, int compute, int scale);
  int (*form_destroy)(Form);
  int (*form_set)(Form, int, const void*, size_t);
  int (*layout_create)(Layout*, int type, uint64_t rows, uint64_t columns, int64_t leading);
  int (*layout_destroy)(Layout);
  int (*layout_set)(Layout, int, const void*, size_t);
  int (*preference_create)(Preference*);
  int (*preference_destroy)(Preference);
  int (*preference_set)(Preference, int, const void*, size_t);
  int (*heuristic)(Handle, Form, Layout a, Layout b, Layout c, Layout d, Preference, int most, void* found, int* count);
  int (*multiply)(Handle, Form, const void* alpha, const void* a, Layout, const void* b, Layout, const void* beta,
                  const void* c, Layout, void* d, Layout, const void* algorithm, void* workspace, size_t bytes,
                  StreamHandle);
};

CublasLt::CublasLt() : f_(std::make_unique<Functions>()) {}

CublasLt::~CublasLt() = default;

std::shared_ptr<const CublasLt> CublasLt::open(const std::string& path, std::string* why) {
  std::string reason;
  std::shared_ptr<CublasLt> c(new CublasLt);
  c->library_ = codegen::SharedLibrary::open(codegen::cublaslt_candidates(path), &reason);
  if (!c->library_) {
    *why = "cuBLASLt was not found: " + reason;
    return nullptr;
  }
  const auto find = [&](auto& function, const char* name) { return c->library_->find(function, name, &reason); };
  Functions& f = *c->f_;
  if (find(f.create, "cublasLtCreate") && find(f.destroy, "cublasLtDestroy") && find(f.version, "cublasLtGetVersion") &&
      find(f.status_string, "cublasLtGetStatusString") && find(f.form_create, "cublasLtMatmulDescCreate") &&
      find(f.form_destroy, "cublasLtMatmulDescDestroy") && find(f.form_set, "cublasLtMatmulDescSetAttribute") &&
      find(f.layout_create, "cublasLtMatrixLayoutCreate") && find(f.layout_destroy, "cublasLtMatrixLayoutDestroy") &&
      find(f.layout_set, "cublasLtMatrixLayoutSetAttribute") &&
      find(f.preference_create, "cublasLtMatmulPreferenceCreate") &&
      find(f.preference_destroy, "cublasLtMatmulPreferenceDestroy") &&
      find(f.preference_set, "cublasLtMatmulPreferenceSetAttribute") &&
      find(f.heuristic, "cublasLtMatmulAlgoGetHeuristic") && find(f.multiply, "cublasLtMatmul"))
    return c;
  *why = c->library_->name() + " has no function " + reason;
  return nullptr;
}

std::string CublasLt::version() const {
  const size_t v = f_->version();
  return fmt::format("cuBLASLt {}.{}.{}", v / 10000, v / 100 % 100, v % 100);
}

void CublasLt::check(int status, const std::string& what) const {
  if (status == 0) return;
  const char* text = f_->status_string(status);
  throw Error(ErrorKind::Device, fmt::format("{}: cuBLASLt says {}", what, text ? text : "nothing"));
}

LtProduct::LtProduct(std::shared_ptr<const CublasLt> library, const codegen::PlainProduct& product)
    : library_(std::move(library)), product_(product) {}

LtProduct::~LtProduct() {
  const CublasLt::Functions& f = library_->functions();
  for (OpaqueLayout* l : {a_, b_, d_})
    if (l) f.layout_destroy(l);
  if (form_) f.form_destroy(form_);
  if (handle_) f.destroy(handle_);
}

std::shared_ptr<const LtProduct> LtProduct::make(std::shared_ptr<const CublasLt> library, Gpu& gpu,
                                                 const codegen::PlainProduct& product, std::string* why) {
  std::shared_ptr<LtProduct> p(new LtProduct(std::move(library), product));
  try {
    return p->prepare(gpu, why) ? p : nullptr;
  } catch (const Error& e) {  // of a library that is newer than the driver, say
    *why = e.message();
    return nullptr;
  }
}

// The library's matrices have consecutive columns: what it computes is the result turned, columns by rows, of the right
// operand and the left one.
bool LtProduct::prepare(Gpu& gpu, std::string* why) {
  gpu.enter();
  const CublasLt::Functions& f = library_->functions();
  const codegen::PlainProduct& p = product_;
  if (p.batch > std::numeric_limits<int32_t>::max()) {
    *why = fmt::format("cuBLASLt does not count {} products in a batch", p.batch);
    return false;
  }
  const std::string what = "preparing a product";
  const int type = data_type(p.type);
  library_->check(f.create(&handle_), what);
  library_->check(f.form_create(&form_, kCompute32, kReal32), what);
  const int turn_a = p.right.along_depth ? kTransposed : kAsItIs, turn_b = p.left.along_depth ? kAsItIs : kTransposed;
  library_->check(f.form_set(form_, kTransposeA, &turn_a, sizeof turn_a), what);
  library_->check(f.form_set(form_, kTransposeB, &turn_b, sizeof turn_b), what);
  const auto layout = [&](OpaqueLayout** l, int64_t rows, int64_t columns, int64_t leading, int64_t batch_stride) {
    library_->check(f.layout_create(l, type, static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), leading),
                    what);
    if (p.batch == 1) return;
    const auto batch = static_cast<int32_t>(p.batch);
    library_->check(f.layout_set(*l, kBatchCount, &batch, sizeof batch), what);
    library_->check(f.layout_set(*l, kBatchStride, &batch_stride, sizeof batch_stride), what);
  };
  const auto operand = [&](OpaqueLayout** l, const codegen::PlainProduct::Side& s, int64_t count) {
    s.along_depth ? layout(l, p.depth, count, s.stride, s.batch_stride)
                  : layout(l, count, p.depth, s.stride, s.batch_stride);
  };
  operand(&a_, p.right, p.columns);
  operand(&b_, p.left, p.rows);
  layout(&d_, p.columns, p.rows, p.result_stride, p.result_batch_stride);
  // Operands may be anybody's memory: for what begins at a multiple of 16 bytes the library has better algorithms.
  const bool found = ask(kAligned, found_[0], why) && ask(itemsize(p.type), found_[1], why);
  if (found) workspace_ = static_cast<int64_t>(std::max(found_[0].workspace, found_[1].workspace));
  if (workspace_ > 0) workspace_ += kWorkspaceAlignment;  // which buffers of a program need not have
  return found;
}

bool LtProduct::ask(size_t alignment, Found& found, std::string* why) const {
  const CublasLt::Functions& f = library_->functions();
  const std::string what = "choosing an algorithm";
  CublasLt::Functions::Preference preference = nullptr;
  library_->check(f.preference_create(&preference), what);
  const auto bytes = static_cast<uint32_t>(alignment);
  int status = f.preference_set(preference, kMostWorkspace, &kWorkspace, sizeof kWorkspace);
  for (int n = 0; n < 4 && status == 0; ++n)
    status = f.preference_set(preference, kAlignmentA + n, &bytes, sizeof bytes);
  int count = 0;
  if (status == 0) status = f.heuristic(handle_, form_, a_, b_, d_, d_, preference, 1, &found, &count);
  f.preference_destroy(preference);
  if (status == 0 && count > 0 && found.status == 0) return true;
  const char* text = f.status_string(status ? status : found.status);
  *why = fmt::format("cuBLASLt has no algorithm for {}: {}", product_.str(), text ? text : "nothing found");
  return false;
}

void LtProduct::run(Gpu& gpu, const void* left, const void* right, void* result, void* workspace) const {
  gpu.enter();
  const auto given = reinterpret_cast<uintptr_t>(workspace);
  workspace = reinterpret_cast<void*>((given + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment);
  const auto size = static_cast<int64_t>(itemsize(product_.type));
  const auto* a = static_cast<const std::byte*>(right) + product_.right.offset * size;
  const auto* b = static_cast<const std::byte*>(left) + product_.left.offset * size;
  auto* d = static_cast<std::byte*>(result) + product_.result_offset * size;
  const auto aligned = [](const void* p) { return reinterpret_cast<uintptr_t>(p) % kAligned == 0; };
  const Found& found = found_[aligned(a) && aligned(b) && aligned(d) ? 0 : 1];
  const float one = 1, zero = 0;
  library_->check(library_->functions().multiply(handle_, form_, &one, a, a_, b, b_, &zero, d, d_, d, d_,
                                                 found.algorithm, workspace, found.workspace, gpu.stream()),
                  fmt::format("multiplying {} on {}", product_.str(), gpu.device().str()));
}

}  // namespace lazuli::runtime::cuda
