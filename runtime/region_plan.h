// One region on its way to a kernel: the facts that it is lowered under, the key of what comes of it, and the schedule,
// which is the cost model's choice or a winner of the tuner. Shared by planning, dumps, explanations and the tuner.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "codegen/lower.h"
#include "runtime/options.h"
#include "runtime/program.h"

namespace lazuli::runtime {

class Context;

/// What regions of one plan are lowered under on the CPU.
class RegionOptions {
 public:
  RegionOptions(const Planned& planned, codegen::CpuTarget target);
  codegen::LoweringOptions of(const ir::Region& region) const;

 private:
  codegen::CpuTarget target_;
  SlotIndex slots_;
  // Results of the program that nobody will find in a cache: it writes more of them than fit.
  std::unordered_set<const ir::Node*> far_;
};

/// Everything that lowering sees of a region, with nodes numbered by position.
std::string region_key(const ir::Region& region, const codegen::LoweringOptions& options);

/// Threads that a request may use at most: winners are for a number of them.
int most_threads(Context& context, const EvalOptions& options);
/// Of a kernel in the table of winners. The memory that operands and results share is no part of it.
std::string tuning_key(const ir::Region& region, const codegen::LoweringOptions& options, int threads);

/// The winner of this machine, where there is one. One that the region does not allow is left out and logged.
std::optional<codegen::Schedule> tuned_schedule(Context& context, const ir::Region& region,
                                                const codegen::LoweringOptions& options, int threads);
/// As reports state it.
std::string spell_schedule(const codegen::Schedule& schedule, bool tuned);

/// Lowers under the schedule, or under the cost model's choice.
codegen::Lowered lower_region(const ir::Region& region, const codegen::LoweringOptions& options,
                              const std::optional<codegen::Schedule>& tuned);
/// Lowers and compiles.
std::shared_ptr<const KernelPlan> plan_region(Context& context, const ir::Region& region,
                                              const codegen::LoweringOptions& options,
                                              const std::optional<codegen::Schedule>& tuned);

}  // namespace lazuli::runtime
