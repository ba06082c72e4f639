// Reading at indices: gather and what is made of it; and what the elements themselves decide the size of.
#include "lazuli/take.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/compile/scope.h"
#include "frontend/ops/axes.h"
#include "frontend/ops/take.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/join.h"

namespace lazuli {

using ir::Dims;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

NodeRef gather_at(const NodeRef& x, Dims axes, std::span<const NodeRef> indices, const Location& loc,
                  const char* called) {
  ir::NodeSpec spec;
  spec.op = Op::gather;
  spec.inputs.push_back(x.get());
  for (const NodeRef& i : indices) spec.inputs.push_back(i.get());
  spec.attr = ir::AxesAttr{std::move(axes)};
  spec.called = called;
  return make_node(std::move(spec), loc);
}

NodeRef move_axes(const NodeRef& x, size_t first, size_t count, size_t to, const Location& loc) {
  if (first == to || count == 0) return x;
  Dims order;
  for (size_t d = 0; d < x->rank(); ++d)
    if (d < first || d >= first + count) order.push_back(static_cast<int64_t>(d));
  for (size_t i = 0; i < count; ++i) order.insert(to + i, static_cast<int64_t>(first + i));
  return Build(loc).permute(x, order);
}

NodeRef at_least_1d(const NodeRef& x, const Location& loc) {
  return x->rank() == 0 ? reshape_to(x, {1}, loc) : x;
}

void need_same_device(std::string_view op, const NodeRef& x, const NodeRef& y, const Location& loc) {
  if (x->device() != y->device())
    throw Error(ErrorKind::Device,
                fmt::format("{}: Expected all tensors to be on the same device, but found at least two devices, {} and "
                            "{}!",
                            op, x->device().str(), y->device().str()),
                "move one of them with to()", loc);
}

NodeRef vector_index(std::string_view op, const Tensor& index, const NodeRef& x, const Location& loc) {
  const NodeRef n = node_of(index);
  if (n->rank() > 1)
    throw Error(ErrorKind::Index, fmt::format("{}(): Index is supposed to be a vector", op),
                fmt::format("it has shape {}", ir::str(n->shape())), loc);
  if (n->dtype() != kInt32 && n->dtype() != kInt64)
    throw Error(ErrorKind::DType, fmt::format("{}(): Expected dtype int32 or int64 for index", op),
                fmt::format("it is {}", torch_name(n->dtype())), loc);
  need_same_device(op, x, n, loc);
  return cast_to(at_least_1d(n, loc), kInt64, loc);
}

NodeRef same_rank_index(std::string_view op, const Tensor& index, const NodeRef& x, const Location& loc) {
  const NodeRef n = node_of(index);
  if (n->dtype() != kInt64)
    throw Error(ErrorKind::DType, fmt::format("{}(): Expected dtype int64 for index", op),
                fmt::format("it is {}; convert it with to(kInt64)", torch_name(n->dtype())), loc);
  if (std::max<size_t>(n->rank(), 1) != std::max<size_t>(x->rank(), 1))
    throw Error(ErrorKind::Shape,
                fmt::format("Index tensor must have the same number of dimensions as {} tensor",
                            op == "gather" ? "input" : "self"),
                fmt::format("{} of shapes {} and {}", op, ir::str(x->shape()), ir::str(n->shape())), loc);
  need_same_device(op, x, n, loc);
  return at_least_1d(n, loc);
}

std::vector<NodeRef> along(const NodeRef& index, size_t axis, const Location& loc) {
  std::vector<NodeRef> all;
  for (size_t d = 0; d < index->rank(); ++d)
    all.push_back(d == axis ? index
                            : Build(loc).iota(index->shape(), static_cast<int64_t>(d), kInt64, index->device()));
  return all;
}

NodeRef wrapped_index(const NodeRef& index, int64_t size, const Location& loc) {
  const Build b(loc);
  const NodeRef negative = b.op(Op::lt, index, b.integer(0, index));
  const NodeRef inside = b.op(Op::ge, index, b.integer(-size, index));
  return b.where(b.op(Op::logical_and, negative, inside), b.op(Op::add, index, b.integer(size, index)), index);
}

NodeRef take_along(const NodeRef& x, const NodeRef& index, size_t axis, const Location& loc, const char* called) {
  return gather_at(x, all_axes(x->rank()), along(index, axis, loc), loc, called);
}

namespace {

NodeRef gather_node(const NodeRef& given, int64_t dim, const Tensor& index, const Location& loc,
                    const char* called = nullptr) {
  const auto axis = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(given->rank()), loc));
  const NodeRef x = at_least_1d(given, loc), at = same_rank_index("gather", index, given, loc);
  for (size_t d = 0; d < x->rank(); ++d)
    if (d != axis && at->shape()[d] > x->shape()[d])
      throw Error(ErrorKind::Shape,
                  fmt::format("Size does not match at dimension {} expected index {} to be no larger than self {} "
                              "apart from dimension {}",
                              d, ir::str(at->shape()), ir::str(x->shape()), axis),
                  {}, loc);
  const NodeRef out = take_along(x, at, axis, loc, called);
  return reshape_to(out, Shape(std::span<const int64_t>(index.sizes())), loc);
}

}  // namespace

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index, Location loc) {
  const NodeRef given = node_of(x);
  const int64_t axis = wrap_dim(dim, static_cast<int64_t>(given->rank()), loc);
  const NodeRef at = vector_index("index_select", index, given, loc);
  NodeRef out = gather_at(at_least_1d(given, loc), {axis}, {&at, 1}, loc, "index_select");
  out = given->rank() == 0 ? reshape_to(out, {}, loc) : move_axes(out, 0, 1, static_cast<size_t>(axis), loc);
  return wrap_result(std::move(out), loc);
}

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index, Location loc) {
  return wrap_result(gather_node(node_of(x), dim, index, loc), loc);
}

Tensor take_along_dim(const Tensor& x, const Tensor& indices, std::optional<int64_t> dim, Location loc) {
  if (indices.dtype() != kInt64)
    throw Error(
        ErrorKind::DType,
        fmt::format("torch.take_along_dim(): dtype of indices should be Long but got {}", torch_name(indices.dtype())),
        {}, loc);
  const auto gathered = [&](const Tensor& from, int64_t axis, const Tensor& at) {
    return wrap_result(gather_node(node_of(from), axis, at, loc, "take_along_dim"), loc);
  };
  if (!dim) return gathered(x.reshape({-1}, loc), 0, indices.reshape({-1}, loc));
  if (x.dim() != indices.dim())
    throw Error(ErrorKind::Shape,
                fmt::format("torch.take_along_dim(): input and indices should have the same number of dimensions, but "
                            "got {} dimensions for input, and {} dimensions for indices",
                            x.dim(), indices.dim()),
                {}, loc);
  const auto axis = static_cast<size_t>(wrap_dim(*dim, x.dim(), loc));
  if (x.dim() == 0) return gathered(x, 0, indices);
  Shape from(std::span<const int64_t>(x.sizes())), at(std::span<const int64_t>(indices.sizes()));
  const int64_t size = from[axis], count = at[axis];
  from[axis] = at[axis] = 1;
  from = at = broadcast_or_throw("take_along_dim", from, at, loc);
  from[axis] = size;
  at[axis] = count;
  return gathered(x.expand({from.data(), from.size()}, loc), *dim, indices.expand({at.data(), at.size()}, loc));
}

Tensor embedding(const Tensor& weight, const Tensor& indices, Location loc) {
  const NodeRef table = node_of(weight), given = node_of(indices);
  if (table->rank() != 2)
    throw Error(ErrorKind::Shape, "'weight' must be 2-D", fmt::format("it has shape {}", ir::str(table->shape())), loc);
  if (given->dtype() != kInt32 && given->dtype() != kInt64)
    throw Error(
        ErrorKind::DType,
        fmt::format("Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, "
                    "Int; but got {} instead (while checking arguments for embedding)",
                    torch_name(given->dtype())),
        {}, loc);
  need_same_device("embedding", table, given, loc);
  const NodeRef at = cast_to(given, kInt64, loc);
  return wrap_result(gather_at(table, {0}, {&at, 1}, loc, "embedding"), loc);
}

Tensor take(const Tensor& x, const Tensor& index, Location loc) {
  if (index.dtype() != kInt64)
    throw Error(ErrorKind::DType,
                fmt::format("take(): Expected a long tensor for index, but got {}", torch_name(index.dtype())), {},
                loc);
  const Tensor flat = x.reshape({-1}, loc);
  if (x.numel() == 0 && index.numel() != 0)
    throw Error(ErrorKind::Index, "take(): tried to take from an empty tensor", {}, loc);
  const NodeRef at = wrapped_index(node_of(index), flat.numel(), loc);
  return wrap_result(gather_at(node_of(flat), {0}, {&at, 1}, loc, "take"), loc);
}

Tensor true_places(const char* op, const Tensor& x, const Location& loc) {
  need_values(op, loc);
  const Tensor truth = x.reshape({-1}, loc).to(kBool, loc);
  const Tensor mask = truth.contiguous(loc);
  const bool* at = mask.const_data_ptr<bool>(loc);
  const int64_t n = mask.numel(), count = std::count(at, at + n, true);
  std::vector<int64_t> places;
  places.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < n; ++i)
    if (at[i]) places.push_back(i);
  return from_host(places.data(), {count}, kInt64, loc);
}

std::vector<Tensor> nonzero_numpy(const Tensor& x, Location loc) {
  const Tensor at = true_places("nonzero", x, loc);
  if (x.dim() == 0) return {zeros({at.numel()}, kInt64, loc)};
  std::vector<Tensor> columns(static_cast<size_t>(x.dim()));
  int64_t inner = 1;
  for (size_t d = columns.size(); d-- > 0;) {
    const int64_t size = x.sizes()[d];
    Tensor c = inner == 1 ? at : at.floor_divide(inner, loc);
    columns[d] = d == 0 ? c : c.remainder(std::max<int64_t>(1, size), loc);
    inner *= std::max<int64_t>(1, size);
  }
  return columns;
}

Tensor nonzero(const Tensor& x, Location loc) {
  if (x.dim() == 0) return zeros({true_places("nonzero", x, loc).numel(), 0}, kInt64, loc);
  return stack(nonzero_numpy(x, loc), 1, loc);
}
Tensor argwhere(const Tensor& x, Location loc) {
  return nonzero(x, loc);
}
std::vector<Tensor> where(const Tensor& condition, Location loc) {
  return nonzero_numpy(condition, loc);
}

Tensor masked_select(const Tensor& x, const Tensor& mask, Location loc) {
  if (!is_bool(mask.dtype()) && mask.dtype() != kUInt8)
    throw Error(ErrorKind::DType, "masked_select: expected BoolTensor or ByteTensor for mask",
                fmt::format("it is {}", torch_name(mask.dtype())), loc);
  const ir::Shape shape = broadcast_or_throw("masked_select", Shape(mask.sizes()), Shape(x.sizes()), loc);
  const IntArrayRef sizes(shape.data(), shape.size());
  const NodeRef at = node_of(true_places("masked_select", mask.expand(sizes, loc), loc));
  return wrap_result(
      gather_at(reshape_to(expand_to(node_of(x), shape, loc), {ir::numel(shape)}, loc), {0}, {&at, 1}, loc), loc);
}

}  // namespace lazuli
