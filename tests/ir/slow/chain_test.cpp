// Everything that walks a graph, on a chain of a million nodes and a stack of 64 KB.
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/ir/build.h"

namespace lazuli::ir {
namespace {

using namespace testing;

constexpr int kLength = 1'000'000;

NodeRef chain(Interner& in) {
  NodeRef x = tensor<float>(in, {2}, {1, -2});
  for (int i = 0; i < kLength; ++i) x = unary(in, Op::neg, x);
  return x;
}

TEST(MillionNodeChain, RoundTripsThroughText) {
  Interner in;
  bool same = false;
  on_small_stack([&] {
    const Graph g{{chain(in)}};
    same = same_structure(parse(print(g), in), g);
  });
  EXPECT_TRUE(same);
  EXPECT_EQ(in.live_nodes(), 0u);
}

TEST(MillionNodeChain, IsVerifiedRewrittenAndDrawn) {
  Interner in;
  size_t edges = 0;
  std::string last;
  on_small_stack([&] {
    const Graph g{{chain(in)}};
    verify(g);
    const Graph r = rewrite(g, in, [&](const Node* n, std::span<const NodeRef> inputs) {
      return n->op() == Op::neg ? unary(in, Op::abs, inputs[0]) : NodeRef();
    });
    last = name(r.outputs[0]->input(0)->op());
    const std::string dot = print_dot(r);
    for (size_t at = dot.find("->"); at != std::string::npos; at = dot.find("->", at + 2)) ++edges;
  });
  EXPECT_EQ(last, "abs");
  EXPECT_EQ(edges, static_cast<size_t>(kLength));
  EXPECT_EQ(in.live_nodes(), 0u);
}

TEST(MillionNodeChain, IsInterpreted) {
  Interner in;
  float value = 0;
  on_small_stack([&] { value = interpret({{chain(in)}})[0].as<float>()[1]; });
  EXPECT_EQ(value, -2);
  EXPECT_EQ(in.live_nodes(), 0u);
}

}  // namespace
}  // namespace lazuli::ir
