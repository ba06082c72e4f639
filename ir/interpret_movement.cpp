// Reference meaning of movement ops: strided copies.
#include "ir/interpret_parts.h"

namespace lazuli::ir {
namespace {

template <size_t Item>
void copy_row(int64_t n, std::byte* to, int64_t to_stride, const std::byte* from, int64_t from_stride) {
  for (int64_t i = 0; i < n; ++i)
    std::memcpy(to + i * to_stride * static_cast<int64_t>(Item), from + i * from_stride * static_cast<int64_t>(Item),
                Item);
}

void copy_row(size_t item, int64_t n, std::byte* to, int64_t to_stride, const std::byte* from, int64_t from_stride) {
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<size_t>(n) * item);
    return;
  }
  switch (item) {
    case 1:
      return copy_row<1>(n, to, to_stride, from, from_stride);
    case 2:
      return copy_row<2>(n, to, to_stride, from, from_stride);
    case 4:
      return copy_row<4>(n, to, to_stride, from, from_stride);
    default:
      return copy_row<8>(n, to, to_stride, from, from_stride);
  }
}

/// Start of a layout that begins at index `start` and advances by `step` along every axis of one with `strides`.
std::pair<int64_t, Dims> sliced(const Dims& strides, const Dims& start, const Dims& step) {
  int64_t offset = 0;
  Dims result = strides;
  for (size_t d = 0; d < strides.size(); ++d) {
    offset += start[d] * strides[d];
    result[d] *= step[d];
  }
  return {offset, result};
}

void expand(const HostArray& x, HostArray& out) {
  const size_t item = itemsize(x.dtype), lead = out.shape.size() - x.shape.size();
  const Dims own = contiguous_strides(x.shape);
  Dims strides(out.shape.size(), 0);
  for (size_t d = 0; d < x.shape.size(); ++d)
    if (x.shape[d] == out.shape[lead + d]) strides[lead + d] = own[d];
  copy_strided(out.shape, item, out.bytes.data(), contiguous_strides(out.shape), x.bytes.data(), strides);
}

void flip(const HostArray& x, const Dims& axes, HostArray& out) {
  const size_t item = itemsize(x.dtype);
  Dims strides = contiguous_strides(x.shape);
  int64_t offset = 0;
  for (int64_t a : axes) {
    const size_t d = static_cast<size_t>(a);
    offset += (x.shape[d] - 1) * strides[d];
    strides[d] = -strides[d];
  }
  copy_strided(out.shape, item, out.bytes.data(), contiguous_strides(out.shape),
               x.bytes.data() + offset * static_cast<int64_t>(item), strides);
}

/// Writes `x` into `out` at `start`, every `step`.
void paste(const HostArray& x, const Dims& start, const Dims& step, HostArray& out) {
  if (x.bytes.empty()) return;
  const size_t item = itemsize(x.dtype);
  const auto [offset, strides] = sliced(contiguous_strides(out.shape), start, step);
  copy_strided(x.shape, item, out.bytes.data() + offset * static_cast<int64_t>(item), strides, x.bytes.data(),
               contiguous_strides(x.shape));
}

}  // namespace

void copy_strided(const Shape& shape, size_t item, std::byte* to, const Dims& to_strides, const std::byte* from,
                  const Dims& from_strides) {
  if (numel(shape) == 0) return;
  if (shape.empty()) {
    std::memcpy(to, from, item);
    return;
  }
  const size_t last = shape.size() - 1;
  const int64_t bytes = static_cast<int64_t>(item);
  Dims index(last, 0);
  for (;;) {
    copy_row(item, shape[last], to, to_strides[last], from, from_strides[last]);
    size_t d = last;
    for (;;) {  // to the next row: the last axis but one that has a next index moves on, those after it start again
      if (d == 0) return;
      --d;
      to += to_strides[d] * bytes;
      from += from_strides[d] * bytes;
      if (++index[d] < shape[d]) break;
      to -= to_strides[d] * bytes * shape[d];
      from -= from_strides[d] * bytes * shape[d];
      index[d] = 0;
    }
  }
}

HostArray transposed(const Node* n, const HostArray& x, const Dims& order) {
  const Dims strides = contiguous_strides(x.shape);
  Shape shape;
  Dims from;
  for (int64_t a : order) {
    shape.push_back(x.shape[static_cast<size_t>(a)]);
    from.push_back(strides[static_cast<size_t>(a)]);
  }
  HostArray out = allocate(n, x.dtype, shape);
  copy_strided(shape, itemsize(x.dtype), out.bytes.data(), contiguous_strides(shape), x.bytes.data(), from);
  return out;
}

void interpret_movement(const Node* n, Operands inputs, HostArray& out) {
  const HostArray& x = *inputs[0];
  if (out.bytes.empty()) return;
  const size_t item = itemsize(x.dtype);
  switch (n->op()) {
    case Op::reshape:
      out.bytes = x.bytes;
      return;
    case Op::permute:
      out.bytes = transposed(n, x, n->attr_as<AxesAttr>().axes).bytes;
      return;
    case Op::expand:
      return expand(x, out);
    case Op::flip:
      return flip(x, n->attr_as<AxesAttr>().axes, out);
    case Op::slice: {
      const SliceAttr& slice = n->attr_as<SliceAttr>();
      const auto [offset, strides] = sliced(contiguous_strides(x.shape), slice.start, slice.step);
      copy_strided(out.shape, item, out.bytes.data(), contiguous_strides(out.shape),
                   x.bytes.data() + offset * static_cast<int64_t>(item), strides);
      return;
    }
    case Op::windows: {
      const WindowDims& w = *n->attr_as<WindowAttr>().dims;
      Dims strides = contiguous_strides(x.shape);
      const size_t rank = x.shape.size(), lead = rank - w.size.size();
      for (size_t d = lead; d < rank; ++d) strides.push_back(strides[d] * w.dilation[d - lead]);
      for (size_t d = lead; d < rank; ++d) strides[d] *= w.step[d - lead];
      copy_strided(out.shape, item, out.bytes.data(), contiguous_strides(out.shape), x.bytes.data(), strides);
      return;
    }
    case Op::pad: {
      for (size_t i = 0; i < out.bytes.size(); i += item) std::memcpy(&out.bytes[i], inputs[1]->bytes.data(), item);
      return paste(x, n->attr_as<PadAttr>().low, Dims(x.shape.size(), 1), out);
    }
    case Op::concat: {
      Dims start(out.shape.size(), 0);
      const size_t axis = static_cast<size_t>(n->attr_as<AxesAttr>().axes[0]);
      for (const HostArray* part : inputs) {
        paste(*part, start, Dims(out.shape.size(), 1), out);
        start[axis] += part->shape[axis];
      }
      return;
    }
    case Op::slice_update: {
      const SliceAttr& slice = n->attr_as<SliceAttr>();
      out.bytes = x.bytes;
      return paste(*inputs[1], slice.start, slice.step, out);
    }
    default:
      throw Error(ErrorKind::Internal, "the interpreter has no case for " + std::string(name(n->op())));
  }
}

}  // namespace lazuli::ir
