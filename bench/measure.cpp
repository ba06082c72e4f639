#include "measure.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace bench {
namespace {

constexpr int64_t kPage = 4096;
/// Copies of large operands fill at least this much, so that no run finds them in a cache.
constexpr int64_t kRotated = int64_t{256} << 20;
/// From this size on operands count as large: beyond the caches that runs of smaller sizes are meant to be in.
constexpr int64_t kLarge = int64_t{32} << 20;

int64_t rounded(int64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

int64_t bytes_of(const std::vector<Value>& values) {
  int64_t bytes = 0;
  for (const Value& v : values) bytes += rounded(v.bytes());
  return bytes;
}

/// An odd number, one for what the first-level cache holds: contestants have two sets of results, and no copy is to
/// meet always the same one.
int64_t copies_of(const Case& c) {
  const int64_t bytes = bytes_of(c.inputs);
  if (bytes <= kTinyBytes) return 1;
  if (bytes < kLarge) return 3;
  if (bytes >= kRotated) return 1;
  return std::max<int64_t>(3, (kRotated + bytes - 1) / bytes) | 1;
}

/// A well-mixed number of [0, 1) for position i of operand k (the finaliser of SplitMix64).
double uniform(uint64_t k, uint64_t i) {
  uint64_t z = (k << 40) + (i + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

template <class T>
void fill(std::byte* at, const Value& v, uint64_t k) {
  T* out = reinterpret_cast<T*>(at);
  for (int64_t i = 0; i < count(v.dims); ++i)
    out[i] = static_cast<T>(v.low + (v.high - v.low) * uniform(k, static_cast<uint64_t>(i)));
}

void fill(std::byte* at, const Value& v, uint64_t k) {
  switch (v.type) {
    case Type::F32:
      return fill<float>(at, v, k);
    case Type::F64:
      return fill<double>(at, v, k);
    case Type::I8:
      return fill<int8_t>(at, v, k);
    case Type::U8:
      return fill<uint8_t>(at, v, k);
    case Type::I32:
      return fill<int32_t>(at, v, k);
    case Type::I64:
      return fill<int64_t>(at, v, k);
    case Type::BF16: {
      // Numbers that bfloat16 has: cut off, not rounded.
      auto* out = reinterpret_cast<uint16_t*>(at);
      for (int64_t i = 0; i < count(v.dims); ++i) {
        const double x = v.low + (v.high - v.low) * uniform(k, static_cast<uint64_t>(i));
        out[i] = static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(x)) >> 16);
      }
      return;
    }
  }
}

/// Keeps the times of a run by series, in order.
class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) throw std::runtime_error(run.benchmark_name() + ": " + run.error_message);
      if (run.run_type == Run::RT_Iteration) times[run.run_name.function_name].push_back(run.GetAdjustedRealTime());
    }
  }
  std::map<std::string, std::vector<double>> times;
};

}  // namespace

/// What a contestant repeats before its time is taken.
constexpr double kWarmNanoseconds = 300e3;

/// One series of one contestant in this case.
struct Measurement::Entrant {
  ContestantProcess* process;
  std::string series;
  int64_t repeats = 1, untimed = 0, turn = 0;
  int rounds = 1;  // in a run
  std::map<std::string, double> facts{};
  Times times{};
  std::string failure{};  // why it takes no more part

  std::string key() const { return process->name() + " " + series; }
  /// Nanoseconds of one repeat; 0 once it has failed.
  double round() {
    if (!failure.empty()) return 0;
    try {
      const ContestantProcess::Run r = process->run(series, turn, untimed, repeats);
      turn += untimed + repeats;
      facts = r.facts;
      return r.nanoseconds / static_cast<double>(repeats);
    } catch (const std::runtime_error& e) {
      failure = e.what();
      return 0;
    }
  }
};

int64_t Measurement::bytes_needed(const Case& c) {
  return bytes_of(c.inputs) + bytes_of(c.outputs);
}

Job Measurement::lay_out(const Case& c) const {
  Job job{.name = c.name,
          .size = c.size,
          .threads = threads_,
          .copies = copies_of(c),
          .limit = c.limit,
          .amount = c.amount,
          .inputs = {},
          .outputs = {}};
  int64_t offset = 0;
  for (const Value& v : c.inputs) {
    fill(file_.data() + offset, v, job.inputs.size());
    job.inputs.push_back({v, offset});
    offset += rounded(v.bytes());
  }
  for (const Value& v : c.outputs) {
    job.outputs.push_back({v, offset});
    offset += rounded(v.bytes());
  }
  return job;
}

std::vector<Measurement::Entrant> Measurement::admit(const Case& c, const Job& job,
                                                     std::vector<std::string>& complaints) {
  Memory in, out;
  for (const Place& p : job.inputs) in.at.push_back(file_.data() + p.offset);
  for (const Place& p : job.outputs) out.at.push_back(file_.data() + p.offset);
  const Check check = c.judge(in);
  std::vector<Entrant> entrants;
  for (const auto& process : contestants_) {
    try {
      std::vector<Entrant> mine;
      for (std::string& series : process->prepare(job)) {
        if (!series.starts_with('~')) {
          for (const Place& p : job.outputs)
            std::memset(file_.data() + p.offset, 0xff, static_cast<size_t>(p.value.bytes()));
          process->publish(series);
          if (const std::string wrong = check(out); !wrong.empty())
            throw std::runtime_error(process->name() + ": " + wrong);
        }
        mine.push_back({.process = process.get(), .series = std::move(series)});
      }
      entrants.insert(entrants.end(), mine.begin(), mine.end());
    } catch (const std::runtime_error& e) {
      leave_out(c, *process, e.what(), complaints);
    }
  }
  return entrants;
}

void Measurement::leave_out(const Case& c, const ContestantProcess& process, const std::string& reason,
                            std::vector<std::string>& complaints) {
  const std::string text = c.name + " " + c.size + ": " + reason;
  if (process.name() == "Lazuli") throw std::runtime_error(text);
  complaints.push_back(text);
}

CaseResult Measurement::run(const Case& c, const Effort& effort, std::vector<std::string>& complaints) {
  const Job job = lay_out(c);
  std::vector<Entrant> entrants = admit(c, job, complaints);
  for (Entrant& e : entrants) {
    e.round();
    const double once = std::max(e.round(), 1.0);
    e.repeats = std::clamp<int64_t>(static_cast<int64_t>(effort.round_seconds * 1e9 / once), 1, 20000);
    // Threads that went to sleep while others took their turns are woken, and caches filled, by repeats of no account.
    if (e.repeats > 1) e.untimed = std::clamp<int64_t>(static_cast<int64_t>(kWarmNanoseconds / once), 1, e.repeats);
    const double most = effort.series_seconds * 1e9 / (once * static_cast<double>(e.repeats));
    e.rounds = static_cast<int>(std::clamp<double>(most, std::min(3, effort.rounds), effort.rounds));
  }
  for (int run = 0; run < effort.runs; ++run) {
    for (Entrant& e : entrants)
      benchmark::RegisterBenchmark(e.key().c_str(),
                                   [&e](benchmark::State& state) {
                                     if (e.repeats == 1)
                                       e.round();  // leaves caches and pages as the next one finds them
                                     for (auto _ : state) state.SetIterationTime(e.round() * 1e-9);
                                   })
          ->UseManualTime()
          ->Iterations(1)
          ->Repetitions(e.rounds)
          ->Unit(benchmark::kMillisecond);
    Collector collector;
    if (!entrants.empty()) benchmark::RunSpecifiedBenchmarks(&collector);
    benchmark::ClearRegisteredBenchmarks();
    for (Entrant& e : entrants) {
      const auto& times = collector.times[e.key()];
      e.times.rounds.insert(e.times.rounds.end(), times.begin(), times.end());
      e.times.runs = effort.runs;
    }
  }
  CaseResult result{.name = c.name,
                    .size = c.size,
                    .threads = threads_,
                    .limit = c.limit,
                    .amount = c.amount,
                    .limit_by = {},
                    .limit_times = {},
                    .limits = {},
                    .lazuli = {},
                    .facts = {},
                    .peers = {}};
  for (Entrant& e : entrants) {
    if (!e.failure.empty()) {
      leave_out(c, *e.process, e.failure, complaints);
    } else if (e.process->name() == "limit") {
      // In caches plain stores are better, beyond them those around the caches.
      result.limits[e.series.substr(1)] = e.times;
      if (result.limit_by.empty() || e.times.median() < result.limit_times.median()) {
        result.limit_by = e.series.substr(1);
        result.limit_times = e.times;
      }
    } else if (e.process->name() == "Lazuli") {
      if (e.series == "kernel") result.facts = e.facts;
      result.lazuli[e.series] = e.times;
    } else {
      result.peers.push_back({e.process->name(), e.process->version(), e.series, e.times});
    }
  }
  for (const auto& process : contestants_) process->forget();
  return result;
}

}  // namespace bench
