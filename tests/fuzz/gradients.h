// Derivatives of random graphs. Any graph has a gradient graph, which compiled code must get right as it does any
// other; and of smooth graphs over float64 the derivatives themselves are checked: vjp against jvp and differences.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "ir/graph.h"

namespace lazuli::fuzz {

/// Some outputs of `g`, and of its gradients with respect to its float leaves, under cotangents that are leaves.
/// `g` itself when it has none.
ir::Graph with_gradients(const ir::Graph& g, uint64_t seed, ir::Interner& interner);

/// A graph of one output that is smooth wherever float64 leaves lie in [-1.5, 1.5], over every row with a gradient,
/// views, joins, reductions, contractions, composites, gather and scatter_add. A function of the seed.
ir::Graph generate_smooth(uint64_t seed, ir::Interner& interner);

/// What is wrong with the derivatives of the output, to the second order; nothing when the graph is not judged, because
/// its leaves are not all float64 or its values are too large.
std::optional<std::string> check_smooth(const ir::Graph& g, uint64_t seed, ir::Interner& interner,
                                        bool* judged = nullptr);

struct SmoothSummary {
  int64_t graphs = 0, judged = 0, failures = 0, nodes = 0;
};
/// Checks the derivatives of `count` smooth graphs; failures are reported reduced, as text.
SmoothSummary fuzz_smooth(uint64_t seed, int64_t count, const std::function<void(const std::string&)>& report);

}  // namespace lazuli::fuzz
