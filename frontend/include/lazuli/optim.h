// Optimisers as functions on trees: parameters, gradients and state go in, parameters and state come out. Nothing is
// written in place, so a training step is a pure function that can be compiled, and donated memory is used again.
//
// They are differentiable like every function; what they return for tensors that require grad does too, unless grad
// mode is off.
//
//   auto state = optim::adam_state(params);
//   std::tie(params, state) = optim::adam(params, gradients, state, 1e-3);
//
// All parameters of one call are updated in one launch. Every number (the learning rate first) is an argument of the
// kernel: changing it compiles nothing. Formulas are PyTorch's (torch.optim.SGD, Adam, AdamW).
#pragma once
#include <utility>

#include "lazuli/creation.h"
#include "lazuli/operand.h"
#include "lazuli/tree.h"

namespace lazuli::optim {

struct SgdOptions {
  double momentum = 0;
  double weight_decay = 0;  // added to the gradient, times the parameter
  bool nesterov = false;    // needs momentum
};
/// What sgd carries from step to step: a tree.
template <class Params>
struct SgdState {
  Params momentum;
};

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999;  // decay of the running means, in [0, 1)
  double epsilon = 1e-8;
  double weight_decay = 0;  // adam: added to the gradient; adamw: shrinks the parameter itself
};
/// What adam and adamw carry from step to step: a tree.
template <class Params>
struct AdamState {
  Params mean, square;  // running means of the gradient and of its square
  Tensor steps;         // 0-d int64: steps taken
};

namespace detail {

using Leaves = std::vector<Tensor>;

/// One update of all leaves: new parameters, new momenta.
std::pair<Leaves, Leaves> sgd(const Leaves& params, const Leaves& gradients, const Leaves& momentum,
                              const Operand& rate, const SgdOptions& options, Location loc);
struct AdamLeaves {
  Leaves params, mean, square;
  Tensor steps;
};
/// `decoupled`: weight decay as in AdamW.
AdamLeaves adam(const AdamLeaves& now, const Leaves& gradients, const Operand& rate, const AdamOptions& options,
                bool decoupled, Location loc);
Tensor no_steps(const Leaves& params, Location loc);

template <class Params>
std::pair<Params, AdamState<Params>> adam_step(const Params& params, const Params& gradients,
                                               const AdamState<Params>& state, const Operand& rate,
                                               const AdamOptions& options, bool decoupled, Location loc) {
  check_same_structure("the gradients", params, gradients, loc);
  check_same_structure("the optimiser's state", params, state.mean, loc);
  check_same_structure("the optimiser's state", params, state.square, loc);
  const AdamLeaves next = adam({tree_leaves(params), tree_leaves(state.mean), tree_leaves(state.square), state.steps},
                               tree_leaves(gradients), rate, options, decoupled, loc);
  return {tree_unflatten(params, next.params),
          {tree_unflatten(state.mean, next.mean), tree_unflatten(state.square, next.square), next.steps}};
}

}  // namespace detail

/// The state before the first step.
template <class Params>
SgdState<Params> sgd_state(const Params& params, Location loc = Location::current()) {
  return {tree_map([&](const Tensor& p) { return zeros_like(p, {}, loc); }, params)};
}

/// params - rate * v, v = momentum * v + gradient; with nesterov: params - rate * (gradient + momentum * v).
/// rate: a number or a 0-d tensor. Errors: Value (structures differ, options out of range), Shape.
template <class Params>
std::pair<Params, SgdState<Params>> sgd(const Params& params, const Params& gradients, const SgdState<Params>& state,
                                        const Operand& rate, const SgdOptions& options = {},
                                        Location loc = Location::current()) {
  check_same_structure("the gradients", params, gradients, loc);
  check_same_structure("the optimiser's state", params, state.momentum, loc);
  const auto [next, momentum] =
      detail::sgd(tree_leaves(params), tree_leaves(gradients), tree_leaves(state.momentum), rate, options, loc);
  return {tree_unflatten(params, next), {tree_unflatten(state.momentum, momentum)}};
}

/// The state before the first step, also of adamw.
template <class Params>
AdamState<Params> adam_state(const Params& params, Location loc = Location::current()) {
  const auto zeros = [&](const Tensor& p) { return zeros_like(p, {}, loc); };
  return {tree_map(zeros, params), tree_map(zeros, params), detail::no_steps(tree_leaves(params), loc)};
}

/// Adam (Kingma and Ba 2015) with bias correction. rate: a number or a 0-d tensor.
/// Errors: Value (structures differ, options out of range), Shape.
template <class Params>
std::pair<Params, AdamState<Params>> adam(const Params& params, const Params& gradients, const AdamState<Params>& state,
                                          const Operand& rate, const AdamOptions& options = {},
                                          Location loc = Location::current()) {
  return detail::adam_step(params, gradients, state, rate, options, false, loc);
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
template <class Params>
std::pair<Params, AdamState<Params>> adamw(const Params& params, const Params& gradients,
                                           const AdamState<Params>& state, const Operand& rate,
                                           const AdamOptions& options = {.weight_decay = 0.01},
                                           Location loc = Location::current()) {
  return detail::adam_step(params, gradients, state, rate, options, true, loc);
}

}  // namespace lazuli::optim
