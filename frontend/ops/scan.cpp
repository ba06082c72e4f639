// Scans along an axis, and what is made of differences and sums of neighbours.
#include "lazuli/scan.h"

#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/take.h"
#include "frontend/promote.h"
#include "lazuli/join.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;

NodeRef scan_of(Op scan, const NodeRef& x, int64_t axis, const Location& loc) {
  return x->rank() == 0 ? x : make_node(scan, {x.get()}, ir::AxesAttr{{axis}}, loc);
}

NodeRef running(Op scan, const Tensor& x, int64_t dim, OptionalDType dtype, const Location& loc) {
  const NodeRef n = node_of(x);
  const int64_t axis = wrap_dim(dim, static_cast<int64_t>(n->rank()), loc);
  const DType type = dtype.value_or(is_floating(n->dtype()) ? n->dtype() : kInt64);
  if (is_bool(type))
    throw Error(ErrorKind::DType, fmt::format("\"{}_out_cpu\" not implemented for 'Bool'", ir::name(scan)),
                "name an integer type", loc);
  return scan_of(scan, cast_to(n, type, loc), axis, loc);
}

/// Values by a scan; the index of a value is the largest place so far that set it.
std::pair<Tensor, Tensor> running_extreme(Op scan, const Tensor& x, int64_t dim, const Location& loc) {
  const Build b(loc);
  const NodeRef given = node_of(x);
  const int64_t axis = wrap_dim(dim, x.dim(), loc);
  if (given->rank() == 0) return {wrap(given, loc), wrap(b.integer(0, given, kInt64), loc)};
  // As constants: the gradient of the values is that of reading them at the indices.
  const NodeRef n = b.op(Op::stop_gradient, b.cast(given, is_bool(given->dtype()) ? kUInt8 : given->dtype()));
  const NodeRef values = scan_of(scan, n, axis, loc);
  const NodeRef place = b.iota(n->shape(), axis, kInt64, n->device());
  const NodeRef sets = b.op(Op::logical_or, b.op(Op::eq, n, values), b.op(Op::isnan, n));
  const NodeRef at = b.where(sets, place, b.integer(0, place));
  const NodeRef indices = scan_of(Op::cummax, at, axis, loc);
  const bool differentiable = given->differentiable();
  const NodeRef out =
      differentiable ? take_along(given, indices, static_cast<size_t>(axis), loc) : b.cast(values, given->dtype());
  return {wrap(out, loc), wrap(indices, loc)};
}

Tensor part(const Tensor& x, int64_t dim, Slice::Bound start, Slice::Bound stop, const Location& loc) {
  return x.slice(dim, start, stop, 1, loc);
}

}  // namespace

Tensor cumsum(const Tensor& x, int64_t dim, OptionalDType dtype, Location loc) {
  return wrap(running(Op::cumsum, x, dim, dtype, loc), loc);
}
Tensor cumprod(const Tensor& x, int64_t dim, OptionalDType dtype, Location loc) {
  return wrap(running(Op::cumprod, x, dim, dtype, loc), loc);
}
std::pair<Tensor, Tensor> cummax(const Tensor& x, int64_t dim, Location loc) {
  return running_extreme(Op::cummax, x, dim, loc);
}
std::pair<Tensor, Tensor> cummin(const Tensor& x, int64_t dim, Location loc) {
  return running_extreme(Op::cummin, x, dim, loc);
}

Tensor logcumsumexp(const Tensor& x, int64_t dim, Location loc) {
  const NodeRef given = node_of(x);
  if (!is_floating(given->dtype()))
    throw Error(ErrorKind::DType,
                fmt::format("\"logcumsumexp_out_cpu\" not implemented for '{}'", torch_name(given->dtype())),
                "convert the input with to(kFloat32)", loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc);
  return wrap(scan_of(Op::logcumsumexp, given, axis, loc), loc);
}

Tensor diff(const Tensor& x, int64_t n, int64_t dim, const Tensor& prepend, const Tensor& append, Location loc) {
  if (x.dim() == 0) throw Error(ErrorKind::Shape, "diff expects input to be at least one-dimensional", {}, loc);
  if (n < 0) throw Error(ErrorKind::Value, fmt::format("order must be non-negative but got {}", n), {}, loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc);
  Tensor t = x;
  if (prepend.defined() && append.defined())
    t = cat({prepend, x, append}, axis, loc);
  else if (prepend.defined())
    t = cat({prepend, x}, axis, loc);
  else if (append.defined())
    t = cat({x, append}, axis, loc);
  if (n == 0) return t.clone(loc);
  for (int64_t i = 0; i < n && t.size(axis) > 0; ++i) {
    const Tensor after = part(t, axis, 1, None, loc), before = part(t, axis, None, t.size(axis) - 1, loc);
    t = is_bool(t.dtype()) ? after.ne(before, loc) : after.sub(before, loc);
  }
  return t;
}

Tensor trapezoid(const Tensor& y, double dx, int64_t dim, Location loc) {
  const int64_t axis = wrap_dim(dim, y.dim(), loc);
  if (y.dim() == 0 || y.size(axis) == 0) return sum(y, DimList(axis), false, {}, loc);
  const Tensor ends = y.select(axis, 0, loc).add(y.select(axis, -1, loc), loc);
  return sum(y, DimList(axis), false, {}, loc).sub(ends.div(Scalar(2.0), loc), loc).mul(Scalar(dx), loc);
}
Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t dim, Location loc) {
  const int64_t axis = wrap_dim(dim, y.dim(), loc);
  if (y.dim() == 0 || y.size(axis) == 0) return sum(y, DimList(axis), false, {}, loc);
  Tensor points = x;
  if (x.dim() == 1) {
    if (x.size(0) != y.size(axis))
      throw Error(ErrorKind::Shape, "trapezoid: There must be one `x` value for each sample point",
                  fmt::format("there are {} for {}", x.size(0), y.size(axis)), loc);
    std::vector<int64_t> shape(static_cast<size_t>(y.dim()), 1);
    shape[static_cast<size_t>(axis)] = x.size(0);
    points = x.reshape(shape, loc);
  }
  const int64_t across = points.dim() == y.dim() ? axis : axis - y.dim();
  const Tensor heights = part(y, axis, 1, None, loc).add(part(y, axis, None, -1, loc), loc);
  return sum(heights.mul(diff(points, 1, across, {}, {}, loc), loc), DimList(axis), false, {}, loc)
      .div(Scalar(2.0), loc);
}

Tensor trapz(const Tensor& y, double dx, int64_t dim, Location loc) {
  return trapezoid(y, dx, dim, loc);
}
Tensor trapz(const Tensor& y, const Tensor& x, int64_t dim, Location loc) {
  return trapezoid(y, x, dim, loc);
}

namespace {

/// Sums of neighbours.
Tensor heights(const Tensor& y, int64_t axis, const Location& loc) {
  return part(y, axis, 1, None, loc).add(part(y, axis, None, -1, loc), loc);
}

void refuse_bool(const char* op, const Tensor& y, const Location& loc) {
  if (is_bool(y.dtype()))
    throw Error(ErrorKind::DType, fmt::format("{}: received a bool input for `y`, but bool is not supported", op), {},
                loc);
}

}  // namespace

Tensor cumulative_trapezoid(const Tensor& y, double dx, int64_t dim, Location loc) {
  refuse_bool("cumulative_trapezoid", y, loc);
  return cumsum(heights(y, wrap_dim(dim, y.dim(), loc), loc).mul(Scalar(dx / 2), loc), dim, {}, loc);
}
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t dim, Location loc) {
  refuse_bool("cumulative_trapezoid", y, loc);
  const int64_t axis = wrap_dim(dim, y.dim(), loc);
  Tensor points = x;
  if (x.dim() == 1) {
    if (x.size(0) != y.size(axis))
      throw Error(ErrorKind::Shape, "cumulative_trapezoid: There must be one `x` value for each sample point",
                  fmt::format("there are {} for {}", x.size(0), y.size(axis)), loc);
    std::vector<int64_t> shape(static_cast<size_t>(y.dim()), 1);
    shape[static_cast<size_t>(axis)] = x.size(0);
    points = x.reshape(shape, loc);
  }
  const Tensor widths = diff(points, 1, axis - y.dim(), {}, {}, loc);
  return cumsum(heights(y, axis, loc).mul(widths, loc), dim, {}, loc).div(Scalar(2.0), loc);
}

std::vector<Tensor> gradient(const Tensor& x, Scalar spacing, DimList dim, int64_t edge_order, Location loc) {
  if (edge_order != 1 && edge_order != 2)
    throw Error(ErrorKind::Value, "torch.gradient only supports edge_order=1 and edge_order=2.", {}, loc);
  std::vector<int64_t> axes(dim.begin(), dim.end());
  if (dim.empty())
    for (int64_t d = 0; d < x.dim(); ++d) axes.push_back(d);
  std::vector<Tensor> all;
  for (const int64_t given : axes) {
    const int64_t axis = wrap_dim(given, x.dim(), loc);
    if (x.dim() == 0 || x.size(axis) <= edge_order)
      throw Error(ErrorKind::Shape, "torch.gradient expected each dimension size to be at least edge_order+1", {}, loc);
    const auto at = [&](int64_t i) { return x.narrow(axis, i < 0 ? x.size(axis) + i : i, 1, loc); };
    const auto end = [&](int64_t first, int64_t step) {
      const Tensor one = at(first), two = at(first + step);
      if (edge_order == 1) return step > 0 ? two.sub(one, loc) : one.sub(two, loc);
      const Tensor sum = two.mul(Scalar(2.0), loc).sub(one.mul(Scalar(1.5), loc), loc);
      const Tensor slope = sum.sub(at(first + 2 * step).mul(Scalar(0.5), loc), loc);
      return step > 0 ? slope : slope.neg(loc);
    };
    const Tensor middle = part(x, axis, 2, None, loc).sub(part(x, axis, None, -2, loc), loc).div(Scalar(2.0), loc);
    all.push_back(cat({end(0, 1), middle, end(-1, -1)}, axis, loc).div(spacing, loc));
  }
  return all;
}

Tensor& Tensor::cumsum_(int64_t dim, std::optional<DType> dtype, Location loc) {
  return write_in_place(*this, running(Op::cumsum, *this, dim, dtype.value_or(this->dtype()), loc), "cumsum", loc);
}
Tensor& Tensor::cumprod_(int64_t dim, std::optional<DType> dtype, Location loc) {
  return write_in_place(*this, running(Op::cumprod, *this, dim, dtype.value_or(this->dtype()), loc), "cumprod", loc);
}

}  // namespace lazuli
