// Options of one evaluation. Plain data, passed down explicitly; part of the vocabulary that every layer shares.
// docs/options.md lists the environment variables that set the defaults.
#pragma once

namespace lazuli {

struct EvalOptions {
  bool fuse = true;
  int num_threads = 0;  // 0: the context's setting
  int vector_bits = 0;  // 0: the target's; 128, 256, 512 force
  bool profile = false;
  bool interpret = false;  // run the reference interpreter instead of kernels (LAZULI_EAGER, tests)
  bool first_tier = true;  // small work may be interpreted until its kernels pay (LAZULI_FIRST_TIER)
  bool verify_passes = false;
  bool check_nan = false;
  /// profile: launches of each kernel on the CPU, whose mean is reported. One where a kernel writes over what it reads.
  int profile_repeats = 1;
};

}  // namespace lazuli
