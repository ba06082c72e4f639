// One region while partition grows it: its index space, what is evaluated in it, what it reads and stores.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/index_expr.h"
#include "ir/region.h"
#include "passes/op_costs.h"
#include "passes/pass.h"

namespace lazuli::passes {

class RegionBuilder {
 public:
  /// A region whose space is that of `root`: its shape (map), its operand's (reduction), result and contracted axes
  /// (dot).
  /// `of_its_own`: dot, scatters, scans, argsort and updates (slice_update in place), whose kind of region no other
  /// root joins.
  RegionBuilder(const ir::Node* root, bool of_its_own);

  ir::IndexArena& arena() { return *arena_; }
  /// Equal for roots that may share a region.
  static std::string space_key(const ir::Node* root, bool of_its_own);
  /// Index at which a root of this region's space is stored.
  ir::IndexVec root_index(const ir::Node* root) const;

  void add_node(const ir::Node* n, double cost);
  void add_input(const ir::Node* n, const ir::IndexVec& index);
  /// Reads `n` at places that only the running kernel knows.
  void add_indexed_input(const ir::Node* n);
  void add_output(const ir::Node* n, const ir::IndexVec& index);
  bool has_room(double cost, const PassContext& ctx) const;
  bool is_map() const { return kind_ == ir::RegionKind::Map; }

  /// How often something at `index` is evaluated: once per combination of the variables there.
  double points(const ir::IndexVec& index) const;
  /// Whether `n`, evaluated at `index`, is one element per point of the full or of the kept space.
  bool can_store(const ir::Node* n, const ir::IndexVec& index);
  /// Whether the region reduces rows that are not consecutive in memory, and what is at `index` is an element of them:
  /// storing it takes another stage, which evaluates it again.
  bool stores_in_another_stage(const ir::IndexVec& index) const;
  /// Whether `index`, an axis of the space per axis of `n`, takes every value that it has in `n`.
  bool covers(const ir::Node* n, const ir::IndexVec& index) const;
  /// Whether a reduction needed at `index` can run here.
  bool can_reduce(const ir::Node* n, const ir::IndexVec& index, const PassContext& ctx) const;
  /// What can_reduce allowed: the region becomes (or stays) a row region around it.
  void reduce(const ir::Node* n, const ir::IndexVec& index);
  /// Whether a contraction needed at `index` can run here with this region as its epilogue.
  /// With `all`, only if every element of it is computed.
  bool can_contract(const ir::Node* n, const ir::IndexVec& index, bool all) const;
  /// What can_contract allowed.
  void contract(const ir::Node* n);
  /// Whether a root above `dot` (null: above none) may be computed here: a region contracts once.
  bool may_share_contraction(const ir::Node* dot) const { return !dot || !expected_ || expected_ == dot; }
  void share_contraction(const ir::Node* dot) {
    if (!expected_) expected_ = dot;
  }
  /// Index of the part of the update that this region is.
  ir::IndexVec part_index() const { return ir::IndexVec(std::span<const ir::IndexId>(axes_.data(), axes_.size())); }
  /// Whether the part of an update may read its base at other elements than the one that it overwrites.
  bool part_reads_elsewhere(const ir::Node* update, const ir::IndexVec& part, const ir::IndexVec& index);
  ir::IndexVec reduction_operand(const ir::Node* n, const ir::IndexVec& index) const;
  /// Reduced, contracted or index axes, in order.
  std::vector<ir::IndexId> reduced_axes() const;
  std::pair<ir::IndexVec, ir::IndexVec> contraction_operands(const ir::Node* dot, const ir::IndexVec& index);

  ir::Region finish();

 private:
  void add_axes(std::span<const int64_t> extents, bool reduced);
  /// The variables that the index is made of, one per axis of size > 1 and each once; empty optional otherwise.
  std::optional<std::vector<bool>> plain_variables(const ir::IndexVec& index) const;
  /// Whether the index is made of all variables, each once and as digits: row-major positions over some of them.
  bool is_mixed_radix(const ir::IndexVec& index) const;
  std::vector<int64_t> reduced_extents() const;

  static constexpr ir::IndexId kAnywhere = ~0u;  // equals no index
  struct Access {
    const ir::Node* node;
    ir::IndexId flat;
  };
  std::shared_ptr<ir::IndexArena> arena_ = std::make_shared<ir::IndexArena>();
  ir::RegionKind kind_ = ir::RegionKind::Map;
  std::vector<int64_t> extents_;           // per axis of the space
  std::vector<ir::IndexId> axes_;          // variable (or 0 for extent 1) per axis of the space
  std::vector<bool> reduced_;              // per axis
  const ir::Node* contraction_ = nullptr;  // runs here
  const ir::Node* expected_ = nullptr;     // is below the region's roots
  double ops_ = 0;
  size_t pieces_ = 0;  // of pads, concats and updates
  std::vector<const ir::Node*> nodes_, inputs_, outputs_;
  std::unordered_map<const ir::Node*, uint32_t> seen_;  // bit 0: node, bit 1: input
  std::vector<ir::IndexVec> output_index_;
  std::vector<Access> reads_, writes_;
};

}  // namespace lazuli::passes
