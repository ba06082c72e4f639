// Every pass against the interpreter on random graphs: bitwise, with NaNs, infinities, signed zeros and empty tensors.
#include <set>

#include "ir/text.h"
#include "passes/verify_passes.h"
#include "tests/passes/random_graph.h"

namespace lazuli::passes {
namespace {

TEST(RandomGraphs, EveryPassKeepsEveryBit) {
  std::set<ir::Op> seen;
  size_t comparable = 0;
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    ir::Interner in;
    const ir::Graph g = testing::RandomGraph(in, seed).make(8 + seed % 40);
    for (const ir::Node* n : ir::topological_order(g)) seen.insert(n->op());
    PassContext ctx{.interner = in, .observer = {}};
    const ir::LeafSource leaves = generated_leaves(g, seed);
    try {
      ir::interpret(g, leaves);
      ++comparable;
    } catch (const Error& e) {
      EXPECT_TRUE(ir::is_failed_check(e)) << e.what();
    }
    const auto failure = verify_passes(g, default_pipeline(), ctx, leaves);
    ASSERT_FALSE(failure) << failure->reproducer();
  }
  // The generator reaches what it is for.
  EXPECT_GT(comparable, 1500u);
  EXPECT_GT(seen.size(), 90u);
}

/// A second run finds nothing left to do.
TEST(RandomGraphs, PassesReachAFixpoint) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    ir::Interner in;
    PassContext ctx{.interner = in, .observer = {}};
    const ir::Graph g = testing::RandomGraph(in, seed).make(30);
    for (const Pass& pass : default_pipeline()) {
      const ir::Graph once = pass.run(g, ctx);
      const ir::Graph twice = pass.run(once, ctx);
      ASSERT_EQ(ir::print(once), ir::print(twice)) << pass.name << "\n" << ir::print(g);
    }
  }
}

}  // namespace
}  // namespace lazuli::passes
