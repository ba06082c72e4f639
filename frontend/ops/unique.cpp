// Distinct elements, binary search and counting.
#include <fmt/format.h>

#include <bit>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/order.h"
#include "frontend/ops/take.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/join.h"
#include "lazuli/order.h"
#include "lazuli/reduce.h"
#include "lazuli/scan.h"
#include "lazuli/shape.h"
#include "lazuli/take.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;
using ir::Shape;

/// Of runs of equal elements of a 1-D tensor: the first of each, which run each element is in, how long runs are.
struct Runs {
  Tensor values, run, counts;
};

Runs runs_of(const Tensor& x, bool counts, const Location& loc) {
  const int64_t n = x.numel();
  if (n == 0) return {x.clone(loc), zeros({0}, kInt64, loc), zeros({0}, kInt64, loc)};
  const Tensor differs = x.slice(0, 1, None, 1, loc).ne(x.slice(0, 0, n - 1, 1, loc), loc);
  const Tensor begins = cat({ones({1}, kBool, loc), differs}, 0, loc);
  const Tensor first = true_places(begins, loc);
  Runs r{index_select(x, 0, first, loc), cumsum(begins, 0, {}, loc).sub(Scalar(1), loc), {}};
  if (counts) r.counts = cat({first.slice(0, 1, None, 1, loc), full({1}, n, kInt64, loc)}, 0, loc).sub(first, loc);
  return r;
}

std::tuple<Tensor, Tensor, Tensor> results(Runs r, const Tensor& x, bool inverse, bool counts, const Location& loc) {
  return {r.values, inverse ? r.run.reshape(x.sizes(), loc) : Tensor(), counts ? r.counts : Tensor()};
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> unique(const Tensor& x, bool, bool return_inverse, bool return_counts,
                                          Location loc) {
  const Tensor flat = x.reshape({-1}, loc);
  const auto [sorted, from] = sort(flat, 0, false, loc);
  Runs r = runs_of(sorted, return_counts, loc);
  if (return_inverse) r.run = scatter(zeros({x.numel()}, kInt64, loc), 0, from, r.run, loc);
  return results(std::move(r), x, return_inverse, return_counts, loc);
}
std::tuple<Tensor, Tensor, Tensor> _unique2(const Tensor& x, bool sorted, bool return_inverse, bool return_counts,
                                            Location loc) {
  return unique(x, sorted, return_inverse, return_counts, loc);
}
std::tuple<Tensor, Tensor, Tensor> unique_consecutive(const Tensor& x, bool return_inverse, bool return_counts,
                                                      Location loc) {
  return results(runs_of(x.reshape({-1}, loc), return_counts, loc), x, return_inverse, return_counts, loc);
}

Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& values, bool out_int32, bool right, Location loc) {
  const NodeRef given = node_of(sorted_sequence), wanted = node_of(values);
  const size_t rank = given->rank();
  bool fits = rank == 1 || (rank > 1 && rank == wanted->rank());
  for (size_t d = 0; fits && rank > 1 && d + 1 < rank; ++d) fits = given->shape()[d] == wanted->shape()[d];
  if (!fits)
    throw Error(ErrorKind::Shape,
                fmt::format("torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions "
                            "of boundaries tensor and input value tensor must match, but we got boundaries tensor {} "
                            "and input value tensor {}",
                            ir::str(given->shape()), ir::str(wanted->shape())),
                {}, loc);
  need_same_device("searchsorted", given, wanted, loc);
  const Build b(loc);
  const DType type = promote_types(given->dtype(), wanted->dtype());
  const NodeRef sequence = b.cast(given, type), x = b.cast(wanted, type);
  const int64_t n = given->shape().back();
  const auto number = [&](int64_t v) { return b.expand(b.integer(v, x, kInt64), x->shape()); };
  const auto at = [&](const NodeRef& place) {
    if (rank == 1) return gather_at(sequence, {0}, {&place, 1}, loc);
    return take_along(sequence, place, rank - 1, loc);
  };
  // The number of elements that x comes behind lies in [low, high].
  NodeRef low = number(0), high = number(n);
  for (int64_t i = std::bit_width(static_cast<uint64_t>(n)); i > 0; --i) {
    const NodeRef open = b.op(Op::lt, low, high);
    const NodeRef middle = b.op(Op::bitwise_right_shift, b.op(Op::add, low, high), b.integer(1, low));
    const NodeRef v = at(b.op(Op::minimum, middle, b.integer(n - 1, low)));
    const NodeRef behind = b.op(Op::logical_not, b.op(right ? Op::gt : Op::ge, v, x));
    const NodeRef up = b.op(Op::logical_and, open, behind);
    const NodeRef down = b.op(Op::logical_and, open, b.op(Op::logical_not, behind));
    low = b.where(up, b.op(Op::add, middle, b.integer(1, low)), low);
    high = b.where(down, middle, high);
  }
  return wrap(b.cast(low, out_int32 ? kInt32 : kInt64), loc);
}
Tensor searchsorted(const Tensor& sorted_sequence, Scalar value, bool out_int32, bool right, Location loc) {
  const DType type = value.is_floating() && is_floating(sorted_sequence.dtype()) ? sorted_sequence.dtype()
                     : value.is_floating()                                       ? kDefaultDType
                                                                                 : value.kind();
  return searchsorted(sorted_sequence, full({}, value, type, loc), out_int32, right, loc);
}
Tensor bucketize(const Tensor& values, const Tensor& boundaries, bool out_int32, bool right, Location loc) {
  if (boundaries.dim() != 1)
    throw Error(ErrorKind::Shape,
                fmt::format("boundaries tensor must be 1 dimension, but got dim({})", boundaries.dim()), {}, loc);
  return searchsorted(boundaries, values, out_int32, right, loc);
}

Tensor bincount(const Tensor& x, const Tensor& weights, int64_t minlength, Location loc) {
  if (!is_integral(x.dtype()))
    throw Error(ErrorKind::DType, fmt::format("\"bincount_cpu\" not implemented for '{}'", torch_name(x.dtype())),
                "convert it to an integer type", loc);
  if (minlength < 0) throw Error(ErrorKind::Value, "minlength should be >= 0", {}, loc);
  if (weights.defined() && !(weights.sizes() == x.sizes()))
    throw Error(ErrorKind::Shape, "weights should be 1-d and have the same length as input", {}, loc);
  const auto refuse = [&] {
    throw Error(ErrorKind::Value, "bincount only supports 1-d non-negative integral inputs.", {}, loc);
  };
  if (x.dim() != 1) refuse();
  int64_t size = minlength;
  if (x.numel() > 0) {
    const auto [least, most] = aminmax(x, {}, false, loc);
    if (least.item<int64_t>(loc) < 0) refuse();
    size = std::max(size, most.item<int64_t>(loc) + 1);
  }
  const DType type = !weights.defined() ? kInt64 : weights.dtype() == kFloat32 ? kFloat32 : kFloat64;
  const Tensor add = weights.defined() ? weights.to(type, loc) : ones({x.numel()}, type, loc);
  return scatter_add(zeros({size}, type, loc), 0, x.to(kInt64, loc), add, loc);
}

// ---- Methods. ----
std::pair<Tensor, Tensor> Tensor::sort(int64_t dim, bool descending, Location loc) const {
  return lazuli::sort(*this, dim, descending, loc);
}
std::pair<Tensor, Tensor> Tensor::sort(std::optional<bool> stable, int64_t dim, bool descending, Location loc) const {
  return lazuli::sort(*this, stable, dim, descending, loc);
}
Tensor Tensor::argsort(int64_t dim, bool descending, Location loc) const {
  return lazuli::argsort(*this, dim, descending, loc);
}
Tensor Tensor::msort(Location loc) const {
  return lazuli::msort(*this, loc);
}
std::pair<Tensor, Tensor> Tensor::topk(int64_t k, int64_t dim, bool largest, bool sorted, Location loc) const {
  return lazuli::topk(*this, k, dim, largest, sorted, loc);
}
std::pair<Tensor, Tensor> Tensor::kthvalue(int64_t k, int64_t dim, bool keepdim, Location loc) const {
  return lazuli::kthvalue(*this, k, dim, keepdim, loc);
}
Tensor Tensor::median(Location loc) const {
  return lazuli::median(*this, loc);
}
std::pair<Tensor, Tensor> Tensor::median(int64_t dim, bool keepdim, Location loc) const {
  return lazuli::median(*this, dim, keepdim, loc);
}
Tensor Tensor::nanmedian(Location loc) const {
  return lazuli::nanmedian(*this, loc);
}
std::pair<Tensor, Tensor> Tensor::nanmedian(int64_t dim, bool keepdim, Location loc) const {
  return lazuli::nanmedian(*this, dim, keepdim, loc);
}
std::pair<Tensor, Tensor> Tensor::mode(int64_t dim, bool keepdim, Location loc) const {
  return lazuli::mode(*this, dim, keepdim, loc);
}
Tensor Tensor::quantile(double q, std::optional<int64_t> dim, bool keepdim, std::string_view interpolation,
                        Location loc) const {
  return lazuli::quantile(*this, q, dim, keepdim, interpolation, loc);
}
Tensor Tensor::quantile(const Tensor& q, std::optional<int64_t> dim, bool keepdim, std::string_view interpolation,
                        Location loc) const {
  return lazuli::quantile(*this, q, dim, keepdim, interpolation, loc);
}
Tensor Tensor::bincount(const Tensor& weights, int64_t minlength, Location loc) const {
  return lazuli::bincount(*this, weights, minlength, loc);
}

}  // namespace lazuli
