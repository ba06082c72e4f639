// Axes: wrapped, sorted, checked.
#include "frontend/ops/axes.h"

#include <fmt/format.h>

#include <algorithm>

namespace lazuli {

ir::Dims all_axes(size_t rank) {
  ir::Dims axes;
  for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  return axes;
}

ir::Dims axes_of(const DimList& dim, int64_t rank, const Location& loc) {
  if (dim.empty()) return all_axes(static_cast<size_t>(rank));
  ir::Dims axes;
  for (int64_t d : dim) {
    const int64_t axis = wrap_dim(d, rank, loc);
    if (std::find(axes.begin(), axes.end(), axis) != axes.end())
      throw Error(ErrorKind::Shape, fmt::format("dim {} appears multiple times in the list of dims", axis), {}, loc);
    if (rank != 0) axes.push_back(axis);
  }
  std::sort(axes.begin(), axes.end());
  return axes;
}

}  // namespace lazuli
