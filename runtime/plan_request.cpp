// From a request to the stages of its plan: passes, partition, memory.
#include "lazuli/base/error.h"
#include "passes/check_first.h"
#include "passes/pass.h"
#include "runtime/context.h"
#include "runtime/program.h"

namespace lazuli::runtime {

passes::PassContext pass_context_of(Context& context, const EvalOptions& options) {
  passes::PassContext p{.interner = context.interner(), .observer = {}};
  p.fuse = options.fuse;
  p.cache_bytes = context.target(options).l3_bytes;
  if (context.settings().update_bytes >= 0) p.update_bytes = context.settings().update_bytes;
#ifndef NDEBUG
  p.verify = true;
#endif
  return p;
}

Planned plan_request(Context& context, const EvalRequest& request, const Boundary& boundary,
                     const PassObserver& observer) {
  Planned p;
  passes::PassContext pass_context = pass_context_of(context, request.options);
  pass_context.observer = observer;
  p.graph = passes::run_passes(request.graph, passes::default_pipeline(), pass_context);
  p.partition = passes::partition(p.graph, pass_context);
  if (p.graph.outputs.size() != request.graph.outputs.size())
    throw Error(ErrorKind::Internal, "the passes changed the number of outputs");

  std::vector<size_t> direct;
  for (size_t i = 0; i < boundary.targets.size(); ++i)
    if (boundary.targets[i].wanted && !boundary.targets[i].indirect) direct.push_back(i);
  if (request.options.fuse && !direct.empty()) passes::check_first(p.graph, p.partition, direct, pass_context);

  for (size_t i = 0; i < boundary.leaves.size(); ++i)
    if (boundary.donated[i]) p.facts.donated.push_back(boundary.leaves[i]);
  for (size_t i = 0; i < boundary.targets.size(); ++i) {
    const Boundary::Target& t = boundary.targets[i];
    if (!t.wanted || t.indirect) continue;
    const ir::Node* output = p.graph.outputs[i].get();
    const ir::Node* leaf = nullptr;
    if (t.leaf != Boundary::Target::kForeign) {
      leaf = boundary.leaves[t.leaf];
    } else {
      // A leaf that stands for the target's memory in the plan; nothing reads it.
      p.foreign.push_back(context.interner().make({.op = ir::Op::data,
                                                   .attr = ir::LeafAttr{context.interner().next_leaf_id()},
                                                   .dtype = output->dtype(),
                                                   .shape = output->shape()}));
      leaf = p.foreign.back().get();
    }
    p.facts.targets.emplace_back(output, leaf);
  }
  p.memory = passes::plan_memory(p.graph, p.partition, p.facts);
  return p;
}

}  // namespace lazuli::runtime
