// How one reduction of a region accumulates: its lanes' starting values, the step that takes an element in, the step
// that merges two partial results, and the conversion to the result. docs/numerics.md fixes the order in which steps
// happen.
#pragma once
#include <vector>

#include "codegen/item_graph.h"
#include "codegen/kernel_builder.h"

namespace lazuli::codegen {

/// Values of one partial result: one, or (value, position) for argmax and argmin.
using Partial = std::vector<ValueId>;

/// All lanes of a partial result merged by halves, lane l with lane l + half; scalars.
template <class Merge>
Partial merge_halves(KernelBuilder& b, Partial acc, const Merge& merge) {
  while (b.type(acc[0]).lanes > 1) {
    Partial low, high;
    for (const ValueId v : acc) {
      low.push_back(b.low(v));
      high.push_back(b.high(v));
    }
    acc = merge(low, high);
  }
  return acc;
}

class Reducer {
 public:
  Reducer(KernelBuilder& b, const ItemGraph& graph, uint32_t index);

  uint32_t index() const { return index_; }
  size_t parts() const { return types_.size(); }
  DType type(size_t part) const { return types_[part]; }
  /// Neutral lanes. `alive` (may be empty): lanes that will take in an element; matters to contractions only.
  Partial start(uint16_t lanes, std::optional<ValueId> alive);
  /// Takes in one element per lane: the operands' values, and (argmax, argmin) its position.
  Partial take(const Partial& acc, const std::vector<ValueId>& operands, ValueId position);
  Partial merge(const Partial& a, const Partial& b);
  /// Where a mask is false, keeps `old`.
  Partial keep(ValueId mask, const Partial& fresh, const Partial& old);
  /// All lanes of `acc` merged by halves; scalars.
  Partial merge_lanes(Partial acc);
  /// The node's value from the complete partial result (any lanes).
  ValueId finish(const Partial& acc);
  bool needs_position() const { return reduction_.is_arg(); }
  const Reduction& reduction() const { return reduction_; }
  /// An operand's value in the type that accumulates.
  ValueId to_accumulator(ValueId v);

 private:
  KernelBuilder& b_;
  const Reduction& reduction_;
  uint32_t index_;
  std::vector<DType> types_;
};

}  // namespace lazuli::codegen
