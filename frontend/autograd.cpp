// Reverse-mode gradients on handles: a thin layer over the graph pass. Finds the leaves below the outputs, takes their
// cotangents, accumulates them, and lets go of the history.
#include "lazuli/autograd.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "frontend/build.h"
#include "frontend/history.h"
#include "frontend/pending_graph.h"
#include "passes/vjp.h"

namespace lazuli {

namespace {

using ir::Node;
using ir::NodeRef;
using ir::Op;

[[noreturn]] void refuse_second_pass(const Location& loc) {
  throw Error(ErrorKind::Value,
              "Trying to backward through the graph a second time (or directly access saved tensors after they have "
              "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
              "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
              "if you need to access saved tensors after calling backward.",
              {}, loc);
}

/// Outputs with what arrives at them.
struct Seeds {
  std::vector<NodeRef> outputs, cotangents;
  std::vector<const Node*> pointers() const {
    std::vector<const Node*> all;
    for (const auto& n : outputs) all.push_back(n.get());
    return all;
  }
};

Seeds seeds_of(TensorList tensors, TensorList gradients, bool create_graph, const Location& loc) {
  if (gradients.size() != 0 && gradients.size() != tensors.size())
    throw Error(ErrorKind::Value, fmt::format("got {} tensors and {} gradients", tensors.size(), gradients.size()), {},
                loc);
  Seeds seeds;
  for (size_t i = 0; i < tensors.size(); ++i) {
    impl_of(tensors[i], loc);
    NodeRef n = tracked_node_of(tensors[i]);
    if (!n->differentiable())
      throw Error(ErrorKind::Value,
                  fmt::format("element {} of tensors does not require grad and does not have a grad_fn", i),
                  "call requires_grad_() on the leaves before computing with them, outside of no_grad", loc);
    NodeRef g;
    if (gradients.size() != 0 && gradients[i].defined()) {
      g = create_graph ? tracked_node_of(gradients[i]) : untracked(tracked_node_of(gradients[i]), loc);
      if (g->shape() != n->shape())
        throw Error(
            ErrorKind::Shape,
            fmt::format("Mismatch in shape: grad_output[{}] has a shape of {} and output[{}] has a shape of {}.", i,
                        ir::str(g->shape()), i, ir::str(n->shape())),
            {}, loc);
      if (!is_floating(g->dtype()))
        throw Error(
            ErrorKind::DType,
            fmt::format("grad_output[{}] has dtype {}, the output has {}", i, name(g->dtype()), name(n->dtype())), {},
            loc);
      g = cast_to(g, n->dtype(), loc);
    } else {
      if (n->numel() != 1)
        throw Error(ErrorKind::Value, "grad can be implicitly created only for scalar outputs",
                    "reduce it with sum() or mean(), or pass the gradient of the output", loc);
      g = expand_to(on_device(constant(1, n->dtype(), loc), n->device(), loc), n->shape(), loc);
    }
    seeds.outputs.push_back(std::move(n));
    seeds.cotangents.push_back(std::move(g));
  }
  return seeds;
}

/// What is wanted of one tensor: the sum of what arrives at these nodes.
struct Wanted {
  std::shared_ptr<GradSlot> slot;
  std::vector<const Node*> nodes;
};

/// The gradients, by what is wanted: zeros where nothing arrives.
std::vector<NodeRef> gradients_of(const Seeds& seeds, const std::vector<Wanted>& wanted, const Location& loc) {
  std::vector<const Node*> wrt;
  for (const auto& w : wanted) wrt.insert(wrt.end(), w.nodes.begin(), w.nodes.end());
  const auto all = passes::vjp(interner(), seeds.pointers(), seeds.cotangents, wrt, behind_history);
  const Build build(loc);
  std::vector<NodeRef> result;
  size_t next = 0;
  for (const auto& w : wanted) {
    NodeRef sum;
    for (size_t i = 0; i < w.nodes.size(); ++i) {
      const NodeRef& g = all[next++];
      if (g) sum = sum ? build.op(Op::add, sum, g) : g;
    }
    if (!sum && !w.nodes.empty()) {
      const Node* like = w.nodes[0];
      sum = expand_to(on_device(constant(0, like->dtype(), loc), like->device(), loc), like->shape(), loc);
    }
    result.push_back(std::move(sum));
  }
  return result;
}

/// As constants that refer to memory where values are there: they outlive the history that they were taken from.
void settle(std::vector<NodeRef>& gradients) {
  std::vector<const Node*> nodes;
  for (const auto& g : gradients)
    if (g) nodes.push_back(g.get());
  ir::Graph settled;
  {
    std::lock_guard lock(context().mutex);
    settled = PendingGraph(nodes).graph(nodes);
  }
  size_t next = 0;
  for (auto& g : gradients)
    if (g) std::swap(g, settled.outputs[next++]);
}

/// Whether the derivative of an op is the same wherever it is taken: PyTorch then saves nothing for it, and goes
/// through it again after a release.
bool reads_nothing(Op op) {
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::neg:
    case Op::sum:
    case Op::mean:
    case Op::concat:
    case Op::variable:
    case Op::custom_result:
    case Op::to:
      return true;
    default:
      return ir::is_movement(op) || ir::family(op) == ir::Family::Cast;
  }
}

/// Lets go of the history behind tracked tensors that a backward pass has gone through. What nothing has been computed
/// from is on no way, and has a node in common with what is (part of a composition) at most.
void release(TensorList outputs, const std::vector<const Node*>& order) {
  std::unordered_map<const Node*, bool> reads;
  for (const Node* n : order) {
    const auto* rule = history_rule(n);
    bool any = !reads_nothing(n->op()) || (n->op() == Op::custom_result && !rule);
    for (const Node* input : n->inputs())
      if (const auto it = reads.find(input); it != reads.end()) any |= it->second;
    reads.emplace(n, any);
  }
  const auto gone = [&](const Node* n) {
    const auto it = reads.find(n);
    return it != reads.end() && it->second;
  };
  Context& ctx = context();
  std::vector<std::shared_ptr<Storage>> owners;
  std::vector<std::shared_ptr<GradSlot>> slots;
  std::vector<NodeRef> trash;
  ir::Graph plain_values;
  std::lock_guard lock(ctx.mutex);
  owners = ctx.tracked_storages();
  std::vector<Storage*> released_storages;
  std::vector<const Node*> values;
  for (const auto& s : owners) {
    const bool passed =
        s->used || std::any_of(outputs.begin(), outputs.end(), [&](const Tensor& t) { return t.impl()->root == s; });
    if (!passed || s->in_flight || !gone(original(s->value.get()))) continue;
    released_storages.push_back(s.get());
    values.push_back(plain(s->value.get()));
  }
  plain_values = PendingGraph(values).graph(values);
  for (size_t i = 0; i < values.size(); ++i) {
    Storage& s = *released_storages[i];
    const bool ready = s.ready();
    trash.push_back(std::exchange(s.value, released(ready ? s.held->leaf : plain_values.outputs[i])));
  }
  for (const auto& weak : ctx.retaining) {
    auto slot = weak.lock();
    if (slot && slot->retained && gone(slot->retained.get())) trash.push_back(std::exchange(slot->retained, nullptr));
    slots.push_back(std::move(slot));
  }
}

void remember(const std::shared_ptr<Storage>& root) {
  if (is_traced(*root)) return;  // never evaluated
  Context& ctx = context();
  std::lock_guard lock(ctx.mutex);
  if (!root->ready()) ctx.companions.push_back(root);
}

void accumulate(GradSlot& slot, NodeRef gradient, bool create_graph, const Location& loc) {
  std::lock_guard lock(slot.mutex);
  if (!slot.grad.defined()) {
    slot.grad = wrap(std::move(gradient), loc);
  } else if (create_graph || slot.grad.requires_grad()) {
    slot.grad = wrap(Build(loc).op(Op::add, tracked_node_of(slot.grad), gradient), loc);
  } else {
    gradient = Build(loc).op(Op::add, node_of(slot.grad), gradient);
    assign(slot.grad, std::move(gradient), loc);
  }
  remember(slot.grad.impl()->root);
}

const LeafToken* leaf_token(const Node* n) {
  return n->op() == Op::variable ? dynamic_cast<const LeafToken*>(n->payload().get()) : nullptr;
}

bool is_released(const Node* n) {
  return n->op() == Op::variable && dynamic_cast<const ReleasedToken*>(n->payload().get());
}

bool is_leaf_handle(const TensorImpl& t) {
  return t.slot && t.slot->token && !t.steps.empty() && t.steps.back().op == Op::variable;
}

void run_backward(TensorList tensors, TensorList gradients, std::optional<bool> retain_graph, bool create_graph,
                  const Location& loc) {
  const Seeds seeds = seeds_of(tensors, gradients, create_graph, loc);
  const auto outputs = seeds.pointers();
  const auto order = history_order(outputs);
  std::vector<Wanted> wanted;
  std::unordered_map<const GradSlot*, size_t> known;
  for (const Node* n : order) {
    if (is_released(n)) refuse_second_pass(loc);
    const LeafToken* token = leaf_token(n);
    auto slot = token ? token->slot() : nullptr;
    if (!slot) continue;
    if (slot->trace != TraceScope::current_id())
      throw Error(ErrorKind::Unsupported,
                  "backward() would leave a gradient in a tensor that was made outside of the compiled function",
                  "use value_and_grad() or autograd::grad(), and return the gradients", loc);
    const auto [it, fresh] = known.emplace(slot.get(), wanted.size());
    if (fresh) wanted.push_back({std::move(slot), {}});
    wanted[it->second].nodes.push_back(n);
  }
  {
    Context& ctx = context();
    std::lock_guard lock(ctx.mutex);
    std::erase_if(ctx.retaining, [](const auto& weak) { return weak.expired(); });
    if (!ctx.retaining.empty()) {
      const std::unordered_set<const Node*> inside(order.begin(), order.end());
      for (const auto& weak : ctx.retaining)
        if (auto slot = weak.lock(); slot && slot->retained && inside.count(slot->retained.get())) {
          const Node* n = slot->retained.get();
          wanted.push_back({std::move(slot), {n}});
        }
    }
  }
  const EnableGradGuard recording;  // what is differentiable below shows in the nodes, not in the mode
  std::vector<NodeRef> result = gradients_of(seeds, wanted, loc);
  if (!create_graph) settle(result);
  if (!retain_graph.value_or(create_graph)) release(tensors, order);
  const AutoGradMode mode(create_graph);
  for (size_t i = 0; i < wanted.size(); ++i) accumulate(*wanted[i].slot, std::move(result[i]), create_graph, loc);
  for (const Tensor& t : tensors) remember(t.impl()->root);
}

/// The nodes by which a graph may know a tensor.
std::vector<const Node*> nodes_of(const Tensor& t, const std::vector<const Node*>& order, std::vector<NodeRef>& hold) {
  const TensorImpl& impl = *t.impl();
  std::vector<const Node*> result;
  if (is_leaf_handle(impl)) {
    for (const Node* n : order)
      if (n->op() == Op::variable && n->payload() == impl.slot->token) result.push_back(n);
    return result;
  }
  const std::unordered_set<const Node*> inside(order.begin(), order.end());
  for (NodeRef n : versions_of(t)) {
    if (!inside.count(n.get())) continue;
    result.push_back(n.get());
    hold.push_back(std::move(n));
  }
  return result;
}

}  // namespace

namespace autograd {

void backward(TensorList tensors, TensorList grad_tensors, std::optional<bool> retain_graph, bool create_graph,
              Location loc) {
  run_backward(tensors, grad_tensors, retain_graph, create_graph, loc);
}

std::vector<Tensor> grad(TensorList outputs, TensorList inputs, TensorList grad_outputs,
                         std::optional<bool> retain_graph, bool create_graph, bool allow_unused, Location loc) {
  if (inputs.empty()) throw Error(ErrorKind::Value, "grad requires non-empty inputs.", {}, loc);
  const Seeds seeds = seeds_of(outputs, grad_outputs, create_graph, loc);
  const auto nodes = seeds.pointers();
  const auto order = history_order(nodes);
  for (const Node* n : order)
    if (is_released(n)) refuse_second_pass(loc);
  std::vector<Wanted> wanted;
  std::vector<NodeRef> hold;
  for (const Tensor& t : inputs) {
    if (!is_tracked(*impl_of(t, loc)))
      throw Error(ErrorKind::Value, "One of the differentiated Tensors does not require grad",
                  "call requires_grad_() on it before computing with it", loc);
    wanted.push_back({nullptr, nodes_of(t, order, hold)});
    if (wanted.back().nodes.empty() && !allow_unused)
      throw Error(ErrorKind::Value,
                  "One of the differentiated Tensors appears to not have been used in the graph. Set "
                  "allow_unused=True if this is the desired behavior.",
                  {}, loc);
  }
  const EnableGradGuard recording;
  std::vector<NodeRef> result = gradients_of(seeds, wanted, loc);
  if (!create_graph) settle(result);
  if (!retain_graph.value_or(create_graph)) release(outputs, order);
  std::vector<Tensor> tensors;
  for (NodeRef& g : result) {
    tensors.push_back(g ? wrap(std::move(g), loc) : Tensor());
    if (tensors.back().defined()) remember(tensors.back().impl()->root);
  }
  for (const Tensor& t : outputs) remember(t.impl()->root);
  return tensors;
}

}  // namespace autograd

Tensor stop_gradient(const Tensor& x, Location loc) {
  impl_of(x, loc);
  return wrap(untracked(node_of(x), loc), loc);
}

Tensor& Tensor::requires_grad_(bool on, Location loc) {
  TensorImpl& impl = *impl_of(*this, loc);
  if (!on) {
    if (is_leaf_handle(impl)) {
      impl.steps.pop_back();
    } else if (is_tracked(impl)) {
      throw Error(
          ErrorKind::Value,
          "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
          "a subgraph that doesn't require differentiation use var_no_grad = var.detach().",
          {}, loc);
    }
    return *this;
  }
  if (is_tracked(impl)) return *this;
  if (!is_floating(impl.dtype))
    throw Error(ErrorKind::DType, "only Tensors of floating point dtype can require gradients",
                fmt::format("it is {}: convert it with to(kFloat32)", name(impl.dtype)), loc);
  if (!impl.slot) impl.slot = std::make_shared<GradSlot>();
  if (!impl.slot->token) {
    impl.slot->id = interner().next_leaf_id();
    impl.slot->token = std::make_shared<LeafToken>(impl.slot);
  }
  impl.steps.push_back({Op::variable, ir::LeafAttr{impl.slot->id}, impl.shape, impl.slot->token});
  return *this;
}

bool Tensor::requires_grad() const {
  return is_tracked(*impl_of(*this));
}

bool Tensor::is_leaf() const {
  const TensorImpl& impl = *impl_of(*this);
  return is_leaf_handle(impl) || !is_tracked(impl);
}

Tensor Tensor::grad() const {
  const auto& slot = impl_of(*this)->slot;
  if (!slot) return {};
  std::lock_guard lock(slot->mutex);
  return slot->grad;
}

Tensor& Tensor::mutable_grad() {
  TensorImpl& impl = *impl_of(*this);
  if (!impl.slot) impl.slot = std::make_shared<GradSlot>();
  return impl.slot->grad;
}

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph, bool create_graph, Location loc) const {
  impl_of(*this, loc);
  run_backward(TensorList(std::span<const Tensor>(this, 1)), TensorList(std::span<const Tensor>(&gradient, 1)),
               retain_graph, create_graph, loc);
}

Tensor Tensor::detach(Location loc) const {
  auto impl = std::make_shared<TensorImpl>(*impl_of(*this, loc));
  impl->slot = nullptr;
  impl->taken = nullptr;
  impl->where = loc;
  if (impl->steps.empty() || impl->steps.back().op != Op::stop_gradient)
    impl->steps.push_back({Op::stop_gradient, ir::NoAttr{}, impl->shape});
  return Tensor(std::move(impl));
}

Tensor& Tensor::detach_(Location loc) {
  TensorImpl& impl = *impl_of(*this, loc);
  if (is_leaf_handle(impl)) {
    impl.steps.pop_back();
  } else if (is_tracked(impl)) {
    impl.slot = nullptr;
    impl.steps.push_back({Op::stop_gradient, ir::NoAttr{}, impl.shape});
  }
  return *this;
}

void Tensor::retain_grad(Location loc) {
  TensorImpl& impl = *impl_of(*this, loc);
  if (!is_tracked(impl))
    throw Error(ErrorKind::Value, "can't retain_grad on Tensor that has requires_grad=False", {}, loc);
  if (is_leaf_handle(impl) || retains_grad()) return;
  auto slot = std::make_shared<GradSlot>();
  slot->retains = true;
  slot->retained = versions_of(*this).back();
  impl.slot = slot;
  Context& ctx = context();
  std::lock_guard lock(ctx.mutex);
  ctx.retaining.push_back(slot);
}

bool Tensor::retains_grad() const {
  const auto& slot = impl_of(*this)->slot;
  return slot && slot->retains;
}

}  // namespace lazuli
