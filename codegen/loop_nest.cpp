#include "codegen/loop_nest.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "codegen/fast_div.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

enum KeyKind : uint64_t { kCoefficient, kOffset, kMultiplier, kShift, kDivisor, kBound, kExtent };

// Everything that will be emitted as an index: addresses, positions, predicates.
std::vector<IndexId> emitted_indices(const ItemGraph& graph, const IndexArena& arena) {
  std::vector<IndexId> all(graph.output_position);
  for (const Item& i : graph.items) {
    if (i.kind == ItemKind::Load || i.kind == ItemKind::Position || i.kind == ItemKind::Gather)
      all.push_back(i.position);
    for (const IndexBound& b : arena.bounds(i.inside)) all.push_back(b.expr);
    for (PredicateId p : i.pieces)
      for (const IndexBound& b : arena.bounds(p)) all.push_back(b.expr);
  }
  for (const Reduction& r : graph.reductions)
    if (r.is_arg()) all.push_back(r.position);
  if (graph.scatter) all.push_back(graph.scatter->position);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

int64_t coefficient_of(const IndexExpr& e, AtomId atom) {
  for (const IndexTerm& t : e.terms)
    if (t.atom == atom) return t.coefficient;
  return 0;
}

}  // namespace

LoopNest::LoopNest(const Region& region, const ItemGraph& graph, KernelBuilder& builder, std::vector<int64_t>& sizes)
    : arena_(*region.arena), b_(builder), sizes_(sizes) {
  merge_groups(region, graph);
  bindings_.resize(groups_.size());
}

void LoopNest::merge_groups(const Region& region, const ItemGraph& graph) {
  const std::vector<IndexId> indices = emitted_indices(graph, arena_);
  std::vector<bool> in_atom(arena_.variable_count());
  for (IndexId id : indices)
    for (const IndexTerm& t : arena_.expr(id).terms)
      if (arena_.atom(t.atom).kind != AtomKind::Variable) arena_.collect_variables(arena_.atom(t.atom).of, &in_atom);

  // Kept axes run in the order of the first output's layout, reduced ones in logical order, which their tree fixes.
  std::vector<uint32_t> kept, reduced;
  for (size_t d = 0; d < region.axes.size(); ++d) {
    const int64_t v = arena_.as_variable(region.axes[d]);
    if (v < 0) continue;
    (graph.reduced_variable[static_cast<size_t>(v)] ? reduced : kept).push_back(static_cast<uint32_t>(v));
  }
  if (!graph.output_position.empty()) {
    const IndexExpr& store = arena_.expr(graph.output_position[0]);
    std::stable_sort(kept.begin(), kept.end(), [&](uint32_t a, uint32_t b) {
      return coefficient_of(store, arena_.variable_atom(a)) > coefficient_of(store, arena_.variable_atom(b));
    });
  }
  const auto mergeable = [&](uint32_t outer, uint32_t inner) {
    if (in_atom[outer] || in_atom[inner] || graph.side[outer] != graph.side[inner]) return false;
    return std::all_of(indices.begin(), indices.end(), [&](IndexId id) {
      const IndexExpr& e = arena_.expr(id);
      return coefficient_of(e, arena_.variable_atom(outer)) ==
             coefficient_of(e, arena_.variable_atom(inner)) * arena_.extent(inner);
    });
  };
  group_of_.resize(arena_.variable_count());
  is_innermost_.resize(arena_.variable_count());
  for (const bool is_reduced : {false, true}) {
    for (uint32_t v : is_reduced ? reduced : kept) {
      const bool joins =
          !groups_.empty() && groups_.back().reduced == is_reduced && mergeable(groups_.back().variables.back(), v);
      if (!joins) groups_.push_back({{}, 1, is_reduced, graph.side[v]});
      LoopGroup& g = groups_.back();
      if (joins) is_innermost_[g.variables.back()] = false;
      g.variables.push_back(v);
      g.extent *= arena_.extent(v);
      group_of_[v] = static_cast<uint32_t>(groups_.size() - 1);
      is_innermost_[v] = true;
    }
    if (!is_reduced) kept_count_ = groups_.size();
  }
}

int64_t LoopNest::kept_extent() const {
  int64_t n = 1;
  for (size_t g = 0; g < kept_count_; ++g) n *= groups_[g].extent;
  return n;
}

int64_t LoopNest::reduced_extent() const {
  int64_t n = 1;
  for (size_t g = kept_count_; g < groups_.size(); ++g) n *= groups_[g].extent;
  return n;
}

void LoopNest::bind_scalar(size_t g, ValueId v) {
  bindings_[g] = {v, 1, false};
}
void LoopNest::bind_lanes(size_t g, ValueId first, uint16_t lanes) {
  bindings_[g] = {first, lanes, lanes > 1};
}
void LoopNest::bind_vector(size_t g, ValueId v) {
  bindings_[g] = {v, b_.type(v).lanes, false};
}

void LoopNest::bind_flat(size_t first, size_t last, ValueId position, uint16_t lanes, bool whole) {
  std::vector<size_t> list(last - first);
  std::iota(list.begin(), list.end(), first);
  bind_flat(list, position, lanes, whole);
}

void LoopNest::bind_flat(std::span<const size_t> list, ValueId position, uint16_t lanes, bool whole) {
  if (list.empty()) return;
  if (list.size() == 1) return lanes > 1 ? bind_lanes(list[0], position, lanes) : bind_scalar(list[0], position);
  const bool in_one_run = lanes > 1 && whole && groups_[list.back()].extent % lanes == 0;
  const bool vector = lanes > 1 && !in_one_run;
  ValueId rest = vector ? b_.add(b_.splat(position, lanes), b_.iota(lanes)) : position;
  const int64_t limit = extent_of(list);
  for (size_t i = list.size(); i-- > 1;) {
    const size_t g = list[i];
    const auto [q, r] = divide(rest, {kExtent, g, 0}, groups_[g].extent, limit + lanes);
    if (in_one_run && i + 1 == list.size()) {
      bind_lanes(g, r, lanes);
    } else {
      vector ? bind_vector(g, r) : bind_scalar(g, r);
    }
    rest = q;
  }
  vector ? bind_vector(list[0], rest) : bind_scalar(list[0], rest);
}

std::vector<size_t> LoopNest::groups_of(Side side) const {
  std::vector<size_t> out;
  for (size_t g = 0; g < groups_.size(); ++g)
    if (groups_[g].side == side) out.push_back(g);
  return out;
}

int64_t LoopNest::extent_of(std::span<const size_t> list) const {
  int64_t n = 1;
  for (size_t g : list) n *= groups_[g].extent;
  return n;
}

ValueId LoopNest::size(std::array<uint64_t, 3> key, int64_t v) {
  if (constant_sizes) return b_.index(v);
  const auto [it, fresh] = size_args_.try_emplace(key, 0);
  if (fresh) {
    it->second = b_.add_size();
    sizes_.push_back(v);
  }
  return b_.size_arg(it->second);
}

ValueId LoopNest::size(const char* purpose, int64_t v) {
  if (constant_sizes) return b_.index(v);
  const auto [it, fresh] = named_sizes_.try_emplace(purpose, 0);
  if (fresh) {
    it->second = b_.add_size();
    sizes_.push_back(v);
  }
  return b_.size_arg(it->second);
}

std::pair<ValueId, ValueId> LoopNest::divide(ValueId x, std::array<uint64_t, 3> key, int64_t divisor, int64_t x_limit) {
  divisor = std::max<int64_t>(1, divisor);  // a loop over an empty axis is emitted, too
  const ValueId d = size({kDivisor, key[1], key[2] * 8 + key[0]}, divisor);
  ValueId q;
  if (x_limit <= (int64_t{1} << 31) && divisor < (int64_t{1} << 31)) {
    const FastDivisor f = fast_divisor(divisor);
    q = b_.fast_div(x, size({kMultiplier, key[1], key[2] * 8 + key[0]}, f.multiplier),
                    size({kShift, key[1], key[2] * 8 + key[0]}, f.shift));
  } else {
    q = b_.prim(Prim::idiv, kInt64, {x, d});
  }
  return {q, b_.sub(x, b_.mul(q, d))};
}

bool LoopNest::varies(IndexId id) const {
  std::vector<bool> used(arena_.variable_count());
  arena_.collect_variables(id, &used);
  for (size_t v = 0; v < used.size(); ++v)
    if (used[v] && bindings_[group_of_[v]].lanes > 1) return true;
  return false;
}

ValueId LoopNest::times(ValueId x, std::array<uint64_t, 3> key, int64_t c) {
  if (c == 1) return x;
  if (c == -1) return b_.prim(Prim::neg, kInt64, {x});
  return b_.mul(x, size(key, c));
}

ValueId LoopNest::atom_value(AtomId id) {
  const IndexAtom a = arena_.atom(id);
  if (a.kind == AtomKind::Variable) {
    const Binding& g = bindings_[group_of_[a.variable]];
    return g.consecutive ? b_.add(b_.splat(g.value, g.lanes), b_.iota(g.lanes)) : g.value;
  }
  const ValueId x = value(a.of);
  const auto [q, r] =
      divide(x, {kDivisor, a.of, static_cast<uint64_t>(a.divisor)}, a.divisor, arena_.expr(a.of).high + 1);
  return a.kind == AtomKind::Quotient ? q : r;
}

ValueId LoopNest::value(IndexId id) {
  const Address a = address(id);
  if (a.access != Access::Consecutive) return a.offset;
  uint16_t lanes = 1;
  for (const Binding& g : bindings_) lanes = std::max(lanes, g.lanes);
  return b_.add(b_.splat(a.offset, lanes), b_.iota(lanes));
}

std::optional<int64_t> LoopNest::stride(IndexId id, size_t group) const {
  int64_t step = 0;
  for (const auto& [atom, c] : arena_.expr(id).terms) {
    const IndexAtom& a = arena_.atom(atom);
    if (a.kind == AtomKind::Variable) {
      if (a.variable == groups_[group].variables.back()) step = c;
      continue;
    }
    std::vector<bool> used(arena_.variable_count());
    arena_.collect_variables(a.of, &used);
    for (const uint32_t v : groups_[group].variables)
      if (used[v]) return std::nullopt;
  }
  return step;
}

/// Quotient and remainder of the first lane, where all lanes are known to have the same quotient.
std::optional<std::pair<ValueId, ValueId>> LoopNest::block_of_lanes(const IndexAtom& a, uint16_t* lanes) {
  if (!blocks_of_lanes) return {};
  for (const Binding& g : bindings_)
    if (g.consecutive) *lanes = g.lanes;
  if (*lanes == 1 || a.divisor % *lanes != 0) return {};
  const Address first = address(a.of);
  if (first.access != Access::Consecutive) return {};
  // base + c: the base starts a run of `multiple` that no block cuts, and the lanes end before it does.
  const auto [base, c] = b_.constant_part(first.offset);
  int64_t multiple = b_.multiple_of(base);
  while (a.divisor % multiple != 0) multiple /= 2;
  const std::array<uint64_t, 3> key{kDivisor, a.of, static_cast<uint64_t>(a.divisor)};
  const int64_t limit = arena_.expr(a.of).high + 1;
  if (c >= 0 && c + *lanes <= multiple) {
    const auto [q, r] = divide(base, key, a.divisor, limit);
    b_.note_multiple(r, multiple);
    return std::pair(q, b_.add(r, b_.index(c)));
  }
  if (b_.multiple_of(first.offset) < *lanes) return {};
  const auto parts = divide(first.offset, key, a.divisor, limit);
  b_.note_multiple(parts.second, *lanes);
  return parts;
}

LoopNest::Address LoopNest::address(IndexId id, bool backwards) {
  const IndexExpr e = arena_.expr(id);
  // Terms that are the same for all lanes first, outer loops before inner ones, so that sums leave the inner loops.
  struct Part {
    ValueId value;
    std::array<uint64_t, 3> key;
    int64_t c;
  };
  std::vector<std::pair<size_t, Part>> uniform;
  std::vector<Part> scattered;
  uint16_t run = 0;  // lanes of it
  int64_t run_step = 0;
  bool of_first_lane = false;
  for (size_t t = 0; t < e.terms.size(); ++t) {
    const auto [atom, c] = e.terms[t];
    const IndexAtom a = arena_.atom(atom);
    const std::array<uint64_t, 3> key{kCoefficient, id, t};
    if (a.kind == AtomKind::Variable) {
      if (!is_innermost_[a.variable]) continue;  // merged: the group's last variable carries the whole
      const size_t group = group_of_[a.variable];
      const Binding& g = bindings_[group];
      if (g.consecutive) {
        run = g.lanes;
        run_step += c;
      }
      if (g.lanes == 1 || g.consecutive) {
        uniform.push_back({group + 1, {g.value, key, c}});
      } else {
        scattered.push_back({g.value, key, c});
      }
    } else if (uint16_t lanes = 1; varies(a.of)) {
      if (const auto block = block_of_lanes(a, &lanes)) {
        of_first_lane = true;
        if (a.kind == AtomKind::Remainder) {
          run = lanes;
          run_step += c;
        }
        uniform.push_back({groups_.size() + 1, {a.kind == AtomKind::Remainder ? block->second : block->first, key, c}});
        continue;
      }
      scattered.push_back({atom_value(atom), key, c});
    } else {
      uniform.push_back({0, {atom_value(atom), key, c}});
    }
  }
  std::stable_sort(uniform.begin(), uniform.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  ValueId sum = e.offset == 0 ? kNone : size({kOffset, id, 0}, e.offset);
  for (const auto& [order, p] : uniform) {
    const ValueId v = times(p.value, p.key, p.c);
    sum = sum == kNone ? v : b_.add(sum, v);
  }
  if (sum == kNone) sum = b_.index(0);
  if (scattered.empty() && (!run || run_step == 0)) return {Access::Uniform, sum, of_first_lane};
  if (scattered.empty() && run_step == 1) return {Access::Consecutive, sum, of_first_lane};
  if (scattered.empty() && run_step == -1 && backwards) return {Access::Backwards, sum};
  for (const Part& p : scattered) {
    const ValueId v = times(p.value, p.key, p.c);
    sum = b_.add(b_.type(sum).lanes == 1 ? b_.splat(sum, b_.type(v).lanes) : sum, v);
  }
  if (run) {
    ValueId lanes = b_.iota(run);
    lanes = run_step == 1    ? lanes
            : run_step == -1 ? b_.prim(Prim::neg, kInt64, {lanes})
                             : b_.mul(lanes, b_.splat(size({kCoefficient, id, 1000}, run_step), run));
    sum = b_.add(b_.type(sum).lanes == 1 ? b_.splat(sum, run) : sum, lanes);
  }
  return {Access::Scattered, sum};
}

std::optional<int64_t> LoopNest::step_alone(IndexId id, size_t group) const {
  std::optional<int64_t> step;
  for (const auto& [atom, c] : arena_.expr(id).terms) {
    const IndexAtom& a = arena_.atom(atom);
    if (a.kind != AtomKind::Variable || group_of_[a.variable] != group) return std::nullopt;
    if (is_innermost_[a.variable]) step = c;
  }
  return step;
}

std::pair<int64_t, int64_t> LoopNest::range(IndexId id) const {
  const IndexExpr& e = arena_.expr(id);
  const auto step = assumed_ ? step_alone(id, assumed_->group) : std::nullopt;
  if (!step) return {e.low, e.high};
  const int64_t first = *step * assumed_->low + e.offset, last = *step * assumed_->high + e.offset;
  return {std::min(first, last), std::max(first, last)};
}

bool LoopNest::never(PredicateId p) const {
  const std::vector<IndexBound>& bounds = arena_.bounds(p);
  return std::any_of(bounds.begin(), bounds.end(), [&](const IndexBound& b) {
    const auto [low, high] = range(b.expr);
    return low >= b.high || high < b.low;
  });
}

std::optional<ValueId> LoopNest::inside(PredicateId p) {
  std::optional<ValueId> all;
  const std::vector<IndexBound> bounds = arena_.bounds(p);
  for (size_t i = 0; i < bounds.size(); ++i) {
    const IndexBound& b = bounds[i];
    const auto [low, high] = range(b.expr);
    const bool test_low = low < b.low, test_high = high >= b.high;
    if (!test_low && !test_high) continue;
    const Address a = address(b.expr);
    const auto limit = [&](int64_t x, uint64_t side) {
      return x == 0 ? b_.index(0) : size({kBound, p, i * 2 + side}, x);
    };
    const auto require = [&](ValueId c) { all = all ? b_.prim(Prim::bit_and, kBool, {*all, c}) : c; };
    uint16_t run = 1;
    for (const Binding& g : bindings_)
      if (g.consecutive) run = g.lanes;
    const bool whole = blocks_of_lanes && a.access == Access::Consecutive && b_.multiple_of(a.offset) >= run;
    if (whole && (!test_low || b.low % run == 0) && (!test_high || b.high % run == 0)) {  // all lanes or none
      // Vectors of one run of a border's multiple ask once.
      const auto [base, c] = b_.constant_part(a.offset);
      const int64_t multiple = b_.multiple_of(base);
      const bool together = c >= 0 && c + run <= multiple && (!test_low || b.low % multiple == 0) &&
                            (!test_high || b.high % multiple == 0);
      const ValueId first = together ? base : a.offset;
      if (test_low) require(b_.prim(Prim::le, kBool, {limit(b.low, 0), first}));
      if (test_high) require(b_.prim(Prim::lt, kBool, {first, limit(b.high, 1)}));
      continue;
    }
    if (masks_by_count && a.access == Access::Consecutive) {  // the lanes from one on, and those before one
      uint16_t lanes = 1;
      for (const Binding& g : bindings_) lanes = std::max(lanes, g.lanes);
      const auto before = [&](ValueId end) { return b_.lane_mask(b_.sub(end, a.offset), lanes); };
      if (test_low) require(b_.prim(Prim::bit_not, kBool, {before(limit(b.low, 0))}));
      if (test_high) require(before(limit(b.high, 1)));
      continue;
    }
    const ValueId v = value(b.expr);
    if (test_low) require(b_.prim(Prim::le, kBool, {limit(b.low, 0), v}));
    if (test_high) require(b_.prim(Prim::lt, kBool, {v, limit(b.high, 1)}));
  }
  return all;
}

}  // namespace lazuli::codegen
