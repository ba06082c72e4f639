// Part of every test program: small work is not interpreted at first, because what is tested is kernels. This holds for
// contexts made from the environment; others leave the first tier off by default. LAZULI_FIRST_TIER=1 runs the same
// tests with it.
#include <cstdlib>

namespace {

[[maybe_unused]] const int set = setenv("LAZULI_FIRST_TIER", "0", /*overwrite=*/0);

}  // namespace
