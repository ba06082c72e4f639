// The CUDA devices of the process and the compiler for them. Nothing is loaded before somebody asks. Thread-safe.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "codegen/cuda/emit.h"
#include "codegen/cuda/nvrtc.h"
#include "codegen/lower.h"
#include "runtime/cuda/cubin_cache.h"
#include "runtime/cuda/gpu.h"
#include "runtime/lru_map.h"

namespace lazuli::runtime::cuda {

struct Options {
  std::string driver_path, nvrtc_path, cublaslt_path;  // empty: searched for
  GpuOptions gpus = {};
  std::string cache_folder;   // of machine code between processes (cubin_cache.h); empty: none
  std::string record_folder;  // where the source of every kernel is left; empty: nowhere
  int64_t module_cache_bytes = int64_t{256} << 20;
};

class CublasLt;
class LtProduct;

/// A kernel that can be launched, or a call of a library.
struct CompiledKernel {
  std::shared_ptr<const Module> module;
  std::shared_ptr<const LtProduct> library;  // takes the place of the module
  int threads = 0;
  bool has_checks = false;
  bool stays = false;                         // on as many blocks as there are processors
  std::vector<codegen::TensorMap> maps = {};  // that its argument begins with
  bool found = false;                         // in the cache
  double compile_ms = 0;                      // when it was made
};

class Devices {
 public:
  explicit Devices(Options options)
      : options_(std::move(options)), cubins_(options_.cache_folder), modules_(options_.module_cache_bytes) {}

  /// Empty when CUDA can be used, else a sentence that says why not. Machine code in the folder does in the place of a
  /// compiler.
  std::string status();
  /// 0 when CUDA cannot be used.
  int count();
  /// Throws Error(Device) with the reason when there is no such device.
  Gpu& gpu(Device device);
  /// "NVRTC 13.0": who compiles, or who made the machine code in the folder where there is no compiler.
  const std::string& compiler();
  /// Throws Error(Device) when NVRTC is missing.
  const codegen::Nvrtc& nvrtc();

  /// Compiles for the GPU's architecture and loads, unless the same source was loaded before. Throws Error(Compile)
  /// with the whole log; `keep_source` is then given the source, and returns where it was put (or an empty text).
  CompiledKernel compile(Gpu& gpu, const codegen::Lowered& lowered,
                         const std::function<std::string(const std::string& source)>& keep_source);
  /// cuBLASLt; null when it cannot be had, with a sentence in `why`. The first call looks for it.
  std::shared_ptr<const CublasLt> cublaslt(std::string* why);
  void clear_cache();

 private:
  void open();
  void record(const std::string& name, const std::string& source) const;

  const Options options_;
  const CubinCache cubins_;
  std::once_flag opened_;
  std::string why_not_, why_no_compiler_;
  std::string compiler_;  // its version; without one, that of the machine code in the folder
  std::shared_ptr<const Driver> driver_;
  std::shared_ptr<const codegen::Nvrtc> nvrtc_;
  std::once_flag looked_for_cublaslt_;
  std::shared_ptr<const CublasLt> cublaslt_;
  std::string why_no_cublaslt_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Gpu>> gpus_;  // by index, once used
  LruMap<std::shared_ptr<const Module>> modules_;
};

}  // namespace lazuli::runtime::cuda
