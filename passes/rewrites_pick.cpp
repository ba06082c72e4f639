// A sum that one element survives, sum(where(position == index, x, 0)), is that element: x is computed at the index
// alone. Losses by class are written as the sum, whose gradient stays a comparison in the kernel of the softmax; what a
// reduction spread along the axis gives is the same at every position, and only what stands in memory is looked up.
#include <algorithm>

#include "passes/rewrites.h"

namespace lazuli::passes {
namespace {

using ir::Dims;
using ir::Node;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

constexpr int64_t kFewClasses = 16;  // comparing them costs less than a look-up
constexpr size_t kLongestChain = 32;

/// The operand of an expand that repeats along `axis`, or null.
const Node* repeated_along(const Node* n, size_t axis) {
  if (n->op() != Op::expand) return nullptr;
  const Node* x = n->input(0);
  const size_t lead = n->rank() - x->rank();
  return axis < lead || x->shape()[axis - lead] == 1 ? x : nullptr;
}

Shape without(const Shape& shape, size_t axis) {
  Shape rest;
  for (size_t d = 0; d < shape.size(); ++d)
    if (d != axis) rest.push_back(shape[d]);
  return rest;
}

/// An index that its check keeps inside the axis, below views that neither move nor drop elements of it; or null.
const Node* checked_index(const Node* n, int64_t size) {
  while (n->op() == Op::reshape) n = n->input(0);
  if (n->op() != Op::check_index || n->dtype() != kInt64) return nullptr;
  const std::optional<uint64_t> bound = uniform_bits(n->input(1));
  return bound && static_cast<int64_t>(*bound) <= size ? n : nullptr;
}

/// Whether views of it are all that stands between `n` and a buffer.
bool is_stored(const Node* n) {
  while (ir::is_movement(n->op()) && n->inputs().size() == 1 && n->op() != Op::windows) n = n->input(0);
  return n->op() == Op::data;
}

bool is_map(const Node* n) {
  return ir::is_elementwise(n->op()) || n->op() == Op::cast;
}

/// Whether `n` is what a product's kernel stores: maps of the product and of values that are there before it.
bool ends_product(const Node* n) {
  bool product = false;
  std::vector<const Node*> reached{n};
  for (size_t i = 0; i < reached.size(); ++i) {
    const Node* at = reached[i];
    product = product || at->op() == Op::dot_general;
    if (at->op() == Op::dot_general || ir::family(at->op()) == ir::Family::Leaf) continue;
    if (!(is_map(at) || ir::is_movement(at->op())) || reached.size() > kLongestChain) return false;
    for (const Node* input : at->inputs()) reached.push_back(input);
  }
  return product;
}

class Pick {
 public:
  Pick(const Node* index, size_t axis, const Node* x, Rewriter& r)
      : index_(index), axis_(axis), shape_(x->shape()), kept_(without(x->shape(), axis)), r_(r) {}

  /// `x` at the index, or null where that would need a value in memory that is not there.
  NodeRef of(const Node* x) {
    const std::vector<const Node*> chain = chain_below(x);
    std::vector<NodeRef> picked;
    for (const Node* n : chain) {
      NodeRef value = is_inner(n) ? over_picked(n, chain, picked) : leaf(n);
      if (!value) return nullptr;
      picked.push_back(std::move(value));
    }
    // Where nothing depends on the index, its check would be gone with it.
    return picked.empty() || !used_ ? nullptr : picked.back();
  }

 private:
  static bool is_inner(const Node* n) { return is_map(n) && !ends_product(n); }

  /// Elementwise ops above `x`'s leaves, and the leaves, operands first; empty if they are too many.
  std::vector<const Node*> chain_below(const Node* x) const {
    std::vector<const Node*> chain;
    std::vector<std::pair<const Node*, size_t>> stack{{x, 0}};
    const auto seen = [&](const Node* n) { return std::find(chain.begin(), chain.end(), n) != chain.end(); };
    while (!stack.empty()) {
      if (chain.size() + stack.size() > kLongestChain) return {};
      auto& [n, next] = stack.back();
      if (is_inner(n) && next < n->inputs().size()) {
        const Node* input = n->input(next++);
        if (!seen(input)) stack.push_back({input, 0});
        continue;
      }
      if (!seen(n)) chain.push_back(n);
      stack.pop_back();
    }
    return chain;
  }

  NodeRef over_picked(const Node* n, const std::vector<const Node*>& chain, const std::vector<NodeRef>& picked) {
    if (ir::info(n->op()).flags & ir::kChecked) return nullptr;  // its errors are those of all positions
    std::vector<NodeRef> inputs;
    for (const Node* input : n->inputs())
      inputs.push_back(picked[static_cast<size_t>(std::find(chain.begin(), chain.end(), input) - chain.begin())]);
    return r_.rebuild(n, inputs);
  }

  NodeRef leaf(const Node* n) {
    if (const Node* same = repeated_along(n, axis_)) {
      Shape source(shape_.size() - same->rank(), 1);
      for (const int64_t size : same->shape()) source.push_back(size);
      return r_.expand(r_.reshape(same, without(source, axis_)).get(), kept_);
    }
    if (n->op() == Op::iota) {
      const int64_t along = n->attr_as<ir::AxesAttr>().axes[0], axis = static_cast<int64_t>(axis_);
      return along == axis ? r_.cast(index().get(), n->dtype()) : r_.iota(n->dtype(), kept_, along - (along > axis));
    }
    if (!is_stored(n) && !ends_product(n)) return nullptr;
    std::vector<NodeRef> places;
    std::vector<const Node*> inputs{n};
    Dims axes;
    for (size_t d = 0; d < shape_.size(); ++d) {
      axes.push_back(static_cast<int64_t>(d));
      places.push_back(d == axis_ ? index() : r_.iota(kInt64, kept_, static_cast<int64_t>(d - (d > axis_))));
    }
    for (const NodeRef& place : places) inputs.push_back(place.get());
    return r_.make(Op::gather, inputs, ir::AxesAttr{axes});
  }

  NodeRef index() {
    used_ = true;
    return r_.reshape(index_, kept_);
  }

  const Node* index_;
  size_t axis_;
  Shape shape_, kept_;
  Rewriter& r_;
  bool used_ = false;
};

NodeRef sum_of_one(const Node* n, Rewriter& r) {
  const Node* chosen = n->input(0);
  const Dims& axes = n->attr_as<ir::AxesAttr>().axes;
  if (axes.size() != 1 || chosen->op() != Op::where || chosen->input(0)->op() != Op::eq) return nullptr;
  const auto axis = static_cast<size_t>(axes[0]);
  const int64_t size = chosen->shape()[axis];
  if (size <= kFewClasses || n->numel() == 0 || !is_uniform(chosen->input(2), 0)) return nullptr;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const Node *positions = chosen->input(0)->input(side), *spread = chosen->input(0)->input(1 - side);
    if (positions->op() != Op::iota || positions->attr_as<ir::AxesAttr>().axes[0] != axes[0]) continue;
    const Node* same = repeated_along(spread, axis);
    const Node* index = same && same->numel() == n->numel() ? checked_index(same, size) : nullptr;
    if (!index || positions->dtype() != kInt64) return nullptr;
    const NodeRef x = Pick(index, axis, chosen, r).of(chosen->input(1));
    // The zeros beside it make +0 of -0.
    return x ? r.make(Op::add, {x.get(), r.full(n->dtype(), 0, n->shape()).get()}) : nullptr;
  }
  return nullptr;
}

constexpr Rule kRules[] = {{"sum-of-one", Op::sum, sum_of_one}};

}  // namespace

std::span<const Rule> pick_rules() {
  return kRules;
}

}  // namespace lazuli::passes
