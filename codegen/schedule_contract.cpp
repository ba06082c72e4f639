// Schedules of contractions. What is weighed: registers, so that a tile's accumulators stay in them; the second-level
// cache, which holds a task's packed rows and one tile of columns; and packing, which pays where it is read again.
#include <algorithm>

#include "codegen/contract_plan.h"

namespace lazuli::codegen {

namespace {

/// Larger workspaces are not taken: every task packs its own columns then.
constexpr int64_t kMostShared = int64_t{64} << 20;
constexpr int64_t kDepthChunk = 2048;
constexpr int64_t kTasks = 8;

/// Primitives that are evaluated for one result.
double epilogue_work(const ItemGraph& graph) {
  double most = 0;
  for (ItemId o : graph.outputs) most = std::max(most, work_below(graph, o));
  return most;
}

}  // namespace

void choose_contract_schedule(const RegionEmitter& probe, Schedule& s) {
  const CpuTarget& target = probe.options.target;
  s.strategy = Strategy::Contract;
  s.tile_rows = s.tile_vectors = 1;
  const ContractPlan m(probe);
  const bool many_registers = s.vector_bits == 512;
  const int accumulators = many_registers ? 28 : 12;
  const int64_t size = s.vector_bits / 8 / m.lanes;  // bytes of an element

  // Tiles: two vectors wide, wider where there are few rows, narrower where there is one vector.
  const int64_t vectors = m.vectors();
  s.tile_vectors = static_cast<int>(std::min<int64_t>(vectors, 2));
  s.tile_rows = accumulators / std::max(1, s.tile_vectors);
  if (m.rows < s.tile_rows) {
    s.tile_rows = static_cast<int>(std::max<int64_t>(1, m.rows));
    const int64_t registers = accumulators + 3;  // a vector of each column, and a row's element
    s.tile_vectors = static_cast<int>(std::clamp<int64_t>((registers - 1) / (s.tile_rows + 1), 1, vectors));
  }
  const EvenCut rows(m.rows, s.tile_rows), columns(vectors, s.tile_vectors);

  // Two vectors of a long epilogue at once hide its latencies.
  s.unroll = s.tile_vectors > 1 && epilogue_work(probe.graph) > 24 ? 2 : 1;

  s.depth_block = kDepthChunk;
  const int64_t depth = std::min(m.depth, s.depth_block);

  // Tasks: rows that fill half of the second-level cache, but several tasks if there is work for them.
  const int64_t row_bytes = std::max<int64_t>(1, rows.size * depth * size);
  const int64_t work = std::max<int64_t>(1, rows.size * columns.size * m.lanes * std::max<int64_t>(1, m.depth));
  const int64_t least_tiles = std::max<int64_t>(1, target.task_elements * 16 / work);
  s.row_tiles = std::clamp<int64_t>(target.l2_bytes / 2 / row_bytes, 1, rows.pieces);
  if (m.batch < kTasks) s.row_tiles = std::min(s.row_tiles, (rows.pieces + kTasks - 1) / kTasks);
  s.column_tiles = columns.pieces;
  const int64_t row_tasks = (rows.pieces + s.row_tiles - 1) / s.row_tiles;
  if (const int64_t tasks = m.batch * row_tasks; tasks < kTasks)
    s.column_tiles = std::max<int64_t>(1, columns.pieces * tasks / kTasks);
  while (s.row_tiles * s.column_tiles < least_tiles && (s.column_tiles < columns.pieces || s.row_tiles < rows.pieces)) {
    if (s.column_tiles < columns.pieces)
      s.column_tiles = std::min(columns.pieces, s.column_tiles * 2);
    else
      s.row_tiles = std::min(rows.pieces, s.row_tiles * 2);
  }

  // Packing.
  const EvenCut task_rows(rows.pieces, s.row_tiles);
  const bool columns_in_place = !reads_along_depth(probe, m.column_item, m.column_groups, m.depth_groups) &&
                                m.depth_groups.size() <= 1 && m.column_groups.size() <= 1 &&
                                work_below(probe.graph, m.column_item) * static_cast<double>(rows.pieces) <= 4;
  const int64_t workspace = m.batch * m.depth * columns.pieces * columns.size * m.lanes * size;
  if (columns_in_place && rows.pieces <= 2) {
    s.pack_columns = Pack::None;
  } else {
    s.pack_columns = task_rows.pieces > 1 && m.batch == 1 && workspace <= kMostShared ? Pack::Shared : Pack::Task;
  }
  s.pack_rows = columns.pieces == 1 && m.depth_groups.size() <= 1 && work_below(probe.graph, m.row_item) <= 4
                    ? Pack::None
                    : Pack::Task;
}

}  // namespace lazuli::codegen
