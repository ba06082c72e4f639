// Squares of values turned around in registers.
#pragma once
#include "codegen/kernel_builder.h"

namespace lazuli::codegen {

/// Rows of a square that machines turn cheaply: what fits in 128 bits, but no more than four.
uint16_t square_rows(DType t, uint16_t lanes);

/// `square_rows` rows of `lanes` lanes: element n of the result holds lane n of every row.
std::vector<ValueId> turn_squares(KernelBuilder& b, const std::vector<ValueId>& rows);

/// As many rows as lanes: element n of the result is column n.
std::vector<ValueId> turn_matrix(KernelBuilder& b, const std::vector<ValueId>& rows);

}  // namespace lazuli::codegen
