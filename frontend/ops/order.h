// Sorting as nodes, for the compositions that need an order.
#pragma once
#include "frontend/tensor_impl.h"

namespace lazuli {

/// int64 positions of the elements along `axis` in order, of any type.
ir::NodeRef argsort_node(const ir::NodeRef& x, int64_t axis, bool descending, const Location& loc);

}  // namespace lazuli
