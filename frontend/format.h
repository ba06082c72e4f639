// The text of an array of numbers, as PyTorch prints it. Knows nothing of tensors: a view of row-major elements.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "lazuli/base/device.h"
#include "lazuli/base/dtype.h"
#include "lazuli/print.h"

namespace lazuli {

/// Elements on the host; strides in elements, so that a view of any layout prints without a copy.
struct ArrayView {
  DType dtype;
  std::span<const int64_t> sizes, strides;
  const void* data;
};

/// "tensor(...)" with suffixes: device (unless CPU), size and dtype where PyTorch shows them, then `extra` in order.
std::string format_array(const ArrayView& a, Device device, std::span<const std::string> extra,
                         const PrintOptions& options);

/// Python's repr of one element: "168.0", "nan", "1e-05", "3", "True".
std::string format_element(DType dtype, const void* element);

}  // namespace lazuli
