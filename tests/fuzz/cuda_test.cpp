// Random graphs on the emulated device, each in one of four orders of threads and blocks.
#include <gtest/gtest.h>

#include "tests/cuda/emulated.h"
#include "tests/fuzz/fuzzer.h"

namespace lazuli::fuzz {
namespace {

TEST(FuzzCuda, DeviceEqualsInterpreted) {
  testing::use_emulator();
  const Options options{.seed = 4'000'000, .count = 60, .more = 0, .cuda = true};
  const Summary sum = fuzz(options, [](const std::string& text) { ADD_FAILURE() << text; });
  std::printf("%s\n", sum.str().c_str());
  EXPECT_EQ(sum.graphs, options.count);
}

}  // namespace
}  // namespace lazuli::fuzz
