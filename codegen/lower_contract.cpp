// Contractions: results are cut into register tiles. A task is some rows of tiles by some columns of tiles; it packs
// its operands as tiles read them (or reads them where they are), multiplies tile after tile over the whole depth, and
// applies the epilogue to each finished tile while it is in the first-level cache.
//
// Each result is one fma chain per 512 of the depth, the chains added in ascending order within spans of 32,768, the
// spans in pairs (docs/numerics.md). Nothing else here changes a bit: not the tiles, nor the packing, nor the tasks.
#include "codegen/contract_emitter.h"
#include "codegen/row_stages.h"
#include "codegen/strategies.h"

namespace lazuli::codegen {

ContractEmitter::ContractEmitter(RegionEmitter& emitter)
    : e(emitter),
      b(emitter.b),
      p(emitter),
      reducer(emitter.b, emitter.graph, 0),
      row_side(operand(p.row_item, p.row_groups, p.pack_rows)),
      column_side(operand(p.column_item, p.column_groups, p.pack_columns)),
      outputs(emitter.outputs_where(false)) {
  e.lanes = std::min(e.lanes, p.lanes);
  const auto rounded = [&](int64_t n) { return (n + p.lanes - 1) / p.lanes * p.lanes; };
  padded_depth = rounded(std::min(p.depth, p.depth_block));
  const DType t = reducer.type(0);
  row_side.stride = padded_depth * p.row_tiles.size;
  column_side.stride = rounded(p.pack_columns == Pack::Shared ? p.depth : padded_depth) * p.column_tiles.size * p.lanes;
  if (p.pack_rows == Pack::Task)
    row_side.buffer = e.add_scratch(t, Role::Scratch, row_side.stride * p.row_tasks.size + p.lanes);
  if (p.pack_columns == Pack::Task) column_side.buffer = e.add_scratch(t, Role::Scratch, column_side.stride);
  if (p.pack_columns == Pack::Shared)
    column_side.buffer = e.add_scratch(t, Role::Workspace, p.batch * p.column_tiles.pieces * column_side.stride);
  for (Operand* o : {&row_side, &column_side})
    if (o->pack != Pack::None && o->along_depth && o->heavy)
      o->stage = e.add_scratch(t, Role::Scratch, int64_t{p.square} * p.lanes);
  for (ItemId i : e.loads_below(e.graph.outputs))
    if (const Item& item = e.graph.items[i];
        item.inside == ir::IndexArena::kAlways && item.node->nbytes() * 4 > e.options.target.l2_bytes)
      epilogue_loads.push_back(i);
  if (!column_side.along_depth)
    for (ItemId i : e.loads_below({column_side.item}))
      if (const Item& item = e.graph.items[i];
          item.inside == ir::IndexArena::kAlways && item.node->nbytes() * 2 > e.options.target.l2_bytes)
        column_side.far.push_back(i);
  tile_elements = p.row_tiles.size * p.column_tiles.size * p.lanes;
  span_stride = tile_elements * (p.in_chunks() ? p.row_tasks.size * p.column_tasks.size : 1);
  sums_buffer = e.add_scratch(t, Role::Scratch, span_stride * p.spans + p.lanes);
}

ContractEmitter::Operand ContractEmitter::operand(ItemId item, const std::vector<size_t>& groups, Pack pack) const {
  return {.item = item,
          .groups = &groups,
          .pack = pack,
          .along_depth = reads_along_depth(e, item, groups, p.depth_groups),
          .heavy = work_below(e.graph, item) > 8};
}

void ContractEmitter::each(ValueId begin, ValueId end, ValueId step, const std::function<void(ValueId)>& body) {
  b.for_loop(begin, end, step, {}, [&](ValueId i, const Values&) {
    body(i);
    return Values{};
  });
}

/// body(true) where the condition holds, else body(false); only body(true) where nothing differs.
void ContractEmitter::either(bool differ, ValueId condition, const std::function<void(bool)>& body) {
  if (!differ) return body(true);
  const auto branch = [&](bool which) {
    return [&body, which] {
      body(which);
      return Values{};
    };
  };
  b.if_then(condition, branch(true), branch(false));
}

/// Where piece i of a cut starts.
ValueId ContractEmitter::start_of(const char* name, const EvenCut& cut, ValueId i) {
  const std::string larger = std::string(name) + "_larger", smaller = std::string(name) + "_smaller";
  return b.add(b.mul(i, e.nest.size(smaller.c_str(), cut.size - 1)), b.min(i, e.nest.size(larger.c_str(), cut.larger)));
}

void ContractEmitter::bind_batch(ValueId batch) {
  e.nest.bind_flat(p.batch_groups, batch);
}

void ContractEmitter::set_rows(Tile& tile, ValueId t) {
  const EvenCut& cut = p.row_tiles;
  if (!cut.uneven()) {
    tile.rows = b.index(cut.size);
    tile.first_row = b.mul(t, tile.rows);
    return;
  }
  const ValueId larger = e.nest.size("tall_tiles", cut.larger), less = b.index(cut.size - 1);
  tile.is_tall = b.lt(t, larger);
  tile.rows = b.select(tile.is_tall, b.index(cut.size), less);
  tile.first_row = b.add(b.mul(t, less), b.min(t, larger));
}

void ContractEmitter::set_columns(Tile& tile, ValueId t) {
  const EvenCut& cut = p.column_tiles;
  if (!cut.uneven()) {
    tile.vectors = b.index(cut.size);
    tile.first_vector = b.mul(t, tile.vectors);
    return;
  }
  const ValueId larger = e.nest.size("wide_tiles", cut.larger), less = b.index(cut.size - 1);
  tile.is_wide = b.lt(t, larger);
  tile.vectors = b.select(tile.is_wide, b.index(cut.size), less);
  tile.first_vector = b.add(b.mul(t, less), b.min(t, larger));
}

/// Every column tile of every batch element, once, for all tasks.
void ContractEmitter::pack_phase() {
  const int64_t tiles = p.column_tiles.pieces;
  const double ns = static_cast<double>(column_side.stride) * (0.3 + 0.02 * work_below(e.graph, p.column_item));
  e.phase("pack", p.batch * tiles, ns, [&](ValueId task) {
    const auto [batch, t] = e.nest.divide(task, {103, 0, 0}, tiles, p.batch * tiles);
    bind_batch(batch);
    Tile tile;
    set_columns(tile, t);
    tile.column_base = b.mul(task, e.nest.size("column_stride", column_side.stride));
    pack_columns(tile, b.index(0), e.nest.size("depth", p.depth));
  });
}

void ContractEmitter::tile_phase() {
  const int64_t row_tasks = p.row_tasks.pieces, column_tasks = p.column_tasks.pieces;
  const int64_t per_batch = row_tasks * column_tasks;
  const double ns = static_cast<double>(p.row_tasks.size * p.row_tiles.size * p.column_tasks.size *
                                        p.column_tiles.size * std::max<int64_t>(1, p.depth)) *
                    0.3;
  e.phase("tiles", p.batch * per_batch, ns, [&](ValueId task) {
    const auto [batch, in_batch] = e.nest.divide(task, {104, 0, 0}, per_batch, p.batch * per_batch);
    const auto [row_task, column_task] = e.nest.divide(in_batch, {105, 0, 0}, column_tasks, per_batch);
    bind_batch(batch);
    const ValueId one = b.index(1), zero = b.index(0);
    const ValueId first_rows = start_of("row_tasks", p.row_tasks, row_task);
    const ValueId last_rows = start_of("row_tasks", p.row_tasks, b.add(row_task, one));
    const ValueId first_columns = start_of("column_tasks", p.column_tasks, column_task);
    const ValueId last_columns = start_of("column_tasks", p.column_tasks, b.add(column_task, one));
    const ValueId depth = e.nest.size("depth", p.depth);
    const ValueId row_stride = e.nest.size("row_stride", row_side.stride);
    const ValueId column_stride = e.nest.size("column_stride", column_side.stride);

    const auto chunk = [&](ValueId k_begin) {
      const ValueId k_end = p.in_chunks() ? b.min(b.add(k_begin, b.index(p.depth_block)), depth) : depth;
      const ValueId span_begin = p.spans > 1 ? b.prim(Prim::bit_and, kInt64, {k_begin, b.index(-kDepthSpan)}) : zero;
      if (p.pack_rows != Pack::None && p.depth > 0)
        each(first_rows, last_rows, one, [&](ValueId t) {
          Tile tile;
          set_rows(tile, t);
          tile.row_base = b.mul(b.sub(t, first_rows), row_stride);
          pack_rows(tile, k_begin, k_end);
        });
      each(first_columns, last_columns, one, [&](ValueId c) {
        Tile tile;
        set_columns(tile, c);
        tile.column_base = zero;
        if (p.pack_columns == Pack::Shared) {
          const ValueId before = b.mul(batch, e.nest.size("column_tiles", p.column_tiles.pieces));
          tile.column_base = b.mul(b.add(before, c), column_stride);
        } else if (p.pack_columns == Pack::Task && p.depth > 0) {
          pack_columns(tile, k_begin, k_end);
        }
        each(first_rows, last_rows, one, [&](ValueId t) {
          set_rows(tile, t);
          tile.row_base = b.mul(b.sub(t, first_rows), row_stride);
          tile.sums = zero;
          if (p.in_chunks()) {
            const ValueId before = b.mul(b.sub(c, first_columns), e.nest.size("rows_of_task", p.row_tasks.size));
            tile.sums = b.mul(b.add(before, b.sub(t, first_rows)), b.index(tile_elements));
          }
          const ValueId is_last = p.in_chunks() ? b.prim(Prim::eq, kBool, {k_end, depth}) : kNone;
          if (p.depth > 0) {
            fetch_ahead(tile, b.sub(t, first_rows), k_begin);
            if (p.in_chunks())
              b.if_then(is_last, [&] {
                prefetch_results(tile);
                return Values{};
              });
            else
              prefetch_results(tile);
            multiply(tile, k_begin, k_end, span_begin);
          }
          if (!p.in_chunks()) return finish(tile);
          b.if_then(is_last, [&] {
            finish(tile);
            return Values{};
          });
        });
      });
    };
    if (p.in_chunks())
      each(zero, depth, b.index(p.depth_block), chunk);
    else
      chunk(zero);
  });
}

void ContractEmitter::run() {
  if (p.pack_columns == Pack::Shared && p.depth > 0) pack_phase();
  tile_phase();
}

void lower_contract(RegionEmitter& e) {
  ContractEmitter(e).run();
}

}  // namespace lazuli::codegen
