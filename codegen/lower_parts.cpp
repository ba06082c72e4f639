// Regions of several independent maps: one kernel with one phase, so that threads find the tasks of all parts at once.
// Part k has the tasks first_k .. first_k + count_k - 1, both size arguments.
#include <algorithm>

#include "codegen/strategies.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

LoweringOptions options_of_part(const Region& region, const Region& part, const LoweringOptions& options) {
  LoweringOptions own = options;
  own.aliases.clear();
  const auto position = [](const std::vector<const Node*>& list, const Node* n) {
    return static_cast<size_t>(std::find(list.begin(), list.end(), n) - list.begin());
  };
  for (const auto& [o, i] : options.aliases) {
    const size_t output = position(part.outputs, region.outputs[o]), input = position(part.inputs, region.inputs[i]);
    if (output < part.outputs.size() && input < part.inputs.size())
      own.aliases.emplace_back(static_cast<uint32_t>(output), static_cast<uint32_t>(input));
  }
  return own;
}

}  // namespace

Lowered lower_parts(const Region& region, const LoweringOptions& options) {
  KernelTarget target("maps");
  Schedule first_schedule;
  PhaseLaunch all;
  double nanoseconds = 0;
  KernelBuilder& b = target.b;
  const auto size = [&](int64_t v) {
    target.lowered.sizes.push_back(v);
    return b.size_arg();
  };
  b.phase("parts", [&](ValueId task) {
    for (size_t k = 0; k < region.parts.size(); ++k) {
      const LoweringOptions own = options_of_part(region, region.parts[k], options);
      RegionEmitter e(region.parts[k], own, target);
      e.use(choose_schedule(e));
      if (k == 0) first_schedule = e.schedule;
      const ValueId first = size(all.tasks);
      const size_t counter = target.lowered.sizes.size();
      const ValueId count = size(0), own_task = b.sub(task, first);
      b.if_then(b.prim(Prim::ult, kBool, {own_task, count}), [&] {
        e.task_of_part = own_task;
        e.schedule.strategy == Strategy::MapTiled ? lower_map_tiled(e) : lower_map(e);
        return std::vector<ValueId>{};
      });
      const PhaseLaunch part = target.lowered.phases.back();
      target.lowered.sizes[counter] = part.tasks;
      all.tasks += part.tasks;
      nanoseconds += static_cast<double>(part.tasks) * part.nanoseconds_per_task;
      add_flops(e);
    }
  });
  if (all.tasks > 0) all.nanoseconds_per_task = nanoseconds / static_cast<double>(all.tasks);
  target.lowered.phases = {all};
  target.lowered.schedule = first_schedule;
  target.lowered.schedule.parts = static_cast<int>(region.parts.size());
  target.lowered.schedule.narrow = first_schedule.threads && addresses_fit(target.lowered, b.kernel());
  target.lowered.kernel = b.finish();
  return std::move(target.lowered);
}

}  // namespace lazuli::codegen
