#include "runtime/verify_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "ir/interpret.h"
#include "ir/text.h"
#include "lazuli/base/error.h"
#include "passes/verify_passes.h"
#include "runtime/context.h"
#include "runtime/dump_files.h"
#include "runtime/launch.h"
#include "runtime/program.h"

namespace lazuli::runtime {
namespace {

using ir::HostArray;
using ir::Node;

std::string saved(Context& context, const std::string& what, const ir::Graph& graph) {
  const std::string path =
      write_dump(context, context.settings().dump_directory, fmt::format("{}-verify-{}.lz", getpid(), what),
                 ir::print(graph, {.locations = true}));
  return path.empty() ? "" : "; the graph is in " + path;
}

/// Regions in the order of the program's launches.
std::vector<const ir::Region*> launched_regions(const Planned& planned) {
  std::vector<const ir::Region*> regions;
  for (const uint32_t r : planned.memory.order)
    if (planned.kernels[r]) regions.push_back(&planned.partition.regions[r]);
  return regions;
}

/// What the interpreter makes of every stored value, given by the region's outputs in launch order.
std::vector<std::vector<HostArray>> expected_values(const std::vector<const ir::Region*>& regions) {
  ir::Graph stored;
  for (const ir::Region* r : regions)
    for (const Node* n : r->outputs) stored.outputs.emplace_back(n);
  std::vector<HostArray> values = ir::interpret(stored);
  std::vector<std::vector<HostArray>> by_region;
  size_t next = 0;
  for (const ir::Region* r : regions) {
    by_region.emplace_back();
    for (size_t i = 0; i < r->outputs.size(); ++i) by_region.back().push_back(std::move(values[next++]));
  }
  return by_region;
}

void verify_graph_passes(Context& context, const EvalRequest& request) {
  passes::PassContext pass_context{.interner = context.interner(), .verify = true, .observer = {}};
  pass_context.fuse = request.options.fuse;
  const auto failure = passes::verify_passes(request.graph, passes::default_pipeline(), pass_context, {});
  if (!failure) return;
  const std::string path = write_dump(context, context.settings().dump_directory,
                                      fmt::format("{}-verify-{}.lz", getpid(), failure->pass), failure->reproducer());
  throw Error(ErrorKind::Internal, fmt::format("pass {} changes the result: {}{}", failure->pass, failure->message,
                                               path.empty() ? "" : "; a reduced graph is in " + path));
}

void verify_kernels(Context& context, const EvalRequest& request, const Boundary& boundary, const Planned& planned) {
  const auto program = assemble(planned, boundary);
  const std::vector<const ir::Region*> regions = launched_regions(planned);
  const auto expected = expected_values(regions);
  const auto compare = [&](size_t launch, std::span<void* const> buffers) {
    const KernelPlan& k = *program->launches[launch].kernel;
    for (size_t b = 0; b < buffers.size(); ++b) {
      if (k.buffers[b].kind != KernelPlan::Argument::Output) continue;
      const HostArray& want = expected[launch][static_cast<size_t>(k.buffers[b].index)];
      HostArray got{.dtype = want.dtype, .shape = want.shape, .bytes = std::vector<std::byte>(want.bytes.size())};
      if (!got.bytes.empty()) std::memcpy(got.bytes.data(), buffers[b], got.bytes.size());
      int64_t at = 0;
      if (ir::bitwise_equal(want, got, &at)) continue;
      throw Error(
          ErrorKind::Internal,
          fmt::format("kernel {} ({}, {}) differs from the interpreter at linear index {} of its output {} {}{}",
                      k.name, k.kind, k.schedule, at, name(want.dtype), ir::str(want.shape),
                      saved(context, k.name, region_graph(*regions[launch], context.interner()))));
    }
  };
  RunInfo info;
  run_program(context, *program, request, boundary, info, {.timed = false, .observer = compare});
  if (info.status)
    throw Error(ErrorKind::Internal, "kernel " + program->launches[info.failed_launch].kernel->name +
                                         " refused an element that the interpreter accepts");
}

}  // namespace

ir::Graph region_graph(const ir::Region& region, ir::Interner& interner) {
  std::unordered_map<const Node*, ir::NodeRef> replaced;
  for (const Node* n : region.inputs) {
    const ir::Op op = n->op() == ir::Op::argument ? ir::Op::argument : ir::Op::data;
    replaced.emplace(n, interner.make({.op = op,
                                       .attr = ir::LeafAttr{interner.next_leaf_id()},
                                       .dtype = n->dtype(),
                                       .shape = n->shape(),
                                       .device = n->device(),
                                       .payload = n->payload(),
                                       .origin = n->origin()}));
  }
  std::vector<ir::NodeRef> inputs;
  for (const Node* n : region.nodes) {
    inputs.clear();
    for (const Node* input : n->inputs()) inputs.push_back(replaced.at(input));
    replaced.emplace(n, ir::rebuild(n, inputs, interner));
  }
  ir::Graph g;
  for (const Node* n : region.outputs) g.outputs.push_back(replaced.at(n));
  return g;
}

void verify_request(Context& context, const EvalRequest& request) {
  const auto target = context.target(request.options);
  const Boundary boundary = number(request);
  context.compile_pool().run([&] {
    // The user's own errors (a refused element) come first, from the interpreter.
    ir::interpret(request.graph);
    verify_graph_passes(context, request);
    Planned planned = plan_request(context, request, boundary);
    plan_kernels(context, planned, request.options);
    verify_kernels(context, request, boundary, planned);
  });
}

}  // namespace lazuli::runtime
