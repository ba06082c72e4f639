// Evaluating, and asking what evaluation does or would do.
#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "lazuli/base/eval_options.h"
#include "lazuli/base/report.h"
#include "lazuli/tensor.h"

namespace lazuli {

/// Computes the tensors, as one program. Views compute their base. When it throws, nothing has changed: every tensor
/// has the value it had, and later evaluations work.
void eval(std::span<const Tensor> tensors, const EvalOptions& options = {});
template <class... T>
  requires(sizeof...(T) > 0 && (std::same_as<T, Tensor> && ...))
void eval(const T&... tensors) {
  const Tensor all[] = {tensors...};
  eval(std::span<const Tensor>(all));
}

/// Evaluates and says what was run, how long it took, and how close to this machine's limits.
Report profile(std::span<const Tensor> tensors, EvalOptions options = {});
template <class... T>
  requires(sizeof...(T) > 0 && (std::same_as<T, Tensor> && ...))
Report profile(const T&... tensors) {
  const Tensor all[] = {tensors...};
  return profile(std::span<const Tensor>(all));
}

// ---- Looking without evaluating. ----
enum class State : uint8_t { Pending, Ready };
/// Whether the value (of a view: of its base) has been computed.
State state(const Tensor& t);
/// "float32[256, 64] cpu pending: gelu main.cpp:23"
std::string describe(const Tensor& t);
/// "graph", "passes", "regions", "schedule", "kernels", "llvm", "asm", "cuda", "dot", "memory".
std::string dump(const Tensor& t, const std::string& stage = "graph", const EvalOptions& options = {});
/// Kernels, what is fused in each, and why every other producer-consumer edge was not.
std::string explain(const Tensor& t, const EvalOptions& options = {});

/// Distinct operations that no evaluation has computed yet, over all live tensors.
int64_t pending_nodes();
/// Bytes of memory that tensors and pending operations keep.
int64_t retained_bytes();

// ---- Settings of the process. ----
/// Threads that kernels use; 0 restores the default.
void set_num_threads(int n, Location loc = Location::current());
int get_num_threads();
/// Forgets planned programs and compiled kernels: the next evaluation of anything begins anew. Compiled functions keep
/// theirs.
void clear_caches();
/// Interpret every operation at its call (LAZULI_EAGER=1): slow, and errors of values appear where they are made.
void set_eager(bool on);
bool is_eager();
/// Above this many pending operations behind one tensor it is evaluated, with one warning; 0: never.
void set_pending_limit(int64_t nodes);
int64_t pending_limit();

enum class LogLevel : uint8_t { Info, Warning, Error };
using LogSink = std::function<void(LogLevel, std::string_view)>;
/// Where messages go; null: warnings and errors to standard error, the default. Called from the thread that causes the
/// message.
void set_log_sink(LogSink sink);

/// What the frontend and the allocator have done since the process began.
struct MemoryStats {
  int64_t live_bytes = 0;   // in buffers that tensors hold
  int64_t allocations = 0;  // buffers handed out (recycled memory counts as well)
  int64_t evaluations = 0;  // programs run
  int64_t interpreted = 0;  // of these, small ones that were interpreted, because compiling would have taken longer
  int64_t copies_out = 0;   // old versions copied because a pending reader needed them
};
MemoryStats memory_stats();

}  // namespace lazuli
