// A register tile: one accumulator per row and vector stays in a register while the depth runs. The tile's sums lie in
// scratch, where blocks of the depth are added and where the epilogue, one loop over rows and vectors, finds them.
#include <algorithm>
#include <bit>

#include "codegen/contract_emitter.h"
#include "codegen/row_stages.h"

namespace lazuli::codegen {

/// Columns of the next tile, of which each row tile of the task fetches a share: their first use would wait for memory
/// line by line. And the sums that the next tile goes on from.
void ContractEmitter::fetch_ahead(const Tile& tile, ValueId row_tile, ValueId k_begin) {
  ahead.clear();
  const auto fetch = [&](uint32_t buffer, ValueId at, ValueId step) {
    ahead.push_back({buffer, b.sub(at, b.mul(k_begin, step)), step});
  };
  const int64_t width = p.column_tiles.size * p.lanes, packed = column_side.stride * p.column_tiles.pieces;
  if (p.pack_columns == Pack::Shared &&
      packed * static_cast<int64_t>(itemsize(reducer.type(0))) * 2 > e.options.target.l2_bytes) {
    const int64_t each = std::min<int64_t>(p.lanes, (width + p.row_tasks.size - 1) / p.row_tasks.size);
    const ValueId step = e.nest.size("columns_ahead", each);
    const ValueId next = b.add(tile.column_base, e.nest.size("column_stride", column_side.stride));
    const ValueId from = b.add(next, b.mul(k_begin, b.mul(tile.vectors, b.index(p.lanes))));
    fetch(column_side.buffer, b.add(from, b.mul(row_tile, e.nest.size("columns_share", each * p.depth_block))), step);
  }
  if (p.in_chunks() && p.spans == 1 && !p.strip) {
    const int64_t each = (tile_elements + p.depth_block - 1) / p.depth_block;
    fetch(sums_buffer, b.add(tile.sums, b.index(tile_elements)), b.index(each));
  }
  if (!p.constant_sizes || !p.is_whole_batch() || p.depth <= 2 * kStepsAtOnce) return;
  // Both operands of the next product of a batch: every tile fetches a share of their lines.
  constexpr int64_t kSmall = 16 << 10, kLine = 64;
  const auto size = static_cast<int64_t>(itemsize(reducer.type(0)));
  if ((p.rows + p.columns) * p.depth * size < kSmall) return;
  const int64_t tiles = p.row_tiles.pieces * p.column_tiles.pieces, rounds = p.depth / kStepsAtOnce;
  e.nest.bind_flat(p.batch_groups, b.add(tile.batch, b.index(1)));
  for (const Operand* o : {&row_side, &column_side}) {
    const Item& item = e.graph.items[o->item];
    const int64_t free = o == &row_side ? p.rows : p.columns;
    const auto along_free = o->groups->empty() ? 1 : e.nest.stride(item.position, o->groups->front());
    const auto along_depth = e.nest.stride(item.position, p.depth_groups.front());
    if (!(along_free == 1 && along_depth == free) && !(along_depth == 1 && along_free == p.depth)) continue;
    const int64_t lines = (free * p.depth * size + kLine - 1) / kLine, share = (lines + tiles - 1) / tiles;
    const int64_t at_once = (share + rounds - 1) / rounds, line = kLine / size;
    e.nest.bind_flat(*o->groups, b.index(0));
    e.nest.bind_flat(p.depth_groups, b.index(0));
    const ValueId first = e.nest.address(item.position).offset;
    const ValueId from = b.add(first, b.mul(tile.number, b.index(share * line)));
    for (int64_t i = 0; i < at_once; ++i)
      ahead.push_back(
          {e.input_buffer(item.node), b.add(from, b.index(i * line)), b.index(at_once * line / kStepsAtOnce)});
  }
  e.nest.bind_flat(p.batch_groups, tile.batch);
}

/// Rows that will be packed next: those of the next task, or the same at the next depths. Every tile fetches a share.
void ContractEmitter::prefetch_rows(const Tile& tile, ValueId row_task, ValueId row_tile, ValueId k_begin,
                                    ValueId is_last) {
  constexpr int64_t kLine = 64, kMostShare = 64;
  const Item& item = e.graph.items[row_side.item];
  if (p.pack_rows != Pack::Task || p.strip || p.quads || p.row_groups.size() != 1 || p.depth_groups.size() != 1 ||
      p.column_tasks.pieces > 1 || item.kind != ItemKind::Load || item.inside != ir::IndexArena::kAlways ||
      item.node->nbytes() * 4 <= e.options.target.l2_bytes)
    return;
  // Lines along memory and across it.
  const int64_t line = kLine / static_cast<int64_t>(itemsize(item.dtype)), depths = std::min(p.depth, p.depth_block);
  const int64_t rows = p.row_tasks.size * p.row_tiles.size;
  const int64_t along =
      std::bit_ceil(static_cast<uint64_t>(((row_side.along_depth ? depths : rows) + line - 1) / line));
  const int64_t across = row_side.along_depth ? rows : depths;
  const int64_t share = (along * across) / (p.row_tasks.size * p.column_tasks.size) + 1;
  if (share > kMostShare) return;
  const ValueId number = b.add(b.mul(tile.column_number, e.nest.size("rows_of_task", p.row_tasks.size)), row_tile);
  const ValueId task_rows = e.nest.size("task_rows", rows), next = b.mul(b.add(row_task, b.index(1)), task_rows);
  ValueId row = next, k = k_begin;
  if (is_last != kNone) {
    row = b.select(is_last, next, b.sub(next, task_rows));
    k = b.select(is_last, b.index(0), b.add(k_begin, b.index(p.depth_block)));
  }
  const ValueId first = b.mul(number, e.nest.size("rows_share", share));
  const ValueId shift = e.nest.size("rows_shift", std::countr_zero(static_cast<uint64_t>(along)));
  const ValueId mask = e.nest.size("rows_mask", along - 1);
  each(b.index(0), e.nest.size("rows_share", share), b.index(1), [&](ValueId i) {
    const ValueId n = b.add(first, i);
    const ValueId outer = b.prim(Prim::lshr, kInt64, {n, shift});
    const ValueId inner = b.mul(b.prim(Prim::bit_and, kInt64, {n, mask}), b.index(line));
    e.nest.bind_flat(p.row_groups, b.add(row, row_side.along_depth ? outer : inner));
    e.nest.bind_flat(p.depth_groups, b.add(k, row_side.along_depth ? inner : outer));
    const LoopNest::Address a = e.nest.address(item.position);
    if (a.access == LoopNest::Access::Uniform) e.prefetch(item.node, a.offset, kFar);
  });
}

/// Where the sums of a vector of results wait, in the buffer of sums as in that of chains.
ValueId ContractEmitter::place(const Tile& tile, int row, int vector) {
  return b.add(tile.sums, b.index((int64_t{row} * p.column_tiles.size + vector) * p.lanes));
}

/// What the chains of a tile start from at `k_begin`.
ContractEmitter::Values ContractEmitter::starts(const Tile& tile, int rows, int vectors, ValueId k_begin) {
  const ValueId zero = reducer.start(p.lanes, {})[0];
  Values start(static_cast<size_t>(rows * vectors), zero);
  for (int v = 0; v < vectors && p.quads; ++v) {
    ValueId first = b.load(column_side.buffer, b.add(tile.starts, b.index(int64_t{v} * p.lanes)), p.lanes);
    // Columns that all tasks share have one start for the whole depth.
    if (p.pack_columns == Pack::Shared && p.depth > kDepthBlock)
      first = b.select(b.splat(b.prim(Prim::eq, kBool, {k_begin, b.index(0)}), p.lanes), first, zero);
    for (int r = 0; r < rows; ++r) start[static_cast<size_t>(r * vectors + v)] = first;
  }
  if (!p.strip) return start;
  const ValueId in_block = b.prim(Prim::bit_and, kInt64, {k_begin, b.index(kDepthBlock - 1)});
  return b.if_then(
      b.prim(Prim::eq, kBool, {in_block, b.index(0)}), [&] { return start; },
      [&] {
        Values before;
        for (int r = 0; r < rows; ++r)
          for (int v = 0; v < vectors; ++v) before.push_back(b.load(chains_buffer, place(tile, r, v), p.lanes));
        return before;
      });
}

/// The chains of all results of the tile over [k_begin, k_end), row by row.
ContractEmitter::Values ContractEmitter::chain(const Tile& tile, int rows, int vectors, ValueId k_begin,
                                               ValueId k_end) {
  const ValueId columns = e.nest.size("columns", p.columns);
  const Values start = starts(tile, rows, vectors, k_begin);
  const bool fetches_rows = p.pack_rows == Pack::None && row_side.along_depth && !row_side.far.empty() && !p.places &&
                            p.row_tasks.size > 1 && !p.constant_sizes;
  const Values bases = p.places ? bases_of(tile, rows) : Values{};
  const auto step = [&](ValueId k, const Values& carried) {
    Values acc = carried, right;
    const ValueId far = p.places ? b.load(steps_buffer, k, 1) : kNone;
    for (int v = 0; v < vectors; ++v) {
      if (p.pack_columns != Pack::None) {
        const ValueId at = b.add(tile.column_base, b.mul(k, b.index(int64_t{vectors} * p.lanes)));
        right.push_back(b.load(column_side.buffer, b.add(at, b.index(int64_t{v} * p.lanes)), p.lanes));
        continue;
      }
      const ValueId first = b.mul(b.add(tile.first_vector, b.index(v)), b.index(p.lanes));
      Body body{.lanes = p.lanes, .mask = {}, .values = {}};
      if (p.partial_vector()) body.mask = b.lane_mask(b.sub(columns, first), p.lanes);
      if (!p.constant_sizes) prefetch_columns(first, k, p.strip);
      e.nest.bind_flat(p.column_groups, first, p.lanes, true);
      e.nest.bind_flat(p.depth_groups, k);
      right.push_back(operand_value(column_side, body));
    }
    for (int r = 0; r < rows && fetches_rows; ++r) {
      e.nest.bind_flat(p.row_groups, b.add(b.add(tile.first_row, tile.rows), b.index(r)));
      e.nest.bind_flat(p.depth_groups, k);
      for (ItemId i : row_side.far) {
        const LoopNest::Address a = e.nest.address(e.graph.items[i].position);
        if (a.access == LoopNest::Access::Uniform) e.prefetch(e.graph.items[i].node, a.offset);
      }
    }
    for (int r = 0; r < rows; ++r) {
      ValueId left;
      if (p.places) {
        const auto in_line = static_cast<int>(p.line), line = p.whole_lines ? r / in_line : 0;
        const ValueId at = b.add(bases[static_cast<size_t>(line)], far);
        left = b.load(e.input_buffer(e.graph.items[row_side.item].node),
                      b.add(at, b.index(p.place_step * (p.whole_lines ? r % in_line : r))), 1);
      } else if (p.pack_rows != Pack::None) {
        const ValueId at = b.add(tile.row_base, b.mul(k, b.index(rows)));
        left = b.load(row_side.buffer, b.add(at, b.index(r)), 1);
      } else {
        Body body;
        e.nest.bind_flat(p.row_groups, b.add(tile.first_row, b.index(r)));
        e.nest.bind_flat(p.depth_groups, k);
        left = operand_value(row_side, body);
      }
      for (int v = 0; v < vectors; ++v) {
        ValueId& sum = acc[static_cast<size_t>(r * vectors + v)];
        sum = p.quads ? b.dot_bytes(sum, left, right[static_cast<size_t>(v)])
                      : reducer.take({sum}, {left, right[static_cast<size_t>(v)]}, kNone)[0];
      }
    }
    return acc;
  };
  const auto fetch = [&](ValueId k) {
    for (const Ahead& a : ahead) b.prefetch(a.buffer, b.add(a.at, b.mul(k, a.step)));
  };
  if (!p.constant_sizes)
    return b.for_loop(k_begin, k_end, b.index(1), start, [&](ValueId k, const Values& carried) {
      fetch(k);
      return step(k, carried);
    });
  // Some steps per iteration, and what is left behind them; few steps need no loop.
  const auto steps = [&](ValueId first, int64_t count, Values sums) {
    fetch(first);
    for (int64_t u = 0; u < count; ++u) sums = step(b.add(first, b.index(u)), sums);
    return sums;
  };
  if (p.depth <= 2 * kStepsAtOnce) return steps(k_begin, p.depth, start);
  const int64_t whole = p.depth / kStepsAtOnce * kStepsAtOnce;
  const Values sums = b.for_loop(k_begin, b.add(k_begin, b.index(whole)), b.index(kStepsAtOnce), start,
                                 [&](ValueId k, const Values& carried) { return steps(k, kStepsAtOnce, carried); });
  return p.depth == whole ? sums : steps(b.add(k_begin, b.index(whole)), p.depth - whole, sums);
}

void ContractEmitter::multiply_exact(const Tile& given, int rows, int vectors, ValueId k_begin, ValueId k_end,
                                     ValueId span_begin) {
  Tile tile = given;
  if (p.quads) tile.starts = starts_of(tile);
  // Bases of what is packed from a later depth on move to where depth 0 would be.
  if (!p.places && p.pack_rows == Pack::Task)
    tile.row_base = b.sub(tile.row_base, b.mul(tile.packed_from, b.index(rows)));
  if (p.pack_columns == Pack::Task)
    tile.column_base = b.sub(tile.column_base, b.mul(tile.packed_from, b.index(int64_t{vectors} * p.lanes)));
  if (p.spans > 1) {
    const ValueId span = b.prim(Prim::lshr, kInt64, {span_begin, b.index(15)});
    tile.sums = b.add(tile.sums, b.mul(span, e.nest.size("span_stride", span_stride)));
  }
  const auto store_to = [&](uint32_t buffer, const Values& sums) {
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < vectors; ++v) b.store(buffer, place(tile, r, v), sums[static_cast<size_t>(r * vectors + v)]);
    return Values{};
  };
  const auto end_block = [&](const Values& sums, ValueId is_first) {
    Values all;
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < vectors; ++v) {
        ValueId sum = sums[static_cast<size_t>(r * vectors + v)];
        if (p.depth > kDepthBlock) {
          const ValueId before = b.load(sums_buffer, place(tile, r, v), p.lanes);
          sum = b.select(is_first, sum, reducer.merge({before}, {sum})[0]);
        }
        all.push_back(sum);
      }
    const auto store = [&] { return store_to(sums_buffer, all); };
    const auto finish_here = [&] {
      finish_registers(tile, rows, vectors, all);
      return Values{};
    };
    if (!p.in_registers)
      store();
    else if (p.in_chunks())
      b.if_then(tile.is_last, finish_here, store);
    else
      finish_here();
  };
  const auto block = [&](ValueId begin, ValueId end) {
    const Values sums = chain(tile, rows, vectors, begin, end);
    end_block(sums, b.prim(Prim::eq, kBool, {begin, span_begin}));
  };
  if (p.strip && p.depth > kDepthBlock) {
    const Values sums = chain(tile, rows, vectors, k_begin, k_end);
    const ValueId block_begin = b.prim(Prim::bit_and, kInt64, {k_begin, b.index(-kDepthBlock)});
    const ValueId block_end = b.prim(Prim::bit_and, kInt64, {k_end, b.index(kDepthBlock - 1)});
    const ValueId ends = b.prim(Prim::bit_or, kBool, {b.prim(Prim::eq, kBool, {block_end, b.index(0)}), tile.is_last});
    b.if_then(
        ends,
        [&] {
          end_block(sums, b.prim(Prim::eq, kBool, {block_begin, span_begin}));
          return Values{};
        },
        [&] { return store_to(chains_buffer, sums); });
    return;
  }
  if (p.depth <= kDepthBlock) return block(k_begin, k_end);
  each(k_begin, k_end, b.index(kDepthBlock),
       [&](ValueId begin) { block(begin, b.min(b.add(begin, b.index(kDepthBlock)), k_end)); });
}

void ContractEmitter::multiply(const Tile& tile, ValueId k_begin, ValueId k_end, ValueId span_begin) {
  const auto rows = static_cast<int>(p.tile_rows()), vectors = static_cast<int>(p.column_tiles.size);
  const auto fewer = rows - static_cast<int>(p.row_unit);
  either(p.row_tiles.uneven(), tile.is_tall, [&](bool tall) {
    either(p.column_tiles.uneven(), tile.is_wide, [&](bool wide) {
      multiply_exact(tile, tall ? rows : fewer, wide ? vectors : vectors - 1, k_begin, k_end, span_begin);
    });
  });
}

/// What the epilogue will touch comes near while the tile is multiplied: rows of a tile are far apart, and no hardware
/// finds their pattern.
void ContractEmitter::prefetch_results(const Tile& tile) {
  if (p.places) return;
  each(b.index(0), tile.rows, b.index(1), [&](ValueId r) {
    e.nest.bind_flat(p.row_groups, b.add(tile.first_row, r));
    for (int64_t v = 0; v < p.column_tiles.size; ++v) {
      const ValueId first = b.mul(b.add(tile.first_vector, b.index(v)), b.index(p.lanes));
      e.nest.bind_flat(p.column_groups, first, p.lanes, true);
      for (size_t o : outputs)
        if (e.region.outputs[o]->nbytes() * 4 > e.options.target.l2_bytes) e.prefetch_output(o);
      for (ItemId i : epilogue_loads) {
        const LoopNest::Address a = e.nest.address(e.graph.items[i].position);
        if (a.access == LoopNest::Access::Consecutive) e.prefetch(e.graph.items[i].node, a.offset);
      }
    }
  });
}

/// The epilogue over sums that are in registers.
void ContractEmitter::finish_registers(const Tile& tile, int rows, int vectors, const Values& sums) {
  const ValueId columns = e.nest.size("columns", p.columns);
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      const ValueId first = b.mul(b.add(tile.first_vector, b.index(v)), b.index(p.lanes));
      Body body{.lanes = p.lanes, .mask = {}, .values = {}};
      if (p.partial_vector()) body.mask = b.lane_mask(b.sub(columns, first), p.lanes);
      e.nest.bind_flat(p.row_groups, b.add(tile.first_row, b.index(r)));
      e.nest.bind_flat(p.column_groups, first, p.lanes, true);
      e.reduction_value = [&](uint32_t, const Body&) {
        return reducer.finish({sums[static_cast<size_t>(r * vectors + v)]});
      };
      e.store_outputs(outputs, body);
    }
  }
}

/// The epilogue over the finished tile.
void ContractEmitter::finish(const Tile& tile) {
  const ValueId width = b.index(p.column_tiles.size * p.lanes), lanes = b.index(p.lanes);
  if (p.spans > 1) {
    const ValueId count = e.nest.size("spans", p.spans), stride = e.nest.size("span_stride", span_stride);
    merge_pairwise(e, reducer, {sums_buffer}, tile.sums, count, e.nest.size("span_levels", pair_levels(p.spans)),
                   stride, b.index(tile_elements), p.lanes);
  }
  if (p.places) return finish_places(tile);
  const ValueId first_column = b.mul(tile.first_vector, lanes);
  const ValueId count = b.min(b.mul(tile.vectors, lanes), b.sub(e.nest.size("columns", p.columns), first_column));
  each(b.index(0), tile.rows, b.index(1), [&](ValueId r) {
    e.nest.bind_flat(p.row_groups, b.add(tile.first_row, r));
    const ValueId sums = b.add(tile.sums, b.mul(r, width));
    e.vector_loop(b.index(0), count, e.schedule.unroll, [&](ValueId column, Body& body) {
      e.nest.bind_flat(p.column_groups, b.add(first_column, column), body.lanes, true);
      e.reduction_value = [&](uint32_t, const Body& at) {
        if (p.depth == 0) return reducer.finish(reducer.start(at.lanes, {}));
        return reducer.finish({b.load(sums_buffer, b.add(sums, column), at.lanes)});
      };
      e.store_outputs(outputs, body);
    });
  });
}

}  // namespace lazuli::codegen
