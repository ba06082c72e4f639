// What reading at indices is written with: gather nodes, and the place of their axes.
#pragma once
#include <span>

#include "frontend/tensor_impl.h"

namespace lazuli {

/// gather over `axes` (ascending), with one int64 index node per axis.
ir::NodeRef gather_at(const ir::NodeRef& x, ir::Dims axes, std::span<const ir::NodeRef> indices, const Location& loc);
/// The axes [first, first + count) moved so that they begin at `to`; the others keep their order.
ir::NodeRef move_axes(const ir::NodeRef& x, size_t first, size_t count, size_t to, const Location& loc);

}  // namespace lazuli
