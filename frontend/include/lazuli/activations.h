// Activation functions besides the elementwise rows (relu, sigmoid, tanh, silu, gelu, softplus) and nn.h. Half types
// are computed in float32 and rounded once at the end.
#pragma once
#include "lazuli/tensor.h"

namespace lazuli {

/// scale * x where x > 0, else scale * alpha * (exp(input_scale * x) - 1).
Tensor elu(const Tensor& x, Scalar alpha = 1, Scalar scale = 1, Scalar input_scale = 1,
           Location loc = Location::current());
/// elu with the constants that keep mean 0 and variance 1.
Tensor selu(const Tensor& x, Location loc = Location::current());
/// x where x > 0, else alpha * (exp(x / alpha) - 1).
Tensor celu(const Tensor& x, Scalar alpha = 1, Location loc = Location::current());
/// x * tanh(softplus(x)).
Tensor mish(const Tensor& x, Location loc = Location::current());
/// log(sigmoid(x)), accurate.
Tensor log_sigmoid(const Tensor& x, Location loc = Location::current());
/// x / (1 + |x|).
Tensor softsign(const Tensor& x, Location loc = Location::current());
/// x - tanh(x).
Tensor tanhshrink(const Tensor& x, Location loc = Location::current());
/// min(max(x, min_val), max_val); NaN stays.
Tensor hardtanh(const Tensor& x, Scalar min_val = -1, Scalar max_val = 1, Location loc = Location::current());
/// min(max(x, 0), 6).
Tensor relu6(const Tensor& x, Location loc = Location::current());
/// min(max(x + 3, 0), 6) / 6.
Tensor hardsigmoid(const Tensor& x, Location loc = Location::current());
/// x * hardsigmoid(x).
Tensor hardswish(const Tensor& x, Location loc = Location::current());
/// x where x > threshold (or NaN), else value.
Tensor threshold(const Tensor& x, Scalar threshold, Scalar value, Location loc = Location::current());
/// 0 in [-lambd, lambd], else x.
Tensor hardshrink(const Tensor& x, Scalar lambd = 0.5, Location loc = Location::current());
/// x moved towards 0 by lambd, 0 in [-lambd, lambd].
Tensor softshrink(const Tensor& x, Scalar lambd = 0.5, Location loc = Location::current());
/// x where x > 0, else weight * x; one weight, or one per index of axis 1.
Tensor prelu(const Tensor& x, const Tensor& weight, Location loc = Location::current());
/// The first half of an axis times the sigmoid of the second.
Tensor glu(const Tensor& x, int64_t dim = -1, Location loc = Location::current());

}  // namespace lazuli
