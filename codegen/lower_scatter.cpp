// The scatters: the base is stored first (nothing to do where it stands there already), then every task combines the
// values that fall on its part of the result with it, in ascending order of the places. Which parts tasks own changes
// no bit.
#include <algorithm>

#include "codegen/strategies.h"

namespace lazuli::codegen {

using namespace ir;

ScatterLoops::ScatterLoops(const RegionEmitter& e) {
  const Node* n = e.region.outputs[0];
  const Dims& axes = n->attr_as<AxesAttr>().axes;
  std::vector<bool> indexed(e.region.arena->variable_count());
  for (int64_t a : axes) {
    const int64_t v = e.region.arena->as_variable(e.region.axes[static_cast<size_t>(a)]);
    if (v >= 0) indexed[static_cast<size_t>(v)] = true;
  }
  const std::vector<DynamicAxis>& dynamic = e.graph.scatter->axes;
  for (size_t k = 0; k < dynamic.size(); ++k)
    if (dynamic[k].size > destinations) {
      destinations = dynamic[k].size;
      ranged = k;
    }
  for (size_t g = 0; g < e.nest.kept_count(); ++g) {
    if (indexed[e.nest.groups()[g].variables.back()]) continue;
    if (inner) outer.push_back(*inner);
    inner = g;
  }
  for (size_t g : outer) {
    outer_extents.push_back(e.nest.groups()[g].extent);
    rows *= outer_extents.back();
  }
  if (inner) columns = e.nest.groups()[*inner].extent;
}

namespace {

constexpr int64_t kListed = 512, kAhead = 8;  // places

/// Whether knowing places ahead pays: rows that have to be fetched, of more than a few elements.
bool lists_places(const RegionEmitter& e) {
  const ScatterLoops loops(e);
  return loops.inner && loops.columns >= 16 && e.region.outputs[0]->nbytes() * 2 > e.options.target.l2_bytes;
}

void each(KernelBuilder& b, ValueId begin, ValueId end, const std::function<void(ValueId)>& body) {
  b.for_loop(begin, end, b.index(1), {}, [&](ValueId i, const std::vector<ValueId>&) {
    body(i);
    return std::vector<ValueId>{};
  });
}

bool base_is_in_place(const RegionEmitter& e) {
  const Item& base = e.graph.items[e.graph.outputs[0]];
  return !e.options.aliases.empty() && base.kind == ItemKind::Load &&
         base.node == e.region.inputs[e.options.aliases[0].second];
}

}  // namespace

void store_scatter_base(RegionEmitter& e) {
  if (base_is_in_place(e)) return;
  const auto& groups = e.nest.groups();
  const size_t kept = e.nest.kept_count(), outer = kept == 0 ? 0 : kept - 1;
  if (kept == 0) {
    e.phase("base", 1, 1, [&](ValueId) {
      Body body;
      e.store_outputs({0}, body);
    });
    return;
  }
  const int64_t columns = groups[outer].extent, rows = e.nest.kept_extent() / std::max<int64_t>(1, columns);
  const int64_t block = e.options.target.task_elements, blocks = (columns + block - 1) / block;
  e.phase("base", rows * blocks, 0.1 * static_cast<double>(std::min(columns, block)), [&](ValueId task) {
    const auto [row, part] = e.nest.divide(task, {101, 0, 0}, blocks, rows * blocks);
    e.nest.bind_flat(0, outer, row);
    const ValueId size = e.nest.size("base_block", block), begin = e.b.mul(part, size);
    const ValueId end = e.b.min(e.b.add(begin, size), e.nest.size("base_columns", columns));
    e.vector_loop(begin, end, 2, [&](ValueId first, Body& body) {
      e.nest.bind_lanes(outer, first, body.lanes);
      e.store_outputs({0}, body);
    });
  });
}

void lower_scatter(RegionEmitter& e) {
  KernelBuilder& b = e.b;
  if (is_half(e.region.outputs[0]->dtype()))
    throw Error(ErrorKind::Internal, "lower: a scatter of half types is expanded before");
  store_scatter_base(e);

  const ScatterItems& s = *e.graph.scatter;
  const ScatterLoops loops(e);
  const size_t kept = e.nest.kept_count(), groups = e.nest.groups().size();
  const int64_t places = e.nest.reduced_extent();
  const int64_t block = e.schedule.block, blocks = (loops.columns + block - 1) / block;
  const int64_t per_task = e.schedule.rows_per_task, row_tasks = (loops.rows + per_task - 1) / per_task;
  const int64_t ranges = e.schedule.ranges, range = (loops.destinations + ranges - 1) / ranges;
  const bool empty = loops.row_extent() == 0 || places == 0;

  // The elements of the values at the bound place and row, one body.
  const auto add_values = [&](const RegionEmitter::Dynamic& at, Body& body) {
    const ValueId values = e.emit(s.values, body);
    LoopNest::Address a = e.nest.address(s.position);
    a.offset = b.add(a.offset, at.offset);
    e.scatter_to_output(0, a, values, body);
  };
  const auto add_row = [&](const RegionEmitter::Dynamic& at, ValueId begin, ValueId end) {
    if (!loops.inner) {
      Body body;
      return add_values(at, body);
    }
    e.vector_loop(begin, end, 2, [&](ValueId first, Body& body) {
      e.nest.bind_lanes(*loops.inner, first, body.lanes);
      add_values(at, body);
    });
  };
  const auto bind_row = [&](ValueId row) {
    for (size_t k = loops.outer.size(); k-- > 1;) {
      const auto [q, r] = e.nest.divide(row, {104, loops.outer[k], 0}, loops.outer_extents[k], loops.rows);
      e.nest.bind_scalar(loops.outer[k], r);
      row = q;
    }
    e.nest.bind_scalar(loops.outer[0], row);
  };
  uint32_t list = 0, offsets = 0;
  if (lists_places(e)) {
    list = e.add_scratch(kInt64, Role::Scratch, kListed);
    offsets = e.add_scratch(kInt64, Role::Scratch, kListed);
  }
  // The lines of a row that will be combined, and of its values, are on their way while others are added.
  const auto fetch_row = [&](ValueId place, ValueId offset, ValueId begin, ValueId end) {
    const std::vector<ItemId> loads = e.loads_below({s.values});
    const auto line = static_cast<int64_t>(64 / itemsize(e.region.outputs[0]->dtype()));
    e.nest.bind_flat(kept, groups, place);
    b.for_loop(begin, end, b.index(line), {}, [&](ValueId first, const std::vector<ValueId>&) {
      e.nest.bind_lanes(*loops.inner, first, e.lanes);
      for (const ItemId id : loads) {
        const LoopNest::Address a = e.nest.address(e.graph.items[id].position);
        if (a.access == LoopNest::Access::Consecutive) e.prefetch(e.graph.items[id].node, a.offset);
      }
      const LoopNest::Address a = e.nest.address(s.position);
      if (a.access == LoopNest::Access::Consecutive) b.prefetch(e.output_buffer(), b.add(a.offset, offset));
      return std::vector<ValueId>{};
    });
  };
  const double ns =
      0.3 * static_cast<double>(places * std::min(block, loops.columns) * per_task) / static_cast<double>(ranges) +
      static_cast<double>(places);
  e.phase("add", empty ? 0 : ranges * row_tasks * blocks, ns, [&](ValueId task) {
    ValueId rest = task, part = b.index(0), first_row = b.index(0), begin = b.index(0), end = b.index(0);
    const int64_t tasks = ranges * row_tasks * blocks;
    if (blocks > 1) {
      const auto [q, r] = e.nest.divide(rest, {102, 0, 0}, blocks, tasks);
      rest = q;
      begin = b.mul(r, e.nest.size("block", block));
    }
    if (row_tasks > 1) {
      const auto [q, r] = e.nest.divide(rest, {103, 0, 0}, row_tasks, tasks);
      rest = q;
      first_row = b.mul(r, e.nest.size("rows_per_task", per_task));
    }
    if (ranges > 1) part = b.mul(rest, e.nest.size("range", range));
    const ValueId columns = e.nest.size("columns", loops.columns), rows = e.nest.size("rows", loops.rows);
    end = blocks > 1 ? b.min(b.add(begin, e.nest.size("block", block)), columns) : columns;
    const ValueId last_row =
        row_tasks > 1 ? b.min(b.add(first_row, e.nest.size("rows_per_task", per_task)), rows) : rows;

    // The place p, and whether it is the task's.
    const auto look_up = [&](ValueId p) {
      e.nest.bind_flat(kept, groups, p);
      Body place;
      for (ItemId i : s.indices) e.emit(i, place);
      const RegionEmitter::Dynamic at = e.dynamic_offset(s.indices, s.axes, ~uint64_t{0}, place);
      b.check(at.inside);
      ValueId mine = at.inside;
      if (ranges > 1) {
        const ValueId here = b.sub(place.values.at(s.indices[loops.ranged]), part);
        mine = b.prim(Prim::bit_and, kBool, {mine, b.prim(Prim::ult, kBool, {here, e.nest.size("range", range)})});
      }
      return std::pair(at, mine);
    };
    const auto add_place = [&](const RegionEmitter::Dynamic& at) {
      if (loops.outer.empty()) return add_row(at, begin, end);
      each(b, first_row, last_row, [&](ValueId row) {
        bind_row(row);
        add_row(at, begin, end);
      });
    };
    const ValueId all = e.nest.size("places", places);
    if (!lists_places(e)) {
      each(b, b.index(0), all, [&](ValueId p) {
        const auto [at, mine] = look_up(p);
        b.if_then(mine, [&, at = at] {
          add_place(at);
          return std::vector<ValueId>{};
        });
      });
      return;
    }
    // Places by the block: those that are the task's are listed first, without a branch that nobody can foretell, so
    // that their rows are known well before they are needed.
    b.for_loop(b.index(0), all, b.index(kListed), {}, [&](ValueId first, const std::vector<ValueId>&) {
      const ValueId last = b.min(b.add(first, b.index(kListed)), all);
      const ValueId found =
          b.for_loop(first, last, b.index(1), {b.index(0)}, [&](ValueId p, const std::vector<ValueId>& carried) {
            const auto [at, mine] = look_up(p);
            b.store(list, carried[0], p);
            b.store(offsets, carried[0], at.offset);
            const ValueId one = b.select(mine, b.index(1), b.index(0));
            return std::vector<ValueId>{b.add(carried[0], one)};
          })[0];
      each(b, b.index(0), found, [&](ValueId k) {
        const ValueId later = b.min(b.add(k, b.index(kAhead)), b.sub(found, b.index(1)));
        if (loops.outer.empty()) fetch_row(b.load(list, later, 1), b.load(offsets, later, 1), begin, end);
        e.nest.bind_flat(kept, groups, b.load(list, k, 1));
        add_place({b.load(offsets, k, 1), b.constant_bits(kBool, 1)});
      });
      return std::vector<ValueId>{};
    });
  });
  // Ranges are there for several threads: one alone need not look at every place once more for each.
  if (ranges > 1 && !empty)
    e.lowered.phases.back().alone = {row_tasks * blocks, e.nest.size_number("range"), loops.destinations};
}

}  // namespace lazuli::codegen
