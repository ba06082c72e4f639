// Printing: the text that PyTorch gives for the same tensor. Printing observes the value, so it evaluates.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>

#include "lazuli/base/dtype.h"

namespace lazuli {

class Tensor;

struct PrintOptions {
  int precision = 4;         // digits after the point
  int64_t threshold = 1000;  // more elements than this are summarised
  int edge_items = 3;        // elements kept at each end of an axis when summarised
  int line_width = 80;
  std::optional<bool> sci_mode = std::nullopt;  // scientific notation: chosen by the values unless set
  bool torch_compatible = false;                // "torch." instead of "lazuli." before the name of a dtype
};

/// "tensor([1., 2.])", "tensor([[1, 2],\n        [3, 4]], dtype=lazuli.int32)".
std::string str(const Tensor& t, const PrintOptions& options = {});
std::ostream& operator<<(std::ostream& out, const Tensor& t);

/// "lazuli.float32"
std::string str(DType t, const PrintOptions& options = {});
/// "lazuli.Size([2, 3])"
std::string str_size(std::span<const int64_t> sizes, const PrintOptions& options = {});
/// A 0-d tensor as its number ("168.0", "3", "True": the shortest text that reads back the same); others as str().
std::string format_value(const Tensor& t, const PrintOptions& options = {});

}  // namespace lazuli
