// Which 64-bit integers of a kernel may be computed in 32 bits: sums, differences, products and shifts to the left that
// end in addresses alone. All of these keep the low 32 bits right whatever overflows on the way, and the address itself
// is known to fit.
#pragma once
#include <vector>

#include "codegen/kernel.h"

namespace lazuli::codegen {

/// Per value. `all_buffers`: no buffer has 2^31 elements or more; else that is known of memory of blocks alone.
std::vector<bool> narrow_values(const Kernel& k, bool all_buffers);

}  // namespace lazuli::codegen
