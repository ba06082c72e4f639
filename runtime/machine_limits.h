// What this machine can do, measured: the yardstick of every report. Takes about 100 ms, once per process, when a
// report asks for it.
#pragma once
#include <string>
#include <vector>

#include "runtime/thread_pool.h"

namespace lazuli::runtime {

/// Bytes per nanosecond (GB/s) over a working set of this size.
struct Bandwidth {
  int64_t working_set = 0;
  double read = 0, copy = 0;  // copy counts bytes read and bytes written
};

struct MachineLimits {
  int threads = 1;
  std::vector<Bandwidth> levels;  // ascending working sets: L2, L3, memory
  double fma_float32 = 0;         // operations per nanosecond (GF/s); an fma is two

  /// Nanoseconds that this much traffic takes at least. Writing costs what copying costs beyond reading.
  double traffic_ns(int64_t bytes_read, int64_t bytes_written) const;
  /// Fraction of the limit that a kernel reached: the larger of traffic and arithmetic.
  double fraction(int64_t bytes_read, int64_t bytes_written, double flops, double nanoseconds) const;
  std::string str() const;
};

/// Measures with as many threads of the pool as `threads`. `l2`, `l3`: cache sizes in bytes.
MachineLimits measure_limits(ThreadPool& pool, int threads, int64_t l2, int64_t l3);

}  // namespace lazuli::runtime
