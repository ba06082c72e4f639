// What a run measured, as a table and as JSON.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace bench {

struct Series {
  std::string name;            // "Lazuli", "Eigen" ...
  std::vector<double> rounds;  // milliseconds
  double median() const;
  double fastest() const;
};

/// What a case is measured against.
enum class Limit : uint8_t { Copy, Read, Fma };

struct CaseResult {
  std::string name;  // "map/relu_bias"
  Limit limit = Limit::Copy;
  int64_t bytes = 0;        // that must move at least
  double flops = 0;         // Fma: that must be done
  int64_t allocations = 0;  // buffers that Lazuli took during all its rounds
  std::vector<Series> series;
};

struct Results {
  int64_t rows = 0, columns = 0;
  int rounds = 0;
  Series copy, read, fma;              // the limits
  double fma_flops = 0;                // of a round of `fma`
  std::vector<std::string> libraries;  // peers that were found, with their versions
  std::vector<CaseResult> cases;

  /// Milliseconds that the limit allows for this case.
  double limit_ms(const CaseResult& c) const;
};

void print_table(const Results& results);
void write_json(const Results& results, std::FILE* file);

}  // namespace bench
