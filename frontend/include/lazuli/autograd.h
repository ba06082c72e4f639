// Gradients of tensors that require them: the functions beside Tensor::backward(), grad() and requires_grad_().
//
//   auto w = randn({3}).requires_grad_();
//   (w * w).sum().backward();
//   { NoGradGuard guard; w -= 0.1 * w.grad(); }    // in place, and still a leaf
//
// Gradients have the dtype and shape of their tensor. Everything is lazy: backward() builds a graph, and evaluating any
// of its results computes all that are still wanted in one program. Observing a result before backward() keeps what the
// backward pass will read, so nothing is computed twice.
#pragma once
#include <optional>
#include <vector>

#include "lazuli/grad_mode.h"
#include "lazuli/tensor.h"
#include "lazuli/tensor_list.h"

namespace lazuli {

/// The same value, a constant to gradients: a new tensor (detach() shares the storage).
Tensor stop_gradient(const Tensor& x, Location loc = Location::current());

namespace autograd {

/// Adds the gradients of the outputs to grad() of the leaves that they depend on (and of tensors that retain theirs).
/// An undefined or missing entry of `grad_tensors` stands for 1, which needs an output of one element. The history is
/// released unless retain_graph (default: create_graph) is set; with create_graph the gradients have a history.
void backward(TensorList tensors, TensorList grad_tensors = {}, std::optional<bool> retain_graph = {},
              bool create_graph = false, Location loc = Location::current());

/// The gradients of the sum of the outputs with respect to the inputs, which need not be leaves; nothing is
/// accumulated. An input that the outputs do not depend on is an error, or undefined in the result with allow_unused.
std::vector<Tensor> grad(TensorList outputs, TensorList inputs, TensorList grad_outputs = {},
                         std::optional<bool> retain_graph = {}, bool create_graph = false, bool allow_unused = false,
                         Location loc = Location::current());

}  // namespace autograd
}  // namespace lazuli
