// Walks the graph forwards.
#include "passes/jvp.h"

#include <fmt/format.h>

#include "ir/gradient.h"
#include "passes/differentiate.h"

namespace lazuli::passes {
namespace {

using ir::Gradient;
using ir::Node;
using ir::NodeRef;
using ir::gradient::Expr;
using ir::gradient::Place;

NodeRef tangent_of(const Node* n, std::span<const NodeRef> tangents, ir::Interner& interner) {
  const Gradient& gradient = ir::info(n->op()).gradient;
  switch (gradient.kind) {
    case Gradient::Kind::Stop:
    case Gradient::Kind::Zero:
      return nullptr;
    case Gradient::Kind::Custom:
      throw Error(ErrorKind::Unsupported, "custom_result: a custom gradient is defined backwards only",
                  "use vjp, or write the function without a gradient of its own", n->origin());
    case Gradient::Kind::None:
    case Gradient::Kind::Expansion:
      refuse_gradient(n);
    case Gradient::Kind::Rule:
      break;
  }
  const Place at{interner, n->origin(), n->device()};
  std::vector<Expr> parts;
  for (const NodeRef& t : tangents) parts.push_back(t ? Expr(at, t) : Expr());
  return gradient.jvp(at, n, parts).node();
}

}  // namespace

std::vector<NodeRef> jvp(ir::Interner& interner, std::span<const Node* const> wrt, std::span<const NodeRef> tangents,
                         std::span<const Node* const> outputs) {
  if (tangents.size() != wrt.size())
    throw Error(ErrorKind::Internal, fmt::format("jvp: {} tangents for {} nodes", tangents.size(), wrt.size()));
  const Dependence graph(interner, outputs, wrt);
  std::vector<NodeRef> known(graph.size());
  std::vector<bool> given(graph.size(), false);
  for (size_t i = 0; i < wrt.size(); ++i) {
    if (tangents[i]) check_derivative("tangent", tangents[i], wrt[i]);
    const uint32_t at = graph.find(wrt[i]);
    if (at == ir::NodeNumbers::kAbsent) continue;
    known[at] = tangents[i];
    given[at] = true;
  }
  std::vector<NodeRef> operands;
  for (size_t i = 0; i < graph.size(); ++i) {
    if (!graph.active(i) || given[i]) continue;
    const Node* n = graph.node(i);
    if (ir::info(n->op()).gradient.kind == Gradient::Kind::Expansion) {
      known[i] = known[graph.position(graph.expansion(n))];
      continue;
    }
    operands.assign(n->input_count(), nullptr);
    bool any = false;
    for (size_t k = first_differentiated(n); k < n->input_count(); ++k) {
      operands[k] = known[graph.position(n->input(k))];
      any |= static_cast<bool>(operands[k]);
    }
    if (any) known[i] = tangent_of(n, operands, interner);
  }
  std::vector<NodeRef> results;
  for (const Node* n : outputs) results.push_back(known[graph.position(n)]);
  return results;
}

}  // namespace lazuli::passes
