// Pooling: reductions over windows of the padded input. Windows are an index map; nobody stores them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "frontend/apply.h"
#include "frontend/ops/windowed.h"
#include "frontend/promote.h"
#include "lazuli/conv.h"

namespace lazuli {
namespace {

using ir::Dims;
using ir::NodeRef;
using ir::Op;
using ir::Shape;

struct Pool {
  const char* name;
  size_t axes;
  Dims size, step, padding, dilation;
  Dims count, high;  // of windows; padding behind, which may be less or more than in front
};

Pool pool_of(const char* name, size_t axes, const NodeRef& x, IntArrayRef size, IntArrayRef step, IntArrayRef padding,
             IntArrayRef dilation, bool ceil_mode, const Location& loc) {
  Pool p{.name = name,
         .axes = axes,
         .size = per_axis(name, "kernel_size", size, axes, loc),
         .step = per_axis(name, "stride", step.empty() ? size : step, axes, loc),
         .padding = per_axis(name, "padding", padding, axes, loc),
         .dilation = per_axis(name, "dilation", dilation, axes, loc),
         .count = {},
         .high = {}};
  check_least(name, "kernel size", p.size, 1, loc);
  check_least(name, "stride", p.step, 1, loc);
  check_least(name, "padding", p.padding, 0, loc);
  check_least(name, "dilation", p.dilation, 1, loc);
  const Shape from(std::span<const int64_t>(x->shape()).subspan(x->rank() - axes));
  bool empty = false;
  for (size_t d = 0; d < axes; ++d) {
    const int64_t reach = ir::window_reach(p.size[d], p.dilation[d]);
    if (2 * p.padding[d] > reach)
      throw Error(ErrorKind::Value,
                  fmt::format("{}: pad should be at most half of effective kernel size, but got pad={}, kernel_size={} "
                              "and dilation={}",
                              name, p.padding[d], p.size[d], p.dilation[d]),
                  {}, loc);
    const int64_t room = from[d] + 2 * p.padding[d] - reach;
    int64_t count = room < 0 && !ceil_mode ? 0 : (room + (ceil_mode ? p.step[d] - 1 : 0)) / p.step[d] + 1;
    // The last window starts inside of the input or of the padding in front of it.
    if (ceil_mode && (count - 1) * p.step[d] >= from[d] + p.padding[d]) --count;
    p.count.push_back(count);
    p.high.push_back((count - 1) * p.step[d] + reach - from[d] - p.padding[d]);
    empty = empty || count < 1 || from[d] < 1;
  }
  if (empty)
    throw Error(ErrorKind::Shape,
                fmt::format("{}: Given input size: ({}). Calculated output size: ({}). Output size is too small", name,
                            fmt::join(from, "x"), fmt::join(p.count, "x")),
                {}, loc);
  return p;
}

/// The windows of x surrounded by `filling`: numbers of windows, then places in a window.
NodeRef windows_of(const NodeRef& x, const Pool& p, const NodeRef& filling, const Location& loc) {
  const size_t rank = x->rank(), lead = rank - p.axes;
  ir::PadAttr pad{Dims(rank, 0), Dims(rank, 0)};
  NodeRef n = x;
  bool pads = false;
  for (size_t d = 0; d < p.axes; ++d) {
    pad.low[lead + d] = p.padding[d];
    pad.high[lead + d] = std::max<int64_t>(p.high[d], 0);
    pads = pads || pad.low[lead + d] != 0 || pad.high[lead + d] != 0;
    // What no window reaches is cut off.
    if (p.high[d] < 0) n = Build(loc).slice(n, lead + d, 0, n->shape()[lead + d] + p.high[d]);
  }
  if (pads) n = make_node(Op::pad, {n.get(), filling.get()}, std::move(pad), loc);
  return make_node(Op::windows, {n.get()}, ir::window_attr({.size = p.size, .step = p.step, .dilation = p.dilation}),
                   loc);
}

Dims last_axes(size_t rank, size_t count) {
  Dims axes;
  for (size_t d = rank - count; d < rank; ++d) axes.push_back(static_cast<int64_t>(d));
  return axes;
}

/// What loses against every other element.
NodeRef least(DType dtype, const Build& b, const NodeRef& x) {
  if (is_floating(dtype)) return b.number(-std::numeric_limits<double>::infinity(), x);
  const size_t bits = 8 * itemsize(dtype);
  return b.integer(!is_signed(dtype) ? 0 : std::numeric_limits<int64_t>::min() >> (64 - bits), x);
}

/// Positions in the unpadded axes, from those in the windows. Where all elements are the least there is, the first may
/// be padding: then it is the first element that is none.
NodeRef positions(const NodeRef& windows, const NodeRef& x, const Pool& p, const Location& loc) {
  const Build b(loc);
  NodeRef place = b.reduce(Op::argmax, windows, last_axes(windows->rank(), p.axes), false);
  const Shape shape = place->shape();
  const size_t lead = shape.size() - p.axes;
  std::vector<NodeRef> coordinates(p.axes);
  for (size_t d = p.axes; d-- > 0;) {
    NodeRef in_window = place;
    if (d > 0) {
      in_window = b.op(Op::remainder, place, static_cast<double>(p.size[d]));
      place = b.op(Op::floor_divide, place, static_cast<double>(p.size[d]));
    }
    const NodeRef window = b.iota(shape, static_cast<int64_t>(lead + d), kInt64, x->device());
    NodeRef at = b.op(Op::add, b.op(Op::mul, window, static_cast<double>(p.step[d])),
                      b.op(Op::mul, in_window, static_cast<double>(p.dilation[d])));
    if (p.padding[d] != 0) {
      at = b.op(Op::sub, at, static_cast<double>(p.padding[d]));
      const NodeRef inside = b.op(Op::remainder, at, static_cast<double>(p.dilation[d]));
      at = b.where(b.op(Op::lt, at, 0.0), inside, at);
    }
    coordinates[d] = at;
  }
  NodeRef flat = coordinates[0];
  for (size_t d = 1; d < p.axes; ++d)
    flat = b.op(Op::add, b.op(Op::mul, flat, static_cast<double>(x->shape()[lead + d])), coordinates[d]);
  return flat;
}

std::pair<Tensor, Tensor> max_pool(const char* name, size_t axes, const Tensor& tx, IntArrayRef size, IntArrayRef step,
                                   IntArrayRef padding, IntArrayRef dilation, bool ceil_mode, bool with_positions,
                                   const Location& loc) {
  const NodeRef given = node_of(tx), x = with_batch(name, given, axes, loc);
  if (is_bool(x->dtype()))
    throw Error(ErrorKind::DType, fmt::format("\"{}\" not implemented for 'Bool'", name),
                "convert the input with to(kFloat32)", loc);
  const Build b(loc);
  const Pool p = pool_of(name, axes, x, size, step, padding, dilation, ceil_mode, loc);
  const NodeRef windows = windows_of(x, p, least(x->dtype(), b, x), loc);
  const Dims places = last_axes(windows->rank(), axes);
  NodeRef most = is_floating(x->dtype()) ? b.composite(Op::pick_max, windows, places, 0, false)
                                         : b.reduce(Op::reduce_max, windows, places, false);
  Tensor at;
  if (with_positions) at = as_given(wrap_result(positions(windows, x, p, loc), loc), given, axes, loc);
  return {as_given(wrap_result(std::move(most), loc), given, axes, loc), at};
}

void check_floating(const char* name, const NodeRef& x, const Location& loc) {
  if (!is_floating(x->dtype()))
    throw Error(ErrorKind::DType, fmt::format("\"{}\" not implemented for '{}'", name, torch_name(x->dtype())),
                "convert the input with to(kFloat32)", loc);
}

/// Sums over the last axes in the type that sums of x are computed in.
NodeRef summed(const NodeRef& windows, size_t axes, const Build& b) {
  const NodeRef wide = b.cast(windows, is_half(windows->dtype()) ? kFloat32 : windows->dtype());
  return b.reduce(Op::sum, wide, last_axes(wide->rank(), axes), false);
}

/// How many elements along axis d the windows have, of the axis with its padding or without.
NodeRef elements_along(const Pool& p, size_t d, int64_t extent, bool with_padding, const NodeRef& like,
                       const Build& b) {
  Shape shape(p.axes, 1);
  shape[d] = p.count[d];
  const NodeRef window = b.iota(shape, static_cast<int64_t>(d), kInt64, like->device());
  const double pad = static_cast<double>(p.padding[d]), end = static_cast<double>(extent);
  NodeRef first = b.op(Op::sub, b.op(Op::mul, window, static_cast<double>(p.step[d])), pad);
  const NodeRef last =
      b.op(Op::minimum, b.op(Op::add, first, static_cast<double>(p.size[d])), with_padding ? end + pad : end);
  if (!with_padding) first = b.op(Op::maximum, first, 0.0);
  return b.cast(b.op(Op::sub, last, first), like->dtype());
}

Tensor avg_pool(const char* name, size_t axes, const Tensor& tx, IntArrayRef size, IntArrayRef step,
                IntArrayRef padding, bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor,
                const Location& loc) {
  const NodeRef given = node_of(tx), x = with_batch(name, given, axes, loc);
  check_floating(name, x, loc);
  if (divisor == 0) throw Error(ErrorKind::Value, fmt::format("{}: divisor must be not zero", name), {}, loc);
  const Build b(loc);
  const Pool p = pool_of(name, axes, x, size, step, padding, 1, ceil_mode, loc);
  NodeRef y = summed(windows_of(x, p, b.number(0, x), loc), axes, b);
  double whole = 1;
  NodeRef varying;
  for (size_t d = 0; d < axes && !divisor; ++d) {
    const bool same = count_include_pad ? p.high[d] <= p.padding[d] : p.padding[d] == 0 && p.high[d] <= 0;
    if (same) {
      whole *= static_cast<double>(p.size[d]);
      continue;
    }
    const NodeRef along = elements_along(p, d, x->shape()[2 + d], count_include_pad, y, b);
    varying = varying ? b.op(Op::mul, varying, along) : along;
  }
  if (divisor) whole = static_cast<double>(*divisor);
  const NodeRef by = varying ? b.op(Op::mul, varying, whole) : b.number(whole, y);
  return as_given(wrap_result(b.cast(b.op(Op::div, y, by), x->dtype()), loc), given, axes, loc);
}

/// Means over the elements [i * extent / count, (i + 1) * extent / count rounded up): axis by axis, sums of what is
/// inside.
Tensor adaptive_avg_pool(const char* name, size_t axes, const Tensor& tx, IntArrayRef output_size,
                         const Location& loc) {
  const NodeRef given = node_of(tx), x = with_batch(name, given, axes, loc);
  check_floating(name, x, loc);
  const Dims count = per_axis(name, "output_size", output_size, axes, loc);
  check_least(name, "output_size", count, 0, loc);
  const Build b(loc);
  const Shape from(std::span<const int64_t>(x->shape()).subspan(2));
  if (std::any_of(from.begin(), from.end(), [](int64_t s) { return s < 1; }))
    throw Error(ErrorKind::Shape,
                fmt::format("{}: Expected input to have non-zero size for non-batch dimensions, but input has sizes {}",
                            name, ir::str(given->shape())),
                {}, loc);
  Dims size;
  bool divides = true;
  for (size_t d = 0; d < axes; ++d) {
    divides = divides && count[d] != 0 && from[d] % count[d] == 0;
    size.push_back(divides ? from[d] / count[d] : 0);
  }
  if (divides) {
    const IntArrayRef same(size.data(), size.size());
    return avg_pool(name, axes, tx, same, same, 0, false, true, {}, loc);
  }
  NodeRef y = b.cast(x, is_half(x->dtype()) ? kFloat32 : x->dtype()), number;
  for (size_t d = axes; d-- > 0;) {
    // [..., count, ..., extent]: what of the axis is inside of each part.
    Shape parts = y->shape();
    parts[2 + d] = count[d];
    Shape apart = parts;
    apart.push_back(from[d]);
    Shape last = y->shape();
    last[2 + d] = 1;
    last.push_back(from[d]);
    Dims moved;
    for (size_t a = 0; a < y->rank(); ++a)
      if (a != 2 + d) moved.push_back(static_cast<int64_t>(a));
    moved.push_back(static_cast<int64_t>(2 + d));
    const NodeRef elements = b.expand(b.reshape(b.permute(y, moved), last), apart);
    const double extent = static_cast<double>(from[d]), pieces = static_cast<double>(count[d]);
    const auto edge = [&](const NodeRef& i, double up) {
      return b.op(Op::floor_divide, b.op(Op::add, b.op(Op::mul, i, extent), up), pieces);
    };
    const auto bounds = [&](const NodeRef& i) {
      return std::pair(edge(i, 0), edge(b.op(Op::add, i, 1.0), pieces - 1));
    };
    Shape row(axes + 1, 1), line(axes, 1);
    row[d] = line[d] = count[d];
    row[axes] = from[d];
    const auto axis = static_cast<int64_t>(d);
    if (count[d] != 0) {
      const auto [first, end] = bounds(b.iota(row, axis, kInt64, x->device()));
      const NodeRef at = b.iota(row, static_cast<int64_t>(axes), kInt64, x->device());
      const NodeRef inside = b.op(Op::logical_and, b.op(Op::le, first, at), b.op(Op::lt, at, end));
      y = b.reduce(Op::sum, b.where(inside, elements, b.number(0, elements)), last_axes(apart.size(), 1), false);
      const auto [begin, stop] = bounds(b.iota(line, axis, kInt64, x->device()));
      const NodeRef along = b.cast(b.op(Op::sub, stop, begin), y->dtype());
      number = number ? b.op(Op::mul, number, along) : along;
    } else {
      y = b.reduce(Op::sum, elements, last_axes(apart.size(), 1), false);
    }
  }
  if (number) y = b.op(Op::div, y, number);
  return as_given(wrap_result(b.cast(y, x->dtype()), loc), given, axes, loc);
}

}  // namespace

#define LAZULI_MAX_POOL(name, axes)                                                                                    \
  Tensor name(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, \
              bool ceil_mode, Location loc) {                                                                          \
    return max_pool(#name, axes, x, kernel_size, stride, padding, dilation, ceil_mode, false, loc).first;              \
  }                                                                                                                    \
  std::pair<Tensor, Tensor> name##_with_indices(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride,          \
                                                IntArrayRef padding, IntArrayRef dilation, bool ceil_mode,             \
                                                Location loc) {                                                        \
    return max_pool(#name, axes, x, kernel_size, stride, padding, dilation, ceil_mode, true, loc);                     \
  }
LAZULI_MAX_POOL(max_pool1d, 1)
LAZULI_MAX_POOL(max_pool2d, 2)
LAZULI_MAX_POOL(max_pool3d, 3)
#undef LAZULI_MAX_POOL

Tensor avg_pool1d(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding, bool ceil_mode,
                  bool count_include_pad, Location loc) {
  return avg_pool("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, {}, loc);
}
Tensor avg_pool2d(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding, bool ceil_mode,
                  bool count_include_pad, std::optional<int64_t> divisor_override, Location loc) {
  return avg_pool("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
                  loc);
}
Tensor avg_pool3d(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding, bool ceil_mode,
                  bool count_include_pad, std::optional<int64_t> divisor_override, Location loc) {
  return avg_pool("avg_pool3d", 3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
                  loc);
}
Tensor adaptive_avg_pool1d(const Tensor& x, IntArrayRef output_size, Location loc) {
  return adaptive_avg_pool("adaptive_avg_pool1d", 1, x, output_size, loc);
}
Tensor adaptive_avg_pool2d(const Tensor& x, IntArrayRef output_size, Location loc) {
  return adaptive_avg_pool("adaptive_avg_pool2d", 2, x, output_size, loc);
}
Tensor adaptive_avg_pool3d(const Tensor& x, IntArrayRef output_size, Location loc) {
  return adaptive_avg_pool("adaptive_avg_pool3d", 3, x, output_size, loc);
}

}  // namespace lazuli
