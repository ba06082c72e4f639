// What a handle knows of itself, and writing into it.
#include "lazuli/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "frontend/build.h"
#include "frontend/context.h"
#include "frontend/layout.h"
#include "frontend/write_number.h"

namespace lazuli {

Tensor& Tensor::operator=(const Tensor& other) & = default;
Tensor& Tensor::operator=(Tensor&& other) & = default;

namespace {

/// `view = value` takes a value of the view's shape, broadcast, after its leading axes of size 1 are dropped.
void write_view(Tensor& view, Tensor value, const Location& loc) {
  if (const auto from = impl_of(view)->taken) {
    from->put(value, loc);
    return;
  }
  const TensorImpl& impl = *impl_of(value, loc);
  size_t drop = 0;
  while (drop < impl.shape.size() && impl.shape[drop] == 1 &&
         impl.shape.size() - drop > static_cast<size_t>(view.dim()))
    ++drop;
  if (drop > 0) value = value.reshape(IntArrayRef(impl.shape.data() + drop, impl.shape.size() - drop), loc);
  value = value.expand(view.sizes(), loc);
  if (value.impl() == view.impl()) return;
  ir::NodeRef node = cast_to(node_of(value), view.dtype(), loc);
  value = Tensor();  // a temporary on the right is no reader of what is overwritten
  assign(view, std::move(node), loc);
}

}  // namespace

Tensor& Tensor::operator=(const Tensor& other) && {
  write_view(*this, other, impl_of(*this)->where);
  return *this;
}

Tensor& Tensor::operator=(Tensor&& other) && {
  write_view(*this, std::move(other), impl_of(*this)->where);
  return *this;
}

Tensor& Tensor::operator=(ScalarArg value) && {
  if (const auto from = impl_of(*this)->taken) {
    from->put(value.value, value.where);
    return *this;
  }
  return fill_(value.value, value.where);
}

IntArrayRef Tensor::sizes() const {
  const TensorImpl& impl = *impl_of(*this);
  return {impl.shape.data(), impl.shape.size()};
}

IntArrayRef Tensor::strides() const {
  const TensorImpl& impl = *impl_of(*this);
  return {impl.strides.data(), impl.strides.size()};
}

namespace {

int64_t entry(const ir::Dims& dims, int64_t d, const Location& loc) {
  if (dims.empty())
    throw Error(ErrorKind::Index, fmt::format("Dimension specified as {} but tensor has no dimensions", d), {}, loc);
  return dims[static_cast<size_t>(wrap_dim(d, static_cast<int64_t>(dims.size()), loc))];
}

}  // namespace

int64_t Tensor::size(int64_t d, Location loc) const {
  return entry(impl_of(*this, loc)->shape, d, loc);
}
int64_t Tensor::stride(int64_t d, Location loc) const {
  return entry(impl_of(*this, loc)->strides, d, loc);
}
int64_t Tensor::storage_offset() const {
  return impl_of(*this)->offset;
}
int64_t Tensor::dim() const {
  return static_cast<int64_t>(impl_of(*this)->shape.size());
}
int64_t Tensor::numel() const {
  return ir::numel(impl_of(*this)->shape);
}
DType Tensor::dtype() const {
  return impl_of(*this)->dtype;
}
Device Tensor::device() const {
  return impl_of(*this)->device;
}
bool Tensor::is_view() const {
  return impl_of(*this)->is_view();
}

bool Tensor::is_contiguous() const {
  const TensorImpl& impl = *impl_of(*this);
  return is_row_major(impl.shape, impl.strides);
}

bool Tensor::is_alias_of(const Tensor& other) const {
  return impl_of(*this)->root == impl_of(other)->root;
}

Tensor Tensor::flip(IntArrayRef dims, Location loc) const {
  ir::Dims axes;
  for (const int64_t d : dims) {
    const int64_t axis = wrap_dim(d, dim(), loc);
    if (std::find(axes.begin(), axes.end(), axis) != axes.end())
      throw Error(ErrorKind::Value, fmt::format("dim {} appears multiple times in the list of dims", axis), {}, loc);
    axes.push_back(axis);
  }
  if (dim() == 0 || axes.empty()) return clone(loc);
  std::sort(axes.begin(), axes.end());
  return wrap_result(make_node(ir::Op::flip, {node_of(*this).get()}, ir::AxesAttr{axes}, loc), loc);
}

Tensor Tensor::clone(Location loc) const {
  impl_of(*this, loc);
  return wrap(node_of(*this), loc);
}

Tensor Tensor::contiguous(Location loc) const {
  return is_contiguous() ? *this : clone(loc);
}

Tensor& Tensor::copy_(const Tensor& src, Location loc) {
  const TensorImpl& to = *impl_of(*this, loc);
  const TensorImpl& from = *impl_of(src, loc);
  if (impl_ == src.impl()) return *this;
  const auto both = ir::broadcast(to.shape, from.shape);
  if (!both || *both != to.shape) {
    const size_t rank = to.shape.size();
    for (size_t d = from.shape.size(); d-- > 0;) {
      const int64_t b = from.shape[d];
      const size_t from_end = from.shape.size() - d;
      if (from_end > rank) break;
      const int64_t a = to.shape[rank - from_end];
      if (b != a && b != 1)
        throw Error(ErrorKind::Shape,
                    fmt::format("The size of tensor a ({}) must match the size of tensor b ({}) at non-singleton "
                                "dimension {}",
                                a, b, std::max(rank, from.shape.size()) - from_end),
                    fmt::format("copy_ broadcasts {} to the shape of the tensor written to, {}", ir::str(from.shape),
                                ir::str(to.shape)),
                    loc);
    }
    throw Error(ErrorKind::Shape,
                fmt::format("output with shape {} doesn't match the broadcast shape {}", ir::str(to.shape),
                            ir::str(both ? *both : from.shape)),
                {}, loc);
  }
  ir::NodeRef value = expand_to(cast_to(node_of(src), to.dtype, loc), to.shape, loc);
  assign(*this, std::move(value), loc);
  return *this;
}

Tensor& Tensor::fill_(Scalar value, Location loc) {
  const TensorImpl& impl = *impl_of(*this, loc);
  if (write_number(impl, value, loc)) return *this;
  assign(*this, expand_to(on_device(argument(value, impl.dtype, loc), impl.device, loc), impl.shape, loc), loc);
  return *this;
}

Tensor& Tensor::fill_(const Tensor& value, Location loc) {
  if (value.dim() != 0)
    throw Error(
        ErrorKind::Shape,
        fmt::format("fill_ only supports 0-dimension value tensor but got tensor with {} dimensions.", value.dim()), {},
        loc);
  return copy_(value, loc);
}

Tensor& Tensor::zero_(Location loc) {
  const TensorImpl& impl = *impl_of(*this, loc);
  if (write_number(impl, 0, loc)) return *this;
  assign(*this, expand_to(on_device(constant(0, impl.dtype, loc), impl.device, loc), impl.shape, loc), loc);
  return *this;
}

}  // namespace lazuli
