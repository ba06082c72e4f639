// Walks the forward graph backwards. When a node is met, all that use it have been met, so its cotangent is complete.
#include "passes/vjp.h"

#include <fmt/format.h>

#include <map>

#include "ir/gradient.h"
#include "passes/differentiate.h"
#include "passes/pass.h"

namespace lazuli::passes {
namespace {

using ir::Gradient;
using ir::Node;
using ir::NodeRef;
using ir::gradient::Expr;
using ir::gradient::Place;

class Backward {
 public:
  Backward(ir::Interner& interner, std::span<const Node* const> outputs, std::span<const Node* const> wrt,
           StandsFor stands_for)
      : interner_(interner),
        graph_(interner, outputs, wrt, stands_for),
        cotangents_(graph_.size()),
        reached_(graph_.size(), false),
        wanted_(graph_.size(), false) {
    for (const Node* n : wrt)
      if (const uint32_t i = graph_.find(n); i != ir::NodeNumbers::kAbsent) wanted_[i] = true;
    for (size_t i = 0; i < graph_.size(); ++i)
      if (graph_.node(i)->op() == ir::Op::custom_result && graph_.active(i)) ++call_of(graph_.node(i)).not_met;
  }

  /// Adds to the cotangent of `n`. Null adds nothing and says only that the outputs depend on it.
  void add(const Node* n, NodeRef cotangent) {
    const uint32_t i = graph_.position(n);
    if (!graph_.active(i)) return;
    reached_[i] = true;
    if (!cotangent) return;
    check_derivative("cotangent", cotangent, n);
    NodeRef& sum = cotangents_[i];
    if (!sum) {
      sum = std::move(cotangent);
      return;
    }
    ir::NodeSpec spec{.op = ir::Op::add,
                      .inputs = {sum.get(), cotangent.get()},
                      .attr = ir::NoAttr{},
                      .dtype = n->dtype(),
                      .shape = {},
                      .device = n->device(),
                      .payload = nullptr,
                      .origin = n->origin()};
    sum = interner_.make(std::move(spec));
  }

  void run() {
    for (size_t i = graph_.size(); i-- > 0;) {
      if (!graph_.active(i)) continue;
      const Node* n = graph_.node(i);
      const NodeRef cotangent = cotangents_[i];
      if (!wanted_[i]) cotangents_[i] = nullptr;
      if (n->op() == ir::Op::custom_result) {
        meet_result(n, cotangent, reached_[i]);
      } else if (reached_[i]) {
        pass_on(n, cotangent);
      }
    }
  }

  /// The cotangent of `n`: zeros where it has none and the outputs depend on it, null where they do not.
  NodeRef result(const Node* n) const {
    const uint32_t i = graph_.find(n);
    if (i == ir::NodeNumbers::kAbsent || !reached_[i]) return nullptr;
    if (cotangents_[i]) return cotangents_[i];
    const Place at{interner_, n->origin(), n->device()};
    return ir::gradient::full(at, n->dtype(), n->shape(), 0).node();
  }

 private:
  /// The results of one call of a function with a gradient of its own.
  struct Call {
    size_t not_met = 0;
    bool reached = false;
    std::vector<NodeRef> cotangents;
  };
  Call& call_of(const Node* n) {
    const ir::CustomAttr& attr = n->attr_as<ir::CustomAttr>();
    return calls_[{attr.rule.get(), {n->inputs().begin() + 1, n->inputs().end()}}];
  }

  void pass_on(const Node* n, const NodeRef& cotangent) {
    const Gradient& gradient = ir::info(n->op()).gradient;
    if (gradient.kind == Gradient::Kind::Expansion && graph_.depends(n)) return add(graph_.expansion(n), cotangent);
    if (gradient.kind == Gradient::Kind::None && cotangent && graph_.depends(n)) refuse_gradient(n);
    const Place at{interner_, n->origin(), n->device()};
    for (size_t i = 0; i < n->input_count(); ++i) {
      if (!graph_.active(n->input(i))) continue;
      Expr part;
      if (cotangent && gradient.vjp) part = gradient.vjp(Expr(at, cotangent), n, i);
      add(n->input(i), part.node());
    }
  }

  void meet_result(const Node* n, const NodeRef& cotangent, bool reached) {
    const ir::CustomAttr& attr = n->attr_as<ir::CustomAttr>();
    Call& call = call_of(n);
    const auto result = static_cast<size_t>(attr.result);
    if (call.cotangents.size() <= result) call.cotangents.resize(result + 1);
    call.cotangents[result] = cotangent;
    call.reached |= reached;
    if (--call.not_met != 0 || !call.reached) return;
    const std::span<const Node* const> inputs = n->inputs().subspan(1);
    std::vector<NodeRef> parts(inputs.size());
    const bool any = std::any_of(call.cotangents.begin(), call.cotangents.end(), [](const NodeRef& c) { return !!c; });
    if (any) {
      if (!attr.rule)
        throw Error(ErrorKind::Unsupported, "custom_result: its rule is not in the text that the graph was read from",
                    {}, n->origin());
      std::vector<NodeRef> operands;
      for (const Node* input : inputs) operands.emplace_back(input);
      parts = attr.rule->vjp(interner_, operands, call.cotangents);
      if (parts.size() != inputs.size())
        throw Error(
            ErrorKind::Internal,
            fmt::format("custom_result: the rule gave {} cotangents for {} operands", parts.size(), inputs.size()), {},
            n->origin());
    }
    for (size_t i = 0; i < inputs.size(); ++i) add(inputs[i], parts[i]);
    call.cotangents.clear();
  }

  ir::Interner& interner_;
  Dependence graph_;
  std::vector<NodeRef> cotangents_;
  std::vector<bool> reached_, wanted_;
  std::map<std::pair<const ir::CustomRule*, std::vector<const Node*>>, Call> calls_;
};

}  // namespace

std::vector<NodeRef> vjp(ir::Interner& interner, std::span<const Node* const> outputs,
                         std::span<const NodeRef> cotangents, std::span<const Node* const> wrt, StandsFor stands_for) {
  if (cotangents.size() != outputs.size())
    throw Error(ErrorKind::Internal,
                fmt::format("vjp: {} cotangents for {} outputs", cotangents.size(), outputs.size()));
  Backward backward(interner, outputs, wrt, stands_for);
  for (size_t i = 0; i < outputs.size(); ++i)
    if (cotangents[i]) backward.add(outputs[i], cotangents[i]);
  backward.run();
  std::vector<NodeRef> results;
  for (const Node* n : wrt) results.push_back(backward.result(n));
  return results;
}

ir::Graph vjp(const ir::Graph& g, PassContext& ctx) {
  std::vector<const Node*> outputs, leaves;
  std::vector<NodeRef> ones;
  for (const NodeRef& output : g.outputs) {
    if (!is_floating(output->dtype())) continue;
    outputs.push_back(output.get());
    const Place at{ctx.interner, output->origin(), output->device()};
    ones.push_back(ir::gradient::full(at, output->dtype(), output->shape(), 1).node());
  }
  for (const Node* n : ir::topological_order(g))
    if (n->op() == ir::Op::data && is_floating(n->dtype())) leaves.push_back(n);
  ir::Graph result = g;
  const std::vector<NodeRef> gradients = vjp(ctx.interner, outputs, ones, leaves);
  for (size_t i = 0; i < leaves.size(); ++i) {
    const Place at{ctx.interner, leaves[i]->origin(), leaves[i]->device()};
    result.outputs.push_back(gradients[i] ? gradients[i]
                                          : ir::gradient::full(at, leaves[i]->dtype(), leaves[i]->shape(), 0).node());
  }
  return result;
}

}  // namespace lazuli::passes
