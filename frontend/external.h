// Memory that belongs to somebody else, as a tensor: what from_blob and from_dlpack share.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "frontend/tensor_impl.h"

namespace lazuli {

struct ExternalMemory {
  std::string_view op;  // who asks, for messages
  void* data = nullptr;
  IntArrayRef sizes;
  std::optional<IntArrayRef> strides;  // in elements; absent: row-major
  DType dtype = kFloat32;
  Device device;
  std::shared_ptr<void> owner;  // let go of when nothing refers to the memory
  bool read_only = false;
};

/// Reads nothing of the memory. Throws for what is no tensor: negative or overflowing sizes, memory that cannot exist,
/// elements off their alignment, strides that no chain of views expresses.
Tensor tensor_over(ExternalMemory memory, const Location& loc);

/// Throws Error(Value) when the tensor's memory must not be written.
void check_may_write(const Storage& root, const Location& loc);

}  // namespace lazuli
