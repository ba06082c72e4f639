// Random words of 64 consecutive places: 16 counters give them four each (ir/scalar/math_integer.cpp), so that a
// counter is run once where single places would run it four times.
#pragma once
#include "codegen/region_emitter.h"

namespace lazuli::codegen {

class RandomWords {
 public:
  static constexpr int64_t kPlaces = 64;

  /// The random words of a map whose places follow the innermost loop, 64 by 64.
  explicit RandomWords(RegionEmitter& e);
  bool empty() const { return items_.empty(); }
  /// Makes the words of places [first, first + 64) of the innermost loop, first a multiple of 64.
  void make(ValueId first);
  /// Gives a body its words: its first lane is at `first` + place.
  void give(Body& body, ValueId place);

 private:
  RegionEmitter& e_;
  std::vector<ItemId> items_;
  std::vector<uint32_t> buffers_;
};

}  // namespace lazuli::codegen
