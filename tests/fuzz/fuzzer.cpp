#include "tests/fuzz/fuzzer.h"

#include <fmt/format.h>

#include <chrono>

#include "ir/text.h"
#include "passes/verify_passes.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/gradients.h"

namespace lazuli::fuzz {
namespace {

using namespace ir;

constexpr int kReduceBudget = 400;
constexpr uint64_t kMore = 1'000'000'000'000;  // distance of the seeds of Options::more

/// Without outputs that the failure does not need.
Graph drop_outputs(Graph g, const std::function<bool(const Graph&)>& fails) {
  for (size_t i = g.outputs.size(); i-- > 0 && g.outputs.size() > 1;) {
    Graph less = g;
    less.outputs.erase(less.outputs.begin() + static_cast<std::ptrdiff_t>(i));
    if (fails(less)) g = std::move(less);
  }
  return g;
}

}  // namespace

Graph reduce(Checker& checker, const Graph& g, uint64_t& values, const Config& config, Interner& interner) {
  // The values of a leaf depend on its position, so a smaller graph may need another seed to fail.
  uint64_t seed = values;
  const auto fails = [&](const Graph& candidate) {
    for (const uint64_t v : {values, values + 1, values + 2})
      if (checker.check(candidate, v, config)) {
        seed = v;
        return true;
      }
    return false;
  };
  Graph best = drop_outputs(g, fails);
  best = passes::reduce_graph(best, fails, /*cut_producers=*/true, interner, kReduceBudget);
  fails(best);
  values = seed;
  return best;
}

std::string describe_failure(Checker& checker, const Graph& g, uint64_t seed, uint64_t values, const Config& config) {
  const auto wrong = checker.check(g, values, config);
  return fmt::format(
      "// found by: lazuli-fuzz --repro {}\n"
      "// {}\n"
      "// interpreter: lazuli-opt --run --seed={} FILE\n"
      "// compiled: lazuli-fuzz --values={} \"--config={}\" --graph FILE\n{}",
      seed, wrong ? *wrong : "(fails only after other graphs)", values, values, config.str(), print(g));
}

Graph make_graph(uint64_t seed, const Options& options, Interner& interner) {
  const Graph g = options.attention ? generate_attention(seed, interner) : generate(seed, interner);
  return options.gradients ? with_gradients(g, seed, interner) : g;
}

namespace {

/// Whether all is well; otherwise reports.
bool check(Checker& checker, const Graph& g, uint64_t seed, const Config& config, const Options& options,
           const std::function<void(const std::string&)>& report, Interner& interner) {
  uint64_t values = seed;
  const auto wrong = checker.check(g, values, config);
  if (!wrong) return true;
  std::string text = fmt::format("seed {}{} fails under {}\n{}\n", seed,
                                 options.gradients   ? " (gradients)"
                                 : options.attention ? " (attention)"
                                                     : "",
                                 config.str(), *wrong);
  if (options.reduce) {
    const Graph small = reduce(checker, g, values, config, interner);
    text += describe_failure(checker, small, seed, values, config);
  }
  report(text);
  return false;
}

}  // namespace

Summary fuzz(const Options& options, const std::function<void(const std::string&)>& report,
             const std::function<void(uint64_t)>& progress) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  Checker checker;
  Summary sum;
  for (int64_t i = 0; i < options.count && sum.failures < options.max_failures; ++i) {
    sum.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (options.seconds > 0 && sum.seconds > options.seconds) break;
    const uint64_t seed = options.seed + static_cast<uint64_t>(i);
    if (progress) progress(seed);
    const auto passes_only = [&](uint64_t s) {
      Interner interner;
      const Graph g = make_graph(s, options, interner);
      return check(checker, g, s, {.passes = true}, options, report, interner);
    };
    bool good = passes_only(seed);
    for (int k = 1; k <= options.more && good; ++k) good = passes_only(seed + static_cast<uint64_t>(k) * kMore);
    Interner interner;
    const Graph g = make_graph(seed, options, interner);
    ++sum.graphs;
    sum.nodes += static_cast<int64_t>(topological_order(g).size());
    for (int k = 0; k < options.configs && good; ++k) {
      const uint64_t sample = seed * 1000 + static_cast<uint64_t>(k);
      good = check(checker, g, seed, options.cuda ? cuda_config(sample) : random_config(sample), options, report,
                   interner);
    }
    sum.failures += !good;
  }
  sum.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return sum;
}

std::string Summary::str() const {
  return fmt::format("{} graphs ({:.1f} nodes each), {} failures, {:.1f} s", graphs,
                     static_cast<double>(nodes) / static_cast<double>(std::max<int64_t>(1, graphs)), failures, seconds);
}

}  // namespace lazuli::fuzz
