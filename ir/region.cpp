#include "ir/region.h"

#include <algorithm>

namespace lazuli::ir {

std::string_view name(RegionKind k) {
  constexpr std::string_view names[] = {"map", "row", "contract", "sort", "scan", "attention", "scatter", "update"};
  return names[static_cast<size_t>(k)];
}

int64_t bytes_read(const Region& region, const Node* input) {
  if (input->op() == Op::argument) return 0;
  int64_t taken = 0;
  for (const Node* n : region.nodes)
    for (size_t i = 0; i < n->input_count(); ++i) {
      if (n->input(i) != input) continue;
      if (region.kind == RegionKind::Update && i == 0 && n == region.outputs[0]) continue;
      if (n->op() != Op::slice && (n->op() != Op::gather || i != 0)) return input->nbytes();
      taken += n->nbytes();
    }
  return std::min(taken, input->nbytes());
}

int64_t bytes_written(const Region& region, const Node* output) {
  return region.kind == RegionKind::Update ? output->input(1)->nbytes() : output->nbytes();
}

std::string_view name(Unfused r) {
  constexpr std::string_view names[] = {"graph_output",   "recompute", "reduced_elsewhere", "contraction",
                                        "space_mismatch", "indexed",   "op_limit",          "buffer_limit",
                                        "cycle",          "updated",   "disabled"};
  return names[static_cast<size_t>(r)];
}

}  // namespace lazuli::ir
