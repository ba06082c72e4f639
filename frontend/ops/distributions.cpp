// Random numbers over rand, randn and randint: permutations, draws with weights, other distributions, in-place forms.
#include <fmt/format.h>

#include <cmath>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/compile/scope.h"
#include "frontend/forms.h"
#include "frontend/ops/order.h"
#include "frontend/promote.h"
#include "lazuli/creation.h"
#include "lazuli/generated/ops.h"
#include "lazuli/order.h"
#include "lazuli/random.h"
#include "lazuli/reduce.h"
#include "lazuli/scan.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;

void need_float(std::string_view kernel, DType t, const Location& loc) {
  if (!is_floating(t))
    throw Error(ErrorKind::DType, fmt::format("\"{}\" not implemented for '{}'", kernel, torch_name(t)),
                "convert it with to(kFloat32)", loc);
}

[[noreturn]] void refuse(std::string text, const Location& loc) {
  throw Error(ErrorKind::Value, std::move(text), {}, loc);
}

/// The largest whole number up to which a type tells all apart.
int64_t largest_whole(DType t) {
  if (is_bool(t)) return 1;
  if (t == kFloat64) return int64_t{1} << 53;
  if (t == kFloat32) return int64_t{1} << 24;
  if (t == kFloat16) return int64_t{1} << 11;
  if (t == kBFloat16) return int64_t{1} << 8;
  const int bits = static_cast<int>(8 * itemsize(t)) - (is_signed(t) ? 1 : 0);
  return static_cast<int64_t>((uint64_t{1} << bits) - 1);
}

/// Uniform numbers of the shape, in float32 or float64.
Tensor uniform_like(const Tensor& x, const OptionalGenerator& generator, const Location& loc) {
  return rand(x.sizes(), TensorOptions(x.dtype() == kFloat64 ? kFloat64 : kFloat32).device(x.device()), generator, loc);
}

Tensor drawn(const Tensor& p, DType type, const OptionalGenerator& generator, const Location& loc) {
  return uniform_like(p, generator, loc).lt(p, loc).to(type, loc);
}

}  // namespace

Tensor randperm(int64_t n, TensorOptions options, OptionalGenerator generator, Location loc) {
  if (n < 0) throw Error(ErrorKind::Value, fmt::format("n must be non-negative, got{}", n), {}, loc);
  const DType type = options.dtype_or(kInt64);
  if (is_floating(type) && n > largest_whole(type))
    throw Error(ErrorKind::Value,
                fmt::format("n = {} is too large for {}: not every number has a value of its own", n, name(type)), {},
                loc);
  // 63 random bits per number: their order is the permutation. Equal ones, which are as good as impossible, keep
  // theirs.
  const Tensor keys = randint(INT64_MAX, {n}, TensorOptions(kInt64).device(options.device_or(kCPU)), generator, loc);
  return as_wanted(wrap(cast_to(argsort_node(node_of(keys), 0, false, loc), type, loc), loc), options, loc);
}

Tensor multinomial(const Tensor& x, int64_t num_samples, bool replacement, OptionalGenerator generator, Location loc) {
  if (x.dim() != 1 && x.dim() != 2)
    throw Error(ErrorKind::Shape, "prob_dist must be 1 or 2 dim", fmt::format("its shape is {}", ir::str(x.sizes())),
                loc);
  if (!is_floating(x.dtype()))
    throw Error(
        ErrorKind::DType,
        fmt::format("multinomial only supports floating-point dtypes for input, got: {}", torch_name(x.dtype())), {},
        loc);
  if (num_samples <= 0) throw Error(ErrorKind::Value, "cannot sample n_sample <= 0 samples", {}, loc);
  if (!replacement && num_samples > x.size(-1))
    throw Error(ErrorKind::Value, "cannot sample n_sample > prob_dist.size(-1) samples without replacement", {}, loc);
  const Tensor p = x.detach(loc).to(is_half(x.dtype()) ? kFloat32 : x.dtype(), loc);
  if (!TraceScope::current() && x.numel() > 0) {
    if (!all(p.ge(Scalar(0), loc).logical_and(p.isfinite(loc), loc), {}, false, loc).item<bool>(loc))
      throw Error(ErrorKind::Value, "probability tensor contains either `inf`, `nan` or element < 0", {}, loc);
    if (any(sum(p, -1, false, {}, loc).le(Scalar(0), loc), {}, false, loc).item<bool>(loc))
      throw Error(ErrorKind::Value, "invalid multinomial distribution (sum of probabilities <= 0)", {}, loc);
  }
  std::vector<int64_t> sizes = x.sizes().vec();
  if (!replacement) {
    // Columns in the order of exponential waiting times: rates p.
    const Tensor waiting = uniform_like(p, generator, loc).neg(loc).log1p(loc).neg(loc).div(p, loc);
    return topk(waiting, num_samples, -1, false, true, loc).second;
  }
  sizes.back() = num_samples;
  const Tensor up_to = cumsum(p, -1, {}, loc), total = up_to.slice(-1, -1, None, 1, loc);
  const Tensor at = rand(sizes, TensorOptions(p.dtype()).device(p.device()), generator, loc).mul(total, loc);
  // The last column with a weight stays the limit where rounding reaches the total.
  const Tensor last = up_to.lt(total, loc).to(kInt64, loc).sum(DimList(-1), true, {}, loc);
  return searchsorted(up_to, at, false, true, loc).minimum(last, loc);
}

Tensor bernoulli(const Tensor& x, OptionalGenerator generator, Location loc) {
  need_float("bernoulli_tensor_cpu_p_", x.dtype(), loc);
  const Tensor p = x.detach(loc);
  if (!TraceScope::current() && x.numel() > 0 &&
      !all(p.ge(Scalar(0), loc).logical_and(p.le(Scalar(1), loc), loc), {}, false, loc).item<bool>(loc))
    throw Error(ErrorKind::Value, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.",
                "probabilities lie in [0, 1]", loc);
  return drawn(p, x.dtype(), generator, loc);
}
Tensor bernoulli(const Tensor& x, double p, OptionalGenerator generator, Location loc) {
  if (!(p >= 0 && p <= 1))
    throw Error(ErrorKind::Value, fmt::format("bernoulli_ expects p to be in [0, 1], but got p={}", p), {}, loc);
  return drawn(full(x.sizes(), p, TensorOptions(kFloat64).device(x.device()), loc), x.dtype(), generator, loc);
}

Tensor normal(double mean, double std, IntArrayRef sizes, OptionalGenerator generator, TensorOptions options,
              Location loc) {
  if (!(std >= 0))
    throw Error(ErrorKind::Value, fmt::format("normal expects std >= 0.0, but found std {}", std), {}, loc);
  const Tensor unit = randn(sizes, options.requires_grad(false), generator, loc);
  return as_wanted(unit.mul(Scalar(std), loc).add(Scalar(mean), loc), options, loc);
}
Tensor normal(const Tensor& mean, double std, OptionalGenerator generator, Location loc) {
  if (!(std >= 0))
    throw Error(ErrorKind::Value, fmt::format("normal expects std >= 0.0, but found std {}", std), {}, loc);
  return randn_like(mean, {}, generator, loc).mul(Scalar(std), loc).add(mean, loc);
}
namespace {

/// Evaluates, outside of traces.
void check_deviations(const Tensor& std, const Location& loc) {
  if (TraceScope::current() || std.numel() == 0) return;
  if (!all(std.ge(Scalar(0), loc), {}, false, loc).item<bool>(loc))
    refuse("normal expects all elements of std >= 0.0", loc);
}

}  // namespace

Tensor normal(double mean, const Tensor& std, OptionalGenerator generator, Location loc) {
  check_deviations(std, loc);
  return randn_like(std, {}, generator, loc).mul(std, loc).add(Scalar(mean), loc);
}
Tensor normal(const Tensor& mean, const Tensor& std, OptionalGenerator generator, Location loc) {
  check_deviations(std, loc);
  const ir::Shape shape = broadcast_or_throw("normal", ir::Shape(mean.sizes()), ir::Shape(std.sizes()), loc);
  const Tensor unit =
      randn({shape.data(), shape.size()}, TensorOptions(mean.dtype()).device(mean.device()), generator, loc);
  return unit.mul(std, loc).add(mean, loc).to(mean.dtype(), loc);
}

// ---- In place: another value each, whatever was there. ----
Tensor& Tensor::uniform_(double from, double to, OptionalGenerator generator, Location loc) {
  need_float("check_uniform_bounds", dtype(), loc);
  if (!(from <= to))
    refuse(fmt::format("uniform_ expects to return a [from, to) range, but found from={} > to={}", from, to), loc);
  return write_in_place(*this, deferred([&] {
    const Tensor u = rand_like(*this, {}, generator, loc);
    return u.mul(Scalar(to - from), loc).add(Scalar(from), loc);
  }),
                        "uniform_", loc);
}
Tensor& Tensor::normal_(double mean, double std, OptionalGenerator generator, Location loc) {
  if (!(std >= 0)) refuse(fmt::format("normal expects std >= 0.0, but found std {}", std), loc);
  return write_in_place(*this, deferred([&] {
    return randn_like(*this, {}, generator, loc).mul(Scalar(std), loc).add(Scalar(mean), loc);
  }),
                        "normal_", loc);
}
Tensor& Tensor::random_(int64_t from, std::optional<int64_t> to, OptionalGenerator generator, Location loc) {
  return write_in_place(*this, deferred([&] {
    const int64_t last = largest_whole(dtype());
    if (to) return randint_like(*this, from, *to, {}, generator, loc);
    if (last == INT64_MAX)  // one more than the largest is no int64
      return randint_like(*this, from - 1, last, {}, generator, loc).add(Scalar(1), loc);
    return randint_like(*this, from, last + 1, {}, generator, loc);
  }),
                        "random_", loc);
}
Tensor& Tensor::random_(int64_t to, OptionalGenerator generator, Location loc) {
  return random_(0, std::optional(to), std::move(generator), loc);
}
Tensor& Tensor::random_(OptionalGenerator generator, Location loc) {
  return random_(0, std::nullopt, std::move(generator), loc);
}
Tensor& Tensor::bernoulli_(double p, OptionalGenerator generator, Location loc) {
  return write_in_place(*this, deferred([&] { return lazuli::bernoulli(*this, p, generator, loc); }), "bernoulli_",
                        loc);
}
Tensor& Tensor::bernoulli_(const Tensor& p, OptionalGenerator generator, Location loc) {
  return write_in_place(*this, deferred([&] { return drawn(p.expand(sizes(), loc), dtype(), generator, loc); }),
                        "bernoulli_", loc);
}

// The others are functions of one uniform number each. 1 - u lies in (0, 1], where the logarithm is finite.
Tensor& Tensor::exponential_(double lambda, OptionalGenerator generator, Location loc) {
  if (!is_floating(dtype()))
    throw Error(
        ErrorKind::DType,
        fmt::format("Exponential distribution is a continuous probability distribution. dtype must be a floating "
                    "point but you specified {}",
                    torch_name(dtype())),
        "convert it with to(kFloat32)", loc);
  if (!(lambda > 0)) refuse(fmt::format("exponential_ expects lambda > 0.0, but found lambda={}", lambda), loc);
  return write_in_place(*this, deferred([&] {
    return uniform_like(*this, generator, loc).neg(loc).log1p(loc).div(Scalar(-lambda), loc);
  }),
                        "exponential_", loc);
}
Tensor& Tensor::geometric_(double p, OptionalGenerator generator, Location loc) {
  if (is_bool(dtype())) need_float("geometric_cpu", dtype(), loc);
  if (!(p > 0 && p < 1)) refuse(fmt::format("geometric_ expects p to be in (0, 1), but got p={}", p), loc);
  return write_in_place(*this, deferred([&] {
    const Tensor u = lazuli::rand(sizes(), TensorOptions(kFloat64).device(device()), generator, loc);
    const Tensor trials = u.neg(loc).log1p(loc).div(Scalar(std::log1p(-p)), loc).ceil(loc);
    return trials.clamp(Scalar(1), loc).to(dtype(), loc);
  }),
                        "geometric_", loc);
}
Tensor& Tensor::cauchy_(double median, double sigma, OptionalGenerator generator, Location loc) {
  if (!is_floating(dtype()))
    throw Error(ErrorKind::DType,
                fmt::format("Cauchy distribution is a continuous probability distribution. dtype must be a floating "
                            "point but you specified {}",
                            torch_name(dtype())),
                "convert it with to(kFloat32)", loc);
  if (!(sigma > 0)) refuse(fmt::format("cauchy_ expects sigma > 0.0, but found sigma={}", sigma), loc);
  return write_in_place(*this, deferred([&] {
    const Tensor u = uniform_like(*this, generator, loc);
    const Tensor t = u.sub(Scalar(0.5), loc).mul(Scalar(M_PI), loc).tan(loc);
    return t.mul(Scalar(sigma), loc).add(Scalar(median), loc);
  }),
                        "cauchy_", loc);
}
Tensor& Tensor::log_normal_(double mean, double std, OptionalGenerator generator, Location loc) {
  need_float("log_normal_cpu", dtype(), loc);
  if (!(std > 0)) refuse(fmt::format("log_normal_ expects std > 0.0, but found std={}", std), loc);
  return write_in_place(*this, deferred([&] {
    const DType type = dtype() == kFloat64 ? kFloat64 : kFloat32;
    const Tensor z = lazuli::randn(sizes(), TensorOptions(type).device(device()), generator, loc);
    return z.mul(Scalar(std), loc).add(Scalar(mean), loc).exp(loc);
  }),
                        "log_normal_", loc);
}

}  // namespace lazuli
