#include "frontend/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace lazuli {

bool is_row_major(const ir::Dims& shape, const ir::Dims& strides) {
  int64_t expected = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    if (shape[d] == 0) return true;
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

std::optional<ir::Dims> reshaped_strides(const ir::Dims& shape, const ir::Dims& strides, const ir::Dims& to) {
  if (ir::numel(shape) == 0) return ir::contiguous_strides(to);
  ir::Dims result(to.size());
  if (shape.empty()) {
    for (size_t d = 0; d < to.size(); ++d) result[d] = 1;
    return result;
  }
  // From the last axis: collect runs of axes that are one block in memory, and cut each run into new axes.
  size_t next = to.size();
  int64_t block_stride = strides.back(), block = 1, covered = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    block *= shape[d];
    const bool ends = d == 0 || (shape[d - 1] != 1 && strides[d - 1] != block * block_stride);
    if (!ends) continue;
    while (next > 0 && (covered < block || to[next - 1] == 1)) {
      --next;
      result[next] = covered * block_stride;
      covered *= to[next];
    }
    if (covered != block) return std::nullopt;
    if (d > 0) {
      block_stride = strides[d - 1];
      block = covered = 1;
    }
  }
  if (next != 0) return std::nullopt;
  return result;
}

bool overlaps(const ir::Dims& shape, const ir::Dims& strides) {
  if (ir::numel(shape) == 0) return false;
  struct Axis {
    int64_t stride, size;
  };
  std::vector<Axis> axes;
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d] > 1) axes.push_back({strides[d], shape[d]});
  std::sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.stride < b.stride; });
  // The axis of the largest stride adds no overlap where it steps over all that the others reach.
  int64_t reach = 0;
  for (const Axis& a : axes) reach += (a.size - 1) * a.stride;
  while (!axes.empty()) {
    const Axis last = axes.back();
    if (last.stride == 0) return true;
    reach -= (last.size - 1) * last.stride;
    if (last.stride <= reach) {
      reach += (last.size - 1) * last.stride;
      break;
    }
    axes.pop_back();
  }
  if (axes.size() <= 1) return false;
  if (axes.front().stride == 0) return true;
  if (axes.size() == 2) {
    const int64_t common = std::gcd(axes[0].stride, axes[1].stride);
    return axes[1].stride / common < axes[0].size && axes[0].stride / common < axes[1].size;
  }
  std::vector<bool> taken(static_cast<size_t>(reach) + 1);
  std::vector<int64_t> at(axes.size(), 0);
  for (int64_t place = 0;;) {
    if (taken[static_cast<size_t>(place)]) return true;
    taken[static_cast<size_t>(place)] = true;
    size_t d = 0;
    for (; d < axes.size(); ++d) {
      place += axes[d].stride;
      if (++at[d] < axes[d].size) break;
      place -= axes[d].size * axes[d].stride;
      at[d] = 0;
    }
    if (d == axes.size()) return false;
  }
}

ir::Dims infer_sizes(std::span<const int64_t> sizes, int64_t numel, const Location& loc) {
  ir::Dims result(sizes);
  std::optional<size_t> open;
  bool overflow = false;
  int64_t known = 1;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == -1) {
      if (open) throw Error(ErrorKind::Shape, "only one dimension can be inferred", {}, loc);
      open = d;
    } else if (sizes[d] < 0) {
      throw Error(ErrorKind::Shape, fmt::format("invalid shape dimension {}", sizes[d]), {}, loc);
    } else {
      overflow |= __builtin_mul_overflow(known, sizes[d], &known);
    }
  }
  const auto invalid = [&] {
    return Error(ErrorKind::Shape, fmt::format("shape '{}' is invalid for input of size {}", ir::str(sizes), numel), {},
                 loc);
  };
  if (overflow && !ir::checked_numel(result)) throw invalid();
  if (open) {
    if (known == 0) {
      if (numel != 0) throw invalid();
      throw Error(
          ErrorKind::Shape,
          fmt::format("cannot reshape tensor of 0 elements into shape {} because the unspecified dimension size "
                      "-1 can be any value and is ambiguous",
                      ir::str(sizes)),
          {}, loc);
    }
    if (overflow || numel % known != 0) throw invalid();
    result[*open] = numel / known;
  } else if (overflow || known != numel) {
    if (!(overflow && numel == 0 && ir::checked_numel(result) == 0)) throw invalid();
  }
  return result;
}

}  // namespace lazuli
