// Products whose rows are the places of windows, read where they stand: the element of a place at some depth is that of
// the depth's own step from where the place begins, because windows are sums of strides. So the steps of all depths are
// one table, a tile is a run of places in a line (or some whole lines), and nothing is packed but the weights, which
// are columns. Their lanes lie apart in the result, in which lines go on: finished tiles are turned around in scratch,
// and the epilogue runs along the line.
#include <algorithm>
#include <tuple>

#include "codegen/contract_emitter.h"
#include "codegen/transpose.h"

namespace lazuli::codegen {

namespace {

/// Fewer columns fill too little of a vector for it to pay.
int64_t least_columns(const ContractPlan& p) {
  return std::max<int64_t>(2, p.lanes / 2);
}
/// Larger workspaces are not taken.
constexpr int64_t kMostWeights = int64_t{64} << 20;
constexpr int64_t kTasks = 8;
constexpr int64_t kMostLines = 4;  // of a tile: every one has an address in a register

/// A tile needs a register per result vector, one for each of its vectors of columns and one for a row's element. Equal
/// tiles need one piece of code.
void choose_tile(const ContractPlan& m, int registers, Schedule& s) {
  const int64_t line = m.line, lines = m.rows / line, vectors = m.vectors();
  double best = -1;
  const auto weigh = [&](int64_t rows, int v, const EvenCut& down, int64_t unit) {
    const EvenCut across(vectors, v);
    const auto results = static_cast<double>(down.size * unit * across.size);
    const double loads = static_cast<double>(down.size * unit + across.size) / results;
    const double enough = std::min(1.0, results / (0.5 * registers));
    const double score =
        enough * (1 - 0.15 * std::max(0.0, loads - 0.6)) + 0.002 * results - 0.03 * (down.uneven() + across.uneven());
    if (score <= best) return;
    best = score;
    s.tile_rows = static_cast<int>(rows);
    s.tile_vectors = v;
  };
  for (int v = 1; v <= 8 && v <= vectors; ++v) {
    const int64_t most = (registers - v - 1) / v;
    for (int64_t n = 1; n <= kMostLines && n <= lines && n * line <= most; ++n)
      weigh(n * line, v, EvenCut(lines, n), line);
    for (int64_t tall = std::max<int64_t>(1, most / 2); tall <= most && tall < line; ++tall)
      weigh(tall, v, EvenCut(line, tall), 1);
  }
}

}  // namespace

bool rows_are_places(const RegionEmitter& e, const ContractPlan& p) {
  if (p.depth == 0 || p.rows < 2 || p.columns < least_columns(p) || p.row_groups.empty()) return false;
  // Lines shorter than those of the depth are a window's own: gradients of weights, whose depth, all places of all of a
  // batch, is packed along memory instead.
  if (!p.depth_groups.empty() && p.line < e.nest.groups()[p.depth_groups.back()].extent) return false;
  const Item& item = e.graph.items[p.row_item];
  const DType t = Reducer(e.b, e.graph, 0).type(0);
  if (item.kind != ItemKind::Load || item.inside != ir::IndexArena::kAlways || item.dtype != t || !is_floating(t))
    return false;
  for (const auto* groups : {&p.batch_groups, &p.row_groups, &p.depth_groups})
    for (size_t g : *groups)
      if (!e.nest.stride(item.position, g)) return false;
  const int64_t weights = p.batch * p.depth * (p.vectors() + 7) * p.lanes * static_cast<int64_t>(itemsize(t));
  return p.place_step > 0 && p.place_step <= 8 && weights <= kMostWeights;
}

void choose_places_schedule(const RegionEmitter& probe, const ContractPlan& given, Schedule& s) {
  choose_tile(given, s.vector_bits == 512 ? 31 : 15, s);
  s.unroll = 1;
  s.pack_rows = Pack::None;
  s.pack_columns = Pack::Shared;
  s.depth_block = kDepthBlock;
  const ContractPlan m(probe, s);
  const CpuTarget& target = probe.options.target;
  // A task: tiles whose sums wait in a quarter of the second-level cache, but several tasks if there is work for them.
  const int64_t pieces = m.row_pieces(), columns = m.column_tiles.pieces;
  const int64_t bytes = m.tile_rows() * m.column_tiles.size * m.lanes *
                        static_cast<int64_t>(itemsize(Reducer(probe.b, probe.graph, 0).type(0))) * columns;
  const int64_t work = std::max<int64_t>(1, m.tile_rows() * m.column_tiles.size * m.lanes * m.depth);
  const int64_t least = std::max<int64_t>(1, target.task_elements * 16 / work);
  s.row_tiles = std::clamp<int64_t>(target.l2_bytes / 4 / bytes, 1, pieces);
  const int64_t shares = std::max<int64_t>(1, kTasks / m.batch);
  s.row_tiles = std::min(s.row_tiles, (pieces + shares - 1) / shares);
  s.column_tiles = columns;
  const int64_t row_tasks = (pieces + s.row_tiles - 1) / s.row_tiles;
  if (const int64_t tasks = m.batch * row_tasks; tasks < kTasks && m.spans < kTasks)
    s.column_tiles = std::max<int64_t>(1, columns * tasks / kTasks);
  while (s.row_tiles * s.column_tiles < least && (s.column_tiles < columns || s.row_tiles < pieces)) {
    if (s.column_tiles < columns)
      s.column_tiles = std::min(columns, s.column_tiles * 2);
    else
      s.row_tiles = std::min(pieces, s.row_tiles * 2);
  }
  s.split_depth = m.spans >= kTasks && m.batch * row_tasks < kTasks;
}

void ContractEmitter::set_places(Tile& tile, ValueId t) {
  const EvenCut& cut = p.row_tiles;
  ValueId piece = t;
  tile.first_line = t;
  if (!p.whole_lines && cut.pieces > 1)
    std::tie(tile.first_line, piece) = e.nest.divide(t, {110, 0, 0}, cut.pieces, p.row_pieces());
  else if (!p.whole_lines)
    piece = b.index(0);
  ValueId units = b.index(cut.size), first = b.mul(piece, units);
  if (cut.uneven()) {
    const ValueId larger = e.nest.size("tall_tiles", cut.larger), less = b.index(cut.size - 1);
    tile.is_tall = b.lt(piece, larger);
    units = b.select(tile.is_tall, units, less);
    first = b.add(b.mul(piece, less), b.min(piece, larger));
  }
  tile.rows = b.mul(units, b.index(p.row_unit));
  tile.first_place = p.whole_lines ? b.index(0) : first;
  if (p.whole_lines) tile.first_line = first;
  tile.lines = units;
  tile.first_row = b.add(b.mul(tile.first_line, e.nest.size("line", p.line)), tile.first_place);
}

/// Binds the loops around a line.
void ContractEmitter::bind_lines(ValueId line) {
  e.nest.bind_flat(std::span<const size_t>(p.row_groups).first(p.row_groups.size() - 1), line);
}

/// How far every depth is from depth 0 in memory.
void ContractEmitter::fill_steps() {
  const ir::IndexId position = e.graph.items[row_side.item].position;
  const auto at = [&](ValueId k) {
    e.nest.bind_flat(p.batch_groups, b.index(0));
    e.nest.bind_flat(p.row_groups, b.index(0));
    e.nest.bind_flat(p.depth_groups, k);
    return e.nest.address(position).offset;
  };
  const ValueId from = at(b.index(0));
  each(b.index(0), e.nest.size("depth", p.depth), b.index(1),
       [&](ValueId k) { b.store(steps_buffer, k, b.sub(at(k), from)); });
}

/// Where the lines of a tile begin in memory, at depth 0.
ContractEmitter::Values ContractEmitter::bases_of(const Tile& tile, int rows) {
  Values bases;
  const int64_t lines = p.whole_lines ? rows / p.line : 1;
  for (int64_t i = 0; i < lines; ++i) {
    bind_lines(b.add(tile.first_line, b.index(i)));
    e.nest.bind_scalar(p.row_groups.back(), tile.first_place);
    e.nest.bind_flat(p.depth_groups, b.index(0));
    bases.push_back(e.nest.address(e.graph.items[row_side.item].position).offset);
  }
  return bases;
}

/// The epilogue over the finished tile, turned around: along lines, column after column.
void ContractEmitter::finish_places(const Tile& tile) {
  const int64_t lanes = p.lanes, width = p.column_tiles.size * lanes;
  const int64_t height = (p.tile_rows() + lanes - 1) / lanes * lanes;
  each(b.index(0), tile.vectors, b.index(1), [&](ValueId v) {
    const ValueId column = b.mul(v, b.index(lanes));
    const ValueId from = b.add(tile.sums, column), to = b.mul(column, b.index(height));
    for (int64_t first = 0; first < height; first += lanes) {
      Values rows;
      for (int64_t r = 0; r < lanes; ++r)
        rows.push_back(b.load(sums_buffer, b.add(from, b.index((first + r) * width)), p.lanes));
      const Values turned = turn_matrix(b, rows);
      for (int64_t n = 0; n < lanes; ++n)
        b.store(turned_buffer, b.add(to, b.index(n * height + first)), turned[static_cast<size_t>(n)]);
    }
  });
  const ValueId first_column = b.mul(tile.first_vector, b.index(lanes)), line = b.index(p.line);
  const ValueId count =
      b.min(b.mul(tile.vectors, b.index(lanes)), b.sub(e.nest.size("columns", p.columns), first_column));
  const ValueId in_line = p.whole_lines ? line : tile.rows;
  each(b.index(0), count, b.index(1), [&](ValueId c) {
    e.nest.bind_flat(p.column_groups, b.add(first_column, c));
    each(b.index(0), p.whole_lines ? tile.lines : b.index(1), b.index(1), [&](ValueId number) {
      bind_lines(b.add(tile.first_line, number));
      const ValueId sums = b.add(b.mul(c, b.index(height)), b.mul(number, line));
      e.masked_loop(b.index(0), in_line, [&](ValueId i, Body& body) {
        e.nest.bind_lanes(p.row_groups.back(), b.add(tile.first_place, i), body.lanes);
        e.reduction_value = [&](uint32_t, const Body& at) {
          return reducer.finish({b.load(turned_buffer, b.add(sums, i), at.lanes)});
        };
        e.store_outputs(outputs, body);
      });
    });
  });
}

}  // namespace lazuli::codegen
