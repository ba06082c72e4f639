// How far the expansions are from the true functions, in units in the last place (ULP) of the result's type.
// The oracle shares nothing with the expansions: the C library in double for float32, MPFR for float64.
#pragma once
#include <mpfr.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ir/op.h"

namespace lazuli::accuracy {

struct UnaryCase {
  ir::Op op;
  double bound32, bound64;  // promised ULP
  double (*reference)(double);
  void (*exact)(mpfr_ptr result, mpfr_srcptr x);
  /// Where set, an error below x = 0 may also be this many units of 2^-24 (2^-53) times max(1, |result|).
  double absolute_below_zero = 0;
};
std::span<const UnaryCase> unary_cases();

struct BinaryCase {
  ir::Op op;
  double bound32, bound64;
  double (*reference)(double, double);
  void (*exact)(mpfr_ptr result, mpfr_srcptr x, mpfr_srcptr y);
};
std::span<const BinaryCase> binary_cases();

struct Worst {
  double ulp = 0;
  std::vector<uint64_t> at;  // bit patterns of the operands
  uint64_t got = 0;
  uint64_t count = 0;
  void merge(const Worst& o);
};

/// float32: every `stride`-th bit pattern from `first` on, below `last`.
Worst sweep32(const UnaryCase& c, uint64_t first, uint64_t last, uint64_t stride);
/// float32: the given operands.
Worst measure32(const UnaryCase& c, std::span<const uint64_t> x);
Worst measure32(const BinaryCase& c, std::span<const uint64_t> x, std::span<const uint64_t> y);
/// float64 against MPFR.
Worst measure64(const UnaryCase& c, std::span<const uint64_t> x);
Worst measure64(const BinaryCase& c, std::span<const uint64_t> x, std::span<const uint64_t> y);

/// Bit patterns of `t` that matter everywhere (zeros, infinities, NaN, ends of ranges, values around whole and half
/// numbers) and `n` random ones: uniform patterns, uniform values of moderate size, values near 1.
std::vector<uint64_t> samples(DType t, size_t n, uint64_t seed);
/// All pairs of the first, special samples, and pairs of random ones up to about `n` in all.
struct BinaryOperands {
  std::vector<uint64_t> x, y;
};
BinaryOperands binary_samples(DType t, size_t n, uint64_t seed);
/// "exp(0x1p+3) = 0x1.75p+11", for messages.
std::string describe(ir::Op op, DType t, const Worst& w);

}  // namespace lazuli::accuracy
