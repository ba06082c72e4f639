// Row regions of short rows on a GPU: a warp takes a row of at most one chunk through all its stages, a thread two
// lanes of the chunk, l and l + 32. Lanes are merged by halves between the threads' registers. The merges are
// commutative, so both threads of a pair may merge, and all of a warp end with the row's result.
#include "codegen/block_reduce.h"

namespace lazuli::codegen {

namespace {

constexpr int64_t kWarp = 32;

class WarpRows {
 public:
  explicit WarpRows(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        tree(emitter, 1),
        threads(e.schedule.threads),
        rows(e.nest.kept_extent()),
        length(e.nest.reduced_extent()),
        own(e.graph.reductions.size()),
        other(e.graph.reductions.size()) {
    for (uint32_t level = 0; level < e.graph.levels; ++level)
      for (Reducer& r : reducers_at(e, level))
        for (size_t p = 0; p < r.parts(); ++p) {
          own[r.index()].push_back(e.add_thread(r.type(p), 1));
          other[r.index()].push_back(e.add_thread(r.type(p), 1));
        }
    e.reduction_value = [this](uint32_t r, const Body&) {
      Reducer reducer(b, e.graph, r);
      return reducer.finish(tree.load(own[r], b.index(0)));
    };
  }

  void run() {
    const std::vector<size_t> kept_outputs = e.outputs_where(false), inner_outputs = e.outputs_where(true);
    const int64_t warps = threads / kWarp, tasks = (rows + warps - 1) / warps;
    e.phase("rows", tasks, estimate_ns_per_point(e) * static_cast<double>(length * warps), [&](ValueId task) {
      first_row = b.mul(task, b.index(warps));
      for (uint32_t level = 0; level < e.graph.levels; ++level) reduce(level);
      if (!kept_outputs.empty())
        each_thread([&](ValueId lane, ValueId row) {
          const ValueId stores = b.prim(Prim::bit_and, kBool, {b.lt(row, all_rows()), b.lt(lane, b.index(1))});
          tree.when(stores, [&] {
            Body body;
            e.store_outputs(kept_outputs, body);
          });
        });
      if (inner_outputs.empty()) return;
      each_thread([&](ValueId lane, ValueId row) {
        tree.when(b.lt(row, all_rows()), [&] {
          tree.each(lane, row_length(), b.index(kWarp), [&](ValueId at) {
            e.nest.bind_flat(e.nest.kept_count(), e.nest.groups().size(), at);
            Body body;
            e.store_outputs(inner_outputs, body);
          });
        });
      });
    });
  }

 private:
  ValueId all_rows() { return e.nest.size("rows", rows); }
  ValueId row_length() { return e.nest.size("length", length); }

  /// With the row bound; warps beyond the last row go through it again, and store nothing.
  void each_thread(const std::function<void(ValueId lane, ValueId row)>& body) {
    tree.threads(b.index(threads), [&](ValueId t) {
      const ValueId row = b.add(first_row, tree.shift_right(t, b.index(5)));
      e.nest.bind_flat(0, e.nest.kept_count(), b.min(row, b.sub(all_rows(), b.index(1))));
      body(tree.low_bits(t, kWarp), row);
    });
  }

  void reduce(uint32_t level) {
    std::vector<Reducer> reducers = reducers_at(e, level);
    each_thread([&](ValueId lane, ValueId) {
      const std::vector<Partial> low = tree.take_lane(reducers, b.index(0), row_length(), lane);
      const std::vector<Partial> high = tree.take_lane(reducers, b.index(0), row_length(), b.add(lane, b.index(kWarp)));
      for (size_t r = 0; r < reducers.size(); ++r)
        tree.store(own[reducers[r].index()], b.index(0), reducers[r].merge(low[r], high[r]));
    });
    for (uint32_t half = kWarp / 2; half > 0; half /= 2) {
      for (const Reducer& r : reducers)
        for (size_t p = 0; p < r.parts(); ++p) b.lane_swap(other[r.index()][p], own[r.index()][p], half);
      tree.threads(b.index(threads), [&](ValueId) {
        for (Reducer& r : reducers)
          tree.store(own[r.index()], b.index(0),
                     r.merge(tree.load(own[r.index()], b.index(0)), tree.load(other[r.index()], b.index(0))));
      });
    }
  }

  RegionEmitter& e;
  KernelBuilder& b;
  BlockReducer tree;
  const int64_t threads, rows, length;
  std::vector<std::vector<uint32_t>> own, other;  // per reduction and part: registers
  ValueId first_row = kNone;
};

}  // namespace

void lower_warp_rows(RegionEmitter& e) {
  WarpRows(e).run();
}

}  // namespace lazuli::codegen
