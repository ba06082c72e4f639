// The one list of graph passes, and the loop that runs them.
#include <chrono>

#include "ir/verify.h"
#include "passes/pass.h"
#include "passes/vjp.h"

namespace lazuli::passes {

const std::vector<Pass>& default_pipeline() {
  static const std::vector<Pass> pipeline = {
      {"expand", expand}, {"canonicalize", canonicalize}, {"simplify_movement", simplify_movement}};
  return pipeline;
}

const std::vector<Pass>& all_passes() {
  static const std::vector<Pass> passes = [] {
    std::vector<Pass> all = default_pipeline();
    all.push_back({"vjp", [](const ir::Graph& g, PassContext& ctx) { return vjp(g, ctx); }, /*adds_outputs=*/true});
    return all;
  }();
  return passes;
}

const Pass* find_pass(std::string_view name) {
  for (const Pass& pass : all_passes())
    if (pass.name == name) return &pass;
  return nullptr;
}

ir::Graph run_passes(const ir::Graph& g, const std::vector<Pass>& pipeline, PassContext& ctx) {
  using Clock = std::chrono::steady_clock;
#ifdef NDEBUG
  const bool verify = ctx.verify;
#else
  const bool verify = true;
#endif
  ir::Graph current = g;
  for (const Pass& pass : pipeline) {
    const auto start = Clock::now();
    ir::Graph next = pass.run(current, ctx);
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    if (verify) {
      try {
        if (pass.adds_outputs ? next.outputs.size() < current.outputs.size()
                              : next.outputs.size() != current.outputs.size())
          throw Error(ErrorKind::Internal, "illegal graph: the number of outputs has changed");
        ir::verify(next);
      } catch (const Error& e) {
        throw Error(e.kind(), "after pass " + pass.name + ": " + e.message(), e.hint(), e.where());
      }
    }
    if (ctx.observer) ctx.observer(pass.name, current, next, ms);
    current = std::move(next);
  }
  return current;
}

}  // namespace lazuli::passes
