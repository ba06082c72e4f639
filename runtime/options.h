// Options of one evaluation, and of the context. Plain data, passed down explicitly. docs/options.md lists the
// environment variables that set the context's defaults.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace lazuli::runtime {

/// Runs body(i) for i in [0, n) on whatever pool the user has.
using ParallelFor = std::function<void(int64_t n, const std::function<void(int64_t)>& body)>;

struct EvalOptions {
  bool fuse = true;
  int num_threads = 0;     // 0: the context's setting
  int vector_bits = 0;     // 0: the target's; 128, 256, 512 force
  bool profile = false;
  bool interpret = false;  // run the reference interpreter instead of kernels (LAZULI_EAGER, tests)
  bool verify_passes = false;
  bool check_nan = false;
};

}  // namespace lazuli::runtime
