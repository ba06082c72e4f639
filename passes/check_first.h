// Results that are to land in memory that exists must be complete, or not be made at all. A kernel that checks indices
// while it picks rows is therefore followed by a copy. Where indices are small beside what they pick, a kernel of their
// own checks them first, and the other one, which cannot fail any more, writes straight into that memory.
#pragma once
#include <span>

#include "passes/pass.h"

namespace lazuli::passes {

/// Whether the region's indices are known to be in bounds: stored by a region that checks them.
bool indices_are_checked(const ir::Region& region, const ir::Node* gather);

/// `direct`: outputs of the graph that are to land in memory that exists. Replaces graph and partition where that pays.
void check_first(ir::Graph& graph, ir::Partition& partition, std::span<const size_t> direct, PassContext& ctx);

}  // namespace lazuli::passes
