// Row regions with enough rows: a task takes whole rows, vectors run along the reduced axis, and the row stays in cache
// between its stages. Stage l runs the reductions of level l; the last stage stores what has one element per point.
#include "codegen/row_stages.h"

namespace lazuli::codegen {

namespace {

// Values of the first stages that later ones use again and that are worth keeping: functions of some cost.
void plan_cached_rows(RegionEmitter& e) {
  constexpr size_t kWorthKeeping = 6;
  std::vector<std::vector<ItemId>> used_in(e.graph.levels + 1);
  const auto reach = [&](uint32_t stage, const std::vector<ItemId>& roots) {
    std::vector<bool> seen(e.graph.items.size());
    std::vector<ItemId> todo(roots);
    while (!todo.empty()) {
      const ItemId i = todo.back();
      todo.pop_back();
      if (seen[i]) continue;
      seen[i] = true;
      if (e.graph.items[i].inner) used_in[stage].push_back(i);
      for (ItemId o : e.graph.items[i].operands) todo.push_back(o);
    }
  };
  for (uint32_t l = 0; l < e.graph.levels; ++l) {
    std::vector<ItemId> roots;
    for (const Reduction& r : e.graph.reductions)
      if (r.level == l) roots.insert(roots.end(), r.operands.begin(), r.operands.end());
    reach(l, roots);
  }
  std::vector<ItemId> last;
  for (size_t o : e.outputs_where(true)) last.push_back(e.graph.outputs[o]);
  reach(e.graph.levels, last);

  std::vector<int> first(e.graph.items.size(), -1);
  for (uint32_t s = 0; s <= e.graph.levels; ++s) {
    for (ItemId i : used_in[s]) {
      const Item& item = e.graph.items[i];
      if (first[i] < 0) {
        first[i] = static_cast<int>(s);
      } else if (item.kind == ItemKind::Function && item.function->insts.size() >= kWorthKeeping &&
                 !e.cached_rows.contains(i)) {
        const int64_t padded = (e.nest.reduced_extent() + kLanes - 1) / kLanes * kLanes;
        e.cached_rows[i] = {e.add_scratch(item.dtype, Role::Scratch, padded), static_cast<uint32_t>(first[i])};
      }
    }
  }
}

}  // namespace

void lower_row_inner(RegionEmitter& e) {
  KernelBuilder& b = e.b;
  const int64_t rows = e.nest.kept_extent(), length = e.nest.reduced_extent(), chunks = (length + kChunk - 1) / kChunk;
  const size_t kept = e.nest.kept_count(), groups = e.nest.groups().size();
  if (e.schedule.cache_rows) plan_cached_rows(e);
  const std::vector<size_t> kept_outputs = e.outputs_where(false), inner_outputs = e.outputs_where(true);
  std::vector<ValueId> results(e.graph.reductions.size(), kNone);
  e.reduction_value = [&](uint32_t r, const Body&) { return results[r]; };
  std::vector<std::vector<uint32_t>> partials(e.graph.reductions.size());
  if (chunks > 1)
    for (uint32_t l = 0; l < e.graph.levels; ++l)
      for (Reducer& r : reducers_at(e, l))
        for (size_t p = 0; p < r.parts(); ++p)
          partials[r.index()].push_back(e.add_scratch(r.type(p), Role::Scratch, chunks));

  const auto reduce_row = [&](uint32_t level) {
    std::vector<Reducer> reducers = reducers_at(e, level);
    const ValueId n = e.nest.size("length", length);
    if (chunks == 1) {
      const std::vector<Partial> done = reduce_chunk(e, reducers, b.index(0), n);
      for (size_t r = 0; r < reducers.size(); ++r) results[reducers[r].index()] = reducers[r].finish(done[r]);
      return;
    }
    const ValueId count = e.nest.size("chunks", chunks);
    b.for_loop(b.index(0), count, b.index(1), {}, [&](ValueId c, const std::vector<ValueId>&) {
      const ValueId begin = b.mul(c, b.index(kChunk));
      const std::vector<Partial> done = reduce_chunk(e, reducers, begin, b.min(b.sub(n, begin), b.index(kChunk)));
      for (size_t r = 0; r < reducers.size(); ++r)
        for (size_t p = 0; p < done[r].size(); ++p) b.store(partials[reducers[r].index()][p], c, done[r][p]);
      return std::vector<ValueId>{};
    });
    for (Reducer& r : reducers) {
      const std::vector<uint32_t>& buffers = partials[r.index()];
      merge_pairwise(e, r, buffers, b.index(0), count, e.nest.size("chunk_levels", pair_levels(chunks)), b.index(1),
                     b.index(1), 1);
      Partial done;
      for (uint32_t buffer : buffers) done.push_back(b.load(buffer, b.index(0), 1));
      results[r.index()] = r.finish(done);
    }
  };

  const int64_t per_task = e.schedule.rows_per_task;
  const double ns = estimate_ns_per_point(e) * static_cast<double>(length * per_task);
  e.phase("rows", (rows + per_task - 1) / per_task, ns, [&](ValueId task) {
    e.rows_of_task(task, rows, per_task, [&](ValueId row) {
      e.nest.bind_flat(0, kept, row);
      // While a later stage computes on a row in cache, the first stage's loads of the next row are on their way.
      const ValueId next_row = b.add(row, b.index(1));
      const auto prefetch_next_row = [&] {
        e.nest.bind_flat(0, kept, next_row);
        prefetch_loads(e, [](const Item&) { return int64_t{0}; });
        e.nest.bind_flat(0, kept, row);
      };
      const uint32_t busiest = e.graph.levels > 1 ? 1 : e.graph.levels;
      for (e.stage = 0; e.stage < e.graph.levels; ++e.stage) {
        e.prefetch_ahead = nullptr;
        if (e.schedule.prefetch_bytes && e.stage == busiest) e.prefetch_ahead = prefetch_next_row;
        reduce_row(e.stage);
      }
      e.prefetch_ahead = nullptr;
      if (!kept_outputs.empty()) {
        Body body;
        e.store_outputs(kept_outputs, body);
      }
      if (inner_outputs.empty()) return;
      e.vector_loop(b.index(0), e.nest.size("length", length), e.schedule.unroll, [&](ValueId first, Body& body) {
        e.nest.bind_flat(kept, groups, first, body.lanes);
        e.row_position = [first] { return first; };
        if (e.schedule.prefetch_bytes && busiest == e.graph.levels && !body.mask) prefetch_next_row();
        e.store_outputs(inner_outputs, body);
      });
    });
  });
}

}  // namespace lazuli::codegen
