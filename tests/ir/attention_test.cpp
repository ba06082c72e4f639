// The attention ops: what is refused, their text, and numbers that can be followed by hand.
#include <gmock/gmock.h>

#include "ir/text.h"
#include "tests/ir/build.h"

namespace lazuli::ir {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

NodeRef attend(Interner& in, Op op, const std::vector<NodeRef>& operands, bool causal = false, double scale = 1) {
  NodeSpec spec{.op = op, .attr = CompositeAttr{{causal ? 1 : 0}, scale}};
  for (const NodeRef& x : operands) spec.inputs.push_back(x.get());
  return in.make(std::move(spec));
}

TEST(Attention, ByHand) {
  Interner in;
  // Scores 0 and log 3 for the first query, log 3 and 0 for the second.
  const float l = std::log(3.f);
  const NodeRef q = tensor<float>(in, {1, 1, 2, 1}, {1, -1}), k = tensor<float>(in, {1, 1, 2, 1}, {0, l});
  const NodeRef v = tensor<float>(in, {1, 1, 2, 1}, {4, 8});
  const std::vector<float> y = value_of<float>(attend(in, Op::attention, {q, k, v}));
  EXPECT_NEAR(y[0], 7, 1e-5);
  EXPECT_NEAR(y[1], 5, 1e-5);
  const std::vector<float> lse = value_of<float>(attend(in, Op::attention_lse, {q, k, v}));
  EXPECT_NEAR(lse[0], std::log(4.f), 1e-6);
  EXPECT_NEAR(lse[1], std::log(4.f / 3), 1e-6);
  EXPECT_EQ(value_of<float>(attend(in, Op::attention, {q, k, v}, true))[0], 4);
  const NodeRef none = tensor<int64_t>(in, {1}, {0});
  EXPECT_THAT(value_of<float>(attend(in, Op::attention, {q, k, v, none})), ElementsAre(0, 0));
  EXPECT_THAT(value_of<float>(attend(in, Op::attention_lse, {q, k, v, none})), ElementsAre(INFINITY, INFINITY));
}

TEST(Attention, HasText) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {2, 4, 5, 8}), k = data(in, kFloat32, {2, 2, 7, 8});
  const Graph g{
      {attend(in, Op::attention, {x, k, k, data(in, kBool, {1, 1, 5, 7}), data(in, kInt64, {2})}, true, 0.25)}};
  const std::string text = print(g);
  EXPECT_THAT(text, HasSubstr("{causal = 1, scale = 0.25} : float32[2, 4, 5, 8]"));
  EXPECT_EQ(print(parse(text, in)), text);
}

TEST(Attention, Refuses) {
  Interner in;
  const NodeRef x = data(in, kFloat32, {2, 4, 5, 8}), k = data(in, kFloat32, {2, 2, 7, 8});
  const auto refused = [&](const std::vector<NodeRef>& operands, Op op = Op::attention) {
    try {
      attend(in, op, operands);
    } catch (const Error& e) {
      return e.message();
    }
    return std::string();
  };
  EXPECT_EQ(refused({x, k, k}), "");
  EXPECT_THAT(refused({x, k, data(in, kFloat64, {2, 2, 7, 8})}), HasSubstr("differ in type"));
  EXPECT_THAT(refused({data(in, kFloat16, {2, 4, 5, 8}), k, k}), HasSubstr("takes float32 and float64"));
  EXPECT_THAT(refused({x, data(in, kFloat32, {2, 3, 7, 8}), k}), HasSubstr("do not fit"));
  EXPECT_THAT(refused({x, k, data(in, kFloat32, {2, 2, 6, 8})}), HasSubstr("the value is float32[2, 2, 6, 8]"));
  EXPECT_THAT(refused({x, k, k, data(in, kBool, {2, 3, 5, 7})}), HasSubstr("does not broadcast to [2, 4, 5, 7]"));
  EXPECT_THAT(refused({x, k, k, data(in, kInt32, {1, 1, 5, 7})}), HasSubstr("the mask is bool or"));
  EXPECT_THAT(refused({x, k, k, data(in, kInt32, {2})}), HasSubstr("key lengths are int64"));
  EXPECT_THAT(refused({x, k, k, data(in, kInt64, {3})}), HasSubstr("key lengths"));
  EXPECT_THAT(
      refused({x, k, k, k, data(in, kFloat32, {2, 4, 5}), data(in, kFloat32, {2, 4, 5})}, Op::attention_query_gradient),
      HasSubstr("the gradient is"));
}

}  // namespace
}  // namespace lazuli::ir
