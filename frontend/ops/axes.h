// Axes as users give them (negative, in any order, none for all) to axes as nodes want them (ascending, distinct).
#pragma once
#include "frontend/tensor_impl.h"
#include "lazuli/dim_list.h"

namespace lazuli {

/// Ascending; every axis when `dim` is empty. Throws "Dimension out of range ...", "dim 0 appears multiple times ...".
ir::Dims axes_of(const DimList& dim, int64_t rank, const Location& loc);
/// 0 .. rank-1.
ir::Dims all_axes(size_t rank);

}  // namespace lazuli
