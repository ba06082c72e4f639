#include "codegen/contract_plan.h"

#include <algorithm>

#include "codegen/reducer.h"
#include "codegen/transpose.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

EvenCut::EvenCut(int64_t n, int64_t most) : count(n) {
  pieces = std::max<int64_t>(1, (n + most - 1) / most);
  size = (n + pieces - 1) / pieces;
  larger = n % pieces == 0 ? pieces : n % pieces;
}

double work_below(const ItemGraph& graph, ItemId root) {
  double ops = 0;
  std::vector<bool> seen(graph.items.size());
  std::vector<ItemId> todo{root};
  while (!todo.empty()) {
    const ItemId id = todo.back();
    todo.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    const Item& item = graph.items[id];
    if (item.function) ops += static_cast<double>(item.function->insts.size());
    if (item.kind == ItemKind::Choice) ops += 2 * static_cast<double>(item.pieces.size());
    todo.insert(todo.end(), item.operands.begin(), item.operands.end());
  }
  return ops;
}

bool reads_along_depth(const RegionEmitter& e, ItemId root, const std::vector<size_t>& groups,
                       const std::vector<size_t>& depth) {
  const ir::IndexArena& arena = *e.region.arena;
  const auto innermost = [&](const std::vector<size_t>& list) {
    return list.empty() ? -1 : static_cast<int64_t>(e.nest.groups()[list.back()].variables.back());
  };
  const int64_t inner_depth = innermost(depth), inner_free = innermost(groups);
  int64_t along_depth = 0, along_free = 0;
  constexpr int64_t kRun = 16;
  std::vector<bool> seen(e.graph.items.size());
  std::vector<ItemId> todo{root};
  while (!todo.empty()) {
    const ItemId id = todo.back();
    todo.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    const Item& item = e.graph.items[id];
    todo.insert(todo.end(), item.operands.begin(), item.operands.end());
    if (item.kind != ItemKind::Load) continue;
    const auto count = [&](const ir::IndexExpr& position, auto&& of_remainder) -> void {
      for (const ir::IndexTerm& t : position.terms) {
        const ir::IndexAtom& a = arena.atom(t.atom);
        if (t.coefficient != 1 && t.coefficient != -1) continue;
        if (a.kind == ir::AtomKind::Remainder && a.divisor >= kRun) of_remainder(arena.expr(a.of));
        if (a.kind != ir::AtomKind::Variable) continue;
        if (a.variable == inner_depth) along_depth += item.node->nbytes();
        if (a.variable == inner_free) along_free += item.node->nbytes();
      }
    };
    // Within the blocks of a remainder, such as groups of weights, memory goes on as well.
    count(arena.expr(item.position), [&](const ir::IndexExpr& e) { count(e, [](const ir::IndexExpr&) {}); });
  }
  // Windows go on along both: along their places, then, unless they are as long as a run.
  const auto extent = [&](const std::vector<size_t>& list) { return e.nest.groups()[list.back()].extent; };
  if (along_depth == along_free && along_depth > 0) return extent(groups) < kRun && extent(depth) > extent(groups);
  return along_depth > along_free;
}

std::optional<int64_t> flat_stride(const RegionEmitter& e, ir::IndexId position, const std::vector<size_t>& groups) {
  std::optional<int64_t> inner;
  int64_t next = 0;  // what a step of the loop outside must be
  for (size_t n = groups.size(); n-- > 0;) {
    if (e.nest.groups()[groups[n]].extent == 1) continue;
    const auto stride = e.nest.stride(position, groups[n]);
    if (!stride || (inner && *stride != next)) return std::nullopt;
    if (!inner) inner = stride;
    next = *stride * e.nest.groups()[groups[n]].extent;
  }
  return inner.value_or(0);
}

ItemId element_item(const RegionEmitter& e, ItemId id) {
  const Item& item = e.graph.items[id];
  const bool cast = item.kind == ItemKind::Function && item.node->op() == ir::Op::cast && item.dtype == kInt32;
  return cast && e.graph.items[item.operands[0]].dtype == kInt8 ? item.operands[0] : id;
}

bool is_flat_along_depth(const RegionEmitter& e, ItemId root, const std::vector<size_t>& depth) {
  std::vector<bool> seen(e.graph.items.size());
  std::vector<ItemId> todo{root};
  while (!todo.empty()) {
    const ItemId id = todo.back();
    todo.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    const Item& item = e.graph.items[id];
    todo.insert(todo.end(), item.operands.begin(), item.operands.end());
    if (item.inside != ir::IndexArena::kAlways) return false;
    if (item.kind == ItemKind::Function || item.kind == ItemKind::Constant || item.kind == ItemKind::Argument) continue;
    if (item.kind != ItemKind::Load) return false;
    int64_t step = 1;
    for (size_t i = depth.size(); i-- > 0; step *= e.nest.groups()[depth[i]].extent)
      if (e.nest.stride(item.position, depth[i]) != step) return false;
  }
  return true;
}

bool multiplies_bytes(const RegionEmitter& e, const ContractPlan& p) {
  const auto bytes = [&](ItemId id, const std::vector<size_t>& free) {
    const Item& cast = e.graph.items[id];
    if (cast.kind != ItemKind::Function || cast.node->op() != ir::Op::cast || cast.dtype != kInt32) return false;
    const Item& item = e.graph.items[cast.operands[0]];
    if (item.kind != ItemKind::Load || item.dtype != kInt8 || item.inside != ir::IndexArena::kAlways ||
        free.size() != 1 || p.depth_groups.size() != 1)
      return false;
    const bool along = reads_along_depth(e, cast.operands[0], free, p.depth_groups);
    return e.nest.stride(item.position, along ? p.depth_groups[0] : free[0]) == 1;
  };
  const DType t = ir::accumulator_type(ir::Op::sum, e.graph.reductions[0].node->input(0)->dtype());
  return t == kInt32 && p.depth > 0 && bytes(p.row_item, p.row_groups) && bytes(p.column_item, p.column_groups);
}

ContractPlan::ContractPlan(const RegionEmitter& e) : ContractPlan(e, e.schedule) {}

ContractPlan::ContractPlan(const RegionEmitter& e, const Schedule& s) {
  const LoopNest& nest = e.nest;
  const DType t = ir::accumulator_type(ir::Op::sum, e.graph.reductions[0].node->input(0)->dtype());
  lanes = static_cast<uint16_t>(s.vector_bits / 8 / static_cast<int>(std::max<size_t>(4, itemsize(t))));
  square = square_rows(t, lanes);
  batch_groups = nest.groups_of(Side::Batch);
  depth_groups = nest.groups_of(Side::Reduced);
  const bool left = nest.kept_count() > 0 && nest.groups()[nest.kept_count() - 1].side == Side::Lhs;
  places = s.places;
  const bool swapped = left != places;
  row_groups = nest.groups_of(swapped ? Side::Rhs : Side::Lhs);
  column_groups = nest.groups_of(swapped ? Side::Lhs : Side::Rhs);
  const Reduction& dot = e.graph.reductions[0];
  row_item = dot.operands[swapped];
  column_item = dot.operands[!swapped];
  batch = nest.extent_of(batch_groups);
  rows = nest.extent_of(row_groups);
  columns = nest.extent_of(column_groups);
  depth = nest.reduced_extent();
  elements = depth;
  if (s.quads) {
    quads = true;
    row_item = e.graph.items[row_item].operands[0];
    column_item = e.graph.items[column_item].operands[0];
    depth = (depth + 3) / 4;
  }
  if (places) {
    line = nest.groups()[row_groups.back()].extent;
    place_step = nest.stride(e.graph.items[row_item].position, row_groups.back()).value_or(0);
    whole_lines = line <= s.tile_rows;
    row_unit = whole_lines ? line : 1;
    row_tiles = whole_lines ? EvenCut(rows / line, s.tile_rows / line) : EvenCut(line, std::max(1, s.tile_rows));
  } else {
    row_tiles = EvenCut(rows, std::max(1, s.tile_rows));
  }
  column_tiles = EvenCut(vectors(), std::max(1, s.tile_vectors));
  row_tasks = EvenCut(row_pieces(), s.row_tiles);
  column_tasks = EvenCut(column_tiles.pieces, s.column_tiles);
  depth_block = s.depth_block;
  spans = std::max<int64_t>(1, (depth + kDepthSpan - 1) / kDepthSpan);
  pack_rows = s.pack_rows;
  pack_columns = s.pack_columns;
  split_depth = s.split_depth && spans > 1;
  strip = spans > 1 || quads || s.constant_sizes ? 0 : s.strip;
  if (!split_depth && row_tasks.pieces == 1 && column_tasks.pieces == 1)
    batches = std::clamp<int64_t>(s.batches, 1, std::max<int64_t>(1, batch));
  constant_sizes = s.constant_sizes;
  in_registers = s.in_registers && spans == 1 && depth > 0 && (!in_chunks() || depth_block == kDepthBlock) &&
                 (in_chunks() || depth <= kDepthBlock);
}

}  // namespace lazuli::codegen
