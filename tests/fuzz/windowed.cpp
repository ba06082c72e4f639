#include "tests/fuzz/windowed.h"

#include "ir/ops/window.h"

namespace lazuli::fuzz {

using namespace ir;

namespace {

constexpr double kMostProducts = 300000;
constexpr int64_t kMostPlaces = 4000;  // of an operand

DType float_type(Chance& c) {
  return c.one_in(3) ? c.pick({kFloat64, kFloat16, kBFloat16}) : kFloat32;
}

NodeRef node(Interner& in, Op op, const NodeRef& x, Attr attr, Shape shape = {}) {
  return in.make(
      {.op = op, .inputs = {x.get()}, .attr = std::move(attr), .dtype = x->dtype(), .shape = std::move(shape)});
}

/// Of everything there is a little more than of nothing: most windows overlap, some lie apart, some hang over.
NodeRef convolution(Chance& c, Interner& in, const std::function<NodeRef(DType, const Shape&)>& like) {
  const DType t = c.one_in(8) ? c.pick({kInt32, kInt8, kInt64}) : float_type(c);
  const size_t axes = c.pick({1, 1, 2, 2, 2, 2, 3});
  const int64_t groups = c.pick({1, 1, 1, 1, 2, 3}), channels = c.pick({1, 2, 3, 5, 8, 17}),
                outs = c.pick({1, 2, 3, 7, 8, 9, 16, 17, 33});
  Shape x{c.pick({1, 1, 2, 3}), groups * channels}, weight{groups * outs, channels};
  WindowDims w;
  w.groups = {groups};
  double products = static_cast<double>(x[0] * groups * outs * channels);
  for (size_t d = 0; d < axes; ++d) {
    const int64_t size = c.pick({1, 2, 3, 3, 3, 4, 5, 7});
    weight.push_back(size);
    w.step.push_back(c.pick({1, 1, 1, 2, 3}));
    w.dilation.push_back(c.pick({1, 1, 1, 2, 3}));
    w.spread.push_back(c.pick({1, 1, 1, 1, 2, 3}));
    w.low.push_back(c.pick({0, 0, 1, 1, 2, -1}));
    w.high.push_back(c.pick({0, 0, 1, 1, 2, -1}));
    const int64_t extent = axes == 1   ? c.pick({3, 7, 15, 16, 17, 33, 100, 300})
                           : axes == 2 ? c.pick({1, 3, 5, 7, 8, 13, 14, 15, 17, 30})
                                       : c.pick({2, 3, 5, 8});
    x.push_back(extent);
    products *= static_cast<double>(size * extent * w.spread[d]) / static_cast<double>(w.step[d]);
  }
  if (products > kMostProducts) throw Error(ErrorKind::Memory, "too many products");
  const NodeRef image = like(t, x), filter = like(t, weight);
  return in.make(
      {.op = Op::convolution, .inputs = {image.get(), filter.get()}, .attr = window_attr(std::move(w)), .dtype = t});
}

}  // namespace

NodeRef windowed_value(Chance& c, Interner& in, const std::function<NodeRef(DType, const Shape&)>& like) {
  if (c.one_in(2)) return convolution(c, in, like);
  const DType t = c.one_in(5) ? c.pick({kInt32, kUInt8}) : float_type(c);
  const size_t axes = c.pick({1, 1, 2, 2, 3});
  WindowDims w;
  Shape x, all;
  for (size_t d = c.pick({0, 1, 2}); d-- > 0;) x.push_back(c.dim(9));
  const size_t lead = x.size();
  all = x;
  for (size_t d = 0; d < axes; ++d) {
    w.size.push_back(c.pick({1, 2, 2, 3, 3, 5, 9}));
    w.step.push_back(c.pick({1, 1, 2, 3, 4}));
    w.dilation.push_back(c.pick({1, 1, 1, 2}));
    x.push_back(axes == 1 ? c.pick({3, 9, 16, 33, 200}) : c.pick({2, 3, 7, 9, 17}));
    if (window_reach(w.size[d], w.dilation[d]) > x.back()) throw Error(ErrorKind::Shape, "the window does not fit");
    all.push_back(window_count(x.back(), w.size[d], w.step[d], w.dilation[d]));
  }
  if (numel(x) > kMostPlaces) throw Error(ErrorKind::Memory, "too large");
  Dims places;
  for (size_t d = 0; d < axes; ++d) {
    places.push_back(static_cast<int64_t>(lead + axes + d));
    all.push_back(w.size[d]);
  }
  if (numel(all) > 10 * kMostPlaces) throw Error(ErrorKind::Memory, "too large");
  if (is_floating(t) && c.one_in(4)) return node(in, Op::fold, like(t, all), window_attr(std::move(w)), x);
  const NodeRef windows = node(in, Op::windows, like(t, x), window_attr(std::move(w)));
  switch (c.below(5)) {
    case 0:
      return windows;
    case 1:
      return node(in, Op::sum, windows, AxesAttr{places});
    case 2:
      return node(in, Op::argmax, windows, AxesAttr{places});
    case 3:
      return is_floating(t) ? node(in, Op::pick_max, windows, CompositeAttr{places})
                            : node(in, Op::reduce_max, windows, AxesAttr{places});
    default:
      return node(in, Op::reduce_min, windows, AxesAttr{places});
  }
}

}  // namespace lazuli::fuzz
