// lazuli-bench: five streaming cases against what the machine allows, Eigen and hand-written loops, and matrix products
// against multiply-adds in registers and the libraries that are installed, in one run.
//
// Everybody's result is compared with float64 before anything is timed. Google Benchmark runs the rounds of all series
// interleaved in random order, so that a disturbance of the machine falls on all alike. All series read the same
// inputs, alternately from two equal copies: an expression equal to one whose value is held would not be computed
// again.
#include <benchmark/benchmark.h>
#include <lazuli/lazuli.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cases.h"
#include "contract.h"
#include "results.h"
#include "rounds.h"

namespace bench {

Memory allocate(int64_t elements) {
  const size_t bytes = (static_cast<size_t>(elements) * sizeof(float) + (2u << 20) - 1) & ~((size_t{2} << 20) - 1);
  Memory memory(static_cast<float*>(std::aligned_alloc(2u << 20, bytes)));
  if (!memory) throw std::bad_alloc();
  madvise(memory.get(), bytes, MADV_HUGEPAGE);
  std::fill_n(memory.get(), elements, 0.f);
  return memory;
}

void add_series(const std::string& name, int rounds, std::function<double()> round) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [round = std::move(round)](benchmark::State& state) {
                                 round();
                                 for (auto _ : state) state.SetIterationTime(round() / 1000);
                               })
      ->UseManualTime()
      ->Iterations(1)
      ->Repetitions(rounds)
      ->Unit(benchmark::kMillisecond);
}

namespace {

namespace lz = lazuli;
constexpr const char* kHelp =
    R"(lazuli-bench: kernels against the limits of the machine, libraries and plain loops

  --filter=TEXT   only cases whose name contains TEXT
  --json=FILE     write what was measured to FILE
  --rounds=N      timed rounds of every series (default: 31)
  --size=N        rows and columns of the streaming cases, a multiple of 64 (default: 4096)
)";

struct Settings {
  std::string filter, json;
  int rounds = 31;
  int64_t size = 4096;
};

struct Case {
  const char* name;
  bool reads;
  Peer::Run Peer::* run;
  Reference::Run Reference::* reference;
  double tolerance;  // relative to the scale that the reference gives
  lz::Tensor (*expression)(const lz::Tensor& x, const lz::Tensor& w, const lz::Tensor& b);
  std::vector<int64_t> (*shape)(int64_t n);
};

std::vector<int64_t> square(int64_t n) {
  return {n, n};
}
std::vector<int64_t> scalar(int64_t) {
  return {};
}
std::vector<int64_t> row(int64_t n) {
  return {n};
}

const Case kCases[] = {
    {"map/relu_bias", false, &Peer::relu_bias, &Reference::relu_bias, 1e-6,
     [](const auto& x, const auto& w, const auto& b) { return relu(x * w + b); }, square},
    {"map/gelu_tanh_bias", false, &Peer::gelu_tanh, &Reference::gelu_tanh, 4e-6,
     [](const auto& x, const auto& w, const auto& b) { return gelu(x * w + b, "tanh"); }, square},
    {"row/softmax", false, &Peer::softmax, &Reference::softmax, 4e-6,
     [](const auto& x, const auto&, const auto&) { return softmax(x, 1); }, square},
    {"reduce/sum_all", true, &Peer::sum_all, &Reference::sum_all, 1e-6,
     [](const auto& x, const auto&, const auto&) { return x.sum(); }, scalar},
    {"reduce/sum_axis0", true, &Peer::sum_axis0, &Reference::sum_axis0, 1e-6,
     [](const auto& x, const auto&, const auto&) { return x.sum(0); }, row},
};

class Session {
 public:
  explicit Session(const Settings& settings) : n_(settings.size), y_(allocate(n_ * n_)) {
    std::mt19937 random(7);
    const auto uniform = [&] { return static_cast<float>(static_cast<double>(random()) / 2147483648.0 - 1); };
    std::vector<float> host(static_cast<size_t>(n_ * n_));
    for (float& v : host) v = 3 * uniform();
    for (auto& x : x_) x = lz::from_host(host.data(), {n_, n_}, lz::kFloat32);
    host.resize(static_cast<size_t>(n_));
    for (lz::Tensor* t : {&w_, &b_}) {
      for (float& v : host) v = uniform();
      *t = lz::from_host(host.data(), {n_}, lz::kFloat32);
    }
  }

  /// The next of the two inputs.
  Operands operands() {
    turn_ ^= 1;
    return {
        x_[turn_].const_data_ptr<float>(), w_.const_data_ptr<float>(), b_.const_data_ptr<float>(), y_.get(), n_, n_};
  }

  /// An evaluated tensor that results are written into, again and again.
  lz::Tensor output(const Case& c) const {
    lz::Tensor out = lz::zeros(c.shape(n_)) + lz::zeros({1}).sum();
    lz::eval(out);
    return out;
  }

  /// Writes the case into `out`: pending until something evaluates it.
  void write(const Case& c, lz::Tensor& out) {
    turn_ ^= 1;
    out.copy_(c.expression(x_[turn_], w_, b_));
  }

  /// Compares everybody's result with float64.
  void check(const Case& c) {
    int64_t count = 1;
    for (const int64_t d : c.shape(n_)) count *= d;
    std::vector<double> expected(static_cast<size_t>(count)), scale(expected.size());
    (kReference.*c.reference)(operands(), expected.data(), scale.data());
    const auto compare = [&](const char* who, const float* got) {
      for (size_t i = 0; i < expected.size(); ++i)
        if (!(std::abs(got[i] - expected[i]) <= c.tolerance * scale[i] + 1e-30))
          throw std::runtime_error(std::string(c.name) + " by " + who + ": element " + std::to_string(i) + " is " +
                                   std::to_string(got[i]) + ", not " + std::to_string(expected[i]));
    };
    for (const auto& [who, peer] : {std::pair("Eigen", &kEigen), std::pair("loop", &kLoop)}) {
      (peer->*c.run)(operands());
      compare(who, y_.get());
    }
    for (int i = 0; i < 2; ++i) {
      lz::Tensor out = output(c);
      write(c, out);
      compare("Lazuli", out.const_data_ptr<float>());
    }
  }

 private:
  int64_t n_;
  std::array<lz::Tensor, 2> x_;
  lz::Tensor w_, b_;
  int turn_ = 0;
  Memory y_;
};

/// Keeps the time of every round by the benchmark's name.
class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) throw std::runtime_error(run.benchmark_name() + ": " + run.error_message);
      if (run.run_type == Run::RT_Iteration) rounds[run.run_name.function_name].push_back(run.GetAdjustedRealTime());
    }
  }
  std::map<std::string, std::vector<double>, std::less<>> rounds;
};

Results measure(const Settings& settings) {
  lz::set_num_threads(1);
  Session session(settings);
  const int64_t n = settings.size, bytes = n * n * static_cast<int64_t>(sizeof(float));
  Results results;
  results.rows = results.columns = n;
  results.rounds = settings.rounds;

  std::vector<const Case*> cases;
  for (const Case& c : kCases)
    if (std::string_view(c.name).find(settings.filter) != std::string_view::npos) cases.push_back(&c);
  ContractCases contractions(settings.filter);
  if (cases.empty() && contractions.empty())
    throw std::runtime_error("no case has \"" + settings.filter + "\" in its name");
  for (const Case* c : cases) session.check(*c);
  contractions.check();
  std::printf("results agree with float64\n");
  std::fflush(stdout);

  add_series("copy", settings.rounds, timed([&] {
               const Operands o = session.operands();
               copy_around_caches(o.x, o.y, n * n);
             }));
  add_series("read", settings.rounds, timed([&] { benchmark::DoNotOptimize(read_all(session.operands().x, n * n)); }));
  constexpr int64_t kMultiplyAdds = 400000;
  add_series("fma", settings.rounds, timed([] { multiply_add(kMultiplyAdds); }));
  results.fma_flops = multiply_add(kMultiplyAdds);
  contractions.add(settings.rounds);
  std::map<const Case*, int64_t> allocations;
  for (const Case* c : cases) {
    const std::string prefix = std::string(c->name) + " ";
    auto out = std::make_shared<lz::Tensor>(session.output(*c));
    add_series(prefix + "Lazuli kernel", settings.rounds, [&, c, out] {
      session.write(*c, *out);
      const int64_t before = lz::memory_stats().allocations;
      const lz::Report report = lz::profile(*out);
      allocations[c] += lz::memory_stats().allocations - before;
      double sum = 0;
      for (const auto& k : report.kernels) sum += k.milliseconds;
      return sum;
    });
    add_series(prefix + "Lazuli call", settings.rounds, timed([&, c, out] {
                 session.write(*c, *out);
                 lz::eval(*out);
               }));
    add_series(prefix + "Eigen", settings.rounds, timed([&, c] { (kEigen.*c->run)(session.operands()); }));
    add_series(prefix + "loop", settings.rounds, timed([&, c] { (kLoop.*c->run)(session.operands()); }));
  }

  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  const auto take = [&](const std::string& key, std::string name) {
    return Series{std::move(name), std::move(collector.rounds[key])};
  };
  results.copy = take("copy", "copy");
  results.read = take("read", "read");
  results.fma = take("fma", "fma");
  for (const Case* c : cases) {
    CaseResult result{.name = c->name,
                      .limit = c->reads ? Limit::Read : Limit::Copy,
                      .bytes = c->reads ? bytes : 2 * bytes,
                      .flops = 0,
                      .allocations = allocations[c],
                      .series = {}};
    for (const char* who : {"Lazuli kernel", "Lazuli call", "Eigen", "loop"})
      result.series.push_back(take(std::string(c->name) + " " + who, who));
    results.cases.push_back(std::move(result));
  }
  contractions.collect(take, results);
  benchmark::ClearRegisteredBenchmarks();
  return results;
}

Settings parse(int argc, char** argv) {
  Settings s;
  const auto value = [](std::string_view arg, std::string_view name) -> std::optional<std::string> {
    if (!arg.starts_with(name)) return std::nullopt;
    return std::string(arg.substr(name.size()));
  };
  const auto number = [](const std::string& text, int64_t most) {
    char* end = nullptr;
    const long long n = std::strtoll(text.c_str(), &end, 10);
    if (text.empty() || *end || n < 1 || n > most) throw std::invalid_argument("not a number in range: " + text);
    return static_cast<int64_t>(n);
  };
  for (int i = 1; i < argc; ++i) {
    if (auto v = value(argv[i], "--filter=")) {
      s.filter = *v;
    } else if (auto v = value(argv[i], "--json=")) {
      s.json = *v;
    } else if (auto v = value(argv[i], "--rounds=")) {
      s.rounds = static_cast<int>(number(*v, 100000));
    } else if (auto v = value(argv[i], "--size=")) {
      s.size = number(*v, 32768);
      if (s.size % 64 != 0) throw std::invalid_argument("--size takes a multiple of 64");
    } else {
      throw std::invalid_argument("unknown argument " + std::string(argv[i]));
    }
  }
  return s;
}

int run(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "--help") {
      std::fputs(kHelp, stdout);
      return 0;
    }
  const Settings settings = parse(argc, argv);
  // Opened before the minutes are spent.
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> json(nullptr, std::fclose);
  if (!settings.json.empty()) {
    json.reset(std::fopen(settings.json.c_str(), "w"));
    if (!json) throw std::runtime_error("cannot write " + settings.json);
  }
  std::array<char*, 2> options{argv[0], const_cast<char*>("--benchmark_enable_random_interleaving=true")};
  int count = static_cast<int>(options.size());
  benchmark::Initialize(&count, options.data());
  const Results results = measure(settings);
  print_table(results);
  if (json) write_json(results, json.get());
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::run(argc, argv);
  } catch (const std::invalid_argument& e) {
    std::fprintf(stderr, "lazuli-bench: %s\ntry lazuli-bench --help\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "lazuli-bench: %s\n", e.what());
    return 1;
  }
}
