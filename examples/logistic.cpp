// Tells benign from malignant tumours by logistic regression, fitted with Newton's method. The slope is a gradient, the
// curvature along a direction is a gradient of a gradient; both are compiled functions. Newton's equation is solved by
// conjugate gradients, so no matrix of second derivatives is ever formed.
#include <lazuli/lazuli.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "shuffle.h"

namespace lz = lazuli;
using lz::Tensor;

namespace {

constexpr const char* kHelp = R"(logistic: logistic regression by Newton's method

  --data=FILE    a line "rows,columns,names", then rows of measurements and a label 0 or 1
                 (default: examples/data/breast_cancer.csv)
  --seed=N       shuffle that chooses which fifth is held out (default: 1)
  --ridge=N      weight of the squared coefficients, in thousandths (default: 10)
  --device=NAME  where it is fitted: cpu, cuda, cuda:1 (default: cpu)
)";

struct Table {
  int64_t rows = 0, columns = 0;
  std::vector<double> values;  // measurements, row by row
  std::vector<double> labels;
};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == ',')
      fields.emplace_back();
    else if (c != '\r')
      fields.back() += c;
  }
  return fields;
}

Table read_table(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path);
  int64_t number = 1;
  const auto value = [&](const std::string& field) {
    double v = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), v);
    if (error != std::errc() || end != field.data() + field.size())
      throw std::runtime_error(path + ", line " + std::to_string(number) + ": \"" + field + "\" is not a number");
    return v;
  };
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> head = split(line);
  if (head.size() < 2) throw std::runtime_error(path + ", line 1: expected rows,columns,...");
  Table t;
  const auto rows = static_cast<int64_t>(value(head[0]));
  t.columns = static_cast<int64_t>(value(head[1]));
  while (std::getline(file, line)) {
    ++number;
    const std::vector<std::string> fields = split(line);
    if (static_cast<int64_t>(fields.size()) != t.columns + 1)
      throw std::runtime_error(path + ", line " + std::to_string(number) + ": expected " +
                               std::to_string(t.columns + 1) + " fields");
    for (int64_t c = 0; c < t.columns; ++c) t.values.push_back(value(fields[c]));
    t.labels.push_back(value(fields.back()));
    ++t.rows;
  }
  if (t.rows != rows || rows < 10) throw std::runtime_error(path + ": the number of rows is not what line 1 says");
  return t;
}

/// Rows chosen from the table: measurements with mean 0 and variance 1 over the training rows, and a column of ones.
struct Samples {
  Tensor x, labels;
};

std::pair<Samples, Samples> prepare(const Table& t, uint32_t seed, lz::Device device) {
  std::mt19937 random(seed);
  const Tensor x = lz::from_host(t.values.data(), {t.rows, t.columns}, lz::kFloat64);
  const Tensor labels = lz::from_host(t.labels.data(), {t.rows}, lz::kFloat64);
  const Tensor shuffled = lz::tensor(examples::shuffled(t.rows, random));
  const int64_t held_out = (t.rows + 4) / 5;
  const Tensor test = shuffled.narrow(0, 0, held_out), training = shuffled.narrow(0, held_out, t.rows - held_out);
  const Tensor seen = x.index_select(0, training), mean = seen.mean(0), deviation = seen.std(0);
  const auto chosen = [&](const Tensor& rows) {
    const Tensor scaled = (x.index_select(0, rows) - mean) / deviation;
    const Tensor ones = lz::ones({rows.numel(), 1}, lz::kFloat64);
    Samples s{lz::cat({scaled, ones}, 1).to(device), labels.index_select(0, rows).to(device)};
    lz::eval(s.x, s.labels);
    return s;
  };
  return {chosen(test), chosen(training)};
}

double product(const Tensor& a, const Tensor& b) {
  return dot(a, b).item<double>();
}

/// d with curvature(d) = slope, by conjugate gradients.
template <class Curvature>
Tensor solve(const Curvature& curvature, const Tensor& slope) {
  Tensor d = zeros_like(slope), rest = slope, direction = slope;
  double size = product(rest, rest);
  const double enough = 1e-24 * size;
  for (int64_t i = 0; i < 4 * slope.numel() && size > enough; ++i) {
    const Tensor bent = curvature(direction);
    const double step = size / product(direction, bent);
    d = d + step * direction;
    rest = rest - step * bent;
    const double next = product(rest, rest);
    direction = rest + next / size * direction;
    size = next;
  }
  return d;
}

double accuracy(const Tensor& theta, const Samples& s) {
  const Tensor right = eq(gt(matmul(s.x, theta), 0), s.labels.to(lz::kBool));
  return right.to(lz::kFloat64).mean().item<double>();
}

int fit(const examples::Arguments& arguments) {
  const double ridge = 1e-3 * static_cast<double>(arguments.number("ridge", 0, 1000000));
  const auto seed = static_cast<uint32_t>(arguments.number("seed", 0, UINT32_MAX));
  const lz::Device device(arguments.text("device"));
  const auto [test, training] = prepare(read_table(arguments.text("data")), seed, device);
  std::printf("%lld test rows, %lld training rows, %lld measurements each\n\n", static_cast<long long>(test.x.size(0)),
              static_cast<long long>(training.x.size(0)), static_cast<long long>(training.x.size(1) - 1));

  const auto objective = [&, x = training.x, labels = training.labels](const Tensor& theta) {
    return binary_cross_entropy_with_logits(matmul(x, theta), labels) + ridge / 2 * theta.square().sum();
  };
  auto slope = lz::compile([&](Tensor theta) { return lz::value_and_grad(objective)(theta); });
  auto curvature = lz::compile([&](Tensor theta, Tensor along) {
    return lz::grad([&](const Tensor& t) { return (lz::grad(objective)(t) * along).sum(); })(theta);
  });

  Tensor theta = lz::zeros({training.x.size(1)}, lz::kFloat64).to(device);
  double steepness = 1;
  for (int step = 0; step < 30 && steepness > 1e-10; ++step) {
    const auto [loss, gradient] = slope(theta);
    steepness = gradient.norm().item<double>();
    std::printf("step %d: loss %.10f, slope %.2e\n", step, loss.item<double>(), steepness);
    theta = theta - solve([&](const Tensor& d) { return curvature(theta, d); }, gradient);
  }
  if (!(steepness <= 1e-10)) throw std::runtime_error("Newton's method did not settle");
  std::printf("\naccuracy on the training rows: %.4f\ntest accuracy: %.4f\n", accuracy(theta, training),
              accuracy(theta, test));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("logistic", [&] {
    const examples::Arguments arguments(
        argc, argv,
        {{"data", LAZULI_EXAMPLE_DATA "/breast_cancer.csv"}, {"seed", "1"}, {"ridge", "10"}, {"device", "cpu"}});
    if (arguments.help()) {
      std::fputs(kHelp, stdout);
      return 0;
    }
    return fit(arguments);
  });
}
