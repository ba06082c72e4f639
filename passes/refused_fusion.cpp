#include "passes/refused_fusion.h"

#include <algorithm>

namespace lazuli::passes {

size_t OneVirtual::choose(const ir::Node* n, std::span<const Way> ways, size_t preferred) {
  if (n != node_) return preferred;
  const auto at = std::find(ways.begin(), ways.end(), Way{Way::Virtual});
  const auto way = static_cast<size_t>(at - ways.begin());
  done_ = at != ways.end() && way != preferred;
  return done_ ? way : preferred;
}

std::optional<ir::Partition> fuse_anyway(const ir::Graph& g, PassContext& ctx, const ir::Node* stored) {
  OneVirtual chooser(stored);
  ir::Partition p = partition(g, ctx, chooser);
  if (!chooser.done()) return std::nullopt;
  return p;
}

}  // namespace lazuli::passes
