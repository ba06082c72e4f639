// Gradients of reductions.
#include "ir/ops/gradients.h"
#include "ir/ops/rules.h"

namespace lazuli::ir::gradient {
namespace {

const Dims& reduced_axes(const Node* n) {
  return n->attr_as<AxesAttr>().axes;
}

/// Puts what has the shape of the reduction `n` back over the axes that it reduces.
Expr spread(const Expr& reduced, const Node* n) {
  Shape kept = n->input(0)->shape();
  for (int64_t a : reduced_axes(n)) kept[static_cast<size_t>(a)] = 1;
  return expand(reshape(reduced, kept), n->input(0)->shape());
}

/// x of [k, n]: the product of the other n - 1 elements of its row, for every element. Up a tree of products of pairs
/// and down again with each pair swapped: no division, so zeros need no care, in derivatives of any order neither.
Expr products_of_others(const Expr& x) {
  const int64_t k = x->shape()[0], n = x->shape()[1];
  if (n == 1) return like(x, 1);
  std::vector<Expr> swapped;   // per level: the neighbour in the pair, [k, pairs, 2]
  std::vector<int64_t> sizes;  // before an odd one is made even
  Expr level = x;
  while (level->shape()[1] > 1) {
    const int64_t size = level->shape()[1], pairs = (size + 1) / 2;
    sizes.push_back(size);
    const Expr even = size % 2 == 0 ? level : pad(level, {0, 0}, {0, 1}, 1);
    const Expr paired = reshape(even, {k, pairs, 2});
    swapped.push_back(flip(paired, {2}));
    if (pairs == 1) break;
    const Expr first = slice(paired, {0, 0, 0}, {1, 1, 1}, {k, pairs, 1});
    const Expr second = slice(paired, {0, 0, 1}, {1, 1, 1}, {k, pairs, 1});
    level = reshape(first * second, {k, pairs});
  }
  Expr others;  // [k, pairs of this level]
  for (size_t i = swapped.size(); i-- > 0;) {
    const int64_t pairs = swapped[i]->shape()[1];
    const Expr both = others ? expand(reshape(others, {k, pairs, 1}), {k, pairs, 2}) * swapped[i] : swapped[i];
    others = slice(reshape(both, {k, 2 * pairs}), {0, 0}, {1, 1}, {k, sizes[i]});
  }
  return others;
}

/// The derivative of prod with respect to each element.
Expr derivative_of_prod(const Place& at, const Node* n) {
  const Node* x = n->input(0);
  const Shape kept = without_axes(x->shape(), reduced_axes(n));
  if (x->numel() == 0) return full(at, x->dtype(), x->shape(), 0);
  Dims order, inverse;  // the reduced axes last
  for (size_t d = 0; d < x->rank(); ++d)
    if (std::find(reduced_axes(n).begin(), reduced_axes(n).end(), static_cast<int64_t>(d)) == reduced_axes(n).end())
      order.push_back(static_cast<int64_t>(d));
  for (int64_t a : reduced_axes(n)) order.push_back(a);
  inverse = order;
  for (size_t i = 0; i < order.size(); ++i) inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  // Half types multiply in float32, as prod itself does.
  const Expr wide = cast(Expr(at, NodeRef(x)), is_half(x->dtype()) ? kFloat32 : x->dtype());
  const Expr rows = permute(wide, order);
  const int64_t count = numel(kept);
  const Expr others = products_of_others(reshape(rows, {count, x->numel() / count}));
  return cast(permute(reshape(others, rows->shape()), inverse), x->dtype());
}

struct Ties {
  Expr mask;   // which elements are the extremum
  Expr count;  // how many, in the shape of the result
};
Ties ties(const Place& at, const Node* n) {
  const Expr x(at, NodeRef(n->input(0))), mask = eq(x, spread(Expr(at, NodeRef(n)), n));
  return {mask, sum(cast(mask, n->dtype()), reduced_axes(n))};
}

}  // namespace

Expr of_sum(const Expr& g, const Node* n, size_t) {
  return spread(g, n);
}

Expr of_prod(const Expr& g, const Node* n, size_t) {
  return spread(g, n) * derivative_of_prod(g.at(), n);
}

Expr tangent_of_prod(const Place& at, const Node* n, std::span<const Expr> tangents) {
  return sum(tangents[0] * derivative_of_prod(at, n), reduced_axes(n));
}

Expr of_extremum(const Expr& g, const Node* n, size_t) {
  const auto [mask, count] = ties(g.at(), n);
  return where(mask, spread(g, n), 0) / spread(count, n);
}

Expr tangent_of_extremum(const Place& at, const Node* n, std::span<const Expr> tangents) {
  const auto [mask, count] = ties(at, n);
  return sum(where(mask, tangents[0], 0), reduced_axes(n)) / count;
}

}  // namespace lazuli::ir::gradient
