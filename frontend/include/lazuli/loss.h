// Losses. Half types are computed in float32 and rounded once at the end. Every function fuses with what it is applied
// to, and its gradient does too.
#pragma once
#include <cstdint>

#include "lazuli/tensor.h"

namespace lazuli {

/// What becomes of the losses of the single elements (or samples).
enum class Reduction : uint8_t { None, Mean, Sum };

struct NllOptions {
  Tensor weight = {};  // (C): a factor per class; the mean is weighted by it
  Reduction reduction = Reduction::Mean;
  int64_t ignore_index = -100;  // samples of this class count nothing
};
struct CrossEntropyOptions {
  Tensor weight = {};
  Reduction reduction = Reduction::Mean;
  int64_t ignore_index = -100;
  double label_smoothing = 0;  // in [0, 1]: the part of every target that is spread evenly over all classes
};

/// -log softmax(input)[target], softmax over axis 1 (axis 0 of a 1-D input): input (C), (N, C) or (N, C, d...) of
/// floats. target: class indices in [0, C), int64, of the input's shape without its class axis; or probabilities,
/// floats of the input's shape. Errors: Shape, DType; Index when it is evaluated and a class is out of bounds.
Tensor cross_entropy(const Tensor& input, const Tensor& target, const CrossEntropyOptions& options = {},
                     Location loc = Location::current());
/// -input[target] for log probabilities; shapes as for cross_entropy with class indices.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NllOptions& options = {},
                Location loc = Location::current());

/// (input - target)^2.
Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean,
                Location loc = Location::current());
/// |input - target|.
Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean,
               Location loc = Location::current());
/// d^2 / 2 where |d| <= delta, else delta * (|d| - delta / 2); d = input - target, delta > 0.
Tensor huber_loss(const Tensor& input, const Tensor& target, double delta = 1, Reduction reduction = Reduction::Mean,
                  Location loc = Location::current());

struct BinaryCrossEntropyOptions {
  Tensor weight = {};      // a factor per element, broadcast
  Tensor pos_weight = {};  // a factor of the positive part, broadcast; with_logits only
  Reduction reduction = Reduction::Mean;
};
/// -(t log p + (1 - t) log(1 - p)) for probabilities p in [0, 1]; logarithms are cut at -100.
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const BinaryCrossEntropyOptions& options = {},
                            Location loc = Location::current());
/// The same with p = sigmoid(input), without loss of accuracy for large |input|.
Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BinaryCrossEntropyOptions& options = {},
                                        Location loc = Location::current());

/// While training, zero with probability p and else x / (1 - p); otherwise x. Draws from the default generator.
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true, Location loc = Location::current());

}  // namespace lazuli
