#include "codegen/region_emitter.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/lower_scalar.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

std::string name_kernel(const Region& r) {
  std::string out(name(r.kind));
  int shown = 0;
  for (size_t i = r.nodes.size(); i-- > 0 && shown < 4;) {
    const Node* n = r.nodes[i];
    if (is_movement(n->op()) || family(n->op()) == Family::Leaf || n->op() == Op::cast) continue;
    out += fmt::format("_{}", name(n->op()));
    ++shown;
  }
  return shown ? out : out + "_move";
}

}  // namespace

RegionEmitter::RegionEmitter(const Region& r, const LoweringOptions& o)
    : RegionEmitter(r, o, std::make_unique<KernelTarget>(name_kernel(r)), nullptr) {}

RegionEmitter::RegionEmitter(const Region& r, const LoweringOptions& o, KernelTarget& target)
    : RegionEmitter(r, o, nullptr, &target) {}

RegionEmitter::RegionEmitter(const Region& r, const LoweringOptions& o, std::unique_ptr<KernelTarget> own,
                             KernelTarget* target)
    : own_(std::move(own)),
      target_(target ? *target : *own_),
      region(r),
      options(o),
      lowered(target_.lowered),
      graph(build_items(r)),
      b(target_.b),
      nest(r, graph, b, lowered.sizes),
      lanes(1) {
  Schedule s;
  s.vector_bits = o.target.vector_bits;
  use(s);
  declare_buffers();
}

void RegionEmitter::use(const Schedule& s) {
  schedule = s;
  lanes = choose_lanes();
}

uint16_t RegionEmitter::choose_lanes() const {
  if (schedule.threads && schedule.vector_bits < 128) return 1;
  // What is the same for all lanes of a map is computed once, in scalars, whatever its width: the places of a gather of
  // rows.
  const bool map = region.kind == RegionKind::Map || region.kind == RegionKind::Update;
  const bool scatter = region.kind == RegionKind::Scatter;
  // Rows' own results are scalars there, of whatever width: positions above all.
  const bool along_rows = schedule.strategy == Strategy::RowInner || schedule.strategy == Strategy::RowSplit;
  std::vector<bool> along(region.arena->variable_count(), !map && !scatter);
  for (size_t g = 0; g < nest.kept_count(); ++g)
    if (scatter || g + 1 == nest.kept_count())
      for (uint32_t v : nest.groups()[g].variables) along[v] = true;
  const auto runs_along = [&](IndexId e) {
    std::vector<bool> used(along.size());
    region.arena->collect_variables(e, &used);
    for (size_t v = 0; v < used.size(); ++v)
      if (used[v] && along[v]) return true;
    return false;
  };
  // Places of random words are no vectors: words are made for 64 places at once, from the first one.
  std::vector<bool> of_words(graph.items.size(), map);
  for (const Item& i : graph.items)
    for (ItemId o : i.operands)
      if (!is_random_word(i)) of_words[o] = false;
  for (ItemId o : graph.outputs) of_words[o] = false;
  std::vector<bool> varies(graph.items.size());
  size_t widest = 1;
  for (ItemId id = 0; id < graph.items.size(); ++id) {
    const Item& i = graph.items[id];
    if ((along_rows && !i.inner) || (i.kind == ItemKind::Position && of_words[id])) continue;
    bool here = i.kind == ItemKind::Reduction || runs_along(i.position);
    for (ItemId o : i.operands) here = here || varies[o];
    for (PredicateId p : i.pieces)
      for (const IndexBound& bound : region.arena->bounds(p)) here = here || runs_along(bound.expr);
    varies[id] = here;
    if (!here) continue;
    if (i.kind == ItemKind::Position) widest = std::max<size_t>(widest, 4);
    widest = std::max(widest, itemsize(i.dtype));
    if (is_half(i.dtype)) widest = std::max<size_t>(widest, 4);  // computed in float32
  }
  for (size_t o = 0; o < region.outputs.size(); ++o)
    if (!along_rows || graph.output_inner[o]) widest = std::max(widest, itemsize(region.outputs[o]->dtype()));
  constexpr int kMostOfThread = 8;  // lanes are variables there
  const int lanes = schedule.vector_bits / 8 / static_cast<int>(widest);
  return static_cast<uint16_t>(schedule.threads ? std::min(lanes, kMostOfThread) : lanes);
}

void RegionEmitter::declare_buffers() {
  const auto declare = [&](const Node* n, Role role) {
    const uint32_t id = b.add_buffer(n->dtype(), role);
    lowered.buffers.push_back(n);
    lowered.buffer_bytes.push_back(n->nbytes());
    return id;
  };
  std::vector<const Node*> aliased(region.outputs.size());
  for (const auto& [out, in] : options.aliases) aliased[out] = region.inputs[in];
  for (size_t o = 0; o < region.outputs.size(); ++o) {
    const Node* n = region.outputs[o];
    target_.output_buffer_of[n] = declare(n, aliased[o] ? Role::InOut : Role::Output);
    if (aliased[o]) target_.buffer_of[aliased[o]] = target_.output_buffer_of[n];
    lowered.bytes_written += bytes_written(region, n);
    bytes_moved += bytes_written(region, n);
  }
  for (const Node* n : region.inputs) {
    lowered.bytes_read += bytes_read(region, n);
    bytes_moved += bytes_read(region, n);
    if (target_.buffer_of.contains(n)) continue;
    if (n->op() == Op::argument) {
      if (target_.scalar_of.contains(n)) continue;
      target_.scalar_of[n] = b.add_scalar(n->dtype());
      lowered.scalars.push_back(n);
    } else {
      target_.buffer_of[n] = declare(n, Role::Input);
    }
  }
}

uint32_t RegionEmitter::add_shared(DType dtype, int64_t elements) {
  lowered.buffers.push_back(nullptr);
  lowered.buffer_bytes.push_back(elements * static_cast<int64_t>(itemsize(dtype)));
  return b.add_buffer(dtype, Role::Shared, elements);
}

uint32_t RegionEmitter::add_thread(DType dtype, int64_t elements) {
  lowered.buffers.push_back(nullptr);
  lowered.buffer_bytes.push_back(elements * static_cast<int64_t>(itemsize(dtype)) * schedule.threads);
  b.set_threads(schedule.threads);
  return b.add_buffer(dtype, Role::Thread, elements);
}

uint32_t RegionEmitter::add_scratch(DType dtype, Role role, int64_t elements) {
  lowered.buffers.push_back(nullptr);
  lowered.buffer_bytes.push_back(elements * static_cast<int64_t>(itemsize(dtype)));
  return b.add_buffer(dtype, role);
}

void RegionEmitter::phase(std::string name, int64_t tasks, double ns, const std::function<void(ValueId)>& body) {
  lowered.phases.push_back({tasks, ns});
  if (task_of_part) {
    body(*task_of_part);
    if (schedule.non_temporal) b.fence();
    return;
  }
  b.phase(std::move(name), [&](ValueId task) {
    body(task);
    if (schedule.non_temporal) b.fence();
  });
}

ValueId RegionEmitter::emit(ItemId root, Body& body) {
  std::vector<ItemId> stack{root};
  while (!stack.empty()) {
    const ItemId id = stack.back();
    if (body.values.contains(id)) {
      stack.pop_back();
      continue;
    }
    const Item& item = graph.items[id];
    const auto cached = cached_rows.find(id);
    if (cached != cached_rows.end() && cached->second.stage < stage) {
      const ValueId at = row_position();
      body.values[id] = b.load(cached->second.buffer, at, body.lanes);
      stack.pop_back();
      continue;
    }
    if (const auto row = staged.find(id); row != staged.end()) {
      body.values[id] = b.load(row->second, row_place, body.lanes);
      stack.pop_back();
      continue;
    }
    bool ready = true;
    for (size_t i = item.operands.size(); i-- > 0;) {
      if (body.values.contains(item.operands[i])) continue;
      stack.push_back(item.operands[i]);
      ready = false;
    }
    if (!ready) continue;
    stack.pop_back();
    if (nest.never(item.inside)) {  // and whoever could choose it does not
      body.values[id] = b.constant_bits(item.dtype, 0);
      continue;
    }
    ValueId v = kNone;
    switch (item.kind) {
      case ItemKind::Load:
        v = emit_load(item, body);
        break;
      case ItemKind::Gather:
        v = emit_gather(item, body);
        break;
      case ItemKind::Constant:
        v = b.constant_bits(item.dtype, item.node->attr_as<ConstantAttr>().bits);
        break;
      case ItemKind::Argument:
        v = b.scalar_arg(target_.scalar_of.at(item.node));
        break;
      case ItemKind::Position:
        v = nest.value(item.position);
        break;
      case ItemKind::Choice:
        v = emit_choice(item, body);
        break;
      case ItemKind::Reduction:
        v = reduction_value(item.reduction, body);
        break;
      case ItemKind::Function: {
        std::vector<ValueId> args;
        for (ItemId o : item.operands) args.push_back(body.values.at(o));
        std::optional<ValueId> alive = body.mask;
        if (item.function->has_checks()) {
          if (const auto guard = nest.inside(item.inside))
            alive = alive ? b.prim(Prim::bit_and, kBool, {*alive, *guard}) : *guard;
        }
        v = b.inline_function(*item.function, args, alive)[0];
        break;
      }
    }
    body.values[id] = v;
    if (cached != cached_rows.end() && cached->second.stage == stage) {
      const ValueId full = b.type(v).lanes == body.lanes ? v : b.splat(v, body.lanes);
      b.store(cached->second.buffer, row_position(), full);
    }
  }
  return body.values.at(root);
}

ValueId RegionEmitter::emit_load(const Item& item, const Body& body) {
  return load_at(item, nest.address(item.position, /*backwards=*/true), nest.inside(item.inside), body);
}

ValueId RegionEmitter::load_at(const Item& item, const LoopNest::Address& a, std::optional<ValueId> guard,
                               const Body& body) {
  const uint32_t buffer = target_.buffer_of.at(item.node);
  const ValueId zero = b.constant_bits(item.dtype, 0);
  if (a.access == LoopNest::Access::Uniform) {
    if (a.of_first_lane && body.mask) {
      const ValueId some = b.any_lane(*body.mask);
      guard = guard ? b.prim(Prim::bit_and, kBool, {*guard, some}) : some;
    }
    if (!guard) return b.load(buffer, a.offset, 1);
    if (b.type(*guard).lanes == 1) return b.load_masked(buffer, a.offset, *guard, zero);
    const uint16_t n = b.type(*guard).lanes;
    return b.load_masked(buffer, b.splat(a.offset, n), *guard, b.splat(zero, n));
  }
  const bool may_be_outside = guard && a.access == LoopNest::Access::Consecutive && schedule.threads == 0;
  if (guard && b.type(*guard).lanes == 1) guard = b.splat(*guard, body.lanes);
  if (body.mask) guard = guard ? b.prim(Prim::bit_and, kBool, {*body.mask, *guard}) : *body.mask;
  if (a.access == LoopNest::Access::Backwards) {
    // The lanes' elements end where the first lane's is: loaded forwards, and turned around.
    std::vector<uint8_t> picks(body.lanes);
    for (uint16_t n = 0; n < body.lanes; ++n) picks[n] = static_cast<uint8_t>(body.lanes - 1 - n);
    const ValueId first = b.sub(a.offset, b.index(body.lanes - 1));
    const ValueId v = guard ? b.load_masked(buffer, first, b.shuffle(*guard, *guard, picks), b.splat(zero, body.lanes))
                            : b.load(buffer, first, body.lanes);
    return b.shuffle(v, v, picks);
  }
  if (!guard) return b.load(buffer, a.offset, body.lanes);
  // A vector that lies outside with all its lanes may be anywhere, and processors take hundreds of cycles to find that
  // what they load nothing of is not in memory.
  const ValueId offset = may_be_outside ? b.select(b.any_lane(*guard), a.offset, b.index(0)) : a.offset;
  return b.load_masked(buffer, offset, *guard, b.splat(zero, body.lanes));
}

RegionEmitter::Dynamic RegionEmitter::dynamic_offset(const std::vector<ItemId>& indices,
                                                     const std::vector<DynamicAxis>& axes, uint64_t key,
                                                     const Body& body) {
  Dynamic out{b.index(0), b.constant_bits(kBool, 1)};
  for (size_t i = 0; i < axes.size(); ++i) {
    const ValueId index = body.values.at(indices[i]);
    const ValueId inside = b.prim(Prim::ult, kBool, {index, nest.size({kDynamicSize, key, i}, axes[i].size)});
    const ValueId safe = b.select(inside, index, b.index(0));
    const bool unit = axes[i].stride == 1;
    out.offset = b.add(out.offset, unit ? safe : b.mul(safe, nest.size({kDynamicStride, key, i}, axes[i].stride)));
    out.inside = b.prim(Prim::bit_and, kBool, {out.inside, inside});
  }
  return out;
}

ValueId RegionEmitter::emit_gather(const Item& item, Body& body) {
  const auto key = static_cast<uint64_t>(&item - graph.items.data());
  const Dynamic at = dynamic_offset(item.operands, item.dynamic, key, body);
  const std::optional<ValueId> guard = nest.inside(item.inside);
  // Only lanes that count may fail. Whether an index is inside often does not depend on the innermost loop, and is
  // tested outside of it.
  std::optional<ValueId> counts = guard;
  if (body.mask && b.type(at.inside).lanes > 1)
    counts = counts ? b.prim(Prim::bit_and, kBool, {*counts, *body.mask}) : *body.mask;
  if (item.node->numel() == 0) {
    b.check_outside(counts ? b.prim(Prim::bit_not, kBool, {*counts}) : b.constant_bits(kBool, 0));
    return b.constant_bits(item.dtype, 0);
  }
  b.check_outside(counts ? b.prim(Prim::bit_or, kBool, {at.inside, b.prim(Prim::bit_not, kBool, {*counts})})
                         : at.inside);
  LoopNest::Address a = nest.address(item.position);
  if (b.type(at.offset).lanes > 1 && a.access != LoopNest::Access::Scattered) {
    const bool run = a.access == LoopNest::Access::Consecutive;
    a.offset = b.splat(a.offset, body.lanes);
    if (run) a.offset = b.add(a.offset, b.iota(body.lanes));
    a.access = LoopNest::Access::Scattered;
  }
  a.offset = b.add(a.offset, at.offset);
  return load_at(item, a, guard, body);
}

ValueId RegionEmitter::emit_choice(const Item& item, Body& body) {
  ValueId v = body.values.at(item.operands.back());
  for (size_t i = item.operands.size() - 1; i-- > 0;) {
    if (nest.never(item.pieces[i])) continue;
    const std::optional<ValueId> here = nest.inside(item.pieces[i]);
    const ValueId piece = body.values.at(item.operands[i]);
    v = here ? b.select(*here, piece, v) : piece;
  }
  return v;
}

void RegionEmitter::store_output(size_t o, ValueId value, const Body& body) {
  const uint32_t buffer = target_.output_buffer_of.at(region.outputs[o]);
  const LoopNest::Address a = nest.address(graph.output_position[o]);
  if (body.lanes > 1 && b.type(value).lanes == 1) value = b.splat(value, body.lanes);
  if (body.mask) return b.store_masked(buffer, a.offset, value, *body.mask);
  b.store(buffer, a.offset, value, schedule.non_temporal && body.lanes > 1 ? kNonTemporal | kAligned : 0);
}

void RegionEmitter::scatter_to_output(size_t o, const LoopNest::Address& a, ValueId value, const Body& body) {
  const uint32_t buffer = target_.output_buffer_of.at(region.outputs[o]);
  const DType dtype = region.outputs[o]->dtype();
  if (body.lanes > 1 && b.type(value).lanes == 1) value = b.splat(value, body.lanes);
  const Op op = region.outputs[o]->op();
  if (op == Op::scatter)
    return body.mask ? b.store_masked(buffer, a.offset, value, *body.mask) : b.store(buffer, a.offset, value);
  const ValueId zero = b.constant_bits(dtype, 0);
  const ValueId old = body.mask ? b.load_masked(buffer, a.offset, *body.mask, b.splat(zero, body.lanes))
                                : b.load(buffer, a.offset, body.lanes);
  const ValueId both[] = {old, value};
  const ValueId after = b.inline_function(lower_scatter_step(op, dtype), both)[0];
  body.mask ? b.store_masked(buffer, a.offset, after, *body.mask) : b.store(buffer, a.offset, after);
}

void RegionEmitter::store_outputs(const std::vector<size_t>& outputs, Body& body) {
  std::vector<ValueId> values;
  for (size_t o : outputs) values.push_back(emit(graph.outputs[o], body));
  for (size_t i = 0; i < outputs.size(); ++i) store_output(outputs[i], values[i], body);
}

std::vector<size_t> RegionEmitter::outputs_where(bool inner) const {
  std::vector<size_t> out;
  for (size_t o = 0; o < region.outputs.size(); ++o)
    if (graph.output_inner[o] == inner) out.push_back(o);
  return out;
}

void RegionEmitter::vector_loop(ValueId begin, ValueId end, int unroll,
                                const std::function<void(ValueId, Body&)>& body) {
  if (schedule.threads) {
    const auto spread = [&](ValueId from, ValueId to, uint16_t width) {
      b.for_loop(
          from, to, b.index(width), {},
          [&](ValueId i, const std::vector<ValueId>&) {
            Body some{.lanes = width, .mask = {}, .values = {}};
            body(i, some);
            return std::vector<ValueId>{};
          },
          LoopKind::Thread);
    };
    if (lanes == 1) return spread(begin, end, 1);
    const ValueId main_end = b.add(begin, b.prim(Prim::bit_and, kInt64, {b.sub(end, begin), b.index(-int64_t{lanes})}));
    spread(begin, main_end, lanes);
    return spread(main_end, end, 1);
  }
  if (schedule.masked_loop) return masked_loop(begin, end, body);
  const int64_t step = int64_t{lanes} * unroll;
  if ((step & (step - 1)) != 0) {
    const ValueId done = b.for_loop(begin, b.sub(end, b.index(step - 1)), b.index(step), {begin},
                                    [&](ValueId i, const std::vector<ValueId>&) {
                                      full_vectors(i, unroll, body);
                                      return std::vector<ValueId>{b.add(i, b.index(step))};
                                    })[0];
    return masked_loop(done, end, body);
  }
  const ValueId main_end = b.add(begin, b.prim(Prim::bit_and, kInt64, {b.sub(end, begin), b.index(-step)}));
  full_loop(begin, main_end, unroll, body);
  masked_loop(main_end, end, body);
}

void RegionEmitter::full_vectors(ValueId first, int count, const std::function<void(ValueId, Body&)>& body) {
  for (int u = 0; u < count; ++u) {
    Body main{.lanes = lanes, .mask = {}, .values = {}};
    body(b.add(first, b.index(int64_t{u} * lanes)), main);
  }
}

void RegionEmitter::full_loop(ValueId begin, ValueId end, int unroll, const std::function<void(ValueId, Body&)>& body) {
  b.for_loop(begin, end, b.index(int64_t{lanes} * unroll), {}, [&](ValueId i, const std::vector<ValueId>&) {
    full_vectors(i, unroll, body);
    return std::vector<ValueId>{};
  });
}

void RegionEmitter::masked_loop(ValueId begin, ValueId end, const std::function<void(ValueId, Body&)>& body) {
  b.for_loop(begin, end, b.index(lanes), {}, [&](ValueId i, const std::vector<ValueId>&) {
    Body masked{.lanes = lanes, .mask = b.lane_mask(b.sub(end, i), lanes), .values = {}};
    body(i, masked);
    return std::vector<ValueId>{};
  });
}

void RegionEmitter::rows_of_task(ValueId task, int64_t total, int64_t per_task,
                                 const std::function<void(ValueId)>& row) {
  if (per_task == 1) return row(task);
  const ValueId per = nest.size("rows_per_task", per_task);
  const ValueId first = b.mul(task, per);
  const ValueId last = b.min(b.add(first, per), nest.size("rows", total));
  b.for_loop(first, last, b.index(1), {}, [&](ValueId r, const std::vector<ValueId>&) {
    row(r);
    return std::vector<ValueId>{};
  });
}

void RegionEmitter::prefetch_output(size_t o) {
  const LoopNest::Address a = nest.address(graph.output_position[o]);
  if (a.access != LoopNest::Access::Scattered) b.prefetch(target_.output_buffer_of.at(region.outputs[o]), a.offset);
}

std::vector<ItemId> RegionEmitter::loads_below(std::vector<ItemId> todo) const {
  std::vector<ItemId> loads;
  std::vector<bool> seen(graph.items.size());
  while (!todo.empty()) {
    const ItemId id = todo.back();
    todo.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    if (graph.items[id].kind == ItemKind::Load) loads.push_back(id);
    todo.insert(todo.end(), graph.items[id].operands.begin(), graph.items[id].operands.end());
  }
  return loads;
}

bool RegionEmitter::output_fits_non_temporal(size_t o, int64_t run) const {
  return run % lanes == 0 &&
         itemsize(region.outputs[o]->dtype()) * lanes * 8 == static_cast<size_t>(schedule.vector_bits);
}

}  // namespace lazuli::codegen
