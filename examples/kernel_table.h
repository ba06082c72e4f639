// What the kernels of an evaluation did, as a table on standard output.
#pragma once
#include <lazuli/base/report.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <vector>

namespace examples {

/// One row per kernel, in the order of first use; launches of one name are counted together.
inline void print_kernels(std::span<const lazuli::KernelReport> kernels) {
  struct Row {
    const lazuli::KernelReport* kernel;
    int launches;
    double milliseconds, share;  // share: weighted by time
  };
  std::vector<Row> rows;
  for (const lazuli::KernelReport& k : kernels) {
    Row* row = nullptr;
    for (Row& r : rows)
      if (r.kernel->name == k.name && r.kernel->fused_ops == k.fused_ops) row = &r;
    if (!row) row = &rows.emplace_back(Row{&k, 0, 0, 0});
    ++row->launches;
    row->milliseconds += k.milliseconds;
    row->share += k.peak_fraction * k.milliseconds;
  }
  int width = 24;
  for (const Row& r : rows) width = std::max(width, static_cast<int>(r.kernel->name.size()));
  std::printf("%-*s %-9s %9s %9s %11s %14s\n", width, "kernel", "kind", "fused ops", "launches", "time",
              "share of peak");
  for (const Row& r : rows)
    std::printf("%-*s %-9s %9d %9d %8.3f ms %12.1f %%\n", width, r.kernel->name.c_str(), r.kernel->kind.c_str(),
                r.kernel->fused_ops, r.launches, r.milliseconds,
                r.milliseconds > 0 ? 100 * r.share / r.milliseconds : 0.0);
}

}  // namespace examples
