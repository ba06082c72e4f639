// Which values a forward evaluation keeps for a later backward pass. The pass is written down for a cotangent that
// nobody knows yet; what it reads of the forward graph is what has to be there, and of that only what cannot be had
// cheaply from the rest is kept.
#include <algorithm>

#include "frontend/context.h"
#include "frontend/graph_walk.h"
#include "frontend/history.h"
#include "passes/vjp.h"

namespace lazuli {

namespace {

using ir::Node;
using ir::NodeRef;
using ir::Op;

/// A cotangent that nothing is known of.
NodeRef unknown(const Node* like) {
  const Location& loc = like->origin();
  NodeRef one = make_node({.op = Op::constant,
                           .attr = ir::ConstantAttr{scalar_bits(1, like->dtype())},
                           .dtype = like->dtype(),
                           .device = like->device()},
                          loc);
  one = expand_to(one, like->shape(), loc);
  ir::NodeSpec spec{.op = Op::barrier, .inputs = {one.get()}, .attr = ir::LeafAttr{interner().next_leaf_id()}};
  spec.device = like->device();
  return make_node(std::move(spec), loc);
}

/// Forward values that the gradients read: not depending on the cotangents (`tokens`, older than all that depends on
/// them), and operand of something that does. What a gradient computes again behind a barrier is part of the gradient.
std::vector<NodeRef> read_by(std::span<const NodeRef> gradients, std::span<const NodeRef> tokens) {
  const uint64_t first = tokens[0]->serial();
  std::vector<const Node*> outputs;
  for (const NodeRef& g : gradients)
    if (g) outputs.push_back(g.get());
  const auto order = post_order(
      outputs, [&](const Node* n) { return n->serial() >= first; }, [](const Node* n) { return n->inputs(); });
  std::unordered_set<const Node*> dependent;
  for (const NodeRef& t : tokens) dependent.insert(t.get());
  std::unordered_set<const Node*> seen;
  std::vector<NodeRef> reads;
  for (const Node* n : order) {
    if (dependent.count(n)) continue;
    bool depends = false;
    for (const Node* input : n->inputs()) depends |= dependent.count(input) != 0;
    if (!depends && n->op() != Op::barrier) continue;
    dependent.insert(n);
    for (const Node* input : n->inputs())
      if (!dependent.count(input) && seen.insert(input).second) reads.emplace_back(input);
  }
  return reads;
}

/// Computed again in a backward pass rather than kept, if its operands are there.
bool is_cheap(const Node* n) {
  switch (ir::family(n->op())) {
    case ir::Family::Elementwise:
      return !(ir::info(n->op()).flags & ir::kExpensive);
    case ir::Family::Movement:
    case ir::Family::Cast:
    case ir::Family::Custom:
      return true;
    default:
      return false;
  }
}

/// What to keep instead of `n` where the same can be had from something no larger.
const Node* source_of(const Node* n) {
  for (;;) {
    const bool moves = n->op() == Op::reshape || n->op() == Op::permute || n->op() == Op::expand ||
                       n->op() == Op::flip || n->op() == Op::windows;
    const bool widens = n->op() == Op::cast && n->input(0)->nbytes() <= n->nbytes();
    if (!moves && !widens && !is_history(n->op())) return n;
    n = n->input(0);
  }
}

/// `always`: kept in any case.
std::vector<NodeRef> thinned(std::span<const NodeRef> reads, const std::unordered_set<const Node*>& always) {
  std::vector<const Node*> wanted(always.begin(), always.end());
  std::sort(wanted.begin(), wanted.end(), [](const Node* a, const Node* b) { return a->serial() < b->serial(); });
  for (const NodeRef& r : reads) wanted.push_back(source_of(r.get()));
  const std::unordered_set<const Node*> targets(wanted.begin(), wanted.end());
  const auto order = post_order(
      wanted, [](const Node*) { return true; },
      [](const Node* n) { return is_cheap(n) ? operands_of(n) : std::span<const Node* const>(); });
  std::vector<NodeRef> keep;
  std::unordered_set<const Node*> there;
  std::lock_guard lock(context().mutex);
  for (const Node* n : order) {
    bool available = n->input_count() == 0;
    if (!available && is_cheap(n) && !always.count(n)) {
      available = true;
      for (const Node* input : operands_of(n)) available &= there.count(input) != 0;
    }
    if (!available && (targets.count(n) || materialized(n))) {
      keep.emplace_back(n);
      available = true;
    }
    if (available) there.insert(n);
  }
  return keep;
}

}  // namespace

std::vector<NodeRef> values_to_keep(std::span<const NodeRef> values) {
  if (values.empty()) return {};
  // What has been computed before has its own history: it is where this one begins.
  const auto computed = [](const Node* n) {
    const HistoryRule* rule = history_rule(n);
    return rule && rule->kind() == HistoryRule::Kind::Computed;
  };
  std::vector<NodeRef> variables;
  std::unordered_set<const Node*> leaves;  // a pending update of a parameter is computed once, whoever reads it
  Substitution forward, back;
  const auto order = post_order(
      pointers(values), [](const Node* n) { return n->differentiable(); },
      [&](const Node* n) { return computed(n) ? std::span<const Node* const>() : n->inputs(); });
  for (const Node* n : order) {
    if (computed(n)) {
      NodeRef stop = fresh_variable(plain(n));
      back.emplace(stop.get(), NodeRef(n));
      variables.push_back(stop);
      forward.emplace(n, std::move(stop));
    } else if (n->op() == Op::variable && !dynamic_cast<const ReleasedToken*>(n->payload().get())) {
      variables.emplace_back(n);
      if (const Node* value = plain(n); n->payload() && value->input_count() > 0) leaves.insert(value);
    }
  }
  if (variables.empty()) return {};
  std::vector<NodeRef> outputs(values.begin(), values.end());
  if (!forward.empty()) outputs = substitute(outputs, forward, [](const Node* n) { return n->differentiable(); });

  std::vector<NodeRef> tokens, gradients;
  for (const NodeRef& v : outputs) tokens.push_back(unknown(v.get()));
  try {
    gradients = passes::vjp(interner(), pointers(outputs), tokens, pointers(variables), behind_history);
  } catch (const Error&) {
    return {};  // it is said where gradients are asked for
  }
  std::vector<NodeRef> reads = read_by(gradients, tokens);
  gradients.clear();
  if (!back.empty()) {
    reads = substitute(reads, back, [&](const Node* n) { return !computed(n); });
  }
  return thinned(reads, leaves);
}

}  // namespace lazuli
