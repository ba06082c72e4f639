// A contraction as a product of matrices that is cut into tiles. Rows are broadcast to the lanes, columns are lanes:
// they are the operand's free axes that contain the innermost axis of the stored result. The numbers here are those of
// the graph at hand; in the kernel they are size arguments.
#pragma once
#include "codegen/region_emitter.h"

namespace lazuli::codegen {

/// `count` things cut into `pieces` runs that differ by at most one: the first `larger` ones have `size`, the others
/// one less.
struct EvenCut {
  int64_t count = 0, pieces = 0, size = 0, larger = 0;
  EvenCut() = default;
  EvenCut(int64_t n, int64_t most);
  bool uneven() const { return larger != pieces; }
};

struct ContractPlan {
  explicit ContractPlan(const RegionEmitter& e);
  ContractPlan(const RegionEmitter& e, const Schedule& s);

  uint16_t lanes = 1;   // of the accumulators' type
  uint16_t square = 1;  // free elements that are turned around at once
  std::vector<size_t> batch_groups, row_groups, column_groups, depth_groups;  // of the loop nest
  int64_t batch = 1, rows = 1, columns = 1, depth = 1;
  ItemId row_item = 0, column_item = 0;  // operands
  EvenCut row_tiles, column_tiles;       // rows (places: of a line, or lines) in tiles; vectors in tiles
  EvenCut row_tasks, column_tasks;       // tiles in tasks
  bool places = false, whole_lines = false;
  int64_t line = 1, place_step = 1;  // places: rows of a line, and how far apart they are in memory
  int64_t row_unit = 1;              // rows of what row_tiles cuts
  int64_t depth_block = 512, strip = 0, spans = 1;
  Pack pack_rows = Pack::Task, pack_columns = Pack::Task;
  int64_t batches = 1;  // of a task
  bool split_depth = false, in_registers = false, constant_sizes = false;
  bool quads = false;    // depth counts quads, operands are those of the casts
  int64_t elements = 1;  // of the depth

  int64_t tile_rows() const { return row_tiles.size * row_unit; }
  int64_t row_pieces() const { return places && !whole_lines ? rows / line * row_tiles.pieces : row_tiles.pieces; }
  int64_t vectors() const { return (columns + lanes - 1) / lanes; }
  bool partial_vector() const { return columns % lanes != 0; }
  bool is_whole_batch() const { return batch > 1 && row_tasks.pieces == 1 && column_tasks.pieces == 1; }
  /// Depths that a tile takes at once.
  int64_t depth_step() const { return strip ? strip : depth_block; }
  bool in_chunks() const { return depth > depth_step(); }
};

inline constexpr int64_t kDepthBlock = 512, kDepthSpan = 32768;

/// Whether most of what an operand reads is consecutive along the depth, not along its free axes.
bool reads_along_depth(const RegionEmitter& e, ItemId root, const std::vector<size_t>& free,
                       const std::vector<size_t>& depth);
/// Whether both operands are signed bytes in memory, cast to what is summed, and lie as packing into quads reads them.
bool multiplies_bytes(const RegionEmitter& e, const ContractPlan& p);
/// Whether an operand's elements are consecutive along the whole depth, however it is cut into loops.
bool is_flat_along_depth(const RegionEmitter& e, ItemId root, const std::vector<size_t>& depth);
/// Whether the rows of `p` can be places of windows that are read where they stand.
bool rows_are_places(const RegionEmitter& e, const ContractPlan& p);
/// Register tiles of places in lines, and tasks (contract_places.cpp).
void choose_places_schedule(const RegionEmitter& probe, const ContractPlan& m, Schedule& s);
/// Primitives that are evaluated for one element of an operand.
double work_below(const ItemGraph& graph, ItemId root);
/// Register tiles, tasks and packing.
void choose_contract_schedule(const RegionEmitter& probe, Schedule& s);
/// Whether a GPU's matrix units multiply these, and how then (lower_block_matrix.cpp).
bool choose_block_matrix(const RegionEmitter& probe, Schedule& s);
/// The same for the pipeline that never stops (lower_stream_matrix.cpp).
bool choose_stream_matrix(const RegionEmitter& probe, Schedule& s);
/// Of a GPU's: results of a thread, threads of a block (lower_block_contract.cpp).
void choose_block_contract(const RegionEmitter& probe, Schedule& s);

/// The distance of neighbours along these loops taken as one; 0 where there is one place, nothing where it varies.
std::optional<int64_t> flat_stride(const RegionEmitter& e, ir::IndexId position, const std::vector<size_t>& groups);
/// The elements that are multiplied: signed bytes are cast to what is summed before.
ItemId element_item(const RegionEmitter& e, ItemId operand);
}  // namespace lazuli::codegen
