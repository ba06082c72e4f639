// What a run measured, as a table and as JSON.
#pragma once
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "cases/case.h"

namespace bench {

/// Milliseconds of one series: rounds of every run, one after the other.
struct Times {
  std::vector<double> rounds;
  int runs = 1;
  double median() const;
  /// The smallest of the runs' medians.
  double best() const;
};

struct PeerResult {
  std::string name, version, series;
  Times times;
};

struct CaseResult {
  std::string name, size;
  int threads = 1;
  Limit limit = Limit::None;
  double amount = 0;     // bytes or operations, see Case
  std::string limit_by;  // the series that the limit is taken from: the best of the ways there are
  Times limit_times;
  std::map<std::string, Times> limits;  // all of them
  std::map<std::string, Times> lazuli;  // by series
  std::map<std::string, double> facts;  // launches, allocations
  std::vector<PeerResult> peers;
};

struct Results {
  int rounds = 0, runs = 0;
  std::string vectors;
  double load = 0;
  std::vector<CaseResult> cases;
};

void print_header(const Results& results);
void print_case(const CaseResult& c);
void write_json(const Results& results, std::FILE* file);

}  // namespace bench
