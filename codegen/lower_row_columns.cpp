// Row regions that reduce an outer axis: vectors run along the innermost kept axis, and rows of the reduced axis are
// streamed through 64 rows of accumulators that stay in cache (element i of a chunk goes to accumulator row i mod 64).
// A task is one block of columns.
//
// Narrow operands that are in cache anyway (column_vectors) are read by tiles of columns instead: four lanes of a tile
// at once accumulate in registers, and no accumulator is ever loaded or stored.
//
// Wider operands in cache are read by units (lane_groups): the lanes l, l + 16, l + 32 and l + 48 of a chunk, one lane
// after the other, with accumulators that stay in the first-level cache. Where there are few blocks of columns
// (split_rows), units, of operands in memory whole chunks, are tasks of their own, merged by a further phase. What
// later stages need of results is computed once per column.
#include <fmt/format.h>

#include <array>

#include "codegen/row_stages.h"

namespace lazuli::codegen {

namespace {

class Columns {
 public:
  explicit Columns(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        column_group(e.nest.kept_count() - 1),
        columns(e.nest.groups()[column_group].extent),
        length(e.nest.reduced_extent()),
        chunks((length + kChunk - 1) / kChunk),
        by_units(e.schedule.split_rows || e.schedule.lane_groups > 0),
        block(by_units ? whole_vectors(e.schedule.block) : e.schedule.block),
        padded(whole_vectors(e.schedule.lane_groups ? columns : block)),
        tile(std::max(1, e.schedule.column_vectors) * e.lanes),
        blocks((columns + block - 1) / block),
        outer(e.nest.kept_extent() / columns),
        units(chunks * std::max(1, e.schedule.lane_groups)),
        kept_outputs(e.outputs_where(false)),
        inner_outputs(e.outputs_where(true)) {
    const int64_t accumulated = e.schedule.column_vectors ? kTileLanes * tile
                                : e.schedule.lane_groups  ? kTogether * padded
                                                          : kLanes * padded;
    const Role role = e.schedule.split_rows ? Role::Workspace : Role::Scratch;
    const int64_t results = e.schedule.split_rows ? outer * units * width() : units * (by_units ? width() : padded);
    accumulators.resize(e.graph.reductions.size());
    partials.resize(e.graph.reductions.size());
    for (uint32_t l = 0; l < e.graph.levels; ++l)
      for (Reducer& r : reducers_at(e, l))
        for (size_t p = 0; p < r.parts(); ++p) {
          accumulators[r.index()].push_back(e.add_scratch(r.type(p), Role::Scratch, accumulated));
          partials[r.index()].push_back(e.add_scratch(r.type(p), role, results));
        }
    e.reduction_value = [this](uint32_t r, const Body& body) { return result(r, body); };
  }

  void run() {
    if (e.schedule.split_rows) return run_split();
    if (e.schedule.lane_groups) return run_lanes();
    const double ns = estimate_ns_per_point(e) * static_cast<double>(block * length);
    e.phase("columns", outer * blocks, ns, [&](ValueId task) {
      const auto [row, piece] = e.nest.divide(task, {102, 0, 0}, blocks, outer * blocks);
      e.nest.bind_flat(0, column_group, row);
      const ValueId size = e.nest.size("block", block);
      first_column = b.mul(piece, size);
      count = b.min(size, b.sub(e.nest.size("columns", columns), first_column));
      for (uint32_t l = 0; l < e.graph.levels; ++l) e.schedule.column_vectors ? reduce_tiles(l) : reduce_level(l);
      if (!kept_outputs.empty()) each_column([&](ValueId, Body& body) { e.store_outputs(kept_outputs, body); });
      if (inner_outputs.empty()) return;
      each(b.index(0), e.nest.size("length", length), [&](ValueId i) {
        e.nest.bind_flat(e.nest.kept_count(), e.nest.groups().size(), i);
        each_column([&](ValueId, Body& body) { e.store_outputs(inner_outputs, body); });
      });
    });
  }

 private:
  int64_t whole_vectors(int64_t n) const { return (n + e.lanes - 1) / e.lanes * e.lanes; }
  void each(ValueId begin, ValueId end, const std::function<void(ValueId)>& body) {
    b.for_loop(begin, end, b.index(1), {}, [&](ValueId i, const std::vector<ValueId>&) {
      body(i);
      return std::vector<ValueId>{};
    });
  }
  // Columns of the block, bound to the column loop; `column` counts from the block's start.
  void each_column(const std::function<void(ValueId, Body&)>& body) {
    e.vector_loop(b.index(0), count, e.schedule.unroll, [&](ValueId column, Body& inner) {
      e.nest.bind_lanes(column_group, b.add(first_column, column), inner.lanes);
      at_column = column;
      if (by_units) {
        at_column = b.add(first_column, column);
        e.row_place = b.add(row_of_staged, at_column);
      }
      body(column, inner);
    });
  }
  // Columns of scratch rows, which are padded to whole vectors.
  void each_scratch_column(const std::function<void(ValueId)>& body) {
    b.for_loop(b.index(0), count, b.index(e.lanes), {}, [&](ValueId c, const std::vector<ValueId>&) {
      body(c);
      return std::vector<ValueId>{};
    });
  }
  Partial load_row(const std::vector<uint32_t>& buffers, ValueId row, ValueId column) {
    const ValueId at = b.add(b.mul(row, e.nest.size("padded", padded)), column);
    Partial out;
    for (uint32_t buffer : buffers) out.push_back(b.load(buffer, at, e.lanes));
    return out;
  }
  void store_row(const std::vector<uint32_t>& buffers, ValueId row, ValueId column, const Partial& p) {
    const ValueId at = b.add(b.mul(row, e.nest.size("padded", padded)), column);
    for (size_t i = 0; i < buffers.size(); ++i)
      b.store(buffers[i], at, b.type(p[i]).lanes == 1 ? b.splat(p[i], e.lanes) : p[i]);
  }
  ValueId result(uint32_t r, const Body&) {
    Reducer reducer(b, e.graph, r);
    if (at_vector) return earlier[r][*at_vector];
    if (by_units) return reducer.finish(load_results(partials[r], b.add(row_results, at_column)));
    return reducer.finish(load_row(partials[r], b.index(0), at_column));
  }

  // Rows i, i + 64, i + 128 ... of the reduced axis, in this order, into accumulator row `lane`. Those from `ahead` on
  // are fetched meanwhile.
  void take_rows(std::vector<Reducer>& reducers, ValueId i, int rows, ValueId lane, bool first, ValueId ahead = kNone) {
    each_column([&](ValueId column, Body& body) {
      std::vector<Partial> acc;
      for (Reducer& r : reducers)
        acc.push_back(first ? r.start(e.lanes, {}) : load_row(accumulators[r.index()], lane, column));
      for (int k = 0; k < rows; ++k) {
        const ValueId row = b.add(i, b.index(k * kLanes));
        if (ahead != kNone && !body.mask) {
          e.nest.bind_flat(e.nest.kept_count(), e.nest.groups().size(), b.add(ahead, b.index(k * kLanes)));
          prefetch_loads(e, [](const Item&) { return int64_t{0}; }, kFar);
        }
        e.nest.bind_flat(e.nest.kept_count(), e.nest.groups().size(), row);
        Body here{.lanes = body.lanes, .mask = body.mask, .values = {}};
        for (size_t r = 0; r < reducers.size(); ++r) {
          std::vector<ValueId> operands;
          for (ItemId o : reducers[r].reduction().operands) {
            const ValueId v = e.emit(o, here);
            operands.push_back(b.type(v).lanes == 1 ? b.splat(v, e.lanes) : v);
          }
          acc[r] = reducers[r].take(acc[r], operands, row);
        }
      }
      for (size_t r = 0; r < reducers.size(); ++r) store_row(accumulators[reducers[r].index()], lane, column, acc[r]);
    });
  }

  void reduce_level(uint32_t level) {
    const ValueId count_chunks = e.nest.size("chunks", chunks);
    each(b.index(0), count_chunks, [&](ValueId c) {
      std::vector<Reducer> reducers = reducers_at(e, level);
      stream_chunk(reducers, c);
      for (Reducer& r : reducers)
        each_scratch_column([&](ValueId column) {
          store_row(partials[r.index()], c, column, load_row(accumulators[r.index()], b.index(0), column));
        });
    });
    for (Reducer& r : reducers_at(e, level))
      merge_pairwise(e, r, partials[r.index()], b.index(0), count_chunks,
                     e.nest.size("chunk_levels", pair_levels(chunks)), e.nest.size("padded", padded), count, e.lanes);
  }

  // Whole rows of chunk c into 64 rows of accumulators; the chunk's results are then in the first of them.
  void stream_chunk(std::vector<Reducer>& reducers, ValueId c) {
    const ValueId begin = b.mul(c, b.index(kChunk));
    const ValueId here = b.min(b.sub(e.nest.size("length", length), begin), b.index(kChunk));
    const ValueId alive = b.min(here, b.index(kLanes));
    each(b.index(0), alive, [&](ValueId i) { take_rows(reducers, b.add(begin, i), 1, i, true); });
    ValueId taken = b.index(kLanes);
    if (const int rows = e.schedule.rows_at_once; rows > 1) {
      // Whole groups of rows first. A chunk of fewer than 64 rows has none: the count is negative and the loop empty.
      const ValueId group = b.index(rows * kLanes);
      const ValueId groups = b.prim(Prim::idiv, kInt64, {b.sub(here, taken), group});
      const ValueId lanes = b.index(kLanes);
      each(b.index(0), groups, [&](ValueId g) {
        const ValueId skipped = b.mul(g, group);
        const ValueId start = b.add(skipped, lanes);
        each(b.index(0), lanes, [&](ValueId lane) {
          const ValueId i = b.add(start, lane);
          take_rows(reducers, b.add(begin, i), rows, lane, false);
        });
      });
      taken = b.add(taken, b.mul(groups, group));
    }
    each(taken, here, [&](ValueId i) {
      take_rows(reducers, b.add(begin, i), 1, b.prim(Prim::bit_and, kInt64, {i, b.index(kLanes - 1)}), false);
    });
    for (Reducer& r : reducers) {
      // Accumulator rows by halves; a row without elements is skipped.
      each(b.index(0), b.index(6), [&](ValueId step) {
        const ValueId half = b.prim(Prim::lshr, kInt64, {b.index(kLanes / 2), step});
        const ValueId pairs = b.min(half, b.sub(alive, half));
        each(b.index(0), pairs, [&](ValueId lane) {
          each_scratch_column([&](ValueId column) {
            const Partial low = load_row(accumulators[r.index()], lane, column);
            const Partial high = load_row(accumulators[r.index()], b.add(lane, half), column);
            store_row(accumulators[r.index()], lane, column, r.merge(low, high));
          });
        });
      });
    }
  }

  /// Columns of a row of results in the workspace.
  int64_t width() const { return whole_vectors(columns); }
  Partial load_results(const std::vector<uint32_t>& buffers, ValueId at) {
    Partial out;
    for (uint32_t buffer : buffers) out.push_back(b.load(buffer, at, e.lanes));
    return out;
  }
  void store_results(const std::vector<uint32_t>& buffers, ValueId at, const Partial& p) {
    for (size_t i = 0; i < buffers.size(); ++i)
      b.store(buffers[i], at, b.type(p[i]).lanes == 1 ? b.splat(p[i], e.lanes) : p[i]);
  }

  // Functions of the results up to this level that are the same for all rows, of which later elements are made.
  std::vector<ItemId> needed_of(uint32_t level) const {
    const std::vector<Item>& items = e.graph.items;
    std::vector<bool> needed(items.size());
    for (const Item& i : items)
      for (const ItemId o : i.operands) needed[o] = needed[o] || i.inner;
    std::vector<ItemId> out;
    for (ItemId id = 0; id < items.size(); ++id)
      if (needed[id] && !items[id].inner && items[id].kind == ItemKind::Function && items[id].level == level + 1)
        out.push_back(id);
    return out;
  }

  // Units of the reduced axis are tasks, then blocks of columns merge them, level by level; the last phase stores what
  // has one element per point.
  void run_split() {
    const int64_t per_task = e.schedule.rows_per_task, pieces = (units + per_task - 1) / per_task;
    const double ns = estimate_ns_per_point(e);
    constexpr int64_t kMerged = 512;
    const int64_t merges = (columns + kMerged - 1) / kMerged;
    for (uint32_t level = 0; level < e.graph.levels; ++level) {
      const double work = ns * static_cast<double>(block * length) / static_cast<double>(pieces);
      e.phase(fmt::format("reduce{}", level), outer * blocks * pieces, work, [&](ValueId task) {
        const auto [at, piece] = e.nest.divide(task, {103, 0, 0}, pieces, outer * blocks * pieces);
        bind_block(at, block, {102, 0, 0});
        const ValueId per = e.nest.size("units_per_task", per_task), first = b.mul(piece, per);
        reduce_units(level, first, b.min(b.add(first, per), e.nest.size("units", units)));
      });
      const double merge_ns = 0.05 * static_cast<double>(units * std::min(kMerged, columns));
      e.phase(fmt::format("merge{}", level), outer * merges, merge_ns, [&](ValueId task) {
        bind_block(task, kMerged, {105, 0, 0});
        merge_units(level, Role::Workspace);
        if (level + 1 == e.graph.levels && !kept_outputs.empty())
          each_column([&](ValueId, Body& body) { e.store_outputs(kept_outputs, body); });
      });
    }
    if (inner_outputs.empty()) return;
    const int64_t rows = std::max<int64_t>(1, length / pieces), row_pieces = (length + rows - 1) / rows;
    e.phase("store", outer * blocks * row_pieces, ns * static_cast<double>(rows * block), [&](ValueId task) {
      const auto [at, piece] = e.nest.divide(task, {104, 0, 0}, row_pieces, outer * blocks * row_pieces);
      bind_block(at, block, {102, 0, 0});
      const ValueId per = e.nest.size("rows_per_task", rows), first = b.mul(piece, per);
      store_inner(first, b.min(b.add(first, per), e.nest.size("length", length)));
    });
  }

  // Blocks of columns are tasks that take their units one after the other; one thread alone takes whole rows.
  void run_lanes() {
    const double ns = estimate_ns_per_point(e) * static_cast<double>(block * length);
    e.phase("columns", outer * blocks, ns, [&](ValueId task) {
      bind_block(task, block, {102, 0, 0});
      for (uint32_t level = 0; level < e.graph.levels; ++level) {
        reduce_units(level, b.index(0), e.nest.size("units", units));
        merge_units(level, Role::Scratch);
      }
      if (!kept_outputs.empty()) each_column([&](ValueId, Body& body) { e.store_outputs(kept_outputs, body); });
      if (!inner_outputs.empty()) store_inner(b.index(0), e.nest.size("length", length));
    });
    // Its task is a row's number only where there is one row.
    if (blocks > 1 && outer == 1) e.lowered.phases.back().alone = {outer, e.nest.size_number("block"), columns};
  }

  void store_inner(ValueId first, ValueId end) {
    each(first, end, [&](ValueId i) {
      e.nest.bind_flat(e.nest.kept_count(), e.nest.groups().size(), i);
      each_column([&](ValueId, Body& body) { e.store_outputs(inner_outputs, body); });
    });
  }

  void reduce_units(uint32_t level, ValueId first, ValueId end) {
    each(first, end, [&](ValueId unit) {
      std::vector<Reducer> reducers = reducers_at(e, level);
      e.schedule.lane_groups ? take_lanes(reducers, unit) : stream_chunk(reducers, unit);
      for (Reducer& r : reducers)
        each_scratch_column([&](ValueId column) {
          std::vector<Partial> lanes;
          for (int64_t w = 0; w < (e.schedule.lane_groups ? kTogether : 1); ++w)
            lanes.push_back(load_row(accumulators[r.index()], b.index(w), column));
          store_results(partials[r.index()], result_of(unit, column), merged(r, std::move(lanes)));
        });
    });
  }

  // The units' results of the block at hand, and what is needed of them later, in `role`.
  void merge_units(uint32_t level, Role role) {
    const ValueId groups = b.index(std::max(1, e.schedule.lane_groups));
    const ValueId stride = b.mul(groups, e.nest.size("width", width())), base = b.add(row_results, first_column);
    const ValueId count_chunks = e.nest.size("chunks", chunks);
    for (Reducer& r : reducers_at(e, level)) {
      const std::vector<uint32_t>& results = partials[r.index()];
      if (e.schedule.lane_groups)
        each(b.index(0), count_chunks, [&](ValueId c) {
          each_scratch_column([&](ValueId column) {
            std::vector<Partial> lanes;
            for (int g = 0; g < e.schedule.lane_groups; ++g)
              lanes.push_back(load_results(results, result_of(b.add(b.mul(c, groups), b.index(g)), column)));
            store_results(results, result_of(b.mul(c, groups), column), merged(r, std::move(lanes)));
          });
        });
      merge_pairwise(e, r, results, base, count_chunks, e.nest.size("chunk_levels", pair_levels(chunks)), stride, count,
                     e.lanes);
    }
    const std::vector<ItemId> needed = needed_of(level);
    if (needed.empty()) return;
    std::vector<uint32_t> rows;
    const int64_t size = (role == Role::Scratch ? 1 : outer) * width();
    for (const ItemId id : needed) rows.push_back(e.add_scratch(e.graph.items[id].dtype, role, size));
    each_column([&](ValueId, Body& body) {
      for (size_t i = 0; i < needed.size(); ++i) {
        const ValueId v = e.emit(needed[i], body);
        b.store(rows[i], e.row_place, b.type(v).lanes == 1 ? b.splat(v, e.lanes) : v);
      }
    });
    for (size_t i = 0; i < needed.size(); ++i) e.staged[needed[i]] = rows[i];
  }

  /// Block number `at`, of so many columns.
  void bind_block(ValueId at, int64_t size, std::array<uint64_t, 3> key) {
    const int64_t many = (columns + size - 1) / size;
    const auto [row, piece] = e.nest.divide(at, key, many, outer * many);
    e.nest.bind_flat(0, column_group, row);
    const ValueId of_block = size == block ? e.nest.size("block", block) : b.index(size);
    first_column = b.mul(piece, of_block);
    count = b.min(of_block, b.sub(e.nest.size("columns", columns), first_column));
    row_of_staged = e.schedule.split_rows ? b.mul(row, e.nest.size("width", width())) : b.index(0);
    row_results = b.mul(row_of_staged, e.nest.size("units", units));
  }
  /// Where the results of a unit stand in the workspace.
  ValueId result_of(ValueId unit, ValueId column) {
    return b.add(b.add(row_results, b.mul(unit, e.nest.size("width", width()))), b.add(first_column, column));
  }
  Partial merged(Reducer& r, std::vector<Partial> lanes) {
    for (size_t half = lanes.size() / 2; half > 0; half /= 2)
      for (size_t l = 0; l < half; ++l) lanes[l] = r.merge(lanes[l], lanes[l + half]);
    return lanes[0];
  }

  // Lanes l, l + 16, l + 32 and l + 48 of a chunk, a row of accumulators each: their first two steps by halves are
  // next.
  void take_lanes(std::vector<Reducer>& reducers, ValueId unit) {
    const ValueId groups = b.index(e.schedule.lane_groups);
    const ValueId c = b.prim(Prim::idiv, kInt64, {unit, groups});
    const ValueId l = b.sub(unit, b.mul(c, groups)), begin = b.mul(c, b.index(kChunk));
    const ValueId here = b.min(b.sub(e.nest.size("length", length), begin), b.index(kChunk));
    each(b.index(0), b.index(kTogether), [&](ValueId w) {
      const ValueId lane = b.add(l, b.mul(w, groups)), start = b.add(begin, lane);
      const ValueId rows = b.prim(Prim::lshr, kInt64, {b.add(b.sub(here, lane), b.index(kLanes - 1)), b.index(6)});
      const int at_once = e.schedule.rows_at_once;
      const ValueId whole = b.prim(Prim::idiv, kInt64, {rows, b.index(at_once)});
      // What is read after the lane's group number `g`: where it comes from memory, jumps are nothing that the
      // processor foresees.
      const ValueId next_lane =
          b.select(b.lt(w, b.index(kTogether - 1)), b.add(start, groups), b.add(b.add(begin, l), b.index(1)));
      const auto after = [&](ValueId g) {
        const ValueId next = b.add(g, b.index(1));
        return b.select(b.lt(next, whole), b.add(start, b.mul(next, b.index(at_once * kLanes))), next_lane);
      };
      b.if_then(
          b.lt(b.index(0), whole),
          [&] {
            take_rows(reducers, start, at_once, w, true, after(b.index(0)));
            return std::vector<ValueId>{};
          },
          [&] {
            for (Reducer& r : reducers)
              each_scratch_column(
                  [&](ValueId column) { store_row(accumulators[r.index()], w, column, r.start(e.lanes, {})); });
            return std::vector<ValueId>{};
          });
      each(b.index(1), whole, [&](ValueId g) {
        take_rows(reducers, b.add(start, b.mul(g, b.index(at_once * kLanes))), at_once, w, false, after(g));
      });
      if (at_once == 1) return;
      each(b.mul(whole, b.index(at_once)), rows,
           [&](ValueId k) { take_rows(reducers, b.add(start, b.mul(k, b.index(kLanes))), 1, w, false); });
    });
  }

  // Every chunk by tiles of columns: first those of several vectors, then one masked vector after the other.
  void reduce_tiles(uint32_t level) {
    const ValueId n = e.nest.size("length", length), count_chunks = e.nest.size("chunks", chunks);
    const int64_t width = e.lanes;
    each(b.index(0), count_chunks, [&](ValueId c) {
      const ValueId begin = b.mul(c, b.index(kChunk));
      const ValueId here = b.min(b.sub(n, begin), b.index(kChunk));
      const ValueId whole = b.mul(b.prim(Prim::idiv, kInt64, {count, b.index(tile)}), b.index(tile));
      std::vector<Reducer> reducers = reducers_at(e, level);
      const auto run = [&](ValueId from, ValueId to, int64_t vectors) {
        b.for_loop(from, to, b.index(vectors * width), {}, [&](ValueId column, const std::vector<ValueId>&) {
          std::optional<ValueId> mask;
          if (vectors == 1) mask = b.lane_mask(b.sub(count, column), e.lanes);
          reduce_tile(reducers[0], c, begin, here, column, vectors, mask);
          return std::vector<ValueId>{};
        });
      };
      run(b.index(0), whole, e.schedule.column_vectors);
      run(whole, count, 1);
    });
    for (Reducer& r : reducers_at(e, level))
      merge_pairwise(e, r, partials[r.index()], b.index(0), count_chunks,
                     e.nest.size("chunk_levels", pair_levels(chunks)), e.nest.size("padded", padded), count, e.lanes);
  }

  // Lanes l, l + 16, l + 32 and l + 48 of a tile together, for each l below 16: their first two steps by halves are
  // done in registers. The other four follow when all of the tile has been read.
  void reduce_tile(Reducer& r, ValueId c, ValueId begin, ValueId here, ValueId column, int64_t vectors,
                   std::optional<ValueId> mask) {
    const int64_t width = e.lanes;
    const uint32_t sums = accumulators[r.index()][0], results = partials[r.index()][0];
    // What follows from earlier levels is loaded and computed once for all rows.
    at_vector.reset();
    earlier.assign(e.graph.reductions.size(), {});
    for (uint32_t i = 0; i < e.graph.reductions.size(); ++i) {
      if (e.graph.reductions[i].level >= r.reduction().level) continue;
      for (int64_t v = 0; v < vectors; ++v) {
        at_column = b.add(column, b.index(v * width));
        earlier[i].push_back(result(i, {}));
      }
    }
    // Row `i` of the chunk into one lane's accumulators.
    const auto take_row = [&](ValueId i, std::vector<ValueId>& acc, size_t first) {
      const ValueId row = b.add(begin, i);
      for (int64_t v = 0; v < vectors; ++v) {
        const ValueId at = b.add(column, b.index(v * width));
        e.nest.bind_lanes(column_group, b.add(first_column, at), e.lanes);
        e.nest.bind_flat(e.nest.kept_count(), e.nest.groups().size(), row);
        at_vector = static_cast<size_t>(v);
        Body body{.lanes = e.lanes, .mask = mask, .values = {}};
        ValueId& into = acc[first + static_cast<size_t>(v)];
        const ValueId x = e.emit(r.reduction().operands[0], body);
        into = r.take({into}, {b.type(x).lanes == 1 ? b.splat(x, e.lanes) : x}, kNone)[0];
      }
    };
    const ValueId whole = b.prim(Prim::bit_and, kInt64, {here, b.index(-kLanes)});
    each(b.index(0), b.index(kTileLanes), [&](ValueId lane) {
      const std::vector<ValueId> neutral(static_cast<size_t>(kTogether * vectors), r.start(e.lanes, {})[0]);
      std::vector<ValueId> acc =
          b.for_loop(lane, whole, b.index(kLanes), neutral, [&](ValueId i, const std::vector<ValueId>& carried) {
            std::vector<ValueId> next = carried;
            for (int64_t k = 0; k < kTogether; ++k)
              take_row(b.add(i, b.index(k * kTileLanes)), next, static_cast<size_t>(k * vectors));
            return next;
          });
      acc = b.if_then(
          b.lt(whole, here),
          [&] {
            std::vector<ValueId> all;
            for (int64_t k = 0; k < kTogether; ++k) {
              const auto first = acc.begin() + k * vectors;
              const std::vector<ValueId> mine(first, first + vectors);
              const ValueId i = b.add(whole, b.add(lane, b.index(k * kTileLanes)));
              const std::vector<ValueId> done =
                  b.for_loop(i, here, b.index(kLanes), mine, [&](ValueId row, const std::vector<ValueId>& carried) {
                    std::vector<ValueId> next = carried;
                    take_row(row, next, 0);
                    return next;
                  });
              all.insert(all.end(), done.begin(), done.end());
            }
            return all;
          },
          [&] { return acc; });
      for (int64_t half = kTogether / 2; half > 0; half /= 2)
        for (int64_t at = 0; at < half * vectors; ++at)
          acc[static_cast<size_t>(at)] =
              r.merge({acc[static_cast<size_t>(at)]}, {acc[static_cast<size_t>(at + half * vectors)]})[0];
      for (int64_t v = 0; v < vectors; ++v)
        b.store(sums, b.add(b.mul(lane, b.index(tile)), b.index(v * width)), acc[static_cast<size_t>(v)]);
    });
    b.for_loop(b.index(0), b.index(vectors * width), b.index(width), {}, [&](ValueId at, const std::vector<ValueId>&) {
      std::vector<Partial> lanes;
      for (int64_t l = 0; l < kTileLanes; ++l) lanes.push_back({b.load(sums, b.add(at, b.index(l * tile)), e.lanes)});
      for (size_t half = lanes.size() / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; ++l) lanes[l] = r.merge(lanes[l], lanes[l + half]);
      const ValueId to = b.add(b.mul(c, e.nest.size("padded", padded)), b.add(column, at));
      b.store(results, to, lanes[0][0]);
      return std::vector<ValueId>{};
    });
    at_vector.reset();
  }

  static constexpr int64_t kTileLanes = 16;  // lanes of a tile that are kept apart in scratch
  static constexpr int64_t kTogether = kLanes / kTileLanes;

  RegionEmitter& e;
  KernelBuilder& b;
  const size_t column_group;
  const int64_t columns, length, chunks;
  const bool by_units;
  const int64_t block, padded, tile, blocks, outer, units;
  const std::vector<size_t> kept_outputs, inner_outputs;
  std::vector<std::vector<uint32_t>> accumulators, partials;
  ValueId first_column = kNone, count = kNone, at_column = kNone;
  // By units: where the results of the row at hand begin, and what was computed of them.
  ValueId row_results = kNone, row_of_staged = kNone;
  // In a tile: the vector at hand, and per reduction of an earlier level its results there.
  std::optional<size_t> at_vector;
  std::vector<std::vector<ValueId>> earlier;
};

}  // namespace

void lower_row_columns(RegionEmitter& e) {
  Columns(e).run();
}

}  // namespace lazuli::codegen
