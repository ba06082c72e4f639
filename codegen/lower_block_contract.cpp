// Contractions on a GPU. A block takes a tile of results: 16 x 16 threads, each with its own rows and columns of the
// tile in registers. Step by step along the depth, the operands' elements (with all elementwise work that belongs to
// them) go to registers, while the step before is multiplied, and from there to shared memory. Finished sums stand in
// shared memory, so that the epilogue runs along rows of the result whatever the threads' own elements are.
//
// The tree is that of docs/numerics.md: one fma chain per 512 of the depth, chains added in ascending order, spans of
// 32,768 in pairs (a block takes one span of a tile then, and a second launch merges them). Steps that hang over the
// end of the depth multiply -0 by +0, which changes no chain.
#include <algorithm>
#include <bit>
#include <tuple>

#include "codegen/block_reduce.h"
#include "codegen/contract_plan.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

namespace {

constexpr int64_t kSide = 16;  // threads along either side of a tile
constexpr int64_t kThreads = kSide * kSide;

class BlockContract {
 public:
  explicit BlockContract(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        tree(emitter, 1),
        p(emitter),
        reducer(emitter.b, emitter.graph, 0),
        type(reducer.type(0)),
        rows{p.row_item, &p.row_groups, p.rows, e.schedule.tile_rows},
        columns{p.column_item, &p.column_groups, p.columns, e.schedule.tile_vectors},
        step(e.schedule.depth_block),
        outputs(emitter.outputs_where(false)) {
    for (Side* s : {&rows, &columns}) {
      s->run = std::min<int64_t>(s->own, 16 / static_cast<int64_t>(itemsize(type)));
      s->tile = kSide * s->own;
      s->tiles = (s->count + s->tile - 1) / s->tile;
      s->stride = s->tile + s->run;  // so that elements of neighbouring depths stand in other banks
      s->along_depth = reads_along_depth(e, s->item, *s->groups, p.depth_groups);
      s->staged = s->tile * step / kThreads;
    }
  }

  void run() {
    if (p.depth > 0) {
      for (Side* s : {&rows, &columns}) {
        s->shared = e.add_shared(type, step * s->stride);
        s->stage = e.add_thread(type, s->staged);
      }
      chains = e.add_thread(type, rows.own * columns.own);
      sums = e.add_shared(type, rows.tile * columns.tile);
      if (p.spans > 1) workspace = e.add_scratch(type, Role::Workspace, p.spans * results());
    }
    const int64_t per_batch = rows.tiles * columns.tiles, tasks = p.batch * per_batch * p.spans;
    const double ns = 0.01 * static_cast<double>(rows.tile * columns.tile * std::max<int64_t>(1, p.depth));
    e.phase("tiles", tasks, ns, [&](ValueId task) {
      ValueId tile = task, span = b.index(0);
      if (p.spans > 1) std::tie(tile, span) = e.nest.divide(task, {103, 0, 0}, p.spans, tasks);
      const auto [batch, in_batch] = e.nest.divide(tile, {104, 0, 0}, per_batch, p.batch * per_batch);
      const auto [row, column] = e.nest.divide(in_batch, {105, 0, 0}, columns.tiles, per_batch);
      e.nest.bind_flat(p.batch_groups, batch);
      rows.first = b.mul(row, b.index(rows.tile));
      columns.first = b.mul(column, b.index(columns.tile));
      if (p.depth > 0) multiply(span);
      if (p.spans > 1) return keep_span(batch, span);
      each_result([&](ValueId at) { return p.depth > 0 ? b.load(sums, at, 1) : reducer.start(1, {})[0]; });
    });
    if (p.spans > 1) merge_spans();
  }

 private:
  using Values = std::vector<ValueId>;

  /// Rows or columns: an operand, its free axes, and what a tile has of them.
  struct Side {
    ItemId item;
    const std::vector<size_t>* groups;
    int64_t count;  // of the whole operand
    int64_t own;    // of a thread
    int64_t run = 1, tile = 1, tiles = 1, stride = 1, staged = 1;
    bool along_depth = false;
    uint32_t shared = 0, stage = 0;
    ValueId first = kNone;  // of the tile
  };

  int64_t results() const { return p.batch * p.rows * p.columns; }
  ValueId count(const Side& s) { return e.nest.size(&s == &rows ? "rows" : "columns", s.count); }
  ValueId depth() { return e.nest.size("depth", p.depth); }

  /// Reads a thread's part of the step at k0 into its registers.
  void stage(Side& s, ValueId k0) {
    const ValueId last = b.sub(count(s), b.index(1)), last_k = b.sub(depth(), b.index(1));
    tree.threads(b.index(kThreads), [&](ValueId t) {
      for (int64_t n = 0; n < s.staged; ++n) {
        const auto [k, free] = place(s, t, n);
        const ValueId at = b.add(k0, k);
        e.nest.bind_flat(*s.groups, b.min(b.add(s.first, free), last));
        e.nest.bind_flat(p.depth_groups, b.min(at, last_k));
        Body body;
        const ValueId v = reducer.to_accumulator(e.emit(s.item, body));
        const bool negative = &s == &rows && is_floating(type);
        const ValueId nothing = negative ? b.constant(type, -0.0) : b.constant_bits(type, 0);
        b.store(s.stage, b.index(n), b.select(b.lt(at, depth()), v, nothing));
      }
    });
  }

  /// Of element n of a thread's part of a step: its depth and its row or column. Neighbouring threads read neighbouring
  /// elements of memory.
  std::pair<ValueId, ValueId> place(const Side& s, ValueId t, int64_t n) {
    const int64_t fast = s.along_depth ? step : s.tile;  // divides the number of threads
    const ValueId low = tree.low_bits(t, fast);
    const ValueId line = tree.shift_right(t, b.index(std::countr_zero(static_cast<uint64_t>(fast))));
    const ValueId high = b.add(line, b.index(n * (kThreads / fast)));
    return s.along_depth ? std::pair(low, high) : std::pair(high, low);
  }

  void share(Side& s) {
    tree.threads(b.index(kThreads), [&](ValueId t) {
      for (int64_t n = 0; n < s.staged; ++n) {
        const auto [k, free] = place(s, t, n);
        b.store(s.shared, b.add(b.mul(k, b.index(s.stride)), free), b.load(s.stage, b.index(n), 1));
      }
    });
  }

  /// Where a thread's own rows (columns) stand in the tile: runs of neighbours, the runs of all threads side by side.
  ValueId run_place(const Side& s, ValueId thread, int64_t run) {
    return b.add(b.mul(thread, b.index(s.run)), b.index(run * kSide * s.run));
  }

  ValueId thread_row(ValueId t) { return tree.shift_right(t, b.index(4)); }
  ValueId thread_column(ValueId t) { return tree.low_bits(t, kSide); }

  Values fragment(const Side& s, ValueId k, ValueId thread) {
    Values all;
    for (int64_t r = 0; r < s.own / s.run; ++r) {
      const ValueId at = b.add(b.mul(k, b.index(s.stride)), run_place(s, thread, r));
      const ValueId v = b.load(s.shared, at, static_cast<uint16_t>(s.run), s.run > 1 ? kAligned : 0);
      for (int64_t n = 0; n < s.run; ++n) all.push_back(s.run > 1 ? b.extract(v, static_cast<uint32_t>(n)) : v);
    }
    return all;
  }

  void multiply_step() {
    tree.threads(b.index(kThreads), [&](ValueId t) {
      const ValueId row = thread_row(t), column = thread_column(t);
      const int64_t own = rows.own * columns.own;
      Values chain;
      for (int64_t n = 0; n < own; ++n) chain.push_back(b.load(chains, b.index(n), 1));
      chain = b.for_loop(b.index(0), b.index(step), b.index(1), chain, [&](ValueId k, const Values& carried) {
        const Values left = fragment(rows, k, row), right = fragment(columns, k, column);
        Values next;
        for (size_t r = 0; r < left.size(); ++r)
          for (size_t c = 0; c < right.size(); ++c)
            next.push_back(reducer.take({carried[next.size()]}, {left[r], right[c]}, kNone)[0]);
        return next;
      });
      for (int64_t n = 0; n < own; ++n) b.store(chains, b.index(n), chain[static_cast<size_t>(n)]);
    });
  }

  void clear() {
    tree.threads(b.index(kThreads), [&](ValueId) {
      for (int64_t n = 0; n < rows.own * columns.own; ++n) b.store(chains, b.index(n), b.constant_bits(type, 0));
    });
  }

  /// The chains of a block of the depth join the sums; new ones start.
  void fold(ValueId is_first) {
    tree.threads(b.index(kThreads), [&](ValueId t) {
      const ValueId row = thread_row(t), column = thread_column(t);
      for (int64_t r = 0; r < rows.own; ++r)
        for (int64_t first = 0; first < columns.own; first += columns.run) {
          const ValueId in_tile = b.add(run_place(rows, row, r / rows.run), b.index(r % rows.run));
          const ValueId at =
              b.add(b.mul(in_tile, b.index(columns.tile)), run_place(columns, column, first / columns.run));
          const auto lanes = static_cast<uint16_t>(columns.run);
          const uint8_t flags = lanes > 1 ? kAligned : 0;
          Values here;
          for (int64_t c = first; c < first + columns.run; ++c) {
            const ValueId n = b.index(r * columns.own + c);
            here.push_back(b.load(chains, n, 1));
            if (p.depth > kDepthBlock) b.store(chains, n, b.constant_bits(type, 0));
          }
          if (p.depth > kDepthBlock) {
            const ValueId before = b.load(sums, at, lanes, flags);
            for (uint16_t c = 0; c < lanes; ++c) {
              const ValueId old = lanes > 1 ? b.extract(before, c) : before;
              here[c] = b.select(is_first, here[c], reducer.merge({old}, {here[c]})[0]);
            }
          }
          b.store(sums, at, joined(here), flags);
        }
    });
  }

  /// One vector of these scalars.
  ValueId joined(Values values) {
    for (uint16_t lanes = 1; values.size() > 1; lanes *= 2) {
      std::vector<uint8_t> picks(size_t{2} * lanes);
      for (size_t n = 0; n < picks.size(); ++n) picks[n] = static_cast<uint8_t>(n);
      Values next;
      for (size_t n = 0; n < values.size(); n += 2) next.push_back(b.shuffle(values[n], values[n + 1], picks));
      values = next;
    }
    return values[0];
  }

  /// Sums of the tile over a span, in shared memory.
  void multiply(ValueId span) {
    const ValueId zero = b.index(0), wide = b.index(step);
    ValueId begin = zero, end = depth();
    if (p.spans > 1) {
      begin = b.mul(span, b.index(kDepthSpan));
      end = b.min(b.add(begin, b.index(kDepthSpan)), depth());
    }
    clear();
    stage(rows, begin);
    stage(columns, begin);
    tree.each(begin, end, wide, [&](ValueId k) {
      b.barrier();  // the step before has been multiplied, the tile before stored
      share(rows);
      share(columns);
      b.barrier();
      const ValueId next = b.add(k, wide);
      stage(rows, next);
      stage(columns, next);
      multiply_step();
      if (p.depth <= kDepthBlock) return;
      const ValueId whole = b.prim(Prim::eq, kBool, {tree.low_bits(next, kDepthBlock), zero});
      tree.when(b.prim(Prim::bit_or, kBool, {whole, b.prim(Prim::bit_not, kBool, {b.lt(next, end)})}),
                [&] { fold(b.lt(k, b.add(begin, b.index(kDepthBlock)))); });
    });
    if (p.depth <= kDepthBlock) fold(kNone);
    b.barrier();
  }

  /// For every result of the tile: its place in `sums`.
  void each_element(const std::function<void(ValueId at, ValueId row, ValueId column)>& body) {
    tree.threads(b.index(rows.tile * columns.tile), [&](ValueId i) {
      const ValueId row =
          b.add(rows.first, tree.shift_right(i, b.index(std::countr_zero(static_cast<uint64_t>(columns.tile)))));
      const ValueId column = b.add(columns.first, tree.low_bits(i, columns.tile));
      const ValueId here = b.prim(Prim::bit_and, kBool, {b.lt(row, count(rows)), b.lt(column, count(columns))});
      tree.when(here, [&] { body(i, row, column); });
    });
  }

  /// The epilogue over the tile, whose sums `value` gives.
  void each_result(const std::function<ValueId(ValueId at)>& value) {
    each_element([&](ValueId at, ValueId row, ValueId column) {
      e.nest.bind_flat(p.row_groups, row);
      e.nest.bind_flat(p.column_groups, column);
      e.reduction_value = [&](uint32_t, const Body&) { return reducer.finish({value(at)}); };
      Body body;
      e.store_outputs(outputs, body);
    });
  }

  /// Result number of an element of the batch.
  ValueId number(ValueId batch, ValueId row, ValueId column) {
    return b.add(b.mul(b.add(b.mul(batch, count(rows)), row), count(columns)), column);
  }

  void keep_span(ValueId batch, ValueId span) {
    const ValueId base = b.mul(span, e.nest.size("results", results()));
    each_element([&](ValueId at, ValueId row, ValueId column) {
      b.store(workspace, b.add(base, number(batch, row, column)), b.load(sums, at, 1));
    });
  }

  void merge_spans() {
    const int64_t n = results(), tasks = (n + kThreads - 1) / kThreads;
    e.phase("merge", tasks, static_cast<double>(kThreads * p.spans), [&](ValueId task) {
      const ValueId begin = b.mul(task, b.index(kThreads)), all = e.nest.size("results", n);
      tree.threads(b.min(b.sub(all, begin), b.index(kThreads)), [&](ValueId t) {
        const ValueId at = b.add(begin, t);
        merge_pairwise(e, reducer, {workspace}, at, e.nest.size("spans", p.spans),
                       e.nest.size("span_levels", pair_levels(p.spans)), all, b.index(1), 1);
        const auto [rest, column] = e.nest.divide(at, {106, 0, 0}, p.columns, n);
        const auto [batch, row] = e.nest.divide(rest, {107, 0, 0}, p.rows, p.batch * p.rows);
        e.nest.bind_flat(p.batch_groups, batch);
        e.nest.bind_flat(p.row_groups, row);
        e.nest.bind_flat(p.column_groups, column);
        e.reduction_value = [&](uint32_t, const Body&) { return reducer.finish({b.load(workspace, at, 1)}); };
        Body body;
        e.store_outputs(outputs, body);
      });
    });
  }

  RegionEmitter& e;
  KernelBuilder& b;
  BlockReducer tree;
  ContractPlan p;
  Reducer reducer;
  const DType type;
  Side rows, columns;
  const int64_t step;  // of the depth
  const std::vector<size_t> outputs;
  uint32_t chains = 0, sums = 0, workspace = 0;
};

}  // namespace

void lower_block_contract(RegionEmitter& e) {
  BlockContract(e).run();
}

void choose_block_contract(const RegionEmitter& probe, Schedule& s) {
  s.strategy = Strategy::BlockContract;
  s.threads = static_cast<int>(kThreads);
  s.registers = 128;
  s.tile_rows = s.tile_vectors = 1;
  const ContractPlan m(probe);
  const bool wide = itemsize(ir::accumulator_type(ir::Op::sum, probe.graph.reductions[0].node->input(0)->dtype())) > 4;
  s.tile_rows = wide ? 4 : 8;
  s.tile_vectors = wide ? 4 : 8;
  const auto tiles = [&] {
    return m.batch * ((m.rows + kSide * s.tile_rows - 1) / (kSide * s.tile_rows)) *
           ((m.columns + kSide * s.tile_vectors - 1) / (kSide * s.tile_vectors)) * m.spans;
  };
  while (s.tile_rows > 1 && m.rows <= kSide * s.tile_rows / 2) s.tile_rows /= 2;
  while (s.tile_vectors > 1 && m.columns <= kSide * s.tile_vectors / 2) s.tile_vectors /= 2;
  // Every processor wants a tile.
  while (s.tile_rows * s.tile_vectors > 4 && tiles() < probe.options.gpu->processors)
    (s.tile_rows >= s.tile_vectors ? s.tile_rows : s.tile_vectors) /= 2;
  s.depth_block = std::min(s.tile_rows, s.tile_vectors) == 1 ? 16 : 8;
}

}  // namespace lazuli::codegen
