#include "codegen/item_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "ir/lower_scalar.h"
#include "ir/reduction.h"
#include "ir/scalar/builder.h"
#include "ir/scalar/math.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

struct Key {
  const Node* node;
  IndexVec index;
  PredicateId inside;
  bool operator==(const Key&) const = default;
};
struct KeyHash {
  size_t operator()(const Key& k) const {
    size_t h = std::hash<const void*>()(k.node) * 31 + k.inside;
    for (IndexId i : k.index) h = h * 0x9e3779b97f4a7c15u + i;
    return h;
  }
};

class Builder {
 public:
  explicit Builder(const Region& r) : region_(r), arena_(*r.arena) {
    for (const Node* n : r.inputs) stored_.emplace(n, true);
    out_.reduced_variable.resize(arena_.variable_count());
    out_.side.resize(arena_.variable_count(), Side::None);
    for (int64_t a : r.reduced) {
      const int64_t v = arena_.as_variable(r.axes[static_cast<size_t>(a)]);
      if (v >= 0) out_.reduced_variable[static_cast<size_t>(v)] = true;
      if (v >= 0) reduced_axes_.push_back(r.axes[static_cast<size_t>(a)]);
      all_reduced_axes_.push_back(r.axes[static_cast<size_t>(a)]);
    }
  }

  ItemGraph run() {
    if (region_.kind == RegionKind::Scatter) return scatter();
    if (region_.kind == RegionKind::Sort || region_.kind == RegionKind::Attention) return sort();
    if (region_.kind == RegionKind::Scan) return scan();
    if (region_.kind == RegionKind::Update) return update();
    for (size_t o = 0; o < region_.outputs.size(); ++o) {
      const Node* n = region_.outputs[o];
      out_.outputs.push_back(evaluate({n, region_.output_index[o], IndexArena::kAlways}));
      out_.output_position.push_back(arena_.flatten(region_.output_index[o], n->shape()));
      out_.output_inner.push_back(depends_on_reduced(out_.output_position.back()) ||
                                  out_.items[out_.outputs.back()].inner);
    }
    return std::move(out_);
  }

 private:
  ItemGraph scatter() {
    const Node* n = region_.outputs[0];
    const IndexVec& index = region_.output_index[0];
    const ScatterIndices at = scatter_operand_indices(n, index, all_reduced_axes_);
    out_.outputs.push_back(evaluate({n->input(0), index, IndexArena::kAlways}));
    out_.output_position.push_back(arena_.flatten(index, n->shape()));
    out_.output_inner.push_back(false);
    ScatterItems s;
    s.values = evaluate({n->input(1), at.values, IndexArena::kAlways});
    std::vector<ItemId> operands;
    for (const Node* in : n->inputs().subspan(2)) operands.push_back(evaluate({in, at.place, IndexArena::kAlways}));
    IndexVec where = index;
    s.axes = split_indices(n->input(0), n->attr_as<AxesAttr>().axes, operands, &where, &s.indices);
    s.position = arena_.flatten(where, n->shape());
    out_.scatter = std::move(s);
    return std::move(out_);
  }

  ItemGraph update() {
    const Node* n = region_.outputs[0];
    const IndexVec part(std::span<const IndexId>(region_.axes.data(), region_.axes.size()));
    out_.outputs.push_back(evaluate({n->input(1), part, IndexArena::kAlways}));
    out_.output_position.push_back(arena_.flatten(region_.output_index[0], n->shape()));
    out_.output_inner.push_back(false);
    return std::move(out_);
  }

  // What is ordered (or attended to) is read by the strategy itself; the point stands for a position of the row.
  ItemGraph sort() {
    for (size_t o = 0; o < region_.outputs.size(); ++o) {
      const Node* n = region_.outputs[o];
      const IndexVec& index = region_.output_index[o];
      out_.outputs.push_back(position_item(n, index.back()));
      out_.output_position.push_back(arena_.flatten(index, n->shape()));
      out_.output_inner.push_back(false);
    }
    return std::move(out_);
  }

  // The output's item is the operand: the strategy combines its values.
  ItemGraph scan() {
    const Node* n = region_.outputs[0];
    const IndexVec& index = region_.output_index[0];
    out_.outputs.push_back(evaluate(guarded(n->input(0), index, IndexArena::kAlways)));
    out_.output_position.push_back(arena_.flatten(index, n->shape()));
    out_.output_inner.push_back(true);
    return std::move(out_);
  }

  // Index operands that are known stay symbolic, in `where`; the others are dynamic and 0 there.
  std::vector<DynamicAxis> split_indices(const Node* x, const Dims& axes, const std::vector<ItemId>& operands,
                                         IndexVec* where, std::vector<ItemId>* indices) {
    const Dims strides = contiguous_strides(x->shape());
    std::vector<DynamicAxis> dynamic;
    for (size_t k = 0; k < axes.size(); ++k) {
      const auto d = static_cast<size_t>(axes[k]);
      const Item& item = out_.items[operands[k]];
      std::optional<IndexId> known;
      if (item.kind == ItemKind::Position) known = item.position;
      if (item.kind == ItemKind::Constant)
        known = arena_.constant(static_cast<int64_t>(item.node->attr_as<ConstantAttr>().bits));
      if (known && arena_.expr(*known).low >= 0 && arena_.expr(*known).high < x->shape()[d]) {
        (*where)[d] = *known;
        continue;
      }
      (*where)[d] = arena_.zero();
      indices->push_back(operands[k]);
      dynamic.push_back({x->shape()[d], strides[d]});
    }
    return dynamic;
  }

  // Post-order over demands with an explicit stack: a node is finished once all its operands are items.
  ItemId evaluate(const Key& root) {
    std::vector<Key> stack{root};
    while (!stack.empty()) {
      const Key key = stack.back();
      if (known_.contains(key)) {
        stack.pop_back();
        continue;
      }
      std::vector<Key> needs;
      std::vector<PredicateId> pieces;
      operands_of(key, &needs, &pieces);
      bool ready = true;
      for (size_t i = needs.size(); i-- > 0;) {
        if (known_.contains(needs[i])) continue;
        stack.push_back(needs[i]);
        ready = false;
      }
      if (!ready) continue;
      stack.pop_back();
      std::vector<ItemId> ids;
      for (const Key& k : needs) ids.push_back(known_.at(k));
      known_.emplace(key, make_item(key, std::move(ids), std::move(pieces)));
    }
    return known_.at(root);
  }

  bool loads(const Node* n) const { return stored_.contains(n) && n->op() != Op::argument; }

  // A predicate matters below a choice only as long as the index may be out of range without it.
  Key guarded(const Node* n, IndexVec index, PredicateId inside) const {
    bool safe = true;
    for (size_t d = 0; d < index.size(); ++d) {
      const IndexExpr& e = arena_.expr(index[d]);
      safe &= e.low >= 0 && e.high < n->shape()[d];
    }
    if (safe && (loads(n) || is_reduce(n->op()) || n->op() == Op::dot_general || n->op() == Op::gather))
      inside = IndexArena::kAlways;
    return {n, std::move(index), inside};
  }

  void operands_of(const Key& k, std::vector<Key>* needs, std::vector<PredicateId>* pieces) {
    const Node* n = k.node;
    if (loads(n) || n->input_count() == 0) return;
    if (has_pieces(n->op())) {
      for (const Piece& p : operand_pieces(n, k.index, arena_)) {
        if (p.inside == IndexArena::kNever) continue;
        PredicateId inside = k.inside;
        for (const IndexBound& b : arena_.bounds(p.inside)) inside = arena_.both(inside, b);
        needs->push_back(guarded(n->input(p.operand), p.index, inside));
        pieces->push_back(p.inside);
        if (p.inside == IndexArena::kAlways) break;
      }
    } else if (is_movement(n->op())) {
      needs->push_back(guarded(n->input(0), operand_index(n, k.index, arena_), k.inside));
    } else if (n->op() == Op::gather) {
      const IndexVec place(std::span<const IndexId>(k.index.data(), n->input(1)->rank()));
      for (const Node* in : n->inputs().subspan(1)) needs->push_back(guarded(in, place, k.inside));
    } else if (is_scatter(n->op())) {
      const std::optional<PointScatter> point = as_point_scatter(n);
      if (!point) throw Error(ErrorKind::Internal, "lower: a scatter that is not a region of its own");
      const ScatterIndices at = point_operand_indices(n, *point, k.index);
      needs->push_back(guarded(n->input(0), k.index, k.inside));
      needs->push_back(guarded(n->input(1), at.values, k.inside));
      for (size_t c : point->chosen) needs->push_back(guarded(n->input(2 + c), at.place, k.inside));
    } else if (is_reduce(n->op())) {
      needs->push_back(guarded(n->input(0), reduction_operand_index(n, k.index, reduced_axes_), k.inside));
    } else if (n->op() == Op::dot_general) {
      auto [lhs, rhs] = dot_operand_indices(n, k.index, all_reduced_axes_);
      needs->push_back(guarded(n->input(0), std::move(lhs), k.inside));
      needs->push_back(guarded(n->input(1), std::move(rhs), k.inside));
    } else {
      for (const Node* in : n->inputs())
        needs->push_back(guarded(in, in->rank() == 0 ? IndexVec{} : k.index, k.inside));
    }
  }

  bool depends_on_reduced(IndexId e) const {
    std::vector<bool> used(out_.reduced_variable.size());
    arena_.collect_variables(e, &used);
    for (size_t v = 0; v < used.size(); ++v)
      if (used[v] && out_.reduced_variable[v]) return true;
    return false;
  }

  ItemId add(Item item) {
    for (ItemId o : item.operands) {
      item.level = std::max(item.level, out_.items[o].level);
      item.inner |= out_.items[o].inner;
    }
    item.inner |= depends_on_reduced(item.position);
    std::vector<PredicateId> guards = item.pieces;
    guards.push_back(item.inside);
    for (PredicateId p : guards)
      for (const IndexBound& b : arena_.bounds(p)) item.inner |= depends_on_reduced(b.expr);
    const bool every_point = item.inner || reduced_axes_.empty();
    if (every_point && item.function) out_.ops_per_point += static_cast<double>(item.function->insts.size());
    out_.items.push_back(std::move(item));
    return static_cast<ItemId>(out_.items.size() - 1);
  }

  ItemId make_item(const Key& k, std::vector<ItemId> operands, std::vector<PredicateId> pieces) {
    const Node* n = k.node;
    Item item{.kind = ItemKind::Load, .node = n, .dtype = n->dtype(), .inside = k.inside};
    if (loads(n)) {
      item.position = arena_.flatten(k.index, n->shape());
      return add(std::move(item));
    }
    switch (n->op()) {
      case Op::constant:
        item.kind = ItemKind::Constant;
        item.inside = IndexArena::kAlways;
        return add(std::move(item));
      case Op::argument:
        item.kind = ItemKind::Argument;
        item.inside = IndexArena::kAlways;
        return add(std::move(item));
      case Op::iota: {
        const ItemId p = position_item(n, k.index[static_cast<size_t>(n->attr_as<AxesAttr>().axes[0])]);
        if (n->dtype() == kInt64) return p;
        item.kind = ItemKind::Function;
        item.operands = {p};
        item.function = std::make_shared<scalar::Function>(lower_cast(kInt64, n->dtype()));
        return add(std::move(item));
      }
      case Op::random_bits: {
        item.kind = ItemKind::Function;
        item.operands = {operands[0], operands[1], position_item(n, arena_.flatten(k.index, n->shape()))};
        scalar::Builder s({kInt64, kInt64, kInt64});
        item.function =
            std::make_shared<scalar::Function>(s.finish({scalar::philox_bits(s, s.param(0), s.param(1), s.param(2))}));
        return add(std::move(item));
      }
      case Op::cast:
        item.kind = ItemKind::Function;
        item.operands = std::move(operands);
        item.function = std::make_shared<scalar::Function>(lower_cast(n->input(0)->dtype(), n->dtype()));
        return add(std::move(item));
      case Op::bitcast:
        item.kind = ItemKind::Function;
        item.operands = std::move(operands);
        item.function = std::make_shared<scalar::Function>(lower_bitcast(n->input(0)->dtype(), n->dtype()));
        return add(std::move(item));
      default:
        break;
    }
    if (has_pieces(n->op())) {
      if (operands.size() == 1) return operands[0];
      item.kind = ItemKind::Choice;
      item.operands = std::move(operands);
      item.pieces = std::move(pieces);
      return add(std::move(item));
    }
    if (is_movement(n->op())) return operands[0];
    if (n->op() == Op::gather) return add_gather(k, operands);
    if (is_scatter(n->op())) return add_point_scatter(k, std::move(operands));
    if (is_elementwise(n->op())) {
      item.kind = ItemKind::Function;
      item.operands = std::move(operands);
      SmallVec<DType, 4> types;
      for (const Node* in : n->inputs()) types.push_back(in->dtype());
      item.function = std::make_shared<scalar::Function>(lower_elementwise(n->op(), types));
      return add(std::move(item));
    }
    if (n->op() == Op::dot_general) find_sides(n, k.index, operands);
    if (is_reduce(n->op()) || n->op() == Op::dot_general) return add_reduction(n, std::move(operands));
    throw Error(ErrorKind::Internal, fmt::format("lower: {} cannot be evaluated in a kernel", name(n->op())));
  }

  ItemId add_gather(const Key& k, const std::vector<ItemId>& operands) {
    const Node *n = k.node, *x = n->input(0);
    const Dims& axes = n->attr_as<AxesAttr>().axes;
    IndexVec where(x->rank());
    size_t rest = n->input(1)->rank();
    for (size_t d = 0; d < where.size(); ++d)
      if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) == axes.end()) where[d] = k.index[rest++];
    Item item{.kind = ItemKind::Gather, .node = x, .dtype = n->dtype(), .inside = k.inside};
    item.dynamic = split_indices(x, axes, operands, &where, &item.operands);
    item.position = arena_.flatten(where, x->shape());
    if (item.dynamic.empty()) item.kind = ItemKind::Load;
    return add(std::move(item));
  }

  // base + value where every chosen index is that of the element, else base; each is checked against its axis.
  ItemId add_point_scatter(const Key& k, std::vector<ItemId> operands) {
    const Node* n = k.node;
    if (is_half(n->dtype())) throw Error(ErrorKind::Internal, "lower: a scatter of half types is expanded before");
    const Dims& axes = n->attr_as<AxesAttr>().axes;
    const std::vector<size_t> chosen = as_point_scatter(n)->chosen;
    std::vector<DType> params{n->dtype(), n->dtype()};
    params.insert(params.end(), 3 * chosen.size(), kInt64);
    for (size_t c : chosen) operands.push_back(position_item(n, k.index[static_cast<size_t>(axes[c])]));
    for (size_t c : chosen)
      operands.push_back(position_item(n, arena_.constant(n->shape()[static_cast<size_t>(axes[c])])));
    scalar::Builder s(params);
    scalar::Value here = s.constant_bits(kBool, 1);
    for (size_t i = 0; i < chosen.size(); ++i) {
      const scalar::Value index = s.param(2 + i);
      s.check(s.ult(index, s.param(2 + 2 * chosen.size() + i)), scalar::kIndexOutOfBounds);
      here = s.bit_and(here, s.eq(index, s.param(2 + chosen.size() + i)));
    }
    Item item{.kind = ItemKind::Function, .node = n, .dtype = n->dtype(), .inside = k.inside};
    item.operands = std::move(operands);
    const scalar::Value after = scatter_step(s, n->op(), s.param(0), s.param(1));
    item.function = std::make_shared<scalar::Function>(s.finish({s.select(here, after, s.param(0))}));
    return add(std::move(item));
  }

  ItemId position_item(const Node* n, IndexId e) {
    Item p{.kind = ItemKind::Position, .node = n, .dtype = kInt64, .position = e};
    return add(std::move(p));
  }

  std::vector<bool> variables_below(ItemId root) const {
    std::vector<bool> used(out_.reduced_variable.size()), seen(out_.items.size());
    std::vector<ItemId> todo{root};
    while (!todo.empty()) {
      const ItemId id = todo.back();
      todo.pop_back();
      if (seen[id]) continue;
      seen[id] = true;
      const Item& item = out_.items[id];
      arena_.collect_variables(item.position, &used);
      std::vector<PredicateId> guards = item.pieces;
      guards.push_back(item.inside);
      for (PredicateId p : guards)
        for (const IndexBound& b : arena_.bounds(p)) arena_.collect_variables(b.expr, &used);
      todo.insert(todo.end(), item.operands.begin(), item.operands.end());
    }
    return used;
  }

  void find_sides(const Node* dot, const IndexVec& index, const std::vector<ItemId>& operands) {
    const size_t batch = dot->attr_as<DotAttr>().dims->lhs_batch.size();
    const size_t lhs_end = dot->input(0)->rank() - dot->attr_as<DotAttr>().dims->lhs_contract.size();
    for (size_t d = 0; d < index.size(); ++d) {
      std::vector<bool> used(out_.reduced_variable.size());
      arena_.collect_variables(index[d], &used);
      for (size_t v = 0; v < used.size(); ++v)
        if (used[v]) out_.side[v] = d < batch ? Side::Batch : d < lhs_end ? Side::Lhs : Side::Rhs;
    }
    // An operand that is the same for every batch element multiplies all their rows at once.
    const std::vector<bool> in_lhs = variables_below(operands[0]), in_rhs = variables_below(operands[1]);
    for (size_t v = 0; v < out_.side.size(); ++v) {
      if (out_.reduced_variable[v]) out_.side[v] = Side::Reduced;
      if (out_.side[v] == Side::Batch && !in_rhs[v]) out_.side[v] = Side::Lhs;
      if (out_.side[v] == Side::Batch && !in_lhs[v]) out_.side[v] = Side::Rhs;
    }
  }

  ItemId add_reduction(const Node* n, std::vector<ItemId> operands) {
    Reduction r{.node = n, .operands = std::move(operands)};
    for (ItemId o : r.operands) r.level = std::max(r.level, out_.items[o].level);
    for (IndexId a : reduced_axes_) r.position = arena_.combine(r.position, arena_.expr(a).high + 1, a, 1);
    out_.levels = std::max(out_.levels, r.level + 1);
    Item item{.kind = ItemKind::Reduction, .node = n, .dtype = n->dtype()};
    item.reduction = static_cast<uint32_t>(out_.reductions.size());
    item.level = r.level + 1;
    out_.reductions.push_back(std::move(r));
    return add(std::move(item));
  }

  const Region& region_;
  IndexArena& arena_;
  ItemGraph out_;
  std::unordered_map<const Node*, bool> stored_;
  std::unordered_map<Key, ItemId, KeyHash> known_;
  std::vector<IndexId> reduced_axes_, all_reduced_axes_;
};

}  // namespace

ItemGraph build_items(const Region& region) {
  return Builder(region).run();
}

}  // namespace lazuli::codegen
