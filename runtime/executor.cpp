#include "runtime/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "ir/interpret.h"
#include "lazuli/base/error.h"
#include "runtime/context.h"
#include "runtime/diagnose.h"
#include "runtime/float_mode.h"
#include "runtime/launch.h"
#include "runtime/prepared.h"
#include "runtime/segments.h"
#include "runtime/verify_run.h"

namespace lazuli::runtime {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// What a run measured, beside what is known before it.
void add_measurements(Context& context, const Prepared& prepared, const RunInfo& info, Report& report) {
  // What a GPU can do is not measured yet.
  const bool host = prepared.program->device.is_cpu();
  const MachineLimits limits = host ? context.limits(info.threads) : MachineLimits{};
  for (size_t i = 0; i < prepared.program->launches.size(); ++i) {
    const KernelPlan& k = *prepared.program->launches[i].kernel;
    KernelReport& r = report.kernels[i];
    r.milliseconds = info.nanoseconds[i] * 1e-6;
    if (host) r.peak_fraction = limits.fraction(k.bytes_read, k.bytes_written, k.flops, info.nanoseconds[i]);
  }
}

/// What the interpreter can read.
EvalRequest on_host(Context& context, const EvalRequest& request) {
  if (!uses_devices(request.graph)) return request;
  return {.graph = host_twin(context, request.graph), .donated = {}, .targets = {}, .options = request.options};
}

/// Small work that has no program yet. Results go where those of a program would: to targets, to memory that the
/// request gives away, else to new memory. All are known, and all memory is there, before any is written. Nothing when
/// an element is refused: whether anybody needs that element is for kernels to say.
std::optional<EvalResult> run_first_tier(Context& context, const EvalRequest& request, const Boundary& boundary) {
  EvalResult result;
  std::vector<ir::HostArray> values;
  try {
    values = ir::interpret(request.graph);
  } catch (const Error&) {
    return std::nullopt;
  }
  std::vector<std::shared_ptr<Buffer>> given;
  for (size_t i = 0; i < boundary.leaves.size(); ++i)
    if (boundary.donated[i]) given.push_back(leaf_buffer(boundary.leaves[i]));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bytes = static_cast<int64_t>(values[i].bytes.size());
    const auto same = std::find_if(given.begin(), given.end(), [&](const auto& b) {
      return b->bytes() == bytes &&
             std::find(request.targets.begin(), request.targets.end(), b) == request.targets.end();
    });
    if (i < request.targets.size() && request.targets[i]) {
      result.buffers.push_back(request.targets[i]);
    } else if (same != given.end()) {
      result.buffers.push_back(std::move(*same));
      given.erase(same);
    } else {
      result.buffers.push_back(context.allocator().allocate(bytes));
    }
  }
  for (size_t i = 0; i < values.size(); ++i)
    context.upload(*result.buffers[i], values[i].bytes.data(), static_cast<int64_t>(values[i].bytes.size()));
  result.report.interpreted = true;
  return result;
}

/// In kernels, or, small work at first, interpreted.
EvalResult run(Context& context, const EvalRequest& request) {
  EvalResult result;
  Prepared prepared = look_up(context, request);
  if (prepared.boundary.crosses) return evaluate_segments(context, request);
  if (!prepared.program && context.first_tier().takes(context, request, prepared.boundary))
    if (auto interpreted = run_first_tier(context, request, prepared.boundary)) return std::move(*interpreted);
  if (!prepared.program) make_program(context, request, prepared);
  RunInfo info;
  result.buffers =
      run_program(context, *prepared.program, request, prepared.boundary, info,
                  {.timed = request.options.profile, .repeats = request.options.profile_repeats, .observer = {}});
  if (info.status)
    throw_failed_check(on_host(context, request), prepared.program->launches[info.failed_launch].kernel->name);
  if (request.options.profile) {
    fill_report(prepared, result.report);
    add_measurements(context, prepared, info, result.report);
  }
  return result;
}

/// `host`: the same on the CPU.
EvalResult run_interpreted(Context& context, const EvalRequest& request, const EvalRequest& host) {
  EvalResult result;
  for (const ir::HostArray& value : ir::interpret(host.graph)) {
    const Device device = request.graph.outputs[result.buffers.size()]->device();
    const auto bytes = static_cast<int64_t>(value.bytes.size());
    result.buffers.push_back(context.allocator(device).allocate(bytes));
    context.upload(*result.buffers.back(), value.bytes.data(), bytes);
  }
  result.report.interpreted = true;
  return result;
}

/// Results from devices against the interpreter's.
void verify_results(const EvalRequest& host, const std::vector<std::shared_ptr<Buffer>>& results) {
  const std::vector<ir::HostArray> expected = ir::interpret(host.graph);
  for (size_t i = 0; i < expected.size(); ++i) {
    ir::HostArray got{.dtype = expected[i].dtype, .shape = expected[i].shape, .bytes = expected[i].bytes};
    if (!got.bytes.empty()) std::memcpy(got.bytes.data(), results[i]->data(), got.bytes.size());
    int64_t at = 0;
    if (!ir::bitwise_equal(expected[i], got, &at))
      throw Error(ErrorKind::Internal, fmt::format("result {} differs from the interpreter at linear index {}", i, at));
  }
}

/// The modes that look at everything on the host.
EvalResult run_checked(Context& context, const EvalRequest& request) {
  const EvalOptions& options = request.options;
  // The old contents must survive until the results are known to be good.
  const EvalRequest apart{.graph = request.graph, .donated = {}, .targets = {}, .options = options};
  const bool devices = uses_devices(request.graph);
  const EvalRequest host = on_host(context, apart);
  if (options.verify_passes && !options.interpret) verify_request(context, host);
  EvalResult result = options.interpret ? run_interpreted(context, apart, host) : run(context, apart);
  if (devices) {
    const auto results = host_copies(context, result.buffers);
    if (options.verify_passes && !options.interpret) verify_results(host, results);
    if (options.check_nan) check_nan(host, results);
  } else if (options.check_nan) {
    check_nan(apart, result.buffers);
  }
  return result;
}

/// Moves finished results to their targets. Cannot fail.
void commit(Context& context, const EvalRequest& request, EvalResult& result) {
  for (size_t i = 0; i < result.buffers.size(); ++i) {
    if (i >= request.targets.size() || !request.targets[i]) continue;
    context.copy(*request.targets[i], *result.buffers[i], request.graph.outputs[i]->nbytes());
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
    result = run_checked(context, request);
    commit(context, request, result);
  } else {
    result = run(context, request);
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
                                    .payload = std::make_shared<Buffer>(data, n->nbytes(), nullptr, /*external=*/true,
                                                                        n->op() == ir::Op::data ? n->device() : kCPU),
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
  if (options.interpret || options.verify_passes || options.check_nan || !prepared.program)
    return evaluate(context, bound());
  const FloatMode mode;
  const auto start = options.profile ? Clock::now() : Clock::time_point{};
  if (options.profile) context.allocator().reset_peak();
  EvalResult result;
  RunInfo info;
  result.buffers = run_program(context, *prepared.program, memory, options, info,
                               {.timed = options.profile, .repeats = options.profile_repeats, .observer = {}});
  if (info.status)
    throw_failed_check(on_host(context, bound()), prepared.program->launches[info.failed_launch].kernel->name);
  if (options.profile) {
    fill_report(prepared, result.report);
    add_measurements(context, prepared, info, result.report);
    result.report.total_ms = milliseconds_since(start);
    result.report.peak_bytes = context.allocator().stats().peak_bytes;
  }
  return result;
}

}  // namespace lazuli::runtime
