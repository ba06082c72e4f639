// Repeating, turning and joining: new tensors made of movement alone.
#include "lazuli/shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/compile/scope.h"
#include "frontend/ops/axes.h"
#include "lazuli/creation.h"
#include "lazuli/join.h"
#include "lazuli/take.h"

namespace lazuli {
namespace {

using ir::Dims;
using ir::NodeRef;
using ir::Shape;

IntArrayRef ref(const Dims& d) {
  return {d.data(), d.size()};
}

/// x with axis d repeated repeats[d] times; as many repeats as axes.
NodeRef repeated(const NodeRef& x, const Dims& repeats, const Location& loc) {
  Shape split, wide, joined;
  for (size_t d = 0; d < x->rank(); ++d) {
    split.push_back(1);
    split.push_back(x->shape()[d]);
    wide.push_back(repeats[d]);
    wide.push_back(x->shape()[d]);
    joined.push_back(repeats[d] * x->shape()[d]);
  }
  if (x->numel() == 0 || ir::numel(joined) == 0) return expand_to(constant(0, x->dtype(), loc), joined, loc);
  return reshape_to(expand_to(reshape_to(x, split, loc), wide, loc), joined, loc);
}

}  // namespace

Tensor Tensor::repeat(IntArrayRef repeats, Location loc) const {
  const size_t rank = static_cast<size_t>(dim());
  if (repeats.size() < rank)
    throw Error(ErrorKind::Shape,
                "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
                fmt::format("repeats are {}, the shape is {}", ir::str(repeats), ir::str(sizes())), loc);
  Shape shape(repeats.size() - rank, 1);
  for (const int64_t n : sizes()) shape.push_back(n);
  for (const int64_t n : repeats)
    if (n < 0)
      throw Error(ErrorKind::Value,
                  fmt::format("Trying to create tensor with negative dimension {}: {}", n, ir::str(repeats)), {}, loc);
  return wrap(repeated(reshape_to(node_of(*this), shape, loc), Dims(repeats), loc), loc);
}

Tensor tile(const Tensor& x, IntArrayRef repeats, Location loc) {
  Dims all(std::max<size_t>(static_cast<size_t>(x.dim()), repeats.size()), 1);
  std::copy(repeats.begin(), repeats.end(), all.end() - static_cast<std::ptrdiff_t>(repeats.size()));
  return x.repeat(ref(all), loc);
}

Tensor repeat_interleave(const Tensor& x, int64_t repeats, std::optional<int64_t> dim, Location loc) {
  if (!dim) return repeat_interleave(x.reshape({-1}, loc), repeats, 0, loc);
  const int64_t axis = wrap_dim(*dim, x.dim(), loc);
  if (repeats < 0) throw Error(ErrorKind::Value, "Repeats must be non-negative", {}, loc);
  const Tensor split = (x.dim() == 0 ? x.reshape({1}, loc) : x).unsqueeze(axis + 1, loc);
  Dims counts(static_cast<size_t>(split.dim()), 1);
  counts[static_cast<size_t>(axis) + 1] = repeats;
  return split.repeat(ref(counts), loc).flatten(axis, axis + 1, loc);
}

Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, std::optional<int64_t> dim, Location loc) {
  if (!dim) return repeat_interleave(x.reshape({-1}, loc), repeats, 0, loc);
  if (repeats.dim() > 1) throw Error(ErrorKind::Shape, "repeats must be 0-dim or 1-dim tensor", {}, loc);
  if (repeats.dtype() != kInt64 && repeats.dtype() != kInt32)
    throw Error(ErrorKind::DType, "repeats has to be Long or Int tensor", {}, loc);
  const int64_t axis = wrap_dim(*dim, x.dim(), loc), size = x.dim() == 0 ? 1 : x.size(axis);
  need_values("repeat_interleave", loc);
  const std::vector<int64_t> counts = repeats.to_vector<int64_t>(loc);
  if (counts.size() == 1) return repeat_interleave(x, counts[0], axis, loc);
  if (static_cast<int64_t>(counts.size()) != size)
    throw Error(ErrorKind::Shape, "repeats must have the same size as input along dim",
                fmt::format("there are {} repeats for {} elements", counts.size(), size), loc);
  std::vector<int64_t> from;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0) throw Error(ErrorKind::Value, "repeats can not be negative", {}, loc);
    from.insert(from.end(), static_cast<size_t>(counts[i]), static_cast<int64_t>(i));
  }
  return index_select(x, axis, from_host(from.data(), {static_cast<int64_t>(from.size())}, kInt64, loc), loc);
}

Tensor roll(const Tensor& x, DimList shifts, DimList dims, Location loc) {
  if (shifts.empty()) throw Error(ErrorKind::Value, "`shifts` required", {}, loc);
  if (dims.empty() && shifts.size() == 1) return roll(x.reshape({-1}, loc), shifts, 0, loc).view(x.sizes(), loc);
  if (shifts.size() != dims.size())
    throw Error(ErrorKind::Value,
                fmt::format("shifts and dimensions must align. shifts: {}, dims:{}", shifts.size(), dims.size()), {},
                loc);
  const Build b(loc);
  NodeRef n = node_of(x);
  for (size_t i = 0; i < dims.size(); ++i) {
    const auto axis = static_cast<size_t>(wrap_dim(dims.begin()[i], x.dim(), loc));
    const int64_t size = n->rank() == 0 ? 1 : n->shape()[axis];
    if (n->numel() == 0 || size == 1) continue;
    const int64_t by = (shifts.begin()[i] % size + size) % size;
    if (by != 0)
      n = b.concat({b.slice(n, axis, size - by, by), b.slice(n, axis, 0, size - by)}, static_cast<int64_t>(axis));
  }
  return wrap(n, loc);
}

Tensor rot90(const Tensor& x, int64_t k, IntArrayRef dims, Location loc) {
  if (dims.size() != 2)
    throw Error(ErrorKind::Value, fmt::format("expected total rotation dims == 2, but got dims = {}", dims.size()), {},
                loc);
  if (x.dim() < 2)
    throw Error(ErrorKind::Shape, fmt::format("expected total dims >= 2, but got total dims = {}", x.dim()), {}, loc);
  const int64_t from = wrap_dim(dims[0], x.dim(), loc), to = wrap_dim(dims[1], x.dim(), loc);
  if (from == to)
    throw Error(
        ErrorKind::Value,
        fmt::format("expected rotation dims to be different, but got dim0 = {} and dim1 = {}", dims[0], dims[1]), {},
        loc);
  switch (((k % 4) + 4) % 4) {
    case 1:
      return x.flip({to}, loc).transpose(from, to, loc);
    case 2:
      return x.flip({from, to}, loc);
    case 3:
      return x.flip({from}, loc).transpose(from, to, loc);
    default:
      return x.clone(loc);
  }
}

Tensor fliplr(const Tensor& x, Location loc) {
  if (x.dim() < 2) throw Error(ErrorKind::Shape, "Input must be >= 2-d.", {}, loc);
  return x.flip({1}, loc);
}
Tensor flipud(const Tensor& x, Location loc) {
  if (x.dim() < 1) throw Error(ErrorKind::Shape, "Input must be >= 1-d.", {}, loc);
  return x.flip({0}, loc);
}

Tensor diag_embed(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2, Location loc) {
  const int64_t rank = x.dim() + 1;
  const int64_t first = wrap_dim(dim1, rank, loc), second = wrap_dim(dim2, rank, loc);
  if (x.dim() == 0) throw Error(ErrorKind::Shape, "diag_embed: a 0-dim tensor has no diagonal", {}, loc);
  if (first == second)
    throw Error(ErrorKind::Value, fmt::format("diagonal dimensions cannot be identical {}, {}", dim1, dim2), {}, loc);
  const int64_t size = x.size(-1) + std::abs(offset);
  Dims shape(x.sizes());
  shape.back() = size;
  shape.push_back(size);
  const Tensor out = zeros(ref(shape), x.dtype(), loc);
  diagonal(out, offset, -2, -1, loc).copy_(x, loc);
  return out.movedim({-2, -1}, {first, second}, loc);
}

Tensor diagflat(const Tensor& x, int64_t offset, Location loc) {
  return diag_embed(x.reshape({-1}, loc), offset, 0, 1, loc);
}

Tensor diag(const Tensor& x, int64_t offset, Location loc) {
  if (x.dim() == 1) return diag_embed(x, offset, 0, 1, loc);
  if (x.dim() == 2) return diagonal(x, offset, 0, 1, loc);
  throw Error(ErrorKind::Shape, "diag(): Supports 1D or 2D tensors. Got " + std::to_string(x.dim()) + "D", {}, loc);
}

namespace {

std::vector<Tensor> each(TensorList tensors, Tensor (*change)(const Tensor&, Location), const Location& loc) {
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(change(t, loc));
  return out;
}

}  // namespace

Tensor hstack(TensorList tensors, Location loc) {
  if (tensors.empty()) throw Error(ErrorKind::Value, "hstack expects a non-empty TensorList", {}, loc);
  const std::vector<Tensor> all = each(tensors, atleast_1d, loc);
  return cat(all, all[0].dim() == 1 ? 0 : 1, loc);
}
Tensor vstack(TensorList tensors, Location loc) {
  if (tensors.empty()) throw Error(ErrorKind::Value, "vstack expects a non-empty TensorList", {}, loc);
  return cat(each(tensors, atleast_2d, loc), 0, loc);
}
Tensor row_stack(TensorList tensors, Location loc) {
  return vstack(tensors, loc);
}
Tensor dstack(TensorList tensors, Location loc) {
  if (tensors.empty()) throw Error(ErrorKind::Value, "dstack expects a non-empty TensorList", {}, loc);
  return cat(each(tensors, atleast_3d, loc), 2, loc);
}
Tensor column_stack(TensorList tensors, Location loc) {
  if (tensors.empty()) throw Error(ErrorKind::Value, "column_stack expects a non-empty TensorList", {}, loc);
  std::vector<Tensor> all;
  for (const Tensor& t : tensors) all.push_back(t.dim() <= 1 ? t.reshape({t.numel(), 1}, loc) : t);
  return hstack(all, loc);
}
Tensor concatenate(TensorList tensors, int64_t dim, Location loc) {
  return cat(tensors, dim, loc);
}

}  // namespace lazuli
