// What a region computes at one point of its index space: a DAG of items, each a node at a symbolic index (and under
// the predicate that guards it). The same node at two indices is two items. Schedules turn items into values inside
// loops.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "ir/index_expr.h"
#include "ir/region.h"
#include "ir/scalar/function.h"

namespace lazuli::codegen {

using ItemId = uint32_t;

enum class ItemKind : uint8_t {
  Load,       // element `position` of a stored node, guarded by `inside`
  Constant,   // bits of a constant node
  Argument,   // a host scalar
  Position,   // the number `position` itself, as int64
  Function,   // a scalar function of the operands; its checks are guarded by `inside`
  Choice,     // operands[i] where pieces[i] holds and no earlier one does; the last otherwise
  Reduction,  // result number `reduction`
  Gather,     // element `position` + sum of operands[i] * dynamic[i].stride of a stored node, guarded by `inside`;
              // where an operand is not below dynamic[i].size, a failed check
};

/// An index that only the running kernel knows, along one axis of a stored node.
struct DynamicAxis {
  int64_t size, stride;
};

struct Item {
  ItemKind kind;
  const ir::Node* node = nullptr;
  DType dtype = kFloat32;
  ir::IndexId position = 0;
  ir::PredicateId inside = ir::IndexArena::kAlways;
  std::vector<ItemId> operands = {};
  std::vector<ir::PredicateId> pieces = {};
  std::shared_ptr<const scalar::Function> function = {};
  std::vector<DynamicAxis> dynamic = {};
  uint32_t reduction = 0;
  uint32_t level = 0;  // number of reduction stages that must be complete before
  bool inner = false;  // depends on a reduced variable
};

/// random_bits: a function of the seed, the offset and the position.
inline bool is_random_word(const Item& i) {
  return i.kind == ItemKind::Function && i.node->op() == ir::Op::random_bits;
}

/// Which operands of the region's contraction a variable moves through.
enum class Side : uint8_t {
  None,   // the region does not contract
  Batch,  // both
  Lhs,
  Rhs,
  Reduced,  // it is contracted
};

struct Reduction {
  const ir::Node* node;
  std::vector<ItemId> operands;  // one; two for a contraction
  uint32_t level = 0;            // stage in which it runs
  ir::IndexId position = 0;      // row-major index over the reduced axes (argmax, argmin)
  bool is_arg() const { return node->op() == ir::Op::argmax || node->op() == ir::Op::argmin; }
  bool is_dot() const { return node->op() == ir::Op::dot_general; }
};

/// RegionKind::Scatter: outputs[0] is the base. `values` is combined with what stands at `position` + sum of indices[i]
/// * axes[i].stride.
struct ScatterItems {
  ItemId values = 0;
  std::vector<ItemId> indices;
  std::vector<DynamicAxis> axes;
  ir::IndexId position = 0;
};

struct ItemGraph {
  std::vector<Item> items;  // operands before users
  std::optional<ScatterItems> scatter;
  std::vector<Reduction> reductions;
  std::vector<ItemId> outputs;               // per Region::outputs
  std::vector<ir::IndexId> output_position;  // element of each output that a point stores
  std::vector<bool> output_inner;            // stored once per point of the full space (else of the kept space)
  uint32_t levels = 0;                       // number of reduction stages
  std::vector<bool> reduced_variable;        // per variable of the arena
  std::vector<Side> side;                    // per variable of the arena
  double ops_per_point = 0;                  // primitives evaluated per point of the full space, estimate
};

/// The arena of the region grows by the indices found on the way.
ItemGraph build_items(const ir::Region& region);

}  // namespace lazuli::codegen
