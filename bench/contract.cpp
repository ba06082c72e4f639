#include "contract.h"

#include <lazuli/lazuli.h>

#include <array>
#include <cmath>
#include <random>
#include <stdexcept>

#include "rounds.h"

namespace bench {

namespace lz = lazuli;

/// One size: operands (the left one twice, so that no product is taken from the one before) and a result that exists.
struct ContractCases::Case {
  std::string name;
  int64_t n;
  bool epilogue;
  std::array<lz::Tensor, 2> a;
  lz::Tensor b, bias, residual, out;
  Memory c;
  int turn = 0;
  int64_t allocations = 0;
  std::vector<std::string> series;

  Case(std::string case_name, int64_t size, bool has_epilogue)
      : name(std::move(case_name)), n(size), epilogue(has_epilogue), c(allocate(size * size)) {
    std::mt19937 random(5);
    std::vector<float> host(static_cast<size_t>(n * n));
    const auto fill = [&](const std::vector<int64_t>& shape, int64_t count) {
      for (int64_t i = 0; i < count; ++i)
        host[static_cast<size_t>(i)] = static_cast<float>(static_cast<double>(random()) / 2147483648.0 - 1);
      return lz::from_host(host.data(), shape, lz::kFloat32);
    };
    for (auto& x : a) {
      random.seed(5);
      x = fill({n, n}, n * n);
    }
    b = fill({n, n}, n * n);
    bias = fill({n}, n);
    residual = fill({n, n}, n * n);
    out = lz::zeros({n, n}) + lz::zeros({1}).sum();
    lz::eval(out);
  }

  /// The product and, if `how` is not null, gelu of that form after a bias, and a residual; written into `out`.
  void write(const char* how) {
    turn ^= 1;
    const lz::Tensor product = lz::matmul(a[static_cast<size_t>(turn)], b);
    out.copy_(how ? lz::gelu(product + bias, how) + residual : product);
  }
  double kernel_time(const char* how) {
    write(how);
    const int64_t before = lz::memory_stats().allocations;
    const lz::Report report = lz::profile(out);
    allocations += lz::memory_stats().allocations - before;
    double sum = 0;
    for (const auto& k : report.kernels) sum += k.milliseconds;
    return sum;
  }
  void run(const Library& library) {
    turn ^= 1;
    library.multiply(a[static_cast<size_t>(turn)].const_data_ptr<float>(), b.const_data_ptr<float>(), c.get(), n);
    if (epilogue) eigen_epilogue(c.get(), bias.const_data_ptr<float>(), residual.const_data_ptr<float>(), n);
  }
};

ContractCases::ContractCases(const std::string& filter) {
  const auto wanted = [&](const std::string& name) { return name.find(filter) != std::string::npos; };
  for (const int64_t n : {512, 1024, 2048})
    if (const std::string name = "contract/sgemm/" + std::to_string(n); wanted(name))
      cases_.push_back(std::make_unique<Case>(name, n, false));
  if (const std::string name = "contract/sgemm_epilogue/1024"; wanted(name))
    cases_.push_back(std::make_unique<Case>(name, 1024, true));
  if (!cases_.empty()) libraries_ = matrix_libraries();
}

ContractCases::~ContractCases() = default;

bool ContractCases::empty() const {
  return cases_.empty();
}

void ContractCases::check() {
  for (const auto& c : cases_) {
    const int64_t n = c->n;
    const float *a = c->a[0].const_data_ptr<float>(), *b = c->b.const_data_ptr<float>(),
                *bias = c->bias.const_data_ptr<float>(), *residual = c->residual.const_data_ptr<float>();
    // Some rows say enough: every kernel computes all rows alike.
    std::vector<int64_t> rows;
    for (int64_t r = 0; r < n; r += n / 13) rows.push_back(r);
    rows.push_back(n - 1);
    const auto compare = [&](const std::string& who, const float* got, bool erf) {
      for (const int64_t r : rows) {
        std::vector<double> sum(static_cast<size_t>(n)), scale(sum.size());
        for (int64_t k = 0; k < n; ++k)
          for (int64_t j = 0; j < n; ++j) {
            const double p = static_cast<double>(a[r * n + k]) * b[k * n + j];
            sum[static_cast<size_t>(j)] += p;
            scale[static_cast<size_t>(j)] += std::abs(p);
          }
        for (int64_t j = 0; j < n; ++j) {
          double y = sum[static_cast<size_t>(j)];
          if (c->epilogue) {
            const double v = y + bias[j];
            y = erf ? v * 0.5 * (1 + std::erf(v / std::sqrt(2.0)))
                    : v / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
            y += residual[r * n + j];
          }
          const double error = std::abs(got[r * n + j] - y);
          if (!(error <= 2e-6 * (scale[static_cast<size_t>(j)] + 1)))
            throw std::runtime_error(c->name + " by " + who + ": element " + std::to_string(r * n + j) + " is " +
                                     std::to_string(got[r * n + j]) + ", not " + std::to_string(y));
        }
      }
    };
    for (const Library& l : libraries_) {
      c->run(l);
      compare(l.name, c->c.get(), false);
    }
    for (const char* how : {"tanh", "none"}) {
      c->write(c->epilogue ? how : nullptr);
      compare("Lazuli", c->out.const_data_ptr<float>(), how == std::string("none"));
    }
  }
}

void ContractCases::add(int rounds) {
  for (const auto& owned : cases_) {
    Case* c = owned.get();
    const auto add_one = [&](const std::string& who, std::function<double()> round) {
      c->series.push_back(who);
      add_series(c->name + " " + who, rounds, std::move(round));
    };
    const char* how = c->epilogue ? "tanh" : nullptr;
    add_one("Lazuli kernel", [c, how] { return c->kernel_time(how); });
    add_one("Lazuli call", timed([c, how] {
              c->write(how);
              lz::eval(c->out);
            }));
    if (c->epilogue) {
      add_one("Lazuli kernel, erf", [c] { return c->kernel_time("none"); });
      add_one("Lazuli, product alone", [c] { return c->kernel_time(nullptr); });
    }
    for (const Library& l : libraries_)
      add_one(c->epilogue ? l.name + " + Eigen" : l.name, timed([c, &l] { c->run(l); }));
  }
}

void ContractCases::collect(const std::function<Series(const std::string& key, std::string name)>& take,
                            Results& results) {
  for (const auto& c : cases_) {
    const double n = static_cast<double>(c->n);
    CaseResult result{.name = c->name,
                      .limit = Limit::Fma,
                      .bytes = static_cast<int64_t>((c->epilogue ? 4 : 3) * n * n * 4),
                      .flops = 2 * n * n * n,
                      .allocations = c->allocations,
                      .series = {}};
    for (const std::string& who : c->series) result.series.push_back(take(c->name + " " + who, who));
    results.cases.push_back(std::move(result));
  }
  for (const Library& l : libraries_) results.libraries.push_back(l.name + " " + l.version);
}

}  // namespace bench
