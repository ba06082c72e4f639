// Handles on the same storage: every movement that PyTorch makes a view of. A view is a chain of movement steps for the
// graph, and an offset with strides for memory; the two always say the same.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/history.h"
#include "frontend/layout.h"
#include "frontend/tensor_impl.h"

namespace lazuli {

Tensor view_of(const Tensor& t, ViewStep step, ir::Dims strides, int64_t offset, const Location& loc) {
  const TensorImpl& from = *impl_of(t, loc);
  auto impl = std::make_shared<TensorImpl>(from);
  impl->shape = step.shape;
  impl->strides = std::move(strides);
  impl->offset = offset;
  impl->where = loc;
  impl->taken = nullptr;
  impl->slot = nullptr;
  auto& steps = impl->steps;
  if (!grad_enabled() && is_tracked(from))  // a view that is made without gradients is a constant of later ones
    steps.push_back({ir::Op::stop_gradient, ir::NoAttr{}, from.shape});
  if (step.op == ir::Op::reshape && !steps.empty() && steps.back().op == ir::Op::reshape) {
    steps.back() = std::move(step);
  } else if (step.op == ir::Op::permute && !steps.empty() && steps.back().op == ir::Op::permute) {
    ir::Dims axes = std::get<ir::AxesAttr>(step.attr).axes;
    const ir::Dims& inner = std::get<ir::AxesAttr>(steps.back().attr).axes;
    for (int64_t& a : axes) a = inner[static_cast<size_t>(a)];
    if (std::is_sorted(axes.begin(), axes.end())) {
      steps.pop_back();
    } else {
      steps.back() = {ir::Op::permute, ir::AxesAttr{axes}, step.shape};
    }
  } else if (step.op == ir::Op::slice && !steps.empty() && steps.back().op == ir::Op::slice) {
    ir::SliceAttr merged = std::get<ir::SliceAttr>(steps.back().attr);
    const auto& outer = std::get<ir::SliceAttr>(step.attr);
    for (size_t d = 0; d < merged.start.size(); ++d) {
      merged.start[d] += outer.start[d] * merged.step[d];
      merged.step[d] *= outer.step[d];
    }
    steps.back() = {ir::Op::slice, merged, step.shape};
  } else {
    steps.push_back(std::move(step));
  }
  return Tensor(std::move(impl));
}

namespace {

/// The view that is all of it, as it is: another tensor.
Tensor same_view(const Tensor& t, const Location& loc) {
  auto impl = std::make_shared<TensorImpl>(*t.impl());
  impl->where = loc;
  impl->taken = nullptr;
  impl->slot = nullptr;
  if (!grad_enabled() && is_tracked(*impl)) impl->steps.push_back({ir::Op::stop_gradient, ir::NoAttr{}, impl->shape});
  return Tensor(std::move(impl));
}

/// A reshape that strides express.
Tensor reshape_view(const Tensor& t, const ir::Dims& sizes, ir::Dims strides, const Location& loc) {
  const TensorImpl& impl = *t.impl();
  if (impl.shape == sizes) return same_view(t, loc);
  return view_of(t, {ir::Op::reshape, ir::NoAttr{}, sizes}, std::move(strides), impl.offset, loc);
}

ir::Dims erase_axis(ir::Dims dims, int64_t d) {
  dims.erase(static_cast<size_t>(d));
  return dims;
}

}  // namespace

Tensor Tensor::view(IntArrayRef sizes, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  const ir::Dims to = infer_sizes(sizes, numel(), loc);
  auto strides = reshaped_strides(impl.shape, impl.strides, to);
  if (!strides)
    throw Error(ErrorKind::Shape,
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                "two contiguous subspaces). Use .reshape(...) instead.",
                {}, loc);
  return reshape_view(*this, to, std::move(*strides), loc);
}

Tensor Tensor::reshape(IntArrayRef sizes, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  const ir::Dims to = infer_sizes(sizes, numel(), loc);
  if (auto strides = reshaped_strides(impl.shape, impl.strides, to))
    return reshape_view(*this, to, std::move(*strides), loc);
  return wrap(reshape_to(node_of(*this), to, loc), loc);
}

Tensor Tensor::reshape_as(const Tensor& other, Location loc) const {
  return reshape(other.sizes(), loc);
}
Tensor Tensor::view_as(const Tensor& other, Location loc) const {
  return view(other.sizes(), loc);
}

Tensor Tensor::flatten(int64_t start_dim, int64_t end_dim, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  const int64_t rank = dim();
  start_dim = wrap_dim(start_dim, rank, loc);
  end_dim = wrap_dim(end_dim, rank, loc);
  if (start_dim > end_dim)
    throw Error(ErrorKind::Shape, "flatten() has invalid args: start_dim cannot come after end_dim", {}, loc);
  if (rank == 0) return reshape({1}, loc);
  ir::Dims to;
  int64_t joined = 1;
  for (int64_t d = 0; d < rank; ++d) {
    const int64_t n = impl.shape[static_cast<size_t>(d)];
    if (d < start_dim || d > end_dim) {
      to.push_back(n);
    } else {
      joined *= n;
      if (d == end_dim) to.push_back(joined);
    }
  }
  return reshape(IntArrayRef(to.data(), to.size()), loc);
}

Tensor Tensor::unflatten(int64_t dim, IntArrayRef sizes, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  dim = wrap_dim(dim, this->dim(), loc);
  if (sizes.empty()) throw Error(ErrorKind::Shape, "unflatten: sizes must be non-empty", {}, loc);
  if (impl.shape.empty()) throw Error(ErrorKind::Shape, "unflatten: a 0-dim tensor has no dimension to split", {}, loc);
  const int64_t whole = impl.shape[static_cast<size_t>(dim)];
  ir::Dims split;
  try {
    split = infer_sizes(sizes, whole, loc);
  } catch (const Error&) {
    throw Error(
        ErrorKind::Shape,
        fmt::format("unflatten: Provided sizes {} don't multiply up to the size of dim {} ({}) in the input tensor",
                    ir::str(sizes), dim, whole),
        {}, loc);
  }
  ir::Dims to;
  for (size_t d = 0; d < impl.shape.size(); ++d) {
    if (d == static_cast<size_t>(dim)) {
      for (const int64_t n : split) to.push_back(n);
    } else {
      to.push_back(impl.shape[d]);
    }
  }
  return view(IntArrayRef(to.data(), to.size()), loc);
}

Tensor Tensor::permute(IntArrayRef dims, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  const size_t rank = impl.shape.size();
  if (dims.size() != rank)
    throw Error(
        ErrorKind::Shape,
        fmt::format("permute(): number of dimensions in the tensor input does not match the length of the desired "
                    "ordering of dimensions i.e. input.dim() = {} is not equal to len(dims) = {}",
                    rank, dims.size()),
        {}, loc);
  ir::Dims axes, shape, strides;
  bool identity = true;
  for (size_t i = 0; i < rank; ++i) {
    const int64_t a = wrap_dim(dims[i], static_cast<int64_t>(rank), loc);
    if (std::find(axes.begin(), axes.end(), a) != axes.end())
      throw Error(ErrorKind::Shape, "permute(): duplicate dims are not allowed.", {}, loc);
    identity &= a == static_cast<int64_t>(i);
    axes.push_back(a);
    shape.push_back(impl.shape[static_cast<size_t>(a)]);
    strides.push_back(impl.strides[static_cast<size_t>(a)]);
  }
  if (identity) return same_view(*this, loc);
  return view_of(*this, {ir::Op::permute, ir::AxesAttr{axes}, shape}, strides, impl.offset, loc);
}

Tensor Tensor::transpose(int64_t dim0, int64_t dim1, Location loc) const {
  const int64_t rank = dim();
  dim0 = wrap_dim(dim0, rank, loc);
  dim1 = wrap_dim(dim1, rank, loc);
  if (rank == 0) return same_view(*this, loc);
  ir::Dims axes;
  for (int64_t d = 0; d < rank; ++d) axes.push_back(d == dim0 ? dim1 : d == dim1 ? dim0 : d);
  return permute(IntArrayRef(axes.data(), axes.size()), loc);
}

Tensor Tensor::movedim(int64_t source, int64_t destination, Location loc) const {
  return movedim(IntArrayRef(&source, 1), IntArrayRef(&destination, 1), loc);
}

Tensor Tensor::movedim(IntArrayRef source, IntArrayRef destination, Location loc) const {
  const int64_t rank = dim();
  if (source.size() != destination.size())
    throw Error(
        ErrorKind::Shape,
        fmt::format("movedim: Invalid source or destination dims: source ({} dims) should contain the same number "
                    "of dims as destination ({} dims)",
                    ir::str(source), ir::str(destination)),
        {}, loc);
  if (rank == 0) {
    for (const int64_t d : source) wrap_dim(d, 0, loc);
    for (const int64_t d : destination) wrap_dim(d, 0, loc);
    return same_view(*this, loc);
  }
  ir::Dims order(static_cast<size_t>(rank), -1);
  std::vector<bool> moved(static_cast<size_t>(rank), false);
  for (size_t i = 0; i < source.size(); ++i) {
    const auto s = static_cast<size_t>(wrap_dim(source[i], rank, loc));
    const auto d = static_cast<size_t>(wrap_dim(destination[i], rank, loc));
    if (moved[s])
      throw Error(ErrorKind::Shape, fmt::format("movedim: repeated dim in `source` ({})", ir::str(source)), {}, loc);
    if (order[d] != -1)
      throw Error(ErrorKind::Shape, fmt::format("movedim: repeated dim in `destination` ({})", ir::str(destination)),
                  {}, loc);
    moved[s] = true;
    order[d] = static_cast<int64_t>(s);
  }
  size_t next = 0;
  for (int64_t& o : order) {
    if (o != -1) continue;
    while (moved[next]) ++next;
    o = static_cast<int64_t>(next++);
  }
  return permute(IntArrayRef(order.data(), order.size()), loc);
}

Tensor Tensor::t(Location loc) const {
  const int64_t rank = dim();
  if (rank > 2)
    throw Error(ErrorKind::Shape, fmt::format("t() expects a tensor with <= 2 dimensions, but self is {}D", rank), {},
                loc);
  return rank < 2 ? same_view(*this, loc) : transpose(0, 1, loc);
}

Tensor Tensor::T(Location loc) const {
  ir::Dims axes;
  for (int64_t d = dim(); d-- > 0;) axes.push_back(d);
  return permute(IntArrayRef(axes.data(), axes.size()), loc);
}

Tensor Tensor::mT(Location loc) const {
  if (dim() < 2)
    throw Error(ErrorKind::Shape,
                fmt::format("tensor.mT is only supported on matrices or batches of matrices. Got {}-D tensor.", dim()),
                {}, loc);
  return transpose(-2, -1, loc);
}

Tensor Tensor::squeeze(Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  ir::Dims shape, strides;
  for (size_t d = 0; d < impl.shape.size(); ++d) {
    if (impl.shape[d] == 1) continue;
    shape.push_back(impl.shape[d]);
    strides.push_back(impl.strides[d]);
  }
  return reshape_view(*this, shape, strides, loc);
}

Tensor Tensor::squeeze(int64_t dim, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  dim = wrap_dim(dim, this->dim(), loc);
  if (impl.shape.empty() || impl.shape[static_cast<size_t>(dim)] != 1) return same_view(*this, loc);
  return reshape_view(*this, erase_axis(impl.shape, dim), erase_axis(impl.strides, dim), loc);
}

Tensor Tensor::unsqueeze(int64_t dim, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  const auto d = static_cast<size_t>(wrap_dim(dim, this->dim() + 1, loc));
  ir::Dims shape = impl.shape, strides = impl.strides;
  const int64_t stride = d < shape.size() ? shape[d] * strides[d] : 1;
  shape.insert(d, 1);
  strides.insert(d, stride);
  return reshape_view(*this, shape, strides, loc);
}

Tensor Tensor::expand(IntArrayRef sizes, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  const size_t rank = impl.shape.size();
  if (sizes.size() < rank)
    throw Error(ErrorKind::Shape,
                fmt::format("expand({}{}, size={}): the number of sizes provided ({}) must be greater or equal to the "
                            "number of dimensions in the tensor ({})",
                            name(impl.dtype), ir::str(impl.shape), ir::str(sizes), sizes.size(), rank),
                {}, loc);
  const size_t extra = sizes.size() - rank;
  ir::Dims shape(sizes), strides(sizes.size(), 0);
  for (size_t d = sizes.size(); d-- > 0;) {
    if (d < extra) {
      if (sizes[d] < 0)
        throw Error(
            ErrorKind::Shape,
            fmt::format("The expanded size of the tensor ({}) isn't allowed in a leading, non-existing dimension {}",
                        sizes[d], d),
            {}, loc);
      continue;
    }
    const int64_t have = impl.shape[d - extra];
    if (sizes[d] == -1) shape[d] = have;
    if (shape[d] == have) {
      strides[d] = impl.strides[d - extra];
    } else if (have != 1 || shape[d] < 0) {
      throw Error(ErrorKind::Shape,
                  fmt::format("The expanded size of the tensor ({}) must match the existing size ({}) at non-singleton "
                              "dimension {}.  Target sizes: {}.  Tensor sizes: {}",
                              sizes[d], have, d, ir::str(sizes), ir::str(impl.shape)),
                  {}, loc);
    }
  }
  if (shape == impl.shape) return same_view(*this, loc);
  return view_of(*this, {ir::Op::expand, ir::NoAttr{}, shape}, strides, impl.offset, loc);
}

Tensor Tensor::expand_as(const Tensor& other, Location loc) const {
  return expand(other.sizes(), loc);
}

Tensor Tensor::select(int64_t dim, int64_t index, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  if (impl.shape.empty()) throw Error(ErrorKind::Index, "select() cannot be applied to a 0-dim tensor.", {}, loc);
  dim = wrap_dim(dim, this->dim(), loc);
  const int64_t n = impl.shape[static_cast<size_t>(dim)];
  if (index < -n || index >= n)
    throw Error(ErrorKind::Index,
                fmt::format("select(): index {} out of range for tensor of size {} at dimension {}", index,
                            ir::str(impl.shape), dim),
                {}, loc);
  if (index < 0) index += n;
  return slice(dim, index, index + 1, 1, loc).squeeze(dim, loc);
}

Tensor Tensor::slice(int64_t dim, Slice::Bound start, Slice::Bound stop, int64_t step, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  const size_t rank = impl.shape.size();
  if (rank == 0) throw Error(ErrorKind::Index, "slice() cannot be applied to a 0-dim tensor.", {}, loc);
  const auto d = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(rank), loc));
  if (step <= 0) throw Error(ErrorKind::Value, "slice step must be positive", {}, loc);
  const int64_t n = impl.shape[d];
  const auto clamp = [n](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
  const int64_t first = clamp(start.value.value_or(0));
  const int64_t last = std::max(first, clamp(stop.value.value_or(n)));
  const int64_t length = (last - first) / step + ((last - first) % step != 0);
  if (length == n && (step == 1 || n <= 1)) return same_view(*this, loc);
  ir::SliceAttr attr{ir::Dims(rank, 0), ir::Dims(rank, 1)};
  attr.start[d] = length == 0 ? 0 : first;
  attr.step[d] = length <= 1 ? 1 : step;
  ir::Dims shape = impl.shape, strides = impl.strides;
  shape[d] = length;
  const int64_t offset = impl.offset + attr.start[d] * strides[d];
  strides[d] *= attr.step[d];
  return view_of(*this, {ir::Op::slice, attr, shape}, strides, offset, loc);
}

Tensor Tensor::narrow(int64_t dim, int64_t start, int64_t length, Location loc) const {
  const TensorImpl& impl = *impl_of(*this, loc);
  if (impl.shape.empty()) throw Error(ErrorKind::Index, "narrow() cannot be applied to a 0-dim tensor.", {}, loc);
  if (length < 0) throw Error(ErrorKind::Value, "narrow(): length must be non-negative.", {}, loc);
  dim = wrap_dim(dim, this->dim(), loc);
  const int64_t n = impl.shape[static_cast<size_t>(dim)];
  if (start < -n || start > n)
    throw Error(ErrorKind::Index,
                fmt::format("start out of range (expected to be in range of [{}, {}], but got {})", -n, n, start), {},
                loc);
  if (start < 0) start += n;
  if (length > n - start)
    throw Error(ErrorKind::Index,
                fmt::format("start ({}) + length ({}) exceeds dimension size ({}).", start, length, n), {}, loc);
  return slice(dim, start, start + length, 1, loc);
}

}  // namespace lazuli
