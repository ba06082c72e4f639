// Strides of views: how a view's elements stand in its root, which is row-major.
#pragma once
#include <optional>
#include <string>

#include "ir/shape.h"
#include "lazuli/base/error.h"

namespace lazuli {

bool is_row_major(const ir::Dims& shape, const ir::Dims& strides);
/// Strides of the same elements in order under another shape; empty where no strides express it.
std::optional<ir::Dims> reshaped_strides(const ir::Dims& shape, const ir::Dims& strides, const ir::Dims& to);
/// Whether two elements stand at one place. Strides are not negative.
bool overlaps(const ir::Dims& shape, const ir::Dims& strides);
/// Replaces the one -1 by what fits. Throws the messages of PyTorch's reshape.
ir::Dims infer_sizes(std::span<const int64_t> sizes, int64_t numel, const Location& loc);

}  // namespace lazuli
