// The strategies that turn an emitter's items into phases, one file each.
#pragma once
#include "codegen/region_emitter.h"

namespace lazuli::codegen {

void lower_map(RegionEmitter& e);           // lower_map.cpp
void lower_map_tiled(RegionEmitter& e);     // lower_map_tiled.cpp
void lower_block_tiled(RegionEmitter& e);   // lower_block_tiled.cpp: the same on a GPU
void lower_row_inner(RegionEmitter& e);     // lower_row_inner.cpp
void lower_row_columns(RegionEmitter& e);   // lower_row_columns.cpp
void lower_row_unrolled(RegionEmitter& e);  // lower_row_unrolled.cpp
void lower_row_split(RegionEmitter& e);     // lower_row_split.cpp
void lower_contract(RegionEmitter& e);      // lower_contract.cpp
void lower_scatter(RegionEmitter& e);       // lower_scatter.cpp
void lower_scan_rows(RegionEmitter& e);     // lower_scan.cpp
void lower_scan_split(RegionEmitter& e);
void lower_scan_columns(RegionEmitter& e);
void lower_sort(RegionEmitter& e);            // lower_sort.cpp
void lower_attention(RegionEmitter& e);       // lower_attention.cpp
void lower_attention_rows(RegionEmitter& e);  // lower_attention_rows.cpp
void lower_warp_rows(RegionEmitter& e);       // lower_warp_rows.cpp
void lower_block_rows(RegionEmitter& e);      // lower_block_rows.cpp
void lower_block_split(RegionEmitter& e);
void lower_block_columns(RegionEmitter& e);   // lower_block_columns.cpp
void lower_block_contract(RegionEmitter& e);  // lower_block_contract.cpp
void lower_block_matrix(RegionEmitter& e);    // lower_block_matrix.cpp
void lower_stream_matrix(RegionEmitter& e);   // lower_stream_matrix.cpp
void lower_block_sort(RegionEmitter& e);      // lower_block_sort.cpp
void lower_block_scatter(RegionEmitter& e);   // lower_block_scatter.cpp

/// Loads of a map that are consecutive along a loop other than the innermost, all along the same one.
struct TurnedLoads {
  size_t across = 0;  // that loop's group
  std::vector<ItemId> loads;
};
/// None where a tile would be mostly edge.
TurnedLoads turned_loads(const RegionEmitter& e);

/// Whether a tiled map is light enough to be computed from matrices in registers.
bool turns_in_registers(const RegionEmitter& e);

/// Loads of a row region that every row has in common and that do not run along it: an address per lane.
std::vector<ItemId> picked_rows(const RegionEmitter& e);

/// How the loops of a scatter's result divide: values are rows of `rows` times `columns` elements.
struct ScatterLoops {
  explicit ScatterLoops(const RegionEmitter& e);
  std::vector<size_t> outer;    // groups of the rows
  std::optional<size_t> inner;  // group of the columns, along which vectors run
  std::vector<int64_t> outer_extents;
  int64_t rows = 1, columns = 1;
  size_t ranged = 0;  // the dynamic axis of most places, whose number of places is `destinations`
  int64_t destinations = 1;
  int64_t row_extent() const { return rows * columns; }
};

/// The phase of a scatter that stores its base, unless it stands there.
void store_scatter_base(RegionEmitter& e);
/// The schedule of an emitter that has the default one, so that a region's items are listed once for both.
Schedule choose_schedule(const RegionEmitter& probe);
/// A region of parts: one phase, whose task number selects the part.
Lowered lower_parts(const ir::Region& region, const LoweringOptions& options);  // lower_parts.cpp
/// Of an attention region, from the default one.
Schedule choose_attention_schedule(const RegionEmitter& probe, Schedule s);
/// Whether every buffer has less than 2^31 elements.
bool addresses_fit(const Lowered& lowered, const Kernel& kernel);
/// Adds the arithmetic of the emitter's region to the costs.
void add_flops(RegionEmitter& e);

/// Nanoseconds that one point of the full space takes on one core, a rough estimate.
double estimate_ns_per_point(const RegionEmitter& e);
/// How many rows of a map are that distance; 0 where a row is longer than it.
int64_t rows_ahead(const RegionEmitter& e);
/// Prefetches the schedule's distance ahead of every large consecutive load of the current body.
void prefetch_streams(RegionEmitter& e);
/// Prefetches for every large consecutive load at the current binding, so many elements ahead.
void prefetch_loads(RegionEmitter& e, const std::function<int64_t(const Item&)>& elements_ahead, uint8_t flags = 0);

}  // namespace lazuli::codegen
