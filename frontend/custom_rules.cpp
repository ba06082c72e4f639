// custom_gradient and checkpoint, without trees.
#include "frontend/custom_rules.h"

#include <fmt/format.h>

#include "frontend/build.h"
#include "frontend/graph_walk.h"
#include "frontend/history.h"
#include "lazuli/custom_gradient.h"
#include "lazuli/grad_mode.h"
#include "passes/vjp.h"

namespace lazuli {

using ir::Node;
using ir::NodeRef;
using ir::Op;

namespace {

NodeRef zeros_like(const Node* like, const Location& loc) {
  return expand_to(on_device(constant(0, like->dtype(), loc), like->device(), loc), like->shape(), loc);
}

NodeRef custom_result(const NodeRef& value, std::span<const NodeRef> operands,
                      std::shared_ptr<const ir::CustomRule> rule, size_t i, const Location& loc) {
  ir::NodeSpec spec{.op = Op::custom_result};
  spec.inputs.push_back(value.get());
  for (const NodeRef& n : operands) spec.inputs.push_back(n.get());
  spec.attr = ir::CustomAttr{std::move(rule), static_cast<int64_t>(i)};
  spec.device = value->device();
  return make_node(std::move(spec), loc);
}

NodeRef behind_barrier(const NodeRef& n) {
  ir::NodeSpec spec{.op = Op::barrier, .inputs = {n.get()}, .attr = ir::LeafAttr{interner().next_leaf_id()}};
  spec.device = n->device();
  return make_node(std::move(spec), n->origin());
}

}  // namespace

NodeRef FunctionRule::result(std::span<const NodeRef> operands, size_t i) const {
  return custom_result(operands[arguments_ + i], operands, shared_from_this(), i, loc_);
}

std::vector<NodeRef> FunctionRule::vjp(ir::Interner&, std::span<const NodeRef> operands,
                                       std::span<const NodeRef> cotangents) const {
  const EnableGradGuard recording;  // gradients of gradients
  std::vector<Tensor> arguments, results, arriving;
  for (size_t i = 0; i < arguments_; ++i) arguments.push_back(as_tensor(operands[i], loc_));
  for (size_t i = 0; arguments_ + i < operands.size(); ++i) {
    const NodeRef& value = operands[arguments_ + i];
    results.push_back(as_tensor(is_floating(value->dtype()) ? result(operands, i) : value, loc_));
    const bool arrives = i < cotangents.size() && cotangents[i];
    arriving.push_back(as_tensor(arrives ? cotangents[i] : zeros_like(value.get(), loc_), loc_));
  }
  const std::vector<Tensor> given = backward_(arguments, results, arriving);
  std::vector<NodeRef> parts(operands.size());
  for (size_t i = 0; i < arguments_; ++i) {
    if (!given[i].defined() || !is_floating(operands[i]->dtype())) continue;
    NodeRef g = tracked_node_of(given[i]);
    if (g->shape() != operands[i]->shape() || g->dtype() != operands[i]->dtype())
      throw Error(ErrorKind::Shape,
                  fmt::format("custom_gradient: the backward function returned an invalid gradient at index {} - got "
                              "{}{} but expected {}{}",
                              i, name(g->dtype()), ir::str(g->shape()), name(operands[i]->dtype()),
                              ir::str(operands[i]->shape())),
                  {}, loc_);
    parts[i] = std::move(g);
  }
  return parts;
}

std::vector<NodeRef> CheckpointRule::vjp(ir::Interner& interner, std::span<const NodeRef> operands,
                                         std::span<const NodeRef> cotangents) const {
  // Written over variables of its own, so that nothing looks at what the operands are made of.
  Substitution inwards, outwards;
  uint64_t first = UINT64_MAX;
  std::vector<NodeRef> wrt;
  for (size_t i = 0; i < arguments_ + read_; ++i) {
    const NodeRef& n = operands[i];
    ir::NodeSpec leaf{.op = Op::data, .attr = ir::LeafAttr{interner.next_leaf_id()}, .dtype = n->dtype()};
    leaf.shape = n->shape();
    leaf.device = n->device();
    wrt.push_back(fresh_variable(make_node(std::move(leaf), n->origin()).get()));
    inwards.emplace(n.get(), wrt.back());
    outwards.emplace(wrt.back().get(), i < arguments_ ? behind_barrier(n) : n);
    first = std::min(first, n->serial());
  }
  const auto again =
      substitute(operands.subspan(arguments_ + read_), inwards, [&](const Node* n) { return n->serial() > first; });
  std::vector<NodeRef> outputs, arriving, parts;
  for (size_t i = 0; i < again.size() && i < cotangents.size(); ++i) {
    if (!cotangents[i]) continue;
    outputs.push_back(again[i]);
    arriving.push_back(cotangents[i]);
  }
  std::vector<NodeRef> gradients = passes::vjp(interner, pointers(outputs), arriving, pointers(wrt), behind_history);
  for (NodeRef& g : gradients)
    parts.push_back(
        !g ? nullptr : substitute({&g, 1}, outwards, [&](const Node* n) { return n->serial() > wrt[0]->serial(); })[0]);
  parts.resize(operands.size());
  return parts;
}

const Node* forward_expression(const Node* n) {
  if (n->op() != Op::custom_result) return nullptr;
  if (const HistoryRule* rule = history_rule(n))
    return rule->kind() == HistoryRule::Kind::Written ? nullptr : n->input(1);
  return dynamic_cast<const CheckpointRule*>(n->attr_as<ir::CustomAttr>().rule.get()) ? n->input(0) : nullptr;
}

namespace detail {

const Tensor& placeholder() {
  static const Tensor* const tensor = new Tensor(from_host(nullptr, {0}, kFloat32));
  return *tensor;
}

void throw_gradient_count(size_t wanted, size_t given, const Location& loc) {
  throw Error(ErrorKind::Value,
              fmt::format("custom_gradient: the backward function returned an incorrect number of gradients (expected "
                          "{}, got {})",
                          wanted, given),
              "return a tree like the argument, or a tuple of them when there are several", loc);
}

std::vector<Tensor> constants_of(std::span<const Tensor> tensors) {
  std::vector<Tensor> result;
  for (const Tensor& t : tensors) result.push_back(as_tensor(untracked(node_of(t), t.impl()->where), t.impl()->where));
  return result;
}

std::vector<Tensor> with_gradient(std::span<const Tensor> arguments, std::span<const Tensor> results,
                                  FunctionRule::Backward backward, const Location& loc) {
  std::vector<NodeRef> operands;
  bool tracked = false;
  for (const Tensor& t : arguments) {
    operands.push_back(node_of(t));
    tracked |= operands.back()->differentiable();
  }
  for (const Tensor& t : results) {
    operands.push_back(tracked_node_of(t));
    if (operands.back()->differentiable())
      throw Error(ErrorKind::Value,
                  "custom_gradient: the function uses a tensor that requires grad and is not among its arguments",
                  "pass it as an argument, or detach() it", loc);
  }
  if (!tracked) return {results.begin(), results.end()};
  const auto rule = std::make_shared<FunctionRule>(std::move(backward), arguments.size(), loc);
  std::vector<Tensor> wrapped;
  for (size_t i = 0; i < results.size(); ++i)
    wrapped.push_back(is_floating(results[i].dtype()) ? wrap(rule->result(operands, i), loc) : results[i]);
  return wrapped;
}

std::vector<Tensor> checkpointed(std::span<const Tensor> arguments, std::span<const Tensor> results,
                                 const Location& loc) {
  std::vector<NodeRef> operands, values;
  std::unordered_set<const Node*> inside, known;
  uint64_t first = UINT64_MAX;
  for (const Tensor& t : arguments) {
    NodeRef n = tracked_node_of(t);
    if (!known.insert(n.get()).second) continue;
    first = std::min(first, n->serial());
    operands.push_back(std::move(n));
  }
  bool tracked = false;
  for (const Tensor& t : results) {
    values.push_back(tracked_node_of(t));
    tracked |= values.back()->differentiable();
  }
  if (!tracked || operands.empty()) return {results.begin(), results.end()};

  const size_t count = operands.size();
  inside = known;
  const auto read = [&](const Node* n) {
    if (n->differentiable() && !inside.count(n) && known.insert(n).second) operands.emplace_back(n);
  };
  const auto segment = post_order(
      pointers(values), [&](const Node* n) { return n->serial() > first && !known.count(n); },
      [](const Node* n) { return n->inputs(); });
  for (const Node* n : segment)
    for (const Node* input : n->inputs())
      if (inside.count(input)) inside.insert(n);
  for (const Node* n : segment)
    if (inside.count(n))
      for (const Node* input : n->inputs()) read(input);
  for (const NodeRef& v : values) read(v.get());
  const auto rule = std::make_shared<CheckpointRule>(count, operands.size() - count);
  operands.insert(operands.end(), values.begin(), values.end());
  std::vector<Tensor> wrapped;
  for (size_t i = 0; i < results.size(); ++i)
    wrapped.push_back(values[i]->differentiable() ? wrap(custom_result(values[i], operands, rule, i, loc), loc)
                                                  : results[i]);
  return wrapped;
}

}  // namespace detail
}  // namespace lazuli
