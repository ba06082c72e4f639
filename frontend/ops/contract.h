// Contractions as nodes, for the products of tensors.
#pragma once
#include <string_view>

#include "frontend/tensor_impl.h"

namespace lazuli {

/// Result axes are batch, then free ones of a, then free ones of b.
ir::NodeRef dot_general(const ir::NodeRef& a, const ir::NodeRef& b, ir::DotDims dims, const Location& loc);
/// Throws DType unless both have one type that is not bool, Device unless they are on one device.
void check_product_types(std::string_view op, const ir::NodeRef& a, const ir::NodeRef& b, const Location& loc);

}  // namespace lazuli
