#include "passes/differentiate.h"

#include <fmt/format.h>

#include "ir/expand.h"

namespace lazuli::passes {

using ir::Gradient;
using ir::Node;
using ir::NodeRef;

Dependence::Dependence(ir::Interner& interner, std::span<const Node* const> outputs, std::span<const Node* const> wrt,
                       StandsFor stands_for)
    : stands_for_(stands_for) {
  ir::NodeNumbers met, wanted;
  for (const Node* n : wrt)
    if (is_floating(n->dtype())) wanted.add(meant(n));
  std::vector<Visit> stack;
  for (const Node* given : outputs) {
    const Node* output = meant(given);
    if (met.add(output)) stack.push_back({output, first_differentiated(output)});
    while (!stack.empty()) {
      if (const Node* below = descend(stack.back(), interner)) {
        below = meant(below);
        if (met.add(below)) stack.push_back({below, first_differentiated(below)});
        continue;
      }
      const Node* n = stack.back().node;
      stack.pop_back();
      numbers_.add(n);
      order_.push_back(n);
      active_.push_back(false);
      active_.back() = wanted.find(n) != ir::NodeNumbers::kAbsent || depends(n);
    }
  }
}

const Node* Dependence::looked_up(const Node* n) const {
  std::vector<const Node*> chain;
  const Node* next = n;
  while (next) {
    n = next;
    if (const auto it = meanings_.find(n); it != meanings_.end()) {
      n = it->second;
      break;
    }
    next = n->op() == ir::Op::custom_result ? stands_for_(n) : nullptr;
    if (n->op() == ir::Op::custom_result) chain.push_back(n);
  }
  for (const Node* name : chain) meanings_.emplace(name, n);
  return n;
}

const Node* Dependence::descend(Visit& visit, ir::Interner& interner) {
  const Node* n = visit.node;
  if (visit.next_input < n->input_count()) return n->input(visit.next_input++);
  if (visit.expanded || ir::info(n->op()).gradient.kind != Gradient::Kind::Expansion || !depends(n)) return nullptr;
  visit.expanded = true;
  return expansions_.emplace(n, ir::expand_composite(n, interner)).first->second.get();
}

bool Dependence::depends(const Node* n) const {
  if (!is_floating(n->dtype()) || ir::info(n->op()).gradient.kind == Gradient::Kind::Stop) return false;
  for (size_t i = first_differentiated(n); i < n->input_count(); ++i)
    if (active(n->input(i))) return true;
  return false;
}

void check_derivative(const char* what, const NodeRef& d, const Node* n) {
  if (d->dtype() == n->dtype() && d->shape() == n->shape() && d->device() == n->device()) return;
  throw Error(
      ErrorKind::Internal,
      fmt::format("the {} of {} ({}{} on {}) is {}{} on {}", what, ir::name(n->op()), name(n->dtype()),
                  ir::str(n->shape()), n->device().str(), name(d->dtype()), ir::str(d->shape()), d->device().str()),
      {}, n->origin());
}

void refuse_gradient(const Node* n) {
  throw Error(ErrorKind::Unsupported, fmt::format("{}: has no gradient", ir::name(n->op())),
              "stop_gradient makes its operand a constant", n->origin());
}

}  // namespace lazuli::passes
