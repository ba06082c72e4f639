// A square of values turned around in registers.
#pragma once
#include "codegen/kernel_builder.h"

namespace lazuli::codegen {

/// Row n of the result holds lane n of every row. As many rows as lanes, a power of two.
std::vector<ValueId> transpose(KernelBuilder& b, const std::vector<ValueId>& rows);

}  // namespace lazuli::codegen
