// History: what a tensor was computed from, kept for gradients.
//
// Where it is. Tracking lies on handles: requires_grad_() adds a `variable` step to the handle (and to the views made
// from it afterwards), detach() a `stop_gradient` step; the storage below a leaf stays plain, so that an optimiser
// writes it in place like any other. What is computed from a tracked handle has a node that depends on its `variable`
// (Node::differentiable()), and so is a tracked storage.
//
// What evaluation does to it. A plain storage is re-pointed to its data leaf. A tracked one is re-pointed to
// custom_result(leaf, expression): programs see the leaf, gradients go on to the expression. The node owns what a
// backward pass through the expression will read (Kept), found from the forward nodes through Node::cached. Everything
// goes when the handles and graphs that refer to it go, or when backward() releases it.
//
// Always holds: the nodes of a history are ordinary graph edges, and rules own memory only: nothing recurses.
#pragma once
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "frontend/compile/scope.h"
#include "frontend/tensor_impl.h"

namespace lazuli {

/// Whether this thread records history (grad_mode.h of the public headers).
bool grad_enabled();

/// Where backward() leaves the gradient of a leaf, or of a tensor that retains it. Owned by the handle; graphs refer to
/// it weakly, so a gradient that depends on its own tensor (create_graph) is no cycle.
struct GradSlot {
  std::mutex mutex;
  Tensor grad;
  uint64_t id = 0;                                  // of the `variable` nodes of a leaf
  std::shared_ptr<ir::Payload> token;               // and their payload
  bool retains = false;                             // otherwise: retain_grad() was called,
  ir::NodeRef retained;                             // and this is the node whose gradient is wanted (not released)
  const uint64_t trace = TraceScope::current_id();  // the trace that made it
};

/// Payload of the `variable` nodes of a leaf.
class LeafToken final : public ir::Payload {
 public:
  explicit LeafToken(std::weak_ptr<GradSlot> slot) : slot_(std::move(slot)) {}
  const void* host_data() const override { return nullptr; }
  std::shared_ptr<GradSlot> slot() const { return slot_.lock(); }

 private:
  std::weak_ptr<GradSlot> slot_;
};

/// Payload of the `variable` that stands for a history which backward() has released.
class ReleasedToken final : public ir::Payload {
 public:
  const void* host_data() const override { return nullptr; }
};

/// Memory that a history owns.
using Kept = std::vector<std::shared_ptr<Materialized>>;

/// The rules of the custom_result nodes that stand for histories. Operand 0 is where gradients go on; a second one
/// holds nodes that own the identity of what is kept.
class HistoryRule final : public ir::CustomRule {
 public:
  enum class Kind : uint8_t {
    Computed,  // the value is that of operand 0, in memory
    Written,   // the value was changed without being recorded (detach, no_grad): gradients pass it by
    Apart,     // operand 0 as an operand of an operation that is not the same as another of these operands
  };
  HistoryRule(Kind kind, std::shared_ptr<const Materialized> own, std::shared_ptr<const Kept> kept)
      : kind_(kind), own_(std::move(own)), kept_(std::move(kept)) {}
  Kind kind() const { return kind_; }
  std::vector<ir::NodeRef> vjp(ir::Interner&, std::span<const ir::NodeRef> operands,
                               std::span<const ir::NodeRef> cotangents) const override;

 private:
  Kind kind_;
  std::shared_ptr<const Materialized> own_;  // the value
  std::shared_ptr<const Kept> kept_;         // of the evaluation that computed it
};

/// The rule of a node that stands for a history; null for any other.
const HistoryRule* history_rule(const ir::Node* n);
/// The node that gradients of a node that stands for a history go to; null for any other. (passes::StandsFor)
const ir::Node* behind_history(const ir::Node* n);
/// What gradients with respect to `n` are taken of: through nodes that stand for histories, to the expression.
const ir::Node* original(const ir::Node* n);

/// Whether a gradient could arrive through this handle, grad mode aside.
bool is_tracked(const TensorImpl& t);
/// node_of(), with its history whatever the grad mode.
ir::NodeRef tracked_node_of(const Tensor& t);
/// The nodes by which graphs may know the tensor's value: as it was computed, and (of views) as of every evaluation
/// since. The last is the first.
std::vector<ir::NodeRef> versions_of(const Tensor& t);
/// The same value as a constant to gradients.
ir::NodeRef untracked(const ir::NodeRef& n, const Location& loc);
/// `value` as the new value of a tensor whose history `before` it keeps: written without being recorded.
ir::NodeRef written_over(const ir::NodeRef& value, const ir::NodeRef& before, const Location& loc);
/// The result of an operation on tracked operands as a node that no other tensor has: equal nodes are one, and what is
/// computed twice would otherwise have one history, for a backward pass through either to release.
ir::NodeRef apart(ir::NodeRef value);
/// `value`, which has been computed into `own`, with its history. `identities` (may be null): see bundle().
ir::NodeRef computed_history(const ir::NodeRef& value, std::shared_ptr<Materialized> own, const ir::Node* identities,
                             std::shared_ptr<const Kept> kept);
/// One node that owns the nodes of kept values; null if there are none.
ir::NodeRef bundle(std::span<const ir::NodeRef> nodes);
/// Whether the expression itself outlives its evaluation: computed_history() refers to it.
bool kept_by_history(const ir::Node* value);
/// The same history over another data leaf.
ir::NodeRef on_leaf(const ir::NodeRef& value, const ir::NodeRef& leaf);
/// A tracked value whose history is gone.
ir::NodeRef released(const ir::NodeRef& value);

/// A variable that is no handle's leaf.
ir::NodeRef fresh_variable(const ir::Node* value);
/// Graph order of everything that gradients of the outputs can reach: differentiable nodes, producers first.
std::vector<const ir::Node*> history_order(std::span<const ir::Node* const> outputs);

/// The nodes that an evaluation of these values has to keep in memory for a later backward pass: what the pass reads,
/// less what is cheap to compute from the rest. Producers first. Runs user code (custom gradients): no locks held.
std::vector<ir::NodeRef> values_to_keep(std::span<const ir::NodeRef> values);

}  // namespace lazuli
