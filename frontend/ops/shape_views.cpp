// Views as functions, and those that are chains of other views: diagonal, as_strided, unfold, the splits.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/apply.h"
#include "frontend/layout.h"
#include "frontend/view_steps.h"
#include "lazuli/join.h"
#include "lazuli/shape.h"

namespace lazuli {
namespace {

using ir::Dims;
using ir::Op;

IntArrayRef ref(const Dims& d) {
  return {d.data(), d.size()};
}

}  // namespace

Tensor as_strided(const Tensor& x, IntArrayRef sizes, IntArrayRef strides, std::optional<int64_t> storage_offset,
                  Location loc) {
  if (sizes.size() != strides.size())
    throw Error(ErrorKind::Shape, "mismatch in length of strides and shape",
                fmt::format("as_strided of sizes {} and strides {}", ir::str(sizes), ir::str(strides)), loc);
  const int64_t offset = storage_offset.value_or(x.storage_offset());
  const Tensor flat = whole_storage(x, loc);
  __int128 last = offset;
  bool empty = false;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] < 0)
      throw Error(ErrorKind::Value, fmt::format("as_strided: negative size {} in {}", sizes[d], ir::str(sizes)), {},
                  loc);
    if (strides[d] < 0)
      throw Error(ErrorKind::Value,
                  "as_strided: Negative strides are not supported at the moment, got strides: " + ir::str(strides), {},
                  loc);
    empty |= sizes[d] == 0;
    last += static_cast<__int128>(sizes[d] - 1) * strides[d];
  }
  if (offset < 0) throw Error(ErrorKind::Value, "as_strided: the storage offset is negative", {}, loc);
  const auto bytes = [&](int64_t n) { return n * static_cast<int64_t>(itemsize(x.dtype())); };
  if (!empty && last >= flat.numel())
    throw Error(
        ErrorKind::Shape,
        fmt::format("setStorage: sizes {}, strides {}, storage offset {}, and itemsize {} requiring a storage "
                    "size of {} are out of bounds for storage of size {}",
                    ir::str(sizes), ir::str(strides), offset, itemsize(x.dtype()),
                    bytes(static_cast<int64_t>(std::min<__int128>(last + 1, INT64_MAX / 8))), bytes(flat.numel())),
        {}, loc);
  if (empty) return flat.slice(0, 0, 0, 1, loc).reshape(sizes, loc);
  return strided_view(flat, sizes, strides, offset, loc);
}

Tensor diagonal(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2, Location loc) {
  const int64_t first = wrap_dim(dim1, x.dim(), loc), second = wrap_dim(dim2, x.dim(), loc);
  if (first == second)
    throw Error(ErrorKind::Value, fmt::format("diagonal dimensions cannot be identical {}, {}", dim1, dim2), {}, loc);
  const Tensor m = x.movedim({first, second}, {-2, -1}, loc);
  const int64_t rows = m.size(-2), columns = m.size(-1);
  const int64_t down = std::max<int64_t>(-offset, 0), right = std::max<int64_t>(offset, 0);
  const int64_t length = std::max<int64_t>(0, std::min(rows - down, columns - right));
  Dims sizes(m.sizes());
  sizes.pop_back();
  sizes.back() = length;
  if (length == 0 || ir::numel(sizes) == 0)
    return m.slice(-1, 0, 0, 1, loc).slice(-2, 0, length, 1, loc).reshape(ref(sizes), loc);
  const Tensor square = m.slice(-2, down, down + length, 1, loc).slice(-1, right, right + length, 1, loc);
  Dims strides(square.strides());
  const int64_t along_row = strides.back();
  strides.pop_back();
  strides.back() += along_row;
  // Every (length + 1)-th element of the flattened square. Strides need not express the flattened square itself: nobody
  // sees it, and those of the diagonal are the sum of both axes'.
  ir::Shape flat(sizes);
  flat.back() = length * length;
  ir::SliceAttr every{Dims(flat.size(), 0), Dims(flat.size(), 1)};
  every.step.back() = length + 1;
  const Tensor flattened = view_of(square, {Op::reshape, ir::NoAttr{}, flat}, strides, square.storage_offset(), loc);
  return view_of(flattened, {Op::slice, every, ir::Shape(sizes)}, strides, square.storage_offset(), loc);
}

Tensor unfold(const Tensor& x, int64_t dim, int64_t size, int64_t step, Location loc) {
  const bool scalar = x.dim() == 0;
  const int64_t axis = wrap_dim(dim, x.dim(), loc), length = scalar ? 1 : x.size(axis);
  if (size < 0) throw Error(ErrorKind::Value, fmt::format("size is {} but must be >= 0", size), {}, loc);
  if (size > length)
    throw Error(ErrorKind::Shape,
                fmt::format("maximum size for tensor at dimension {} is {} but size is {}", axis, length, size), {},
                loc);
  if (step <= 0) throw Error(ErrorKind::Value, fmt::format("step is {} but must be > 0", step), {}, loc);
  if (scalar) return x.reshape({1}, loc).slice(0, 0, size, 1, loc);
  const int64_t count = (length - size) / step + 1;
  if (step >= size && count * step <= length) {
    const Tensor rows = x.slice(axis, 0, count * step, 1, loc).unflatten(axis, {count, step}, loc);
    return rows.slice(axis + 1, 0, size, 1, loc).movedim(axis + 1, -1, loc);
  }
  // Windows overlap: elements of x in row-major order, wherever they stand.
  const TensorImpl& impl = *impl_of(x, loc);
  ir::Shape shape = impl.shape;
  Dims within = ir::contiguous_strides(shape), strides = impl.strides;
  const auto a = static_cast<size_t>(axis);
  shape[a] = count;
  shape.push_back(size);
  for (Dims* d : {&within, &strides}) {
    const int64_t stride = (*d)[a];
    (*d)[a] = stride * step;
    d->push_back(stride);
  }
  return view_of(x, strided_step(shape, within, 0), strides, impl.offset, loc);
}

Tensor broadcast_to(const Tensor& x, IntArrayRef sizes, Location loc) {
  return x.expand(sizes, loc);
}

Tensor atleast_1d(const Tensor& x, Location loc) {
  return x.dim() == 0 ? x.reshape({1}, loc) : x;
}
Tensor atleast_2d(const Tensor& x, Location loc) {
  return x.dim() == 0 ? x.reshape({1, 1}, loc) : x.dim() == 1 ? x.unsqueeze(0, loc) : x;
}
Tensor atleast_3d(const Tensor& x, Location loc) {
  if (x.dim() == 0) return x.reshape({1, 1, 1}, loc);
  if (x.dim() == 1) return x.unsqueeze(0, loc).unsqueeze(-1, loc);
  return x.dim() == 2 ? x.unsqueeze(-1, loc) : x;
}

std::vector<Tensor> split(const Tensor& x, IntArrayRef split_sizes, int64_t dim, Location loc) {
  return split_with_sizes(x, split_sizes, dim, loc);
}

std::vector<Tensor> split_with_sizes(const Tensor& x, IntArrayRef split_sizes, int64_t dim, Location loc) {
  if (x.dim() == 0) throw Error(ErrorKind::Shape, "split_with_sizes expects at least a 1-dimensional tensor", {}, loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc), size = x.size(axis);
  int64_t total = 0;
  for (const int64_t n : split_sizes) {
    if (n < 0)
      throw Error(ErrorKind::Value,
                  "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=" +
                      ir::str(split_sizes),
                  {}, loc);
    total += n;
  }
  if (total != size)
    throw Error(ErrorKind::Shape,
                fmt::format("split_with_sizes expects split_sizes to sum exactly to {} (input tensor's size at "
                            "dimension {}), but got split_sizes={}",
                            size, dim, ir::str(split_sizes)),
                {}, loc);
  std::vector<Tensor> parts;
  int64_t at = 0;
  for (const int64_t n : split_sizes) {
    parts.push_back(x.narrow(axis, at, n, loc));
    at += n;
  }
  return parts;
}

std::vector<Tensor> tensor_split(const Tensor& x, int64_t sections, int64_t dim, Location loc) {
  if (x.dim() == 0)
    throw Error(ErrorKind::Shape, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims",
                {}, loc);
  if (sections <= 0)
    throw Error(ErrorKind::Value, fmt::format("number of sections must be larger than 0, got {}", sections), {}, loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc), size = x.size(axis);
  std::vector<Tensor> parts;
  for (int64_t i = 0, at = 0; i < sections; ++i) {
    const int64_t n = size / sections + (i < size % sections);
    parts.push_back(x.narrow(axis, at, n, loc));
    at += n;
  }
  return parts;
}

std::vector<Tensor> tensor_split(const Tensor& x, IntArrayRef indices, int64_t dim, Location loc) {
  if (x.dim() == 0)
    throw Error(ErrorKind::Shape, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims",
                {}, loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc);
  std::vector<Tensor> parts;
  int64_t at = 0;
  for (const int64_t i : indices) {
    parts.push_back(x.slice(axis, at, i, 1, loc));
    at = i;
  }
  parts.push_back(x.slice(axis, at, None, 1, loc));
  return parts;
}

std::vector<Tensor> broadcast_tensors(TensorList tensors, Location loc) {
  ir::Shape shape;
  for (const Tensor& t : tensors) {
    shape = broadcast_or_throw("broadcast_tensors", shape, ir::Shape(t.sizes()), loc);
  }
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(t.expand({shape.data(), shape.size()}, loc));
  return out;
}

}  // namespace lazuli
