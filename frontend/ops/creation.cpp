// New tensors: constants, counters, and copies of host numbers.
#include "lazuli/creation.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "frontend/build.h"
#include "frontend/promote.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;
using ir::Shape;

Shape checked_shape(std::string_view op, IntArrayRef sizes, DType dtype, const Location& loc) {
  for (int64_t d : sizes)
    if (d < 0)
      throw Error(ErrorKind::Shape,
                  fmt::format("Trying to create tensor with negative dimension {}: {}", d, ir::str(sizes)),
                  fmt::format("{} takes sizes of 0 or more", op), loc);
  if (sizes.size() > ir::kMaxRank)
    throw Error(ErrorKind::Shape,
                fmt::format("{}: a tensor has at most {} axes, not {}", op, ir::kMaxRank, sizes.size()), {}, loc);
  const std::optional<int64_t> count = ir::checked_numel(sizes);
  if (!count || *count > INT64_MAX / static_cast<int64_t>(itemsize(dtype)))
    throw Error(ErrorKind::Shape,
                fmt::format("{}: Storage size calculation overflowed with sizes={}", op, ir::str(sizes)),
                "the bytes of a tensor must fit in 63 bits", loc);
  return Shape(std::span<const int64_t>(sizes));
}

void check_dtype(std::string_view op, DType dtype, const Location& loc) {
  if (!is_supported(dtype))
    throw Error(ErrorKind::Unsupported, fmt::format("{}: element type {} is not supported", op, name(dtype)), {}, loc);
}

/// `options` are complete: type and device are named.
Tensor filled(std::string_view op, IntArrayRef sizes, NodeRef (*make)(const Scalar&, DType, const Location&),
              const Scalar& v, const TensorOptions& options, const Location& loc) {
  const DType dtype = options.dtype();
  check_dtype(op, dtype, loc);
  const Shape shape = checked_shape(op, sizes, dtype, loc);
  return as_wanted(wrap(expand_to(on_device(make(v, dtype, loc), options.device(), loc), shape, loc), loc), options,
                   loc);
}

/// What the options leave open is as in x.
TensorOptions like(const Tensor& x, const TensorOptions& options) {
  return options.dtype(options.dtype_or(x.dtype())).device(options.device_or(x.device()));
}

DType scalar_dtype(const Scalar& v) {
  return v.is_floating() ? kDefaultDType : v.kind();
}

/// float32 for half types, which round once at the end; float64 for float64 and where integers are computed exactly.
DType computing_dtype(DType t) {
  return is_half(t) ? kFloat32 : is_floating(t) ? t : kFloat64;
}

NodeRef linspace_node(double start, double end, int64_t steps, DType type, Device device, const Location& loc) {
  const Build b(loc);
  const auto number = [&](double v) { return on_device(argument(v, type, loc), device, loc); };
  if (steps <= 1) return b.expand(number(start), {steps});
  // From both ends, so that the last element is exactly `end`.
  const NodeRef step = number((end - start) / static_cast<double>(steps - 1));
  const NodeRef up = b.iota({steps}, 0, kInt64, device);
  const NodeRef down = b.op(Op::sub, on_device(argument(steps - 1, kInt64, loc), device, loc), up);
  const NodeRef low = b.op(Op::add, number(start), b.op(Op::mul, step, b.cast(up, type)));
  const NodeRef high = b.op(Op::sub, number(end), b.op(Op::mul, step, b.cast(down, type)));
  return b.where(b.op(Op::lt, up, on_device(argument(steps / 2, kInt64, loc), device, loc)), low, high);
}

void check_steps(std::string_view op, int64_t steps, const Location& loc) {
  if (steps < 0)
    throw Error(ErrorKind::Value, "number of steps must be non-negative", fmt::format("{}({})", op, steps), loc);
}

/// Elements of arange; throws for a step that leads nowhere.
int64_t arange_count(const Scalar& start, const Scalar& end, const Scalar& step, const Location& loc) {
  const double first = start.to_double(), last = end.to_double(), by = step.to_double();
  if (by == 0) throw Error(ErrorKind::Value, "step must be nonzero", {}, loc);
  if (!std::isfinite(first) || !std::isfinite(last))
    throw Error(ErrorKind::Value, fmt::format("unsupported range: {} -> {}", first, last), {}, loc);
  if ((by > 0 && last < first) || (by < 0 && last > first) || std::isnan(by))
    throw Error(ErrorKind::Value, "upper bound and larger bound inconsistent with step sign",
                fmt::format("arange({}, {}, {})", first, last, by), loc);
  if (start.is_floating() || end.is_floating() || step.is_floating()) {
    const double count = std::ceil((last - first) / by);
    if (count > 0x1p62) throw Error(ErrorKind::Shape, "invalid size, possible overflow?", {}, loc);
    return static_cast<int64_t>(count);
  }
  const __int128 span = static_cast<__int128>(end.to_int64()) - start.to_int64(), s = step.to_int64();
  const __int128 count = (span + (s > 0 ? s - 1 : s + 1)) / s;
  if (count > INT64_MAX) throw Error(ErrorKind::Shape, "invalid size, possible overflow?", {}, loc);
  return static_cast<int64_t>(count);
}

}  // namespace

Tensor as_wanted(Tensor made, const TensorOptions& options, const Location& loc) {
  if (options.requires_grad()) made.requires_grad_(true, loc);
  return made;
}

TensorData::TensorData(std::initializer_list<TensorData> list, Location loc)
    : sizes_{static_cast<int64_t>(list.size())} {
  if (list.size() == 0) return;
  const TensorData& first = *list.begin();
  kind_ = first.kind_;
  sizes_.insert(sizes_.end(), first.sizes_.begin(), first.sizes_.end());
  values_.reserve(list.size() * first.values_.size());
  for (const TensorData& item : list) {
    if (item.sizes_ != first.sizes_)
      throw Error(ErrorKind::Shape,
                  fmt::format("Expected all sub-lists to have sizes: {}, but got sub-list with sizes: {}",
                              ir::str(first.sizes_), ir::str(item.sizes_)),
                  "every row needs as many elements as the first", loc);
    kind_ = promote_types(kind_, item.kind_);
    values_.insert(values_.end(), item.values_.begin(), item.values_.end());
  }
}

Tensor tensor(const TensorData& data, TensorOptions options, Location loc) {
  const DType dtype = options.dtype_or(data.dtype());
  check_dtype("tensor", dtype, loc);
  const Shape shape = checked_shape("tensor", data.sizes(), dtype, loc);
  const size_t size = itemsize(dtype);
  std::vector<std::byte> bytes(data.values().size() * size);
  for (size_t i = 0; i < data.values().size(); ++i) {
    const uint64_t bits = scalar_bits(data.values()[i], dtype);
    std::memcpy(bytes.data() + i * size, &bits, size);
  }
  const Device device = options.device_or(kCPU);
  return as_wanted(wrap(host_leaf(bytes.data(), shape, dtype, loc), loc).to(device, loc), options, loc);
}

Tensor zeros(IntArrayRef sizes, TensorOptions options, Location loc) {
  return filled("zeros", sizes, constant, 0, options, loc);
}
Tensor ones(IntArrayRef sizes, TensorOptions options, Location loc) {
  return filled("ones", sizes, constant, 1, options, loc);
}
Tensor full(IntArrayRef sizes, Scalar value, TensorOptions options, Location loc) {
  return filled("full", sizes, argument, value, options.dtype(options.dtype_or(scalar_dtype(value))), loc);
}
Tensor empty(IntArrayRef sizes, TensorOptions options, Location loc) {
  // Zeros that nobody computes when the tensor is first written as a whole.
  return filled("empty", sizes, constant, 0, options, loc);
}

Tensor zeros_like(const Tensor& x, TensorOptions options, Location loc) {
  return filled("zeros_like", x.sizes(), constant, 0, like(x, options), loc);
}
Tensor ones_like(const Tensor& x, TensorOptions options, Location loc) {
  return filled("ones_like", x.sizes(), constant, 1, like(x, options), loc);
}
Tensor full_like(const Tensor& x, Scalar value, TensorOptions options, Location loc) {
  return filled("full_like", x.sizes(), argument, value, like(x, options), loc);
}
Tensor empty_like(const Tensor& x, TensorOptions options, Location loc) {
  return filled("empty_like", x.sizes(), constant, 0, like(x, options), loc);
}

Tensor arange(Scalar end, TensorOptions options, Location loc) {
  return arange(0, end, 1, options, loc);
}
Tensor arange(Scalar start, Scalar end, TensorOptions options, Location loc) {
  return arange(start, end, 1, options, loc);
}
Tensor arange(Scalar start, Scalar end, Scalar step, TensorOptions options, Location loc) {
  const bool integers = !start.is_floating() && !end.is_floating() && !step.is_floating();
  const DType dtype = options.dtype_or(integers ? kInt64 : kDefaultDType);
  const Device device = options.device_or(kCPU);
  check_dtype("arange", dtype, loc);
  if (is_bool(dtype)) throw Error(ErrorKind::DType, "\"arange_cpu\" not implemented for 'Bool'", {}, loc);
  const int64_t count = arange_count(start, end, step, loc);
  checked_shape("arange", {count}, dtype, loc);
  const Build b(loc);
  if (start == Scalar(0) && step == Scalar(1))
    return as_wanted(wrap(b.iota({count}, 0, dtype, device), loc), options, loc);
  // As PyTorch does: start + step * i in int64 or float64, rounded once.
  const DType type = integers ? kInt64 : kFloat64;
  const NodeRef index = b.cast(b.iota({count}, 0, kInt64, device), type);
  const NodeRef scaled = b.op(Op::mul, on_device(argument(step, type, loc), device, loc), index);
  const NodeRef value = b.op(Op::add, on_device(argument(start, type, loc), device, loc), scaled);
  return as_wanted(wrap(b.cast(value, dtype), loc), options, loc);
}

Tensor linspace(Scalar start, Scalar end, int64_t steps, TensorOptions options, Location loc) {
  const DType dtype = options.dtype_or(kDefaultDType);
  check_dtype("linspace", dtype, loc);
  check_steps("linspace", steps, loc);
  checked_shape("linspace", {steps}, dtype, loc);
  const NodeRef line =
      linspace_node(start.to_double(), end.to_double(), steps, computing_dtype(dtype), options.device_or(kCPU), loc);
  return as_wanted(wrap(cast_to(line, dtype, loc), loc), options, loc);
}

Tensor logspace(Scalar start, Scalar end, int64_t steps, double base, TensorOptions options, Location loc) {
  const DType dtype = options.dtype_or(kDefaultDType);
  check_dtype("logspace", dtype, loc);
  check_steps("logspace", steps, loc);
  checked_shape("logspace", {steps}, dtype, loc);
  const DType type = computing_dtype(dtype);
  const Device device = options.device_or(kCPU);
  const NodeRef line = linspace_node(start.to_double(), end.to_double(), steps, type, device, loc);
  const NodeRef power = Build(loc).op(Op::pow, on_device(argument(base, type, loc), device, loc), line);
  return as_wanted(wrap(cast_to(power, dtype, loc), loc), options, loc);
}

Tensor eye(int64_t n, TensorOptions options, Location loc) {
  return eye(n, n, options, loc);
}
Tensor eye(int64_t n, int64_t m, TensorOptions options, Location loc) {
  const DType dtype = options.dtype_or(kDefaultDType);
  check_dtype("eye", dtype, loc);
  if (n < 0 || m < 0)
    throw Error(ErrorKind::Shape,
                fmt::format("{} must be greater or equal to 0, got {}", n < 0 ? 'n' : 'm', n < 0 ? n : m), {}, loc);
  const Shape shape = checked_shape("eye", {n, m}, dtype, loc);
  const Build b(loc);
  const Device device = options.device_or(kCPU);
  const NodeRef diagonal = b.op(Op::eq, b.iota(shape, 0, kInt64, device), b.iota(shape, 1, kInt64, device));
  return as_wanted(wrap(b.cast(diagonal, dtype), loc), options, loc);
}

}  // namespace lazuli
