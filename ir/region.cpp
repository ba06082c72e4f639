#include "ir/region.h"

namespace lazuli::ir {

std::string_view name(RegionKind k) {
  constexpr std::string_view names[] = {"map", "row", "contract"};
  return names[static_cast<size_t>(k)];
}

std::string_view name(Unfused r) {
  constexpr std::string_view names[] = {"graph_output", "recompute",      "reduced_elsewhere",
                                        "contraction",  "space_mismatch", "op_limit",
                                        "buffer_limit", "cycle",          "disabled"};
  return names[static_cast<size_t>(r)];
}

}  // namespace lazuli::ir
