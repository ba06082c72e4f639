// Gradients of dot_general: contractions again. Result axes of the forward node are batch, lhs free, rhs free.
#include <algorithm>

#include "ir/ops/gradients.h"

namespace lazuli::ir::gradient {
namespace {

/// The axes of an operand that are neither batch nor contracted, ascending.
Dims free_axes(size_t rank, const Dims& batch, const Dims& contract) {
  Dims free;
  const auto has = [](const Dims& axes, int64_t a) { return std::find(axes.begin(), axes.end(), a) != axes.end(); };
  for (int64_t d = 0; d < static_cast<int64_t>(rank); ++d)
    if (!has(batch, d) && !has(contract, d)) free.push_back(d);
  return free;
}

Dims range(size_t begin, size_t end) {
  Dims axes;
  for (size_t d = begin; d < end; ++d) axes.push_back(static_cast<int64_t>(d));
  return axes;
}

/// How many of `axes` are below `a`: where `a` stands among free axes.
int64_t place_in(const Dims& axes, int64_t a) {
  return std::count_if(axes.begin(), axes.end(), [a](int64_t b) { return b < a; });
}

/// order[axes[i]] = first + i.
void set_range(Dims& order, const Dims& axes, size_t first) {
  for (size_t i = 0; i < axes.size(); ++i) order[static_cast<size_t>(axes[i])] = static_cast<int64_t>(first + i);
}

}  // namespace

Expr of_dot_general(const Expr& g, const Node* n, size_t operand) {
  const DotDims& d = *n->attr_as<DotAttr>().dims;
  const Expr lhs = operand_of(g, n, 0), rhs = operand_of(g, n, 1);
  const size_t batch = d.lhs_batch.size(), contracted = d.lhs_contract.size();
  const Dims lhs_free = free_axes(lhs->rank(), d.lhs_batch, d.lhs_contract);
  const Dims rhs_free = free_axes(rhs->rank(), d.rhs_batch, d.rhs_contract);
  if (operand == 0) {
    // Result: batch, lhs free, and the contracted axes in their order within rhs.
    const Expr product = dot_general(g, rhs,
                                     {.lhs_batch = range(0, batch),
                                      .rhs_batch = d.rhs_batch,
                                      .lhs_contract = range(batch + lhs_free.size(), g->rank()),
                                      .rhs_contract = rhs_free});
    Dims order = range(0, lhs->rank());
    set_range(order, d.lhs_batch, 0);
    set_range(order, lhs_free, batch);
    for (size_t i = 0; i < contracted; ++i)
      order[static_cast<size_t>(d.lhs_contract[i])] =
          static_cast<int64_t>(batch + lhs_free.size()) + place_in(d.rhs_contract, d.rhs_contract[i]);
    return permute(product, order);
  }
  // Result: batch, the contracted axes in their order within lhs, and rhs free.
  const Expr product = dot_general(lhs, g,
                                   {.lhs_batch = d.lhs_batch,
                                    .rhs_batch = range(0, batch),
                                    .lhs_contract = lhs_free,
                                    .rhs_contract = range(batch, batch + lhs_free.size())});
  Dims order = range(0, rhs->rank());
  set_range(order, d.rhs_batch, 0);
  for (size_t i = 0; i < contracted; ++i)
    order[static_cast<size_t>(d.rhs_contract[i])] =
        static_cast<int64_t>(batch) + place_in(d.lhs_contract, d.lhs_contract[i]);
  set_range(order, rhs_free, batch + contracted);
  return permute(product, order);
}

Expr tangent_of_dot_general(const Place& at, const Node* n, std::span<const Expr> tangents) {
  const DotDims& d = *n->attr_as<DotAttr>().dims;
  Expr total;
  for (size_t i = 0; i < 2; ++i) {
    if (!tangents[i]) continue;
    const Expr other(at, NodeRef(n->input(1 - i)));
    const Expr part = i == 0 ? dot_general(tangents[0], other, d) : dot_general(other, tangents[1], d);
    total = total ? total + part : part;
  }
  return total;
}

}  // namespace lazuli::ir::gradient
