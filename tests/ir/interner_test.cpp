// Identity, lifetime and thread safety of nodes.
#include <thread>

#include "ir/graph.h"
#include "ir/text.h"
#include "tests/ir/build.h"

namespace lazuli::ir {
namespace {

using namespace testing;

TEST(Interner, EqualSpecsAreOneNode) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {2, 3}), y = data(in, kFloat32, {2, 3});
  EXPECT_NE(x, y);  // every data leaf is distinct
  EXPECT_EQ(binary(in, Op::add, x, y), binary(in, Op::add, x, y));
  EXPECT_NE(binary(in, Op::add, x, y).get(), binary(in, Op::add, y, x).get());
  EXPECT_EQ(constant(in, 2), constant(in, 2));
  EXPECT_NE(constant(in, 0.f).get(), constant(in, -0.f).get());
  const NodeRef kept = unary(in, Op::sum, x, AxesAttr{{1}});
  EXPECT_EQ(unary(in, Op::sum, x, AxesAttr{{1}}), kept);
  EXPECT_NE(unary(in, Op::sum, x, AxesAttr{{0}}).get(), kept.get());
  EXPECT_NE(unary(in, Op::prod, x, AxesAttr{{1}}).get(), kept.get());
  const auto dot = [&](Dims lhs) {
    return binary(in, Op::dot_general, x, y, DotAttr{std::make_shared<DotDims>(DotDims{{}, {}, lhs, lhs})});
  };
  const NodeRef d = dot({1});
  EXPECT_EQ(d, dot({1}));  // attributes compare by value, not by box
  EXPECT_NE(d.get(), dot({0}).get());
}

TEST(Interner, CompositeNumbersCompareByBits) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {2});
  const NodeRef a = unary(in, Op::layer_norm, x, CompositeAttr{{0}, 0.0});
  EXPECT_NE(a.get(), unary(in, Op::layer_norm, x, CompositeAttr{{0}, -0.0}).get());
  EXPECT_EQ(a.get(), unary(in, Op::layer_norm, x, CompositeAttr{{0}, 0.0}).get());
}

TEST(Interner, NanConstantsAreOneNode) {
  Interner in;
  const auto make = [&](DType t, uint64_t bits) {
    return in.make({.op = Op::constant, .attr = ConstantAttr{bits}, .dtype = t});
  };
  EXPECT_EQ(make(kFloat32, 0x7fc00001), make(kFloat32, 0xffc00000));
  EXPECT_EQ(make(kFloat64, 0x7ff0000000000001), make(kFloat64, 0xfff8000000000000));
  EXPECT_EQ(make(kFloat16, 0x7c01), make(kFloat16, 0xfe00));
  EXPECT_EQ(make(kBFloat16, 0x7f81), make(kBFloat16, 0xffc0));
  const NodeRef infinity = make(kFloat32, 0x7f800000), nan = make(kFloat32, 0x7fc00001);
  EXPECT_NE(infinity, nan);
}

TEST(Interner, NodesDieWithTheirLastReference) {
  Interner in;
  {
    const NodeRef x = data(in, kFloat32, {4});
    EXPECT_EQ(x->use_count(), 1u);
    NodeRef y = unary(in, Op::neg, x);
    EXPECT_EQ(x->use_count(), 2u);
    NodeRef z = binary(in, Op::mul, y, y);
    EXPECT_EQ(y->use_count(), 3u);
    EXPECT_EQ(in.live_nodes(), 3u);
    y = nullptr;
    EXPECT_EQ(in.live_nodes(), 3u);
    z = nullptr;
    EXPECT_EQ(in.live_nodes(), 1u);
    EXPECT_EQ(x->use_count(), 1u);
    NodeRef copy = x, moved = std::move(copy);
    EXPECT_EQ(x->use_count(), 2u);
    EXPECT_FALSE(copy);
  }
  EXPECT_EQ(in.live_nodes(), 0u);
}

TEST(Interner, NodesOfOneInternerMayUseAnothers) {
  Interner outer;
  const NodeRef x = data(outer, kFloat32, {4});
  {
    Interner inner;
    const NodeRef y = unary(inner, Op::neg, x);
    EXPECT_EQ(inner.live_nodes(), 1u);
  }
  EXPECT_EQ(outer.live_nodes(), 1u);
  EXPECT_EQ(x->use_count(), 1u);
}

struct CountingPayload : Payload {
  explicit CountingPayload(int* deaths) : deaths(deaths) {}
  ~CountingPayload() override { ++*deaths; }
  const void* host_data() const override { return nullptr; }
  int* deaths;
};

TEST(Interner, PayloadLivesAsLongAsItsLeaf) {
  Interner in;
  int deaths = 0;
  NodeRef x = in.make({.op = Op::data,
                       .attr = LeafAttr{in.next_leaf_id()},
                       .shape = {2},
                       .payload = std::make_shared<CountingPayload>(&deaths)});
  NodeRef y = unary(in, Op::neg, x);
  x = nullptr;
  EXPECT_EQ(deaths, 0);
  y = nullptr;
  EXPECT_EQ(deaths, 1);
}

TEST(Interner, ThreadsThatMakeAndDropTheSameNodesAgree) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {4});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 4000; ++i) {
        // All threads make the same few nodes and drop them at once, so that look-ups meet dying nodes.
        const NodeRef a = unary(in, i % 2 == 0 ? Op::neg : Op::exp, x);
        const NodeRef b = binary(in, Op::add, a, x), c = binary(in, Op::add, a, x);
        if (b != c || a->input(0) != x.get() || b->input(0) != a.get()) ++wrong;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(in.live_nodes(), 1u);
  EXPECT_EQ(x->use_count(), 1u);
}

// One node, made and dropped by every thread: half the drops wait for the shard's lock with a count of zero while a
// look-up holds it.
TEST(Interner, ADyingNodeIsNotRevived) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {4});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 300'000; ++i) {
        const NodeRef a = unary(in, Op::neg, x);
        // A count beyond the threads (it wraps below zero) or a foreign operand is a node that was already dead.
        if (a->use_count() > 4 || a->input(0) != x.get()) ++wrong;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(in.live_nodes(), 1u);
  EXPECT_EQ(x->use_count(), 1u);
}

TEST(Interner, AMillionNodeChainFitsASmallStack) {
  Interner in;
  size_t lines = 0, order = 0;
  on_small_stack([&] {
    NodeRef x = data(in, kFloat32, {4});
    for (int i = 0; i < 1'000'000; ++i) x = unary(in, Op::neg, x);
    Graph g{{x}};
    order = topological_order(g).size();
    const std::string text = print(g);
    lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    x = nullptr;
    g.outputs.clear();
  });
  EXPECT_EQ(order, 1'000'001u);
  EXPECT_EQ(lines, 1'000'004u);
  EXPECT_EQ(in.live_nodes(), 0u);
}

TEST(Graph, OrderIsDepthFirstAndSharedPathsAreVisitedOnce) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {4});
  NodeRef y = x;
  for (int i = 0; i < 60; ++i) y = binary(in, Op::add, y, y);  // 2^60 paths
  EXPECT_EQ(topological_order({{y}}).size(), 61u);

  const NodeRef a = unary(in, Op::neg, x), b = unary(in, Op::exp, x), c = binary(in, Op::mul, b, a);
  const std::vector<const Node*> expected{x.get(), b.get(), a.get(), c.get()};
  EXPECT_EQ(topological_order({{c, a}}), expected);
}

TEST(Graph, RewriteKeepsUntouchedNodes) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {4});
  const NodeRef a = unary(in, Op::neg, x), b = unary(in, Op::exp, x), c = binary(in, Op::mul, a, b);
  const Graph same = rewrite({{c}}, in, [](const Node*, std::span<const NodeRef>) { return NodeRef(); });
  EXPECT_EQ(same.outputs[0], c);
  const Graph changed = rewrite({{c, b}}, in, [&](const Node* n, std::span<const NodeRef> inputs) {
    return n->op() == Op::neg ? unary(in, Op::relu, inputs[0]) : NodeRef();
  });
  EXPECT_EQ(changed.outputs[0], binary(in, Op::mul, unary(in, Op::relu, x), b));
  EXPECT_EQ(changed.outputs[1], b);
}

TEST(Graph, SameStructureIgnoresLeafIdentityOnly) {
  Interner in, other;
  const NodeRef x = data(in, kFloat32, {4}), y = data(other, kFloat32, {4}), z = data(other, kFloat32, {5});
  EXPECT_TRUE(same_structure({{binary(in, Op::add, x, x)}}, {{binary(other, Op::add, y, y)}}));
  EXPECT_FALSE(same_structure({{binary(in, Op::add, x, x)}}, {{binary(other, Op::mul, y, y)}}));
  EXPECT_FALSE(same_structure({{binary(in, Op::add, x, x)}}, {{binary(other, Op::add, z, z)}}));
  const NodeRef w = data(other, kFloat32, {4});
  EXPECT_FALSE(same_structure({{binary(in, Op::add, x, x)}}, {{binary(other, Op::add, y, w)}}));
}

}  // namespace
}  // namespace lazuli::ir
