// Schedules of contractions. What is weighed: registers, so that a tile's accumulators stay in them; the second-level
// cache, which holds a task's packed rows and one tile of columns; and packing, which pays where it is read again.
#include <algorithm>
#include <bit>

#include "codegen/contract_plan.h"
#include "codegen/reducer.h"

namespace lazuli::codegen {

namespace {

/// Larger workspaces are not taken: every task packs its own columns then.
constexpr int64_t kMostShared = int64_t{64} << 20;
constexpr int64_t kDepthChunk = 512;
constexpr int64_t kTasks = 8;
/// Depths of a strip, for each tile of rows.
constexpr int64_t kStrip = 16;
/// Up to this depth the way of sums through memory is felt.
constexpr int64_t kShallow = 256;
/// Up to this size a product's sizes are part of its code.
constexpr int64_t kTiny = 128;

/// Primitives that are evaluated for one result.
double epilogue_work(const ItemGraph& graph) {
  double most = 0;
  for (ItemId o : graph.outputs) most = std::max(most, work_below(graph, o));
  return most;
}

/// Windows are many times the memory that they are read from: nobody stores all of them.
bool packs_windows(const RegionEmitter& probe) {
  return std::any_of(probe.region.nodes.begin(), probe.region.nodes.end(),
                     [](const ir::Node* n) { return n->op() == ir::Op::windows; });
}

/// A tile needs a register per result vector, one for each of its vectors of columns and one for a row's element. What
/// cuts both rows and columns into equal tiles needs one piece of code instead of two or four; beyond about half of the
/// registers, more results in flight gain nothing.
void choose_tile(int64_t rows, int64_t vectors, int registers, bool in_place, Schedule& s) {
  double best = -1;
  for (int v = 1; v <= 8 && v <= vectors; ++v) {
    const int h = static_cast<int>(std::min<int64_t>(rows, (registers - v - 1) / v));
    for (int tall = std::max(1, h / 2); tall <= h; ++tall) {
      const EvenCut down(rows, tall), across(vectors, v);
      const auto results = static_cast<double>(down.size * across.size);
      const double enough = std::min(1.0, results / (0.5 * registers));
      // Loads beside the multiplications of a step, and code.
      const double loads = static_cast<double>(down.size + across.size) / results;
      double score =
          enough * (1 - 0.15 * std::max(0.0, loads - 0.6)) + 0.002 * results - 0.03 * (down.uneven() + across.uneven());
      // Columns that are read in place come from the second-level cache time and again: every 8 rows at most.
      if (in_place) score -= 0.1 * std::max(0.0, 8.0 / static_cast<double>(down.size) - 1);
      if (score <= best) continue;
      best = score;
      s.tile_rows = tall;
      s.tile_vectors = v;
    }
  }
}

/// Whether an operand may be read where it is, time and again: its own elements, one loop per side, rows that do not
/// fall onto the same lines of a cache, and as many of them at once as the second-level cache keeps beside all else.
bool reads_directly(const RegionEmitter& e, ItemId root, const std::vector<size_t>& free,
                    const std::vector<size_t>& depth, DType accumulated, int64_t elements) {
  constexpr int64_t kWay = 2048, kMostBytes = 128 << 10;
  const Item& item = e.graph.items[root];
  if (item.kind != ItemKind::Load || item.inside != ir::IndexArena::kAlways || item.dtype != accumulated ||
      free.size() > 1 || depth.size() > 1)
    return false;
  const auto size = static_cast<int64_t>(itemsize(item.dtype));
  for (const auto* groups : {&free, &depth})
    for (size_t g : *groups) {
      const auto stride = e.nest.stride(item.position, g);
      if (!stride || (*stride != 0 && *stride * size % kWay == 0)) return false;
    }
  return elements * size <= kMostBytes;
}

}  // namespace

void choose_contract_schedule(const RegionEmitter& probe, Schedule& s) {
  const CpuTarget& target = probe.options.target;
  s.strategy = Strategy::Contract;
  s.tile_rows = s.tile_vectors = 1;
  ContractPlan m(probe);
  const std::string& features = target.features;
  const bool dots = features.find("+avxvnni") != features.npos ||
                    (features.find("+avx512vnni") != features.npos && features.find("+avx512vl") != features.npos);
  if (dots && s.vector_bits >= 128 && m.rows > 1 && m.columns > 1 && multiplies_bytes(probe, m)) {
    s.quads = true;
    m = ContractPlan(probe, s);
  }
  if (packs_windows(probe) && !s.quads) {
    Schedule turned = s;
    turned.places = true;
    if (const ContractPlan places(probe, turned); rows_are_places(probe, places)) {
      s = turned;
      return choose_places_schedule(probe, places, s);
    }
  }
  const int64_t size = s.vector_bits / 8 / m.lanes;  // bytes of an element

  const int64_t vectors = m.vectors();
  const int registers = s.vector_bits == 512 ? 31 : 15;
  // Few rows take wide tiles of columns and read them where they are, or pack one tile at a time: packing all of them
  // would cost as much as multiplying.
  const int64_t most_few = registers == 31 ? 8 : 6, few_tiles = (m.rows + most_few - 1) / most_few;
  const bool few_rows = few_tiles <= 4 && !s.quads;
  const bool in_place = few_rows && !reads_along_depth(probe, m.column_item, m.column_groups, m.depth_groups) &&
                        m.depth_groups.size() <= 1 && m.column_groups.size() <= 1 &&
                        work_below(probe.graph, m.column_item) * static_cast<double>(few_tiles) <= 4;
  s.depth_block = kDepthChunk;
  const int64_t depth = std::min(m.depth, s.depth_block);
  const DType accumulated = Reducer(probe.b, probe.graph, 0).type(0);
  const bool direct_columns =
      !s.quads && !reads_along_depth(probe, m.column_item, m.column_groups, m.depth_groups) &&
      reads_directly(probe, m.column_item, m.column_groups, m.depth_groups, accumulated, depth * vectors * m.lanes);
  const bool direct_rows =
      !s.quads && reads_directly(probe, m.row_item, m.row_groups, m.depth_groups, accumulated, depth * m.rows);
  s.constant_sizes = direct_columns && direct_rows && m.columns > 1 && std::max({m.rows, m.columns, m.depth}) <= kTiny;
  if (few_rows) {
    s.tile_rows = static_cast<int>(std::max<int64_t>(1, EvenCut(m.rows, most_few).size));
    s.tile_vectors =
        static_cast<int>(std::clamp<int64_t>((registers - 1) / (s.tile_rows + 1), 1, std::min<int64_t>(vectors, 8)));
  } else {
    choose_tile(m.rows, vectors, registers, s.constant_sizes, s);
  }
  // Several vectors of a long epilogue at once hide its latencies.
  s.unroll = 1;
  for (int at_once = 2; at_once <= 4 && epilogue_work(probe.graph) > 24; ++at_once)
    if (s.tile_vectors % at_once == 0) s.unroll = at_once;

  const EvenCut rows(m.rows, s.tile_rows), columns(vectors, s.tile_vectors);
  s.in_registers = m.depth <= kShallow && epilogue_work(probe.graph) <= 4 && probe.region.outputs.size() == 1;
  // Tasks: rows that fill half of the second-level cache, but several tasks if there is work for them.
  const int64_t row_bytes = std::max<int64_t>(1, rows.size * depth * size);
  const int64_t work = std::max<int64_t>(1, rows.size * columns.size * m.lanes * std::max<int64_t>(1, m.depth));
  const int64_t least_tiles = std::max<int64_t>(1, target.task_elements * 16 / work);
  s.row_tiles = std::clamp<int64_t>(target.l2_bytes / 2 / row_bytes, 1, rows.pieces);
  const bool windows = packs_windows(probe);
  if (few_rows)
    s.row_tiles = rows.pieces;
  else if (windows && columns.pieces * m.batch >= kTasks / 2)
    ;  // as many rows as fit share the windows that a task packs
  else if (m.batch < kTasks && m.spans < kTasks)
    s.row_tiles = std::min(s.row_tiles, (rows.pieces + kTasks - 1) / kTasks);
  s.column_tiles = columns.pieces;
  const int64_t row_tasks = (rows.pieces + s.row_tiles - 1) / s.row_tiles;
  if (const int64_t tasks = m.batch * row_tasks; tasks < kTasks && m.spans < kTasks)
    s.column_tiles = std::max<int64_t>(1, columns.pieces * tasks / kTasks);
  while (s.row_tiles * s.column_tiles < least_tiles && (s.column_tiles < columns.pieces || s.row_tiles < rows.pieces)) {
    if (s.column_tiles < columns.pieces)
      s.column_tiles = std::min(columns.pieces, s.column_tiles * 2);
    else
      s.row_tiles = std::min(rows.pieces, s.row_tiles * 2);
  }

  // Few rows wait for memory: they take columns in strips of the depth, in panels whose chains stay near.
  const int64_t column_bytes = m.columns * m.depth * size, tile_bytes = rows.size * columns.size * m.lanes * size;
  const auto strip = kStrip * static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(rows.pieces)));
  if (in_place && !s.constant_sizes && m.spans == 1 && column_bytes * 2 > target.l2_bytes && columns.pieces >= kTasks &&
      m.depth > 2 * strip) {
    s.strip = strip;
    const int64_t panel = std::max<int64_t>(1, target.l2_bytes / 16 / (tile_bytes * rows.pieces));
    s.column_tiles = std::min(panel, (columns.pieces + target.cores - 1) / target.cores);
  }

  s.split_depth = m.spans >= kTasks && m.batch * row_tasks < kTasks;
  if (row_tasks == 1 && s.column_tiles == columns.pieces)
    s.batches =
        std::clamp<int64_t>(least_tiles / (rows.pieces * columns.pieces), 1, std::max<int64_t>(1, m.batch / kTasks));

  // Packing.
  const EvenCut task_rows(rows.pieces, s.row_tiles);
  const int64_t workspace = m.batch * m.depth * columns.pieces * columns.size * m.lanes * size;
  if (in_place || direct_columns) {
    s.pack_columns = Pack::None;
  } else {
    s.pack_columns =
        task_rows.pieces > 1 && !windows && m.batch == 1 && workspace <= kMostShared ? Pack::Shared : Pack::Task;
  }
  s.pack_rows = direct_rows || (columns.pieces == 1 && !s.quads && m.depth_groups.size() <= 1 &&
                                work_below(probe.graph, m.row_item) <= 4)
                    ? Pack::None
                    : Pack::Task;
  // Where tasks have few columns each would spend as long on the rows as on its windows.
  constexpr int64_t kFewVectors = 16;
  const int64_t row_workspace = m.batch * m.depth * rows.pieces * rows.size * size;
  if (windows && s.pack_rows == Pack::Task && !s.quads && s.column_tiles < columns.pieces &&
      s.column_tiles * columns.size <= kFewVectors && row_workspace <= kMostShared)
    s.pack_rows = Pack::Shared;
}

}  // namespace lazuli::codegen
