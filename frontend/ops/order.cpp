// Sorting over argsort; everything else picks from sorted elements, so that gradients pass through one gather.
#include "lazuli/order.h"

#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/order.h"
#include "frontend/ops/take.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/join.h"
#include "lazuli/reduce.h"
#include "lazuli/scan.h"
#include "lazuli/shape.h"

namespace lazuli {

using ir::NodeRef;
using ir::Op;
using ir::Shape;

NodeRef argsort_node(const NodeRef& given, int64_t axis, bool descending, const Location& loc) {
  const Build b(loc);
  NodeRef key = given;
  if (is_half(key->dtype())) key = b.cast(key, kFloat32);
  if (is_bool(key->dtype())) key = b.cast(key, kUInt8);
  if (key->rank() == 0) return b.integer(0, key, kInt64);
  const auto rank = static_cast<int64_t>(key->rank());
  ir::Dims order;
  for (int64_t d = 0; d < rank; ++d)
    if (d != axis) order.push_back(d);
  order.push_back(axis);
  if (axis != rank - 1) key = b.permute(key, order);
  const NodeRef at = b.op(descending ? Op::argsort_down : Op::argsort, key);
  return move_axes(at, static_cast<size_t>(rank) - 1, 1, static_cast<size_t>(axis), loc);
}

namespace {

struct Sorted {
  NodeRef values, indices;
  int64_t axis;
};

Sorted sorted_of(const Tensor& x, int64_t dim, bool descending, const Location& loc) {
  const NodeRef n = node_of(x);
  const int64_t axis = wrap_dim(dim, static_cast<int64_t>(n->rank()), loc);
  const NodeRef at = argsort_node(n, axis, descending, loc);
  return {n->rank() == 0 ? n : take_along(n, at, static_cast<size_t>(axis), loc), at, axis};
}

/// Element `place` of the axis (int64, of size 1 there) of both.
std::pair<Tensor, Tensor> at_place(const Sorted& s, const NodeRef& place, bool keepdim, const Location& loc) {
  const auto axis = static_cast<size_t>(s.axis);
  NodeRef v = take_along(s.values, place, axis, loc), i = take_along(s.indices, place, axis, loc);
  if (!keepdim) {
    Shape shape = v->shape();
    shape.erase(axis);
    v = reshape_to(v, shape, loc);
    i = reshape_to(i, shape, loc);
  }
  return {wrap(v, loc), wrap(i, loc)};
}

/// Numbers (not NaN) along the axis, kept with size 1.
NodeRef count_numbers(const Build& b, const NodeRef& x, int64_t axis) {
  return b.reduce(Op::sum, b.cast(b.op(Op::eq, x, x), kInt64), {axis}, true);
}

std::pair<Tensor, Tensor> middle(std::string_view op, const Tensor& x, int64_t dim, bool keepdim, bool skip_nan,
                                 const Location& loc) {
  const Build b(loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc);
  if (x.dim() == 0) return {x.clone(loc), zeros({}, kInt64, loc)};
  if (x.size(axis) == 0)
    throw Error(ErrorKind::Index, fmt::format("{}(): Expected reduction dim {} to have non-zero size.", op, axis), {},
                loc);
  if (is_bool(x.dtype()))
    throw Error(ErrorKind::DType, fmt::format("\"{}_out_impl\" not implemented for 'Bool'", op),
                "convert the input to an integer type", loc);
  const Sorted s = sorted_of(x, axis, false, loc);
  Shape one = s.values->shape();
  one[static_cast<size_t>(axis)] = 1;
  const int64_t size = x.size(axis);
  NodeRef place = b.expand(b.integer((size - 1) / 2, s.indices), one);
  if (is_floating(x.dtype())) {
    const NodeRef numbers = count_numbers(b, s.values, axis), zero = b.integer(0, numbers);
    // NaN comes last: the first of them stands behind all numbers.
    const NodeRef half =
        b.op(Op::bitwise_right_shift, b.op(Op::sub, numbers, b.integer(1, numbers)), b.integer(1, numbers));
    place = skip_nan ? b.op(Op::maximum, half, zero)
                     : b.where(b.op(Op::eq, numbers, b.integer(size, numbers)), place, numbers);
  }
  return at_place(s, place, keepdim, loc);
}

Tensor middle_of_all(std::string_view op, const Tensor& x, bool skip_nan, const Location& loc) {
  if (x.numel() != 0) return middle(op, x.reshape({-1}, loc), 0, false, skip_nan, loc).first;
  if (is_floating(x.dtype())) return full({}, __builtin_nan(""), x.dtype(), loc);
  throw Error(ErrorKind::Shape, fmt::format("{}() of no elements has no value", op), {}, loc);
}

}  // namespace

std::pair<Tensor, Tensor> sort(const Tensor& x, int64_t dim, bool descending, Location loc) {
  const Sorted s = sorted_of(x, dim, descending, loc);
  return {wrap(s.values, loc), wrap(s.indices, loc)};
}
std::pair<Tensor, Tensor> sort(const Tensor& x, std::optional<bool>, int64_t dim, bool descending, Location loc) {
  return sort(x, dim, descending, loc);
}
Tensor argsort(const Tensor& x, int64_t dim, bool descending, Location loc) {
  return wrap(argsort_node(node_of(x), wrap_dim(dim, x.dim(), loc), descending, loc), loc);
}
Tensor msort(const Tensor& x, Location loc) {
  return sort(x, 0, false, loc).first;
}

std::pair<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim, bool largest, bool, Location loc) {
  const int64_t axis = wrap_dim(dim, x.dim(), loc), size = x.dim() == 0 ? 1 : x.size(axis);
  if (k < 0 || k > size)
    throw Error(ErrorKind::Value, "selected index k out of range",
                fmt::format("k is {}, dimension {} has {} elements", k, axis, size), loc);
  if (x.dim() == 0) return {x.clone(loc), zeros({}, kInt64, loc)};
  const NodeRef n = node_of(x);
  const auto d = static_cast<size_t>(axis);
  const NodeRef at = Build(loc).slice(argsort_node(n, axis, largest, loc), d, 0, k);
  return {wrap_result(take_along(n, at, d, loc), loc), wrap(at, loc)};
}

std::pair<Tensor, Tensor> kthvalue(const Tensor& x, int64_t k, int64_t dim, bool keepdim, Location loc) {
  const int64_t axis = wrap_dim(dim, x.dim(), loc), size = x.dim() == 0 ? 1 : x.size(axis);
  if (k < 1 || k > size)
    throw Error(ErrorKind::Value, fmt::format("kthvalue(): selected number k out of range for dimension {}", axis),
                fmt::format("k is {}, from 1 to {} is possible", k, size), loc);
  if (x.dim() == 0) return {x.clone(loc), zeros({}, kInt64, loc)};
  const Sorted s = sorted_of(x, axis, false, loc);
  Shape one = s.values->shape();
  one[static_cast<size_t>(axis)] = 1;
  return at_place(s, Build(loc).expand(Build(loc).integer(k - 1, s.indices), one), keepdim, loc);
}

Tensor median(const Tensor& x, Location loc) {
  return middle_of_all("median", x, false, loc);
}
std::pair<Tensor, Tensor> median(const Tensor& x, int64_t dim, bool keepdim, Location loc) {
  return middle("median", x, dim, keepdim, false, loc);
}
Tensor nanmedian(const Tensor& x, Location loc) {
  return middle_of_all("nanmedian", x, true, loc);
}
std::pair<Tensor, Tensor> nanmedian(const Tensor& x, int64_t dim, bool keepdim, Location loc) {
  return middle("nanmedian", x, dim, keepdim, true, loc);
}

std::pair<Tensor, Tensor> mode(const Tensor& x, int64_t dim, bool keepdim, Location loc) {
  const int64_t axis = wrap_dim(dim, x.dim(), loc);
  if (x.dim() == 0) return {x.clone(loc), zeros({}, kInt64, loc)};
  if (x.size(axis) == 0)
    throw Error(ErrorKind::Index, fmt::format("mode(): Expected reduction dim {} to have non-zero size.", axis), {},
                loc);
  const Sorted s = sorted_of(x, axis, false, loc);
  const Build b(loc);
  // Elements since the run of equals began; the longest run is the first that reaches its length.
  const Tensor v = wrap(b.op(Op::stop_gradient, s.values), loc),
               place = wrap(b.iota(s.values->shape(), axis, kInt64, s.values->device()), loc);
  const int64_t size = x.size(axis);
  const Tensor differs = v.narrow(axis, 1, size - 1, loc).ne(v.narrow(axis, 0, size - 1, loc), loc);
  const Tensor begins = place.narrow(axis, 1, size - 1, loc).mul(differs.to(kInt64, loc), loc);
  const Tensor start = cat({place.narrow(axis, 0, 1, loc), begins}, axis, loc);
  const Tensor length = place.sub(cummax(start, axis, loc).first, loc);
  return at_place(s, node_of(argmax(length, axis, true, loc)), keepdim, loc);
}

namespace {

enum class Between : uint8_t { Linear, Lower, Higher, Midpoint, Nearest };

Between between(std::string_view name, const Location& loc) {
  constexpr std::string_view names[] = {"linear", "lower", "higher", "midpoint", "nearest"};
  for (size_t i = 0; i < std::size(names); ++i)
    if (names[i] == name) return static_cast<Between>(i);
  throw Error(ErrorKind::Value,
              "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got " +
                  std::string(name),
              {}, loc);
}

/// Fractions along a new first axis; `q` is 1-D.
Tensor quantiles(const Tensor& given, const Tensor& q, std::optional<int64_t> dim, bool keepdim, Between way,
                 bool skip_nan, const Location& loc) {
  if (given.dtype() != kFloat32 && given.dtype() != kFloat64)
    throw Error(ErrorKind::DType, "quantile() input tensor must be either float or double dtype",
                "convert the input with to(kFloat32)", loc);
  if (q.dtype() != given.dtype())
    throw Error(ErrorKind::DType, "quantile() q tensor must be same dtype as the input tensor", {}, loc);
  if (given.numel() == 0) throw Error(ErrorKind::Shape, "quantile() input tensor must be non-empty", {}, loc);
  const Build b(loc);
  const Tensor x = dim && given.dim() > 0 ? given : given.reshape({-1}, loc);
  const int64_t axis = dim && given.dim() > 0 ? wrap_dim(*dim, given.dim(), loc) : 0, size = x.size(axis);
  const Sorted s = sorted_of(x.movedim(axis, -1, loc), -1, false, loc);
  const NodeRef v = s.values, numbers = count_numbers(b, v, s.axis);
  // [fractions, ..., 1]
  Shape shape(v->rank() + 1, 1);
  shape[0] = q.numel();
  const NodeRef fraction = b.reshape(node_of(q), shape);
  // Where only numbers count, they stand first.
  const NodeRef last = skip_nan
                           ? b.op(Op::maximum, b.op(Op::sub, numbers, b.integer(1, numbers)), b.integer(0, numbers))
                           : b.integer(size - 1, v, kInt64);
  NodeRef rank = b.op(Op::mul, fraction, b.cast(last, v->dtype()));
  if (way == Between::Lower) rank = b.op(Op::floor, rank);
  if (way == Between::Higher) rank = b.op(Op::ceil, rank);
  if (way == Between::Nearest) rank = b.op(Op::round, rank);
  Shape out = v->shape();
  out.back() = 1;
  out.insert(size_t{0}, q.numel());
  rank = b.expand(rank, out);
  const NodeRef nan = b.expand(b.op(Op::lt, numbers, b.integer(skip_nan ? 1 : size, numbers)), out);
  const auto pick = [&](const NodeRef& place) {
    const NodeRef at = b.where(nan, b.integer(size - 1, s.indices), b.cast(place, kInt64));
    Shape all = v->shape();
    all.insert(size_t{0}, q.numel());
    return take_along(b.expand(v, all), at, out.size() - 1, loc);
  };
  const NodeRef low = b.op(Op::floor, rank);
  NodeRef r = pick(low);
  if (way == Between::Linear || way == Between::Midpoint) {
    const NodeRef weight = way == Between::Midpoint ? b.expand(b.number(0.5, v), out) : b.op(Op::sub, rank, low);
    r = make_node(Op::lerp, {r.get(), pick(b.op(Op::ceil, rank)).get(), weight.get()}, ir::NoAttr{}, loc);
  }
  Tensor t = wrap(r, loc);
  if (!dim && keepdim) {
    std::vector<int64_t> ones(static_cast<size_t>(given.dim()) + 1, 1);
    ones[0] = q.numel();
    return t.reshape(ones, loc);
  }
  if (!keepdim || given.dim() == 0) return t.squeeze(-1, loc);
  return t.movedim(-1, axis + 1, loc);
}

Tensor quantile_of(const char* op, const Tensor& x, double q, std::optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation, bool skip_nan, const Location& loc) {
  if (!(q >= 0 && q <= 1))
    throw Error(ErrorKind::Value, fmt::format("{}() q must be in the range [0, 1] but got {}", op, q), {}, loc);
  const Tensor fraction = full({1}, q, TensorOptions(x.dtype()).device(x.device()), loc);
  return quantiles(x, fraction, dim, keepdim, between(interpolation, loc), skip_nan, loc).squeeze(0, loc);
}
Tensor quantile_of(const char* op, const Tensor& x, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation, bool skip_nan, const Location& loc) {
  if (q.dim() > 1)
    throw Error(ErrorKind::Shape, fmt::format("{}() q must be a scalar or 1D tensor", op), ir::str(q.sizes()), loc);
  const Tensor r = quantiles(x, q.reshape({-1}, loc), dim, keepdim, between(interpolation, loc), skip_nan, loc);
  return q.dim() == 0 ? r.squeeze(0, loc) : r;
}

}  // namespace

Tensor quantile(const Tensor& x, double q, std::optional<int64_t> dim, bool keepdim, std::string_view interpolation,
                Location loc) {
  return quantile_of("quantile", x, q, dim, keepdim, interpolation, false, loc);
}
Tensor quantile(const Tensor& x, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                std::string_view interpolation, Location loc) {
  return quantile_of("quantile", x, q, dim, keepdim, interpolation, false, loc);
}
Tensor nanquantile(const Tensor& x, double q, std::optional<int64_t> dim, bool keepdim, std::string_view interpolation,
                   Location loc) {
  return quantile_of("quantile", x, q, dim, keepdim, interpolation, true, loc);
}
Tensor nanquantile(const Tensor& x, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation, Location loc) {
  return quantile_of("quantile", x, q, dim, keepdim, interpolation, true, loc);
}

}  // namespace lazuli
