// The search for schedules: kernels of a graph are run on memory of their own under the cost model's choice and under
// its neighbours, in turns, within a budget of time; what is faster goes into the context's table of winners.
#pragma once
#include "ir/graph.h"
#include "lazuli/base/tune.h"

namespace lazuli::runtime {

class Context;

/// Of the kernels that evaluating the graph on the CPU would run; its leaves need no data. Throws Error(Unsupported)
/// for a graph on other devices. Programs are planned anew afterwards.
TuneReport tune(Context& context, const ir::Graph& graph, const TuneOptions& options);

}  // namespace lazuli::runtime
