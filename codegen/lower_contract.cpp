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
  if (p.constant_sizes) {
    e.nest.constant_sizes = true;
    b.add_constants_last();
  }
  e.nest.masks_by_count = e.nest.blocks_of_lanes = true;
  const auto rounded = [&](int64_t n) { return (n + p.lanes - 1) / p.lanes * p.lanes; };
  padded_depth = rounded(std::min(p.depth, p.depth_block));
  const DType t = reducer.type(0);
  row_side.stride = padded_depth * p.row_tiles.size + (row_side.along_depth ? 0 : p.lanes);
  // Tiles that are packed side by side do not write over each other's first elements.
  if (p.pack_rows == Pack::Shared) row_side.stride = rounded(p.depth) * p.row_tiles.size + p.lanes;
  column_side.stride = rounded(p.pack_columns == Pack::Shared ? p.depth : padded_depth) * p.column_tiles.size * p.lanes;
  if (p.quads) column_side.stride += p.column_tiles.size * p.lanes;  // what sums start from
  if (p.pack_rows == Pack::Task)
    row_side.buffer = e.add_scratch(t, Role::Scratch, row_side.stride * p.row_tasks.size + p.lanes);
  if (p.pack_rows == Pack::Shared)
    row_side.buffer = e.add_scratch(t, Role::Workspace, p.batch * p.row_tiles.pieces * row_side.stride + p.lanes);
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
  for (Operand* o : {&row_side, &column_side})
    for (ItemId i : e.loads_below({o->item}))
      if (const Item& item = e.graph.items[i];
          item.inside == ir::IndexArena::kAlways && item.node->nbytes() * 2 > e.options.target.l2_bytes)
        o->far.push_back(i);
  tile_elements = p.tile_rows() * p.column_tiles.size * p.lanes;
  span_stride = tile_elements * (p.in_chunks() ? p.row_tasks.size * p.column_tasks.size : 1);
  const int64_t groups = p.split_depth ? p.batch * p.row_tasks.pieces * p.column_tasks.pieces : 1;
  const int64_t slack = p.places ? tile_elements + p.column_tiles.size * p.lanes * p.lanes : p.lanes;
  sums_buffer =
      e.add_scratch(t, p.split_depth ? Role::Workspace : Role::Scratch, groups * span_stride * p.spans + slack);
  // A depth of one block has no sums of blocks.
  chains_buffer = sums_buffer;
  if (p.strip && p.depth > kDepthBlock) chains_buffer = e.add_scratch(t, Role::Scratch, span_stride + p.lanes);
  if (!p.places) return;
  steps_buffer = e.add_scratch(kInt64, Role::Workspace, p.depth);
  turned_buffer = e.add_scratch(t, Role::Scratch, rounded(p.tile_rows()) * p.column_tiles.size * p.lanes + p.lanes);
}

ContractEmitter::Operand ContractEmitter::operand(ItemId item, const std::vector<size_t>& groups, Pack pack) const {
  return {.item = item,
          .groups = &groups,
          .pack = pack,
          .along_depth = reads_along_depth(e, item, groups, p.depth_groups),
          .heavy = work_below(e.graph, item) > 8,
          .flat_depth = p.depth_groups.size() > 1 && is_flat_along_depth(e, item, p.depth_groups)};
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
  if (p.places) return set_places(tile, t);
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

/// Every row tile of every batch element, once, for all tasks.
void ContractEmitter::pack_rows_phase() {
  const int64_t tiles = p.row_tiles.pieces;
  const double ns = static_cast<double>(row_side.stride) * (0.3 + 0.02 * work_below(e.graph, p.row_item));
  e.phase("pack_rows", p.batch * tiles, ns, [&](ValueId task) {
    const auto [batch, t] = e.nest.divide(task, {110, 0, 0}, tiles, p.batch * tiles);
    bind_batch(batch);
    Tile tile;
    set_rows(tile, t);
    tile.row_base = b.mul(task, e.nest.size("row_stride", row_side.stride));
    pack_rows(tile, b.index(0), e.nest.size("depth", p.depth));
  });
}

/// Every column tile of every batch element, once, for all tasks.
void ContractEmitter::pack_phase() {
  const int64_t tiles = p.column_tiles.pieces;
  const double ns = static_cast<double>(column_side.stride) * (0.3 + 0.02 * work_below(e.graph, p.column_item));
  if (!column_side.along_depth && !column_side.far.empty() && !p.quads && !p.places)
    return pack_strips(ns * static_cast<double>(tiles));
  const auto pack = [&](ValueId task) {
    const auto [batch, t] = e.nest.divide(task, {103, 0, 0}, tiles, p.batch * tiles);
    bind_batch(batch);
    Tile tile;
    set_columns(tile, t);
    tile.column_base = b.mul(task, e.nest.size("column_stride", column_side.stride));
    pack_columns(tile, b.index(0), e.nest.size("depth", p.depth));
    if (p.quads) pack_starts(tile, b.index(0), e.nest.size("depth", p.depth));
  };
  if (!p.places) return e.phase("pack", p.batch * tiles, ns, pack);
  e.phase("pack", p.batch * tiles + 1, ns, [&](ValueId task) {
    b.if_then(
        b.lt(task, e.nest.size("column_tiles_of_all", p.batch * tiles)),
        [&] {
          pack(task);
          return Values{};
        },
        [&] {
          fill_steps();
          return Values{};
        });
  });
}

/// The same of columns that lie along memory, in strips of the depth: memory is read in its order, a tile's width of
/// each row would be another page every time.
void ContractEmitter::pack_strips(double ns) {
  constexpr int64_t kTaskDepth = 64;
  const int64_t strips = (p.depth + kTaskDepth - 1) / kTaskDepth;
  e.phase("pack", p.batch * strips, ns / static_cast<double>(strips), [&](ValueId task) {
    const auto [batch, s] = e.nest.divide(task, {103, 0, 0}, strips, p.batch * strips);
    bind_batch(batch);
    const ValueId tiles = e.nest.size("column_tiles", p.column_tiles.pieces), before = b.mul(batch, tiles);
    const ValueId task_begin = b.mul(s, b.index(kTaskDepth));
    const ValueId task_end = b.min(b.add(task_begin, b.index(kTaskDepth)), e.nest.size("depth", p.depth));
    each(task_begin, task_end, b.index(kPackDepth), [&](ValueId begin) {
      const ValueId end = b.min(b.add(begin, b.index(kPackDepth)), task_end);
      each(b.index(0), tiles, b.index(1), [&](ValueId t) {
        Tile tile;
        set_columns(tile, t);
        const ValueId first = b.mul(b.add(before, t), e.nest.size("column_stride", column_side.stride));
        tile.column_base = b.add(first, b.mul(begin, b.mul(tile.vectors, b.index(p.lanes))));
        pack_columns(tile, begin, end);
      });
    });
  });
}

/// The tiles of a task, column after column. `columns` runs once per column of tiles, before its tiles.
void ContractEmitter::each_tile(ValueId row_task, ValueId column_task, ValueId sums,
                                const std::function<void(Tile&)>& columns,
                                const std::function<void(Tile&, ValueId row_tile)>& body) {
  const ValueId one = b.index(1);
  const ValueId first_rows = start_of("row_tasks", p.row_tasks, row_task);
  const ValueId last_rows = start_of("row_tasks", p.row_tasks, b.add(row_task, one));
  const ValueId first_columns = start_of("column_tasks", p.column_tasks, column_task);
  const ValueId last_columns = start_of("column_tasks", p.column_tasks, b.add(column_task, one));
  const ValueId row_stride = e.nest.size("row_stride", row_side.stride);
  each(first_columns, last_columns, one, [&](ValueId c) {
    Tile tile;
    set_columns(tile, c);
    tile.column_base = tile.column_number = c;
    columns(tile);
    each(first_rows, last_rows, one, [&](ValueId t) {
      set_rows(tile, t);
      const ValueId row_tile = b.sub(t, first_rows);
      tile.row_base = b.mul(row_tile, row_stride);
      tile.sums = sums;
      if (p.in_chunks()) {
        const ValueId before = b.mul(b.sub(c, first_columns), e.nest.size("rows_of_task", p.row_tasks.size));
        tile.sums = b.add(sums, b.mul(b.add(before, row_tile), b.index(tile_elements)));
      }
      body(tile, row_tile);
    });
  });
}

/// A task's products over the depths [k_first, k_last), and unless spans are tasks of their own, its epilogues.
void ContractEmitter::multiply_task(ValueId batch, ValueId row_task, ValueId column_task, ValueId sums, ValueId k_first,
                                    ValueId k_last) {
  const ValueId one = b.index(1), zero = b.index(0);
  const ValueId column_stride = e.nest.size("column_stride", column_side.stride);
  const auto chunk = [&](ValueId k_begin) {
    const ValueId k_end = p.in_chunks() ? b.min(b.add(k_begin, b.index(p.depth_block)), k_last) : k_last;
    const ValueId span_begin = p.spans > 1 ? b.prim(Prim::bit_and, kInt64, {k_begin, b.index(-kDepthSpan)}) : zero;
    if (p.pack_rows == Pack::Task && p.depth > 0) {
      const ValueId first_rows = start_of("row_tasks", p.row_tasks, row_task);
      const ValueId last_rows = start_of("row_tasks", p.row_tasks, b.add(row_task, one));
      const auto pack_tile = [&](ValueId t) {
        Tile tile;
        set_rows(tile, t);
        tile.row_base = b.mul(b.sub(t, first_rows), e.nest.size("row_stride", row_side.stride));
        pack_rows(tile, k_begin, k_end);
      };
      if (row_side.along_depth || p.quads)
        each(first_rows, last_rows, one, pack_tile);
      else
        pack_rows_across(first_rows, last_rows, k_begin, k_end);
    }
    const auto columns = [&](Tile& tile) {
      const ValueId c = tile.column_base;
      tile.column_base = zero;
      if (p.pack_columns == Pack::Shared) {
        const ValueId before = b.mul(batch, e.nest.size("column_tiles", p.column_tiles.pieces));
        tile.column_base = b.mul(b.add(before, c), column_stride);
      } else if (p.pack_columns == Pack::Task && p.depth > 0) {
        pack_columns(tile, k_begin, k_end);
        if (p.quads) pack_starts(tile, k_begin, k_end);
      }
    };
    const auto tiles = [&](ValueId begin, ValueId end) {
      const ValueId is_last = p.in_chunks() ? b.prim(Prim::eq, kBool, {end, k_last}) : kNone;
      each_tile(row_task, column_task, sums, columns, [&](Tile& tile, ValueId row_tile) {
        if (p.pack_rows == Pack::Shared) {
          const ValueId t = b.add(start_of("row_tasks", p.row_tasks, row_task), row_tile);
          const ValueId before = b.mul(batch, e.nest.size("row_tiles", p.row_tiles.pieces));
          tile.row_base = b.mul(b.add(before, t), e.nest.size("row_stride", row_side.stride));
        }
        tile.is_last = is_last;
        tile.batch = batch;
        tile.packed_from = k_begin;
        if (p.constant_sizes) tile.number = b.add(b.mul(tile.column_number, b.index(p.row_tiles.pieces)), row_tile);
        if (p.depth > 0) {
          fetch_ahead(tile, row_tile, begin);
          prefetch_rows(tile, row_task, row_tile, k_begin, is_last);
          if (p.in_chunks() && !p.split_depth)
            b.if_then(is_last, [&] {
              prefetch_results(tile);
              return Values{};
            });
          else if (!p.in_chunks() && !p.constant_sizes)
            prefetch_results(tile);
          multiply(tile, begin, end, span_begin);
        }
        if (p.in_registers || p.split_depth) return;
        // Where tiles are always finished a branch still keeps the epilogue's constants out of the loops around: they
        // would take the registers of the sums.
        b.if_then(
            p.in_chunks() ? is_last : b.lt(b.index(-1), k_last),
            [&] {
              finish(tile);
              return Values{};
            },
            {}, kUnlikely);
      });
    };
    if (!p.strip) return tiles(k_begin, k_end);
    each(k_begin, k_end, b.index(p.strip),
         [&](ValueId begin) { tiles(begin, b.min(b.add(begin, b.index(p.strip)), k_end)); });
  };
  if (p.in_chunks())
    each(k_first, k_last, b.index(p.depth_block), chunk);
  else
    chunk(k_first);
}

void ContractEmitter::tile_phase() {
  const int64_t row_tasks = p.row_tasks.pieces, column_tasks = p.column_tasks.pieces;
  const int64_t per_batch = row_tasks * column_tasks, groups = p.batch * per_batch;
  const int64_t depth = p.split_depth ? kDepthSpan : p.depth;
  const double ns = static_cast<double>(p.row_tasks.size * p.tile_rows() * p.column_tasks.size * p.column_tiles.size *
                                        std::max<int64_t>(1, depth)) *
                    0.3;
  if (p.batches > 1)
    return e.phase(
        "tiles", (p.batch + p.batches - 1) / p.batches, ns * static_cast<double>(p.batches), [&](ValueId task) {
          const ValueId zero = b.index(0), all = e.nest.size("depth", p.depth);
          const ValueId first = b.mul(task, e.nest.size("batches", p.batches));
          const ValueId last = b.min(b.add(first, e.nest.size("batches", p.batches)), e.nest.size("batch", p.batch));
          each(first, last, b.index(1), [&](ValueId batch) {
            bind_batch(batch);
            multiply_task(batch, zero, zero, zero, zero, all);
          });
        });
  e.phase("tiles", groups * (p.split_depth ? p.spans : 1), ns, [&](ValueId task) {
    const ValueId zero = b.index(0), all = e.nest.size("depth", p.depth);
    ValueId group = task, sums = zero, k_first = zero, k_last = all;
    if (p.split_depth) {
      const auto [span, in_span] = e.nest.divide(task, {106, 0, 0}, groups, groups * p.spans);
      group = in_span;
      k_first = b.mul(span, b.index(kDepthSpan));
      k_last = b.min(b.add(k_first, b.index(kDepthSpan)), all);
      sums = b.mul(group, e.nest.size("group_stride", span_stride * p.spans));
    }
    const auto [batch, in_batch] = e.nest.divide(group, {104, 0, 0}, per_batch, groups);
    const auto [row_task, column_task] = e.nest.divide(in_batch, {105, 0, 0}, column_tasks, per_batch);
    bind_batch(batch);
    multiply_task(batch, row_task, column_task, sums, k_first, k_last);
  });
}

/// Where spans are tasks: their sums in pairs, and the epilogues.
void ContractEmitter::merge_phase() {
  const int64_t per_batch = p.row_tasks.pieces * p.column_tasks.pieces, groups = p.batch * per_batch;
  const double ns = static_cast<double>(span_stride * p.spans) * 0.5;
  e.phase("merge", groups, ns, [&](ValueId group) {
    const ValueId sums = b.mul(group, e.nest.size("group_stride", span_stride * p.spans));
    const auto [batch, in_batch] = e.nest.divide(group, {104, 0, 0}, per_batch, groups);
    const auto [row_task, column_task] = e.nest.divide(in_batch, {105, 0, 0}, p.column_tasks.pieces, per_batch);
    bind_batch(batch);
    each_tile(row_task, column_task, sums, [](Tile&) {}, [&](Tile& tile, ValueId) { finish(tile); });
  });
}

void ContractEmitter::run() {
  if (p.pack_rows == Pack::Shared && p.depth > 0) pack_rows_phase();
  if (p.pack_columns == Pack::Shared && p.depth > 0) pack_phase();
  tile_phase();
  if (p.split_depth) merge_phase();
}

void lower_contract(RegionEmitter& e) {
  ContractEmitter(e).run();
}

}  // namespace lazuli::codegen
