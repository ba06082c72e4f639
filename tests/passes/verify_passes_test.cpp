#include "passes/verify_passes.h"

#include "ir/text.h"
#include "tests/passes/build.h"

namespace lazuli::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeRef;
using ir::Op;
using testing::data;
using testing::node;

/// Computes tanh as x: wrong wherever x is not 0 or NaN.
Graph drop_tanh(const Graph& g, PassContext& ctx) {
  return ir::rewrite(g, ctx.interner, [](const Node* n, std::span<const NodeRef> in) -> NodeRef {
    return n->op() == Op::tanh ? in[0] : nullptr;
  });
}

TEST(VerifyPasses, NamesTheGuiltyPassAndReducesTheGraph) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {5}), w = data(in, kFloat32, {5});
  NodeRef y = node(in, Op::exp, {node(in, Op::add, {x, w})});
  NodeRef z = node(in, Op::tanh, {y});
  for (int i = 0; i < 10; ++i) z = node(in, Op::mul, {node(in, Op::neg, {z}), w});
  const Graph g{{node(in, Op::sub, {x, w}), z, y}};
  PassContext ctx{.interner = in, .observer = {}};
  const std::vector<Pass> pipeline = {{"expand", expand}, {"drop_tanh", drop_tanh}, {"canonicalize", canonicalize}};
  const auto failure = verify_passes(g, pipeline, ctx, generated_leaves(g, 7));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->pass, "drop_tanh");
  ASSERT_TRUE(failure->seed);
  EXPECT_EQ(ir::print(failure->graph),
            "graph {\n  %0 = data : float32[5] @cpu\n  %1 = tanh %0 : float32[5]\n  return %1\n}\n");
  // The text says how to see it again, and reads back.
  EXPECT_THAT(failure->reproducer(), ::testing::HasSubstr("output 0 differs at element"));
  EXPECT_TRUE(ir::same_structure(ir::parse(failure->reproducer(), in), failure->graph));
  EXPECT_FALSE(verify_passes(g, default_pipeline(), ctx, generated_leaves(g, 7)));
}

TEST(VerifyPasses, ReportsWhatOnlyTheOriginalElementsShow) {
  ir::Interner in;
  const NodeRef x = data(in, kInt32, {});
  const Graph g{{node(in, Op::neg, {node(in, Op::abs, {x})})}};
  PassContext ctx{.interner = in, .observer = {}};

  // Wrong for one value alone, which the seeds do not make.
  const Pass pass{"negate_one", [](const Graph& before, PassContext& c) {
                    return ir::rewrite(before, c.interner, [&](const Node* n, std::span<const NodeRef> in) -> NodeRef {
                      if (n->op() != Op::abs) return nullptr;
                      const NodeRef k = node(c.interner, Op::constant, {}, ir::ConstantAttr{123456}, {}, kInt32);
                      return node(
                          c.interner, Op::where,
                          {node(c.interner, Op::eq, {in[0], k}), node(c.interner, Op::neg, {in[0]}), NodeRef(n)});
                    });
                  }};
  const ir::LeafSource source = [](const Node*) {
    ir::HostArray value{kInt32, {}, std::vector<std::byte>(4)};
    value.set_bits(0, 123456);
    return value;
  };
  const auto failure = verify_passes(g, {pass}, ctx, source);
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->seed);
  EXPECT_EQ(ir::topological_order(failure->graph).size(), 2u);  // abs of the leaf
}

TEST(VerifyPasses, PassMayDropAFailingCheckButNotAddOne) {
  ir::Interner in;
  const NodeRef x = data(in, kInt32, {8}), zero = node(in, Op::sub, {x, x});
  const Graph fails{{node(in, Op::floor_divide, {x, zero})}}, fine{{x}};
  const ir::LeafSource leaves = generated_leaves(fails, 1);
  EXPECT_FALSE(compare_graphs(fails, fine, leaves));
  const auto text = compare_graphs(fine, fails, leaves);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, ::testing::HasSubstr("evaluation fails now: floor_divide"));
}

TEST(VerifyPasses, GeneratedElementsDependOnSeedAndPositionAlone) {
  ir::Interner in;
  const NodeRef a = data(in, kFloat16, {300}), b = data(in, kFloat16, {300});
  const Graph g{{a, b}}, other{{data(in, kFloat16, {300})}};
  const ir::LeafSource one = generated_leaves(g, 1), two = generated_leaves(g, 2), again = generated_leaves(other, 1);
  EXPECT_EQ(one(a.get()).bytes, again(other.outputs[0].get()).bytes);
  EXPECT_NE(one(a.get()).bytes, one(b.get()).bytes);
  EXPECT_NE(one(a.get()).bytes, two(a.get()).bytes);
}

}  // namespace
}  // namespace lazuli::passes
