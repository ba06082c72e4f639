// Segments of a map's innermost loop. An element of a concatenation comes from one piece, one of a padded tensor from
// inside or from the padding: where that depends on the innermost loop, whole runs of it have the same answer. Vectors
// that lie within such a segment are emitted knowing it, without masks and with nothing of the other pieces; vectors
// that cross a border ask for every lane.
#pragma once
#include "codegen/region_emitter.h"

namespace lazuli::codegen {

struct Segment {
  int64_t begin, end;
};

/// In ascending order, none of them short; empty where no border is known, or where little would be gained.
std::vector<Segment> find_segments(const RegionEmitter& e);

/// Vectors [begin, end) of the innermost loop like RegionEmitter::vector_loop, by segments. `body` binds the lanes.
void segmented_loop(RegionEmitter& e, const std::vector<Segment>& segments, ValueId begin, ValueId end,
                    const std::function<void(ValueId, Body&)>& body);

}  // namespace lazuli::codegen
