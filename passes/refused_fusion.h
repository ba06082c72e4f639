// What a fusion that partition refused would have cost: the partition with that one decision turned around.
#pragma once
#include <optional>

#include "passes/partition_choice.h"
#include "passes/partition_cost.h"

namespace lazuli::passes {

/// Everything as partition prefers it, except that one node is not stored, where that can be (null: nothing else).
class OneVirtual final : public PlacementChooser {
 public:
  explicit OneVirtual(const ir::Node* n) : node_(n) {}
  size_t choose(const ir::Node* n, std::span<const Way> ways, size_t preferred) override;
  /// Whether that made a difference.
  bool done() const { return done_; }

 private:
  const ir::Node* node_;
  bool done_ = false;
};

/// The partition in which the node is computed wherever it is needed instead of being stored; nothing where no
/// partition can do that.
std::optional<ir::Partition> fuse_anyway(const ir::Graph& g, PassContext& ctx, const ir::Node* stored);

}  // namespace lazuli::passes
