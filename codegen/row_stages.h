// What the row strategies share: reducing one chunk with vectors along the reduced axis, and merging chunk results.
#pragma once
#include "codegen/reducer.h"
#include "codegen/strategies.h"

namespace lazuli::codegen {

/// The canonical chunk and lane counts of docs/numerics.md.
inline constexpr int64_t kChunk = 2048;
inline constexpr int64_t kLanes = 64;

std::vector<Reducer> reducers_at(RegionEmitter& e, uint32_t level);

/// Reduces elements [begin, begin + length) of the current row (a chunk) with every reducer; scalars.
std::vector<Partial> reduce_chunk(RegionEmitter& e, std::vector<Reducer>& reducers, ValueId begin, ValueId length);

/// Merges `count` partial results pairwise, level by level, in place: result i stands at base + i*stride of each
/// buffer. With lanes > 1 a result is `width` consecutive elements (a multiple of the lanes).
void merge_pairwise(RegionEmitter& e, Reducer& reducer, const std::vector<uint32_t>& buffers, ValueId base,
                    ValueId count, ValueId levels, ValueId stride, ValueId width, uint16_t lanes);

/// ceil(log2(n))
int64_t pair_levels(int64_t n);

}  // namespace lazuli::codegen
