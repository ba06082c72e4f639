// Tells handwritten digits apart by their nearest neighbour. All distances between 360 test and 1437 training digits
// are one line of broadcasting and one kernel: the 360 x 1437 x 64 differences never exist in memory.
#include <lazuli/lazuli.h>

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
  --device=NAME  where distances are computed: cpu, cuda, cuda:1 (default: cpu)
)";

int classify(const examples::Arguments& arguments) {
  const auto [test, train] = examples::hold_out_fifth(examples::read_digits(arguments.text("data")),
                                                      static_cast<uint32_t>(arguments.number("seed", 0, UINT32_MAX)));
  if (test.size() == 0 || train.size() == 0) throw std::runtime_error(arguments.text("data") + ": too few rows");
  std::printf("%lld test digits, %lld training digits\n\n", static_cast<long long>(test.size()),
              static_cast<long long>(train.size()));

  const lz::Device device(arguments.text("device"));
  const lz::Tensor distances = examples::squared_distances(test.tensor().to(device), train.tensor().to(device));
  const lz::Tensor nearest = distances.argmin(1);
  const lz::Report report = lz::profile(distances, nearest);

  std::vector<int> predicted;
  for (const int64_t neighbour : nearest.to_vector<int64_t>()) predicted.push_back(train.labels[neighbour]);
  examples::draw_predictions(test, predicted, arguments.number("pictures", 0, 1000000));

  examples::print_kernels(report.kernels);
  std::printf("\n");
  std::printf("test accuracy: %.4f\n", examples::accuracy(predicted, test));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("digits_knn", [&] {
    const examples::Arguments arguments(
        argc, argv,
        {{"data", LAZULI_EXAMPLE_DATA "/digits.csv.gz"}, {"seed", "1"}, {"pictures", "6"}, {"device", "cpu"}});
    if (arguments.help()) {
      std::fputs(kHelp, stdout);
      return 0;
    }
    return classify(arguments);
  });
}
