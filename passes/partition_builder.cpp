#include "passes/partition_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/reduction.h"

namespace lazuli::passes {

using namespace ir;

namespace {

// A pad or concat is a choice per piece, which the code generator takes more than linear time for in one function.
constexpr size_t kMostPieces = 32;

const Dims& reduction_axes(const Node* n) {
  return n->attr_as<AxesAttr>().axes;
}

std::vector<bool> is_reduced_axis(const Node* n) {
  std::vector<bool> reduced(n->input(0)->rank());
  for (int64_t a : reduction_axes(n)) reduced[static_cast<size_t>(a)] = true;
  return reduced;
}

Dims contracted_extents(const Node* dot) {
  Dims out;
  for (int64_t a : dot->attr_as<DotAttr>().dims->lhs_contract)
    out.push_back(dot->input(0)->shape()[static_cast<size_t>(a)]);
  return out;
}

/// Extents of the axes that the reduction takes away, without those of size 1.
std::vector<int64_t> wanted_extents(const Node* n) {
  std::vector<int64_t> wanted;
  for (int64_t a : reduction_axes(n)) {
    const int64_t e = n->input(0)->shape()[static_cast<size_t>(a)];
    if (e != 1) wanted.push_back(e);
  }
  return wanted;
}

}  // namespace

RegionBuilder::RegionBuilder(const Node* root, bool of_its_own) {
  if (is_reduce(root->op())) {
    kind_ = RegionKind::Row;
    const std::vector<bool> reduced = is_reduced_axis(root);
    for (size_t d = 0; d < reduced.size(); ++d) add_axes({{root->input(0)->shape()[d]}}, reduced[d]);
  } else if (root->op() == Op::slice_update && of_its_own) {
    kind_ = RegionKind::Update;
    add_axes(root->input(1)->shape(), false);
  } else {
    add_axes(root->shape(), false);
    if (root->op() == Op::dot_general) {
      kind_ = RegionKind::Contract;
      contraction_ = root;
      add_axes(contracted_extents(root), true);
    }
    if (family(root->op()) == Family::Order) kind_ = RegionKind::Sort;
    if (is_attention(root->op())) kind_ = RegionKind::Attention;
    if (is_scan(root->op())) {
      kind_ = RegionKind::Scan;
      reduced_[static_cast<size_t>(reduction_axes(root)[0])] = true;
    }
    if (is_scatter(root->op()) && of_its_own) {
      kind_ = RegionKind::Scatter;
      add_axes(root->input(2)->shape(), true);
    }
  }
}

void RegionBuilder::add_axes(std::span<const int64_t> extents, bool reduced) {
  for (int64_t e : extents) {
    extents_.push_back(e);
    axes_.push_back(arena_->variable(e));
    reduced_.push_back(reduced);
  }
}

std::string RegionBuilder::space_key(const Node* root, bool of_its_own) {
  if (is_reduce(root->op())) return fmt::format("{}/{}", str(root->input(0)->shape()), str(reduction_axes(root)));
  if (of_its_own) return fmt::format("{}{}", name(root->op()), root->serial());
  return str(root->shape());
}

IndexVec RegionBuilder::root_index(const Node* root) const {
  IndexVec index;
  if (kind_ == RegionKind::Update) {
    const SliceAttr& s = root->attr_as<SliceAttr>();
    for (size_t d = 0; d < axes_.size(); ++d)
      index.push_back(arena_->offset(arena_->scale(axes_[d], s.step[d]), s.start[d]));
    return index;
  }
  // A map's axes are the first ones, and they stay so when a reduction joins: it may reduce some of them, or bring
  // more.
  for (size_t d = 0; d < axes_.size() && index.size() < root->rank(); ++d)
    if (!is_reduce(root->op()) || !reduced_[d]) index.push_back(axes_[d]);
  return index;
}

void RegionBuilder::add_node(const Node* n, double cost) {
  ops_ += cost;
  uint32_t& bits = seen_[n];
  if (!(bits & 1) && has_pieces(n->op())) pieces_ += n->input_count();
  if (!(bits & 1)) nodes_.push_back(n);
  bits |= 1;
}

void RegionBuilder::add_input(const Node* n, const IndexVec& index) {
  uint32_t& bits = seen_[n];
  if (!(bits & 2)) inputs_.push_back(n);
  bits |= 2;
  reads_.push_back({n, arena_->flatten(index, n->shape())});
}

void RegionBuilder::add_indexed_input(const Node* n) {
  uint32_t& bits = seen_[n];
  if (!(bits & 2)) inputs_.push_back(n);
  bits |= 2;
  reads_.push_back({n, kAnywhere});
}

void RegionBuilder::add_output(const Node* n, const IndexVec& index) {
  outputs_.push_back(n);
  output_index_.push_back(index);
  writes_.push_back({n, arena_->flatten(index, n->shape())});
}

bool RegionBuilder::has_room(double cost, const PassContext& ctx) const {
  if (nodes_.empty()) return true;
  return pieces_ <= kMostPieces && ops_ + cost <= ctx.max_ops_per_kernel &&
         static_cast<int>(nodes_.size()) < ctx.max_ops_per_kernel &&
         static_cast<int>(inputs_.size() + outputs_.size()) + 2 <= ctx.max_buffers_per_kernel;
}

bool RegionBuilder::part_reads_elsewhere(const Node* update, const IndexVec& part, const IndexVec& index) {
  IndexArena& arena = *arena_;
  constexpr size_t kMost = 256;
  const Node* base = update->input(0);
  const IndexId here = arena.flatten(index, base->shape());
  std::vector<std::pair<const Node*, IndexVec>> todo{{update->input(1), part}};
  for (size_t k = 0; k < todo.size(); ++k) {
    if (todo.size() > kMost) return true;
    const auto [n, at] = todo[k];
    if (n == base) {
      if (arena.flatten(at, n->shape()) != here) return true;
    } else if (has_pieces(n->op())) {
      for (Piece& p : operand_pieces(n, at, arena)) todo.emplace_back(n->input(p.operand), std::move(p.index));
    } else if (is_movement(n->op())) {
      todo.emplace_back(n->input(0), operand_index(n, at, arena));
    } else if (is_elementwise(n->op()) || family(n->op()) == Family::Cast) {
      for (const Node* in : n->inputs()) todo.emplace_back(in, in->rank() == 0 ? IndexVec{} : at);
    } else if (family(n->op()) != Family::Leaf &&
               std::find(n->inputs().begin(), n->inputs().end(), base) != n->inputs().end()) {
      return true;
    } else if (is_indexed(n->op())) {
      const IndexVec place(std::span<const IndexId>(at.data(), std::min(at.size(), n->input(1)->rank())));
      if (n->op() != Op::gather) return true;
      for (const Node* in : n->inputs().subspan(1)) todo.emplace_back(in, place);
    }
  }
  return false;
}

std::optional<std::vector<bool>> RegionBuilder::plain_variables(const IndexVec& index) const {
  std::vector<bool> used(arena_->variable_count());
  for (IndexId e : index) {
    if (e == arena_->zero()) continue;
    const int64_t v = arena_->as_variable(e);
    if (v < 0 || used[static_cast<size_t>(v)]) return std::nullopt;
    used[static_cast<size_t>(v)] = true;
  }
  return used;
}

double RegionBuilder::points(const IndexVec& index) const {
  std::vector<bool> used(arena_->variable_count());
  for (IndexId e : index) arena_->collect_variables(e, &used);
  double count = 1;
  for (size_t v = 0; v < used.size(); ++v)
    if (used[v]) count *= static_cast<double>(arena_->extent(static_cast<uint32_t>(v)));
  return count;
}

bool RegionBuilder::can_store(const Node* n, const IndexVec& index) {
  if (kind_ != RegionKind::Map && kind_ != RegionKind::Row && kind_ != RegionKind::Contract) return false;
  // One element per point of the space, in row-major order: also through a reshape.
  IndexId full = arena_->zero(), kept = arena_->zero();
  int64_t full_size = 1, kept_size = 1;
  for (size_t d = axes_.size(); d-- > 0;) {
    full = arena_->combine(full, 1, axes_[d], full_size);
    full_size *= extents_[d];
    if (reduced_[d]) continue;
    kept = arena_->combine(kept, 1, axes_[d], kept_size);
    kept_size *= extents_[d];
  }
  const IndexId flat = arena_->flatten(index, n->shape());
  const bool per_product = kind_ == RegionKind::Contract;  // only the kept axes are points that something is stored at
  if (!per_product && n->numel() == full_size && flat == full) return true;
  if (n->numel() == kept_size && flat == kept) return true;
  const auto used = plain_variables(index);
  if (!used || !covers(n, index)) return false;
  bool all = true, kept_only = true;
  for (size_t d = 0; d < axes_.size(); ++d) {
    const int64_t v = arena_->as_variable(axes_[d]);
    if (v < 0) continue;
    all &= (*used)[static_cast<size_t>(v)];
    kept_only &= (*used)[static_cast<size_t>(v)] != reduced_[d];
  }
  return kept_only || (all && !per_product);
}

bool RegionBuilder::stores_in_another_stage(const IndexVec& index) const {
  if (kind_ != RegionKind::Row) return false;
  size_t last = axes_.size();
  while (last-- > 0 && extents_[last] == 1) continue;
  if (last < axes_.size() && reduced_[last]) return false;
  std::vector<bool> used(arena_->variable_count());
  for (IndexId e : index) arena_->collect_variables(e, &used);
  for (size_t d = 0; d < axes_.size(); ++d)
    if (const int64_t v = arena_->as_variable(axes_[d]); reduced_[d] && v >= 0 && used[static_cast<size_t>(v)])
      return true;
  return false;
}

bool RegionBuilder::covers(const Node* n, const IndexVec& index) const {
  for (size_t d = 0; d < index.size(); ++d) {
    const int64_t v = arena_->as_variable(index[d]);
    if (n->shape()[d] != (v < 0 ? 1 : arena_->extent(static_cast<uint32_t>(v)))) return false;
  }
  return true;
}

std::vector<int64_t> RegionBuilder::reduced_extents() const {
  std::vector<int64_t> out;
  for (size_t d = 0; d < axes_.size(); ++d)
    if (reduced_[d] && extents_[d] != 1) out.push_back(extents_[d]);
  return out;
}

bool RegionBuilder::can_reduce(const Node* n, const IndexVec& index, const PassContext& ctx) const {
  if ((kind_ != RegionKind::Map && kind_ != RegionKind::Row) || !has_room(1, ctx)) return false;
  const auto used = plain_variables(index);
  if (!used) return false;
  const std::vector<int64_t> wanted = wanted_extents(n);
  if (kind_ == RegionKind::Row) {
    for (size_t d = 0; d < axes_.size(); ++d) {
      const int64_t v = arena_->as_variable(axes_[d]);
      if (v >= 0 && (*used)[static_cast<size_t>(v)] == reduced_[d]) return false;
    }
    return wanted == reduced_extents();
  }
  // A map becomes a row region: the axes that the reduction does not keep are those it reduces, in order.
  std::vector<int64_t> rest;
  for (size_t d = 0; d < axes_.size(); ++d) {
    const int64_t v = arena_->as_variable(axes_[d]);
    if (v >= 0 && !(*used)[static_cast<size_t>(v)]) rest.push_back(extents_[d]);
  }
  return rest.empty() || rest == wanted;
}

void RegionBuilder::reduce(const Node* n, const IndexVec& index) {
  if (kind_ == RegionKind::Row) return;
  kind_ = RegionKind::Row;
  const std::vector<bool> used = *plain_variables(index);
  bool all = true;
  for (size_t d = 0; d < axes_.size(); ++d) {
    const int64_t v = arena_->as_variable(axes_[d]);
    reduced_[d] = v >= 0 && !used[static_cast<size_t>(v)];
    all &= !reduced_[d];
  }
  if (all) add_axes(wanted_extents(n), true);
}

bool RegionBuilder::is_mixed_radix(const IndexVec& index) const {
  std::vector<bool> used(arena_->variable_count());
  for (IndexId id : index) {
    const IndexExpr& e = arena_->expr(id);
    std::vector<IndexTerm> terms = e.terms;
    std::sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) { return a.coefficient < b.coefficient; });
    int64_t weight = 1;
    for (const IndexTerm& t : terms) {
      const IndexAtom& a = arena_->atom(t.atom);
      if (a.kind != AtomKind::Variable || t.coefficient != weight || used[a.variable]) return false;
      used[a.variable] = true;
      weight *= arena_->extent(a.variable);
    }
    if (e.offset != 0) return false;
  }
  return std::all_of(axes_.begin(), axes_.end(), [&](IndexId a) {
    const int64_t v = arena_->as_variable(a);
    return v < 0 || used[static_cast<size_t>(v)];
  });
}

bool RegionBuilder::can_contract(const Node* n, const IndexVec& index, bool all) const {
  if (kind_ != RegionKind::Map || contraction_ || !is_mixed_radix(index)) return false;
  if (all)
    for (size_t d = 0; d < index.size(); ++d)
      if (arena_->expr(index[d]).high + 1 != n->shape()[d]) return false;
  return true;
}

void RegionBuilder::contract(const Node* n) {
  kind_ = RegionKind::Contract;
  contraction_ = n;
  add_axes(contracted_extents(n), true);
}

IndexVec RegionBuilder::reduction_operand(const Node* n, const IndexVec& index) const {
  std::vector<IndexId> inner;
  for (size_t d = 0; d < axes_.size(); ++d)
    if (reduced_[d] && extents_[d] != 1) inner.push_back(axes_[d]);
  return reduction_operand_index(n, index, inner);
}

std::vector<IndexId> RegionBuilder::reduced_axes() const {
  std::vector<IndexId> out;
  for (size_t d = 0; d < axes_.size(); ++d)
    if (reduced_[d]) out.push_back(axes_[d]);
  return out;
}

std::pair<IndexVec, IndexVec> RegionBuilder::contraction_operands(const Node* dot, const IndexVec& index) {
  return dot_operand_indices(dot, index, reduced_axes());
}

Region RegionBuilder::finish() {
  Region r;
  r.kind = kind_;
  r.space = Shape(extents_);
  for (size_t d = 0; d < reduced_.size(); ++d)
    if (reduced_[d]) r.reduced.push_back(static_cast<int64_t>(d));
  std::reverse(nodes_.begin(), nodes_.end());
  r.nodes = std::move(nodes_);
  r.inputs = std::move(inputs_);
  r.outputs = std::move(outputs_);
  r.output_index = std::move(output_index_);
  r.arena = arena_;
  r.axes = axes_;
  if (kind_ == RegionKind::Sort || kind_ == RegionKind::Attention) return r;
  if (kind_ == RegionKind::Scatter) {
    // The base may be added to where it stands if nothing else reads it.
    const Node *n = r.outputs[0], *base = n->input(0);
    size_t uses = 0;
    for (const Node* user : r.nodes)
      uses += static_cast<size_t>(std::count(user->inputs().begin(), user->inputs().end(), base));
    for (uint32_t i = 0; i < r.inputs.size(); ++i)
      if (r.inputs[i] == base && uses == 1) r.may_alias.emplace_back(0, i);
    return r;
  }
  int64_t points = 1, kept_points = 1;
  for (size_t d = 0; d < extents_.size(); ++d) {
    points *= extents_[d];
    if (!reduced_[d]) kept_points *= extents_[d];
  }
  for (const Node* n : r.outputs)
    if (kind_ != RegionKind::Update && n->numel() != kept_points &&
        ((kind_ != RegionKind::Row && kind_ != RegionKind::Scan) || n->numel() != points))
      throw Error(ErrorKind::Internal, fmt::format("a region over {} cannot store a {} of shape {}", str(r.space),
                                                   name(n->op()), str(n->shape())));
  // A row's kept outputs are stored before the row is read once more for the others.
  const auto is_inner = [&](const Access& write) {
    std::vector<bool> used(arena_->variable_count());
    arena_->collect_variables(write.flat, &used);
    for (size_t d = 0; d < axes_.size(); ++d)
      if (const int64_t v = arena_->as_variable(axes_[d]); reduced_[d] && v >= 0 && used[static_cast<size_t>(v)])
        return true;
    return false;
  };
  const bool any_inner = std::any_of(writes_.begin(), writes_.end(), is_inner);
  for (uint32_t o = 0; o < r.outputs.size(); ++o) {
    if (any_inner && !is_inner(writes_[o])) continue;
    for (uint32_t i = 0; i < r.inputs.size(); ++i) {
      const Node *out = r.outputs[o], *in = r.inputs[i];
      if (kind_ == RegionKind::Update && in != out->input(0)) continue;  // the base is copied to wherever it is stored
      if (out->nbytes() != in->nbytes() || out->dtype() != in->dtype()) continue;  // one buffer has one element type
      const bool same = std::all_of(reads_.begin(), reads_.end(),
                                    [&](const Access& a) { return a.node != in || a.flat == writes_[o].flat; });
      if (same) r.may_alias.emplace_back(o, i);
    }
  }
  return r;
}

}  // namespace lazuli::passes
