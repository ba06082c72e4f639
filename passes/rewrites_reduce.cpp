// Reductions. Sums and products of floats keep their tree: only what leaves the reduced elements and their order alone
// is done to them; max, min, any, all and integer sums may be regrouped.
#include "passes/rewrites.h"

namespace lazuli::passes {
namespace {

using ir::Dims;
using ir::Node;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

const Dims& axes_of(const Node* n) {
  return n->attr_as<ir::AxesAttr>().axes;
}
bool contains(const Dims& axes, size_t axis) {
  return std::find(axes.begin(), axes.end(), static_cast<int64_t>(axis)) != axes.end();
}
/// How many elements go into each result.
int64_t reduced_count(const Node* n) {
  int64_t count = 1;
  for (int64_t a : axes_of(n)) count *= n->input(0)->shape()[static_cast<size_t>(a)];
  return count;
}
bool is_idempotent(Op op) {
  return op == Op::reduce_max || op == Op::reduce_min || op == Op::any || op == Op::all;
}
bool is_arg(Op op) {
  return op == Op::argmax || op == Op::argmin;
}

NodeRef reduce_nothing(const Node* n, Rewriter& r) {
  if (reduced_count(n) != 0) return nullptr;
  switch (n->op()) {
    case Op::sum:
    case Op::any:
      return r.full(n->dtype(), 0, n->shape());
    case Op::prod:
    case Op::all:
      return r.full(n->dtype(), number_bits(n->dtype(), 1), n->shape());
    default:
      return nullptr;
  }
}

/// One element is its own sum, product, maximum ...
NodeRef reduce_one(const Node* n, Rewriter& r) {
  if (reduced_count(n) != 1) return nullptr;
  if (is_arg(n->op())) return r.full(n->dtype(), 0, n->shape());
  return r.reshape(n->input(0), n->shape());
}

NodeRef reduce_uniform(const Node* n, Rewriter& r) {
  const std::optional<uint64_t> bits = uniform_bits(n->input(0));
  if (!bits || reduced_count(n) == 0) return nullptr;
  if (is_idempotent(n->op())) return r.full(n->dtype(), *bits, n->shape());
  if (is_arg(n->op())) return r.full(n->dtype(), 0, n->shape());
  if (n->op() != Op::sum || is_floating(n->dtype())) return nullptr;
  const size_t width = 8 * itemsize(n->dtype());
  const uint64_t sum = *bits * static_cast<uint64_t>(reduced_count(n));
  return r.full(n->dtype(), width == 64 ? sum : sum & ((uint64_t{1} << width) - 1), n->shape());
}

/// max over a of max over b = max over both.
NodeRef reduce_reduce(const Node* n, Rewriter& r) {
  const Node* inner = n->input(0);
  const bool regroups =
      is_idempotent(n->op()) || ((n->op() == Op::sum || n->op() == Op::prod) && !is_floating(n->dtype()));
  if (!regroups || inner->op() != n->op() || !r.has_one_user(inner)) return nullptr;
  const Node* x = inner->input(0);
  Dims axes;
  size_t left = 0;  // axis of the inner result
  for (size_t d = 0; d < x->rank(); ++d) {
    const bool gone = contains(axes_of(inner), d);
    if (gone || contains(axes_of(n), left)) axes.push_back(static_cast<int64_t>(d));
    left += !gone;
  }
  return r.make(n->op(), {x}, ir::AxesAttr{axes});
}

/// Below an expand every axis either repeats elements or does not.
struct Repeats {
  Shape source;  // of the expand's operand, with leading ones
  bool at(const Node* expand, size_t d) const { return source[d] == 1 && expand->shape()[d] != 1; }
};
Repeats repeats_of(const Node* expand) {
  const Node* x = expand->input(0);
  Repeats result{Shape(expand->rank() - x->rank(), 1)};
  for (int64_t size : x->shape()) result.source.push_back(size);
  return result;
}

/// Reducing equal rows once: repeated axes that stay are put back after the reduction.
NodeRef reduce_before_expand(const Node* n, Rewriter& r) {
  const Node* e = n->input(0);
  if (e->op() != Op::expand || e->numel() == 0) return nullptr;
  const Repeats repeats = repeats_of(e);
  Shape small = e->shape();
  bool found = false;
  for (size_t d = 0; d < e->rank(); ++d)
    if (repeats.at(e, d) && !contains(axes_of(n), d)) {
      small[d] = 1;
      found = true;
    }
  if (!found) return nullptr;
  const NodeRef source = r.expand(e->input(0), small);
  return r.expand(r.make(n->op(), {source.get()}, n->attr()).get(), n->shape());
}

/// max over repeats of one element is that element; an integer sum of them is a product.
NodeRef reduce_repeats(const Node* n, Rewriter& r) {
  const Node* e = n->input(0);
  const bool is_sum = n->op() == Op::sum && !is_floating(n->dtype());
  if (e->op() != Op::expand || e->numel() == 0 || !(is_sum || is_idempotent(n->op()))) return nullptr;
  const Repeats repeats = repeats_of(e);
  Shape source, spread;  // without the repeated axes that are reduced
  Dims axes;
  uint64_t count = 1;
  for (size_t d = 0; d < e->rank(); ++d) {
    if (repeats.at(e, d) && contains(axes_of(n), d)) {
      count *= static_cast<uint64_t>(e->shape()[d]);
      continue;
    }
    if (contains(axes_of(n), d)) axes.push_back(static_cast<int64_t>(spread.size()));
    source.push_back(repeats.source[d]);
    spread.push_back(e->shape()[d]);
  }
  if (spread.size() == e->rank()) return nullptr;
  const NodeRef rows = r.expand(r.reshape(e->input(0), source).get(), spread);
  const NodeRef reduced = r.make(n->op(), {rows.get()}, ir::AxesAttr{axes});
  if (!is_sum) return reduced;
  const size_t width = 8 * itemsize(n->dtype());
  const uint64_t bits = width == 64 ? count : count & ((uint64_t{1} << width) - 1);
  const NodeRef times = r.full(n->dtype(), bits, n->shape());
  return r.make(Op::mul, {reduced.get(), times.get()});
}

}  // namespace

std::span<const Rule> reduce_rules() {
  static const std::vector<Rule> rules = [] {
    std::vector<Rule> table;
    for (Op op : {Op::sum, Op::prod, Op::reduce_max, Op::reduce_min, Op::any, Op::all, Op::argmax, Op::argmin})
      for (const auto& [name, apply] : std::initializer_list<std::pair<std::string_view, decltype(Rule::apply)>>{
               {"reduce-nothing", reduce_nothing},
               {"reduce-one", reduce_one},
               {"reduce-uniform", reduce_uniform},
               {"reduce-reduce", reduce_reduce},
               {"reduce-before-expand", reduce_before_expand},
               {"reduce-repeats", reduce_repeats}})
        table.push_back({name, op, apply});
    return table;
  }();
  return rules;
}

}  // namespace lazuli::passes
