// Memory of others as tensors. The root of a tensor with strides is the whole run of elements that they reach; the
// tensor is a view of it, so every rule of views holds.
#include "frontend/external.h"

#include <fmt/format.h>

#include "frontend/context.h"
#include "frontend/cuda.h"
#include "frontend/layout.h"
#include "lazuli/shape.h"

namespace lazuli {
namespace {

/// Elements from the first one to behind the last one that the strides reach.
int64_t extent(const ExternalMemory& m, const Location& loc) {
  __int128 last = 0;
  for (size_t d = 0; d < m.sizes.size(); ++d)
    last += static_cast<__int128>(m.sizes[d] - 1) * (m.strides ? (*m.strides)[d] : 0);
  if (last >= INT64_MAX / static_cast<int64_t>(itemsize(m.dtype)))
    throw Error(ErrorKind::Shape,
                fmt::format("{}: sizes {} with strides {} reach further than memory can", m.op, ir::str(m.sizes),
                            ir::str(*m.strides)),
                {}, loc);
  return static_cast<int64_t>(last) + 1;
}

void check_sizes(const ExternalMemory& m, const Location& loc) {
  if (!is_supported(m.dtype))
    throw Error(ErrorKind::Unsupported, fmt::format("{}: element type {} is not supported", m.op, name(m.dtype)),
                "convert it where the data comes from", loc);
  if (m.sizes.size() > ir::kMaxRank)
    throw Error(ErrorKind::Shape,
                fmt::format("{}: a tensor has at most {} axes, not {}", m.op, ir::kMaxRank, m.sizes.size()), {}, loc);
  for (const int64_t n : m.sizes)
    if (n < 0)
      throw Error(ErrorKind::Shape, fmt::format("{}: negative dimension {} in {}", m.op, n, ir::str(m.sizes)), {}, loc);
  const auto numel = ir::checked_numel(m.sizes);
  if (!numel || *numel > INT64_MAX / static_cast<int64_t>(itemsize(m.dtype)))
    throw Error(ErrorKind::Shape, fmt::format("{}: shape {} is too large", m.op, ir::str(m.sizes)), {}, loc);
  if (!m.strides) return;
  if (m.strides->size() != m.sizes.size())
    throw Error(ErrorKind::Shape, "mismatch in length of strides and shape",
                fmt::format("{}: sizes {}, strides {}", m.op, ir::str(m.sizes), ir::str(*m.strides)), loc);
  if (*numel == 0) return;
  for (size_t d = 0; d < m.sizes.size(); ++d)
    if ((*m.strides)[d] < 0 && m.sizes[d] > 1)
      throw Error(ErrorKind::Value,
                  fmt::format("{}: Negative strides are not supported at the moment, got strides: {}", m.op,
                              ir::str(*m.strides)),
                  "hand over the memory in ascending order, and flip() the tensor", loc);
}

void check_address(const ExternalMemory& m, int64_t elements, const Location& loc) {
  if (elements == 0) return;
  if (!m.data) throw Error(ErrorKind::Value, fmt::format("{}: null pointer", m.op), {}, loc);
  const auto address = reinterpret_cast<uintptr_t>(m.data);
  const size_t size = itemsize(m.dtype);
  if (address % size != 0)
    throw Error(
        ErrorKind::Value,
        fmt::format("{}: memory of {} begins at an address that is no multiple of {}", m.op, name(m.dtype), size),
        "copy the elements to aligned memory first", loc);
  if (address > UINTPTR_MAX - static_cast<uintptr_t>(elements) * size)
    throw Error(ErrorKind::Value, fmt::format("{}: {} elements do not fit behind the address", m.op, elements), {},
                loc);
}

std::shared_ptr<void> owner_of(void* data, std::function<void(void*)> deleter) {
  return deleter ? std::shared_ptr<void>(data, std::move(deleter)) : nullptr;
}

Tensor blob(void* data, IntArrayRef sizes, std::optional<IntArrayRef> strides, std::function<void(void*)> deleter,
            const TensorOptions& options, const Location& loc) {
  return as_wanted(tensor_over({.op = "from_blob",
                                .data = data,
                                .sizes = sizes,
                                .strides = strides,
                                .dtype = options.dtype(),
                                .device = options.device(),
                                .owner = owner_of(data, std::move(deleter))},
                               loc),
                   options, loc);
}

}  // namespace

Tensor tensor_over(ExternalMemory m, const Location& loc) {
  check_sizes(m, loc);
  const int64_t numel = ir::numel(ir::Shape(m.sizes));
  const bool plain = !m.strides || numel == 0 || is_row_major(ir::Dims(m.sizes), ir::Dims(*m.strides));
  const int64_t elements = plain ? numel : extent(m, loc);
  check_address(m, elements, loc);
  if (m.device.is_cuda()) need_cuda(m.op, m.device, loc);

  std::function<void()> release;
  if (m.owner) release = [owner = std::move(m.owner)]() mutable { owner.reset(); };
  auto buffer = std::make_shared<runtime::Buffer>(m.data, elements * static_cast<int64_t>(itemsize(m.dtype)),
                                                  std::move(release), /*external=*/true, m.device);
  ir::NodeSpec spec{.op = ir::Op::data, .attr = ir::LeafAttr{interner().next_leaf_id()}, .dtype = m.dtype};
  spec.shape = plain ? ir::Shape(m.sizes) : ir::Shape{elements};
  spec.device = m.device;
  spec.payload = buffer;
  auto leaf = make_node(std::move(spec), loc);
  const Tensor root = tensor_of(std::make_shared<Materialized>(Materialized{std::move(leaf), std::move(buffer)}), loc);
  root.impl()->root->read_only = m.read_only;
  if (plain) return root;
  ir::Dims strides(*m.strides);
  for (size_t d = 0; d < strides.size(); ++d)
    if (m.sizes[d] == 1) strides[d] = 1;
  return as_strided(root, m.sizes, {strides.data(), strides.size()}, 0, loc);
}

void check_may_write(const Storage& root, const Location& loc) {
  if (root.read_only)
    throw Error(ErrorKind::Value, "a tensor over read-only memory is being written",
                "write a clone() of it: who handed the memory over with DLPack forbids changing it", loc);
}

Tensor from_blob(void* data, IntArrayRef sizes, TensorOptions options, Location loc) {
  return blob(data, sizes, {}, nullptr, options, loc);
}
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, TensorOptions options, Location loc) {
  return blob(data, sizes, strides, nullptr, options, loc);
}
Tensor from_blob(void* data, IntArrayRef sizes, std::function<void(void*)> deleter, TensorOptions options,
                 Location loc) {
  return blob(data, sizes, {}, std::move(deleter), options, loc);
}
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, std::function<void(void*)> deleter,
                 TensorOptions options, Location loc) {
  return blob(data, sizes, strides, std::move(deleter), options, loc);
}

Tensor from_host(const void* data, IntArrayRef sizes, DType dtype, Location loc) {
  return wrap(host_leaf(data, ir::Shape(sizes), dtype, loc), loc);
}

}  // namespace lazuli
