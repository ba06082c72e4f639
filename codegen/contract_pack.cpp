// Packing: an operand's elements, with all elementwise work that belongs to them, are evaluated in vectors and laid out
// in the order in which tiles read them. A tile's rows are [depth][rows], its columns [depth][vectors][lanes].
//
// Stores are whole vectors or squares. Those of rows hang over into what is written next (rows by rising depth, tiles
// by rising number), the last of all, and of several tiles that are packed at once the last of each, into slack.
// Elements of padding lanes are copies or zeros and never stored in a result.
#include <algorithm>
#include <bit>

#include "codegen/contract_emitter.h"
#include "codegen/transpose.h"

namespace lazuli::codegen {

ValueId ContractEmitter::operand_value(const Operand& o, Body& body) {
  const ValueId v = reducer.to_accumulator(e.emit(o.item, body));
  return b.splat(v, body.lanes);
}

/// The vector of elements from row-major position `first` over `groups` on, everything else being bound. Where the
/// lanes go on from one run of the innermost group to the next, each run is evaluated as such, so that what is
/// consecutive in memory is read as that: the places of a convolution, in rows of any length.
ValueId ContractEmitter::vector_of(const Operand& o, std::span<const size_t> groups, ValueId first,
                                   std::optional<ValueId> mask, bool whole) {
  constexpr int64_t kMostRuns = 4;
  const uint16_t lanes = p.lanes;
  if (o.flat_depth && groups.data() == p.depth_groups.data()) {
    Body body{.lanes = lanes, .mask = mask, .values = {}};
    for (size_t g : groups.first(groups.size() - 1)) e.nest.bind_scalar(g, b.index(0));
    e.nest.bind_lanes(groups.back(), first, lanes);
    return operand_value(o, body);
  }
  const int64_t extent = groups.empty() ? 1 : e.nest.groups()[groups.back()].extent;
  const int64_t runs = (lanes + extent - 2) / extent + 1;
  if (groups.size() < 2 || (whole && extent % lanes == 0) || runs > kMostRuns) {
    Body body{.lanes = lanes, .mask = mask, .values = {}};
    e.nest.bind_flat(groups, first, lanes, whole);
    return operand_value(o, body);
  }
  const auto outer = groups.first(groups.size() - 1);
  const ValueId size = e.nest.size({107, groups.back(), 0}, extent);
  const auto [row, start] = e.nest.divide(first, {108, groups.back(), 0}, extent, e.nest.extent_of(groups) + lanes);
  const ValueId last_row = e.nest.size({109, groups.back(), 0}, std::max<int64_t>(1, e.nest.extent_of(outer)) - 1);
  const auto run = [&](int64_t i) {
    const ValueId from = i == 0 ? start : b.sub(start, b.mul(b.index(i), size));  // where lane 0 would stand
    ValueId here = b.lane_mask(b.sub(size, from), lanes);
    if (i > 0)
      here = b.prim(Prim::bit_and, kBool,
                    {here, b.prim(Prim::bit_not, kBool, {b.lane_mask(b.sub(b.index(0), from), lanes)})});
    if (mask) here = b.prim(Prim::bit_and, kBool, {here, *mask});
    Body body{.lanes = lanes, .mask = here, .values = {}};
    // What does not vary along the lanes is read without a mask: rows beyond the last one are that one.
    e.nest.bind_flat(outer, b.min(b.add(row, b.index(i)), last_row));
    e.nest.bind_lanes(groups.back(), from, lanes);
    return std::pair(here, operand_value(o, body));
  };
  ValueId value = run(0).second;
  for (int64_t i = 1; i < runs; ++i) {
    // Whether there is such a run is the same for the whole depth (or all columns), so the processor knows.
    const ValueId reaches = b.lt(b.sub(b.mul(b.index(i), size), start), b.index(lanes));
    value = b.if_then(
        reaches,
        [&] {
          const auto [here, v] = run(i);
          return Values{b.select(here, v, value)};
        },
        [&] { return Values{value}; })[0];
  }
  return value;
}

/// Asks for the vector of columns that starts at `first`, some steps of the depth before it is needed: in strips of so
/// many depths, for the next one. The depth may end earlier; a prefetch reads nothing.
void ContractEmitter::prefetch_columns(ValueId first, ValueId k, int64_t strip) {
  constexpr int64_t kStepsAhead = 16;
  const int64_t steps = strip ? strip : kStepsAhead;
  if (column_side.along_depth || column_side.far.empty() || p.depth_groups.size() != 1) return;
  e.nest.bind_flat(p.column_groups, first, p.lanes, true);
  e.nest.bind_flat(p.depth_groups, b.add(k, b.index(steps)));
  for (ItemId i : column_side.far) {
    const LoopNest::Address a = e.nest.address(e.graph.items[i].position);
    if (a.access == LoopNest::Access::Consecutive)
      e.prefetch(e.graph.items[i].node, a.offset, strip ? uint8_t{kFar} : uint8_t{0});
  }
}

/// Free elements from `first` on, as many as a square has rows and none beyond `last`, at depths [k, k + lanes), as far
/// as there are any: depth k + n goes to at + n * step.
void ContractEmitter::pack_square(const Operand& o, ValueId first, ValueId last, ValueId k, ValueId k_end, ValueId at,
                                  ValueId step) {
  constexpr int64_t kSquaresAhead = 4;  // memory that is fetched: its rows are far apart
  const uint16_t lanes = p.lanes;
  const ValueId mask = b.lane_mask(b.sub(k_end, k), lanes);
  const auto line = [&](ValueId i) {
    e.nest.bind_flat(*o.groups, b.min(b.add(first, i), last));
    if (!o.far.empty() && !o.heavy && p.depth_groups.size() == 1) {
      e.nest.bind_flat(p.depth_groups, b.add(k, b.index(kSquaresAhead * lanes)));
      for (ItemId l : o.far) {
        const LoopNest::Address a = e.nest.address(e.graph.items[l].position);
        if (a.access == LoopNest::Access::Uniform) e.prefetch(e.graph.items[l].node, a.offset, kFar);
      }
    }
    if (p.quads) return quads_along(o, k);
    return vector_of(o, p.depth_groups, k, mask, true);
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
      const auto bind = [&] { e.nest.bind_flat(p.row_groups, first, p.lanes); };
      const ValueId mask = b.lane_mask(b.sub(end, first), p.lanes);
      if (p.quads) {
        b.store(row_side.buffer, b.add(place(k), offset), quads_across(row_side, k, mask, bind));
        continue;
      }
      Body body{.lanes = p.lanes, .mask = mask, .values = {}};
      bind();
      e.nest.bind_flat(p.depth_groups, k);
      b.store(row_side.buffer, b.add(place(k), offset), operand_value(row_side, body));
    }
  });
}

/// Tiles [first, last) of rows that are consecutive in memory: as many at once as share lines of it, each in vectors no
/// longer than a tile needs.
void ContractEmitter::pack_rows_across(ValueId first, ValueId last, ValueId k_begin, ValueId k_end) {
  constexpr int64_t kLines = 2, kLine = 64;
  const int64_t most = p.row_tiles.size, line = kLine / static_cast<int64_t>(itemsize(reducer.type(0)));
  const auto lanes = static_cast<uint16_t>(std::min<int64_t>(p.lanes, std::bit_ceil(static_cast<uint64_t>(most))));
  const bool alone = row_side.heavy || p.row_groups.size() > 1;
  const int64_t at_once = alone ? 1 : std::clamp<int64_t>(kLines * line / most, 1, p.row_tasks.size);
  const bool masked = p.row_tiles.uneven() || most % lanes != 0;
  // Addresses take the lanes of whatever is bound: nothing else may have others, here and behind.
  const auto release = [&](const std::vector<size_t>& groups) {
    for (const size_t g : groups) e.nest.bind_scalar(g, b.index(0));
  };
  release(p.column_groups);
  each(first, last, b.index(at_once), [&](ValueId t) {
    std::vector<Tile> tiles(static_cast<size_t>(at_once));
    for (int64_t i = 0; i < at_once; ++i) {
      // Behind the last tile it is packed again.
      const ValueId number = i == 0 ? t : b.min(b.add(t, b.index(i)), b.sub(last, b.index(1)));
      Tile& tile = tiles[static_cast<size_t>(i)];
      set_rows(tile, number);
      tile.row_base = b.mul(b.sub(number, first), e.nest.size("row_stride", row_side.stride));
    }
    each(k_begin, k_end, b.index(1), [&](ValueId k) {
      for (const Tile& tile : tiles)
        for (int64_t from = 0; from < most; from += lanes) {
          const ValueId row = b.add(tile.first_row, b.index(from));
          Body body{.lanes = lanes, .mask = {}, .values = {}};
          if (masked) body.mask = b.lane_mask(b.sub(b.add(tile.first_row, tile.rows), row), lanes);
          e.nest.bind_flat(p.row_groups, row, lanes);
          e.nest.bind_flat(p.depth_groups, k);
          const ValueId at = b.add(tile.row_base, b.mul(b.sub(k, k_begin), tile.rows));
          b.store(row_side.buffer, b.add(at, b.index(from)), operand_value(row_side, body));
        }
    });
  });
  release(p.row_groups);
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
      std::optional<ValueId> mask;
      if (p.partial_vector()) mask = b.lane_mask(b.sub(columns, first), p.lanes);
      if (p.quads) {
        const auto bind = [&] { e.nest.bind_flat(p.column_groups, first, p.lanes, true); };
        b.store(column_side.buffer, b.add(place(k), b.index(v * p.lanes)), quads_across(column_side, k, mask, bind));
        return;
      }
      prefetch_columns(first, k, p.pack_columns == Pack::Shared ? kPackDepth : 0);
      e.nest.bind_flat(p.depth_groups, k);
      b.store(column_side.buffer, b.add(place(k), b.index(v * p.lanes)),
              vector_of(column_side, p.column_groups, first, mask, true));
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
