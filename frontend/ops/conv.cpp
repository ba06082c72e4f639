// Convolutions: checks with PyTorch's messages, then one node. A transposed convolution is a convolution of the spread
// input with the flipped weight.
#include "lazuli/conv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "frontend/apply.h"
#include "frontend/ops/windowed.h"
#include "frontend/promote.h"

namespace lazuli {

using ir::Dims;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

Dims per_axis(std::string_view op, std::string_view what, IntArrayRef list, size_t axes, const Location& loc) {
  if (list.size() != 1 && list.size() != axes)
    throw Error(ErrorKind::Shape,
                fmt::format("{}: expected {} to be a single integer value or a list of {} values, but got {}=[{}]", op,
                            what, axes, what, fmt::join(list, ", ")),
                {}, loc);
  Dims out;
  for (size_t d = 0; d < axes; ++d) out.push_back(list[list.size() == 1 ? 0 : d]);
  return out;
}

void check_least(std::string_view op, std::string_view what, const Dims& list, int64_t least, const Location& loc) {
  if (std::any_of(list.begin(), list.end(), [&](int64_t v) { return v < least; }))
    throw Error(ErrorKind::Value,
                fmt::format("{}: {} should be {}, but got {}", op, what,
                            least == 1 ? "greater than zero" : "non-negative", ir::str(list)),
                {}, loc);
}

NodeRef with_batch(std::string_view op, const NodeRef& x, size_t axes, const Location& loc) {
  const size_t rank = x->rank();
  if (rank != axes + 1 && rank != axes + 2)
    throw Error(ErrorKind::Shape,
                fmt::format("Expected {}D (unbatched) or {}D (batched) input to {}, but got input of size: {}",
                            axes + 1, axes + 2, op, ir::str(x->shape())),
                {}, loc);
  if (rank == axes + 2) return x;
  Shape shape{1};
  for (int64_t d : x->shape()) shape.push_back(d);
  return Build(loc).reshape(x, shape);
}

Tensor as_given(const Tensor& result, const NodeRef& x, size_t axes, const Location& loc) {
  return x->rank() == axes + 2 ? result : result.squeeze(0, loc);
}

namespace {

struct Convolution {
  const char* name;
  size_t axes;
  bool transposed;
  Dims stride, dilation, low, high, output_padding;
  int64_t groups;
};

void check_operands(const Convolution& c, const NodeRef& x, const NodeRef& w, const Tensor& bias, const Location& loc) {
  const auto refuse = [&](std::string text) { throw Error(ErrorKind::Shape, std::move(text), {}, loc); };
  const Shape &in = x->shape(), &weight = w->shape();
  if (weight.size() != c.axes + 2)
    refuse(fmt::format("Expected {}-dimensional weight for {}, but got weight of size {} instead", c.axes + 2, c.name,
                       ir::str(weight)));
  if (x->dtype() != w->dtype())
    throw Error(ErrorKind::DType,
                fmt::format("Input type ({}) and weight type ({}) should be the same", torch_name(x->dtype()),
                            torch_name(w->dtype())),
                "convert one of them with to()", loc);
  if (is_bool(x->dtype()))
    throw Error(ErrorKind::DType, fmt::format("\"{}\" not implemented for 'Bool'", c.name),
                "convert the input with to(kFloat32)", loc);
  check_least(c.name, "stride", c.stride, 1, loc);
  check_least(c.name, "dilation", c.dilation, 1, loc);
  check_least(c.name, "groups", {c.groups}, 1, loc);
  if (weight[0] < c.groups || weight[0] % c.groups != 0)
    refuse(fmt::format(
        "Given groups={}, expected weight to be divisible by {} at dimension 0, but got weight of size {} instead",
        c.groups, c.groups, ir::str(weight)));
  const int64_t channels = c.transposed ? weight[0] : weight[1] * c.groups;
  if (in[1] != channels)
    refuse(
        fmt::format("Given {}={}, weight of size {}, expected input{} to have {} channels, but got {} channels instead",
                    c.transposed ? "transposed" : "groups", c.transposed ? 1 : c.groups, ir::str(weight), ir::str(in),
                    channels, in[1]));
  const int64_t outs = c.transposed ? weight[1] * c.groups : weight[0];
  if (!bias.defined()) return;
  const NodeRef b = node_of(bias);
  if (b->rank() != 1 || b->shape()[0] != outs)
    refuse(fmt::format(
        "Given weight of size {}, expected bias to be 1-dimensional with {} elements, but got bias of size {} instead",
        ir::str(weight), outs, ir::str(b->shape())));
  if (b->dtype() != x->dtype())
    throw Error(ErrorKind::DType,
                fmt::format("Input type ({}) and bias type ({}) should be the same", torch_name(x->dtype()),
                            torch_name(b->dtype())),
                "convert one of them with to()", loc);
}

std::string by_axis(const std::vector<int64_t>& sizes) {
  return fmt::format("({})", fmt::join(sizes, " x "));
}

/// Every window lies inside the padded input, and there is at least one.
void check_reach(const Convolution& c, const Shape& in, const Shape& weight, const Location& loc) {
  std::vector<int64_t> extents, reaches;
  bool fits = true;
  for (size_t d = 0; d < c.axes; ++d) {
    extents.push_back((in[2 + d] - 1) * (c.transposed ? c.stride[d] : 1) + 1 + c.low[d] + c.high[d]);
    reaches.push_back(ir::window_reach(weight[2 + d], c.dilation[d]));
    fits = fits && weight[2 + d] > 0 && in[2 + d] > 0 && reaches[d] <= extents[d];
  }
  if (fits) return;
  if (c.transposed) {
    for (size_t d = 0; d < c.axes; ++d) extents[d] -= reaches[d] - 1;
    throw Error(ErrorKind::Shape,
                fmt::format("Given input of size {}, calculated output size per channel: {}. Output size is too small",
                            ir::str(in), by_axis(extents)),
                {}, loc);
  }
  throw Error(ErrorKind::Shape,
              fmt::format("Calculated padded input size per channel: {}. Kernel size: {}. Kernel size can't be "
                          "greater than actual input size",
                          by_axis(extents), by_axis(reaches)),
              fmt::format("{} of an input of size {} by a weight of size {}", c.name, ir::str(in), ir::str(weight)),
              loc);
}

/// (in, out of a group, ...) with the window turned around -> (out, in of a group, ...).
NodeRef turned(const NodeRef& w, int64_t groups, const Location& loc) {
  const Build b(loc);
  Dims window, order{0, 2, 1};
  Shape split{groups, w->shape()[0] / groups, w->shape()[1]}, joined{w->shape()[1] * groups, w->shape()[0] / groups};
  for (size_t d = 2; d < w->rank(); ++d) {
    window.push_back(static_cast<int64_t>(d));
    order.push_back(static_cast<int64_t>(d) + 1);
    split.push_back(w->shape()[d]);
    joined.push_back(w->shape()[d]);
  }
  const NodeRef flipped = make_node(Op::flip, {w.get()}, ir::AxesAttr{window}, loc);
  return b.reshape(b.permute(b.reshape(flipped, split), order), joined);
}

Tensor convolve(const Convolution& c, const Tensor& tx, const Tensor& tw, const Tensor& bias, const Location& loc) {
  const NodeRef given = node_of(tx);
  const NodeRef x = with_batch(c.name, given, c.axes, loc);
  NodeRef w = node_of(tw);
  check_operands(c, x, w, bias, loc);
  check_reach(c, x->shape(), w->shape(), loc);
  if (c.transposed) w = turned(w, c.groups, loc);
  ir::WindowDims dims{.size = {},
                      .step = c.transposed ? Dims(c.axes, 1) : c.stride,
                      .dilation = c.dilation,
                      .low = c.low,
                      .high = c.high,
                      .spread = c.transposed ? c.stride : Dims(c.axes, 1),
                      .groups = {c.groups}};
  ir::NodeSpec spec;
  spec.op = Op::convolution;
  spec.inputs = {x.get(), w.get()};
  spec.attr = ir::window_attr(std::move(dims));
  spec.called = c.name;
  Tensor y = wrap_result(make_node(std::move(spec), loc), loc);
  if (bias.defined()) {
    Shape shape{y.size(1)};
    for (size_t d = 0; d < c.axes; ++d) shape.push_back(1);
    y = apply(Op::add, {y, wrap(reshape_to(node_of(bias), shape, loc), loc)}, loc);
  }
  return as_given(y, given, c.axes, loc);
}

Tensor forward(const char* name, size_t axes, const Tensor& x, const Tensor& weight, const Tensor& bias,
               IntArrayRef stride, const Padding& padding, IntArrayRef dilation, int64_t groups, const Location& loc) {
  Convolution c{.name = name,
                .axes = axes,
                .transposed = false,
                .stride = per_axis(name, "stride", stride, axes, loc),
                .dilation = per_axis(name, "dilation", dilation, axes, loc),
                .low = Dims(axes, 0),
                .high = Dims(axes, 0),
                .output_padding = {},
                .groups = groups};
  if (!padding.is_name()) {
    c.low = c.high = per_axis(name, "padding", padding.list(), axes, loc);
    check_least(name, "padding", c.low, 0, loc);
  } else if (padding.name() == "same") {
    if (std::any_of(c.stride.begin(), c.stride.end(), [](int64_t s) { return s != 1; }))
      throw Error(ErrorKind::Value, "padding='same' is not supported for strided convolutions",
                  fmt::format("stride is {}", ir::str(c.stride)), loc);
    const Shape window = node_of(weight)->shape();
    for (size_t d = 0; d < axes && window.size() == axes + 2; ++d) {
      const int64_t all = ir::window_reach(window[2 + d], c.dilation[d]) - 1;
      c.low[d] = std::max<int64_t>(0, all) / 2;
      c.high[d] = all - c.low[d];
    }
  } else if (padding.name() != "valid") {
    throw Error(ErrorKind::Value, fmt::format("Invalid padding string: '{}'", padding.name()),
                "it is \"same\" or \"valid\"", loc);
  }
  return convolve(c, x, weight, bias, loc);
}

Tensor backward(const char* name, size_t axes, const Tensor& x, const Tensor& weight, const Tensor& bias,
                IntArrayRef stride, IntArrayRef padding, IntArrayRef output_padding, int64_t groups,
                IntArrayRef dilation, const Location& loc) {
  Convolution c{.name = name,
                .axes = axes,
                .transposed = true,
                .stride = per_axis(name, "stride", stride, axes, loc),
                .dilation = per_axis(name, "dilation", dilation, axes, loc),
                .low = {},
                .high = {},
                .output_padding = per_axis(name, "output_padding", output_padding, axes, loc),
                .groups = groups};
  const Dims around = per_axis(name, "padding", padding, axes, loc);
  check_least(name, "padding", around, 0, loc);
  check_least(name, "output_padding", c.output_padding, 0, loc);
  const Shape window = node_of(weight)->shape();
  for (size_t d = 0; d < axes; ++d) {
    if (c.output_padding[d] >= std::max(c.stride[d], c.dilation[d]))
      throw Error(
          ErrorKind::Value,
          fmt::format("output padding must be smaller than either stride or dilation, but got output_padding {}",
                      ir::str(c.output_padding)),
          fmt::format("stride is {}, dilation {}", ir::str(c.stride), ir::str(c.dilation)), loc);
    const int64_t reach = window.size() == axes + 2 ? ir::window_reach(window[2 + d], c.dilation[d]) : 1;
    c.low.push_back(reach - 1 - around[d]);
    c.high.push_back(reach - 1 - around[d] + c.output_padding[d]);
  }
  return convolve(c, x, weight, bias, loc);
}

}  // namespace

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, IntArrayRef stride, Padding padding,
              IntArrayRef dilation, int64_t groups, Location loc) {
  return forward("conv1d", 1, x, weight, bias, stride, padding, dilation, groups, loc);
}
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, IntArrayRef stride, Padding padding,
              IntArrayRef dilation, int64_t groups, Location loc) {
  return forward("conv2d", 2, x, weight, bias, stride, padding, dilation, groups, loc);
}
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias, IntArrayRef stride, Padding padding,
              IntArrayRef dilation, int64_t groups, Location loc) {
  return forward("conv3d", 3, x, weight, bias, stride, padding, dilation, groups, loc);
}
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
                        IntArrayRef padding, IntArrayRef output_padding, int64_t groups, IntArrayRef dilation,
                        Location loc) {
  return backward("conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation, loc);
}
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
                        IntArrayRef padding, IntArrayRef output_padding, int64_t groups, IntArrayRef dilation,
                        Location loc) {
  return backward("conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation, loc);
}
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias, IntArrayRef stride,
                        IntArrayRef padding, IntArrayRef output_padding, int64_t groups, IntArrayRef dilation,
                        Location loc) {
  return backward("conv_transpose3d", 3, x, weight, bias, stride, padding, output_padding, groups, dilation, loc);
}

}  // namespace lazuli
