// Rules of windows, fold and convolution.
#include "ir/ops/window.h"

#include <fmt/format.h>

#include "ir/ops/rules.h"

namespace lazuli::ir {
namespace {

using Numbers = const Dims&;

void check_count(const NodeSpec& spec, std::string_view what, Numbers list, size_t axes) {
  if (list.size() != axes)
    reject(spec, ErrorKind::Shape, fmt::format("{} has {} entries for {} windowed axes", what, list.size(), axes));
}

void check_positive(const NodeSpec& spec, std::string_view what, Numbers list, size_t axes) {
  check_count(spec, what, list, axes);
  for (int64_t v : list)
    if (v < 1) reject(spec, ErrorKind::Value, fmt::format("{} {} is not positive", what, str(list)));
}

/// What windows over axis d of `x` count to, given the axis' extent.
int64_t checked_count(const NodeSpec& spec, int64_t extent, size_t d, int64_t size, const WindowDims& w) {
  int64_t last = 0, reach = 0;
  const bool fits = !__builtin_mul_overflow(size - 1, w.dilation[d], &last) &&
                    !__builtin_add_overflow(last, 1, &reach) && reach <= extent;
  if (!fits)
    reject(spec, ErrorKind::Shape,
           fmt::format("a window of {} elements, {} apart, is larger than the {} of windowed axis {} of {}", size,
                       w.dilation[d], extent, d, describe(spec.inputs[0])));
  return window_count(extent, size, w.step[d], w.dilation[d]);
}

/// Numbers of windows over the last axes of `from`, then their sizes.
Shape windows_shape(const NodeSpec& spec, const Shape& from, const WindowDims& w) {
  const size_t axes = w.size.size();
  if (axes > from.size())
    reject(spec, ErrorKind::Shape, fmt::format("{} windowed axes of {}", axes, describe(spec.inputs[0])));
  check_positive(spec, "size", w.size, axes);
  check_positive(spec, "step", w.step, axes);
  check_positive(spec, "dilation", w.dilation, axes);
  Shape out = from;
  const size_t lead = from.size() - axes;
  for (size_t d = 0; d < axes; ++d) out[lead + d] = checked_count(spec, from[lead + d], d, w.size[d], w);
  for (int64_t size : w.size) out.push_back(size);
  return out;
}

Shape fold_shape(const NodeSpec& spec, const WindowDims& w) {
  const Node* c = spec.inputs[0];
  if (!is_floating(c->dtype()))
    reject(spec, ErrorKind::DType, fmt::format("takes floats, not {}", describe(c)), "cast to a float type first");
  check_shape(spec, c->dtype(), spec.shape);
  const Shape windows = windows_shape(spec, spec.shape, w);
  if (windows != c->shape())
    reject(spec, ErrorKind::Shape,
           fmt::format("windows of {} are {}, not {}", str(spec.shape), str(windows), describe(c)));
  return spec.shape;
}

Shape convolution_shape(const NodeSpec& spec, const WindowDims& w) {
  const Node *x = spec.inputs[0], *weight = spec.inputs[1];
  if (x->dtype() != weight->dtype())
    reject(spec, ErrorKind::DType, fmt::format("operands {} differ in type", describe_operands(spec)),
           "cast them to one type");
  if (is_bool(x->dtype()))
    reject(spec, ErrorKind::DType, fmt::format("takes integers and floats, not {}", describe_operands(spec)),
           "cast the operands first");
  if (x->rank() < 2 || x->rank() != weight->rank())
    reject(spec, ErrorKind::Shape,
           fmt::format("operands {} are not (batch, channels, ...) and (out, channels, ...)", describe_operands(spec)));
  const size_t axes = x->rank() - 2;
  check_count(spec, "size", w.size, 0);
  check_positive(spec, "step", w.step, axes);
  check_positive(spec, "dilation", w.dilation, axes);
  check_positive(spec, "spread", w.spread, axes);
  check_positive(spec, "groups", w.groups, 1);
  check_count(spec, "low", w.low, axes);
  check_count(spec, "high", w.high, axes);
  const int64_t groups = w.groups[0], channels = x->shape()[1], outs = weight->shape()[0];
  if (channels % groups != 0 || outs % groups != 0 || channels / groups != weight->shape()[1])
    reject(spec, ErrorKind::Shape,
           fmt::format("channels of {} do not fit in {} groups", describe_operands(spec), groups));
  Shape out{x->shape()[0], outs};
  for (size_t d = 0; d < axes; ++d) {
    const int64_t from = x->shape()[2 + d], size = weight->shape()[2 + d];
    if (from < 1 || size < 1)
      reject(spec, ErrorKind::Shape, fmt::format("axis {} of {} has no elements", 2 + d, describe_operands(spec)));
    int64_t extent = 0;
    if (__builtin_mul_overflow(from - 1, w.spread[d], &extent) || __builtin_add_overflow(extent, 1, &extent) ||
        __builtin_add_overflow(extent, w.low[d], &extent) || __builtin_add_overflow(extent, w.high[d], &extent))
      reject(spec, ErrorKind::Shape, fmt::format("axis {} of {} grows beyond 2^63 - 1", 2 + d, describe(x)));
    out.push_back(checked_count(spec, extent, d, size, w));
  }
  return out;
}

}  // namespace

Inferred infer_window(const NodeSpec& spec) {
  const std::shared_ptr<const WindowDims>& w = std::get<WindowAttr>(spec.attr).dims;
  if (!w) reject(spec, ErrorKind::Internal, "has no windows");
  const Node* x = spec.inputs[0];
  Shape shape = spec.op == Op::windows ? windows_shape(spec, x->shape(), *w)
                : spec.op == Op::fold  ? fold_shape(spec, *w)
                                       : convolution_shape(spec, *w);
  return {x->dtype(), std::move(shape), x->device()};
}

}  // namespace lazuli::ir
