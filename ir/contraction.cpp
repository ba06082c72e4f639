#include "ir/contraction.h"

#include <algorithm>

namespace lazuli::ir {

MatrixSizes matrix_sizes(const Node* dot) {
  const DotDims& d = *dot->attr_as<DotAttr>().dims;
  const auto free_extent = [&](const Node* operand, const Dims& batch, const Dims& contract) {
    int64_t n = 1;
    for (size_t a = 0; a < operand->rank(); ++a) {
      const auto axis = static_cast<int64_t>(a);
      const auto named = [&](const Dims& axes) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); };
      if (!named(batch) && !named(contract)) n *= operand->shape()[a];
    }
    return n;
  };
  const Node *lhs = dot->input(0), *rhs = dot->input(1);
  MatrixSizes s;
  for (int64_t a : d.lhs_batch) s.batch *= lhs->shape()[static_cast<size_t>(a)];
  for (int64_t a : d.lhs_contract) s.depth *= lhs->shape()[static_cast<size_t>(a)];
  s.rows = free_extent(lhs, d.lhs_batch, d.lhs_contract);
  s.columns = free_extent(rhs, d.rhs_batch, d.rhs_contract);
  return s;
}

}  // namespace lazuli::ir
