// The cost model by hand, and how far the partition that is chosen is from the cheapest one.
#include "ir/text.h"
#include "passes/refused_fusion.h"
#include "tests/passes/partition_search.h"

namespace lazuli::passes {
namespace {

ir::Graph parsed(ir::Interner& in, const std::string& body) {
  return ir::parse("graph {\n" + body + "}\n", in);
}

TEST(PartitionCost, CountsBytesWorkAndLaunches) {
  ir::Interner in;
  PassContext ctx{.interner = in, .observer = {}};
  // One map: 4 MB in, 4 MB out, three primitives per element.
  Cost c = partition_cost(partition(parsed(in,
                                           "%0 = data : float32[1024, 1024]\n%1 = neg %0 : float32[1024, 1024]\n"
                                           "%2 = mul %1, %0 : float32[1024, 1024]\n"
                                           "%3 = add %2, %1 : float32[1024, 1024]\nreturn %3\n"),
                                    ctx));
  EXPECT_EQ(c.launches, 1);
  EXPECT_EQ(c.bytes, 8 << 20);
  EXPECT_EQ(c.work, 3 << 20);
  EXPECT_DOUBLE_EQ(c.ns, ctx.machine.launch_ns + (8 << 20) / ctx.machine.memory_bytes_per_ns);
  // What depends on one axis is computed once per place of it, and reductions take one primitive per element.
  c = partition_cost(partition(parsed(in,
                                      "%0 = data : float32[64, 128]\n%1 = data : float32[128]\n"
                                      "%2 = neg %1 : float32[128]\n%3 = expand %2 : float32[64, 128]\n"
                                      "%4 = mul %0, %3 : float32[64, 128]\n"
                                      "%5 = sum %4 {axes = [1]} : float32[64]\nreturn %5\n"),
                               ctx));
  EXPECT_EQ(c.launches, 1);
  EXPECT_EQ(c.bytes, 4 * (64 * 128 + 128 + 64));
  EXPECT_EQ(c.work, 128 + 2 * 64 * 128);
  // A value that is needed at two indices is computed twice.
  c = partition_cost(partition(parsed(in,
                                      "%0 = data : float32[64, 64]\n%1 = neg %0 : float32[64, 64]\n"
                                      "%2 = permute %1 {axes = [1, 0]} : float32[64, 64]\n"
                                      "%3 = add %1, %2 : float32[64, 64]\nreturn %3\n"),
                               ctx));
  EXPECT_EQ(c.launches, 1);
  EXPECT_EQ(c.work, 3 * 64 * 64);
}

TEST(PartitionQuality, NearTheCheapestOnSmallGraphs) {
  double sum = 0;
  size_t graphs = 0, partitions = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    ir::Interner in;
    PassContext ctx{.interner = in, .observer = {}};
    const ir::Graph g = run_passes(testing::SmallGraph(in, seed).make(5 + seed % 8), default_pipeline(), ctx);
    const testing::Search s = testing::search_partitions(g, ctx, 10000);
    if (!s.complete || s.partitions < 2) continue;  // nothing to choose
    ++graphs;
    partitions += s.partitions;
    sum += s.excess();
    EXPECT_LT(s.excess(), 2.1) << seed << "\n" << ir::print(g) << s.best_partition;
  }
  EXPECT_GT(graphs, 130u);
  EXPECT_GT(partitions, 5000u);
  EXPECT_LT(sum / static_cast<double>(graphs), 1.05);
}

/// A fusion that was refused costs what the model said when it is forced, and no refusal costs much.
TEST(PartitionQuality, RefusedFusionsCostMore) {
  size_t refused = 0;
  double gain = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    ir::Interner in;
    PassContext ctx{.interner = in, .observer = {}};
    const ir::Graph g = run_passes(testing::SmallGraph(in, seed).make(12), default_pipeline(), ctx);
    const ir::Partition chosen = partition(g, ctx);
    const Cost now = partition_cost(chosen);
    for (const ir::UnfusedEdge& e : chosen.unfused) {
      const auto forced = fuse_anyway(g, ctx, e.producer);
      if (!forced) continue;
      ++refused;
      for (const ir::Region& r : forced->regions)
        EXPECT_EQ(std::count(r.outputs.begin(), r.outputs.end(), e.producer), 0);
      gain += std::max(0.0, now.ns / partition_cost(*forced).ns - 1);
    }
  }
  EXPECT_GT(refused, 50u);
  EXPECT_LT(gain / static_cast<double>(refused), 0.1);
}

}  // namespace
}  // namespace lazuli::passes
