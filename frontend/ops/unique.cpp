// Distinct elements, binary search and counting.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/compile/scope.h"
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
  const Tensor first = true_places("unique", begins, loc);
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
namespace {

/// The slices of a tensor along an axis on the host. NaN comes last and equals nothing.
class Slices {
 public:
  Slices(const Tensor& x, int64_t axis, const Location& loc) : count_(x.size(axis)) {
    const Tensor rows = x.detach(loc).movedim(axis, 0, loc).reshape({-1}, loc);
    width_ = count_ == 0 ? 0 : x.numel() / count_;
    if (is_floating(x.dtype()))
      numbers_ = rows.to_vector<double>(loc);
    else
      integers_ = rows.to_vector<int64_t>(loc);
  }
  int64_t count() const { return count_; }
  bool before(int64_t a, int64_t b) const { return compare(a, b) < 0; }
  bool equal(int64_t a, int64_t b) const {
    for (int64_t i = 0; i < width_; ++i)
      if (!integers_.empty() ? at(integers_, a, i) != at(integers_, b, i) : at(numbers_, a, i) != at(numbers_, b, i))
        return false;
    return true;
  }

 private:
  template <class T>
  T at(const std::vector<T>& v, int64_t row, int64_t i) const {
    return v[static_cast<size_t>(row * width_ + i)];
  }
  int compare(int64_t a, int64_t b) const {
    for (int64_t i = 0; i < width_; ++i) {
      const int c = !integers_.empty() ? order(at(integers_, a, i), at(integers_, b, i))
                                       : order(at(numbers_, a, i), at(numbers_, b, i));
      if (c != 0) return c;
    }
    return 0;
  }
  template <class T>
  static int order(T a, T b) {
    if (a < b) return -1;
    if (b < a) return 1;
    return a == b ? 0 : static_cast<int>(a != a) - static_cast<int>(b != b);
  }
  int64_t count_, width_ = 0;
  std::vector<double> numbers_;
  std::vector<int64_t> integers_;
};

std::tuple<Tensor, Tensor, Tensor> unique_slices(const Tensor& x, int64_t dim, bool sort, bool inverse, bool counts,
                                                 const Location& loc) {
  need_values("unique", loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc);
  const Tensor given = x.dim() == 0 ? x.reshape({1}, loc) : x;
  const auto empty_axes = std::count(x.sizes().begin(), x.sizes().end(), 0);
  if (given.size(axis) == 0 && empty_axes != 1)
    throw Error(ErrorKind::Shape, "Number of zero sized dimensions is more than one, so unique cannot be applied",
                fmt::format("the shape is {}", ir::str(x.sizes())), loc);
  if (given.size(axis) != 0 && empty_axes != 0)
    throw Error(ErrorKind::Shape, "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied",
                fmt::format("the shape is {}", ir::str(x.sizes())), loc);
  const Slices slices(given, axis, loc);
  std::vector<int64_t> order(static_cast<size_t>(slices.count()));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (sort) std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return slices.before(a, b); });
  std::vector<int64_t> first, run(order.size()), lengths;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || !slices.equal(order[i - 1], order[i])) {
      first.push_back(order[i]);
      lengths.push_back(0);
    }
    ++lengths.back();
    run[static_cast<size_t>(order[i])] = static_cast<int64_t>(first.size()) - 1;
  }
  const auto tensor_of = [&](const std::vector<int64_t>& v) {
    return from_host(v.data(), {static_cast<int64_t>(v.size())}, kInt64, loc).to(x.device(), loc);
  };
  return {index_select(given, axis, tensor_of(first), loc), inverse ? tensor_of(run) : Tensor(),
          counts ? tensor_of(lengths) : Tensor()};
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> unique_dim(const Tensor& x, int64_t dim, bool, bool return_inverse,
                                              bool return_counts, Location loc) {
  return unique_slices(x, dim, true, return_inverse, return_counts, loc);
}
std::tuple<Tensor, Tensor, Tensor> unique_dim_consecutive(const Tensor& x, int64_t dim, bool return_inverse,
                                                          bool return_counts, Location loc) {
  return unique_slices(x, dim, false, return_inverse, return_counts, loc);
}
std::tuple<Tensor, Tensor, Tensor> unique_consecutive(const Tensor& x, bool return_inverse, bool return_counts,
                                                      std::optional<int64_t> dim, Location loc) {
  if (dim) return unique_slices(x, *dim, false, return_inverse, return_counts, loc);
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
  need_values("bincount", loc);
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

}  // namespace lazuli
