// Map regions: one loop nest over the space, vectors along the innermost loop.
#include <algorithm>

#include "codegen/random_words.h"
#include "codegen/segments.h"
#include "codegen/strategies.h"

namespace lazuli::codegen {

namespace {

// Rows that read another one in common: a panel of columns of it stays in the first-level cache for all rows of a task,
// and is loaded once for several of them. What comes next in memory is not what comes next here: of every large operand
// the same columns of the rows after are fetched.
void lower_panels(RegionEmitter& e, size_t outer, int64_t rows, int64_t columns, double ns_per_element) {
  KernelBuilder& b = e.b;
  const int64_t together = e.schedule.rows_at_once, per_task = e.schedule.rows_per_task / together;
  const int64_t groups = rows / together;
  const std::vector<size_t> outputs = e.outputs_where(false);
  const std::vector<ValueId> none;
  e.phase("panels", (groups + per_task - 1) / per_task,
          ns_per_element * static_cast<double>(columns * std::min(per_task * together, rows)), [&](ValueId task) {
            const ValueId per = e.nest.size("groups_per_task", per_task), first_group = b.mul(task, per);
            const ValueId last_group = b.min(b.add(first_group, per), e.nest.size("groups", groups));
            const ValueId panel = e.nest.size("panel", e.schedule.block), end = e.nest.size("inner", columns);
            b.for_loop(b.index(0), end, panel, {}, [&](ValueId begin, const auto&) {
              const ValueId panel_end = b.min(b.add(begin, panel), end);
              b.for_loop(first_group, last_group, b.index(1), {}, [&](ValueId group, const auto&) {
                const ValueId first_row = b.mul(group, b.index(together));
                e.vector_loop(begin, panel_end, 1, [&](ValueId first, Body& body) {
                  for (int64_t k = 0; k < together; ++k) {
                    Body own{.lanes = body.lanes, .mask = body.mask, .values = {}};
                    e.nest.bind_lanes(outer, first, own.lanes);
                    if (!own.mask) {
                      e.nest.bind_flat(0, outer, b.add(first_row, b.index(k + together)));
                      prefetch_loads(e, [](const Item&) { return int64_t{0}; }, kFar);
                    }
                    e.nest.bind_flat(0, outer, b.add(first_row, b.index(k)));
                    e.store_outputs(outputs, own);
                  }
                });
                return none;
              });
              return none;
            });
          });
}

}  // namespace

void lower_map(RegionEmitter& e) {
  const auto& groups = e.nest.groups();
  const size_t outer = groups.empty() ? 0 : groups.size() - 1;
  const int64_t inner_extent = groups.empty() ? 1 : groups.back().extent;
  int64_t rows = 1;
  for (size_t g = 0; g < outer; ++g) rows *= groups[g].extent;
  const std::vector<size_t> outputs = e.outputs_where(false);
  const double ns_per_element = estimate_ns_per_point(e);

  const auto point = [&](ValueId first, Body& body) {
    if (!groups.empty()) e.nest.bind_lanes(outer, first, body.lanes);
    if (e.schedule.prefetch_bytes && !body.mask) prefetch_streams(e);
    e.store_outputs(outputs, body);
  };
  if (groups.empty()) {
    e.phase("scalar", 1, ns_per_element, [&](ValueId) {
      Body body;
      e.store_outputs(outputs, body);
    });
    return;
  }
  if (e.schedule.rows_at_once > 1) return lower_panels(e, outer, rows, inner_extent, ns_per_element);
  RandomWords words(e);
  const std::vector<Segment> segments = e.schedule.segments ? find_segments(e) : std::vector<Segment>{};
  const auto loop = [&](ValueId begin, ValueId end, const std::function<void(ValueId, Body&)>& body) {
    if (segments.empty()) return e.vector_loop(begin, end, e.schedule.unroll, body);
    segmented_loop(e, segments, begin, end, body);
  };
  const auto run = [&](ValueId begin, ValueId end) {
    if (words.empty()) return loop(begin, end, point);
    const ValueId whole = e.b.prim(Prim::bit_and, kInt64, {e.b.sub(end, begin), e.b.index(-RandomWords::kPlaces)});
    const ValueId main_end = e.b.add(begin, whole);
    const std::vector<ValueId> none;
    e.b.for_loop(begin, main_end, e.b.index(RandomWords::kPlaces), {}, [&](ValueId first, const auto&) {
      words.make(first);
      e.b.for_loop(e.b.index(0), e.b.index(RandomWords::kPlaces), e.b.index(e.lanes), {},
                   [&](ValueId place, const auto&) {
                     Body body{.lanes = e.lanes, .mask = {}, .values = {}};
                     words.give(body, place);
                     point(e.b.add(first, place), body);
                     return none;
                   });
      return none;
    });
    e.vector_loop(main_end, end, 1, point);
  };
  if (e.schedule.block > 0) {
    // Blocks of the innermost loop are tasks, rows vary slowest.
    const int64_t block = e.schedule.block, blocks = (inner_extent + block - 1) / block;
    e.phase("blocks", rows * blocks, ns_per_element * static_cast<double>(std::min(block, inner_extent)),
            [&](ValueId task) {
              ValueId position = task;
              if (outer > 0) {
                const auto [row, in_row] = e.nest.divide(task, {100, 0, 0}, blocks, rows * blocks);
                e.nest.bind_flat(0, outer, row);
                position = in_row;
              }
              const ValueId size = e.nest.size("block", block);
              const ValueId begin = e.b.mul(position, size);
              const ValueId end = e.b.min(e.b.add(begin, size), e.nest.size("inner", inner_extent));
              run(begin, end);
            });
    return;
  }
  const int64_t per_task = e.schedule.rows_per_task, tasks = (rows + per_task - 1) / per_task;
  // Behind the end of a short row is not where the next one begins: those to come are fetched by their own addresses.
  const int64_t ahead = rows_ahead(e);
  if (ahead > 0) {
    e.phase("rows", tasks, ns_per_element * static_cast<double>(inner_extent * std::min(per_task, rows)),
            [&](ValueId task) {
              e.rows_of_task(task, rows, per_task, [&](ValueId row) {
                const ValueId later = e.b.min(e.b.add(row, e.b.index(ahead)), e.nest.size("last_row", rows - 1));
                loop(e.b.index(0), e.nest.size("inner", inner_extent), [&](ValueId first, Body& body) {
                  e.nest.bind_lanes(outer, first, body.lanes);
                  if (!body.mask) {
                    e.nest.bind_flat(0, outer, later);
                    prefetch_loads(e, [](const Item&) { return int64_t{0}; });
                  }
                  e.nest.bind_flat(0, outer, row);
                  e.store_outputs(outputs, body);
                });
              });
            });
    return;
  }
  e.phase("rows", tasks, ns_per_element * static_cast<double>(inner_extent * std::min(per_task, rows)),
          [&](ValueId task) {
            e.rows_of_task(task, rows, per_task, [&](ValueId row) {
              e.nest.bind_flat(0, outer, row);
              run(e.b.index(0), e.nest.size("inner", inner_extent));
            });
          });
}

int64_t rows_ahead(const RegionEmitter& e) {
  const auto& groups = e.nest.groups();
  if (!e.schedule.prefetch_bytes || groups.size() < 2 || e.schedule.block > 0) return 0;
  int64_t widest = 1;
  for (const Item& i : e.graph.items)
    if (i.kind == ItemKind::Load) widest = std::max(widest, static_cast<int64_t>(itemsize(i.dtype)));
  const int64_t bytes = std::max<int64_t>(1, groups.back().extent * widest);
  return bytes > e.schedule.prefetch_bytes ? 0 : (e.schedule.prefetch_bytes + bytes - 1) / bytes;
}

void prefetch_streams(RegionEmitter& e) {
  const int64_t distance = e.schedule.prefetch_bytes;
  prefetch_loads(e, [&](const Item& i) { return distance / static_cast<int64_t>(itemsize(i.dtype)); });
}

void prefetch_loads(RegionEmitter& e, const std::function<int64_t(const Item&)>& elements_ahead, uint8_t flags) {
  for (const Item& i : e.graph.items) {
    if (i.kind != ItemKind::Load || i.inside != ir::IndexArena::kAlways) continue;
    const LoopNest::Address a = e.nest.address(i.position);
    if (a.access != LoopNest::Access::Consecutive || i.node->nbytes() * 2 < e.options.target.l2_bytes) continue;
    const int64_t ahead = elements_ahead(i);
    e.prefetch(i.node, ahead == 0 ? a.offset : e.b.add(a.offset, e.b.index(ahead)), flags);
  }
}

}  // namespace lazuli::codegen
