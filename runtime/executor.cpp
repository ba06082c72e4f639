#include "runtime/executor.h"

#include <chrono>
#include <cstring>
#include <unordered_map>

#include "ir/interpret.h"
#include "lazuli/base/error.h"
#include "runtime/context.h"
#include "runtime/diagnose.h"
#include "runtime/float_mode.h"
#include "runtime/launch.h"
#include "runtime/prepared.h"
#include "runtime/verify_run.h"

namespace lazuli::runtime {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// What a run measured, beside what is known before it.
void add_measurements(Context& context, const Prepared& prepared, const RunInfo& info, Report& report) {
  const MachineLimits limits = context.limits(info.threads);
  for (size_t i = 0; i < prepared.program->launches.size(); ++i) {
    const KernelPlan& k = *prepared.program->launches[i].kernel;
    KernelReport& r = report.kernels[i];
    r.milliseconds = info.nanoseconds[i] * 1e-6;
    r.peak_fraction = limits.fraction(k.bytes_read, k.bytes_written, k.flops, info.nanoseconds[i]);
  }
}

EvalResult run_compiled(Context& context, const EvalRequest& request) {
  EvalResult result;
  const Prepared prepared = prepare(context, request);
  RunInfo info;
  result.buffers = run_program(context, *prepared.program, request, prepared.boundary, info,
                               {.timed = request.options.profile, .observer = {}});
  if (info.status) throw_failed_check(request, prepared.program->launches[info.failed_launch].kernel->name);
  if (request.options.profile) {
    fill_report(prepared, result.report);
    add_measurements(context, prepared, info, result.report);
  }
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

namespace {

/// The graph with the call's memory behind its leaves.
ir::Graph bound_graph(Context& context, const Prepared& prepared, const ir::Graph& graph, const CallMemory& memory) {
  std::unordered_map<const ir::Node*, size_t> numbers;
  for (size_t i = 0; i < prepared.leaves().size(); ++i) numbers.emplace(prepared.leaves()[i], i);
  return ir::rewrite(graph, context.interner(), [&](const ir::Node* n, std::span<const ir::NodeRef>) -> ir::NodeRef {
    const auto it = numbers.find(n);
    if (it == numbers.end()) return nullptr;
    auto* data = const_cast<void*>(memory.leaves[it->second]);
    return context.interner().make({.op = n->op(),
                                    .attr = ir::LeafAttr{context.interner().next_leaf_id()},
                                    .dtype = n->dtype(),
                                    .shape = n->shape(),
                                    .device = n->device(),
                                    .payload = std::make_shared<Buffer>(data, n->nbytes(), nullptr, /*external=*/true),
                                    .origin = n->origin()});
  });
}

}  // namespace

EvalResult run_prepared(Context& context, const Prepared& prepared, const ir::Graph& graph, const CallMemory& memory,
                        const EvalOptions& options) {
  const auto bound = [&] {
    return EvalRequest{
        .graph = bound_graph(context, prepared, graph, memory), .donated = {}, .targets = {}, .options = options};
  };
  if (options.interpret || options.verify_passes || options.check_nan) return evaluate(context, bound());
  const FloatMode mode;
  const auto start = options.profile ? Clock::now() : Clock::time_point{};
  if (options.profile) context.allocator().reset_peak();
  EvalResult result;
  RunInfo info;
  result.buffers =
      run_program(context, *prepared.program, memory, options, info, {.timed = options.profile, .observer = {}});
  if (info.status) throw_failed_check(bound(), prepared.program->launches[info.failed_launch].kernel->name);
  if (options.profile) {
    fill_report(prepared, result.report);
    add_measurements(context, prepared, info, result.report);
    result.report.total_ms = milliseconds_since(start);
    result.report.peak_bytes = context.allocator().stats().peak_bytes;
  }
  return result;
}

}  // namespace lazuli::runtime
