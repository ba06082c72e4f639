// 500 random graphs, each compiled under a sampled configuration, against the interpreter. See docs/testing.md.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "ir/text.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/gradients.h"

namespace lazuli::fuzz {
namespace {

constexpr uint64_t kSeed = 1;

/// Five parts, so that they run side by side.
class Fuzz : public ::testing::TestWithParam<int> {};

TEST_P(Fuzz, CompiledEqualsInterpreted) {
  const Options options{.seed = kSeed + static_cast<uint64_t>(GetParam()) * 100, .count = 100};
  std::printf("seeds from %llu\n", static_cast<unsigned long long>(options.seed));
  const Summary sum = fuzz(options, [](const std::string& text) { ADD_FAILURE() << text; });
  std::printf("%s\n", sum.str().c_str());
  EXPECT_EQ(sum.graphs, options.count);
}

/// Gradient graphs are graphs.
TEST(FuzzGradients, CompiledEqualsInterpreted) {
  const Options options{.seed = kSeed, .count = 40, .more = 8, .gradients = true};
  const Summary sum = fuzz(options, [](const std::string& text) { ADD_FAILURE() << text; });
  std::printf("%s\n", sum.str().c_str());
  EXPECT_EQ(sum.graphs, options.count);
}

/// Attention with every option, and its gradients between those of what stands around it.
TEST(FuzzAttention, CompiledEqualsInterpreted) {
  for (const bool gradients : {false, true}) {
    const Options options{.seed = kSeed, .count = 60, .more = 2, .gradients = gradients, .attention = true};
    const Summary sum = fuzz(options, [](const std::string& text) { ADD_FAILURE() << text; });
    std::printf("%s\n", sum.str().c_str());
    EXPECT_EQ(sum.graphs, options.count);
  }
}

TEST(FuzzGradients, SmoothGraphsAgreeWithDifferences) {
  const SmoothSummary sum = fuzz_smooth(kSeed, 400, [](const std::string& text) { ADD_FAILURE() << text; });
  EXPECT_EQ(sum.graphs, 400);
  EXPECT_GT(sum.judged, 380);
  EXPECT_GT(sum.nodes, 4000);
}

/// What was found stays: tests/fuzz/found holds the graph of every failure, reduced.
TEST(Found, StaysFixed) {
  int files = 0;
  Checker checker;
  for (const auto& entry : std::filesystem::directory_iterator(LAZULI_SOURCE_DIR "/tests/fuzz/found")) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    ir::Interner interner;
    const ir::Graph g = ir::parse(text, interner);
    for (uint64_t i = 0; i < 12; ++i) {
      const Config config = random_config(i);
      const auto wrong = checker.check(g, 1 + i, config);
      EXPECT_FALSE(wrong) << entry.path() << " under " << config.str() << ": " << *wrong;
    }
    ++files;
  }
  EXPECT_GT(files, 0);
}

INSTANTIATE_TEST_SUITE_P(Hundreds, Fuzz, ::testing::Range(0, 5));

}  // namespace
}  // namespace lazuli::fuzz
