// Runs graphs: looks the program up by structure or builds it (passes, partition, memory plan, lowering, compilation),
// binds leaves to memory and launches kernels in order.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/buffer.h"
#include "runtime/options.h"
#include "runtime/report.h"

namespace lazuli::runtime {

class Context;

/// What to evaluate, and what may be done to the memory at its boundary.
struct EvalRequest {
  ir::Graph graph;  // outputs; leaves carry their payloads
  /// Leaves whose buffers nobody needs afterwards: may be overwritten or become an output's memory.
  std::vector<const ir::Node*> donated;
  /// Per output: the buffer it must be written to (in-place operations), or null for fresh memory.
  std::vector<std::shared_ptr<Buffer>> targets;
  EvalOptions options;
};

struct EvalResult {
  std::vector<std::shared_ptr<Buffer>> buffers;  // per output
  Report report;                                 // filled when options.profile
};

/// Evaluates; all or nothing: when it throws (Error Value from a check, Memory, Compile), every target and every
/// donated buffer is as it was.
EvalResult evaluate(Context& context, const EvalRequest& request);

/// Texts for dump(): "graph", "passes", "regions", "schedule", "kernels", "llvm", "asm", "cuda", "dot", "memory".
std::string dump(Context& context, const ir::Graph& graph, const std::string& stage, const EvalOptions& options);
/// Kernels, what is fused in each, and why every other producer-consumer edge was not.
std::string explain(Context& context, const ir::Graph& graph, const EvalOptions& options);

}  // namespace lazuli::runtime
