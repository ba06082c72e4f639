// Graphs whose kernels cover every family that the CUDA backend emits, at sizes around every boundary of its schedules.
#pragma once
#include <string>
#include <vector>

namespace lazuli::testing {

struct Family {
  std::string name;
  std::string text;  // of a graph on the CPU
};

inline constexpr const char* kFamilyGroups[] = {"maps",  "moves",        "reductions", "rows",
                                                "scans", "contractions", "sorts",      "scatters"};
/// With `small`, each family once at one size: what is compiled for real architectures.
std::vector<Family> kernel_families(const std::string& group, bool small);

}  // namespace lazuli::testing
