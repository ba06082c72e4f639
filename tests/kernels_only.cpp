// Part of every test program: small work is not interpreted at first, because what is tested is kernels. This holds for
// contexts made from the environment; others leave the first tier off by default. LAZULI_FIRST_TIER=1 runs the same
// tests with it. Nor are schedules found that this machine's user has tuned.
#include <cstdlib>

namespace {

[[maybe_unused]] const int set = setenv("LAZULI_FIRST_TIER", "0", /*overwrite=*/0);
[[maybe_unused]] const int untuned = setenv("LAZULI_TUNED", "0", /*overwrite=*/0);

}  // namespace
