// Histories as nodes: making, re-pointing and cutting them.
#include "frontend/history.h"

#include <utility>

#include "frontend/context.h"
#include "frontend/graph_walk.h"

namespace lazuli {

std::vector<ir::NodeRef> HistoryRule::vjp(ir::Interner&, std::span<const ir::NodeRef> operands,
                                          std::span<const ir::NodeRef> cotangents) const {
  std::vector<ir::NodeRef> result(operands.size());
  if (!cotangents.empty()) result[0] = cotangents[0];
  return result;
}

const HistoryRule* history_rule(const ir::Node* n) {
  if (n->op() != ir::Op::custom_result) return nullptr;
  return dynamic_cast<const HistoryRule*>(n->attr_as<ir::CustomAttr>().rule.get());
}

const ir::Node* behind_history(const ir::Node* n) {
  return history_rule(n) ? n->input(1) : nullptr;
}

const ir::Node* original(const ir::Node* n) {
  while (history_rule(n)) n = n->input(1);
  return n;
}

bool is_tracked(const TensorImpl& t) {
  for (size_t i = t.steps.size(); i-- > 0;) {
    if (t.steps[i].op == ir::Op::variable) return true;
    if (t.steps[i].op == ir::Op::stop_gradient) return false;
  }
  std::lock_guard lock(context().mutex);
  return t.root->value->differentiable();
}

ir::NodeRef untracked(const ir::NodeRef& n, const Location& loc) {
  if (!n->differentiable()) return n;
  const ir::NodeRef value(plain(n.get()));
  if (!value->differentiable()) return value;
  return make_node(ir::Op::stop_gradient, {value.get()}, ir::NoAttr{}, loc);
}

namespace {

ir::NodeRef custom_result(std::initializer_list<const ir::Node*> inputs, std::shared_ptr<const ir::CustomRule> rule,
                          const Location& loc) {
  return make_node(ir::Op::custom_result, inputs, ir::CustomAttr{std::move(rule), 0}, loc);
}

bool is_released(const ir::Node* n) {
  return n->op() == ir::Op::variable && dynamic_cast<const ReleasedToken*>(n->payload().get());
}

ir::NodeRef variable_like(const ir::Node* n, const ir::Node* input) {
  ir::NodeSpec spec{.op = ir::Op::variable, .inputs = {input}, .attr = n->attr(), .dtype = input->dtype()};
  spec.device = input->device();
  spec.payload = n->payload();
  return make_node(std::move(spec), n->origin());
}

}  // namespace

ir::NodeRef written_over(const ir::NodeRef& value, const ir::NodeRef& before, const Location& loc) {
  return custom_result({value.get(), before.get()},
                       std::make_shared<HistoryRule>(HistoryRule::Kind::Written, nullptr, nullptr), loc);
}

ir::NodeRef bundle(std::span<const ir::NodeRef> nodes) {
  if (nodes.empty()) return nullptr;
  ir::NodeSpec spec{.op = ir::Op::custom_result};
  spec.inputs.push_back(nodes[0].get());
  for (const auto& n : nodes) spec.inputs.push_back(n.get());
  spec.attr = ir::CustomAttr{std::make_shared<HistoryRule>(HistoryRule::Kind::Written, nullptr, nullptr), 0};
  spec.device = nodes[0]->device();
  return make_node(std::move(spec), nodes[0]->origin());
}

ir::NodeRef apart(ir::NodeRef value) {
  if (!value->differentiable() || value->use_count() == 1) return value;  // nobody else has it
  std::vector<ir::NodeRef> inputs;
  for (const ir::Node* input : value->inputs()) inputs.emplace_back(input);
  size_t i = value->op() == ir::Op::custom_result ? 1 : 0;
  while (i < inputs.size() && !inputs[i]->differentiable()) ++i;
  if (i == inputs.size()) return value;
  const ir::Node* operand = inputs[i].get();
  inputs[i] = custom_result({operand, operand},
                            std::make_shared<HistoryRule>(HistoryRule::Kind::Apart, nullptr, nullptr), value->origin());
  return ir::rebuild(value.get(), inputs, interner());
}

ir::NodeRef computed_history(const ir::NodeRef& value, std::shared_ptr<Materialized> own, const ir::Node* identities,
                             std::shared_ptr<const Kept> kept) {
  const ir::Node* leaf = own->leaf.get();
  if (plain(value.get()) == leaf) return value;
  if (is_released(value.get())) return variable_like(value.get(), leaf);
  const HistoryRule* rule = history_rule(value.get());
  const bool written = rule && rule->kind() == HistoryRule::Kind::Written;
  const ir::Node* onwards = written ? value->input(1) : value.get();
  auto next = std::make_shared<HistoryRule>(written ? HistoryRule::Kind::Written : HistoryRule::Kind::Computed,
                                            std::move(own), std::move(kept));
  if (!identities) return custom_result({leaf, onwards}, std::move(next), value->origin());
  // Below the value, where gradients do not look for their way: what is kept is no reason for another order of theirs.
  const ir::NodeRef holder = custom_result(
      {leaf, identities}, std::make_shared<HistoryRule>(HistoryRule::Kind::Written, nullptr, nullptr), value->origin());
  return custom_result({holder.get(), onwards}, std::move(next), value->origin());
}

bool kept_by_history(const ir::Node* value) {
  if (!value->differentiable() || is_released(value)) return false;
  const HistoryRule* rule = history_rule(value);
  return !rule || rule->kind() != HistoryRule::Kind::Written;
}

ir::NodeRef on_leaf(const ir::NodeRef& value, const ir::NodeRef& leaf) {
  std::vector<const ir::Node*> chain;
  for (const ir::Node* n = value.get(); is_history(n->op()); n = n->input(0)) chain.push_back(n);
  ir::NodeRef result = leaf;
  for (size_t i = chain.size(); i-- > 0;) {
    std::vector<ir::NodeRef> inputs;
    for (const ir::Node* input : chain[i]->inputs()) inputs.emplace_back(input);
    inputs[0] = std::move(result);
    result = chain[i]->op() == ir::Op::variable ? variable_like(chain[i], inputs[0].get())
                                                : ir::rebuild(chain[i], inputs, interner());
  }
  return result;
}

ir::NodeRef released(const ir::NodeRef& value) {
  ir::NodeSpec spec{.op = ir::Op::variable,
                    .inputs = {value.get()},
                    .attr = ir::LeafAttr{interner().next_leaf_id()},
                    .dtype = value->dtype()};
  spec.device = value->device();
  spec.payload = std::make_shared<ReleasedToken>();
  return make_node(std::move(spec), value->origin());
}

ir::NodeRef fresh_variable(const ir::Node* value) {
  ir::NodeSpec spec{.op = ir::Op::variable,
                    .inputs = {value},
                    .attr = ir::LeafAttr{interner().next_leaf_id()},
                    .dtype = value->dtype()};
  spec.device = value->device();
  return make_node(std::move(spec), value->origin());
}

std::vector<const ir::Node*> history_order(std::span<const ir::Node* const> outputs) {
  return post_order(
      outputs, [](const ir::Node* n) { return n->differentiable(); },
      // The value of a custom result is no way for gradients.
      [](const ir::Node* n) { return n->inputs().subspan(n->op() == ir::Op::custom_result ? 1 : 0); });
}

}  // namespace lazuli
