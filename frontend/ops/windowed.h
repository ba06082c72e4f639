// What convolution and pooling share: numbers per axis, and inputs with or without a batch.
#pragma once
#include <string_view>

#include "frontend/build.h"
#include "ir/ops/window.h"

namespace lazuli {

/// One number per axis, from as many or from one.
ir::Dims per_axis(std::string_view op, std::string_view what, IntArrayRef list, size_t axes, const Location& loc);
/// Errors unless all are at least `least`.
void check_least(std::string_view op, std::string_view what, const ir::Dims& list, int64_t least, const Location& loc);
/// With a batch of one in front where x has none.
ir::NodeRef with_batch(std::string_view op, const ir::NodeRef& x, size_t axes, const Location& loc);
/// Without the batch that with_batch() added.
Tensor as_given(const Tensor& result, const ir::NodeRef& x, size_t axes, const Location& loc);

}  // namespace lazuli
