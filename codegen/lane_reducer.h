// How a chunk's lanes accumulate, vectors along the reduced axis. Most reductions take elements in as docs/numerics.md
// says; maxima, minima and their positions may do so in any order, and have accumulators that cost less per element:
//   max, min:        the extremum by plain comparisons, which pass over NaN and do not tell zeros apart, and beside it
//                    whether there was a NaN, and the bits of all elements: the sign of a zero is in there.
//   argmax, argmin:  the extremum and its position in the chunk, in 32 bits: as many lanes as elements have.
#pragma once
#include "codegen/reducer.h"

namespace lazuli::codegen {

class LaneReducer {
 public:
  /// `length`: elements of a row. Settling what short ones left open would cost more than it saves.
  LaneReducer(KernelBuilder& b, Reducer& reducer, int64_t length);

  size_t parts() const { return kind_ == Kind::Plain ? reducer_.parts() : kind_ == Kind::Extremum ? 3 : 2; }
  /// Lanes that begin with element `first` of the chunk.
  Partial start(uint16_t lanes, int64_t first, std::optional<ValueId> alive);
  /// Takes in one element per lane: the operands' values, the first of which is number `at` of the chunk.
  Partial take(const Partial& acc, const std::vector<ValueId>& operands, ValueId at);
  Partial keep(ValueId mask, const Partial& fresh, const Partial& old) { return reducer_.keep(mask, fresh, old); }
  /// Partial results of equally many lanes, merged lane by lane.
  Partial merge(const Partial& a, const Partial& b);
  /// All lanes merged by halves: the reducer's partial result of the chunk that begins at `begin`; scalars.
  Partial finish(Partial acc, ValueId begin);
  const Reduction& reduction() const { return reducer_.reduction(); }

 private:
  enum class Kind : uint8_t { Plain, Extremum, Position };

  /// Whether x replaces what `than` holds, by a plain comparison.
  ValueId beats(ValueId x, ValueId than);

  KernelBuilder& b_;
  Reducer& reducer_;
  Kind kind_ = Kind::Plain;
  bool largest_ = false;
  DType bits_ = kInt32;
};

}  // namespace lazuli::codegen
