// Row regions with enough rows: a task takes whole rows, vectors run along the reduced axis, and the row stays in cache
// between its stages. Stage l runs the reductions of level l; the last stage stores what has one element per point.
//
// Where memory is what rows wait for (overlap_rows), a row is stored while the busiest stage of the next one computes,
// and the row after that is fetched meanwhile: stores that bypass the cache would leave the processor idle otherwise.
// Softmax over 4096 x 4096: 4.9 ms instead of 6.3, beside 3.1 of copying.
#include <utility>

#include "codegen/row_stages.h"

namespace lazuli::codegen {

namespace {

int64_t padded_row(const RegionEmitter& e) {
  return (e.nest.reduced_extent() + kLanes - 1) / kLanes * kLanes;
}

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
        const int64_t size = e.schedule.overlap_rows ? 2 * padded_row(e) : padded_row(e);
        e.cached_rows[i] = {e.add_scratch(item.dtype, Role::Scratch, size), static_cast<uint32_t>(first[i])};
      }
    }
  }
}

// What is picked from memory element by element, and is the same for every row.
void stage_rows(RegionEmitter& e) {
  if (!e.schedule.stage_rows) return;
  const size_t kept = e.nest.kept_count(), groups = e.nest.groups().size();
  std::vector<std::pair<ItemId, uint32_t>> rows;
  for (const ItemId id : picked_rows(e))
    rows.emplace_back(id, e.add_scratch(e.graph.items[id].dtype, Role::Scratch, padded_row(e)));
  e.staged.clear();
  e.vector_loop(e.b.index(0), e.nest.size("length", e.nest.reduced_extent()), 1, [&](ValueId first, Body& body) {
    e.nest.bind_flat(kept, groups, first, body.lanes, !body.mask);
    for (const auto& [id, buffer] : rows) e.b.store(buffer, first, e.b.splat(e.emit(id, body), body.lanes));
  });
  e.staged.insert(rows.begin(), rows.end());
}

}  // namespace

std::vector<ItemId> picked_rows(const RegionEmitter& e) {
  const size_t kept = e.nest.kept_count(), groups = e.nest.groups().size();
  std::vector<bool> of_row(e.region.arena->variable_count());
  for (size_t g = 0; g < kept; ++g)
    for (const uint32_t v : e.nest.groups()[g].variables) of_row[v] = true;
  std::vector<ItemId> picked;
  for (ItemId id = 0; id < e.graph.items.size(); ++id) {
    const Item& i = e.graph.items[id];
    if (i.kind != ItemKind::Load || !i.inner || i.inside != ir::IndexArena::kAlways) continue;
    std::vector<bool> used(of_row.size());
    e.region.arena->collect_variables(i.position, &used);
    bool same = true;
    for (size_t v = 0; v < used.size(); ++v) same &= !(used[v] && of_row[v]);
    const auto step = groups - kept == 1 ? e.nest.stride(i.position, kept) : std::nullopt;
    const bool run = step && (*step == 0 || *step == 1 || *step == -1);
    if (same && !run) picked.push_back(id);
  }
  return picked;
}

void lower_row_inner(RegionEmitter& e) {
  e.nest.blocks_of_lanes = true;
  KernelBuilder& b = e.b;
  const int64_t rows = e.nest.kept_extent(), length = e.nest.reduced_extent(), chunks = (length + kChunk - 1) / kChunk;
  const int64_t padded = padded_row(e);
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
  const uint32_t last_stage = e.graph.levels,
                 busiest = std::min(1u, e.schedule.overlap_rows ? last_stage - 1 : last_stage);
  // While a later stage computes on a row in cache, the first stage's loads of the next row are on their way.
  const auto prefetch_row = [&](ValueId row, ValueId next) {
    e.nest.bind_flat(0, kept, next);
    prefetch_loads(e, [](const Item&) { return int64_t{0}; }, kFar);
    e.nest.bind_flat(0, kept, row);
  };
  /// The stages of a row up to its last one. `beside` is done meanwhile, by the busiest of them.
  const auto reduce_stages = [&](ValueId row, const std::function<void(ValueId, std::optional<ValueId>)>& beside) {
    e.nest.bind_flat(0, kept, row);
    const ValueId next_row = b.add(row, b.index(1));
    for (e.stage = 0; e.stage < e.graph.levels; ++e.stage) {
      e.prefetch_ahead = nullptr;
      e.beside = nullptr;
      if (e.stage == busiest) {
        if (e.schedule.prefetch_bytes) e.prefetch_ahead = [&] { prefetch_row(row, next_row); };
        e.beside = beside;
      }
      reduce_row(e.stage);
    }
    e.prefetch_ahead = nullptr;
    e.beside = nullptr;
    if (kept_outputs.empty()) return;
    Body body;
    e.store_outputs(kept_outputs, body);
  };
  const auto store_row = [&](ValueId row, bool prefetches) {
    e.nest.bind_flat(0, kept, row);
    const ValueId next_row = b.add(row, b.index(1));
    e.vector_loop(b.index(0), e.nest.size("length", length), e.schedule.unroll, [&](ValueId first, Body& body) {
      e.nest.bind_flat(kept, groups, first, body.lanes, !body.mask);
      e.row_position = [&e, first] { return e.in_scratch(first); };
      e.row_place = first;
      if (prefetches && !body.mask) prefetch_row(row, next_row);
      e.store_outputs(inner_outputs, body);
    });
  };

  if (!e.schedule.overlap_rows) {
    e.phase("rows", (rows + per_task - 1) / per_task, ns, [&](ValueId task) {
      stage_rows(e);
      e.rows_of_task(task, rows, per_task, [&](ValueId row) {
        reduce_stages(row, nullptr);
        if (!inner_outputs.empty()) store_row(row, e.schedule.prefetch_bytes && busiest == last_stage);
      });
    });
    return;
  }
  e.phase("rows", (rows + per_task - 1) / per_task, ns, [&](ValueId task) {
    stage_rows(e);
    const ValueId per = e.nest.size("rows_per_task", per_task), one = b.index(1);
    const ValueId first = b.mul(task, per), last = b.min(b.add(first, per), e.nest.size("rows", rows));
    e.scratch_row = b.index(0);
    reduce_stages(first, nullptr);
    std::vector<ValueId> carried = results;
    carried.push_back(*e.scratch_row);
    carried = b.for_loop(b.add(first, one), last, one, carried, [&](ValueId row, const std::vector<ValueId>& before) {
      const std::vector<ValueId> done(before.begin(), before.end() - 1);
      const ValueId done_row = before.back(), previous = b.sub(row, one);
      e.scratch_row = b.sub(e.nest.size("padded", padded), done_row);
      reduce_stages(row, [&](ValueId, std::optional<ValueId> mask) {
        const std::vector<ValueId> mine = std::exchange(results, done);
        const ValueId my_row = *std::exchange(e.scratch_row, done_row);
        const uint32_t stage = std::exchange(e.stage, e.graph.levels);
        e.nest.bind_flat(0, kept, previous);
        Body body{.lanes = e.lanes, .mask = mask, .values = {}};
        e.store_outputs(inner_outputs, body);
        e.nest.bind_flat(0, kept, row);
        results = mine;
        e.scratch_row = my_row;
        e.stage = stage;
      });
      std::vector<ValueId> next = results;
      next.push_back(*e.scratch_row);
      return next;
    });
    results.assign(carried.begin(), carried.end() - 1);
    e.scratch_row = carried.back();
    e.stage = e.graph.levels;
    store_row(b.sub(last, one), false);
  });
}

}  // namespace lazuli::codegen
