#include "ir/reduction.h"

namespace lazuli::ir {

IndexVec reduction_operand_index(const Node* n, const IndexVec& index, std::span<const IndexId> reduced_axes) {
  const Shape& from = n->input(0)->shape();
  std::vector<bool> reduced(from.size());
  for (int64_t a : n->attr_as<AxesAttr>().axes) reduced[static_cast<size_t>(a)] = true;
  IndexVec out(from.size());
  size_t kept = 0, next = 0;
  for (size_t d = 0; d < from.size(); ++d)
    out[d] = !reduced[d] ? index[kept++] : from[d] == 1 ? IndexId{0} : reduced_axes[next++];
  return out;
}

}  // namespace lazuli::ir
