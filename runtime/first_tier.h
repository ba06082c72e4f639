// The first tier: small work that no program was made for yet is run by the reference interpreter, which takes
// microseconds where compiling a kernel takes milliseconds. Results and errors are those of kernels, because the
// interpreter is what the IR means. A program is interpreted until that has cost, by the model below, a share of what
// compiling it costs: who computes an expression once never waits for the compiler, and who computes it often waits
// once. Nothing depends on measured time.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "passes/op_costs.h"
#include "runtime/program_key.h"
#include "runtime/registry.h"

namespace lazuli::runtime {

class Context;

/// By a model, in nanoseconds.
struct FirstRun {
  double interpreting = 0, compiling = 0;
  int64_t bytes = 0;  // of all values together
};

class FirstTier {
 public:
  /// What of compiling may be spent on interpreting the same program before.
  static constexpr double kShare = 0.2;

  /// What a first run of this graph costs, where it may be interpreted under these options and is small enough.
  std::optional<FirstRun> estimate(const Settings& settings, const EvalOptions& options,
                                   std::span<const ir::Node* const> order);
  /// Whether a request that has no program is interpreted, which counts.
  bool takes(Context& context, const EvalRequest& request, const Boundary& boundary);
  /// Programs are new again.
  void clear();
  /// Runs that were interpreted.
  int64_t runs() const { return runs_.load(std::memory_order_relaxed); }

 private:
  /// Programs are forgotten beyond this number.
  static constexpr size_t kRemembered = 1 << 16;

  std::mutex mutex_;
  passes::OpCosts costs_;
  std::unordered_map<size_t, double> spent_;  // nanoseconds, by hash of the key
  std::atomic<int64_t> runs_{0};
};

}  // namespace lazuli::runtime
