#include "frontend/view_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "frontend/build.h"
#include "frontend/history.h"
#include "frontend/layout.h"
#include "frontend/ops/take.h"

namespace lazuli {

using ir::Dims;
using ir::NodeRef;
using ir::Op;

ViewStep strided_step(ir::Shape shape, Dims strides, int64_t offset) {
  return {Op::gather, ir::SliceAttr{Dims{offset}, std::move(strides)}, std::move(shape)};
}

ViewStep bits_step(ir::Shape shape, DType dtype) {
  ViewStep s{Op::bitcast, ir::NoAttr{}, std::move(shape)};
  s.dtype = dtype;
  return s;
}

namespace {

/// Positions of a strided step's elements, int64.
NodeRef places(const ViewStep& step, const ir::Node& like, const Location& loc) {
  const Build b(loc);
  const auto& attr = std::get<ir::SliceAttr>(step.attr);
  NodeRef at = b.expand(on_device(constant(attr.start[0], kInt64, loc), like.device(), loc), step.shape);
  for (size_t d = 0; d < step.shape.size(); ++d) {
    if (step.shape[d] == 1 || attr.step[d] == 0) continue;
    const NodeRef i = b.iota(step.shape, static_cast<int64_t>(d), kInt64, like.device());
    at = b.op(Op::add, at, attr.step[d] == 1 ? i : b.op(Op::mul, i, b.integer(attr.step[d], i)));
  }
  return at;
}

NodeRef flat(const NodeRef& n, const Location& loc) {
  return reshape_to(n, {n->numel()}, loc);
}

/// The integer that carries the bits of a type.
DType carrier(DType t) {
  switch (itemsize(t)) {
    case 1:
      return kUInt8;
    case 2:
      return kInt16;
    case 4:
      return kInt32;
    default:
      return kInt64;
  }
}

NodeRef same_size_bits(const NodeRef& n, DType to, const Location& loc) {
  if (n->dtype() == to) return n;
  return make_node({.op = Op::bitcast, .inputs = {n.get()}, .dtype = to, .device = n->device()}, loc);
}

/// The bits of an array as another type, in a given shape of as many bytes. Elements of the smaller type that make up
/// one of the larger lie along the last axis, the least significant one first.
NodeRef bits_as(const NodeRef& n, DType to, const ir::Shape& shape, const Location& loc) {
  const Build b(loc);
  const auto from_size = static_cast<int64_t>(itemsize(n->dtype())), to_size = static_cast<int64_t>(itemsize(to));
  if (ir::numel(shape) == 0) return b.expand(on_device(constant(0, to, loc), n->device(), loc), shape);
  const NodeRef bits = same_size_bits(n, carrier(n->dtype()), loc);
  const DType result = carrier(to);
  if (from_size == to_size) return reshape_to(same_size_bits(bits, to, loc), shape, loc);
  if (from_size > to_size) {
    const ir::Shape pairs{n->numel(), from_size / to_size};
    const NodeRef part = b.iota(pairs, 1, bits->dtype(), n->device());
    const NodeRef shift = b.op(Op::mul, part, b.integer(8 * to_size, part));
    const NodeRef whole = b.expand(reshape_to(bits, {n->numel(), 1}, loc), pairs);
    const NodeRef moved = b.op(Op::bitwise_right_shift, whole, shift);
    return reshape_to(same_size_bits(b.cast(moved, result), to, loc), shape, loc);
  }
  const int64_t ratio = to_size / from_size;
  const NodeRef rows = reshape_to(bits, {n->numel() / ratio, ratio}, loc);
  NodeRef whole;
  for (int64_t k = 0; k < ratio; ++k) {
    NodeRef part = b.cast(b.slice(rows, 1, k, 1), result);
    if (k + 1 < ratio && n->dtype() != kUInt8)  // the sign belongs to the last one alone
      part = b.op(Op::bitwise_and, part, b.integer((int64_t{1} << (8 * from_size)) - 1, part));
    if (k > 0) part = b.op(Op::bitwise_left_shift, part, b.integer(8 * from_size * k, part));
    whole = whole ? b.op(Op::bitwise_or, whole, part) : part;
  }
  return reshape_to(same_size_bits(whole, to, loc), shape, loc);
}

/// What the value before `step` becomes when the value after it is `inner`.
NodeRef write_back(const ViewStep& step, const NodeRef& before, const NodeRef& inner, const Location& loc) {
  switch (step.op) {
    case Op::slice:
      return make_node(Op::slice_update, {before.get(), inner.get()}, step.attr, loc);
    case Op::permute: {
      const Dims& axes = std::get<ir::AxesAttr>(step.attr).axes;
      Dims inverse(axes.size());
      for (size_t i = 0; i < axes.size(); ++i) inverse[static_cast<size_t>(axes[i])] = static_cast<int64_t>(i);
      return make_node(Op::permute, {inner.get()}, ir::AxesAttr{inverse}, loc);
    }
    case Op::reshape:
    case Op::expand:  // of axes of size 1 alone; or without elements
      return before->numel() == inner->numel() ? reshape_to(inner, before->shape(), loc) : before;
    case Op::bitcast:
      return bits_as(inner, before->dtype(), before->shape(), loc);
    case Op::gather: {
      if (inner->numel() == 0) return before;
      const NodeRef at = places(step, *before, loc);
      return reshape_to(scatter_at(Op::scatter, flat(before, loc), inner, {0}, {&at, 1}, loc), before->shape(), loc);
    }
    default:
      throw Error(ErrorKind::Internal, fmt::format("{} is not a view step", ir::name(step.op)));
  }
}

/// All elements of a base, flat, as another type.
Tensor flat_as(const Tensor& base, DType dtype, const Location& loc) {
  Tensor all = base.reshape({-1}, loc);
  if (all.dtype() == dtype) return all;
  const auto from = static_cast<int64_t>(itemsize(all.dtype())), to = static_cast<int64_t>(itemsize(dtype));
  if (from < to) all = all.slice(0, 0, all.numel() / (to / from) * (to / from), 1, loc);
  return all.view(dtype, loc);
}

}  // namespace

NodeRef apply(const ViewStep& step, const NodeRef& before, const Location& loc) {
  if (step.op == Op::stop_gradient) return untracked(before, loc);
  if (step.op == Op::bitcast) return bits_as(before, step.dtype, step.shape, loc);
  if (is_strided(step)) {
    const NodeRef at = places(step, *before, loc);
    return gather_at(flat(before, loc), {0}, {&at, 1}, loc);
  }
  ir::NodeSpec spec{.op = step.op, .inputs = {before.get()}, .attr = step.attr, .dtype = before->dtype()};
  spec.shape = step.shape;
  spec.device = before->device();
  spec.payload = step.payload;
  return make_node(std::move(spec), loc);
}

namespace {

/// The elements of a view as a slice of its root, permuted and reshaped; nothing where an axis of the view runs through
/// several of the root. A write then costs what the slice does (RegionKind::Update).
std::optional<std::vector<ViewStep>> as_slice(const ir::Shape& root, const TensorImpl& view) {
  const size_t rank = root.size();
  const Dims strides = ir::contiguous_strides(root);
  ir::SliceAttr slice{Dims(rank, 0), Dims(rank, 1)};
  ir::Shape sliced(Dims(rank, 1));
  int64_t rest = view.offset;
  for (size_t a = 0; a < rank; ++a) {
    slice.start[a] = rest / strides[a];
    rest %= strides[a];
  }
  Dims order;
  std::vector<bool> used(rank);
  for (size_t d = 0; d < view.shape.size(); ++d) {
    const int64_t size = view.shape[d], stride = view.strides[d];
    if (size == 1) continue;
    size_t a = 0;
    while (a < rank && (used[a] || stride % strides[a] != 0 || stride == 0 ||
                        slice.start[a] + (size - 1) * (stride / strides[a]) >= root[a]))
      ++a;
    if (a == rank) return std::nullopt;
    used[a] = true;
    order.push_back(static_cast<int64_t>(a));
    slice.step[a] = stride / strides[a];
    sliced[a] = size;
  }
  std::vector<ViewStep> steps;
  if (!(sliced == root)) steps.push_back({Op::slice, slice, sliced});
  for (size_t a = 0; a < rank; ++a)
    if (!used[a]) order.push_back(static_cast<int64_t>(a));
  ir::Shape shape = sliced;
  for (size_t i = 0; i < rank; ++i) shape[i] = sliced[static_cast<size_t>(order[i])];
  Dims large;  // of axes of size 1 the order means nothing
  for (const int64_t a : order)
    if (used[static_cast<size_t>(a)]) large.push_back(a);
  if (!std::is_sorted(large.begin(), large.end())) {
    steps.push_back({Op::permute, ir::AxesAttr{order}, shape});
  } else {
    shape = sliced;
  }
  if (!(shape == view.shape)) steps.push_back({Op::reshape, ir::NoAttr{}, view.shape});
  return steps;
}

}  // namespace

WritePath::WritePath(const Tensor& dst, const Location& loc) {
  const TensorImpl& impl = *impl_of(dst, loc);
  // After these steps one element may stand at several places, though not all of them need be seen any more.
  const bool repeated = std::any_of(impl.steps.begin(), impl.steps.end(),
                                    [](const ViewStep& s) { return is_strided(s) || s.op == Op::expand; });
  if (repeated && overlaps(impl.shape, impl.strides))
    throw Error(ErrorKind::Value,
                "unsupported operation: more than one element of the written-to tensor refers to a single memory "
                "location. Please clone() the tensor before performing the operation.",
                {}, loc);
  const bool bits =
      std::any_of(impl.steps.begin(), impl.steps.end(), [](const ViewStep& s) { return s.op == Op::bitcast; });
  if (!impl.steps.empty() && !bits && ir::numel(impl.shape) > 0) {
    if (auto steps = as_slice(impl.root->shape, impl)) {
      steps_ = std::move(*steps);
      return;
    }
  }
  const auto sizes = IntArrayRef(impl.shape.data(), impl.shape.size());
  const auto strides = IntArrayRef(impl.strides.data(), impl.strides.size());
  // The elements that are left are named by their place in the storage.
  if (repeated && ir::numel(impl.shape) > 0) {
    steps_ =
        strided_view(flat_as(base_of(impl.root, loc), impl.dtype, loc), sizes, strides, impl.offset, loc).impl()->steps;
  } else {
    steps_ = impl.steps;
  }
  std::erase_if(steps_, [](const ViewStep& s) { return is_history(s.op); });
  for (ViewStep& s : steps_) {
    if (s.op != Op::bitcast) continue;
    s.dtype = carrier(s.dtype);
    bits_ = true;
  }
}

NodeRef WritePath::write(const NodeRef& storage, NodeRef value, const Location& loc) const {
  std::vector<NodeRef> chain{storage};
  for (const ViewStep& s : steps_) chain.push_back(apply(s, chain.back(), loc));
  if (bits_) value = same_size_bits(value, carrier(value->dtype()), loc);
  for (size_t i = steps_.size(); i-- > 0;) value = write_back(steps_[i], chain[i], value, loc);
  return value;
}

namespace {

struct Axis {
  size_t place;
  int64_t size, stride;
};

/// Element `offset` + sum of i * stride of a row-major 1-D tensor, as slices of it reshaped; nothing where axes
/// overlap. Axes have sizes above 1 and descend in stride.
std::optional<Tensor> nested(Tensor flat, const std::vector<Axis>& axes, int64_t offset, const Location& loc) {
  std::vector<int64_t> reach(axes.size() + 1, 0);  // from an element to the last one of the axes behind
  for (size_t d = axes.size(); d-- > 0;) reach[d] = reach[d + 1] + (axes[d].size - 1) * axes[d].stride;
  int64_t row = flat.numel();
  Tensor t = std::move(flat);
  for (size_t d = 0; d < axes.size(); ++d) {
    const int64_t stride = axes[d].stride, at = static_cast<int64_t>(d);
    const int64_t first = offset / stride, inside = offset % stride;
    if (inside + reach[d + 1] >= stride) {
      // Rows of `stride` elements would cut what belongs together: begin the rows at the offset instead.
      if (reach[d + 1] >= stride) return std::nullopt;
      const int64_t rows = (row - offset) / stride;
      if (rows < axes[d].size) return std::nullopt;
      t = t.slice(at, offset, offset + rows * stride, 1, loc);
      row = rows * stride;
      offset = 0;
      --d;
      continue;
    }
    const int64_t whole = row / stride;
    if (first + axes[d].size > whole) {
      // The last row is not whole; it is reached only where nothing lies behind the axis.
      if (d + 1 != axes.size()) return std::nullopt;
      return t.slice(at, offset, offset + (axes[d].size - 1) * stride + 1, stride, loc);
    }
    if (whole * stride != row) t = t.slice(at, 0, whole * stride, 1, loc);
    Dims shape(t.sizes());
    shape.back() = whole;
    shape.push_back(stride);
    t = t.view(IntArrayRef(shape.data(), shape.size()), loc).slice(at, first, first + axes[d].size, 1, loc);
    row = stride;
    offset = inside;
  }
  return t.select(-1, offset, loc);
}

}  // namespace

Tensor strided_view(const Tensor& flat, IntArrayRef sizes, IntArrayRef strides, int64_t offset, const Location& loc) {
  std::vector<Axis> axes;
  for (size_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] != 1 && strides[d] != 0) axes.push_back({d, sizes[d], strides[d]});
  std::stable_sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.stride > b.stride; });
  if (const std::optional<Tensor> t = nested(flat, axes, offset, loc)) {
    Dims order(axes.size()), ones;
    std::iota(order.begin(), order.end(), int64_t{0});
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return axes[static_cast<size_t>(a)].place < axes[static_cast<size_t>(b)].place;
    });
    for (size_t d = 0; d < sizes.size(); ++d) ones.push_back(sizes[d] != 1 && strides[d] != 0 ? sizes[d] : 1);
    return t->permute(IntArrayRef(order.data(), order.size()), loc)
        .view(IntArrayRef(ones.data(), ones.size()), loc)
        .expand(sizes, loc);
  }
  return view_of(flat, strided_step(ir::Shape(sizes), Dims(strides), offset), Dims(strides), offset, loc);
}

Tensor as_read(const Tensor& t, const Location& loc) {
  const TensorImpl& impl = *impl_of(t, loc);
  const bool bits =
      std::any_of(impl.steps.begin(), impl.steps.end(), [](const ViewStep& s) { return s.op == Op::bitcast; });
  return bits && is_floating(impl.root->dtype) ? t.clone(loc) : t;
}

Tensor whole_storage(const Tensor& x, const Location& loc) {
  const TensorImpl& impl = *impl_of(x, loc);
  auto base = std::make_shared<TensorImpl>(*base_of(impl.root, loc).impl());
  // The history of the handle, if all of the storage has it.
  bool moved = false, constant = false;
  for (const ViewStep& s : impl.steps) {
    if (s.op == Op::variable) {
      if (moved)
        throw Error(ErrorKind::Unsupported,
                    "as_strided of a view that is itself a leaf which requires grad is not supported",
                    "use slices, diagonal or unfold", loc);
      base->steps.push_back(s);
      constant = false;
    } else if (s.op == Op::stop_gradient) {
      constant = true;
    } else {
      moved = true;
    }
  }
  if (constant) base->steps.push_back({Op::stop_gradient, ir::NoAttr{}, base->shape});
  return flat_as(Tensor(std::move(base)), impl.dtype, loc);
}

}  // namespace lazuli
