// The part of the function transforms that knows no trees: variables in, graphs of derivatives out.
#include "lazuli/transforms.h"

#include <fmt/format.h>

#include "frontend/build.h"
#include "frontend/custom_rules.h"
#include "frontend/graph_walk.h"
#include "frontend/history.h"
#include "passes/jvp.h"
#include "passes/vjp.h"

namespace lazuli::detail {

using ir::Node;
using ir::NodeRef;
using ir::Op;

struct Tape::Impl {
  std::string what;
  Location loc;
  std::vector<NodeRef> inputs, variables;
  uint64_t first_serial = UINT64_MAX;
};

Tape::Tape(std::string_view what, std::span<Tensor> leaves, std::span<const std::string> paths, const Location& loc) {
  auto impl = std::make_shared<Impl>();
  impl->what = what;
  impl->loc = loc;
  if (leaves.empty())
    throw Error(ErrorKind::Value, fmt::format("{}: there is no tensor to differentiate with respect to", what),
                "numbers are constants: pass a 0-d tensor", loc);
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (!is_floating(leaves[i].dtype()))
      throw Error(ErrorKind::DType,
                  fmt::format("{}: only Tensors of floating point dtype can require gradients, and the argument has {} "
                              "at {}",
                              what, name(leaves[i].dtype()), paths[i].empty() ? "its only leaf" : paths[i]),
                  "pass it as another argument", loc);
    NodeRef n = node_of(leaves[i]);
    NodeRef v = fresh_variable(n.get());
    impl->first_serial = std::min(impl->first_serial, v->serial());
    leaves[i] = as_tensor(v, n->origin());
    impl->inputs.push_back(std::move(n));
    impl->variables.push_back(std::move(v));
  }
  impl_ = std::move(impl);
}

namespace {

NodeRef zeros(const Node* like, const Location& loc) {
  return expand_to(on_device(constant(0, like->dtype(), loc), like->device(), loc), like->shape(), loc);
}

std::vector<Tensor> tensors_of(std::vector<NodeRef> nodes, std::span<const NodeRef> like, const Location& loc) {
  std::vector<Tensor> result;
  for (size_t i = 0; i < nodes.size(); ++i)
    result.push_back(as_tensor(nodes[i] ? std::move(nodes[i]) : zeros(like[i].get(), loc), loc));
  return result;
}

void check_fits(std::string_view what, const NodeRef& d, const NodeRef& of, const Location& loc) {
  if (d->shape() == of->shape() && d->dtype() == of->dtype()) return;
  throw Error(ErrorKind::Shape,
              fmt::format("{} of {}{} given for a value of {}{}", what, name(d->dtype()), ir::str(d->shape()),
                          name(of->dtype()), ir::str(of->shape())),
              "a derivative has the type and shape of its value", loc);
}

}  // namespace

std::vector<Tensor> Tape::pull_back(std::span<const Tensor> outputs, std::span<const Tensor> cotangents) const {
  const Location& loc = impl_->loc;
  std::vector<NodeRef> nodes, seeds;
  for (size_t i = 0; i < outputs.size(); ++i) {
    NodeRef n = tracked_node_of(outputs[i]);
    if (!is_floating(n->dtype())) {
      if (!cotangents[i].defined())
        throw Error(ErrorKind::DType,
                    fmt::format("{}: the result is {}, which has no gradient", impl_->what, name(n->dtype())), {}, loc);
      continue;
    }
    NodeRef g;
    if (cotangents[i].defined()) {
      g = tracked_node_of(cotangents[i]);
      check_fits("a cotangent", g, n, loc);
    } else {
      if (n->numel() != 1)
        throw Error(
            ErrorKind::Value,
            fmt::format("grad can be implicitly created only for scalar outputs, and the function of {} returns "
                        "{}{}",
                        impl_->what, name(n->dtype()), ir::str(n->shape())),
            "reduce it with sum() or mean(), or use vjp", loc);
      g = expand_to(on_device(constant(1, n->dtype(), loc), n->device(), loc), n->shape(), loc);
    }
    nodes.push_back(std::move(n));
    seeds.push_back(std::move(g));
  }
  return tensors_of(passes::vjp(interner(), pointers(nodes), seeds, pointers(impl_->variables), behind_history),
                    impl_->variables, loc);
}

std::vector<Tensor> Tape::push_forward(std::span<const Tensor> tangents, std::span<const Tensor> outputs) const {
  const Location& loc = impl_->loc;
  std::vector<NodeRef> directions, nodes;
  for (size_t i = 0; i < tangents.size(); ++i) {
    directions.push_back(tracked_node_of(tangents[i]));
    check_fits("a tangent", directions[i], impl_->variables[i], loc);
  }
  for (const Tensor& t : outputs) nodes.push_back(tracked_node_of(t));
  // What was evaluated or is to be computed again in a backward pass is differentiated forwards like anything else.
  const auto inside = [&](const Node* n) { return n->serial() >= impl_->first_serial; };
  Substitution known;
  std::vector<NodeRef> inputs, smooth;
  const auto mapped = [&](const Node* n) {
    const auto it = known.find(n);
    return it == known.end() ? NodeRef(n) : it->second;
  };
  for (const Node* n : post_order(pointers(nodes), inside, [](const Node* x) { return x->inputs(); })) {
    if (const Node* expression = forward_expression(n)) {
      known.emplace(n, mapped(expression));
      continue;
    }
    inputs.clear();
    for (const Node* input : n->inputs()) inputs.push_back(mapped(input));
    if (NodeRef next = ir::rebuild(n, inputs, interner()); next.get() != n) known.emplace(n, std::move(next));
  }
  for (const NodeRef& n : nodes) smooth.push_back(mapped(n.get()));
  std::vector<NodeRef> result = passes::jvp(interner(), pointers(impl_->variables), directions, pointers(smooth));
  for (size_t i = 0; i < result.size(); ++i)
    if (!result[i]) result[i] = zeros(nodes[i].get(), loc);
  return tensors_of(std::move(result), nodes, loc);
}

void Tape::close(std::span<Tensor> results) const {
  std::vector<NodeRef> nodes;
  for (const Tensor& t : results) nodes.push_back(tracked_node_of(t));
  Substitution known;
  for (size_t i = 0; i < impl_->variables.size(); ++i) known.emplace(impl_->variables[i].get(), impl_->inputs[i]);
  std::vector<NodeRef> closed =
      substitute(nodes, known, [&](const Node* n) { return n->serial() >= impl_->first_serial; });
  for (size_t i = 0; i < results.size(); ++i)
    if (closed[i] != nodes[i]) results[i] = wrap(std::move(closed[i]), results[i].impl()->where);
}

}  // namespace lazuli::detail
