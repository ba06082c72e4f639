// Splitting by the axes' names, block matrices, products of sets, powers as columns.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/join.h"
#include "lazuli/reduce.h"
#include "lazuli/scan.h"
#include "lazuli/shape.h"
#include "lazuli/take.h"

namespace lazuli {
namespace {

/// The axis that hsplit, vsplit or dsplit cuts.
int64_t split_axis(const char* op, const Tensor& x, int64_t rank, const Location& loc) {
  if (x.dim() < rank)
    throw Error(ErrorKind::Shape,
                fmt::format("torch.{} requires a tensor with at least {} dimension, but got a tensor with {} "
                            "dimensions!",
                            op, rank, x.dim()),
                {}, loc);
  return op[0] == 'h' ? (x.dim() == 1 ? 0 : 1) : op[0] == 'v' ? 0 : 2;
}

std::vector<Tensor> into_sections(const char* op, const Tensor& x, int64_t rank, int64_t sections,
                                  const Location& loc) {
  const int64_t axis = split_axis(op, x, rank, loc), size = x.size(axis);
  if (sections == 0 || size % sections != 0)
    throw Error(ErrorKind::Shape,
                fmt::format("torch.{} attempted to split along dimension {}, but the size of the dimension {} is not "
                            "divisible by the split_size {}!",
                            op, axis, size, sections),
                "use tensor_split, which allows parts of different sizes", loc);
  return tensor_split(x, sections, axis, loc);
}

[[noreturn]] void not_a_vector(const Tensor& x, const Location& loc) {
  throw Error(ErrorKind::Shape, fmt::format("Expect a 1D vector, but got shape {}", ir::str(x.sizes())), {}, loc);
}

}  // namespace

std::vector<Tensor> hsplit(const Tensor& x, int64_t sections, Location loc) {
  return into_sections("hsplit", x, 1, sections, loc);
}
std::vector<Tensor> hsplit(const Tensor& x, IntArrayRef indices, Location loc) {
  return tensor_split(x, indices, split_axis("hsplit", x, 1, loc), loc);
}
std::vector<Tensor> vsplit(const Tensor& x, int64_t sections, Location loc) {
  return into_sections("vsplit", x, 2, sections, loc);
}
std::vector<Tensor> vsplit(const Tensor& x, IntArrayRef indices, Location loc) {
  return tensor_split(x, indices, split_axis("vsplit", x, 2, loc), loc);
}
std::vector<Tensor> dsplit(const Tensor& x, int64_t sections, Location loc) {
  return into_sections("dsplit", x, 3, sections, loc);
}
std::vector<Tensor> dsplit(const Tensor& x, IntArrayRef indices, Location loc) {
  return tensor_split(x, indices, split_axis("dsplit", x, 3, loc), loc);
}

Tensor block_diag(TensorList tensors, Location loc) {
  if (tensors.empty()) return zeros({1, 0}, {}, loc);
  std::vector<Tensor> blocks;
  ResultType type;
  int64_t width = 0, left = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (t.dim() > 2)
      throw Error(ErrorKind::Shape,
                  fmt::format("torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {} has {} "
                              "dimensions",
                              i, t.dim()),
                  {}, loc);
    blocks.push_back(atleast_2d(t, loc));
    type.add_tensor(t.dtype(), t.dim() == 0);
    width += blocks.back().size(1);
  }
  for (Tensor& b : blocks) {
    const int64_t columns = b.size(1);
    b = constant_pad_nd(b.to(type.get(), loc), {left, width - left - columns}, 0, loc);
    left += columns;
  }
  return cat(blocks, 0, loc);
}

Tensor combinations(const Tensor& x, int64_t r, bool with_replacement, Location loc) {
  if (x.dim() != 1) not_a_vector(x, loc);
  if (r < 0) throw Error(ErrorKind::Value, fmt::format("Expect a non-negative number, but got {}", r), {}, loc);
  if (r == 0) return empty({0}, TensorOptions(x.dtype()).device(x.device()), loc);
  const int64_t n = x.size(0), step = with_replacement ? 0 : 1;
  std::vector<int64_t> places, now;
  for (int64_t i = 0; i < r; ++i) now.push_back(i * step);
  while (n > 0 && now.back() < n) {
    places.insert(places.end(), now.begin(), now.end());
    // The last place that can still move, and all behind it close up.
    int64_t i = r - 1;
    while (i > 0 && now[static_cast<size_t>(i)] >= n - (r - i) * step - (1 - step)) --i;
    const int64_t next = now[static_cast<size_t>(i)] + 1;
    for (int64_t k = i; k < r; ++k) now[static_cast<size_t>(k)] = next + (k - i) * step;
  }
  const auto rows = static_cast<int64_t>(places.size()) / r;
  const Tensor at = from_host(places.data(), {rows * r}, kInt64, loc).to(x.device(), loc);
  return index_select(x, 0, at, loc).reshape({rows, r}, loc);
}

Tensor cartesian_prod(TensorList tensors, Location loc) {
  if (tensors.empty()) throw Error(ErrorKind::Value, "meshgrid expects a non-empty TensorList", {}, loc);
  for (const Tensor& t : tensors)
    if (t.dim() != 1) not_a_vector(t, loc);
  if (tensors.size() == 1) return tensors[0];
  std::vector<Tensor> grids = meshgrid(tensors, "ij", loc);
  for (Tensor& g : grids) g = g.reshape({-1}, loc);
  return stack(grids, 1, loc);
}

std::vector<int64_t> broadcast_shapes(std::initializer_list<IntArrayRef> shapes, Location loc) {
  ir::Shape all;
  for (const IntArrayRef s : shapes) {
    const std::optional<ir::Shape> both = ir::broadcast(all, ir::Shape(s));
    if (!both)
      throw Error(ErrorKind::Shape, "Shape mismatch: objects cannot be broadcast to a single shape",
                  fmt::format("{} does not fit {}", ir::str(s), ir::str(all)), loc);
    all = *both;
  }
  return {all.begin(), all.end()};
}

Tensor vander(const Tensor& x, std::optional<int64_t> columns, bool increasing, Location loc) {
  if (x.dim() != 1) throw Error(ErrorKind::Shape, "x must be a one-dimensional tensor.", {}, loc);
  const int64_t n = columns.value_or(x.size(0));
  if (n < 0) throw Error(ErrorKind::Value, "N must be non-negative.", {}, loc);
  const DType type = is_floating(x.dtype()) ? x.dtype() : kInt64;
  if (n == 0) return empty({x.size(0), 0}, TensorOptions(type).device(x.device()), loc);
  const Tensor first = ones({x.size(0), 1}, TensorOptions(type).device(x.device()), loc);
  Tensor powers = first;
  if (n > 1) {
    const Tensor factors = x.to(type, loc).unsqueeze(1, loc).expand({x.size(0), n - 1}, loc);
    powers = cat({first, cumprod(factors, 1, {}, loc)}, 1, loc);
  }
  return increasing ? powers : powers.flip({1}, loc);
}

Tensor sum_to_size(const Tensor& x, IntArrayRef sizes, Location loc) {
  const auto rank = static_cast<size_t>(x.dim());
  bool fits = sizes.size() <= rank;
  std::vector<int64_t> summed;
  for (size_t d = 0; fits && d < rank; ++d) {
    const int64_t wanted = d + sizes.size() < rank ? 1 : sizes[d + sizes.size() - rank];
    if (wanted == x.sizes()[d]) continue;
    fits = wanted == 1;
    summed.push_back(static_cast<int64_t>(d));
  }
  if (!fits)
    throw Error(ErrorKind::Shape,
                fmt::format("size {{{}}} is not expandable to size {{{}}}.", ir::str(sizes), ir::str(x.sizes())), {},
                loc);
  const Tensor s = summed.empty() ? x : sum(x, summed, true, {}, loc);
  return s.reshape(sizes, loc);
}

}  // namespace lazuli
