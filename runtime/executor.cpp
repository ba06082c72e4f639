#include "runtime/executor.h"

#include <chrono>
#include <cstring>
#include <unordered_set>

#include "ir/interpret.h"
#include "lazuli/base/error.h"
#include "runtime/context.h"
#include "runtime/diagnose.h"
#include "runtime/dump_files.h"
#include "runtime/float_mode.h"
#include "runtime/launch.h"
#include "runtime/program.h"
#include "runtime/verify_run.h"

namespace lazuli::runtime {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// The program of a request, and what was made for it just now.
struct Lookup {
  std::shared_ptr<const Program> program;
  bool hit = true;
  std::unordered_set<const KernelPlan*> fresh;  // kernels that were lowered for this program
  double plan_ms = 0;
};

Lookup find_program(Context& context, const EvalRequest& request, Boundary& boundary) {
  Lookup found;
  found.program = context.programs().find(boundary.key);
  if (found.program) return found;
  const auto start = Clock::now();
  found.hit = false;
  context.compile_pool().run([&] {
    Planned planned = plan_request(context, request, boundary);
    plan_kernels(context, planned, context.target(request.options));
    found.program = assemble(planned, boundary);
    found.fresh = std::move(planned.fresh);
  });
  found.plan_ms = milliseconds_since(start);
  const int64_t cost = found.program->cost() + static_cast<int64_t>(boundary.key.size());
  context.programs().insert(std::move(boundary.key), found.program, cost);
  dump_to_files(context, request);
  return found;
}

void fill_report(Context& context, const Lookup& found, const RunInfo& info, Report& report) {
  const MachineLimits limits = context.limits(info.threads);
  report.program_hit = found.hit;
  report.plan_ms = found.plan_ms;
  report.arena_bytes = found.program->arena_bytes;
  std::unordered_set<const KernelPlan*> told;
  for (size_t i = 0; i < found.program->launches.size(); ++i) {
    const KernelPlan& k = *found.program->launches[i].kernel;
    KernelReport r;
    r.name = k.name;
    r.kind = k.kind;
    r.schedule = k.schedule;
    r.klass = "exact";
    r.fused_ops = k.fused_ops;
    r.bytes = k.bytes_read + k.bytes_written;
    r.flops = k.flops;
    r.milliseconds = info.nanoseconds[i] * 1e-6;
    r.peak_fraction = limits.fraction(k.bytes_read, k.bytes_written, k.flops, info.nanoseconds[i]);
    // Launches that share a kernel compile it once.
    const bool compiled = found.fresh.contains(&k) && k.miss != Miss::None && told.insert(&k).second;
    r.cache_hit = !compiled;
    if (compiled) {
      r.compile_ms = k.compile_ms;
      r.miss_reason = name(k.miss);
    }
    report.kernels.push_back(std::move(r));
  }
}

EvalResult run_compiled(Context& context, const EvalRequest& request) {
  EvalResult result;
  Boundary boundary = number(request);
  const Lookup found = find_program(context, request, boundary);
  RunInfo info;
  result.buffers =
      run_program(context, *found.program, request, boundary, info, {.timed = request.options.profile, .observer = {}});
  if (info.status) throw_failed_check(request, found.program->launches[info.failed_launch].kernel->name);
  if (request.options.profile) fill_report(context, found, info, result.report);
  return result;
}

EvalResult run_interpreted(Context& context, const EvalRequest& request) {
  EvalResult result;
  for (const ir::HostArray& value : ir::interpret(request.graph)) {
    result.buffers.push_back(context.allocator().allocate(static_cast<int64_t>(value.bytes.size())));
    if (!value.bytes.empty()) std::memcpy(result.buffers.back()->data(), value.bytes.data(), value.bytes.size());
  }
  return result;
}

/// Moves finished results to their targets. Cannot fail.
void commit(const EvalRequest& request, EvalResult& result) {
  for (size_t i = 0; i < result.buffers.size(); ++i) {
    if (i >= request.targets.size() || !request.targets[i]) continue;
    if (const int64_t bytes = request.graph.outputs[i]->nbytes(); bytes > 0)
      std::memcpy(request.targets[i]->data(), result.buffers[i]->data(), static_cast<size_t>(bytes));
    result.buffers[i] = request.targets[i];
  }
}

}  // namespace

EvalResult evaluate(Context& context, const EvalRequest& request) {
  const FloatMode mode;
  const auto start = Clock::now();
  const EvalOptions& options = request.options;
  if (options.profile) context.allocator().reset_peak();
  EvalResult result;
  if (options.interpret || options.verify_passes || options.check_nan) {
    // The old contents must survive until the results are known to be good.
    const EvalRequest apart{.graph = request.graph, .donated = {}, .targets = {}, .options = options};
    if (options.verify_passes && !options.interpret) verify_request(context, apart);
    result = options.interpret ? run_interpreted(context, apart) : run_compiled(context, apart);
    if (options.check_nan) check_nan(apart, result.buffers);
    commit(request, result);
  } else {
    result = run_compiled(context, request);
  }
  if (options.profile) {
    result.report.total_ms = milliseconds_since(start);
    result.report.peak_bytes = context.allocator().stats().peak_bytes;
  }
  return result;
}

}  // namespace lazuli::runtime
