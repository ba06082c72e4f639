// One region on memory of its own, run under one schedule after another: what the tuner times and compares.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "runtime/launch.h"
#include "runtime/region_plan.h"

namespace lazuli::runtime {

class TuneBench {
 public:
  /// Throws Error(Memory) where operands have no room. `options` must name no aliases.
  TuneBench(Context& context, const ir::Region& region, const codegen::LoweringOptions& options, int threads);

  using Entrant = std::shared_ptr<const Program>;
  /// The region compiled under the schedule.
  Entrant compile(const codegen::Schedule& schedule);
  /// Nanoseconds of a launch, the mean of `repeats`.
  double time(const Entrant& entrant, int repeats);
  /// Runs the first entrant, whose results are those that all others must have. False where the kernel refuses the
  /// operands, whatever they are.
  bool set_results(const Entrant& first);
  /// Runs the entrant and says whether its results have the bits of the first one's.
  bool same_results(const Entrant& entrant);

 private:
  void fill(bool zeros);
  std::vector<std::shared_ptr<Buffer>> run(const Entrant& entrant, int repeats, RunInfo& info);

  Context& context_;
  const ir::Region& region_;
  const codegen::LoweringOptions& options_;
  EvalOptions eval_;
  std::vector<std::shared_ptr<Buffer>> operands_, results_;
  std::vector<const void*> leaves_;
};

}  // namespace lazuli::runtime
