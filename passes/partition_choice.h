// The places where partition decides, for whoever wants to decide otherwise: tests that search all partitions, and
// explain(), which says what a fusion that was refused would have cost. Whatever is chosen is a legal partition.
#pragma once
#include <span>

#include "passes/pass.h"

namespace lazuli::passes {

/// How a node becomes part of kernels.
struct Way {
  enum Kind : uint8_t {
    Virtual,  // computed wherever it is needed, never stored
    Join,     // computed by the kernel of the reader that runs first, and stored there if others need it
    Root,     // stored by a kernel over its own space that runs before all of its readers
  };
  static constexpr uint32_t kNew = ~0u;
  Kind kind;
  uint32_t region = 0;  // Root: which of the kernels there are, or kNew
  bool operator==(const Way&) const = default;
};

class PlacementChooser {
 public:
  virtual ~PlacementChooser() = default;
  /// One of `ways`, at least one; partition itself would take `preferred`. Nodes come in an order that depends on the
  /// graph alone; which ways there are depends on what was chosen before.
  virtual size_t choose(const ir::Node* n, std::span<const Way> ways, size_t preferred) = 0;
};

/// partition() with somebody else's decisions.
ir::Partition partition(const ir::Graph& g, PassContext& ctx, PlacementChooser& chooser);

}  // namespace lazuli::passes
