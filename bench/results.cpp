#include "results.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "cases.h"

namespace bench {
namespace {

constexpr const char* kLimitNames[] = {"copy", "read", "fma"};

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

double gigabytes_per_second(int64_t bytes, double milliseconds) {
  return static_cast<double>(bytes) / milliseconds / 1e6;
}

void write_series(std::FILE* file, const Series& s, double limit) {
  std::fprintf(file, R"({"name": "%s", "median_ms": %.4f, "fastest_ms": %.4f, "of_limit": %.3f, "rounds_ms": [)",
               s.name.c_str(), s.median(), s.fastest(), limit / s.median());
  for (size_t i = 0; i < s.rounds.size(); ++i) std::fprintf(file, "%s%.4f", i ? ", " : "", s.rounds[i]);
  std::fprintf(file, "]}");
}

}  // namespace

double Series::median() const {
  std::vector<double> sorted = rounds;
  std::sort(sorted.begin(), sorted.end());
  const size_t n = sorted.size();
  return n == 0 ? 0 : n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double Series::fastest() const {
  return rounds.empty() ? 0 : *std::min_element(rounds.begin(), rounds.end());
}

double Results::limit_ms(const CaseResult& c) const {
  switch (c.limit) {
    case Limit::Copy:
      return copy.median();
    case Limit::Read:
      return read.median();
    case Limit::Fma:
      break;
  }
  return fma.median() * c.flops / fma_flops;
}

void print_table(const Results& r) {
  const int64_t array = r.rows * r.columns * static_cast<int64_t>(sizeof(float));
  std::printf("%s, one thread, %lld x %lld float32, medians of %d interleaved rounds\n", processor().c_str(),
              static_cast<long long>(r.rows), static_cast<long long>(r.columns), r.rounds);
  std::printf("limits (%s): copy around the caches %.3f ms (%.1f GB/s), read %.3f ms (%.1f GB/s), fma %.1f GF/s\n",
              limits_vectors(), r.copy.median(), gigabytes_per_second(2 * array, r.copy.median()), r.read.median(),
              gigabytes_per_second(array, r.read.median()), r.fma_flops / r.fma.median() / 1e6);
  for (const std::string& l : r.libraries) std::printf("%s\n", l.c_str());
  std::printf("\n%-28s %-22s %10s %10s %8s %10s\n", "case", "by", "median ms", "fastest", "G/s", "of limit");
  for (const CaseResult& c : r.cases)
    for (const Series& s : c.series)
      std::printf("%-28s %-22s %10.3f %10.3f %8.1f %8.0f %%\n", &s == c.series.data() ? c.name.c_str() : "",
                  s.name.c_str(), s.median(), s.fastest(),
                  (c.limit == Limit::Fma ? c.flops : static_cast<double>(c.bytes)) / s.median() / 1e6,
                  100 * r.limit_ms(c) / s.median());
}

void write_json(const Results& r, std::FILE* file) {
  double load[3] = {-1, -1, -1};
  getloadavg(load, 3);
  std::fprintf(file, "{\n  \"processor\": \"%s\",\n  \"threads\": 1,\n  \"vectors_of_limits\": \"%s\",\n",
               processor().c_str(), limits_vectors());
  std::fprintf(file, "  \"load_average\": %.2f,\n  \"rows\": %lld,\n  \"columns\": %lld,\n  \"dtype\": \"float32\",\n",
               load[0], static_cast<long long>(r.rows), static_cast<long long>(r.columns));
  std::fprintf(file, "  \"rounds\": %d,\n  \"limits\": {\n    \"copy\": ", r.rounds);
  write_series(file, r.copy, r.copy.median());
  std::fprintf(file, ",\n    \"read\": ");
  write_series(file, r.read, r.read.median());
  std::fprintf(file, ",\n    \"fma_flops\": %.0f,\n    \"fma\": ", r.fma_flops);
  write_series(file, r.fma, r.fma.median());
  std::fprintf(file, "\n  },\n  \"libraries\": [");
  for (size_t i = 0; i < r.libraries.size(); ++i) std::fprintf(file, "%s\"%s\"", i ? ", " : "", r.libraries[i].c_str());
  std::fprintf(file, "],\n  \"cases\": [");
  for (const CaseResult& c : r.cases) {
    std::fprintf(
        file,
        "%s\n    {\"name\": \"%s\", \"limit\": \"%s\", \"bytes\": %lld, \"flops\": %.0f, \"allocations\": %lld, "
        "\"series\": [",
        &c == r.cases.data() ? "" : ",", c.name.c_str(), kLimitNames[static_cast<size_t>(c.limit)],
        static_cast<long long>(c.bytes), c.flops, static_cast<long long>(c.allocations));
    for (const Series& s : c.series) {
      std::fprintf(file, "%s\n      ", &s == c.series.data() ? "" : ",");
      write_series(file, s, r.limit_ms(c));
    }
    std::fprintf(file, "\n    ]}");
  }
  std::fprintf(file, "\n  ]\n}\n");
}

}  // namespace bench
