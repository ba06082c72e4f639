// Graphs that use several devices. `to` nodes cut a graph into segments of one device; each is a program of its own,
// and what later segments read is stored between them.
#pragma once
#include "runtime/executor.h"

namespace lazuli::runtime {

/// Evaluates a graph that crosses devices. Results are committed to targets at the end; nothing is donated.
EvalResult evaluate_segments(Context& context, const EvalRequest& request);

/// Whether any node is on a device other than the CPU.
bool uses_devices(const ir::Graph& graph);
/// The same graph on the CPU, with the leaves' values: what the interpreter and the checks on the host see.
ir::Graph host_twin(Context& context, const ir::Graph& graph);
/// Host buffers with the values of results, for checks on the host.
std::vector<std::shared_ptr<Buffer>> host_copies(Context& context, const std::vector<std::shared_ptr<Buffer>>& results);

}  // namespace lazuli::runtime
