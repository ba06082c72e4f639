// Reductions.
#include "lazuli/reduce.h"

#include <fmt/format.h>

#include <cmath>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/axes.h"
#include "frontend/promote.h"

namespace lazuli {
namespace {

using ir::Dims;
using ir::NodeRef;
using ir::Op;

int64_t rank_of(const NodeRef& x) {
  return static_cast<int64_t>(x->rank());
}

/// sum and prod: integers and bools are collected in int64 unless a type is named.
NodeRef collected(Op op, const Tensor& x, const DimList& dim, bool keep, OptionalDType dtype, const Location& loc) {
  const NodeRef n = node_of(x);
  DType type = dtype.value_or(is_floating(n->dtype()) ? n->dtype() : kInt64);
  const Dims axes = axes_of(dim, rank_of(n), loc);
  const Build b(loc);
  if (is_bool(type))  // a sum of bools as a bool: or; a product: and
    return b.reduce(op == Op::sum ? Op::any : Op::all, b.cast(n, kBool), axes, keep);
  return b.reduce(op, b.cast(n, type), axes, keep);
}

NodeRef float_input(std::string_view op, const Tensor& x, OptionalDType dtype, const Location& loc) {
  const NodeRef n = node_of(x);
  const DType type = dtype.value_or(n->dtype());
  if (!is_floating(type))
    throw Error(
        ErrorKind::DType,
        fmt::format("{}(): could not infer output dtype. Input dtype must be either a floating point or complex "
                    "dtype. Got: {}",
                    op, torch_name(type)),
        "convert the input with to(kFloat32)", loc);
  return cast_to(n, type, loc);
}

NodeRef average(const Tensor& x, const DimList& dim, bool keep, OptionalDType dtype, const Location& loc) {
  const NodeRef n = float_input("mean", x, dtype, loc);
  return Build(loc).composite(Op::mean, n, axes_of(dim, rank_of(n), loc), 0, keep);
}

NodeRef variance(std::string_view op, const Tensor& x, const DimList& dim, double correction, bool keep,
                 const Location& loc) {
  const NodeRef n = node_of(x);
  if (!is_floating(n->dtype()))
    throw Error(ErrorKind::DType, "std and var only support floating point and complex dtypes",
                fmt::format("{} got {}; convert the input with to(kFloat32)", op, torch_name(n->dtype())), loc);
  return Build(loc).composite(Op::var, n, axes_of(dim, rank_of(n), loc), correction, keep);
}

/// max-like reductions have no value for no elements.
void refuse_empty(std::string_view op, const NodeRef& x, const DimList& dim, const Dims& axes, const Location& loc) {
  for (int64_t a : axes) {
    if (x->shape()[static_cast<size_t>(a)] != 0) continue;
    if (dim.empty())
      throw Error(ErrorKind::Shape,
                  fmt::format("{}(): Expected reduction dim to be specified for input.numel() == 0.{}", op,
                              op.starts_with("arg") ? "" : " Specify the reduction dim with the 'dim' argument."),
                  "name an axis that has elements", loc);
    throw Error(ErrorKind::Shape, fmt::format("{}(): Expected reduction dim {} to have non-zero size.", op, a), {},
                loc);
  }
}

NodeRef extreme(std::string_view op, Op reduce, const Tensor& x, const DimList& dim, bool keep, const Location& loc) {
  const NodeRef n = node_of(x);
  const Dims axes = axes_of(dim, rank_of(n), loc);
  refuse_empty(op, n, dim, axes, loc);
  return Build(loc).reduce(reduce, n, axes, keep);
}

NodeRef arg_extreme(std::string_view op, Op reduce, const Tensor& x, std::optional<int64_t> dim, bool keep,
                    const Location& loc) {
  if (dim) return extreme(op, reduce, x, *dim, keep, loc);
  return extreme(op, reduce, x, DimList(IntArrayRef()), keep, loc);
}

std::pair<Tensor, Tensor> with_indices(std::string_view op, Op value, Op index, const Tensor& x, int64_t dim, bool keep,
                                       const Location& loc) {
  return {wrap_result(extreme(op, value, x, dim, keep, loc), loc), wrap(extreme(op, index, x, dim, keep, loc), loc)};
}

NodeRef truth(Op op, const Tensor& x, const DimList& dim, bool keep, const Location& loc) {
  const NodeRef n = node_of(x);
  const Build b(loc);
  const NodeRef r = b.reduce(op, b.cast(n, kBool), axes_of(dim, rank_of(n), loc), keep);
  return n->dtype() == kUInt8 ? b.cast(r, kUInt8) : r;  // the one type whose any() is not bool, as in PyTorch
}

/// A root of a sum of terms of which none is negative. Where the sum is 0 its gradient is that of the sum, 0 for every
/// term at its minimum, and not infinite times 0.
template <class Root>
NodeRef root_of(const Build& b, const NodeRef& sum, const Root& root) {
  if (!sum->differentiable()) return root(sum);
  const NodeRef none = b.op(Op::eq, sum, 0.0);
  return b.where(none, sum, root(b.where(none, b.number(1, sum), sum)));
}
NodeRef sqrt_of(const Build& b, const NodeRef& sum) {
  return root_of(b, sum, [&](const NodeRef& s) { return b.op(Op::sqrt, s); });
}

NodeRef norm_node(const Tensor& x, const Scalar& p, const DimList& dim, bool keep, const Location& loc) {
  const NodeRef n = node_of(x);
  if (!is_floating(n->dtype()))
    throw Error(ErrorKind::DType,
                fmt::format("linalg.vector_norm: Expected a floating point or complex tensor as input. Got {}",
                            torch_name(n->dtype())),
                "convert the input with to(kFloat32)", loc);
  const Build b(loc);
  const Dims axes = axes_of(dim, rank_of(n), loc);
  const double power = p.to_double();
  // Half types: computed in float32, rounded once.
  const NodeRef f = b.cast(n, is_half(n->dtype()) ? kFloat32 : n->dtype());
  NodeRef r;
  if (std::isinf(power)) {
    refuse_empty("norm", f, dim, axes, loc);
    r = b.reduce(power > 0 ? Op::reduce_max : Op::reduce_min, b.op(Op::abs, f), axes, keep);
  } else if (power == 0) {
    r = b.reduce(Op::sum, b.cast(b.op(Op::ne, f, 0.0), f->dtype()), axes, keep);
  } else if (power == 1) {
    r = b.reduce(Op::sum, b.op(Op::abs, f), axes, keep);
  } else if (power == 2) {
    r = sqrt_of(b, b.reduce(Op::sum, b.op(Op::mul, f, f), axes, keep));
  } else {
    const auto number = [&](double v) { return on_device(argument(v, f->dtype(), loc), f->device(), loc); };
    r = b.reduce(Op::sum, b.op(Op::pow, b.op(Op::abs, f), number(power)), axes, keep);
    const auto root = [&](const NodeRef& s) { return b.op(Op::pow, s, number(1 / power)); };
    r = power > 0 ? root_of(b, r, root) : root(r);
  }
  return b.cast(r, n->dtype());
}

const DimList kEverything{IntArrayRef()};

}  // namespace

Tensor sum(const Tensor& x, OptionalDType dtype, Location loc) {
  return wrap_result(collected(Op::sum, x, kEverything, false, dtype, loc), loc);
}
Tensor sum(const Tensor& x, DimList dim, bool keepdim, OptionalDType dtype, Location loc) {
  return wrap_result(collected(Op::sum, x, dim, keepdim, dtype, loc), loc);
}
Tensor prod(const Tensor& x, OptionalDType dtype, Location loc) {
  return wrap_result(collected(Op::prod, x, kEverything, false, dtype, loc), loc);
}
Tensor prod(const Tensor& x, int64_t dim, bool keepdim, OptionalDType dtype, Location loc) {
  return wrap_result(collected(Op::prod, x, dim, keepdim, dtype, loc), loc);
}
Tensor prod(const Tensor& x, DimList dim, bool keepdim, OptionalDType dtype, Location loc) {
  return wrap_result(collected(Op::prod, x, dim, keepdim, dtype, loc), loc);
}
Tensor mean(const Tensor& x, OptionalDType dtype, Location loc) {
  return mean(x, kEverything, false, dtype, loc);
}
Tensor mean(const Tensor& x, DimList dim, bool keepdim, OptionalDType dtype, Location loc) {
  return wrap_result(average(x, dim, keepdim, dtype, loc), loc);
}

Tensor var(const Tensor& x, Location loc) {
  return var(x, kEverything, 1.0, false, loc);
}
Tensor var(const Tensor& x, DimList dim, double correction, bool keepdim, Location loc) {
  return wrap_result(variance("var", x, dim, correction, keepdim, loc), loc);
}
Tensor std(const Tensor& x, Location loc) {
  return lazuli::std(x, kEverything, 1.0, false, loc);
}
Tensor std(const Tensor& x, DimList dim, double correction, bool keepdim, Location loc) {
  const Build b(loc);
  const DType type = x.dtype();
  if (!is_half(type)) return wrap_result(sqrt_of(b, variance("std", x, dim, correction, keepdim, loc)), loc);
  // One rounding, after the square root.
  const Tensor wide = wrap(cast_to(node_of(x), kFloat32, loc), loc);
  return wrap_result(b.cast(sqrt_of(b, variance("std", wide, dim, correction, keepdim, loc)), type), loc);
}

Tensor amax(const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return wrap_result(extreme("amax", Op::reduce_max, x, dim, keepdim, loc), loc);
}
Tensor amin(const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return wrap_result(extreme("amin", Op::reduce_min, x, dim, keepdim, loc), loc);
}
Tensor max(const Tensor& x, Location loc) {
  return wrap_result(extreme("max", Op::reduce_max, x, kEverything, false, loc), loc);
}
Tensor min(const Tensor& x, Location loc) {
  return wrap_result(extreme("min", Op::reduce_min, x, kEverything, false, loc), loc);
}
std::pair<Tensor, Tensor> max(const Tensor& x, int64_t dim, bool keepdim, Location loc) {
  return with_indices("max", Op::reduce_max, Op::argmax, x, dim, keepdim, loc);
}
std::pair<Tensor, Tensor> min(const Tensor& x, int64_t dim, bool keepdim, Location loc) {
  return with_indices("min", Op::reduce_min, Op::argmin, x, dim, keepdim, loc);
}
Tensor max(const Tensor& x, const Tensor& y, Location loc) {
  return apply(Op::maximum, {x, y}, loc);
}
Tensor min(const Tensor& x, const Tensor& y, Location loc) {
  return apply(Op::minimum, {x, y}, loc);
}
Tensor argmax(const Tensor& x, std::optional<int64_t> dim, bool keepdim, Location loc) {
  return wrap_result(arg_extreme("argmax", Op::argmax, x, dim, keepdim, loc), loc);
}
Tensor argmin(const Tensor& x, std::optional<int64_t> dim, bool keepdim, Location loc) {
  return wrap_result(arg_extreme("argmin", Op::argmin, x, dim, keepdim, loc), loc);
}

Tensor any(const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return wrap_result(truth(Op::any, x, dim, keepdim, loc), loc);
}
Tensor all(const Tensor& x, DimList dim, bool keepdim, Location loc) {
  return wrap_result(truth(Op::all, x, dim, keepdim, loc), loc);
}

Tensor norm(const Tensor& x, Scalar p, Location loc) {
  return wrap_result(norm_node(x, p, kEverything, false, loc), loc);
}
Tensor norm(const Tensor& x, Scalar p, DimList dim, bool keepdim, Location loc) {
  return wrap_result(norm_node(x, p, dim, keepdim, loc), loc);
}
Tensor logsumexp(const Tensor& x, DimList dim, bool keepdim, Location loc) {
  const NodeRef n = node_of(x);
  const NodeRef f = cast_to(n, is_floating(n->dtype()) ? n->dtype() : kDefaultDType, loc);
  return wrap_result(Build(loc).composite(Op::logsumexp, f, axes_of(dim, rank_of(n), loc), 0, keepdim), loc);
}
Tensor count_nonzero(const Tensor& x, DimList dim, Location loc) {
  const NodeRef n = node_of(x);
  const Build b(loc);
  return wrap_result(b.reduce(Op::sum, b.cast(b.cast(n, kBool), kInt64), axes_of(dim, rank_of(n), loc), false), loc);
}

}  // namespace lazuli
