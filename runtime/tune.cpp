#include "runtime/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <unordered_set>

#include "codegen/tuning.h"
#include "lazuli/base/error.h"
#include "runtime/context.h"
#include "runtime/segments.h"
#include "runtime/tune_bench.h"

namespace lazuli::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using codegen::Schedule;

Clock::duration seconds(double s) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
}

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

constexpr double kSampleNs = 2e5;     // of launches that are timed at once
constexpr int kRounds = 15;           // in which candidates take turns
constexpr int kFinalRounds = 31;      // of the winner and the model's choice
constexpr double kLeastGain = 0.985;  // of the time: less than that is noise

/// A kernel to be tuned.
struct Subject {
  const ir::Region* region;
  codegen::LoweringOptions options;  // without aliases
  std::string key;
  std::unique_ptr<codegen::Tuning> tuning;
  double weight;  // share of the budget
};

struct Candidate {
  Schedule schedule;
  TuneBench::Entrant entrant;
  std::vector<double> ns = {};
  double best = 1e300;
  bool alive = true;
};

class Search {
 public:
  Search(Context& context, const TuneOptions& options, TuneReport& report)
      : context_(context), options_(options), report_(report) {}

  void run(const Planned& planned);

 private:
  std::vector<Subject> subjects(const Planned& planned);
  void tune(const Subject& s, Clock::time_point end);
  bool enter(TuneBench& bench, const Subject& s, const Schedule& schedule, std::vector<Candidate>& list);
  void sample(TuneBench& bench, Candidate& c) const;
  void race(TuneBench& bench, std::vector<Candidate>& list, int rounds, int least, Clock::time_point end);
  void tell(double in_subject);
  bool over() const { return Clock::now() >= end_; }

  Context& context_;
  const TuneOptions& options_;
  TuneReport& report_;
  const Clock::time_point start_ = Clock::now(), end_ = start_ + seconds(std::max(0.0, options_.seconds));
  Clock::time_point told_{};
  double weight_ = 0, done_ = 0, present_ = 0;  // of all subjects, of those that are finished, of the one at hand
  std::string name_;
};

std::vector<Subject> Search::subjects(const Planned& planned) {
  std::vector<Subject> list;
  std::unordered_set<std::string> seen;
  const RegionOptions options_of(planned, context_.target(options_.eval));
  const int threads = most_threads(context_, options_.eval);
  for (const uint32_t r : planned.memory.order) {
    const ir::Region& region = planned.partition.regions[r];
    // An update writes a part of what is there: its results cannot be compared alone.
    if (!region.parts.empty() || region.kind == ir::RegionKind::Update ||
        std::all_of(region.outputs.begin(), region.outputs.end(), [](const ir::Node* n) { return n->nbytes() == 0; }))
      continue;
    Subject s{.region = &region, .options = options_of.of(region), .key = {}, .tuning = nullptr, .weight = 1};
    s.options.aliases.clear();
    s.key = tuning_key(region, s.options, threads);
    if (!seen.insert(s.key).second) continue;
    list.push_back(std::move(s));
    Subject& kept = list.back();
    kept.tuning = std::make_unique<codegen::Tuning>(region, kept.options);
    if (kept.tuning->stages() > 1) kept.weight = 6;
    const auto winner = context_.tuning().find(kept.key);
    const bool known = winner && winner->over == kept.tuning->chosen().str() && !options_.again;
    report_.known += known;
    if (known || kept.tuning->stages() == 0) list.pop_back();
  }
  return list;
}

void Search::tell(double in_subject) {
  if (!options_.progress) return;
  const auto now = Clock::now();
  const bool last = in_subject >= 1 && done_ + present_ >= weight_;
  if (!last && now - told_ < std::chrono::milliseconds(50)) return;
  told_ = now;
  const double fraction = weight_ > 0 ? std::min(1.0, (done_ + present_ * in_subject) / weight_) : 1;
  const double used = since(start_), left = std::max(0.0, options_.seconds - used);
  options_.progress({.kernel = name_,
                     .fraction = fraction,
                     .seconds = used,
                     .left = fraction > 0 ? std::min(left, used * (1 - fraction) / fraction) : left});
}

/// Compiles a candidate and compares its bits; false where that cannot be timed.
bool Search::enter(TuneBench& bench, const Subject& s, const Schedule& schedule, std::vector<Candidate>& list) {
  try {
    Candidate c{.schedule = schedule, .entrant = bench.compile(schedule)};
    if (!bench.same_results(c.entrant)) {
      const std::string text = fmt::format("{}: the schedule \"{}\" gave other bits than \"{}\" and is left out", name_,
                                           schedule.str(), s.tuning->chosen().str());
      context_.log(LogLevel::Error, text);
      report_.notes.push_back(text);
      return false;
    }
    list.push_back(std::move(c));
    return true;
  } catch (const Error& e) {
    report_.notes.push_back(fmt::format("{}: the schedule \"{}\" is left out: {}", name_, schedule.str(), e.message()));
    return false;
  }
}

void Search::sample(TuneBench& bench, Candidate& c) const {
  const int repeats = c.ns.empty() ? 1 : static_cast<int>(std::clamp(kSampleNs / c.best, 1.0, 1000.0));
  c.ns.push_back(bench.time(c.entrant, repeats));
  c.best = std::min(c.best, c.ns.back());
  if (c.ns.size() == 1 && c.best < kSampleNs / 2) {  // of a single launch: an estimate alone
    c.ns.clear();
    const double once = c.best;
    c.ns.push_back(bench.time(c.entrant, static_cast<int>(std::clamp(kSampleNs / once, 1.0, 1000.0))));
    c.best = c.ns.back();
  }
}

/// Candidates in turns, the slow ones dropping out. After `end` no round begins once there were `least`.
void Search::race(TuneBench& bench, std::vector<Candidate>& list, int rounds, int least, Clock::time_point end) {
  for (int round = 0; round < rounds && (round < least || Clock::now() < end) && !(round > 0 && over()); ++round) {
    double best = 1e300;
    for (Candidate& c : list) {
      if (!c.alive) continue;
      sample(bench, c);
      best = std::min(best, c.best);
    }
    const double slack = round < 2 ? 1.15 : 1.04;
    for (size_t i = 1; i < list.size(); ++i)  // the first one is what the others are compared with
      if (list[i].best > slack * best) list[i].alive = false;
    if (std::none_of(list.begin() + 1, list.end(), [](const Candidate& c) { return c.alive; })) return;
  }
}

void Search::tune(const Subject& s, Clock::time_point end) {
  TuneBench bench(context_, *s.region, s.options, most_threads(context_, options_.eval));
  const Schedule& chosen = s.tuning->chosen();
  TuneBench::Entrant first = bench.compile(chosen);
  const KernelPlan& plan = *first->launches[0].kernel;
  name_ = plan.name;
  if (!bench.set_results(first)) {
    report_.notes.push_back(name_ + ": refuses operands that are made up, and is left out");
    return;
  }
  TunedKernel k;
  k.name = name_;
  k.kind = plan.kind;
  k.before = chosen.str();
  k.candidates = 1;
  Candidate incumbent{.schedule = chosen, .entrant = first};
  std::unordered_set<std::string> seen{codegen::knobs(chosen)};
  const int stages = s.tuning->stages();
  for (int stage = 0; stage < stages && !over(); ++stage) {
    const auto begin = Clock::now();
    const auto stage_end = begin + (end - begin) / (stages - stage + 1);  // and the last comparison
    const auto compiled_by = begin + (stage_end - begin) / 2;
    std::vector<Candidate> list{incumbent};
    list[0].ns.clear();
    sample(bench, list[0]);
    for (const Schedule& candidate : s.tuning->candidates(stage, incumbent.schedule)) {
      if (Clock::now() >= compiled_by || over()) break;
      if (!seen.insert(codegen::knobs(candidate)).second || !enter(bench, s, candidate, list)) continue;
      ++k.candidates;
      sample(bench, list.back());
      tell((stage + 0.5 * (Clock::now() - begin) / (stage_end - begin)) / (stages + 1));
    }
    race(bench, list, kRounds, 3, stage_end);
    size_t best = 0;
    for (size_t i = 1; i < list.size(); ++i)
      if (list[i].alive && median(list[i].ns) < kLeastGain * median(list[best].ns)) best = i;
    incumbent = list[best];
    tell(static_cast<double>(stage + 1) / (stages + 1));
  }
  std::vector<Candidate> last{{.schedule = chosen, .entrant = first}};
  if (incumbent.schedule != chosen) last.push_back({.schedule = incumbent.schedule, .entrant = incumbent.entrant});
  race(bench, last, kFinalRounds, 5, end);
  k.before_us = k.after_us = median(last[0].ns) * 1e-3;
  Schedule winner = chosen;
  if (last.size() > 1 && median(last[1].ns) < kLeastGain * median(last[0].ns)) {
    winner = incumbent.schedule;
    k.after_us = median(last[1].ns) * 1e-3;
  }
  k.after = winner.str();
  context_.tuning().insert(s.key, {.over = chosen.str(),
                                   .knobs = codegen::knobs(winner),
                                   .kernel = name_,
                                   .before_us = k.before_us,
                                   .after_us = k.after_us});
  report_.kernels.push_back(std::move(k));
}

void Search::run(const Planned& planned) {
  const std::vector<Subject> list = subjects(planned);
  for (const Subject& s : list) weight_ += s.weight;
  double left = weight_;
  for (const Subject& s : list) {
    if (over()) {
      ++report_.skipped;
      continue;
    }
    const auto now = Clock::now();
    present_ = s.weight;
    try {
      tune(s, now + seconds(std::chrono::duration<double>(end_ - now).count() * s.weight / left));
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::Memory) throw;
      report_.notes.push_back(fmt::format("{}: is left out: {}", name_, e.message()));
    }
    tell(1);
    done_ += s.weight;
    left -= s.weight;
  }
  report_.seconds = since(start_);
}

}  // namespace

TuneReport tune(Context& context, const ir::Graph& graph, const TuneOptions& options) {
  if (uses_devices(graph))
    throw Error(ErrorKind::Unsupported, "tune: schedules of CUDA devices are not searched",
                "tune tensors that are on the CPU");
  TuneReport report;
  context.compile_pool().run([&] {
    const EvalRequest request{.graph = graph, .donated = {}, .targets = {}, .options = options.eval};
    const Boundary boundary = number(request, /*values=*/false);
    Search(context, options, report).run(plan_request(context, request, boundary));
  });
  if (report.kernels.empty()) return report;
  context.programs().clear();
  if (!options.save || context.tuning().file().empty()) return report;
  std::string why;
  if (context.tuning().save(&why))
    report.file = context.tuning().file();
  else
    report.notes.push_back("winners are not kept for later processes: " + why);
  return report;
}

}  // namespace lazuli::runtime
