// Functions over gather and scatter_add.
#include "lazuli/take.h"

#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/take.h"
#include "frontend/promote.h"

namespace lazuli {

using ir::Dims;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

NodeRef gather_at(const NodeRef& x, Dims axes, std::span<const NodeRef> indices, const Location& loc) {
  ir::NodeSpec spec;
  spec.op = Op::gather;
  spec.inputs.push_back(x.get());
  for (const NodeRef& i : indices) spec.inputs.push_back(i.get());
  spec.attr = ir::AxesAttr{std::move(axes)};
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

namespace {

NodeRef scatter_add_at(const NodeRef& x, const NodeRef& values, Dims axes, std::span<const NodeRef> indices,
                       const Location& loc) {
  ir::NodeSpec spec;
  spec.op = Op::scatter_add;
  spec.inputs = {x.get(), values.get()};
  for (const NodeRef& i : indices) spec.inputs.push_back(i.get());
  spec.attr = ir::AxesAttr{std::move(axes)};
  return make_node(std::move(spec), loc);
}

/// A scalar counts as a vector of one element.
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

/// The index of index_select and index_add as int64[n].
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

/// The index of gather and scatter_add, with one axis per axis of x.
NodeRef same_rank_index(std::string_view op, const Tensor& index, const NodeRef& x, const Location& loc) {
  const NodeRef n = node_of(index);
  if (n->dtype() != kInt64)
    throw Error(ErrorKind::DType, fmt::format("{}(): Expected dtype int64 for index", op),
                fmt::format("it is {}; convert it with to(kInt64)", torch_name(n->dtype())), loc);
  if (std::max<size_t>(n->rank(), 1) != std::max<size_t>(x->rank(), 1))
    throw Error(ErrorKind::Shape, "Index tensor must have the same number of dimensions as input tensor",
                fmt::format("{} of shapes {} and {}", op, ir::str(x->shape()), ir::str(n->shape())), loc);
  need_same_device(op, x, n, loc);
  return at_least_1d(n, loc);
}

/// One index per axis: `index` along `axis`, its own positions along the others.
std::vector<NodeRef> along(const NodeRef& index, size_t axis, const Location& loc) {
  std::vector<NodeRef> all;
  for (size_t d = 0; d < index->rank(); ++d)
    all.push_back(d == axis ? index
                            : Build(loc).iota(index->shape(), static_cast<int64_t>(d), kInt64, index->device()));
  return all;
}

Dims every_axis(size_t rank) {
  Dims axes;
  for (size_t d = 0; d < rank; ++d) axes.push_back(static_cast<int64_t>(d));
  return axes;
}

NodeRef gather_node(const NodeRef& given, int64_t dim, const Tensor& index, const Location& loc) {
  const auto axis = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(given->rank()), loc));
  const NodeRef x = at_least_1d(given, loc), at = same_rank_index("gather", index, given, loc);
  for (size_t d = 0; d < x->rank(); ++d)
    if (d != axis && at->shape()[d] > x->shape()[d])
      throw Error(ErrorKind::Shape,
                  fmt::format("Size does not match at dimension {} expected index {} to be no larger than self {} "
                              "apart from dimension {}",
                              d, ir::str(at->shape()), ir::str(x->shape()), axis),
                  {}, loc);
  const NodeRef out = gather_at(x, every_axis(x->rank()), along(at, axis, loc), loc);
  return reshape_to(out, Shape(std::span<const int64_t>(index.sizes())), loc);
}

NodeRef index_add_node(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha,
                       const Location& loc) {
  const NodeRef given = node_of(self);
  const auto axis = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(given->rank()), loc));
  const NodeRef x = at_least_1d(given, loc), at = vector_index("index_add", index, given, loc);
  NodeRef values = at_least_1d(node_of(source), loc);
  if (values->dtype() != x->dtype())
    throw Error(ErrorKind::DType,
                fmt::format("index_add(): self ({}) and source ({}) must have the same scalar type",
                            torch_name(x->dtype()), torch_name(values->dtype())),
                "convert the source with to()", loc);
  need_same_device("index_add", x, values, loc);
  bool fits = values->rank() == x->rank();
  for (size_t d = 0; fits && d < x->rank(); ++d) fits = d == axis || values->shape()[d] == x->shape()[d];
  if (!fits)
    throw Error(ErrorKind::Shape,
                fmt::format("source tensor shape must match self tensor shape, excluding the specified dimension. Got "
                            "self.shape = {} source.shape = {}",
                            ir::str(x->shape()), ir::str(values->shape())),
                {}, loc);
  if (values->shape()[axis] != at->numel())
    throw Error(ErrorKind::Shape,
                fmt::format("index_add(): Number of indices ({}) should be equal to source.size(dim): ({}), for dim: "
                            "{}",
                            at->numel(), values->shape()[axis], axis),
                {}, loc);
  if (!(alpha == Scalar(1)))
    values = Build(loc).op(Op::mul, values, on_device(scalar_operand(alpha, x->dtype(), loc), x->device(), loc));
  const NodeRef out =
      scatter_add_at(x, move_axes(values, axis, 1, 0, loc), {static_cast<int64_t>(axis)}, {&at, 1}, loc);
  return reshape_to(out, given->shape(), loc);
}

NodeRef scatter_add_node(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, const Location& loc) {
  const NodeRef given = node_of(self);
  const auto axis = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(given->rank()), loc));
  const NodeRef x = at_least_1d(given, loc), at = same_rank_index("scatter", index, given, loc);
  NodeRef values = at_least_1d(node_of(src), loc);
  if (values->dtype() != x->dtype())
    throw Error(ErrorKind::DType, "scatter(): Expected self.dtype to be equal to src.dtype",
                fmt::format("they are {} and {}", torch_name(x->dtype()), torch_name(values->dtype())), loc);
  need_same_device("scatter", x, values, loc);
  if (values->rank() != at->rank())
    throw Error(ErrorKind::Shape, "Index tensor must have the same number of dimensions as src tensor",
                fmt::format("scatter of shapes {} and {}", ir::str(values->shape()), ir::str(at->shape())), loc);
  for (size_t d = 0; d < x->rank(); ++d)
    if ((d != axis && at->shape()[d] > x->shape()[d]) || at->shape()[d] > values->shape()[d])
      throw Error(ErrorKind::Shape,
                  fmt::format("Expected index {} to be no larger than self {} apart from dimension {} and to be no "
                              "larger size than src {}",
                              ir::str(at->shape()), ir::str(x->shape()), axis, ir::str(values->shape())),
                  {}, loc);
  const Build b(loc);
  for (size_t d = 0; d < x->rank(); ++d)
    if (at->shape()[d] != values->shape()[d]) values = b.slice(values, d, 0, at->shape()[d]);
  const NodeRef out = scatter_add_at(x, values, every_axis(x->rank()), along(at, axis, loc), loc);
  return reshape_to(out, given->shape(), loc);
}

}  // namespace

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index, Location loc) {
  const NodeRef given = node_of(x);
  const int64_t axis = wrap_dim(dim, static_cast<int64_t>(given->rank()), loc);
  const NodeRef at = vector_index("index_select", index, given, loc);
  NodeRef out = gather_at(at_least_1d(given, loc), {axis}, {&at, 1}, loc);
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
  if (!dim) return gather(x.reshape({-1}, loc), 0, indices.reshape({-1}, loc), loc);
  if (x.dim() != indices.dim())
    throw Error(ErrorKind::Shape,
                fmt::format("torch.take_along_dim(): input and indices should have the same number of dimensions, but "
                            "got {} dimensions for input, and {} dimensions for indices",
                            x.dim(), indices.dim()),
                {}, loc);
  const auto axis = static_cast<size_t>(wrap_dim(*dim, x.dim(), loc));
  if (x.dim() == 0) return gather(x, 0, indices, loc);
  Shape from(std::span<const int64_t>(x.sizes())), at(std::span<const int64_t>(indices.sizes()));
  const int64_t size = from[axis], count = at[axis];
  from[axis] = at[axis] = 1;
  from = at = broadcast_or_throw("take_along_dim", from, at, loc);
  from[axis] = size;
  at[axis] = count;
  return gather(x.expand({from.data(), from.size()}, loc), *dim, indices.expand({at.data(), at.size()}, loc), loc);
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
  return wrap_result(gather_at(table, {0}, {&at, 1}, loc), loc);
}

Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha, Location loc) {
  return wrap_result(index_add_node(x, dim, index, source, alpha, loc), loc);
}
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src, Location loc) {
  return wrap_result(scatter_add_node(x, dim, index, src, loc), loc);
}

Tensor Tensor::index_select(int64_t dim, const Tensor& index, Location loc) const {
  return lazuli::index_select(*this, dim, index, loc);
}
Tensor Tensor::gather(int64_t dim, const Tensor& index, Location loc) const {
  return lazuli::gather(*this, dim, index, loc);
}
Tensor Tensor::take_along_dim(const Tensor& indices, std::optional<int64_t> dim, Location loc) const {
  return lazuli::take_along_dim(*this, indices, dim, loc);
}
Tensor Tensor::index_add(int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha, Location loc) const {
  return lazuli::index_add(*this, dim, index, source, alpha, loc);
}
Tensor& Tensor::index_add_(int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha, Location loc) {
  assign(*this, index_add_node(*this, dim, index, source, alpha, loc), loc);
  return *this;
}
Tensor Tensor::scatter_add(int64_t dim, const Tensor& index, const Tensor& src, Location loc) const {
  return lazuli::scatter_add(*this, dim, index, src, loc);
}
Tensor& Tensor::scatter_add_(int64_t dim, const Tensor& index, const Tensor& src, Location loc) {
  assign(*this, scatter_add_node(*this, dim, index, src, loc), loc);
  return *this;
}

}  // namespace lazuli
