// Expansions of mathematical functions over scalar primitives: one definition for the interpreter, LLVM and CUDA.
// Each takes float32 or float64 values; float32 expansions use no float64. Accuracy: docs/accuracy.md.
#pragma once
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
Value cbrt(Builder& s, Value x);
Value rsqrt(Builder& s, Value x);
Value pow(Builder& s, Value x, Value y);
Value lgamma(Builder& s, Value x);
Value sigmoid(Builder& s, Value x);

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

/// Philox4x32-10 (Salmon et al., SC 2011). Element e of a stream takes word (e/16)%4 of counter block
/// (e/64)*16 + e%16, so that 16 vector lanes share one evaluation over four consecutive vectors.
/// seed, offset, element: int64. Returns 32 random bits as int32.
Value philox_bits(Builder& s, Value seed, Value offset, Value element);

}  // namespace lazuli::scalar
