// Row regions that reduce a few elements, where vectors can run along the innermost kept axis: small windows above all.
// Every element belongs to a lane of its own, so the lanes are vectors in registers, merged by halves; nothing is kept
// in memory. A task is some rows of results.
#include "codegen/row_stages.h"

namespace lazuli::codegen {

namespace {

class Unrolled {
 public:
  explicit Unrolled(RegionEmitter& emitter)
      : e(emitter), b(emitter.b), column_group(e.nest.kept_count() - 1), length(e.nest.reduced_extent()) {
    e.nest.masks_by_count = true;
    e.reduction_value = [this](uint32_t r, const Body&) { return Reducer(b, e.graph, r).finish(results[r]); };
  }

  void run() {
    const int64_t columns = e.nest.groups()[column_group].extent, rows = e.nest.kept_extent() / columns;
    const int64_t per_task = std::min(rows, e.schedule.rows_per_task);
    const double ns = estimate_ns_per_point(e) * static_cast<double>(columns * length * per_task);
    const std::vector<size_t> outputs = e.outputs_where(false);
    e.phase("rows", (rows + per_task - 1) / per_task, ns, [&](ValueId task) {
      e.rows_of_task(task, rows, per_task, [&](ValueId row) {
        e.nest.bind_flat(0, column_group, row);
        e.vector_loop(b.index(0), e.nest.size("columns", columns), e.schedule.unroll, [&](ValueId column, Body& body) {
          e.nest.bind_lanes(column_group, column, body.lanes);
          std::vector<Reducer> reducers = reducers_at(e, 0);
          results.assign(e.graph.reductions.size(), {});
          const std::vector<Partial> all = lanes_from(reducers, 0, 1, body);
          for (size_t r = 0; r < reducers.size(); ++r) results[reducers[r].index()] = all[r];
          e.store_outputs(outputs, body);
        });
      });
    });
  }

 private:
  /// What lane `first` holds when those that are `step` or further on have been merged into the ones before: lanes are
  /// merged by halves, the far ones first. At most log2(64) deep, and with as many results alive.
  std::vector<Partial> lanes_from(std::vector<Reducer>& reducers, int64_t first, int64_t step, const Body& body) {
    if (step >= kLanes) return element(reducers, first, body);
    std::vector<Partial> low = lanes_from(reducers, first, 2 * step, body);
    if (first + step >= length) return low;
    const std::vector<Partial> high = lanes_from(reducers, first + step, 2 * step, body);
    for (size_t r = 0; r < reducers.size(); ++r) low[r] = reducers[r].merge(low[r], high[r]);
    return low;
  }

  std::vector<Partial> element(std::vector<Reducer>& reducers, int64_t i, const Body& body) {
    int64_t rest = i;
    for (size_t g = e.nest.groups().size(); g-- > e.nest.kept_count();) {
      const int64_t extent = e.nest.groups()[g].extent;
      e.nest.bind_scalar(g, b.index(rest % extent));
      rest /= extent;
    }
    Body here{.lanes = body.lanes, .mask = body.mask, .values = {}};
    std::vector<Partial> out;
    for (Reducer& r : reducers) {
      std::vector<ValueId> operands;
      for (ItemId o : r.reduction().operands) {
        const ValueId v = e.emit(o, here);
        operands.push_back(b.type(v).lanes == 1 ? b.splat(v, body.lanes) : v);
      }
      // Taking an element into a neutral lane gives the element, but for products, which round there.
      if (r.reduction().is_dot()) {
        out.push_back(r.take(r.start(body.lanes, {}), operands, b.index(i)));
      } else {
        out.push_back({r.to_accumulator(operands[0])});
        if (r.needs_position()) out.back().push_back(b.splat(b.index(i), body.lanes));
      }
    }
    return out;
  }

  RegionEmitter& e;
  KernelBuilder& b;
  const size_t column_group;
  const int64_t length;
  std::vector<Partial> results;
};

}  // namespace

void lower_row_unrolled(RegionEmitter& e) {
  Unrolled(e).run();
}

}  // namespace lazuli::codegen
