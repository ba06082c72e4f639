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

struct CaseResult {
  std::string name;         // "map/relu_bias"
  bool reads = false;       // measured against reading; otherwise against copying
  int64_t bytes = 0;        // that must move at least
  int64_t allocations = 0;  // buffers that Lazuli took during all its rounds
  std::vector<Series> series;
};

struct Results {
  int64_t rows = 0, columns = 0;
  int rounds = 0;
  Series copy, read;  // the limits
  std::vector<CaseResult> cases;

  const Series& limit(const CaseResult& c) const { return c.reads ? read : copy; }
};

void print_table(const Results& results);
void write_json(const Results& results, std::FILE* file);

}  // namespace bench
