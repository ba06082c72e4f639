// The rules of functions whose gradient is not that of what they compute: custom_gradient and checkpoint.
#pragma once
#include <functional>
#include <memory>

#include "frontend/tensor_impl.h"

namespace lazuli {

/// custom_gradient. Operands: the arguments' tensors, then the results as values. Owns no node and no tensor, so that
/// histories die without recursion.
class FunctionRule final : public ir::CustomRule, public std::enable_shared_from_this<FunctionRule> {
 public:
  /// Gradients of the arguments (undefined: none), given the arguments, the results and what arrives at them.
  using Backward =
      std::function<std::vector<Tensor>(std::span<const Tensor>, std::span<const Tensor>, std::span<const Tensor>)>;
  FunctionRule(Backward backward, size_t arguments, Location loc)
      : backward_(std::move(backward)), arguments_(arguments), loc_(loc) {}
  std::vector<ir::NodeRef> vjp(ir::Interner&, std::span<const ir::NodeRef> operands,
                               std::span<const ir::NodeRef> cotangents) const override;
  /// Result `i` of the call.
  ir::NodeRef result(std::span<const ir::NodeRef> operands, size_t i) const;

 private:
  Backward backward_;
  size_t arguments_;
  Location loc_;
};

/// checkpoint. Operands: the arguments' tensors, what else the function reads that is differentiable, then the results.
/// The backward pass computes the function again from its operands, behind barriers.
class CheckpointRule final : public ir::CustomRule {
 public:
  CheckpointRule(size_t arguments, size_t read) : arguments_(arguments), read_(read) {}
  std::vector<ir::NodeRef> vjp(ir::Interner&, std::span<const ir::NodeRef> operands,
                               std::span<const ir::NodeRef> cotangents) const override;

 private:
  size_t arguments_, read_;
};

/// What a node is in a graph that is differentiated forwards: the expression behind a computed value, the value of a
/// checkpoint; null where it is itself.
const ir::Node* forward_expression(const ir::Node* n);

}  // namespace lazuli
