// View of the bits as another dtype, and views that take the place of the handle that they are made of: unsqueeze_, t_,
// resize_ ... All copies of the handle change with it, its storage and other views of that do not.
#include <fmt/format.h>

#include "frontend/history.h"
#include "frontend/layout.h"
#include "frontend/promote.h"
#include "frontend/view_steps.h"
#include "lazuli/shape.h"

namespace lazuli {

Tensor Tensor::view(DType dtype, Location loc) const {
  const TensorImpl& from = *impl_of(*this, loc);
  if (dtype == from.dtype) return *this;
  if (!is_supported(dtype))
    throw Error(ErrorKind::Unsupported, fmt::format("element type {} is not supported", name(dtype)), {}, loc);
  if (is_bool(dtype))
    throw Error(ErrorKind::Unsupported,
                fmt::format("view: bits of {} are not bools, which are 0 or 1", lazuli::name(from.dtype)),
                "compare them with 0", loc);
  const auto old_size = static_cast<int64_t>(lazuli::itemsize(from.dtype)),
             new_size = static_cast<int64_t>(lazuli::itemsize(dtype));
  ir::Shape shape = from.shape;
  ir::Dims strides = from.strides;
  int64_t offset = from.offset;
  if (old_size != new_size) {
    const std::string what =
        fmt::format("{} as {} (different element sizes)", torch_name(from.dtype), torch_name(dtype));
    const auto refuse = [&](const std::string& text) { return Error(ErrorKind::Shape, text, {}, loc); };
    if (shape.empty()) throw refuse("self.dim() cannot be 0 to view " + what);
    const int64_t ratio = std::max(old_size, new_size) / std::min(old_size, new_size);
    const size_t last = shape.size() - 1;
    if (old_size < new_size) {
      if (shape[last] % ratio != 0)
        throw refuse(
            fmt::format("self.size(-1) must be divisible by {} to view {}, but got {}", ratio, what, shape[last]));
      if (offset % ratio != 0)
        throw refuse(
            fmt::format("self.storage_offset() must be divisible by {} to view {}, but got {}", ratio, what, offset));
    }
    if (strides[last] != 1)
      throw refuse(fmt::format("self.stride(-1) must be 1 to view {}, but got {}", what, strides[last]));
    if (old_size < new_size) {
      for (size_t d = 0; d < last; ++d)
        if (strides[d] % ratio != 0)
          throw refuse(fmt::format("self.stride({}) must be divisible by {} to view {}, but got {}", d, ratio, what,
                                   strides[d]));
      for (size_t d = 0; d < last; ++d) strides[d] /= ratio;
      shape[last] /= ratio;
      offset /= ratio;
    } else {
      for (size_t d = 0; d < last; ++d) strides[d] *= ratio;
      shape[last] *= ratio;
      offset *= ratio;
    }
  }
  const Tensor constant = is_tracked(from) ? detach(loc) : *this;
  const Tensor bits = view_of(constant, bits_step(std::move(shape), dtype), std::move(strides), offset, loc);
  bits.impl()->dtype = dtype;
  return bits;
}

namespace {

/// Makes the handle, and all copies of it, a handle on what `view` is.
Tensor& become(Tensor& t, const Tensor& view, const Location& loc) {
  TensorImpl& impl = *impl_of(t, loc);
  if (view.impl() == t.impl()) return t;
  if (impl.slot && grad_enabled() && is_tracked(impl) && t.is_leaf())
    throw Error(ErrorKind::Value, "a leaf Variable that requires grad is being used in an in-place operation.",
                "take the view of it as another tensor", loc);
  TensorImpl next = *view.impl();
  next.where = loc;
  impl = std::move(next);
  return t;
}

}  // namespace

Tensor& Tensor::unsqueeze_(int64_t dim, Location loc) {
  return become(*this, unsqueeze(dim, loc), loc);
}
Tensor& Tensor::squeeze_(Location loc) {
  return become(*this, squeeze(loc), loc);
}
Tensor& Tensor::squeeze_(int64_t dim, Location loc) {
  return become(*this, squeeze(dim, loc), loc);
}
Tensor& Tensor::t_(Location loc) {
  if (dim() > 2)
    throw Error(ErrorKind::Shape, fmt::format("t_() expects a tensor with <= 2 dimensions, but self is {}D", dim()), {},
                loc);
  return become(*this, t(loc), loc);
}
Tensor& Tensor::transpose_(int64_t dim0, int64_t dim1, Location loc) {
  return become(*this, transpose(dim0, dim1, loc), loc);
}
Tensor& Tensor::swapaxes_(int64_t axis0, int64_t axis1, Location loc) {
  return transpose_(axis0, axis1, loc);
}
Tensor& Tensor::swapdims_(int64_t dim0, int64_t dim1, Location loc) {
  return transpose_(dim0, dim1, loc);
}
Tensor& Tensor::as_strided_(IntArrayRef sizes, IntArrayRef strides, std::optional<int64_t> storage_offset,
                            Location loc) {
  return become(*this, as_strided(sizes, strides, storage_offset, loc), loc);
}

Tensor& Tensor::resize_(IntArrayRef sizes, Location loc) {
  const TensorImpl& impl = *impl_of(*this, loc);
  for (const int64_t n : sizes)
    if (n < 0)
      throw Error(ErrorKind::Value,
                  fmt::format("Trying to create tensor with negative dimension {}: {}", n, ir::str(sizes)), {}, loc);
  if (is_tracked(impl)) throw Error(ErrorKind::Value, "cannot resize variables that require grad", {}, loc);
  if (sizes == this->sizes()) return *this;
  const std::optional<int64_t> wanted = ir::checked_numel(ir::Shape(sizes));
  const Tensor all = whole_storage(*this, loc);
  if (!wanted || *wanted > all.numel() - std::min(impl.offset, all.numel()))
    throw Error(
        ErrorKind::Unsupported,
        fmt::format("resize_: a storage of {} elements does not grow to {}", all.numel() - impl.offset, ir::str(sizes)),
        "make a new tensor with empty()", loc);
  const ir::Dims strides = ir::contiguous_strides(ir::Shape(sizes));
  const int64_t offset = *wanted == 0 ? 0 : impl.offset;
  return become(*this, all.as_strided(sizes, IntArrayRef(strides.data(), strides.size()), offset, loc), loc);
}

Tensor& Tensor::resize_as_(const Tensor& other, Location loc) {
  impl_of(other, loc);
  return resize_(other.sizes(), loc);
}

}  // namespace lazuli
