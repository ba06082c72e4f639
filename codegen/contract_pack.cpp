// Packing: an operand's elements, with all elementwise work that belongs to them, are evaluated in vectors and laid out
// in the order in which tiles read them. A tile's rows are [depth][rows], its columns [depth][vectors][lanes].
//
// Stores are whole vectors or squares. Those of rows hang over into what is written next (rows by rising depth, tiles
// by rising number); the last hang over into slack at the end. Elements of padding lanes are copies or zeros and never
// stored in a result.
#include "codegen/contract_emitter.h"
#include "codegen/transpose.h"

namespace lazuli::codegen {

ValueId ContractEmitter::operand_value(const Operand& o, Body& body) {
  const ValueId v = reducer.to_accumulator(e.emit(o.item, body));
  return b.splat(v, body.lanes);
}

/// Asks for the vector of columns that starts at `first`, some steps of the depth before it is needed. The depth may
/// end earlier; a prefetch reads nothing.
void ContractEmitter::prefetch_columns(ValueId first, ValueId k) {
  constexpr int64_t kStepsAhead = 16;
  if (column_side.far.empty() || p.depth_groups.size() != 1) return;
  e.nest.bind_flat(p.column_groups, first, p.lanes, true);
  e.nest.bind_flat(p.depth_groups, b.add(k, b.index(kStepsAhead)));
  for (ItemId i : column_side.far) {
    const LoopNest::Address a = e.nest.address(e.graph.items[i].position);
    if (a.access == LoopNest::Access::Consecutive) e.prefetch(e.graph.items[i].node, a.offset);
  }
}

/// Free elements from `first` on, as many as a square has rows and none beyond `last`, at depths [k, k + lanes), as far
/// as there are any: depth k + n goes to at + n * step.
void ContractEmitter::pack_square(const Operand& o, ValueId first, ValueId last, ValueId k, ValueId k_end, ValueId at,
                                  ValueId step) {
  const uint16_t lanes = p.lanes;
  const ValueId mask = b.lane_mask(b.sub(k_end, k), lanes);
  const auto line = [&](ValueId i) {
    if (p.quads) {
      e.nest.bind_flat(*o.groups, b.min(b.add(first, i), last));
      return quads_along(o, k);
    }
    Body body{.lanes = lanes, .mask = mask, .values = {}};
    e.nest.bind_flat(*o.groups, b.min(b.add(first, i), last));
    e.nest.bind_flat(p.depth_groups, k, lanes);
    return operand_value(o, body);
  };
  Values square;
  if (o.heavy) {
    each(b.index(0), b.index(p.square), b.index(1),
         [&](ValueId i) { b.store(o.stage, b.mul(i, b.index(lanes)), line(i)); });
    for (uint16_t i = 0; i < p.square; ++i) square.push_back(b.load(o.stage, b.index(i * lanes), lanes));
  } else {
    for (uint16_t i = 0; i < p.square; ++i) square.push_back(line(b.index(i)));
  }
  square = turn_squares(b, square);
  for (uint16_t i = 0; i < lanes; ++i) {
    b.store(o.buffer, at, square[i]);
    if (i + 1 < lanes) at = b.add(at, step);
  }
}

void ContractEmitter::pack_rows(const Tile& tile, ValueId k_begin, ValueId k_end) {
  const ValueId lanes = b.index(p.lanes), end = b.add(tile.first_row, tile.rows);
  const auto place = [&](ValueId k) { return b.add(tile.row_base, b.mul(b.sub(k, k_begin), tile.rows)); };
  if (row_side.along_depth) {
    const int64_t squares = (p.row_tiles.size + p.square - 1) / p.square;
    each(k_begin, k_end, lanes, [&](ValueId k) {
      // What hangs over the end of the rows is written over by the first square, which comes last.
      each(b.index(0), b.index(squares), b.index(1), [&](ValueId i) {
        const ValueId offset = b.mul(b.sub(b.index(squares - 1), i), b.index(p.square));
        pack_square(row_side, b.add(tile.first_row, offset), b.sub(end, b.index(1)), k, k_end, b.add(place(k), offset),
                    tile.rows);
      });
    });
    return;
  }
  const int64_t groups = (p.row_tiles.size + p.lanes - 1) / p.lanes;
  each(k_begin, k_end, b.index(1), [&](ValueId k) {
    for (int64_t g = 0; g < groups; ++g) {
      const ValueId offset = b.index(g * p.lanes), first = b.add(tile.first_row, offset);
      Body body{.lanes = p.lanes, .mask = b.lane_mask(b.sub(end, first), p.lanes), .values = {}};
      if (p.quads) {
        const auto bind = [&] { e.nest.bind_flat(p.row_groups, first, p.lanes); };
        b.store(row_side.buffer, b.add(place(k), offset), quads_across(row_side, k, body.mask, bind));
        continue;
      }
      e.nest.bind_flat(p.row_groups, first, p.lanes);
      e.nest.bind_flat(p.depth_groups, k);
      b.store(row_side.buffer, b.add(place(k), offset), operand_value(row_side, body));
    }
  });
}

void ContractEmitter::pack_columns(const Tile& tile, ValueId k_begin, ValueId k_end) {
  const ValueId lanes = b.index(p.lanes), columns = e.nest.size("columns", p.columns);
  const ValueId row = b.mul(tile.vectors, lanes);
  const auto place = [&](ValueId k) { return b.add(tile.column_base, b.mul(b.sub(k, k_begin), row)); };
  if (column_side.along_depth) {
    const ValueId first = b.mul(tile.first_vector, lanes), last = b.sub(columns, b.index(1));
    each(k_begin, k_end, lanes, [&](ValueId k) {
      each(b.index(0), row, b.index(p.square),
           [&](ValueId i) { pack_square(column_side, b.add(first, i), last, k, k_end, b.add(place(k), i), row); });
    });
    return;
  }
  each(k_begin, k_end, b.index(1), [&](ValueId k) {
    const auto vector = [&](int64_t v) {
      const ValueId first = b.mul(b.add(tile.first_vector, b.index(v)), lanes);
      Body body{.lanes = p.lanes, .mask = {}, .values = {}};
      if (p.partial_vector()) body.mask = b.lane_mask(b.sub(columns, first), p.lanes);
      if (p.quads) {
        const auto bind = [&] { e.nest.bind_flat(p.column_groups, first, p.lanes, true); };
        b.store(column_side.buffer, b.add(place(k), b.index(v * p.lanes)),
                quads_across(column_side, k, body.mask, bind));
        return;
      }
      prefetch_columns(first, k);
      e.nest.bind_flat(p.column_groups, first, p.lanes, true);
      e.nest.bind_flat(p.depth_groups, k);
      b.store(column_side.buffer, b.add(place(k), b.index(v * p.lanes)), operand_value(column_side, body));
    };
    for (int64_t v = 0; v + 1 < p.column_tiles.size; ++v) vector(v);
    if (!p.column_tiles.uneven()) return vector(p.column_tiles.size - 1);
    b.if_then(tile.is_wide, [&] {
      vector(p.column_tiles.size - 1);
      return Values{};
    });
  });
}

}  // namespace lazuli::codegen
