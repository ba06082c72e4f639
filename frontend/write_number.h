// Numbers written to a few elements of a large tensor at the call, without a graph.
#pragma once
#include "frontend/tensor_impl.h"

namespace lazuli {

/// Writes the number into the memory of the tensor's storage, if that is ready, on the host, and nobody else can tell;
/// otherwise does nothing and returns false. Loops of `x(i, j) = v` need no program per write.
bool write_number(const TensorImpl& dst, const Scalar& value, const Location& loc);

}  // namespace lazuli
