// Where a reduction reads its operand.
#pragma once
#include <span>

#include "ir/index_expr.h"
#include "ir/node.h"

namespace lazuli::ir {

/// Index of the operand of reduction `n` for the result at `index` (one expression per kept axis): reduced axes of more
/// than one element run over `reduced_axes`, in order.
IndexVec reduction_operand_index(const Node* n, const IndexVec& index, std::span<const IndexId> reduced_axes);

}  // namespace lazuli::ir
