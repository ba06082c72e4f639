// Trains a small network on handwritten digits. One training step (gather a batch, forward, backward, Adam) is one
// compiled function; its kernels are the table at the end.
#include "digits.h"

#include <lazuli/lazuli.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "arguments.h"
#include "kernel_table.h"
#include "progress.h"

namespace lz = lazuli;
using lz::Tensor;

namespace {

constexpr const char* kHelp = R"(digits: trains a 64-128-10 network on handwritten digits

  --data=FILE    gzip-compressed rows of 64 pixels and a label (default: examples/data/digits.csv.gz)
  --seed=N       which fifth is held out, the first weights, the order of batches (default: 1)
  --epochs=N     passes over the training digits (default: 40)
  --batch=N      digits per step (default: 48)
  --pictures=N   how many test digits to draw (default: 6)
  --device=NAME  where it learns: cpu, cuda, cuda:1 (default: cpu)
)";

struct Mlp {
  Tensor w1, b1, w2, b2;
};
using Adam = lz::optim::AdamState<Mlp>;

Mlp random_mlp() {
  const double first = std::sqrt(2.0 / 64), second = std::sqrt(2.0 / 128);
  return {lz::randn({64, 128}) * first, lz::zeros({128}), lz::randn({128, 10}) * second, lz::zeros({10})};
}

Tensor logits(const Mlp& m, const Tensor& x) {
  return matmul(relu(matmul(x, m.w1) + m.b1), m.w2) + m.b2;
}

Tensor loss(const Mlp& m, const Tensor& x, const Tensor& labels) {
  return cross_entropy(logits(m, x), labels);
}

/// The network and the optimiser after one batch, and the loss before it.
std::tuple<Mlp, Adam, Tensor> train(Mlp m, Adam state, Tensor x, Tensor labels, Tensor batch) {
  const auto [l, gradient] = lz::value_and_grad(loss)(m, x.index_select(0, batch), labels.index_select(0, batch));
  auto [next, next_state] = lz::optim::adam(m, gradient, state, 2e-3);
  return {next, next_state, l};
}

Tensor label_tensor(const examples::Digits& digits) {
  return lz::tensor(std::vector<int64_t>(digits.labels.begin(), digits.labels.end()));
}

Mlp on(lz::Device device, const Mlp& m) {
  return lz::tree_map([&](const Tensor& t) { return t.to(device); }, m);
}

std::vector<int> predict(const Mlp& m, const examples::Digits& digits) {
  const Tensor best = logits(m, digits.tensor().to(m.w1.device()) / 16).argmax(1);
  const std::vector<int64_t> classes = best.to_vector<int64_t>();
  return {classes.begin(), classes.end()};
}

/// Of every bit of every weight: the same on every run, for any number of threads.
unsigned long digest(const Mlp& m) {
  uLong sum = crc32(0, nullptr, 0);
  for (const Tensor& t : lz::tree_leaves(on(lz::kCPU, m)))
    sum = crc32(sum, static_cast<const Bytef*>(t.const_data_ptr()), static_cast<uInt>(t.nbytes()));
  return sum;
}

int learn(const examples::Arguments& arguments) {
  const auto seed = static_cast<uint32_t>(arguments.number("seed", 0, UINT32_MAX));
  const auto [test, training] = examples::hold_out_fifth(examples::read_digits(arguments.text("data")), seed);
  const lz::Device device(arguments.text("device"));
  const int64_t epochs = arguments.number("epochs", 1, 100000), batch = arguments.number("batch", 1, 100000);
  if (test.size() == 0 || training.size() < batch) throw std::runtime_error(arguments.text("data") + ": too few rows");
  std::printf("%lld test digits, %lld training digits\n\n", static_cast<long long>(test.size()),
              static_cast<long long>(training.size()));

  const auto start = std::chrono::steady_clock::now();
  lz::manual_seed(seed);
  Mlp m = on(device, random_mlp());
  Adam state = lz::optim::adam_state(m);
  const Tensor x = training.tensor().to(device) / 16, labels = label_tensor(training).to(device);
  auto step = lz::compile(train, {.donate = {0, 1}});

  std::mt19937 random(seed);
  std::vector<int64_t> order = examples::shuffled(training.size(), random);
  const examples::Progress progress(epochs, "epochs");
  for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
    examples::shuffle(order, random);
    const Tensor shuffled = lz::tensor(order).to(device);
    Tensor last;
    for (int64_t at = 0; at + batch <= training.size(); at += batch)
      std::tie(m, state, last) = step(std::move(m), std::move(state), x, labels, shuffled.narrow(0, at, batch));
    if (!progress.due(epoch)) continue;
    char note[64];
    std::snprintf(note, sizeof note, "loss %.4f", last.item<double>());
    progress.show(epoch, note);
  }
  std::printf("digest of the weights: %08lx\n", digest(m));
  const std::vector<int> learned = predict(m, training), predicted = predict(m, test);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("trained in %.2f s; accuracy on the training digits: %.4f\n\n", seconds.count(),
              examples::accuracy(learned, training));

  examples::draw_predictions(test, predicted, arguments.number("pictures", 0, 1000000));
  const auto [m2, s2, l] = train(m, state, x, labels, lz::tensor(order).to(device).narrow(0, 0, batch));
  std::printf("kernels of one step:\n");
  examples::print_kernels(lz::profile(lz::tree_leaves(std::tuple(m2, s2, l))).kernels);
  std::printf("\ntest accuracy: %.4f\n", examples::accuracy(predicted, test));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("digits", [&] {
    const examples::Arguments arguments(argc, argv,
                                        {{"data", LAZULI_EXAMPLE_DATA "/digits.csv.gz"},
                                         {"seed", "1"},
                                         {"epochs", "40"},
                                         {"batch", "48"},
                                         {"pictures", "6"},
                                         {"device", "cpu"}});
    if (arguments.help()) {
      std::fputs(kHelp, stdout);
      return 0;
    }
    return learn(arguments);
  });
}
