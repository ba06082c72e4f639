// One GPU: its primary context, one stream, its memory. All work of a GPU goes through its one stream, in order, so
// memory that is given back may be used again at once by what comes after. Thread-safe.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codegen/target.h"
#include "lazuli/base/device.h"
#include "runtime/allocator.h"
#include "runtime/cuda/driver.h"
#include "runtime/cuda/staging.h"

namespace lazuli::runtime::cuda {

struct Properties {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int processors = 0, warp_size = 32;
  int64_t memory_bytes = 0, l2_bytes = 0, shared_bytes_per_block = 0, shared_bytes_per_processor = 0;
};

/// What a GPU's own abilities are used for.
struct GpuOptions {
  bool exact_blocks = false;  // memory is asked for as it is requested and not recycled: tools see accesses outside
  bool matrix_units = true;   // contractions may use them
  bool streams = true;        // on sm_90a, products of matrices may take the pipeline that is that machine's own
  bool tf32 = false;          // products of float32 may use matrix units, which round operands
};

class Gpu;

/// Machine code that is loaded on a GPU: one function per phase of a kernel.
class Module {
 public:
  /// Throws Error(Device) when the driver refuses the code.
  Module(Gpu& gpu, const std::string& cubin, std::span<const std::string> entry_points, int64_t shared_bytes,
         const std::string& name);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::vector<FunctionHandle>& functions() const { return functions_; }
  int64_t shared_bytes() const { return shared_bytes_; }
  int64_t code_bytes() const { return code_bytes_; }

 private:
  Gpu& gpu_;
  ModuleHandle module_ = nullptr;
  std::vector<FunctionHandle> functions_;
  int64_t shared_bytes_, code_bytes_;
};

class Gpu {
 public:
  Gpu(std::shared_ptr<const Driver> driver, int index, const GpuOptions& options);
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  Device device() const { return {DeviceKind::CUDA, static_cast<int8_t>(index_)}; }
  const Properties& properties() const { return properties_; }
  const codegen::GpuTarget& target() const { return target_; }
  Allocator& allocator() { return *allocator_; }
  const Driver& driver() const { return *driver_; }
  StreamHandle stream() const { return stream_; }
  ContextHandle context() const { return context_; }

  /// Makes the GPU's context that of the calling thread: before any use of driver().
  void enter() const;
  /// From host memory, which may change as soon as the call returns.
  void upload(void* to, const void* from, int64_t bytes) const;
  /// To host memory; waits for everything before it.
  void download(void* to, const void* from, int64_t bytes) const;
  void copy(void* to, const void* from, int64_t bytes) const;
  void fill(void* to, unsigned char byte, int64_t bytes) const;
  /// Waits until all work is done. Throws Error(Device) when something failed.
  void synchronize() const;
  /// Runs `function` on `blocks` blocks with one argument, the structure at `argument`. Does not wait.
  void launch(FunctionHandle function, int64_t blocks, int threads, int64_t shared_bytes, const void* argument,
              const std::string& name) const;

 private:
  std::shared_ptr<const Driver> driver_;
  int index_;
  ContextHandle context_ = nullptr;
  StreamHandle stream_ = nullptr;
  Properties properties_;
  codegen::GpuTarget target_;
  std::unique_ptr<Allocator> allocator_;
  std::unique_ptr<Staging> uploads_, downloads_;  // which do not wait for each other
};

}  // namespace lazuli::runtime::cuda
