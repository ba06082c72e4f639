// Scans against an independent, recursive writing of the tree of docs/numerics.md; their rules and their text.
#include <gmock/gmock.h>

#include <numeric>

#include "ir/text.h"
#include "tests/ir/build.h"

namespace lazuli::ir {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

NodeRef scan(Interner& in, Op op, const NodeRef& x, int64_t axis) {
  return in.make({.op = op, .inputs = {x.get()}, .attr = AxesAttr{{axis}}});
}

/// Elements i - 2^steps + 1 to i, as far as they are in the block that begins at `first`.
float doubled(const std::vector<float>& x, size_t first, size_t i, int steps) {
  if (steps == 0) return x[i];
  const size_t by = size_t{1} << (steps - 1);
  const float high = doubled(x, first, i, steps - 1);
  return i < first + by ? high : doubled(x, first, i - by, steps - 1) + high;
}

/// The total of elements [begin, end), a whole number of units of `unit`.
float total(const std::vector<float>& x, size_t begin, size_t end, size_t unit) {
  float sum = -0.f;
  for (size_t at = begin; at < end; at += unit)
    sum += unit == 16 ? doubled(x, at, at + 15, 4) : total(x, at, at + unit, unit / 128);
  return sum;
}

TEST(Scan, FollowsTheTree) {
  std::vector<float> x(600000);
  uint32_t state = 1;
  for (float& v : x) v = static_cast<float>((state = state * 1664525 + 1013904223) >> 8) * 0x1p-24f - 0.3f;
  Interner in;
  const std::vector<float> got =
      value_of<float>(scan(in, Op::cumsum, tensor(in, {static_cast<int64_t>(x.size())}, x), 0));
  size_t differ = 0;
  float sequential = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    sequential += x[i];
    differ += sequential != got[i];
    if (i % 9973 != 0 && i % 262144 > 17 && i % (20 * 2048) > 17 && i + 20 < x.size()) continue;
    const size_t group = i / 262144 * 262144, chunk = i / 2048 * 2048, block = i / 16 * 16;
    const float before = (total(x, 0, group, 262144) + total(x, group, chunk, 2048)) + total(x, chunk, block, 16);
    ASSERT_EQ(got[i], before + doubled(x, block, i, 4)) << i;
  }
  EXPECT_GT(differ, x.size() / 2);  // a sequential sum is another one
}

TEST(Scan, EveryKindAlongAnyAxis) {
  Interner in;
  const NodeRef x = tensor<int32_t>(in, {2, 3}, {1, 5, 2, 4, 3, 6});
  EXPECT_THAT(value_of<int32_t>(scan(in, Op::cumsum, x, 1)), ElementsAre(1, 6, 8, 4, 7, 13));
  EXPECT_THAT(value_of<int32_t>(scan(in, Op::cumsum, x, 0)), ElementsAre(1, 5, 2, 5, 8, 8));
  EXPECT_THAT(value_of<int32_t>(scan(in, Op::cumprod, x, 1)), ElementsAre(1, 5, 10, 4, 12, 72));
  EXPECT_THAT(value_of<int32_t>(scan(in, Op::cummax, x, 1)), ElementsAre(1, 5, 5, 4, 4, 6));
  EXPECT_THAT(value_of<int32_t>(scan(in, Op::cummin, x, 1)), ElementsAre(1, 1, 1, 4, 3, 3));
  EXPECT_TRUE(value_of<float>(scan(in, Op::cumsum, tensor<float>(in, {0, 3}, {}), 0)).empty());
  const std::vector<float> most =
      value_of<float>(scan(in, Op::cummax, tensor<float>(in, {5}, {-0.f, 0.f, -0.f, NAN, 7}), 0));
  EXPECT_TRUE(std::signbit(most[0]));
  EXPECT_FALSE(std::signbit(most[2]));
  EXPECT_TRUE(std::isnan(most[4]));
  const std::vector<double> logs =
      value_of<double>(scan(in, Op::logcumsumexp, tensor<double>(in, {3}, {-INFINITY, 0, 0}), 0));
  EXPECT_EQ(logs[0], -INFINITY);
  EXPECT_DOUBLE_EQ(logs[2], std::log(2.0));
  // float16: 2048 + 1 would stay 2048.
  const std::vector<Half> halves =
      value_of<Half>(scan(in, Op::cumsum, tensor<Half>(in, {5}, {Half(2048), Half(1), Half(1), Half(1), Half(1)}), 0));
  EXPECT_EQ(static_cast<float>(halves[4]), 2052);
}

TEST(Scan, RefusesAndPrints) {
  Interner in;
  const auto message = [&](Op op, const NodeRef& x, int64_t axis) -> std::string {
    try {
      scan(in, op, x, axis);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  const NodeRef flags = tensor<bool>(in, {2}, {true, false}), whole = tensor<int32_t>(in, {2}, {1, 2});
  EXPECT_THAT(message(Op::cumsum, flags, 0), HasSubstr("takes integers and floats, not bool"));
  EXPECT_THAT(message(Op::logcumsumexp, whole, 0), HasSubstr("takes floats, not int32"));
  EXPECT_THAT(message(Op::cumsum, whole, 1), HasSubstr("axis"));
  const std::string text =
      "graph {\n  %0 = data : float32[2, 3] @cpu\n  %1 = cumprod %0 {axis = 1} : float32[2, 3]\n  return %1\n}\n";
  Interner other;
  EXPECT_EQ(print(parse(text, other)), text);
}

}  // namespace
}  // namespace lazuli::ir
