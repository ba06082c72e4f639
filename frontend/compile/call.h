// One call of a trace: memory for its leaves, the program, and what becomes of the results.
#pragma once
#include "frontend/compile/trace.h"

namespace lazuli::detail {

/// The program that the last call ran, for reports.
struct CallRecord {
  std::shared_ptr<const runtime::Prepared> prepared;
  bool made = false;  // its program was made for this call
  Report measured;    // when options.eval.profile
};

/// Runs the trace on the arguments. All or nothing: when it throws, no tensor has changed.
std::vector<Tensor> run_trace(Trace& trace, std::span<const CallArguments::Leaf> arguments,
                              std::span<const Scalar> scalars, const CompileOptions& options, CallRecord& record);

}  // namespace lazuli::detail
