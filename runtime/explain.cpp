// explain(): what became one kernel, and why the rest did not.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "passes/refused_fusion.h"
#include "runtime/context.h"
#include "runtime/region_plan.h"

namespace lazuli::runtime {
namespace {

using ir::Node;

/// "relu main.cpp:12".
std::string spell(const Node* n) {
  std::string text(ir::name(n->op()));
  if (n->origin().line() == 0) return text;
  std::string_view file = n->origin().file_name();
  if (const size_t slash = file.rfind('/'); slash != file.npos) file.remove_prefix(slash + 1);
  return fmt::format("{} {}:{}", text, file, n->origin().line());
}

std::string spell_bytes(int64_t bytes) {
  if (bytes < 10 << 10) return fmt::format("{} B", bytes);
  if (bytes < 10 << 20) return fmt::format("{:.0f} KB", static_cast<double>(bytes) / (1 << 10));
  return fmt::format("{:.0f} MB", static_cast<double>(bytes) / (1 << 20));
}

/// Lists longer than this are cut with a count.
constexpr size_t kMostOps = 40, kMostEdges = 200;

std::string_view why(ir::Unfused reason) {
  switch (reason) {
    case ir::Unfused::GraphOutput:
      return "fused, and stored as well because it is a result";
    case ir::Unfused::Recompute:
      return "its users need it at different places; computing it again would cost more than storing it";
    case ir::Unfused::ReducedElsewhere:
      return "it reduces over other axes or another space than its user";
    case ir::Unfused::Contraction:
      return "operand of a contraction that is better computed once, or a result of one that others need as well";
    case ir::Unfused::SpaceMismatch:
      return "the index spaces do not line up";
    case ir::Unfused::Indexed:
      return "it is read, or added to, at places that only the running kernel knows";
    case ir::Unfused::OpLimit:
      return "the kernel would have too many operations";
    case ir::Unfused::BufferLimit:
      return "the kernel would have too many buffers";
    case ir::Unfused::Cycle:
      return "the two kernels would wait for each other";
    case ir::Unfused::Updated:
      return "a part of it is overwritten where it stands";
    case ir::Unfused::Disabled:
      return "fusion is switched off";
  }
  return "";
}

std::string spell_time(double ns) {
  return ns < 1e4 ? fmt::format("{:.1f} us", ns * 1e-3) : fmt::format("{:.3g} ms", ns * 1e-6);
}

std::string spell_cost(const passes::Cost& c) {
  return fmt::format("moves {}, about {}", spell_bytes(c.bytes), spell_time(c.ns));
}

/// Partitions are made once more for every refused fusion; beyond this many nodes visited no more are.
constexpr size_t kMostVisits = 1 << 20;

/// By the cost model, what turning the decision around would change.
std::string spell_refused(const passes::Cost& now, const passes::Cost& fused) {
  const int64_t bytes = fused.bytes - now.bytes;
  const double ns = fused.ns - now.ns;
  std::string text = bytes ? fmt::format("{} {} moved, ", spell_bytes(std::abs(bytes)), bytes < 0 ? "less" : "more")
                           : std::string("as much moved, ");
  if (const int64_t launches = fused.launches - now.launches)
    text += fmt::format("{} {} kernel{}, ", std::abs(launches), launches < 0 ? "fewer" : "more",
                        std::abs(launches) == 1 ? "" : "s");
  if (const double work = fused.work - now.work)
    text += fmt::format("{:.2g} {} primitives, ", std::abs(work), work < 0 ? "fewer" : "more");
  return fmt::format("fused: {}{} {}", text, spell_time(std::abs(ns)), ns < 0 ? "faster" : "slower");
}

std::string explain_region(size_t number, const ir::Region& region) {
  int64_t read = 0, written = 0;
  for (const Node* n : region.inputs) read += ir::bytes_read(region, n);
  for (const Node* n : region.outputs) written += n->nbytes();
  std::vector<const Node*> ops;
  for (const Node* n : region.nodes)
    if (ir::family(n->op()) != ir::Family::Leaf || n->op() == ir::Op::random_bits) ops.push_back(n);
  std::string over = ir::str(region.space);
  for (size_t i = 0; i < region.parts.size(); ++i) over = (i ? over + " and " : "") + ir::str(region.parts[i].space);
  std::string text =
      fmt::format("kernel {}: {}{} over {}{}, {} ops, reads {}, writes {}, about {}\n", number, ir::name(region.kind),
                  region.parts.empty() ? "" : "s", over,
                  region.reduced.empty() ? "" : fmt::format(" reduced over {}", ir::str(region.reduced)), ops.size(),
                  spell_bytes(read), spell_bytes(written), spell_time(passes::region_cost(region).ns));
  for (size_t i = 0; i < ops.size() && i < kMostOps; ++i) {
    const bool stored = std::find(region.outputs.begin(), region.outputs.end(), ops[i]) != region.outputs.end();
    text += fmt::format("  {}{} -> {}{}\n", spell(ops[i]), stored ? " (stored)" : "", name(ops[i]->dtype()),
                        ir::str(ops[i]->shape()));
  }
  if (ops.size() > kMostOps) text += fmt::format("  ... and {} more\n", ops.size() - kMostOps);
  return text;
}

/// Of a contraction: how it is computed, and in which class of docs/numerics.md.
std::string explain_contraction(Context& context, const ir::Region& region, codegen::LoweringOptions options,
                                int threads) {
  if (const Device device = region.outputs[0]->device(); device.is_cuda()) {
    if (context.cuda().count() <= device.index()) return "";
    options.gpu = context.cuda().gpu(device).target();
  }
  const auto winner = tuned_schedule(context, region, options, threads);
  const codegen::Lowered lowered = lower_region(region, options, winner);
  return fmt::format("  schedule: {}; class: {}\n", spell_schedule(lowered.schedule, winner.has_value()),
                     lowered.rounds_as_machine ? "matrix_unit" : "exact");
}

}  // namespace

std::string explain(Context& context, const ir::Graph& graph, const EvalOptions& options) {
  std::string text;
  context.compile_pool().run([&] {
    const EvalRequest request{.graph = graph, .donated = {}, .targets = {}, .options = options};
    const Boundary boundary = number(request, /*values=*/false);
    const Planned planned = plan_request(context, request, boundary);
    const auto& regions = planned.partition.regions;
    const auto& edges = planned.partition.unfused;
    const passes::Cost cost = passes::partition_cost(planned.partition);
    text = fmt::format("{} kernel{}, arena of {}, {}\n", regions.size(), regions.size() == 1 ? "" : "s",
                       spell_bytes(planned.memory.arena_bytes), spell_cost(cost));
    if (const auto first = context.first_tier().estimate(context.settings(), options, boundary.order))
      text += fmt::format("interpreted at first: about {}, where compiling takes about {}\n",
                          spell_time(first->interpreting), spell_time(first->compiling));
    const RegionOptions options_of(planned, context.target(options));
    for (size_t i = 0; i < planned.memory.order.size(); ++i) {
      const ir::Region& region = regions[planned.memory.order[i]];
      text += explain_region(i, region);
      if (region.kind == ir::RegionKind::Contract && region.outputs[0]->nbytes() > 0)
        text += explain_contraction(context, region, options_of.of(region), most_threads(context, options));
    }
    if (edges.empty()) return;
    text += "not fused:\n";
    passes::PassContext pass_context = pass_context_of(context, options);
    std::unordered_map<const Node*, std::string> refused;  // by what is stored
    const size_t nodes = ir::topological_order(planned.graph).size();
    for (size_t i = 0; i < edges.size() && i < kMostEdges; ++i) {
      text += fmt::format("  {} -> {}: {}: {} ({} moved)\n", spell(edges[i].producer),
                          edges[i].consumer ? spell(edges[i].consumer) : "result", ir::name(edges[i].reason),
                          why(edges[i].reason), spell_bytes(edges[i].bytes));
      const auto [at, fresh] = refused.try_emplace(edges[i].producer);
      if (fresh && options.fuse && refused.size() * nodes <= kMostVisits)
        if (const auto fused = passes::fuse_anyway(planned.graph, pass_context, edges[i].producer))
          at->second = fmt::format("    {}\n", spell_refused(cost, passes::partition_cost(*fused)));
      text += at->second;
    }
    if (edges.size() > kMostEdges) text += fmt::format("  ... and {} more\n", edges.size() - kMostEdges);
  });
  return text;
}

}  // namespace lazuli::runtime
