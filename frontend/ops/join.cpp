// Joining and splitting.
#include "lazuli/join.h"

#include <fmt/format.h>

#include "frontend/apply.h"
#include "frontend/build.h"
#include "frontend/promote.h"

namespace lazuli {
namespace {

using ir::NodeRef;
using ir::Op;
using ir::Shape;

/// Values of the list, converted to the type they promote to together.
std::vector<NodeRef> promoted(TensorList tensors, const Location& loc) {
  ResultType type;
  for (const Tensor& t : tensors) type.add_tensor(t.dtype(), t.dim() == 0);
  std::vector<NodeRef> parts;
  for (const Tensor& t : tensors) parts.push_back(cast_to(node_of(t), type.get(), loc));
  for (const NodeRef& p : parts)
    if (p->device() != parts[0]->device())
      throw Error(
          ErrorKind::Device,
          fmt::format("Expected all tensors to be on the same device, but found at least two devices, {} and {}!",
                      parts[0]->device().str(), p->device().str()),
          "move one of them with to()", loc);
  return parts;
}

/// A 1-D tensor without elements joins with anything, as in PyTorch.
bool skipped(const NodeRef& x) {
  return x->rank() == 1 && x->numel() == 0;
}

NodeRef cat_node(TensorList tensors, int64_t dim, const Location& loc) {
  if (tensors.empty()) throw Error(ErrorKind::Value, "torch.cat(): expected a non-empty list of Tensors", {}, loc);
  const std::vector<NodeRef> all = promoted(tensors, loc);
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i]->rank() == 0)
      throw Error(ErrorKind::Shape, fmt::format("zero-dimensional tensor (at position {}) cannot be concatenated", i),
                  "use stack", loc);
  std::vector<NodeRef> parts;
  const ir::Node* first = nullptr;
  size_t axis = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const NodeRef& x = all[i];
    if (skipped(x)) continue;
    if (!first) {
      first = x.get();
      axis = static_cast<size_t>(wrap_dim(dim, static_cast<int64_t>(x->rank()), loc));
    }
    if (x->rank() != first->rank())
      throw Error(ErrorKind::Shape,
                  fmt::format("Tensors must have same number of dimensions: got {} and {}", first->rank(), x->rank()),
                  fmt::format("cat of shapes {} and {}", ir::str(first->shape()), ir::str(x->shape())), loc);
    for (size_t d = 0; d < x->rank(); ++d)
      if (d != axis && x->shape()[d] != first->shape()[d])
        throw Error(
            ErrorKind::Shape,
            fmt::format("Sizes of tensors must match except in dimension {}. Expected size {} but got size {} for "
                        "tensor number {} in the list.",
                        axis, first->shape()[d], x->shape()[d], i),
            fmt::format("cat of shapes {} and {} along axis {}", ir::str(first->shape()), ir::str(x->shape()), axis),
            loc);
    parts.push_back(x);
  }
  if (parts.empty()) {
    wrap_dim(dim, 1, loc);
    return all[0];
  }
  return parts.size() == 1 ? parts[0] : Build(loc).concat(parts, static_cast<int64_t>(axis));
}

NodeRef stack_node(TensorList tensors, int64_t dim, const Location& loc) {
  if (tensors.empty()) throw Error(ErrorKind::Value, "stack expects a non-empty TensorList", {}, loc);
  std::vector<NodeRef> parts = promoted(tensors, loc);
  for (size_t i = 1; i < parts.size(); ++i)
    if (!(parts[i]->shape() == parts[0]->shape()))
      throw Error(ErrorKind::Shape,
                  fmt::format("stack expects each tensor to be equal size, but got {} at entry 0 and {} at entry {}",
                              ir::str(parts[0]->shape()), ir::str(parts[i]->shape()), i),
                  {}, loc);
  const int64_t axis = wrap_dim(dim, static_cast<int64_t>(parts[0]->rank()) + 1, loc);
  Shape shape = parts[0]->shape();
  shape.insert(static_cast<size_t>(axis), 1);
  const Build b(loc);
  for (NodeRef& p : parts) p = b.reshape(p, shape);
  return b.concat(parts, axis);
}

}  // namespace

Tensor cat(TensorList tensors, int64_t dim, Location loc) {
  return wrap(cat_node(tensors, dim, loc), loc);
}
Tensor concat(TensorList tensors, int64_t dim, Location loc) {
  return wrap(cat_node(tensors, dim, loc), loc);
}
Tensor stack(TensorList tensors, int64_t dim, Location loc) {
  return wrap_result(stack_node(tensors, dim, loc), loc);
}

std::vector<Tensor> split(const Tensor& x, int64_t split_size, int64_t dim, Location loc) {
  if (x.dim() == 0) throw Error(ErrorKind::Shape, "split expects at least a 1-dimensional tensor", {}, loc);
  const int64_t axis = wrap_dim(dim, x.dim(), loc), size = x.size(axis);
  if (split_size < 0)
    throw Error(ErrorKind::Value,
                fmt::format("split expects split_size be non-negative, but got split_size={}", split_size), {}, loc);
  if (split_size == 0 && size != 0)
    throw Error(ErrorKind::Value,
                fmt::format("split_size can only be 0 if dimension size is 0, but got dimension size of {}", size), {},
                loc);
  std::vector<Tensor> parts;
  int64_t at = 0;
  do {
    const int64_t length = std::min(split_size, size - at);
    parts.push_back(x.narrow(axis, at, length, loc));
    at += split_size;
  } while (at < size);
  return parts;
}

std::vector<Tensor> chunk(const Tensor& x, int64_t chunks, int64_t dim, Location loc) {
  if (x.dim() == 0) throw Error(ErrorKind::Shape, "chunk expects at least a 1-dimensional tensor", {}, loc);
  if (chunks <= 0)
    throw Error(ErrorKind::Value, fmt::format("chunk expects `chunks` to be greater than 0, got: {}", chunks), {}, loc);
  const int64_t size = x.size(wrap_dim(dim, x.dim(), loc));
  return split(x, (size + chunks - 1) / chunks, dim, loc);
}

std::vector<Tensor> unbind(const Tensor& x, int64_t dim, Location loc) {
  const int64_t axis = wrap_dim(dim, x.dim(), loc);
  if (x.dim() == 0) throw Error(ErrorKind::Shape, "Dimension specified as 0 but tensor has no dimensions", {}, loc);
  std::vector<Tensor> parts;
  for (int64_t i = 0, n = x.size(axis); i < n; ++i) parts.push_back(x.select(axis, i, loc));
  return parts;
}

}  // namespace lazuli
