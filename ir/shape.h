// Shapes: dims plus the arithmetic on them. Products are checked for overflow.
#pragma once
#include <optional>
#include <string>

#include "ir/small_vec.h"

namespace lazuli::ir {

using Shape = Dims;

/// Most axes a tensor may have.
inline constexpr size_t kMaxRank = 32;

/// Number of elements; empty when the product exceeds 2^63-1. A size of 0 gives 0.
std::optional<int64_t> checked_numel(std::span<const int64_t> dims);
/// Number of elements of a shape that a node already has (cannot overflow).
int64_t numel(std::span<const int64_t> dims);
/// Row-major strides in elements.
Dims contiguous_strides(std::span<const int64_t> dims);
/// "[2, 3]"
std::string str(std::span<const int64_t> dims);
/// The shape both broadcast to by NumPy's rules; empty if they do not.
std::optional<Shape> broadcast(std::span<const int64_t> a, std::span<const int64_t> b);

}  // namespace lazuli::ir
