// Writing at indices: the scatters of the graph under PyTorch's names. Whatever falls on one place is combined in
// ascending order of the index.
#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/axes.h"
#include "frontend/ops/take.h"
#include "frontend/promote.h"
#include "ir/lower_scalar.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/join.h"
#include "lazuli/scan.h"
#include "lazuli/shape.h"
#include "lazuli/take.h"

namespace lazuli {

using ir::NodeRef;
using ir::Op;
using ir::Shape;

NodeRef scatter_at(Op op, const NodeRef& x, const NodeRef& values, ir::Dims axes, std::span<const NodeRef> indices,
                   const Location& loc, const char* called) {
  ir::NodeSpec spec;
  spec.op = op;
  spec.inputs = {x.get(), values.get()};
  for (const NodeRef& i : indices) spec.inputs.push_back(i.get());
  spec.attr = ir::AxesAttr{std::move(axes)};
  spec.called = called;
  return make_node(std::move(spec), loc);
}

namespace {

/// Slices of `values` along `axis` into those of x at index[0], index[1] ...
NodeRef scatter_slices(Op op, const NodeRef& x, const NodeRef& values, size_t axis, const NodeRef& at,
                       const Location& loc, const char* called) {
  return scatter_at(op, x, move_axes(values, axis, 1, 0, loc), {static_cast<int64_t>(axis)}, {&at, 1}, loc, called);
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
  return reshape_to(scatter_slices(Op::scatter_add, x, values, axis, at, loc, "index_add"), given->shape(), loc);
}

NodeRef index_copy_node(const NodeRef& given, int64_t dim, const Tensor& index, const Tensor& source,
                        const Location& loc) {
  const auto axis = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(given->rank()), loc));
  const NodeRef x = at_least_1d(given, loc), at = vector_index("index_copy_", index, given, loc);
  const NodeRef values = at_least_1d(node_of(source), loc);
  if (values->dtype() != x->dtype())
    throw Error(ErrorKind::DType,
                fmt::format("index_copy_(): self and source expected to have the same dtype, but got (self) {} and "
                            "(source) {}",
                            torch_name(x->dtype()), torch_name(values->dtype())),
                "convert the source with to()", loc);
  need_same_device("index_copy_", x, values, loc);
  if (values->rank() != x->rank())
    throw Error(ErrorKind::Shape,
                fmt::format("index_copy_(): When source and destination are not scalars, their dimensionality must "
                            "match. Source dimensionality ({}), destination dimensionality ({})",
                            values->rank(), x->rank()),
                {}, loc);
  Shape from = values->shape(), to = x->shape();
  from.erase(axis);
  to.erase(axis);
  if (from != to)
    throw Error(ErrorKind::Shape,
                fmt::format("index_copy_(): Source/destination tensor must have same slice shapes. Destination slice "
                            "shape: {} at dimension {} and source slice shape: {} at dimension {}.",
                            fmt::join(to, " "), axis, fmt::join(from, " "), axis),
                {}, loc);
  if (at->numel() != values->shape()[axis])
    throw Error(ErrorKind::Index,
                fmt::format("index_copy_(): Number of indices ({}) should be equal to source.size(dim) ({})",
                            at->numel(), values->shape()[axis]),
                {}, loc);
  return reshape_to(scatter_slices(Op::scatter, x, values, axis, at, loc, "index_copy"), given->shape(), loc);
}

/// `value` is 0-d.
NodeRef index_fill_node(const NodeRef& given, int64_t dim, const Tensor& index, const NodeRef& value,
                        const Location& loc) {
  if (value->rank() != 0)
    throw Error(ErrorKind::Shape,
                fmt::format("index_fill_ only supports a 0-dimensional value tensor, but got tensor with {} "
                            "dimension(s).",
                            value->rank()),
                {}, loc);
  const auto axis = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(given->rank()), loc));
  const NodeRef x = at_least_1d(given, loc);
  const NodeRef at = wrapped_index(vector_index("index_fill_", index, given, loc), x->shape()[axis], loc);
  Shape shape = x->shape();
  shape[axis] = at->numel();
  const NodeRef values = expand_to(cast_to(value, x->dtype(), loc), shape, loc);
  return reshape_to(scatter_slices(Op::scatter, x, values, axis, at, loc, "index_fill"), given->shape(), loc);
}

/// `op` of the elements of src at index[...] along dim.
NodeRef scatter_node(Op op, const NodeRef& given, int64_t dim, const Tensor& index, const NodeRef& src,
                     const Location& loc, const char* called = "scatter") {
  const auto axis = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(given->rank()), loc));
  const NodeRef x = at_least_1d(given, loc), at = same_rank_index("scatter", index, given, loc);
  NodeRef values = at_least_1d(src, loc);
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
  const NodeRef out = scatter_at(op, x, values, all_axes(x->rank()), along(at, axis, loc), loc, called);
  return reshape_to(out, given->shape(), loc);
}

/// A number in the shape of an index.
NodeRef number_at(const Tensor& index, const Scalar& value, const NodeRef& x, const Location& loc) {
  return expand_to(on_device(scalar_operand(value, x->dtype(), loc), x->device(), loc), Shape(index.sizes()), loc);
}

NodeRef scatter_value(Op op, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value,
                      const Location& loc) {
  const NodeRef x = node_of(self);
  return scatter_node(op, x, dim, index, number_at(index, value, x, loc), loc);
}

Op reduce_op(std::string_view reduce, const Location& loc) {
  if (reduce == "add") return Op::scatter_add;
  if (reduce == "multiply") return Op::scatter_mul;
  throw Error(ErrorKind::Value, "reduce argument must be either add or multiply.",
              fmt::format("it is \"{}\"; scatter_reduce knows more", reduce), loc);
}

NodeRef scatter_reduce_node(const NodeRef& x, int64_t dim, const Tensor& index, const Tensor& src,
                            std::string_view reduce, bool include_self, const char* called, const Location& loc) {
  struct Kind {
    std::string_view name;
    Op op, like;
  };
  constexpr Kind kinds[] = {{"sum", Op::scatter_add, Op::sum},
                            {"mean", Op::scatter_add, Op::sum},
                            {"prod", Op::scatter_mul, Op::prod},
                            {"amax", Op::scatter_max, Op::reduce_max},
                            {"amin", Op::scatter_min, Op::reduce_min}};
  const Kind* kind = nullptr;
  for (const Kind& k : kinds)
    if (k.name == reduce) kind = &k;
  if (!kind)
    throw Error(ErrorKind::Value, "reduce argument must be either sum, prod, mean, amax or amin.",
                fmt::format("it is \"{}\"", reduce), loc);
  const Build b(loc);
  const auto constant_like = [&](uint64_t bits, const Shape& shape) {
    ir::NodeSpec spec{.op = Op::constant, .attr = ir::ConstantAttr{bits}, .dtype = x->dtype(), .device = x->device()};
    return b.expand(make_node(std::move(spec), loc), shape);
  };
  const Shape places(index.sizes());
  NodeRef base = x;
  if (!include_self) {
    // Where a value falls, the element counts as if it were not there.
    const bool zero = kind->like == Op::sum;  // the neutral element of sums is -0
    const uint64_t none = zero ? 0 : is_half(x->dtype()) ? 0 : ir::reduce_identity(kind->like, x->dtype());
    NodeRef neutral = constant_like(none, places);
    if (is_half(x->dtype()) && !zero) {
      const double v = kind->like == Op::prod ? 1 : kind->like == Op::reduce_max ? -__builtin_inf() : __builtin_inf();
      neutral = b.expand(b.number(v, x), places);
    }
    base = scatter_node(Op::scatter, x, dim, index, neutral, loc, called);
  }
  NodeRef out = scatter_node(kind->op, base, dim, index, node_of(src), loc, called);
  if (reduce != "mean") return out;
  const NodeRef one = b.integer(1, x), none = b.integer(0, x);
  NodeRef count = b.expand(include_self ? one : none, x->shape());
  count = scatter_node(Op::scatter_add, count, dim, index, b.expand(one, places), loc, called);
  count = b.op(Op::maximum, count, one);
  return b.op(is_floating(x->dtype()) ? Op::div : Op::floor_divide, out, count);
}

NodeRef put_node(const NodeRef& x, const Tensor& index, const Tensor& source, bool accumulate, const Location& loc) {
  const NodeRef given = node_of(index), values = node_of(source);
  if (given->dtype() != kInt64)
    throw Error(ErrorKind::DType,
                fmt::format("put_(): Expected a long tensor for index, but got {}", torch_name(given->dtype())), {},
                loc);
  if (values->dtype() != x->dtype())
    throw Error(ErrorKind::DType,
                fmt::format("put_(): self and source expected to have the same dtype, but got self.dtype = {} and "
                            "source.dtype = {}",
                            torch_name(x->dtype()), torch_name(values->dtype())),
                {}, loc);
  if (given->numel() != values->numel())
    throw Error(ErrorKind::Shape,
                fmt::format("put_(): Expected source and index to have the same number of elements, but got "
                            "source.numel() = {}, index.numel() = {}",
                            values->numel(), given->numel()),
                {}, loc);
  const int64_t n = given->numel();
  const NodeRef at = wrapped_index(reshape_to(given, {n}, loc), x->numel(), loc);
  const NodeRef flat = reshape_to(x, {x->numel()}, loc);
  const NodeRef out = scatter_at(accumulate ? Op::scatter_add : Op::scatter, flat, reshape_to(values, {n}, loc), {0},
                                 {&at, 1}, loc, "put");
  return reshape_to(out, x->shape(), loc);
}

void need_mask(std::string_view op, const Tensor& mask, const Location& loc) {
  if (!is_bool(mask.dtype()) && mask.dtype() != kUInt8)
    throw Error(ErrorKind::DType,
                fmt::format("{} only supports boolean masks, but got mask with dtype {}", op, name(mask.dtype())), {},
                loc);
}

NodeRef masked_fill_node(const Tensor& self, const Tensor& mask, const NodeRef& value, const Location& loc) {
  need_mask("masked_fill_", mask, loc);
  const NodeRef x = node_of(self);
  if (value->rank() != 0)
    throw Error(ErrorKind::Shape,
                fmt::format("masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {} "
                            "dimension(s).",
                            value->rank()),
                {}, loc);
  const Build b(loc);
  return b.where(b.cast(node_of(mask), kBool), b.cast(value, x->dtype()), x);
}

NodeRef masked_scatter_node(const Tensor& self, const Tensor& mask, const Tensor& source, const Location& loc) {
  need_mask("masked_scatter_", mask, loc);
  NodeRef x = node_of(self);
  const NodeRef values = node_of(source);
  if (values->dtype() != x->dtype())
    throw Error(ErrorKind::DType,
                fmt::format("masked_scatter: expected self and source to have same dtypes but got {} and {}",
                            torch_name(x->dtype()), torch_name(values->dtype())),
                {}, loc);
  const Shape shape = broadcast_or_throw("masked_scatter", x->shape(), Shape(mask.sizes()), loc);
  const Build b(loc);
  const NodeRef chosen = b.expand(b.cast(node_of(mask), kBool), shape);
  const int64_t n = values->numel();
  const NodeRef before = node_of(cumsum(wrap(b.reshape(chosen, {chosen->numel()}), loc), 0, {}, loc));
  const NodeRef number = b.reshape(b.op(Op::sub, before, b.integer(1, before)), shape);
  // One element more stands for "none", so that only a true place without a value is outside.
  const NodeRef enough = b.op(Op::lt, number, b.integer(n, number));
  const NodeRef at = b.where(chosen, b.where(enough, number, b.integer(-1, number)), b.integer(n, number));
  const NodeRef padded = b.concat({b.reshape(values, {n}), b.expand(b.integer(0, x), {1})}, 0);
  constexpr const char* kCalled = "masked_scatter: Number of elements of source < number of ones in mask";
  return b.where(chosen, gather_at(padded, {0}, {&at, 1}, loc, kCalled), x);
}

}  // namespace

Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha, Location loc) {
  return wrap_result(index_add_node(x, dim, index, source, alpha, loc), loc);
}
Tensor index_copy(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, Location loc) {
  return wrap_result(index_copy_node(node_of(x), dim, index, source, loc), loc);
}
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, Scalar value, Location loc) {
  return wrap_result(
      index_fill_node(node_of(x), dim, index, on_device(argument(value, x.dtype(), loc), x.device(), loc), loc), loc);
}
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& value, Location loc) {
  return wrap_result(index_fill_node(node_of(x), dim, index, node_of(value), loc), loc);
}
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src, Location loc) {
  return wrap_result(scatter_node(Op::scatter, node_of(x), dim, index, node_of(src), loc), loc);
}
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, Scalar value, Location loc) {
  return wrap_result(scatter_value(Op::scatter, x, dim, index, value, loc), loc);
}
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce,
               Location loc) {
  return wrap_result(scatter_node(reduce_op(reduce, loc), node_of(x), dim, index, node_of(src), loc), loc);
}
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, Scalar value, std::string_view reduce, Location loc) {
  return wrap_result(scatter_value(reduce_op(reduce, loc), x, dim, index, value, loc), loc);
}
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src, Location loc) {
  return wrap_result(scatter_node(Op::scatter_add, node_of(x), dim, index, node_of(src), loc, "scatter_add"), loc);
}
Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce,
                      bool include_self, Location loc) {
  return wrap_result(scatter_reduce_node(node_of(x), dim, index, src, reduce, include_self, "scatter_reduce", loc),
                     loc);
}
Tensor index_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, std::string_view reduce,
                    bool include_self, Location loc) {
  if (reduce != "prod" && reduce != "mean" && reduce != "amax" && reduce != "amin")
    throw Error(
        ErrorKind::Value,
        fmt::format("index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {}.", reduce), {},
        loc);
  const NodeRef given = node_of(x);
  const auto axis = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(given->rank()), loc));
  const NodeRef at = vector_index("index_reduce", index, given, loc), values = at_least_1d(node_of(source), loc);
  if (values->rank() <= axis || values->shape()[axis] != at->numel())
    throw Error(ErrorKind::Shape,
                fmt::format("index_reduce(): Number of indices ({}) should be equal to self.size(dim) ({})",
                            at->numel(), values->rank() <= axis ? 1 : values->shape()[axis]),
                fmt::format("the source has shape {}", ir::str(values->shape())), loc);
  Shape aligned(values->rank(), 1);
  aligned[axis] = at->numel();
  const Tensor places = wrap(expand_to(reshape_to(at, aligned, loc), values->shape(), loc), loc);
  return wrap_result(
      scatter_reduce_node(given, dim, places, wrap(values, loc), reduce, include_self, "index_reduce", loc), loc);
}
Tensor put(const Tensor& x, const Tensor& index, const Tensor& source, bool accumulate, Location loc) {
  return wrap_result(put_node(node_of(x), index, source, accumulate, loc), loc);
}
Tensor masked_fill(const Tensor& x, const Tensor& mask, Scalar value, Location loc) {
  return wrap_result(masked_fill_node(x, mask, on_device(argument(value, x.dtype(), loc), x.device(), loc), loc), loc);
}
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value, Location loc) {
  return wrap_result(masked_fill_node(x, mask, node_of(value), loc), loc);
}
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source, Location loc) {
  return wrap_result(masked_scatter_node(x, mask, source, loc), loc);
}

Tensor index_put(const Tensor& x, std::initializer_list<TensorIndex> indices, const Tensor& value, bool accumulate,
                 Location loc) {
  Tensor copy = x.clone(loc);
  return copy.index_put_(indices, value, accumulate, loc);
}

namespace {

/// A copy of x in which `view` of it holds src.
template <class View>
Tensor written(const Tensor& x, const Tensor& src, const View& view, const Location& loc) {
  const Tensor copy = x.clone(loc);
  Tensor part = view(copy);
  if (!(part.sizes() == src.sizes()))
    throw Error(ErrorKind::Shape,
                fmt::format("expected src to have a size equal to the slice of self. src size = {}, slice size = {}",
                            ir::str(src.sizes()), ir::str(part.sizes())),
                {}, loc);
  part.copy_(src, loc);
  return copy;
}

}  // namespace

Tensor select_scatter(const Tensor& x, const Tensor& src, int64_t dim, int64_t index, Location loc) {
  return written(x, src, [&](const Tensor& t) { return t.select(dim, index, loc); }, loc);
}
Tensor slice_scatter(const Tensor& x, const Tensor& src, int64_t dim, Slice::Bound start, Slice::Bound stop,
                     int64_t step, Location loc) {
  return written(x, src, [&](const Tensor& t) { return t.slice(dim, start, stop, step, loc); }, loc);
}
Tensor diagonal_scatter(const Tensor& x, const Tensor& src, int64_t offset, int64_t dim1, int64_t dim2, Location loc) {
  return written(x, src, [&](const Tensor& t) { return diagonal(t, offset, dim1, dim2, loc); }, loc);
}

}  // namespace lazuli
