// Compares a graph's compiled results with the interpreter's, bit for bit, under one configuration.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "ir/graph.h"

namespace lazuli::fuzz {

/// How a graph is run. Text form: "fuse=1 threads=2 bits=256 cold=1 memory=17 ...", as printed and as parsed.
struct Config {
  bool passes = false;   // graph passes alone, interpreted before and after; the rest does not matter
  bool lowered = false;  // passes, partition and lowering by hand (tests/pipeline) instead of runtime::evaluate
  bool machine = true;   // lowered: LLVM, else the kernel IR interpreter
  bool fuse = true;
  int threads = 1;
  int bits = 256;       // vectors
  bool cold = true;     // evaluate: caches are emptied before
  bool again = true;    // evaluate: once more with other values of the leaves, out of the caches
  uint64_t memory = 0;  // evaluate: which leaves are donated and which outputs have targets; 0: none
  int64_t grain = 0;    // elements per task; 0: as schedules choose
  int cuda = 0;         // on the CUDA device that the environment names, in its order cuda - 1 of threads; 0: no
  std::string str() const;
  static Config parse(const std::string& text);
};

/// A configuration at random, a function of the seed.
Config random_config(uint64_t seed);
/// On a CUDA device.
Config cuda_config(uint64_t seed);

/// Runs graphs; keeps its caches from one to the next.
class Checker {
 public:
  Checker();
  ~Checker();

  /// What is wrong, or nothing. Leaves get the values that `lazuli-opt --run --seed=<values>` gives them.
  std::optional<std::string> check(const ir::Graph& g, uint64_t values, const Config& config);

 private:
  struct Runtimes;
  std::unique_ptr<Runtimes> runtimes_;
};

}  // namespace lazuli::fuzz
