// All partitions of many graphs of up to twelve nodes.
#include "tests/passes/partition_search.h"

namespace lazuli::passes {
namespace {

TEST(PartitionQuality, WithinFivePercentOfTheCheapestOnAverage) {
  double sum = 0, worst = 1;
  size_t graphs = 0, partitions = 0;
  for (uint32_t seed = 0; seed < 4000; ++seed) {
    ir::Interner in;
    PassContext ctx{.interner = in, .observer = {}};
    const ir::Graph g = run_passes(testing::SmallGraph(in, seed).make(5 + seed % 8), default_pipeline(), ctx);
    const testing::Search s = testing::search_partitions(g, ctx, 200000);
    if (!s.complete || s.partitions < 2) continue;  // nothing to choose
    ++graphs;
    partitions += s.partitions;
    sum += s.excess();
    worst = std::max(worst, s.excess());
  }
  const double mean = sum / static_cast<double>(graphs);
  printf("%zu graphs, %zu partitions: %.2f %% above the cheapest on average, at worst %.0f %%\n", graphs, partitions,
         100 * (mean - 1), 100 * (worst - 1));
  EXPECT_GT(graphs, 3000u);
  EXPECT_LT(mean, 1.05);
}

}  // namespace
}  // namespace lazuli::passes
