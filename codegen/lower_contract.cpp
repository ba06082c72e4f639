// Contractions: vectors along the innermost result axis, one fma chain per result in blocks of 512 along k, block sums
// in ascending order within spans of 32,768, spans in pairs (docs/numerics.md). Register tiles and packing are to come;
// the order of operations, and so every bit, is already that of the definition.
#include "codegen/row_stages.h"

namespace lazuli::codegen {

namespace {
constexpr int64_t kBlock = 512, kSpan = 32768;
}

void lower_contract(RegionEmitter& e) {
  KernelBuilder& b = e.b;
  const size_t kept = e.nest.kept_count(), groups = e.nest.groups().size();
  const size_t outer = kept == 0 ? 0 : kept - 1;
  const int64_t columns = kept == 0 ? 1 : e.nest.groups()[outer].extent, rows = e.nest.kept_extent() / columns;
  const int64_t depth = e.nest.reduced_extent(), spans = (depth + kSpan - 1) / kSpan;
  Reducer reducer(b, e.graph, 0);
  const uint32_t span_sums = spans > 1 ? e.add_scratch(reducer.type(0), Role::Scratch, spans * e.lanes) : 0;
  ValueId dot = kNone;
  e.reduction_value = [&](uint32_t, const Body&) { return dot; };

  const auto chain = [&](ValueId begin, ValueId end, Body& body) {
    const std::vector<ValueId> start{reducer.start(body.lanes, {})[0]};
    return b.for_loop(begin, end, b.index(1), start, [&](ValueId k, const std::vector<ValueId>& acc) {
      e.nest.bind_flat(kept, groups, k);
      Body step{.lanes = body.lanes, .mask = body.mask, .values = {}};
      std::vector<ValueId> operands;
      for (ItemId o : reducer.reduction().operands) {
        const ValueId v = e.emit(o, step);
        operands.push_back(b.type(v).lanes < body.lanes ? b.splat(v, body.lanes) : v);
      }
      return reducer.take({acc[0]}, operands, k);
    })[0];
  };
  const auto span = [&](ValueId begin, ValueId end, Body& body) {
    const ValueId first_end = b.min(b.add(begin, b.index(kBlock)), end);
    const ValueId first = chain(begin, first_end, body);
    if (depth <= kBlock) return first;
    return b.for_loop(first_end, end, b.index(kBlock), {first}, [&](ValueId k, const std::vector<ValueId>& sum) {
      return reducer.merge({sum[0]}, {chain(k, b.min(b.add(k, b.index(kBlock)), end), body)});
    })[0];
  };
  const auto contract = [&](Body& body) {
    const ValueId n = e.nest.size("depth", depth);
    if (spans <= 1) return span(b.index(0), n, body);
    const ValueId count = e.nest.size("spans", spans);
    b.for_loop(b.index(0), count, b.index(1), {}, [&](ValueId s, const std::vector<ValueId>&) {
      const ValueId begin = b.mul(s, b.index(kSpan));
      b.store(span_sums, b.mul(s, b.index(body.lanes)), span(begin, b.min(b.add(begin, b.index(kSpan)), n), body));
      return std::vector<ValueId>{};
    });
    merge_pairwise(e, reducer, {span_sums}, b.index(0), count, e.nest.size("span_levels", pair_levels(spans)),
                   b.index(body.lanes), b.index(body.lanes), body.lanes);
    return b.load(span_sums, b.index(0), body.lanes);
  };
  const std::vector<size_t> outputs = e.outputs_where(false);
  const auto point = [&](ValueId first, Body& body) {
    if (kept > 0) e.nest.bind_lanes(outer, first, body.lanes);
    dot = reducer.finish({contract(body)});
    e.store_outputs(outputs, body);
  };
  const int64_t per_task = e.schedule.rows_per_task;
  const double ns = static_cast<double>(columns * per_task * depth) * 0.05;
  e.phase("rows", (rows + per_task - 1) / per_task, ns, [&](ValueId task) {
    e.rows_of_task(task, rows, per_task, [&](ValueId row) {
      e.nest.bind_flat(0, outer, row);
      e.vector_loop(b.index(0), e.nest.size("inner", columns), 1, point);
    });
  });
}

}  // namespace lazuli::codegen
