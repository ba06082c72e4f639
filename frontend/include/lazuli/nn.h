// Functions of neural networks and other compositions. Half types are computed in float32 and rounded once at the end.
#pragma once
#include <optional>
#include <string_view>

#include "lazuli/tensor.h"

namespace lazuli {

/// exp(x - max) / sum over one axis.
Tensor softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype = {}, Location loc = Location::current());
/// log(softmax(x)), accurate.
Tensor log_softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype = {}, Location loc = Location::current());
/// (x - mean) / sqrt(var + eps) over the trailing axes of the given shape, times weight plus bias where given.
Tensor layer_norm(const Tensor& x, IntArrayRef normalized_shape, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5, Location loc = Location::current());
/// approximate: "none" (by erf) or "tanh".
Tensor gelu(const Tensor& x, std::string_view approximate, Location loc = Location::current());
/// x where x > 0, else slope * x.
Tensor leaky_relu(const Tensor& x, Scalar negative_slope = 0.01, Location loc = Location::current());

// ---- Variants of elementwise functions. ----
/// Limits with one side open.
Tensor clamp(const Tensor& x, Scalar min, Location loc = Location::current());
Tensor clamp(const Tensor& x, Scalar min, std::nullopt_t, Location loc = Location::current());
Tensor clamp(const Tensor& x, std::nullopt_t, Scalar max, Location loc = Location::current());
Tensor clip(const Tensor& x, Scalar min, Scalar max, Location loc = Location::current());
/// x + alpha * y, x - alpha * y.
Tensor add(const Tensor& x, const Tensor& y, Scalar alpha, Location loc = Location::current());
Tensor sub(const Tensor& x, const Tensor& y, Scalar alpha, Location loc = Location::current());
/// rounding_mode: "trunc" (toward zero) or "floor"; the result has the promoted type.
Tensor div(const Tensor& x, const Tensor& y, std::string_view rounding_mode, Location loc = Location::current());
Tensor div(const Tensor& x, Scalar y, std::string_view rounding_mode, Location loc = Location::current());

/// x + value * (y * z), x + value * (y / z).
Tensor addcmul(const Tensor& x, const Tensor& y, const Tensor& z, Scalar value, Location loc = Location::current());
Tensor addcdiv(const Tensor& x, const Tensor& y, const Tensor& z, Scalar value, Location loc = Location::current());
/// y - alpha * x.
Tensor rsub(const Tensor& x, const Tensor& y, Scalar alpha = 1, Location loc = Location::current());
Tensor rsub(const Tensor& x, Scalar y, Scalar alpha = 1, Location loc = Location::current());
/// pow in float64.
Tensor float_power(const Tensor& x, const Tensor& y, Location loc = Location::current());
Tensor float_power(const Tensor& x, Scalar y, Location loc = Location::current());
/// log2(2^x + 2^y) without overflow.
Tensor logaddexp2(const Tensor& x, const Tensor& y, Location loc = Location::current());
/// sin(pi x) / (pi x), 1 at 0.
Tensor sinc(const Tensor& x, Location loc = Location::current());
/// x * 2^y.
Tensor ldexp(const Tensor& x, const Tensor& y, Location loc = Location::current());
/// x itself; bool is refused.
Tensor positive(const Tensor& x, Location loc = Location::current());
/// sign, by the name for complex numbers.
Tensor sgn(const Tensor& x, Location loc = Location::current());
/// Rounded to so many decimal places.
Tensor round(const Tensor& x, int64_t decimals, Location loc = Location::current());
/// NaN and the infinities replaced by numbers; without one by 0 and the type's limits.
Tensor nan_to_num(const Tensor& x, std::optional<double> nan, std::optional<double> posinf = {},
                  std::optional<double> neginf = {}, Location loc = Location::current());
/// log(x / (1 - x)); with eps, x is first limited to [eps, 1 - eps].
Tensor logit(const Tensor& x, std::optional<double> eps, Location loc = Location::current());
/// The n-th derivative of digamma; from the third on for x > 0.
Tensor polygamma(int64_t n, const Tensor& x, Location loc = Location::current());
/// The logarithm of the multivariate gamma function of dimension p.
Tensor mvlgamma(const Tensor& x, int64_t p, Location loc = Location::current());
/// The greatest common divisor and the least common multiple of integers, not negative.
Tensor gcd(const Tensor& x, const Tensor& y, Location loc = Location::current());
Tensor lcm(const Tensor& x, const Tensor& y, Location loc = Location::current());
/// Mantissas in [0.5, 1) and int32 exponents: x = mantissa * 2^exponent. Of 0, infinities and NaN: x itself, and 0.
std::pair<Tensor, Tensor> frexp(const Tensor& x, Location loc = Location::current());
/// The angle of real numbers in the complex plane: 0, or pi below 0.
Tensor angle(const Tensor& x, Location loc = Location::current());
/// x itself, by names for complex numbers.
Tensor real(const Tensor& x, Location loc = Location::current());
Tensor conj(const Tensor& x, Location loc = Location::current());
/// True everywhere: numbers are real.
Tensor isreal(const Tensor& x, Location loc = Location::current());
/// Whether the only element is not zero. Evaluates.
bool is_nonzero(const Tensor& x, Location loc = Location::current());
/// A tensor like x that holds one number.
Tensor fill(const Tensor& x, Scalar value, Location loc = Location::current());
Tensor fill(const Tensor& x, const Tensor& value, Location loc = Location::current());
/// Which elements of x occur among `test_elements`.
Tensor isin(const Tensor& elements, const Tensor& test_elements, bool assume_unique = false, bool invert = false,
            Location loc = Location::current());

// ---- Comparing. ----
/// |x - y| <= atol + rtol * |y|, element by element.
Tensor isclose(const Tensor& x, const Tensor& y, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false,
               Location loc = Location::current());
/// Whether isclose holds everywhere. Evaluates.
bool allclose(const Tensor& x, const Tensor& y, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false,
              Location loc = Location::current());
/// Whether shapes and elements are equal. Evaluates.
bool equal(const Tensor& x, const Tensor& y, Location loc = Location::current());

/// The type that x and y promote to together.
DType result_type(const Tensor& x, const Tensor& y);
DType result_type(const Tensor& x, Scalar y);
/// Whether a result of one type may be written to another.
bool can_cast(DType from, DType to);
DType promote_types(DType a, DType b);

}  // namespace lazuli
