// Loop variables of a region while its kernel is emitted: adjacent axes merge into one loop where every access allows,
// loops are bound to values, and symbolic indices become integer instructions.
//
// Every number that comes from a size (a stride, an extent, a divisor) becomes a size argument; only its being 0, 1 or
// -1 is part of the code.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "codegen/item_graph.h"
#include "codegen/kernel_builder.h"

namespace lazuli::codegen {

/// One loop over one or more merged axes.
struct LoopGroup {
  std::vector<uint32_t> variables;  // outermost first
  int64_t extent = 1;
  bool reduced = false;
  Side side = Side::None;
};

class LoopNest {
 public:
  LoopNest(const ir::Region& region, const ItemGraph& graph, KernelBuilder& builder, std::vector<int64_t>& sizes);

  /// Loops over the kept axes, then over the reduced ones; outermost first.
  const std::vector<LoopGroup>& groups() const { return groups_; }
  size_t kept_count() const { return kept_count_; }
  int64_t kept_extent() const;
  int64_t reduced_extent() const;

  // Binding. A group is bound to a scalar, to consecutive lanes from a scalar, or to arbitrary lanes.
  void bind_scalar(size_t group, ValueId value);
  void bind_lanes(size_t group, ValueId first, uint16_t lanes);
  void bind_vector(size_t group, ValueId lanes);
  /// Binds groups [first, last) from the row-major position over them. With lanes > 1 the position is that of the first
  /// lane; consecutive lanes follow. With `whole`, the position is a multiple of the lanes: they stay consecutive where
  /// the innermost extent is one, too.
  void bind_flat(size_t first, size_t last, ValueId position, uint16_t lanes = 1, bool whole = false);
  /// The same over these groups, outermost first.
  void bind_flat(std::span<const size_t> groups, ValueId position, uint16_t lanes = 1, bool whole = false);
  std::vector<size_t> groups_of(Side side) const;
  int64_t extent_of(std::span<const size_t> groups) const;

  /// An address in elements: the same one for all lanes, `lanes` consecutive ones from a scalar on, or backwards from
  /// it (only where asked for), or one per lane.
  enum class Access : uint8_t { Uniform, Consecutive, Backwards, Scattered };
  struct Address {
    Access access;
    ValueId offset;              // Scattered: a vector
    bool of_first_lane = false;  // it counts only where the first lane does
  };
  Address address(ir::IndexId position, bool backwards = false);
  /// How far a step along this group moves a position; nothing when that is not the same everywhere.
  std::optional<int64_t> stride(ir::IndexId position, size_t group) const;
  /// The value of an index: a scalar if it does not vary over the lanes.
  ValueId value(ir::IndexId index);
  /// Lanes that lie in one block of a quotient or remainder (a group of weights, say) are found by where the first one
  /// starts and share the quotient: what they read stays consecutive. For strategies whose vectors start at multiples.
  bool blocks_of_lanes = false;
  /// Consecutive lanes are tested by how many are inside, not each by its index: cheaper in loops that have little
  /// else.
  bool masks_by_count = false;
  /// Whether lanes lie inside; nothing when that is always so.
  std::optional<ValueId> inside(ir::PredicateId predicate);
  /// Whether no lane ever does.
  bool never(ir::PredicateId predicate) const;
  /// While emitting: the values of this loop are known to be in [low, high].
  void assume(size_t group, int64_t low, int64_t high) { assumed_ = {group, low, high}; }
  void assume_nothing() { assumed_.reset(); }
  /// What an index that depends on this loop alone moves by per step of it; nothing for any other index.
  std::optional<int64_t> step_alone(ir::IndexId index, size_t group) const;

  /// Sizes are written into the code instead of being arguments: for loops so short that addresses would cost as much
  /// as what they are for. Before anything is emitted.
  bool constant_sizes = false;
  /// A size argument that holds `v`; the same key gives the same argument.
  ValueId size(std::array<uint64_t, 3> key, int64_t v);
  /// A size argument used once, named by its purpose.
  ValueId size(const char* purpose, int64_t v);
  /// Which size argument that is. Throws when there is none.
  uint32_t size_number(const char* purpose) const { return named_sizes_.at(purpose); }
  /// Row-major decomposition helper: quotient and remainder by a size known at launch.
  std::pair<ValueId, ValueId> divide(ValueId x, std::array<uint64_t, 3> key, int64_t divisor, int64_t x_limit);

 private:
  struct Binding {
    ValueId value = kNone;  // scalar, or the first lane's value, or a vector
    uint16_t lanes = 1;
    bool consecutive = false;
  };
  struct Assumed {
    size_t group;
    int64_t low, high;
  };
  /// Smallest and largest value of an index.
  std::pair<int64_t, int64_t> range(ir::IndexId index) const;
  void merge_groups(const ir::Region& region, const ItemGraph& graph);
  bool varies(ir::IndexId e) const;
  std::optional<std::pair<ValueId, ValueId>> block_of_lanes(const ir::IndexAtom& a, uint16_t* lanes);
  ValueId atom_value(ir::AtomId a);
  ValueId times(ValueId x, std::array<uint64_t, 3> key, int64_t c);

  ir::IndexArena& arena_;
  KernelBuilder& b_;
  std::vector<int64_t>& sizes_;
  std::vector<LoopGroup> groups_;
  size_t kept_count_ = 0;
  std::vector<uint32_t> group_of_;  // per variable
  std::vector<bool> is_innermost_;  // per variable: the last of its group
  std::vector<Binding> bindings_;   // per group
  std::optional<Assumed> assumed_;
  std::map<std::array<uint64_t, 3>, uint32_t> size_args_;
  std::map<std::string, uint32_t> named_sizes_;
};

}  // namespace lazuli::codegen
