// The fuzzer: graph after graph under sampled configurations; what fails is reduced.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "tests/fuzz/check.h"

namespace lazuli::fuzz {

struct Options {
  uint64_t seed = 1;  // of the first graph; the next ones count up
  int64_t count = 500;
  double seconds = 0;        // stop early; 0: never
  int configs = 1;           // sampled per graph
  int more = 4;              // graphs per seed that go through the graph passes alone, which is cheap
  int64_t max_failures = 5;  // stop after as many
  bool reduce = true;
  bool gradients = false;  // of the graphs, rather than the graphs themselves
  bool attention = false;  // graphs around attention
  bool cuda = false;       // on a CUDA device: the emulated one, as a rule
};

struct Summary {
  int64_t graphs = 0, failures = 0, nodes = 0;
  double seconds = 0;
  std::string str() const;
};

/// The graph of a seed.
ir::Graph make_graph(uint64_t seed, const Options& options, ir::Interner& interner);

/// Reports every failure, reduced, as text. `progress` is called before every graph with its seed.
Summary fuzz(const Options& options, const std::function<void(const std::string&)>& report,
             const std::function<void(uint64_t)>& progress = {});

/// The smallest graph found that is wrong under the configuration; `values` may become another seed.
ir::Graph reduce(Checker& checker, const ir::Graph& g, uint64_t& values, const Config& config, ir::Interner& interner);

/// IR text with everything in its comments that is needed to see the failure.
std::string describe_failure(Checker& checker, const ir::Graph& g, uint64_t seed, uint64_t values,
                             const Config& config);

}  // namespace lazuli::fuzz
