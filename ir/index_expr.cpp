#include "ir/index_expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace lazuli::ir {

namespace {

int64_t floor_div(int64_t a, int64_t d) {
  const int64_t q = a / d;
  return q - ((a % d != 0) && (a < 0));
}

uint64_t mix(uint64_t h, uint64_t v) {
  h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
  return h * 0xff51afd7ed558ccdu;
}

uint64_t hash_of(const IndexExpr& e) {
  uint64_t h = mix(17, static_cast<uint64_t>(e.offset));
  for (const IndexTerm& t : e.terms) h = mix(mix(h, t.atom), static_cast<uint64_t>(t.coefficient));
  return h;
}

void add_term(std::vector<IndexTerm>* terms, AtomId atom, int64_t c) {
  if (c == 0) return;
  auto at =
      std::lower_bound(terms->begin(), terms->end(), atom, [](const IndexTerm& t, AtomId a) { return t.atom < a; });
  if (at == terms->end() || at->atom != atom) {
    terms->insert(at, {atom, c});
  } else if ((at->coefficient += c) == 0) {
    terms->erase(at);
  }
}

}  // namespace

IndexArena::IndexArena() {
  intern({});                               // id 0: the constant 0
  predicates_.push_back({});                // kAlways
  predicates_.push_back({{zero(), 1, 1}});  // kNever
}

void IndexArena::bound(IndexExpr* e) const {
  e->low = e->high = e->offset;
  for (const IndexTerm& t : e->terms) {
    const IndexAtom& a = atoms_[t.atom];
    e->low += t.coefficient * (t.coefficient > 0 ? a.low : a.high);
    e->high += t.coefficient * (t.coefficient > 0 ? a.high : a.low);
  }
}

IndexId IndexArena::intern(IndexExpr e) {
  const uint64_t h = hash_of(e);
  auto [first, last] = expr_table_.equal_range(h);
  for (; first != last; ++first)
    if (exprs_[first->second] == e) return first->second;
  bound(&e);
  exprs_.push_back(std::move(e));
  const auto id = static_cast<IndexId>(exprs_.size() - 1);
  expr_table_.emplace(h, id);
  return id;
}

AtomId IndexArena::intern_atom(IndexAtom a) {
  const uint64_t h = mix(mix(static_cast<uint64_t>(a.kind) + 1, a.of), static_cast<uint64_t>(a.divisor));
  auto [first, last] = atom_table_.equal_range(h);
  for (; first != last; ++first) {
    const IndexAtom& b = atoms_[first->second];
    if (b.kind == a.kind && b.of == a.of && b.divisor == a.divisor) return first->second;
  }
  atoms_.push_back(a);
  const auto id = static_cast<AtomId>(atoms_.size() - 1);
  atom_table_.emplace(h, id);
  return id;
}

IndexId IndexArena::variable(int64_t extent) {
  if (extent == 1) return zero();
  IndexAtom a{.kind = AtomKind::Variable, .variable = static_cast<uint32_t>(variable_atoms_.size())};
  a.high = extent - 1;
  atoms_.push_back(a);
  const auto id = static_cast<AtomId>(atoms_.size() - 1);
  variable_atoms_.push_back(id);
  IndexExpr e;
  e.terms.push_back({id, 1});
  return intern(std::move(e));
}

IndexId IndexArena::constant(int64_t v) {
  IndexExpr e;
  e.offset = v;
  return intern(std::move(e));
}

IndexId IndexArena::combine(IndexId x, int64_t a, IndexId y, int64_t b) {
  IndexExpr e;
  e.offset = exprs_[x].offset * a + exprs_[y].offset * b;
  if (a != 0) {
    e.terms = exprs_[x].terms;
    for (IndexTerm& t : e.terms) t.coefficient *= a;
  }
  for (const IndexTerm& t : exprs_[y].terms) add_term(&e.terms, t.atom, t.coefficient * b);
  fold_quotient_pairs(&e);
  return intern(std::move(e));
}

// d*(x/d) + x%d is x, also when both carry a common factor.
void IndexArena::fold_quotient_pairs(IndexExpr* e) {
  for (bool again = true; again;) {
    again = false;
    for (const IndexTerm& r : e->terms) {
      const IndexAtom& ra = atoms_[r.atom];
      if (ra.kind != AtomKind::Remainder) continue;
      for (const IndexTerm& q : e->terms) {
        const IndexAtom& qa = atoms_[q.atom];
        if (qa.kind != AtomKind::Quotient || qa.of != ra.of || qa.divisor != ra.divisor ||
            q.coefficient != r.coefficient * ra.divisor)
          continue;
        const int64_t c = r.coefficient;
        const IndexExpr whole = exprs_[ra.of];
        const AtomId gone_r = r.atom, gone_q = q.atom;
        std::erase_if(e->terms, [&](const IndexTerm& t) { return t.atom == gone_r || t.atom == gone_q; });
        for (const IndexTerm& t : whole.terms) add_term(&e->terms, t.atom, t.coefficient * c);
        e->offset += whole.offset * c;
        again = true;
        break;
      }
      if (again) break;
    }
  }
}

void IndexArena::split(IndexId x, int64_t d, IndexExpr* first, IndexExpr* rest) const {
  const IndexExpr& e = exprs_[x];
  for (const IndexTerm& t : e.terms) {
    if (t.coefficient % d == 0) {
      first->terms.push_back({t.atom, t.coefficient / d});
    } else {
      rest->terms.push_back(t);
    }
  }
  first->offset = floor_div(e.offset, d);
  rest->offset = e.offset - first->offset * d;
  bound(rest);
  if (rest->low < 0) {  // bring the remainder up by whole divisors
    const int64_t lift = -floor_div(rest->low, d);
    rest->offset += lift * d;
    first->offset -= lift;
    bound(rest);
  }
}

IndexId IndexArena::quotient(IndexId x, int64_t d) {
  if (d == 1) return x;
  IndexExpr whole, rest;
  split(x, d, &whole, &rest);
  const IndexId w = intern(std::move(whole));
  if (rest.low >= 0 && rest.high < d) return w;
  // A common factor of the rest and of d cancels; an offset below it never carries.
  int64_t g = d;
  for (const IndexTerm& t : rest.terms) g = std::gcd(g, t.coefficient);
  if (g > 1) {
    for (IndexTerm& t : rest.terms) t.coefficient /= g;
    rest.offset = floor_div(rest.offset, g);
    return add(w, quotient(intern(std::move(rest)), d / g));
  }
  if (rest.offset == 0 && rest.terms.size() == 1 && rest.terms[0].coefficient == 1) {
    const IndexAtom inner = atoms_[rest.terms[0].atom];
    if (inner.kind == AtomKind::Quotient) return add(w, quotient(inner.of, inner.divisor * d));
  }
  const IndexId r = intern(std::move(rest));
  IndexAtom a{.kind = AtomKind::Quotient, .of = r, .divisor = d};
  a.low = floor_div(exprs_[r].low, d);
  a.high = floor_div(exprs_[r].high, d);
  IndexExpr e;
  e.terms.push_back({intern_atom(a), 1});
  return add(w, intern(std::move(e)));
}

IndexId IndexArena::remainder(IndexId x, int64_t d) {
  if (d == 1) return zero();
  IndexExpr whole, rest;
  split(x, d, &whole, &rest);
  if (rest.low >= 0 && rest.high < d) return intern(std::move(rest));
  int64_t g = d;
  for (const IndexTerm& t : rest.terms) g = std::gcd(g, t.coefficient);
  if (g > 1) {
    const int64_t low_part = rest.offset - floor_div(rest.offset, g) * g;
    for (IndexTerm& t : rest.terms) t.coefficient /= g;
    rest.offset = floor_div(rest.offset, g);
    return offset(scale(remainder(intern(std::move(rest)), d / g), g), low_part);
  }
  if (rest.offset == 0 && rest.terms.size() == 1 && rest.terms[0].coefficient == 1) {
    const IndexAtom inner = atoms_[rest.terms[0].atom];
    if (inner.kind == AtomKind::Remainder && inner.divisor % d == 0) return remainder(inner.of, d);
  }
  const IndexId r = intern(std::move(rest));
  IndexAtom a{.kind = AtomKind::Remainder, .of = r, .divisor = d};
  a.high = d - 1;
  IndexExpr e;
  e.terms.push_back({intern_atom(a), 1});
  return intern(std::move(e));
}

IndexId IndexArena::flatten(const IndexVec& index, const Shape& shape) {
  IndexId flat = zero();
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    flat = combine(flat, 1, index[d], stride);
    stride *= shape[d];
  }
  return flat;
}

IndexVec IndexArena::unflatten(IndexId flat, const Shape& shape) {
  IndexVec index(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    const IndexId q = quotient(flat, stride);
    index[d] = d == 0 && exprs_[q].high < shape[0] ? q : remainder(q, shape[d]);
    stride *= shape[d];
  }
  return index;
}

PredicateId IndexArena::both(PredicateId p, IndexBound b) {
  if (p == kNever) return kNever;
  const IndexExpr& e = exprs_[b.expr];
  if (e.low >= b.low && e.high < b.high) return p;
  if (e.high < b.low || e.low >= b.high) return kNever;
  std::vector<IndexBound> all = predicates_[p];
  bool merged = false;
  for (IndexBound& known : all) {
    if (known.expr != b.expr) continue;
    known.low = std::max(known.low, b.low);
    known.high = std::min(known.high, b.high);
    if (known.low >= known.high) return kNever;
    merged = true;
  }
  if (!merged) {
    const auto before = [](const IndexBound& x, const IndexBound& y) { return x.expr < y.expr; };
    all.insert(std::lower_bound(all.begin(), all.end(), b, before), b);
  }
  for (size_t i = 0; i < predicates_.size(); ++i)
    if (predicates_[i] == all) return static_cast<PredicateId>(i);
  predicates_.push_back(std::move(all));
  return static_cast<PredicateId>(predicates_.size() - 1);
}

int64_t IndexArena::as_variable(IndexId id) const {
  const IndexExpr& e = exprs_[id];
  if (e.offset != 0 || e.terms.size() != 1 || e.terms[0].coefficient != 1) return -1;
  const IndexAtom& a = atoms_[e.terms[0].atom];
  return a.kind == AtomKind::Variable ? static_cast<int64_t>(a.variable) : -1;
}

void IndexArena::collect_variables(IndexId id, std::vector<bool>* used) const {
  std::vector<IndexId> todo{id};
  while (!todo.empty()) {
    const IndexExpr& e = exprs_[todo.back()];
    todo.pop_back();
    for (const IndexTerm& t : e.terms) {
      const IndexAtom& a = atoms_[t.atom];
      if (a.kind != AtomKind::Variable) {
        todo.push_back(a.of);
      } else {
        if (used->size() <= a.variable) used->resize(a.variable + 1);
        (*used)[a.variable] = true;
      }
    }
  }
}

std::string IndexArena::str(IndexId id) const {
  const IndexExpr& e = exprs_[id];
  std::string out;
  for (const IndexTerm& t : e.terms) {
    const IndexAtom& a = atoms_[t.atom];
    const std::string name =
        a.kind == AtomKind::Variable
            ? fmt::format("i{}", a.variable)
            : fmt::format("(e{} {} {})", a.of, a.kind == AtomKind::Quotient ? "/" : "%", a.divisor);
    out += fmt::format("{}{}{}", out.empty() ? "" : " + ", t.coefficient == 1 ? "" : fmt::format("{}*", t.coefficient),
                       name);
  }
  if (e.offset != 0 || out.empty()) out += fmt::format("{}{}", out.empty() ? "" : " + ", e.offset);
  return out;
}

namespace {

/// Axes that stay axes keep their index, also where it leaves them (under padding, whose guard is elsewhere); only runs
/// of axes that are cut otherwise are flattened. All are where an axis of size 1 is left: what it says must not be
/// lost, or a part that is read and written back would no longer be the same one.
IndexVec reshaped_index(const Shape& to, const IndexVec& index, const Shape& from, IndexArena& arena) {
  bool flat = numel(to) == 0;
  for (size_t t = 0; t < to.size(); ++t) flat |= to[t] == 1 && index[t] != arena.zero();
  if (flat) return arena.unflatten(arena.flatten(index, to), from);
  IndexVec out(from.size());
  for (size_t t = 0, f = 0; t < to.size() || f < from.size();) {
    if (t < to.size() && to[t] == 1) {
      ++t;
      continue;
    }
    if (f < from.size() && from[f] == 1) {
      out[f++] = arena.zero();
      continue;
    }
    Shape to_run{to[t]}, from_run{from[f]};
    IndexVec run{index[t++]};
    const size_t first = f++;
    for (int64_t there = to_run[0], here = from_run[0]; there != here;) {
      if (there < here) {
        there *= to[t];
        to_run.push_back(to[t]);
        run.push_back(index[t++]);
      } else {
        here *= from[f];
        from_run.push_back(from[f++]);
      }
    }
    const IndexVec part =
        from_run.size() == 1 && run.size() == 1 ? run : arena.unflatten(arena.flatten(run, to_run), from_run);
    for (size_t i = 0; i < part.size(); ++i) out[first + i] = part[i];
  }
  return out;
}

}  // namespace

IndexVec operand_index(const Node* n, const IndexVec& index, IndexArena& arena) {
  const Shape& from = n->input(0)->shape();
  switch (n->op()) {
    case Op::reshape:
      return reshaped_index(n->shape(), index, from, arena);
    case Op::permute: {
      const Dims& axes = n->attr_as<AxesAttr>().axes;
      IndexVec out(from.size());
      for (size_t i = 0; i < axes.size(); ++i) out[static_cast<size_t>(axes[i])] = index[i];
      return out;
    }
    case Op::expand: {
      IndexVec out(from.size());
      const size_t lead = n->rank() - from.size();
      for (size_t d = 0; d < from.size(); ++d) out[d] = from[d] == 1 ? arena.zero() : index[lead + d];
      return out;
    }
    case Op::slice: {
      const SliceAttr& s = n->attr_as<SliceAttr>();
      IndexVec out(from.size());
      for (size_t d = 0; d < from.size(); ++d) out[d] = arena.offset(arena.scale(index[d], s.step[d]), s.start[d]);
      return out;
    }
    case Op::windows: {
      const WindowDims& w = *n->attr_as<WindowAttr>().dims;
      IndexVec out(from.size());
      const size_t lead = from.size() - w.size.size();
      for (size_t d = 0; d < from.size(); ++d)
        out[d] = d < lead
                     ? index[d]
                     : arena.combine(index[d], w.step[d - lead], index[from.size() + d - lead], w.dilation[d - lead]);
      return out;
    }
    case Op::flip: {
      IndexVec out = index;
      for (int64_t a : n->attr_as<AxesAttr>().axes) {
        const auto d = static_cast<size_t>(a);
        out[d] = arena.offset(arena.scale(index[d], -1), from[d] - 1);
      }
      return out;
    }
    default:
      throw Error(ErrorKind::Internal, fmt::format("operand_index: {} has no single source", name(n->op())));
  }
}

std::vector<Piece> operand_pieces(const Node* n, const IndexVec& index, IndexArena& arena) {
  std::vector<Piece> pieces;
  const size_t rank = n->rank();
  switch (n->op()) {
    case Op::pad: {
      const PadAttr& p = n->attr_as<PadAttr>();
      Piece inner{IndexArena::kAlways, 0, IndexVec(rank)};
      for (size_t d = 0; d < rank; ++d) {
        inner.index[d] = arena.offset(index[d], -p.low[d]);
        inner.inside = arena.both(inner.inside, {inner.index[d], 0, n->input(0)->shape()[d]});
      }
      pieces.push_back(std::move(inner));
      pieces.push_back({IndexArena::kAlways, 1, {}});
      break;
    }
    case Op::concat: {
      const auto axis = static_cast<size_t>(n->attr_as<AxesAttr>().axes[0]);
      int64_t start = 0;
      for (uint32_t i = 0; i < n->input_count(); ++i) {
        const int64_t size = n->input(i)->shape()[axis];
        if (size == 0) continue;
        Piece piece{IndexArena::kAlways, i, index};
        piece.index[axis] = arena.offset(index[axis], -start);
        piece.inside = arena.both(piece.inside, {index[axis], start, start + size});
        start += size;
        pieces.push_back(std::move(piece));
      }
      break;
    }
    case Op::slice_update: {
      const SliceAttr& s = n->attr_as<SliceAttr>();
      const Shape& part = n->input(1)->shape();
      Piece inner{IndexArena::kAlways, 1, IndexVec(rank)};
      for (size_t d = 0; d < rank; ++d) {
        if (part[d] == 0) inner.inside = IndexArena::kNever;
        const IndexId from_start = arena.offset(index[d], -s.start[d]);
        if (inner.inside != IndexArena::kNever)
          inner.inside = arena.both(inner.inside, {from_start, 0, (part[d] - 1) * s.step[d] + 1});
        if (s.step[d] != 1)
          inner.inside = arena.both(
              inner.inside, {arena.remainder(arena.offset(from_start, s.start[d] * s.step[d]), s.step[d]), 0, 1});
        inner.index[d] = arena.quotient(from_start, s.step[d]);
      }
      pieces.push_back(std::move(inner));
      pieces.push_back({IndexArena::kAlways, 0, index});
      break;
    }
    default:
      throw Error(ErrorKind::Internal, fmt::format("operand_pieces: {} has one source", name(n->op())));
  }
  return pieces;
}

ScatterIndices scatter_operand_indices(const Node* scatter, const IndexVec& index, std::span<const IndexId> places) {
  ScatterIndices out;
  for (IndexId p : places) out.place.push_back(p);
  out.values = out.place;
  const Dims& axes = scatter->attr_as<AxesAttr>().axes;
  for (size_t d = 0; d < index.size(); ++d)
    if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) == axes.end()) out.values.push_back(index[d]);
  return out;
}

namespace {

/// The axis of the operand's shape whose positions it holds, -1 if it does not hold positions.
int64_t positions_along(const Node* index) {
  IndexArena arena;
  IndexVec at;
  for (int64_t size : index->shape()) at.push_back(arena.variable(size));
  const IndexVec axes = at;
  const Node* n = index;
  while (n->op() != Op::iota) {
    if (family(n->op()) != Family::Movement || has_pieces(n->op())) return -1;
    at = operand_index(n, at, arena);
    n = n->input(0);
  }
  const IndexId position = at[static_cast<size_t>(n->attr_as<AxesAttr>().axes[0])];
  for (size_t d = 0; d < axes.size(); ++d)
    if (index->shape()[d] > 1 && axes[d] == position) return static_cast<int64_t>(d);
  return -1;
}

}  // namespace

std::optional<PointScatter> as_point_scatter(const Node* scatter) {
  if (!is_scatter(scatter->op())) return std::nullopt;
  const Dims& axes = scatter->attr_as<AxesAttr>().axes;
  const Shape& places = scatter->input(2)->shape();
  PointScatter point{std::vector<int64_t>(places.size(), -1), {}};
  for (size_t k = 0; k < axes.size(); ++k) {
    const int64_t d = positions_along(scatter->input(2 + k));
    const bool fits = d >= 0 && point.place[static_cast<size_t>(d)] < 0 &&
                      places[static_cast<size_t>(d)] == scatter->shape()[static_cast<size_t>(axes[k])];
    if (fits) {
      point.place[static_cast<size_t>(d)] = axes[k];
    } else {
      point.chosen.push_back(k);
    }
  }
  for (size_t d = 0; d < places.size(); ++d)
    if (places[d] != 1 && point.place[d] < 0) return std::nullopt;
  return point;
}

ScatterIndices point_operand_indices(const Node* scatter, const PointScatter& point, const IndexVec& index) {
  IndexVec place;
  for (int64_t axis : point.place) place.push_back(axis < 0 ? IndexId{0} : index[static_cast<size_t>(axis)]);
  return scatter_operand_indices(scatter, index, {place.data(), place.size()});
}

std::pair<IndexVec, IndexVec> dot_operand_indices(const Node* dot, const IndexVec& index,
                                                  std::span<const IndexId> contracted) {
  const DotDims& d = *dot->attr_as<DotAttr>().dims;
  IndexVec sides[2];
  size_t next = d.lhs_batch.size();  // result axes: batch, lhs free, rhs free
  for (int side = 0; side < 2; ++side) {
    const Dims& batch = side == 0 ? d.lhs_batch : d.rhs_batch;
    const Dims& contract = side == 0 ? d.lhs_contract : d.rhs_contract;
    const size_t rank = dot->input(static_cast<size_t>(side))->rank();
    std::vector<bool> taken(rank);
    sides[side].resize(rank);
    for (size_t b = 0; b < batch.size(); ++b) {
      sides[side][static_cast<size_t>(batch[b])] = index[b];
      taken[static_cast<size_t>(batch[b])] = true;
    }
    for (size_t c = 0; c < contract.size(); ++c) {
      sides[side][static_cast<size_t>(contract[c])] = contracted[c];
      taken[static_cast<size_t>(contract[c])] = true;
    }
    for (size_t a = 0; a < rank; ++a)
      if (!taken[a]) sides[side][a] = index[next++];
  }
  return {sides[0], sides[1]};
}

}  // namespace lazuli::ir
