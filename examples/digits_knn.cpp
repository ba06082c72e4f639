// Tells handwritten digits apart by their nearest neighbour. All distances between 360 test and 1437 training digits
// are one line of broadcasting and one kernel: the 360 x 1437 x 64 differences never exist in memory.
#include <lazuli/lazuli.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "arguments.h"
#include "digits.h"
#include "kernel_table.h"

namespace lz = lazuli;

namespace {

constexpr const char* kHelp = R"(digits_knn: classifies handwritten digits by their nearest neighbour

  --data=FILE    gzip-compressed rows of 64 pixels and a label (default: examples/data/digits.csv.gz)
  --seed=N       shuffle that chooses which fifth is held out (default: 1)
  --pictures=N   how many test digits to draw (default: 6)
)";

/// Digits side by side, with what was said of each below.
void draw(const examples::Digits& digits, const std::vector<int64_t>& rows, const std::vector<int>& predicted) {
  constexpr char kShades[] = " .:-=+*#%";
  for (int y = 0; y < 8; ++y) {
    for (const int64_t row : rows) {
      for (int x = 0; x < 8; ++x) {
        const int value = static_cast<int>(digits.pixels[row * examples::kPixels + y * 8 + x]);
        const char c = kShades[value / 2];
        std::printf("%c%c", c, c);
      }
      std::printf("  ");
    }
    std::printf("\n");
  }
  for (const int64_t row : rows) {
    const bool right = predicted[row] == digits.labels[row];
    const std::string text = right ? "it is a " + std::to_string(predicted[row])
                                   : std::to_string(predicted[row]) + "? no, " + std::to_string(digits.labels[row]);
    std::printf("%-16s  ", text.c_str());
  }
  std::printf("\n\n");
}

int classify(const examples::Arguments& arguments) {
  const auto [test, train] = examples::hold_out_fifth(examples::read_digits(arguments.text("data")),
                                                      static_cast<uint32_t>(arguments.number("seed", 0, UINT32_MAX)));
  if (test.size() == 0 || train.size() == 0) throw std::runtime_error(arguments.text("data") + ": too few rows");
  std::printf("%lld test digits, %lld training digits\n\n", static_cast<long long>(test.size()),
              static_cast<long long>(train.size()));

  const lz::Tensor distances = examples::squared_distances(test.tensor(), train.tensor());
  const lz::Tensor nearest = distances.argmin(1);
  const lz::Report report = lz::profile(distances, nearest);

  std::vector<int> predicted;
  std::vector<int64_t> wrong;
  for (const int64_t neighbour : nearest.to_vector<int64_t>()) {
    const auto row = static_cast<int64_t>(predicted.size());
    predicted.push_back(train.labels[neighbour]);
    if (predicted.back() != test.labels[row]) wrong.push_back(row);
  }

  const int64_t pictures = std::min(arguments.number("pictures", 0, 1000000), test.size());
  for (int64_t first = 0; first < pictures; first += 6) {
    std::vector<int64_t> rows;
    for (int64_t row = first; row < std::min(first + 6, pictures); ++row) rows.push_back(row);
    draw(test, rows, predicted);
  }
  if (pictures > 0 && !wrong.empty()) {
    std::printf("mistaken, among others:\n");
    draw(test, {wrong.begin(), wrong.begin() + std::min<std::ptrdiff_t>(6, std::ssize(wrong))}, predicted);
  }

  examples::print_kernels(report.kernels);
  std::printf("\n");
  const double accuracy = 1 - static_cast<double>(wrong.size()) / static_cast<double>(test.size());
  std::printf("test accuracy: %.4f\n", accuracy);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("digits_knn", [&] {
    const examples::Arguments arguments(
        argc, argv, {{"data", LAZULI_EXAMPLE_DATA "/digits.csv.gz"}, {"seed", "1"}, {"pictures", "6"}});
    if (arguments.help()) {
      std::fputs(kHelp, stdout);
      return 0;
    }
    return classify(arguments);
  });
}
