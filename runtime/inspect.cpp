// dump(): the stages of a graph's compilation as text. Nothing is run.
#include <fmt/format.h>

#include <unordered_set>

#include "codegen/cuda/emit.h"
#include "ir/text.h"
#include "lazuli/base/error.h"
#include "passes/pass.h"
#include "runtime/context.h"
#include "runtime/region_plan.h"

namespace lazuli::runtime {
namespace {

using codegen::Lowered;

/// Every distinct kernel of the plan, in launch order.
template <class Print>
std::string each_kernel(Context& context, const Planned& planned, const EvalOptions& options, Print&& print,
                        bool gpu = false) {
  const RegionOptions options_of(planned, context.target(options));
  const int threads = most_threads(context, options);
  std::string text;
  std::unordered_set<std::string> seen;
  for (const uint32_t r : planned.memory.order) {
    const ir::Region& region = planned.partition.regions[r];
    if (std::all_of(region.outputs.begin(), region.outputs.end(), [](const ir::Node* n) { return n->nbytes() == 0; }))
      continue;
    codegen::LoweringOptions lowering = options_of.of(region);
    if (const Device device = region.outputs[0]->device(); device.is_cuda() && context.cuda().count() > device.index())
      lowering.gpu = context.cuda().gpu(device).target();
    else if (gpu || device.is_cuda())
      lowering.gpu = codegen::GpuTarget::sm_90a();
    Lowered lowered;
    bool tuned = false;
    try {
      const auto winner = tuned_schedule(context, region, lowering, threads);
      tuned = winner.has_value();
      lowered = lower_region(region, lowering, winner);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::Unsupported) throw;
      text += fmt::format("// region {}: {}\n", r, e.message());
      continue;
    }
    const std::string schedule = spell_schedule(lowered.schedule, tuned);
    text += print(r, lowered, schedule, !seen.insert(codegen::structural_key(*lowered.kernel)).second);
  }
  return text;
}

/// Prints each kernel once; repetitions are one line.
template <class Print>
std::string each_distinct(Context& context, const Planned& planned, const EvalOptions& options, Print&& print,
                          bool gpu = false) {
  const auto once = [&](uint32_t region, const Lowered& l, const std::string&, bool repeated) {
    return repeated ? fmt::format("; region {}: {} again\n", region, l.kernel->name)
                    : fmt::format("; region {}: {}\n{}\n", region, l.kernel->name, print(l));
  };
  return each_kernel(context, planned, options, once, gpu);
}

std::string print_schedule(uint32_t region, const Lowered& l, const std::string& schedule) {
  std::string text = fmt::format("region {}: {}: {}", region, l.kernel->name, schedule);
  for (size_t p = 0; p < l.phases.size(); ++p)
    text += fmt::format("; {}: {} tasks of {:.0f} ns", l.kernel->phases[p].name, l.phases[p].tasks,
                        l.phases[p].nanoseconds_per_task);
  return text +
         fmt::format("; reads {} bytes, writes {} bytes, {:.0f} operations\n", l.bytes_read, l.bytes_written, l.flops);
}

std::string dump_stage(Context& context, const EvalRequest& request, const std::string& stage) {
  const EvalOptions& options = request.options;
  const Boundary boundary = number(request, /*values=*/false);
  std::string passes = "; before\n" + ir::print(request.graph);
  const Planned planned =
      plan_request(context, request, boundary,
                   [&](const std::string& pass, const ir::Graph& before, const ir::Graph& after, double ms) {
                     const bool changed = !ir::same_structure(before, after);
                     passes += fmt::format("\n; after {} ({:.3f} ms)\n", pass, ms);
                     passes += changed ? ir::print(after) : "; unchanged\n";
                   });
  if (stage == "passes") return passes;
  if (stage == "regions") return passes::print_partition(planned.partition);
  if (stage == "memory") return planned.memory.str();
  const auto target = context.target(options);
  if (stage == "schedule")
    return each_kernel(context, planned, options,
                       [](uint32_t region, const Lowered& l, const std::string& schedule, bool) {
                         return print_schedule(region, l, schedule);
                       });
  if (stage == "kernels")
    return each_distinct(context, planned, options, [](const Lowered& l) { return codegen::print_kernel(*l.kernel); });
  if (stage == "llvm")
    return each_distinct(context, planned, options,
                         [&](const Lowered& l) { return context.jit(target).llvm_ir(*l.kernel); });
  if (stage == "asm")
    return each_distinct(context, planned, options,
                         [&](const Lowered& l) { return context.jit(target).assembly(*l.kernel); });
  if (stage == "cuda")
    return each_distinct(
        context, planned, options, [](const Lowered& l) { return codegen::emit_cuda(*l.kernel, l.schedule).text; },
        true);
  throw Error(ErrorKind::Value, fmt::format("dump: there is no stage \"{}\"", stage),
              "stages are graph, dot, passes, regions, memory, schedule, kernels, llvm, asm, cuda");
}

}  // namespace

std::string dump(Context& context, const ir::Graph& graph, const std::string& stage, const EvalOptions& options) {
  if (stage == "graph") return ir::print(graph, {.locations = true});
  if (stage == "dot") return ir::print_dot(graph);
  const EvalRequest request{.graph = graph, .donated = {}, .targets = {}, .options = options};
  std::string text;
  context.compile_pool().run([&] { text = dump_stage(context, request, stage); });
  return text;
}

}  // namespace lazuli::runtime
