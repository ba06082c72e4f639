// Calls of one program with other memory. A request is prepared once: its program is looked up or made, and its leaves
// are numbered. After that a call is: one address per leaf, run. evaluate() is prepare and run; compiled functions
// prepare once and run many times.
#pragma once
#include <unordered_set>

#include "runtime/program.h"

namespace lazuli::runtime {

/// Refers to nodes of the request's graph, which the holder keeps alive.
struct Prepared {
  Boundary boundary;
  std::shared_ptr<const Program> program;       // null when the graph crosses devices: each segment has its own
  bool hit = true;                              // the program was found, not made
  std::unordered_set<const KernelPlan*> fresh;  // kernels that were lowered for it just now
  double plan_ms = 0;

  /// Data and argument leaves; a call gives each its memory by position.
  const std::vector<const ir::Node*>& leaves() const { return boundary.leaves; }
  /// The same as a later call finds it: nothing is made for that one.
  Prepared again() const { return {boundary, program, /*hit=*/true, /*fresh=*/{}, /*plan_ms=*/0}; }
};

/// Numbers the request and looks its program up. `values`: leaves must have data (a request that is run only by
/// run_prepared needs none).
Prepared look_up(Context& context, const EvalRequest& request, bool values = true);
/// Makes the program that look_up did not find.
void make_program(Context& context, const EvalRequest& request, Prepared& prepared);
/// Both.
Prepared prepare(Context& context, const EvalRequest& request, bool values = true);

/// Memory of one call.
struct CallMemory {
  /// Per leaf: its elements; of an argument, its bits (as many as its type has).
  std::span<const void* const> leaves;
  /// Per leaf: the buffer of one that the request donates; may be null for others.
  std::span<const std::shared_ptr<Buffer>> owners;
};

/// Runs a request without targets on other memory than its leaves'. Promises and errors are those of evaluate().
EvalResult run_prepared(Context& context, const Prepared& prepared, const ir::Graph& graph, const CallMemory& memory,
                        const EvalOptions& options);

/// What would be run, without times.
void fill_report(const Prepared& prepared, Report& report);

}  // namespace lazuli::runtime
