// The legality spec of the graph level: every node is what infer() says, inputs precede users, attributes fit the op.
#pragma once
#include "ir/graph.h"

namespace lazuli::ir {

/// Throws Error(Internal) that names the first offending node and the rule.
void verify(const Graph& g);

}  // namespace lazuli::ir
