#include "results.h"

#include <algorithm>
#include <fstream>

namespace bench {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n == 0 ? 0 : n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// The kernel's time where there is one; a first result is a call.
const Times* kernel_of(const CaseResult& c) {
  auto at = c.lazuli.find("kernel");
  if (at == c.lazuli.end()) at = c.lazuli.find("call");
  return at == c.lazuli.end() ? nullptr : &at->second;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 32) out += c;
  }
  return out;
}

}  // namespace

double Times::median() const {
  return median_of(rounds);
}

double Times::best() const {
  const size_t each = rounds.size() / static_cast<size_t>(std::max(runs, 1));
  if (each == 0) return median();
  double best = 0;
  for (size_t at = 0; at + each <= rounds.size(); at += each) {
    const double m =
        median_of({rounds.begin() + static_cast<int64_t>(at), rounds.begin() + static_cast<int64_t>(at + each)});
    best = at == 0 ? m : std::min(best, m);
  }
  return best;
}

void print_header(const Results& r) {
  std::printf("%s (%s), medians of %d runs of %d interleaved rounds, milliseconds\n\n", processor().c_str(),
              r.vectors.c_str(), r.runs, r.rounds);
  std::printf("%-34s %-10s %2s  %10s %10s %8s\n", "case", "size", "t", "median", "best run", "of limit");
}

void print_case(const CaseResult& c) {
  const double limit = c.limit_times.median();
  bool first = true;
  const auto line = [&](const std::string& who, const Times& t) {
    std::printf("%-34s %-10s %2d  %10.4f %10.4f", first ? c.name.c_str() : "", first ? c.size.c_str() : "", c.threads,
                t.median(), t.best());
    if (limit > 0) {
      std::printf(" %6.0f %%", 100 * limit / t.median());
    } else {
      std::printf("         ");
    }
    std::printf("  %s\n", who.c_str());
    first = false;
  };
  if (limit > 0) line("limit: " + c.limit_by, c.limit_times);
  for (const auto& [series, times] : c.lazuli) line("Lazuli " + series.substr(series.starts_with('~')), times);
  for (const PeerResult& p : c.peers) line(p.name, p.times);
  std::fflush(stdout);
}

void write_json(const Results& r, std::FILE* file) {
  std::fprintf(file,
               "{\n  \"machine\": {\"processor\": \"%s\", \"vectors\": \"%s\", \"load_average\": %.2f, "
               "\"threading\": \"a process per contestant, pinned to as many processors as it has threads, stopped "
               "while others run\"},\n"
               "  \"rounds\": %d,\n  \"runs\": %d,\n  \"results\": [",
               escaped(processor()).c_str(), r.vectors.c_str(), r.load, r.rounds, r.runs);
  for (const CaseResult& c : r.cases) {
    const Times* kernel = kernel_of(c);
    const double limit = c.limit_times.median(), median = kernel ? kernel->median() : 0;
    std::fprintf(file, "%s\n    {\"case\": \"%s\", \"size\": \"%s\", \"threads\": %d, ",
                 &c == r.cases.data() ? "" : ",", c.name.c_str(), c.size.c_str(), c.threads);
    std::fprintf(file,
                 "\"median_ms\": %.6g, \"best_ms\": %.6g, \"limit_ms\": %.6g, \"limit\": \"%s\", \"amount\": %.0f, ",
                 median, kernel ? kernel->best() : 0, limit, c.limit_by.c_str(), c.amount);
    std::fprintf(file, "\"fraction\": %.4f", median > 0 ? limit / median : 0);
    for (const auto& [way, times] : c.limits)
      std::fprintf(file, ", \"limit_%s_ms\": %.6g", way.c_str(), times.median());
    for (const auto& [name, value] : c.facts) std::fprintf(file, ", \"%s\": %.0f", name.c_str(), value);
    for (const auto& [series, times] : c.lazuli)
      if (series != "kernel") {
        const char* key = series.c_str() + series.starts_with('~');
        std::fprintf(file, ", \"%s_median_ms\": %.6g, \"%s_best_ms\": %.6g", key, times.median(), key, times.best());
      }
    std::fprintf(file, ",\n     \"peers\": {");
    for (const PeerResult& p : c.peers)
      std::fprintf(file, "%s\"%s\": {\"version\": \"%s\", \"time\": \"%s\", \"median_ms\": %.6g, \"best_ms\": %.6g}",
                   &p == c.peers.data() ? "" : ", ", p.name.c_str(), escaped(p.version).c_str(), p.series.c_str(),
                   p.times.median(), p.times.best());
    std::fprintf(file, "}}");
  }
  std::fprintf(file, "\n  ]\n}\n");
}

}  // namespace bench
