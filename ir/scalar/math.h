// Expansions of mathematical functions over scalar primitives: one definition for the interpreter, LLVM and CUDA.
// Each takes float32 or float64 values; float32 expansions use no float64. Accuracy: docs/accuracy.md.
#pragma once
#include <array>

#include "ir/scalar/builder.h"

namespace lazuli::scalar {

Value exp(Builder& s, Value x);
Value exp2(Builder& s, Value x);
Value expm1(Builder& s, Value x);
Value log(Builder& s, Value x);
Value log2(Builder& s, Value x);
Value log10(Builder& s, Value x);
Value log1p(Builder& s, Value x);
Value sin(Builder& s, Value x);
Value cos(Builder& s, Value x);
Value tan(Builder& s, Value x);
Value asin(Builder& s, Value x);
Value acos(Builder& s, Value x);
Value atan(Builder& s, Value x);
Value atan2(Builder& s, Value y, Value x);
Value sinh(Builder& s, Value x);
Value cosh(Builder& s, Value x);
Value tanh(Builder& s, Value x);
Value asinh(Builder& s, Value x);
Value acosh(Builder& s, Value x);
Value atanh(Builder& s, Value x);
Value erf(Builder& s, Value x);
Value erfc(Builder& s, Value x);
/// The inverse of erf; NaN outside [-1, 1].
Value erfinv(Builder& s, Value x);
Value cbrt(Builder& s, Value x);
Value rsqrt(Builder& s, Value x);
Value pow(Builder& s, Value x, Value y);
Value lgamma(Builder& s, Value x);
/// The first three derivatives of lgamma.
Value digamma(Builder& s, Value x);
Value trigamma(Builder& s, Value x);
Value tetragamma(Builder& s, Value x);
Value sigmoid(Builder& s, Value x);
/// w * sigmoid(u), without losing bits where sigmoid(u) is denormal. NaN where w is infinite and sigmoid(u) is 0.
Value times_sigmoid(Builder& s, Value w, Value u);
/// x Phi(x), Phi the normal distribution function.
Value gelu(Builder& s, Value x);
Value gelu_tanh(Builder& s, Value x);
Value softplus(Builder& s, Value x);
Value logit(Builder& s, Value x);
Value logaddexp(Builder& s, Value x, Value y);
Value hypot(Builder& s, Value x, Value y);

// Integer and mixed helpers used by rows.
/// Python's floor division and modulo on integers (divisor's sign); the caller adds the check for zero.
Value floor_div_int(Builder& s, Value a, Value b);
Value floor_mod_int(Builder& s, Value a, Value b);
/// torch.floor_divide and torch.remainder on floats.
Value floor_div_float(Builder& s, Value a, Value b);
Value floor_mod_float(Builder& s, Value a, Value b);
/// torch.fmod on floats.
Value fmod_float(Builder& s, Value a, Value b);
/// Integer power; a negative exponent gives 0 except for bases 1 and -1.
Value pow_int(Builder& s, Value base, Value exponent);

// Bodies of rows that differ by type.
/// x, checked to lie in [0, y).
Value check_index(Builder& s, Value x, Value y);
/// torch.floor_divide, torch.remainder, torch.fmod; integers are checked for a divisor of 0.
Value floor_divide(Builder& s, Value x, Value y);
Value remainder(Builder& s, Value x, Value y);
Value fmod(Builder& s, Value x, Value y);
Value sign(Builder& s, Value x);
Value signbit(Builder& s, Value x);
/// y where x is NaN, x where y is NaN, else `both`.
Value prefer_number(Builder& s, Value x, Value y, Value both);
Value nan_to_num(Builder& s, Value x);
/// Shifts by any amount: what is shifted by the width or more is gone.
Value left_shift(Builder& s, Value x, Value amount);
Value right_shift(Builder& s, Value x, Value amount);

/// Philox4x32-10 (Salmon et al., SC 2011). Element e of a stream takes word (e/16)%4 of counter block
/// (e/64)*16 + e%16, so that 16 vector lanes share one evaluation over four consecutive vectors.
/// seed, offset, element: int64. The key is the seed; the offset is the upper half of the counter.
/// Returns 32 random bits as int32.
Value philox_bits(Builder& s, Value seed, Value offset, Value element);
/// The raw block function on int32 words, least significant first.
std::array<Value, 4> philox_block(Builder& s, std::array<Value, 4> counter, std::array<Value, 2> key);

}  // namespace lazuli::scalar
