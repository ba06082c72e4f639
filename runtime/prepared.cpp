#include "runtime/prepared.h"

#include <fmt/format.h>

#include <chrono>

#include "runtime/context.h"
#include "runtime/dump_files.h"

namespace lazuli::runtime {

Prepared look_up(Context& context, const EvalRequest& request, bool values) {
  Prepared p;
  p.boundary = number(request, values);
  if (!p.boundary.crosses) p.program = context.programs().find(p.boundary.key);
  return p;
}

Prepared prepare(Context& context, const EvalRequest& request, bool values) {
  Prepared p = look_up(context, request, values);
  if (!p.program && !p.boundary.crosses) make_program(context, request, p);
  return p;
}

void make_program(Context& context, const EvalRequest& request, Prepared& p) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  p.hit = false;
  context.compile_pool().run([&] {
    Planned planned = plan_request(context, request, p.boundary);
    plan_kernels(context, planned, request.options);
    p.program = assemble(planned, p.boundary, context.settings().cuda_graphs);
    p.fresh = std::move(planned.fresh);
  });
  p.plan_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  const int64_t cost = p.program->cost() + static_cast<int64_t>(p.boundary.key.size());
  context.programs().insert(std::move(p.boundary.key), p.program, cost);
  dump_to_files(context, request);
}

void fill_report(const Prepared& prepared, Report& report) {
  report.program_hit = prepared.hit;
  report.plan_ms = prepared.plan_ms;
  report.arena_bytes = prepared.program->arena_bytes;
  std::unordered_set<const KernelPlan*> told;
  std::span<const cuda::Replay::Stretch> graphs;
  if (prepared.program->replay) graphs = prepared.program->replay->stretches();
  size_t graph = 0;
  for (const Launch& launch : prepared.program->launches) {
    const KernelPlan& k = *launch.kernel;
    KernelReport r;
    r.name = k.name;
    r.kind = k.kind;
    r.schedule = k.schedule;
    const size_t number = report.kernels.size();
    while (graph < graphs.size() && number >= graphs[graph].end) ++graph;
    if (graph < graphs.size() && number >= graphs[graph].begin) r.schedule += fmt::format(" graph={}", graph);
    r.klass = k.gpu.library ? "library" : k.exact ? "exact" : "matrix_unit";
    r.fused_ops = k.fused_ops;
    r.bytes = k.bytes_read + k.bytes_written;
    r.flops = k.flops;
    // Launches that share a kernel compile it once.
    const bool compiled = prepared.fresh.contains(&k) && k.miss != Miss::None && told.insert(&k).second;
    r.cache_hit = !compiled;
    if (compiled) {
      r.compile_ms = k.compile_ms;
      r.miss_reason = name(k.miss);
    }
    report.kernels.push_back(std::move(r));
  }
}

}  // namespace lazuli::runtime
