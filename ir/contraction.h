// The matrices that a dot_general multiplies.
#pragma once
#include "ir/node.h"

namespace lazuli::ir {

/// Per batch index the operands are matrices: `rows` rows of `depth` on the left, `columns` rows of `depth` on the
/// right.
struct MatrixSizes {
  int64_t batch = 1, rows = 1, columns = 1, depth = 1;
  /// Which of the two trees of docs/numerics.md adds the products up: lanes where an operand is a vector, else blocks.
  /// (No products: both give +0.)
  bool in_lanes() const { return depth > 0 && (rows == 1 || columns == 1); }
};
MatrixSizes matrix_sizes(const Node* dot);

}  // namespace lazuli::ir
