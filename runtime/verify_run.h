// LAZULI_VERIFY: evaluates a request with every pass and every kernel checked against the reference interpreter.
#pragma once
#include "ir/region.h"
#include "runtime/executor.h"

namespace lazuli::runtime {

/// Throws Error(Internal) that names the first pass or kernel whose results differ, and the file with the reduced
/// graph. Writes no memory of the request.
void verify_request(Context& context, const EvalRequest& request);

/// The region as a graph of its own: what it reads becomes data and argument leaves.
ir::Graph region_graph(const ir::Region& region, ir::Interner& interner);

}  // namespace lazuli::runtime
