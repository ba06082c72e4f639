// Graphs of the CPU run on a CUDA device (the emulated one, as a rule): the same graph with its leaves there.
#pragma once
#include <string>
#include <vector>

#include "ir/interpret.h"
#include "runtime/executor.h"

namespace lazuli::testing {

/// Moves values and graph to the first device, evaluates and fetches the results. Throws what evaluate() throws, and
/// Error(Internal) when a leaf was overwritten. `report`: what was profiled, if the options say so. Leaves begin
/// `leaf_shift` bytes behind where memory of the device does.
std::vector<ir::HostArray> run_on_device(runtime::Context& context, const ir::Graph& g, const ir::LeafSource& leaves,
                                         const runtime::EvalOptions& options = {}, runtime::Report* report = nullptr,
                                         int64_t leaf_shift = 0);

}  // namespace lazuli::testing
