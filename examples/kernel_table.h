// What the kernels of an evaluation did, as a table on standard output.
#pragma once
#include <lazuli/base/report.h>

#include <cstdio>
#include <span>

namespace examples {

inline void print_kernels(std::span<const lazuli::KernelReport> kernels) {
  std::printf("%-24s %-9s %9s %11s %14s\n", "kernel", "kind", "fused ops", "time", "share of peak");
  for (const lazuli::KernelReport& k : kernels)
    std::printf("%-24s %-9s %9d %8.3f ms %12.1f %%\n", k.name.c_str(), k.kind.c_str(), k.fused_ops, k.milliseconds,
                100 * k.peak_fraction);
}

}  // namespace examples
