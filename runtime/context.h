// What evaluations share: memory, threads, caches, code generators, options. The frontend makes one and never destroys
// it; everything below receives it explicitly. Thread-safe.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>

#include "codegen/llvm/jit.h"
#include "ir/node.h"
#include "runtime/allocator.h"
#include "runtime/compile_pool.h"
#include "runtime/cuda/devices.h"
#include "runtime/first_tier.h"
#include "runtime/kernel_cache.h"
#include "runtime/machine_limits.h"
#include "runtime/registry.h"
#include "runtime/thread_pool.h"
#include "runtime/tuning_table.h"

namespace lazuli::runtime {

struct Program;
struct KernelPlan;

enum class LogLevel : uint8_t { Info, Warning, Error };
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// Values by key, bounded, for many threads.
template <class Value>
class SharedCache {
 public:
  explicit SharedCache(int64_t bytes) : entries_(bytes) {}
  std::shared_ptr<const Value> find(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto* found = entries_.find(key);
    return found ? *found : nullptr;
  }
  void insert(std::string key, std::shared_ptr<const Value> value, int64_t cost) {
    const std::lock_guard lock(mutex_);
    entries_.insert(std::move(key), std::move(value), cost, [](std::string_view) {});
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
  }
  size_t size() {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  std::mutex mutex_;
  LruMap<std::shared_ptr<const Value>> entries_;
};

class Context {
 public:
  explicit Context(Settings settings = {}, LogSink sink = {});
  /// With the settings of the process's environment; unreadable values are logged as warnings.
  static std::unique_ptr<Context> from_environment();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Settings& settings() const { return settings_; }
  ir::Interner& interner() { return interner_; }
  Allocator& allocator() { return allocator_; }
  ThreadPool& pool() { return pool_; }
  const CompilePool& compile_pool() const { return compile_pool_; }
  /// CUDA devices; none is opened before it is asked for.
  cuda::Devices& cuda() { return cuda_; }
  /// The allocator of a device's memory. Throws Error(Device) when there is no such device.
  Allocator& allocator(Device device);
  /// From a buffer to another, on whatever devices; waits where one is the host's.
  void copy(Buffer& to, const Buffer& from, int64_t bytes);
  /// To a buffer, from host memory.
  void upload(Buffer& to, const void* from, int64_t bytes);
  /// To host memory, from `offset` bytes into a buffer.
  void download(void* to, const Buffer& from, int64_t bytes, int64_t offset = 0);
  KernelCache& kernels() { return kernels_; }
  SharedCache<Program>& programs() { return programs_; }
  /// Lowered and compiled regions by their structure and sizes.
  SharedCache<KernelPlan>& kernel_plans() { return kernel_plans_; }
  FirstTier& first_tier() { return first_tier_; }
  /// Winners of this machine. Programs that were planned before one was inserted keep their kernels.
  TuningTable& tuning() { return tuning_; }
  void clear_caches();

  /// The machine as kernels are made for it under these options.
  codegen::CpuTarget target(const EvalOptions& options) const;
  codegen::LlvmJit& jit(const codegen::CpuTarget& target);
  /// Compiles through the kernel cache. Needs a large stack.
  KernelCache::Result compile(const codegen::Kernel& kernel, const codegen::CpuTarget& target);
  /// Measured on the first call for this number of threads.
  MachineLimits limits(int threads);

  /// Warnings and errors go to standard error when no sink is set.
  void set_log_sink(LogSink sink);
  void log(LogLevel level, std::string_view text) const;
  /// Numbers the files that evaluations dump.
  uint64_t next_dump() { return dumps_.fetch_add(1); }

 private:
  Settings settings_;
  mutable std::mutex log_mutex_;
  LogSink sink_;
  ir::Interner interner_;
  Allocator allocator_;
  ThreadPool pool_;
  CompilePool compile_pool_;
  codegen::CpuTarget host_;
  std::mutex jit_mutex_;
  std::map<std::string, std::unique_ptr<codegen::LlvmJit>> jits_;
  cuda::Devices cuda_;
  KernelCache kernels_;
  SharedCache<KernelPlan> kernel_plans_;
  SharedCache<Program> programs_;
  FirstTier first_tier_;
  TuningTable tuning_;
  std::mutex limits_mutex_;
  std::map<int, MachineLimits> limits_;
  std::atomic<uint64_t> dumps_{0};
};

}  // namespace lazuli::runtime
