// What explain() says about fusions that were refused, against clocks: the fusion is forced, and both are timed.
#include "passes/refused_fusion.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

struct Case {
  const char *name, *body;
  ir::Op refused;  // the op of the node that is stored
};

// Of sizes that no cache holds, or that one does.
const Case kCases[] = {
    {"two reductions of an expensive value",
     "%0 = data : float32[2048, 2048]\n%1 = erf %0 : float32[2048, 2048]\n%2 = tanh %1 : float32[2048, 2048]\n"
     "%3 = sum %2 {axes = [0]} : float32[2048]\n%4 = sum %2 {axes = [1]} : float32[2048]\nreturn %3, %4\n",
     ir::Op::tanh},
    {"the same, in the cache",
     "%0 = data : float32[256, 256]\n%1 = erf %0 : float32[256, 256]\n%2 = tanh %1 : float32[256, 256]\n"
     "%3 = sum %2 {axes = [0]} : float32[256]\n%4 = sum %2 {axes = [1]} : float32[256]\nreturn %3, %4\n",
     ir::Op::tanh},
    {"a sum of five tensors, reduced twice",
     "%0 = data : float32[2048, 2048]\n%1 = data : float32[2048, 2048]\n%2 = data : float32[2048, 2048]\n"
     "%3 = data : float32[2048, 2048]\n%4 = data : float32[2048, 2048]\n%5 = add %0, %1 : float32[2048, 2048]\n"
     "%6 = add %5, %2 : float32[2048, 2048]\n%7 = add %6, %3 : float32[2048, 2048]\n"
     "%8 = add %7, %4 : float32[2048, 2048]\n%9 = sum %8 {axes = [0]} : float32[2048]\n"
     "%10 = reduce_max %8 {axes = [1]} : float32[2048]\n%11 = slice %8 {start = [0, 1024], step = [1, 1]} : "
     "float32[2048, 1024]\n%12 = neg %11 : float32[2048, 1024]\nreturn %9, %10, %12\n",
     ir::Op::add},
    {"an expensive operand of a matrix-vector product",
     "%0 = data : float32[1024, 1024]\n%1 = data : float32[1024]\n%2 = erf %1 : float32[1024]\n"
     "%3 = dot_general %0, %2 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : "
     "float32[1024]\nreturn %3\n",
     ir::Op::erf},
};

TEST(RefusedFusion, IsSlowerWhereTheModelSaysSo) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    ir::Interner in;
    passes::PassContext ctx{.interner = in, .observer = {}};
    const ir::Graph g = ir::parse("graph {\n" + std::string(c.body) + "}\n", in);
    const ir::Partition chosen = passes::partition(g, ctx);
    const ir::Node* stored = nullptr;
    for (const ir::UnfusedEdge& e : chosen.unfused)
      if (e.producer->op() == c.refused) stored = e.producer;
    ASSERT_TRUE(stored) << passes::print_partition(chosen);
    const auto forced = passes::fuse_anyway(g, ctx, stored);
    ASSERT_TRUE(forced);
    const passes::Cost now = passes::partition_cost(chosen), fused = passes::partition_cost(*forced);
    const ir::LeafSource leaves = random_leaves(1);
    double measured[2] = {};
    for (int round = 0; round < 3; ++round)
      for (int k = 0; k < 2; ++k) {
        passes::OneVirtual chooser(k ? stored : nullptr);
        const RunResult r =
            run_graph(g, leaves, {.passes = false, .vector_bits = 512, .chooser = &chooser, .timed = 15});
        measured[k] = round == 0 ? r.nanoseconds : std::min(measured[k], r.nanoseconds);
      }
    const double model = fused.ns / now.ns, real = measured[1] / measured[0];
    printf("%-48s model %8.1f -> %8.1f us (x %.2f), measured %8.1f -> %8.1f us (x %.2f)\n", c.name, now.ns / 1e3,
           fused.ns / 1e3, model, measured[0] / 1e3, measured[1] / 1e3, real);
    EXPECT_GT(model, 1) << "the model prefers what was refused";
    EXPECT_GT(real, 0.95) << "the fusion that was refused is faster";
  }
}

}  // namespace
}  // namespace lazuli::testing
