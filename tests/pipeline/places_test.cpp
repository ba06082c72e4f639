// Convolutions whose places are read where they stand, against the reference interpreter, bit for bit: whole lines and
// parts of lines in a tile, steps, channels beside vectors, depths around the blocks of 512 and the spans of 32,768,
// and epilogues that run along the lines.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "ir/ops/window.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

struct Case {
  Shape x, weight;
  int64_t step = 1, pad = 0, dilation = 1, groups = 1;
  DType type = kFloat32;
  bool epilogue = false, placed = true;
};

Graph graph_of(const Case& c, Interner& interner) {
  const auto leaf = [&](const Shape& shape) {
    return interner.make({.op = Op::data, .attr = LeafAttr{interner.next_leaf_id()}, .dtype = c.type, .shape = shape});
  };
  const size_t axes = c.x.size() - 2;
  const auto all = [&](int64_t v) { return Dims(axes, v); };
  const NodeRef x = leaf(c.x), w = leaf(c.weight);
  NodeRef y = interner.make({.op = Op::convolution,
                             .inputs = {x.get(), w.get()},
                             .attr = window_attr({.size = {},
                                                  .step = all(c.step),
                                                  .dilation = all(c.dilation),
                                                  .low = all(c.pad),
                                                  .high = all(c.pad),
                                                  .spread = all(1),
                                                  .groups = {c.groups}})});
  if (c.epilogue) {
    const NodeRef residual = leaf(y->shape()), positive = interner.make({.op = Op::relu, .inputs = {y.get()}});
    y = interner.make({.op = Op::add, .inputs = {positive.get(), residual.get()}});
  }
  return Graph{{y}};
}

void check(const Case& c) {
  Interner interner;
  const Graph g = graph_of(c, interner);
  const LeafSource leaves = random_leaves(7);
  const std::vector<HostArray> want = interpret(g, leaves);
  std::vector<RunOptions> runs;
  for (const int bits : {512, 256, 128}) runs.push_back({true, true, true, bits, 3});
  runs.push_back({true, true, true, 512, 2, 64});  // small tasks
  bool placed = false;
  for (const RunOptions& run : runs) {
    const RunResult got = run_graph(g, leaves, run);
    for (const std::string& s : got.schedules) placed |= s.find("places") != s.npos;
    int64_t at = -1;
    ASSERT_TRUE(bitwise_equal(want[0], got.outputs[0], &at))
        << "differs at " << at << " bits=" << run.vector_bits << " x=" << str(c.x) << " weight=" << str(c.weight)
        << " schedules: " << fmt::format("{}", fmt::join(got.schedules, "; "));
  }
  EXPECT_EQ(placed, c.placed) << str(c.x) << " " << str(c.weight);
}

TEST(Places, LinesOfEveryLength) {
  for (const int64_t width : {1, 3, 5, 7, 13, 14, 15, 29})
    check({.x = {3, 12, 1200 / width / 12 + 3, width + 2}, .weight = {33, 12, 3, 3}});
}

TEST(Places, StepsPaddingDilationAndGroups) {
  check({.x = {2, 16, 25, 31}, .weight = {24, 16, 3, 3}, .step = 2, .pad = 1});
  check({.x = {2, 16, 20, 20}, .weight = {24, 16, 3, 3}, .step = 1, .pad = 2, .dilation = 2, .epilogue = true});
  check({.x = {2, 32, 14, 14}, .weight = {48, 8, 3, 3}, .pad = 1, .groups = 4, .epilogue = true});
  check({.x = {2, 12, 700}, .weight = {40, 12, 5}, .step = 3, .pad = 2});
  check({.x = {2, 6, 6, 8, 9}, .weight = {20, 6, 3, 3, 2}, .pad = 1});
}

TEST(Places, SeveralChunksAndSpansOfTheDepth) {
  check({.x = {1, 70, 9, 9}, .weight = {23, 70, 3, 3}, .pad = 1, .epilogue = true});
  check({.x = {1, 130, 6, 6}, .weight = {40, 130, 3, 3}});
  check({.x = {1, 4000, 6, 7}, .weight = {16, 4000, 3, 3}, .epilogue = true});
}

TEST(Places, OtherTypes) {
  check({.x = {2, 16, 15, 15}, .weight = {24, 16, 3, 3}, .pad = 1, .type = kFloat64, .epilogue = true});
  check({.x = {2, 16, 15, 15}, .weight = {24, 16, 3, 3}, .pad = 1, .type = kBFloat16});
  check({.x = {2, 16, 15, 15}, .weight = {3, 16, 3, 3}, .pad = 1, .placed = false});
}

}  // namespace
}  // namespace lazuli::testing
