// What an evaluation did (part of the shared vocabulary): one entry per kernel launch, against the measured limits of
// the machine.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace lazuli {

struct KernelReport {
  std::string name;  // "row_softmax"
  std::string kind;  // "map", "row", "contract", "copy"
  std::string schedule;
  std::string klass;  // numerics class: "exact", "matrix_unit", "library"
  int fused_ops = 0;
  int64_t bytes = 0;  // read and written at least
  double flops = 0;
  double milliseconds = 0;
  double peak_fraction = 0;  // of what this machine was measured to do: max of bandwidth and arithmetic fraction
  double compile_ms = 0;
  bool cache_hit = false;
  std::string miss_reason;
};

struct Report {
  std::vector<KernelReport> kernels;  // empty when interpreted
  bool interpreted = false;           // by the reference interpreter instead of kernels
  bool program_hit = false;
  double plan_ms = 0, total_ms = 0;
  int64_t arena_bytes = 0, peak_bytes = 0;
};

}  // namespace lazuli
