// Machine code by kernel structure, target and code generation level. Bounded, thread-safe; threads that miss the same
// key at the same time compile it once.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "codegen/llvm/jit.h"
#include "runtime/lru_map.h"

namespace lazuli::runtime {

/// Why a kernel had to be compiled.
enum class Miss : uint8_t { None, NewStructure, OtherTarget, Evicted };
std::string_view name(Miss m);

struct KernelCacheStats {
  uint64_t hits = 0, compiled = 0, evicted = 0;
  size_t kernels = 0;
  int64_t bytes = 0;
};

class KernelCache {
 public:
  using Code = std::shared_ptr<const codegen::CompiledKernel>;
  struct Result {
    Code code;
    Miss miss = Miss::None;
  };

  static constexpr int64_t kDefaultBytes = int64_t{256} << 20;
  explicit KernelCache(int64_t bytes = kDefaultBytes) : entries_(bytes) {}

  /// `structure` is structural_key(kernel); `target` everything else that machine code depends on.
  /// `compile` runs on the calling thread; what it throws reaches every thread that waits for this key.
  Result get(const std::string& structure, const std::string& target, const std::function<Code()>& compile);
  /// The code if it is there, without waiting or compiling.
  Code find(const std::string& structure, const std::string& target);

  void set_budget(int64_t bytes);
  void clear();
  KernelCacheStats stats() const;

 private:
  struct Pending {
    bool done = false;
    Code code;
    std::exception_ptr error;
  };
  static std::string full_key(const std::string& structure, const std::string& target);
  Miss reason(const std::string& structure, const std::string& key) const;

  mutable std::mutex mutex_;
  std::condition_variable compiled_;
  LruMap<Code> entries_;
  std::unordered_map<std::string, std::shared_ptr<Pending>> pending_;
  // Hashes only, to explain misses.
  std::unordered_set<size_t> seen_structures_, evicted_keys_;
  KernelCacheStats stats_;
};

}  // namespace lazuli::runtime
