// The distances of digits_knn: right, one kernel, and no array of all differences anywhere.
#include "examples/digits.h"

#include <gtest/gtest.h>
#include <lazuli/lazuli.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace {

namespace lz = lazuli;

constexpr const char* kData = LAZULI_SOURCE_DIR "/examples/data/digits.csv.gz";

std::pair<examples::Digits, examples::Digits> digits() {
  return examples::hold_out_fifth(examples::read_digits(kData), 1);
}

TEST(Digits, AreReadAndSplit) {
  const examples::Digits all = examples::read_digits(kData);
  ASSERT_EQ(all.size(), 1797);
  EXPECT_EQ(all.labels[0], 0);
  EXPECT_EQ(all.pixels[2], 5.f);
  const auto [test, train] = digits();
  EXPECT_EQ(test.size(), 360);
  EXPECT_EQ(train.size(), 1437);
}

TEST(Digits, DistancesAreOneKernelAndNoArrayOfDifferences) {
  const auto [test, train] = digits();
  const lz::Tensor a = test.tensor(), b = train.tensor();
  lz::eval(a, b);
  const lz::MemoryStats before = lz::memory_stats();
  const lz::Tensor distances = examples::squared_distances(a, b);
  const lz::Report report = lz::profile(distances);
  const lz::MemoryStats after = lz::memory_stats();

  ASSERT_EQ(report.kernels.size(), 1u) << lz::explain(examples::squared_distances(a, b));
  const int64_t result = 360 * 1437 * 4;
  EXPECT_GE(after.live_bytes - before.live_bytes, result);
  EXPECT_LT(after.live_bytes - before.live_bytes, 2 * result);
  // Nor was it there in between: 360 * 1437 * 64 floats would be 64 times the result.
  EXPECT_LT(report.peak_bytes - before.live_bytes, 2 * result);
  EXPECT_LT(report.arena_bytes, result);
  EXPECT_LT(report.kernels[0].bytes, 2 * result);

  // Whole numbers below 2^24: sums of their squares are exact.
  const std::vector<float> got = distances.to_vector<float>();
  for (const int64_t i : {0, 17, 359})
    for (int64_t j = 0; j < train.size(); ++j) {
      float expected = 0;
      for (int64_t k = 0; k < examples::kPixels; ++k) {
        const float d = test.pixels[i * examples::kPixels + k] - train.pixels[j * examples::kPixels + k];
        expected += d * d;
      }
      ASSERT_EQ(got[i * train.size() + j], expected) << i << " " << j;
    }
}

TEST(Digits, BadFilesAreErrors) {
  EXPECT_THROW(examples::read_digits("/nonexistent.csv.gz"), std::runtime_error);
  const auto path = (std::filesystem::temp_directory_path() / ("digits_test_" + std::to_string(::getpid()))).string();
  std::ifstream data(kData, std::ios::binary);
  std::string whole((std::istreambuf_iterator<char>(data)), std::istreambuf_iterator<char>());
  std::string row;
  for (int i = 0; i < 64; ++i) row += "1,";
  const std::string cases[] = {
      whole.substr(0, whole.size() / 2), row + "x\n", row + "\n", row + "10\n", "1,2\n", row + "1,1\n", "\n"};
  for (const std::string& text : cases) {
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_THROW(examples::read_digits(path), std::runtime_error) << text.substr(0, 200);
  }
  std::ofstream(path, std::ios::binary) << row << "7";
  EXPECT_EQ(examples::read_digits(path).labels.at(0), 7);
  std::filesystem::remove(path);
}

}  // namespace
