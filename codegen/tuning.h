// The knobs of schedules: what a tuner may turn without changing a bit of the result, as numbers with names. Which
// values a region allows is decided here, for the candidates of a search and for winners read from a file alike.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codegen/schedule.h"

namespace lazuli::codegen {

class RegionEmitter;

/// "tile_rows=14 tile_vectors=2 ..."; empty where the strategy has no knobs.
std::string knobs(const Schedule& s);

/// Candidates and checks for one region, whose schedule the cost model has chosen. Keeps a reference to the region.
class Tuning {
 public:
  Tuning(const ir::Region& region, LoweringOptions options);
  ~Tuning();
  Tuning(const Tuning&) = delete;
  Tuning& operator=(const Tuning&) = delete;

  /// The cost model's choice.
  const Schedule& chosen() const { return chosen_; }
  /// How many questions a search asks in turn; 0: there is nothing to tune.
  int stages() const;
  /// Schedules that differ from `around` in the knobs of one stage, most promising first, `around` not among them.
  std::vector<Schedule> candidates(int stage, const Schedule& around) const;
  /// The chosen schedule with the knobs of the text. Nothing where the text is damaged or the region does not allow
  /// them; `why` then says.
  std::optional<Schedule> with(std::string_view text, std::string* why) const;

 private:
  bool allows(const Schedule& s) const;
  void finish(Schedule& s) const;
  std::vector<Schedule> tiles(const Schedule& around) const;
  std::vector<Schedule> tasks(const Schedule& around) const;
  std::vector<Schedule> packing(const Schedule& around) const;
  std::vector<Schedule> depths(const Schedule& around) const;
  std::vector<Schedule> loops(const Schedule& around) const;

  const LoweringOptions options_;
  std::unique_ptr<const RegionEmitter> probe_;  // refers to options_
  Schedule chosen_;
};

}  // namespace lazuli::codegen
