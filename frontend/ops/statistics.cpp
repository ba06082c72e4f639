// Counting, covariances and distances, as compositions.
#include "lazuli/statistics.h"

#include <fmt/format.h>

#include <cmath>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/ops/axes.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/matmul.h"
#include "lazuli/nn.h"
#include "lazuli/reduce.h"
#include "lazuli/shape.h"
#include "lazuli/take.h"

namespace lazuli {

using ir::Op;

namespace {

[[noreturn]] void refuse(ErrorKind kind, std::string text, const Location& loc, std::string hint = {}) {
  throw Error(kind, std::move(text), std::move(hint), loc);
}

}  // namespace

Tensor histc(const Tensor& x, int64_t bins, Scalar min, Scalar max, Location loc) {
  if (!is_floating(x.dtype()))
    refuse(ErrorKind::DType, fmt::format("\"histogram_cpu\" not implemented for '{}'", torch_name(x.dtype())), loc,
           "convert it with to(kFloat32)");
  if (bins <= 0)
    refuse(ErrorKind::Value, fmt::format("torch.histogram(): bins must be > 0, but got {} for dimension 0", bins), loc);
  const double first = min.to_double(), last = max.to_double();
  if (!std::isfinite(first) || !std::isfinite(last))
    refuse(ErrorKind::Value, fmt::format("torch.histc: range of [{}, {}] is not finite", first, last), loc);
  if (first > last) refuse(ErrorKind::Value, "torch.histc: max must be larger than min", loc);
  if (x.numel() == 0) return zeros({bins}, TensorOptions(x.dtype()).device(x.device()), loc);
  const Tensor flat = x.detach(loc).reshape({-1}, loc).to(is_half(x.dtype()) ? kFloat32 : x.dtype(), loc);
  const TensorOptions options = TensorOptions(flat.dtype()).device(flat.device());
  Tensor low = full({}, min, options, loc), high = full({}, max, options, loc);
  if (first == last) {  // as the elements say, without looking at them
    low = lazuli::min(flat, loc);
    high = lazuli::max(flat, loc);
  }
  const Tensor none = low.eq(high, loc), one = ones({}, options, loc);
  low = where(none, low.sub(one, loc), low, loc);
  high = where(none, high.add(one, loc), high, loc);
  const Tensor inside = flat.ge(low, loc).logical_and(flat.le(high, loc), loc);
  const Tensor place = flat.sub(low, loc).mul(Scalar(bins), loc).div(high.sub(low, loc), loc);
  const Tensor safe = where(inside, place, Scalar(0), loc);
  const Tensor bin = safe.to(kInt64, loc).clamp(Scalar(0), Scalar(bins - 1), loc);
  return scatter_add(zeros({bins}, options, loc), 0, bin, inside.to(flat.dtype(), loc), loc).to(x.dtype(), loc);
}

Tensor cov(const Tensor& x, int64_t correction, const Tensor& fweights, const Tensor& aweights, Location loc) {
  if (x.dim() > 2)
    refuse(ErrorKind::Shape,
           fmt::format("cov(): expected input to have two or fewer dimensions but got an input with {} dimensions",
                       x.dim()),
           loc);
  if (is_bool(x.dtype())) refuse(ErrorKind::DType, "cov(): bool dtype is not supported for input", loc);
  const Tensor rows = x.dim() < 2 ? x.reshape({1, -1}, loc) : x;
  const int64_t count = rows.size(1);
  const auto check = [&](const Tensor& w, const char* which, bool fits, const char* wanted) {
    if (w.dim() > 1)
      refuse(ErrorKind::Shape,
             fmt::format("cov(): expected {} to have one or fewer dimensions but got {} with {} dimensions", which,
                         which, w.dim()),
             loc);
    if (!fits)
      refuse(ErrorKind::DType,
             fmt::format("cov(): expected {} to have {} dtype but got {} with {} dtype", which, wanted, which,
                         torch_name(w.dtype())),
             loc);
    if (w.numel() != count)
      refuse(ErrorKind::Shape,
             fmt::format("cov(): expected {} to have the same numel as there are observations in the input but got {} "
                         "!= {}",
                         which, w.numel(), count),
             loc);
  };
  Tensor weights;
  if (fweights.defined()) {
    check(fweights, "fweights", is_integral(fweights.dtype()), "integral");
    weights = fweights;
  }
  if (aweights.defined()) {
    check(aweights, "aweights", is_floating(aweights.dtype()), "floating point");
    weights = weights.defined() ? weights.mul(aweights, loc) : aweights;
  }
  const DType type = is_floating(rows.dtype()) ? rows.dtype() : kDefaultDType;
  Tensor total, mean_of_rows, divisor;
  if (weights.defined()) {
    total = sum(weights, {}, loc);
    mean_of_rows = sum(rows.mul(weights, loc), 1, true, {}, loc).div(total, loc);
    Tensor lost = full({}, Scalar(correction), total.dtype(), loc);
    if (aweights.defined() && fweights.defined())
      lost = sum(weights.mul(aweights, loc), {}, loc).div(total, loc).mul(Scalar(correction), loc);
    else if (aweights.defined())
      lost = sum(weights.mul(weights, loc), {}, loc).div(total, loc).mul(Scalar(correction), loc);
    divisor = total.sub(lost, loc).clamp(Scalar(0), loc);
  } else {
    mean_of_rows = sum(rows, 1, true, {}, loc).div(full({}, Scalar(count), type, loc), loc);
    divisor = full({}, Scalar(std::max<int64_t>(count - correction, 0)), type, loc);
  }
  const Tensor centred = rows.sub(mean_of_rows, loc);
  const Tensor weighted = weights.defined() ? centred.mul(weights, loc) : centred;
  return mm(centred, weighted.t(loc).to(centred.dtype(), loc), loc).div(divisor, loc).squeeze(loc);
}

Tensor corrcoef(const Tensor& x, Location loc) {
  if (x.dim() > 2)
    refuse(ErrorKind::Shape,
           fmt::format("corrcoef(): expected input to have two or fewer dimensions but got an input with {} dimensions",
                       x.dim()),
           loc);
  const Tensor c = cov(x, 1, {}, {}, loc);
  if (c.dim() == 0) return c.div(c, loc);
  const Tensor deviations = sqrt(diagonal(c, 0, 0, 1, loc), loc);
  const Tensor r = c.div(deviations.unsqueeze(1, loc), loc).div(deviations.unsqueeze(0, loc), loc);
  return r.clamp(Scalar(-1), Scalar(1), loc);
}

Tensor cdist(const Tensor& a, const Tensor& b, double p, Location loc) {
  const auto check = [&](const Tensor& t, int number) {
    if (t.dim() < 2)
      refuse(ErrorKind::Shape, fmt::format("cdist only supports at least 2D tensors, X{} got: {}D", number, t.dim()),
             loc);
  };
  const auto check_type = [&](const Tensor& t, int number) {
    if (!is_floating(t.dtype()))
      refuse(ErrorKind::DType,
             fmt::format("cdist only supports floating-point dtypes, X{} got: {}", number, torch_name(t.dtype())), loc,
             "convert it with to(kFloat32)");
  };
  check_type(a, 1);
  check_type(b, 2);
  check(a, 1);
  check(b, 2);
  if (a.size(-1) != b.size(-1))
    refuse(ErrorKind::Shape,
           fmt::format("X1 and X2 must have the same number of columns. X1: {} X2: {}", a.size(-1), b.size(-1)), loc);
  if (!(p >= 0)) refuse(ErrorKind::Value, "cdist only supports non-negative p values", loc);
  const Tensor differences = a.unsqueeze(-2, loc).sub(b.unsqueeze(-3, loc), loc);
  if (a.size(-1) == 0) return sum(differences, -1, false, {}, loc);
  return norm(differences, p, -1, false, loc);
}

Tensor pdist(const Tensor& x, double p, Location loc) {
  if (x.dim() != 2) refuse(ErrorKind::Shape, fmt::format("pdist only supports 2D tensors, got: {}D", x.dim()), loc);
  if (!is_floating(x.dtype())) refuse(ErrorKind::DType, "pdist only supports floating-point dtypes", loc);
  if (!(p >= 0)) refuse(ErrorKind::Value, "pdist only supports non-negative p values", loc);
  const Tensor pairs = triu_indices(x.size(0), x.size(0), 1, loc);
  const Tensor left = index_select(x, 0, pairs.select(0, 0, loc), loc);
  const Tensor differences = left.sub(index_select(x, 0, pairs.select(0, 1, loc), loc), loc);
  if (x.size(1) == 0) return sum(differences, -1, false, {}, loc);
  return norm(differences, p, -1, false, loc);
}

Tensor pairwise_distance(const Tensor& x, const Tensor& y, double p, double eps, bool keepdim, Location loc) {
  return norm(x.sub(y, loc).add(Scalar(eps), loc), p, -1, keepdim, loc);
}

Tensor cosine_similarity(const Tensor& x, const Tensor& y, int64_t dim, double eps, Location loc) {
  const Operand both[] = {x, y};
  const DType type = result_type(both);
  if (!is_floating(type))
    refuse(ErrorKind::DType,
           fmt::format("expected common dtype to be floating point, yet common dtype is {}", torch_name(type)), loc,
           "convert them with to(kFloat32)");
  const ir::Shape shape = broadcast_or_throw("cosine_similarity", ir::Shape(x.sizes()), ir::Shape(y.sizes()), loc);
  const IntArrayRef sizes(shape.data(), shape.size());
  const int64_t axis = wrap_dim(dim, static_cast<int64_t>(shape.size()), loc);
  const auto unit = [&](const Tensor& t) {
    const Tensor wide = t.to(type, loc).expand(sizes, loc);
    return wide.div(norm(wide, 2, axis, true, loc).clamp(Scalar(eps), loc), loc);
  };
  return sum(unit(x).mul(unit(y), loc), axis, false, {}, loc);
}

Tensor renorm(const Tensor& x, Scalar p, int64_t dim, Scalar maxnorm, Location loc) {
  if (!(p.to_double() > 0)) refuse(ErrorKind::Value, "renorm: non-positive-norm not supported", loc);
  if (!(maxnorm.to_double() >= 0))
    refuse(ErrorKind::Value, fmt::format("renorm: expected maxnorm to be >= 0 but got {}", maxnorm.to_double()), loc);
  if (x.dim() < 2)
    refuse(ErrorKind::Shape, fmt::format("renorm: input needs at least 2 dimensions, got {} dimensions", x.dim()), loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc);
  std::vector<int64_t> others;
  for (int64_t d = 0; d < x.dim(); ++d)
    if (d != axis) others.push_back(d);
  const Tensor size = norm(x, p, others, true, loc);
  const Tensor factor = full({}, maxnorm, size.dtype(), loc).div(size.add(Scalar(1e-7), loc), loc);
  return x.mul(where(size.gt(maxnorm, loc), factor, Scalar(1.0), loc), loc);
}

}  // namespace lazuli
