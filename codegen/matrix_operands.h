// Operands of contractions on matrix units: elements of tensors as they are (lower_block_matrix.cpp).
#pragma once
#include <optional>

#include "codegen/contract_plan.h"

namespace lazuli::codegen {

/// How an operand lies in memory.
struct MatrixOperand {
  ItemId item;     // its load
  int64_t stride;  // of its free axis, or, where that is consecutive, of the depth
  bool along_depth;
};

/// The distance of neighbours along these loops taken as one; nothing where it varies.
std::optional<int64_t> flat_stride(const RegionEmitter& e, ir::IndexId position, const std::vector<size_t>& groups);
/// Nothing where matrix units cannot take it.
std::optional<MatrixOperand> matrix_operand(const RegionEmitter& e, ItemId id, const std::vector<size_t>& free,
                                            const std::vector<size_t>& depth);

}  // namespace lazuli::codegen
