// Division of indices by a size that is known only at launch: the host computes a multiplier and a shift,
// generated code multiplies. Exact for 0 <= x < 2^31 and 1 <= d < 2^31 (Granlund and Montgomery, PLDI 1994).
#pragma once
#include <bit>
#include <cstdint>

namespace lazuli::codegen {

struct FastDivisor {
  int64_t multiplier, shift;
};

constexpr FastDivisor fast_divisor(int64_t d) {
  const int s = std::bit_width(static_cast<uint64_t>(d - 1));  // ceil(log2 d)
  // m = ceil(2^(31+s) / d) <= 2^32, so x * m < 2^63, and the error of x * m / 2^(31+s) stays below 1/d.
  const int shift = 31 + s;
  const uint64_t m = ((uint64_t{1} << shift) + static_cast<uint64_t>(d) - 1) / static_cast<uint64_t>(d);
  return {static_cast<int64_t>(m), shift};
}

}  // namespace lazuli::codegen
