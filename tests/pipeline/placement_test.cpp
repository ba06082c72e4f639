// Every legal partition computes the same bits: partition decides on speed alone.
#include <gtest/gtest.h>

#include "tests/passes/random_graph.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

/// Any way, as the seed has it.
class AnyWay final : public passes::PlacementChooser {
 public:
  explicit AnyWay(uint32_t seed) : random_(seed) {}
  size_t choose(const ir::Node*, std::span<const passes::Way> ways, size_t preferred) override {
    const size_t way = random_() % ways.size();
    others_ += way != preferred;
    return way;
  }
  size_t others() const { return others_; }

 private:
  std::mt19937 random_;
  size_t others_ = 0;
};

TEST(Placement, AnyPartitionGivesTheSameBits) {
  size_t others = 0, compared = 0;
  for (uint32_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    ir::Interner in;
    const ir::Graph g = passes::testing::RandomGraph(in, seed).make(6 + seed % 30);
    const ir::LeafSource leaves = random_leaves(seed);
    std::vector<ir::HostArray> expected;
    try {
      expected = ir::interpret(g, leaves);
    } catch (const Error& e) {
      ASSERT_TRUE(ir::is_failed_check(e)) << e.what();
      continue;
    }
    AnyWay any(seed);
    const RunResult r = run_graph(g, leaves, {.machine = seed % 5 == 0, .chooser = &any});
    ASSERT_FALSE(r.failed);
    others += any.others();
    for (size_t i = 0; i < expected.size(); ++i, ++compared) {
      int64_t at = 0;
      ASSERT_TRUE(ir::bitwise_equal(expected[i], r.outputs[i], &at)) << "output " << i << " at " << at << "\n"
                                                                     << ir::print(g);
    }
  }
  EXPECT_GT(others, 100u);
  EXPECT_GT(compared, 300u);
}

}  // namespace
}  // namespace lazuli::testing
