// Scan regions, by the tree of docs/numerics.md: blocks of 16 elements are combined by doubling, and what comes before
// a block is a running total of blocks, chunks and groups of chunks.
//   ScanRows:    a task takes whole rows; vectors (GPU: threads, by a chunk in shared memory) run along the scanned
//   axis. ScanSplit:   few long rows: a phase for the totals of chunks, one that runs over them, one that stores.
//   ScanColumns: vectors (GPU: threads) run along the innermost kept axis, 16 elements of the scanned one at once, the
//                running totals of a block of columns stay in scratch.
#include "codegen/row_stages.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

constexpr int64_t kBlock = 16, kBlocksInChunk = kChunk / kBlock, kGroup = kChunk * kBlocksInChunk;

class Scan {
 public:
  explicit Scan(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        node(emitter.region.outputs[0]),
        type(accumulator_type(node->op(), node->dtype())),
        step(lower_scan_step(node->op(), type)),
        rows(e.nest.kept_extent()),
        length(e.nest.reduced_extent()),
        chunks((length + kChunk - 1) / kChunk),
        kept(e.nest.kept_count()),
        groups(e.nest.groups().size()),
        lanes(e.lanes) {
    if (!e.schedule.threads || e.schedule.strategy == Strategy::ScanColumns) return;
    values_ = e.add_shared(type, kChunk);
    totals_ = e.add_shared(type, kBlocksInChunk);
    before_ = e.add_shared(type, kBlocksInChunk);
  }

  void whole_rows() {
    const int64_t per_task = e.schedule.rows_per_task;
    e.phase("rows", (rows + per_task - 1) / per_task, ns(length * per_task), [&](ValueId task) {
      e.rows_of_task(task, rows, per_task, [&](ValueId row) {
        e.nest.bind_flat(0, kept, row);
        each_chunk([&](ValueId before, ValueId begin, ValueId size) { return chunk(before, begin, size, true); });
      });
    });
  }

  void split_rows() {
    const int64_t per_task = e.schedule.rows_per_task, pieces = (chunks + per_task - 1) / per_task;
    const uint32_t partials = e.add_scratch(type, Role::Workspace, rows * chunks);
    const auto all = [&] { return e.nest.size("chunks", chunks); };
    const auto for_chunks = [&](ValueId task, const std::function<void(ValueId, ValueId, ValueId)>& body) {
      const auto [row, piece] = e.nest.divide(task, {107, 0, 0}, pieces, rows * pieces);
      e.nest.bind_flat(0, kept, row);
      const ValueId base = b.mul(row, all()), per = e.nest.size("chunks_per_task", per_task);
      const ValueId first = b.mul(piece, per);
      each(first, b.min(b.add(first, per), all()), 1, [&](ValueId c) {
        const ValueId begin = b.mul(c, b.index(kChunk));
        body(b.add(base, c), begin, b.min(b.sub(size(), begin), b.index(kChunk)));
      });
    };
    e.phase("totals", rows * pieces, ns(kChunk * per_task), [&](ValueId task) {
      for_chunks(task, [&](ValueId at, ValueId begin, ValueId size) {
        b.store(partials, at, first_lane(chunk(neutral(lanes), begin, size, false)));
      });
    });
    e.phase("before", rows, static_cast<double>(chunks), [&](ValueId row) {
      const ValueId base = b.mul(row, all());
      b.for_loop(b.index(0), all(), b.index(kBlocksInChunk), {neutral(1)}, [&](ValueId g, const Values& group) {
        const ValueId end = b.min(b.add(g, b.index(kBlocksInChunk)), all());
        const Values total = b.for_loop(g, end, b.index(1), {neutral(1)}, [&](ValueId c, const Values& carried) {
          const ValueId at = b.add(base, c), here = b.load(partials, at, 1);
          b.barrier();
          b.store(partials, at, both(group[0], carried[0]));
          return Values{both(carried[0], here)};
        });
        return Values{both(group[0], total[0])};
      });
    });
    e.phase("store", rows * pieces, ns(kChunk * per_task), [&](ValueId task) {
      for_chunks(task, [&](ValueId at, ValueId begin, ValueId size) {
        chunk(b.splat(b.load(partials, at, 1), lanes), begin, size, true);
      });
    });
  }

  void columns() {
    column_group = kept - 1;
    const int64_t columns = e.nest.groups()[column_group].extent, block = e.schedule.block;
    const int64_t blocks = (columns + block - 1) / block, outer = rows / columns;
    const int64_t padded = (block + lanes - 1) / lanes * lanes;
    uint32_t totals[4];  // of groups, of chunks, of both, of blocks
    for (uint32_t& t : totals)
      t = e.schedule.threads ? e.add_shared(type, padded) : e.add_scratch(type, Role::Scratch, padded);
    const auto [in_groups, in_chunks, before, in_blocks] = totals;
    e.phase("columns", outer * blocks, ns(block * length),
            [&, in_groups = in_groups, in_chunks = in_chunks, before = before, in_blocks = in_blocks](ValueId task) {
              const auto [row, piece] = e.nest.divide(task, {108, 0, 0}, blocks, outer * blocks);
              e.nest.bind_flat(0, column_group, row);
              const ValueId wanted = e.nest.size("block", block);
              first_column = b.mul(piece, wanted);
              count = b.min(wanted, b.sub(e.nest.size("columns", columns), first_column));
              const auto at = [&](uint32_t buffer, ValueId column) { return b.load(buffer, column, lanes); };
              const auto clear = [&](uint32_t buffer) {
                each_total([&](ValueId c) { b.store(buffer, c, neutral(lanes)); });
              };
              const auto take = [&](uint32_t into, uint32_t from) {
                each_total([&](ValueId c) { b.store(into, c, both(at(into, c), at(from, c))); });
              };
              clear(in_groups);
              each(b.index(0), size(), kGroup, [&](ValueId g) {
                clear(in_chunks);
                each(g, b.min(b.add(g, b.index(kGroup)), size()), kChunk, [&](ValueId c) {
                  clear(in_blocks);
                  each_total([&](ValueId i) { b.store(before, i, both(at(in_groups, i), at(in_chunks, i))); });
                  each(c, b.min(b.add(c, b.index(kChunk)), size()), kBlock,
                       [&](ValueId i) { column_block(i, before, in_blocks); });
                  take(in_chunks, in_blocks);
                });
                take(in_groups, in_chunks);
              });
            });
  }

 private:
  using Values = std::vector<ValueId>;

  double ns(int64_t elements) { return estimate_ns_per_point(e) * static_cast<double>(elements); }
  ValueId size() { return e.nest.size("length", length); }
  void each(ValueId begin, ValueId end, int64_t by, const std::function<void(ValueId)>& body) {
    b.for_loop(begin, end, b.index(by), {}, [&](ValueId i, const Values&) {
      body(i);
      return Values{};
    });
  }
  void threads(ValueId n, const std::function<void(ValueId)>& body) {
    b.barrier();
    b.for_loop(
        b.index(0), n, b.index(1), {},
        [&](ValueId i, const Values&) {
          body(i);
          return Values{};
        },
        LoopKind::Thread);
    b.barrier();
  }
  void when(ValueId condition, const std::function<void()>& body) {
    b.if_then(condition, [&] {
      body();
      return Values{};
    });
  }

  ValueId neutral(uint16_t n) { return b.splat(b.constant_bits(type, scan_identity(node->op(), type)), n); }
  ValueId both(ValueId x, ValueId y) {
    const ValueId args[] = {x, y};
    return b.inline_function(step, args)[0];
  }
  ValueId first_lane(ValueId v) { return b.type(v).lanes == 1 ? v : b.extract(v, 0); }

  /// The operand where the nest is bound, in the type that is computed in.
  ValueId operand(Body& body) {
    ValueId v = e.emit(e.graph.outputs[0], body);
    if (b.type(v).dtype != type) {
      const ValueId args[] = {v};
      v = b.inline_function(lower_cast(b.type(v).dtype, type), args)[0];
    }
    return b.type(v).lanes == body.lanes ? v : b.splat(v, body.lanes);
  }
  void store(ValueId v, const Body& body) {
    if (node->dtype() != type) {
      const ValueId args[] = {v};
      v = b.inline_function(lower_cast(type, node->dtype()), args)[0];
    }
    e.store_output(0, v, body);
  }

  /// Calls `body(before, begin, size)` for the chunks of the row; it returns their totals.
  void each_chunk(const std::function<ValueId(ValueId, ValueId, ValueId)>& body) {
    b.for_loop(b.index(0), size(), b.index(kGroup), {neutral(lanes)}, [&](ValueId g, const Values& group) {
      const ValueId end = b.min(b.add(g, b.index(kGroup)), size());
      const Values total = b.for_loop(g, end, b.index(kChunk), {neutral(lanes)}, [&](ValueId c, const Values& carried) {
        const ValueId here = b.min(b.sub(end, c), b.index(kChunk));
        return Values{both(carried[0], body(both(group[0], carried[0]), c, here))};
      });
      return Values{both(group[0], total[0])};
    });
  }

  /// Scans elements [begin, begin + n) of the row and returns their total, in all lanes. It has a meaning where the
  /// chunk is whole; others are the last of their row.
  ValueId chunk(ValueId before, ValueId begin, ValueId n, bool stores) {
    if (e.schedule.threads) return chunk_of_threads(before, begin, n, stores);
    const ValueId whole = b.prim(Prim::bit_and, kInt64, {n, b.index(-kBlock)}), end = b.add(begin, whole);
    const auto block = [&](ValueId i, std::optional<ValueId> left, ValueId blocks) {
      std::vector<Body> bodies;
      Values y;
      for (int64_t at = 0; at < kBlock; at += lanes) {
        bodies.push_back({.lanes = lanes, .mask = {}, .values = {}});
        if (left) bodies.back().mask = b.lane_mask(b.sub(*left, b.index(at)), lanes);
        e.nest.bind_flat(kept, groups, b.add(i, b.index(at)), lanes);
        if (e.schedule.prefetch_bytes && !left) prefetch_streams(e);
        y.push_back(operand(bodies.back()));
      }
      y = within_block(std::move(y));
      const ValueId all = both(before, blocks);
      for (size_t v = 0; stores && v < y.size(); ++v) {
        e.nest.bind_flat(kept, groups, b.add(i, b.index(static_cast<int64_t>(v) * lanes)), lanes);
        store(both(all, y[v]), bodies[v]);
      }
      return both(blocks, b.splat(b.extract(y.back(), lanes - 1u), lanes));
    };
    const Values total = b.for_loop(begin, end, b.index(kBlock), {neutral(lanes)},
                                    [&](ValueId i, const Values& carried) { return Values{block(i, {}, carried[0])}; });
    const ValueId left = b.sub(n, whole);
    if (stores) when(b.lt(b.index(0), left), [&] { block(end, left, total[0]); });
    return total[0];
  }

  /// The vectors of a block, every lane combined with those before it.
  Values within_block(Values y) {
    for (int64_t by = 1; by < kBlock; by *= 2) {
      Values next(y.size());
      for (size_t v = 0; v < y.size(); ++v) {
        const int64_t back = by / lanes;  // whole vectors
        if (back > 0) {
          next[v] = v < static_cast<size_t>(back) ? y[v] : both(y[v - static_cast<size_t>(back)], y[v]);
          continue;
        }
        std::vector<uint8_t> picks(lanes);
        for (uint16_t n = 0; n < lanes; ++n) picks[n] = static_cast<uint8_t>(lanes + n - by);
        next[v] = both(b.shuffle(v == 0 ? neutral(lanes) : y[v - 1], y[v], picks), y[v]);
        // Lanes without one before them stay; what most scans combine with the neutral element does so anyway.
        if (v == 0 && node->op() == Op::logcumsumexp)
          next[v] = b.select(b.lt(b.iota(lanes), b.splat(b.index(by), lanes)), y[v], next[v]);
      }
      y = std::move(next);
    }
    return y;
  }

  ValueId chunk_of_threads(ValueId before, ValueId begin, ValueId n, bool stores) {
    threads(n, [&](ValueId i) {
      e.nest.bind_flat(kept, groups, b.add(begin, i));
      Body body;
      b.store(values_, i, operand(body));
    });
    const ValueId blocks = b.prim(Prim::lshr, kInt64, {b.add(n, b.index(kBlock - 1)), b.index(4)});
    threads(blocks, [&](ValueId block) {
      const ValueId first = b.mul(block, b.index(kBlock)), last = b.sub(n, b.index(1));
      Values y;
      for (int64_t k = 0; k < kBlock; ++k) y.push_back(b.load(values_, b.min(b.add(first, b.index(k)), last), 1));
      y = doubled(std::move(y));
      for (int64_t k = 1; k < kBlock; ++k) {
        const ValueId i = b.add(first, b.index(k));
        when(b.lt(i, n), [&] { b.store(values_, i, y[static_cast<size_t>(k)]); });
      }
      b.store(totals_, block, y.back());
    });
    const Values total = b.for_loop(b.index(0), blocks, b.index(1), {neutral(1)}, [&](ValueId block, const Values& c) {
      b.store(before_, block, c[0]);
      return Values{both(c[0], b.load(totals_, block, 1))};
    });
    if (!stores) return total[0];
    threads(n, [&](ValueId i) {
      e.nest.bind_flat(kept, groups, b.add(begin, i));
      const ValueId block = b.prim(Prim::lshr, kInt64, {i, b.index(4)});
      store(both(both(before, b.load(before_, block, 1)), b.load(values_, i, 1)), Body{});
    });
    return total[0];
  }

  /// 16 values one after the other.
  Values doubled(Values y) {
    for (size_t by = 1; by < y.size(); by *= 2)
      for (size_t k = y.size(); k-- > by;) y[k] = both(y[k - by], y[k]);
    return y;
  }

  /// Vectors of running totals, which stand in scratch that is padded to whole vectors.
  void each_total(const std::function<void(ValueId)>& body) {
    if (e.schedule.threads) return threads(count, body);
    each(b.index(0), count, lanes, body);
  }

  /// Elements i to i + 15 of the columns at hand, as far as there are any.
  void column_block(ValueId i, uint32_t before, uint32_t in_blocks) {
    const ValueId last = b.sub(size(), b.index(1));
    b.barrier();
    e.vector_loop(b.index(0), count, 1, [&](ValueId column, Body& body) {
      e.nest.bind_lanes(column_group, b.add(first_column, column), body.lanes);
      Values y;
      for (int64_t k = 0; k < kBlock; ++k) {
        // Beyond the end, the last one once more: nobody takes it.
        e.nest.bind_flat(kept, groups, k == 0 ? i : b.min(b.add(i, b.index(k)), last));
        Body here{.lanes = body.lanes, .mask = body.mask, .values = {}};
        y.push_back(operand(here));
      }
      y = doubled(std::move(y));
      const ValueId blocks = b.load(in_blocks, column, lanes);
      const ValueId all = both(b.load(before, column, lanes), blocks);
      for (int64_t k = 0; k < kBlock; ++k) {
        const ValueId row = b.add(i, b.index(k));
        const auto put = [&] {
          e.nest.bind_flat(kept, groups, row);
          store(both(all, y[static_cast<size_t>(k)]), body);
        };
        k == 0 ? put() : when(b.lt(row, size()), put);
      }
      b.store(in_blocks, column, both(blocks, y.back()));
    });
    b.barrier();
  }

  RegionEmitter& e;
  KernelBuilder& b;
  const Node* node;
  const DType type;
  const scalar::Function step;
  const int64_t rows, length, chunks;
  const size_t kept, groups;
  const uint16_t lanes;
  uint32_t values_ = 0, totals_ = 0, before_ = 0;  // GPU: of the chunk at hand
  size_t column_group = 0;
  ValueId first_column = kNone, count = kNone;
};

}  // namespace

void lower_scan_rows(RegionEmitter& e) {
  Scan(e).whole_rows();
}
void lower_scan_split(RegionEmitter& e) {
  Scan(e).split_rows();
}
void lower_scan_columns(RegionEmitter& e) {
  Scan(e).columns();
}

}  // namespace lazuli::codegen
