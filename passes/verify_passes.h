// Checks passes against the reference interpreter: a pass must not change a bit of any output. A failure names the pass
// and is reduced to a small graph that still shows it.
#pragma once
#include <optional>

#include "ir/interpret.h"
#include "passes/pass.h"

namespace lazuli::passes {

/// Elements made up from a seed and the position of a leaf among the leaves of `g`: mostly small numbers, a few NaNs,
/// infinities, signed zeros, denormals and extremes. Holds no reference to `g`.
ir::LeafSource generated_leaves(const ir::Graph& g, uint64_t seed);

/// How the values of the graphs differ; empty when they are bitwise equal or when `before` itself cannot be evaluated
/// (a check fails there: a pass may drop checks of elements that are not needed, but add none).
std::optional<std::string> compare_graphs(const ir::Graph& before, const ir::Graph& after,
                                          const ir::LeafSource& leaves);

struct PassFailure {
  std::string pass;
  std::string message;           // what went wrong on `graph`
  ir::Graph graph;               // reduced: what the pass was given
  std::optional<uint64_t> seed;  // of generated_leaves, when those show it; otherwise it takes the original elements
  /// IR text that lazuli-opt reads, with what happened in its comments.
  std::string reproducer() const;
};

/// Runs the passes in turn and compares after each. The first guilty pass, or none.
std::optional<PassFailure> verify_passes(const ir::Graph& g, const std::vector<Pass>& pipeline, PassContext& ctx,
                                         const ir::LeafSource& leaves);

/// Smallest graph found for which `fails` holds, by dropping outputs, cutting off consumers and, if `cut_producers`,
/// putting data leaves in place of nodes. `fails(g)` must hold. Asks `fails` at most `budget` times.
ir::Graph reduce_graph(const ir::Graph& g, const std::function<bool(const ir::Graph&)>& fails, bool cut_producers,
                       ir::Interner& interner, int budget = 2000);

}  // namespace lazuli::passes
