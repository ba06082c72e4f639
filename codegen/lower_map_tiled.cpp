// Map regions whose operands do not all run along the innermost loop (transposes and what is fused with them). The
// plane of that loop and the one along which those operands do run is cut into tiles. Of every such operand a tile is
// read in vectors along its own direction, turned square by square in registers, and laid into scratch that stays in
// the first-level cache; the tile is then computed row by row as in any map. Whole tiles of light maps go without the
// scratch: whole matrices of vectors are turned in registers, and every row of results is stored at once, around the
// caches where results are large. (4096 x 4096: 6.0 ms, through scratch 7.7; a plain store waits for its line.)
#include <algorithm>
#include <map>

#include "codegen/strategies.h"
#include "codegen/transpose.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

constexpr int64_t kSmallestSide = 16;

/// The group along which a load is consecutive, if that is not the innermost one.
std::optional<size_t> other_direction(const RegionEmitter& e, const Item& item) {
  const size_t along = e.nest.groups().size() - 1;
  if (item.kind != ItemKind::Load || item.inside != IndexArena::kAlways) return std::nullopt;
  const auto step = e.nest.stride(item.position, along);
  if (!step || *step == 0 || *step == 1 || *step == -1) return std::nullopt;
  for (size_t g = 0; g < along; ++g)
    if (e.nest.stride(item.position, g) == 1) return g;
  return std::nullopt;
}

/// Whether more than twice as many bytes run along the innermost loop as along the turned operands.
bool mostly_along(const RegionEmitter& e, const TurnedLoads& turned) {
  int64_t across = 0, along = 0;
  for (const ItemId id : turned.loads) across += e.graph.items[id].node->nbytes();
  for (const ir::Node* n : e.region.inputs) along += n->nbytes();
  for (const ir::Node* n : e.region.outputs) along += n->nbytes();
  return along - across > 2 * across;
}

/// Rows [row, row + lanes) of results at columns [column, column + lanes).
void turn_and_store(RegionEmitter& e, const TurnedLoads& turned, ValueId row, ValueId column,
                    const std::vector<size_t>& outputs) {
  const size_t along = e.nest.groups().size() - 1;
  const auto at = [&](ValueId first, uint16_t n) { return e.b.add(first, e.b.index(n)); };
  std::vector<std::vector<ValueId>> columns;  // per turned load, a vector per row
  for (const ItemId id : turned.loads) {
    std::vector<ValueId> lines;
    e.nest.bind_lanes(turned.across, row, e.lanes);
    for (uint16_t n = 0; n < e.lanes; ++n) {
      e.nest.bind_scalar(along, at(column, n));
      Body line{.lanes = e.lanes, .mask = {}, .values = {}};
      lines.push_back(e.emit(id, line));
    }
    columns.push_back(turn_matrix(e.b, lines));
  }
  e.nest.bind_lanes(along, column, e.lanes);
  for (uint16_t n = 0; n < e.lanes; ++n) {
    e.nest.bind_scalar(turned.across, at(row, n));
    Body body{.lanes = e.lanes, .mask = {}, .values = {}};
    for (size_t k = 0; k < turned.loads.size(); ++k) body.values[turned.loads[k]] = columns[k][n];
    e.store_outputs(outputs, body);
  }
}

}  // namespace

bool turns_in_registers(const RegionEmitter& e) {
  constexpr double kLight = 8;  // operations: the body is written once per lane
  return e.lanes <= 16 && e.graph.items.size() <= 8 && e.graph.ops_per_point <= kLight;
}

TurnedLoads turned_loads(const RegionEmitter& e) {
  const auto& groups = e.nest.groups();
  if ((e.lanes == 1 && !e.options.gpu) || groups.size() < 2 || groups.back().extent < kSmallestSide) return {};
  std::map<size_t, TurnedLoads> by_group;
  std::map<size_t, int64_t> bytes;
  for (ItemId id = 0; id < e.graph.items.size(); ++id) {
    const auto g = other_direction(e, e.graph.items[id]);
    if (!g || groups[*g].extent < kSmallestSide) continue;
    by_group[*g].across = *g;
    by_group[*g].loads.push_back(id);
    bytes[*g] += e.graph.items[id].node->nbytes();
  }
  TurnedLoads best;
  int64_t most = -1;
  for (auto& [g, turned] : by_group)
    if (bytes[g] > most) {
      most = bytes[g];
      best = std::move(turned);
    }
  return best;
}

void lower_map_tiled(RegionEmitter& e) {
  if (e.options.gpu) return lower_block_tiled(e);
  KernelBuilder& b = e.b;
  LoopNest& nest = e.nest;
  const TurnedLoads turned = turned_loads(e);
  const size_t across = turned.across, along = nest.groups().size() - 1;
  std::vector<size_t> others;
  for (size_t g = 0; g < along; ++g)
    if (g != across) others.push_back(g);
  const int64_t side = e.schedule.block, rows = nest.groups()[across].extent, columns = nest.groups()[along].extent;
  const int64_t row_tiles = (rows + side - 1) / side, column_tiles = (columns + side - 1) / side;
  const int64_t tiles = nest.extent_of(others) * row_tiles * column_tiles, per_task = e.schedule.rows_per_task;
  std::vector<uint32_t> scratch;
  for (const ItemId id : turned.loads)
    scratch.push_back(e.add_scratch(e.graph.items[id].dtype, Role::Scratch, side * side));
  const std::vector<size_t> outputs = e.outputs_where(false);

  const auto tile = [&](ValueId number) {
    // Tiles that follow each other run along the operands that are turned, or along all others if those are many more.
    const bool down = !mostly_along(e, turned);
    const auto [rest, fast_tile] = nest.divide(number, {101, 0, 0}, down ? row_tiles : column_tiles, tiles);
    const auto [other, slow_tile] = nest.divide(rest, {102, 0, 0}, down ? column_tiles : row_tiles, tiles);
    const ValueId row_tile = down ? fast_tile : slow_tile, column_tile = down ? slow_tile : fast_tile;
    nest.bind_flat(others, other);
    const auto range = [&](ValueId t, const char* name, int64_t extent) {
      const ValueId begin = b.mul(t, b.index(side));
      return std::pair(begin, b.min(b.add(begin, b.index(side)), nest.size(name, extent)));
    };
    const auto [row_begin, row_end] = range(row_tile, "tiled_rows", rows);
    const auto [column_begin, column_end] = range(column_tile, "tiled_columns", columns);
    const auto place = [&, row_begin = row_begin, column_begin = column_begin](ValueId row, ValueId column) {
      return b.add(b.mul(b.sub(row, row_begin), b.index(side)), b.sub(column, column_begin));
    };

    const auto through_scratch = [&] {
      e.cached_rows.clear();
      for (size_t k = 0; k < turned.loads.size(); ++k) {
        const ItemId id = turned.loads[k];
        const uint16_t square = square_rows(e.graph.items[id].dtype, e.lanes);
        e.vector_loop(row_begin, row_end, 1, [&](ValueId row, Body& body) {
          nest.bind_lanes(across, row, body.lanes);
          b.for_loop(column_begin, column_end, b.index(square), {}, [&](ValueId column, const std::vector<ValueId>&) {
            std::vector<ValueId> lines;
            for (uint16_t n = 0; n < square; ++n) {
              // Lines beyond the last column repeat it: nobody reads them.
              nest.bind_scalar(along, b.min(b.add(column, b.index(n)), b.sub(column_end, b.index(1))));
              Body line{.lanes = body.lanes, .mask = body.mask, .values = {}};
              lines.push_back(e.emit(id, line));
            }
            const std::vector<ValueId> squares = turn_squares(b, lines);
            for (size_t n = 0; n < squares.size(); ++n)
              b.store(scratch[k], place(b.add(row, b.index(static_cast<int64_t>(n))), column), squares[n]);
            return std::vector<ValueId>{};
          });
        });
      }
      for (size_t k = 0; k < turned.loads.size(); ++k) e.cached_rows[turned.loads[k]] = {scratch[k], 0};
      e.stage = 1;
      b.for_loop(row_begin, row_end, b.index(1), {}, [&](ValueId row, const std::vector<ValueId>&) {
        nest.bind_scalar(across, row);
        e.vector_loop(column_begin, column_end, e.schedule.unroll, [&](ValueId column, Body& body) {
          nest.bind_lanes(along, column, body.lanes);
          e.row_position = [&] { return place(row, column); };
          e.store_outputs(outputs, body);
        });
        return std::vector<ValueId>{};
      });
      e.cached_rows.clear();
      e.stage = 0;
      return std::vector<ValueId>{};
    };
    if (!turns_in_registers(e)) {
      through_scratch();
      return;
    }
    const auto whole = [&](ValueId begin, ValueId end) {
      return b.prim(Prim::eq, kBool, {b.sub(end, begin), b.index(side)});
    };
    const ValueId inside = b.prim(Prim::bit_and, kBool, {whole(row_begin, row_end), whole(column_begin, column_end)});
    b.if_then(
        inside,
        [&] {
          b.for_loop(row_begin, row_end, b.index(e.lanes), {}, [&](ValueId row, const std::vector<ValueId>&) {
            b.for_loop(column_begin, column_end, b.index(e.lanes), {},
                       [&](ValueId column, const std::vector<ValueId>&) {
                         turn_and_store(e, turned, row, column, outputs);
                         return std::vector<ValueId>{};
                       });
            return std::vector<ValueId>{};
          });
          return std::vector<ValueId>{};
        },
        through_scratch);
  };
  e.phase("tiles", (tiles + per_task - 1) / per_task,
          estimate_ns_per_point(e) * static_cast<double>(side * side * std::min(per_task, tiles)),
          [&](ValueId task) { e.rows_of_task(task, tiles, per_task, tile); });
}

}  // namespace lazuli::codegen
