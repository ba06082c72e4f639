// A contraction that a library can multiply: operands and result are elements of tensors as they are, and nothing else
// happens in the region.
#pragma once
#include <optional>

#include "codegen/schedule.h"

namespace lazuli::codegen {

/// result[b, r, c] = sum over k of left[b, r, k] * right[b, c, k]; columns of the result are consecutive in memory.
/// Numbers are in elements.
struct PlainProduct {
  struct Side {
    size_t input = 0;         // of the region
    int64_t offset = 0;       // of the first element
    bool along_depth = true;  // consecutive are its elements along the depth, else those of neighbouring rows (columns)
    int64_t stride = 0;       // from one such run to the next
    int64_t batch_stride = 0;
  };
  DType type = kFloat32;  // of operands and result
  int64_t batch = 1, rows = 1, columns = 1, depth = 1;
  Side left, right;
  int64_t result_offset = 0, result_stride = 0, result_batch_stride = 0;
  /// "bfloat16 4096x1024x4096 nt".
  std::string str() const;
};

/// Nothing where the region is more than that, or of types other than float32, float16 and bfloat16.
std::optional<PlainProduct> plain_product(const ir::Region& region, const LoweringOptions& options);

}  // namespace lazuli::codegen
