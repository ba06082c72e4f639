// 20,000 random graphs, each under a sampled configuration.
#include <gtest/gtest.h>

#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/gradients.h"

namespace lazuli::fuzz {
namespace {

class FuzzLong : public ::testing::TestWithParam<int> {};

TEST_P(FuzzLong, CompiledEqualsInterpreted) {
  const Options options{.seed = 1'000'000 + static_cast<uint64_t>(GetParam()) * 1000, .count = 1000};
  std::printf("seeds from %llu\n", static_cast<unsigned long long>(options.seed));
  const Summary sum = fuzz(options, [](const std::string& text) { ADD_FAILURE() << text; });
  std::printf("%s\n", sum.str().c_str());
  EXPECT_EQ(sum.graphs, options.count);
}

TEST_P(FuzzLong, CompiledGradientsEqualInterpreted) {
  const Options options{.seed = 2'000'000 + static_cast<uint64_t>(GetParam()) * 1000, .count = 150, .gradients = true};
  const Summary sum = fuzz(options, [](const std::string& text) { ADD_FAILURE() << text; });
  std::printf("%s\n", sum.str().c_str());
  EXPECT_EQ(sum.graphs, options.count);
}

TEST_P(FuzzLong, CompiledAttentionEqualsInterpreted) {
  for (const bool gradients : {false, true}) {
    const Options options{.seed = 4'000'000 + static_cast<uint64_t>(GetParam()) * 1000,
                          .count = 100,
                          .gradients = gradients,
                          .attention = true};
    const Summary sum = fuzz(options, [](const std::string& text) { ADD_FAILURE() << text; });
    std::printf("%s\n", sum.str().c_str());
    EXPECT_EQ(sum.graphs, options.count);
  }
}

TEST_P(FuzzLong, SmoothGraphsAgreeWithDifferences) {
  const SmoothSummary sum = fuzz_smooth(3'000'000 + static_cast<uint64_t>(GetParam()) * 10000, 2000,
                                        [](const std::string& text) { ADD_FAILURE() << text; });
  EXPECT_EQ(sum.graphs, 2000);
}

INSTANTIATE_TEST_SUITE_P(Thousands, FuzzLong, ::testing::Range(0, 20));

}  // namespace
}  // namespace lazuli::fuzz
