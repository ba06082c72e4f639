// gather and scatter_add: shapes, values, order of addition, indices out of bounds, text.
#include <numeric>

#include "ir/text.h"
#include "tests/ir/build.h"

namespace lazuli::ir {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
std::vector<T> counting(size_t n) {
  std::vector<T> v(n);
  std::iota(v.begin(), v.end(), T{0});
  return v;
}

NodeRef gather(Interner& in, const NodeRef& x, Dims axes, std::vector<NodeRef> indices) {
  NodeSpec spec{.op = Op::gather, .inputs = {x.get()}, .attr = AxesAttr{std::move(axes)}};
  for (const NodeRef& i : indices) spec.inputs.push_back(i.get());
  return in.make(std::move(spec));
}
NodeRef scatter_add(Interner& in, const NodeRef& x, const NodeRef& v, Dims axes, std::vector<NodeRef> indices) {
  NodeSpec spec{.op = Op::scatter_add, .inputs = {x.get(), v.get()}, .attr = AxesAttr{std::move(axes)}};
  for (const NodeRef& i : indices) spec.inputs.push_back(i.get());
  return in.make(std::move(spec));
}
NodeRef places(Interner& in, Shape shape, const std::vector<int64_t>& v) {
  return tensor(in, std::move(shape), v);
}

TEST(Gather, TakesRowsColumnsAndElements) {
  Interner in;
  const NodeRef x = tensor(in, {3, 2}, counting<int32_t>(6));
  const NodeRef rows = gather(in, x, {0}, {places(in, {4}, {2, 0, 2, 1})});
  EXPECT_EQ(rows->shape(), (Shape{4, 2}));
  EXPECT_THAT(value_of<int32_t>(rows), ElementsAre(4, 5, 0, 1, 4, 5, 2, 3));
  EXPECT_THAT(value_of<int32_t>(gather(in, x, {1}, {places(in, {1, 2}, {1, 1})})), ElementsAre(1, 3, 5, 1, 3, 5));
  EXPECT_THAT(value_of<int32_t>(gather(in, x, {0, 1}, {places(in, {3}, {2, 1, 0}), places(in, {3}, {0, 1, 0})})),
              ElementsAre(4, 3, 0));
  EXPECT_THAT(value_of<int32_t>(gather(in, x, {0}, {places(in, {}, {1})})), ElementsAre(2, 3));
  const NodeRef cube = tensor(in, {2, 3, 2}, counting<int32_t>(12));
  EXPECT_THAT(value_of<int32_t>(gather(in, cube, {0, 2}, {places(in, {2}, {1, 0}), places(in, {2}, {0, 1})})),
              ElementsAre(6, 8, 10, 1, 3, 5));
}

TEST(ScatterAdd, AddsInAscendingOrderAndWraps) {
  Interner in;
  const NodeRef base = tensor<float>(in, {2}, {1e8f, 0});
  // 1e8 + 1 stays 1e8, so the order shows: (1e8 - 1e8) + 1 is 1, (1e8 + 1) - 1e8 would be 0.
  EXPECT_THAT(
      value_of<float>(scatter_add(in, base, tensor<float>(in, {3}, {-1e8f, 1, 5}), {0}, {places(in, {3}, {0, 0, 1})})),
      ElementsAre(1, 5));
  EXPECT_THAT(
      value_of<float>(scatter_add(in, base, tensor<float>(in, {3}, {1, -1e8f, 5}), {0}, {places(in, {3}, {0, 0, 1})})),
      ElementsAre(0, 5));
  EXPECT_THAT(
      value_of<int8_t>(scatter_add(in, tensor<int8_t>(in, {2, 2}, {100, 1, 2, 3}),
                                   tensor<int8_t>(in, {2, 2}, {100, 10, 20, 30}), {1}, {places(in, {2}, {0, 0})})),
      ElementsAre(-36, 1, 42, 3));
}

TEST(ScatterAdd, HalfTypesAddUpInFloat32AndRoundOnce) {
  Interner in;
  const NodeRef base = tensor<BFloat16>(in, {1}, {BFloat16(256)});
  const NodeRef ones = tensor<BFloat16>(in, {4}, std::vector<BFloat16>(4, BFloat16(1)));  // 256 + 1 rounds to 256
  EXPECT_EQ(
      static_cast<float>(value_of<BFloat16>(scatter_add(in, base, ones, {0}, {places(in, {4}, {0, 0, 0, 0})}))[0]),
      260);
}

NodeRef scatter(Interner& in, Op op, const NodeRef& x, const NodeRef& v, const NodeRef& index) {
  return in.make({.op = op, .inputs = {x.get(), v.get(), index.get()}, .attr = AxesAttr{{0}}});
}

TEST(Scatter, TheLastOfEqualPlacesStays) {
  Interner in;
  const NodeRef at = places(in, {4}, {2, 0, 2, 2});
  const NodeRef x = tensor<int32_t>(in, {3}, {5, 6, 7}), v = tensor<int32_t>(in, {4}, {1, 2, 3, 4});
  EXPECT_THAT(value_of<int32_t>(scatter(in, Op::scatter, x, v, at)), ElementsAre(2, 6, 4));
  EXPECT_THAT(value_of<int32_t>(scatter(in, Op::scatter_mul, x, v, at)), ElementsAre(10, 6, 7 * 12));
  EXPECT_THAT(value_of<int32_t>(scatter(in, Op::scatter_max, x, v, at)), ElementsAre(5, 6, 7));
  EXPECT_THAT(value_of<int32_t>(scatter(in, Op::scatter_min, x, v, at)), ElementsAre(2, 6, 1));
  const NodeRef f = tensor<float>(in, {2}, {-0.0f, 1}), nan = tensor<float>(in, {2}, {0.0f, NAN});
  const std::vector<float> most = value_of<float>(scatter(in, Op::scatter_max, f, nan, places(in, {2}, {0, 1})));
  EXPECT_FALSE(std::signbit(most[0]));
  EXPECT_TRUE(std::isnan(most[1]));
}

TEST(Argsort, IsStableAndPutsNaNLast) {
  Interner in;
  const auto sorted = [&](Op op, const NodeRef& x) {
    return value_of<int64_t>(in.make({.op = op, .inputs = {x.get()}}));
  };
  const NodeRef x = tensor<float>(in, {7}, {3, NAN, -1, 3, 0.0f, -0.0f, NAN});
  EXPECT_THAT(sorted(Op::argsort, x), ElementsAre(2, 4, 5, 0, 3, 1, 6));
  EXPECT_THAT(sorted(Op::argsort_down, x), ElementsAre(1, 6, 0, 3, 4, 5, 2));
  EXPECT_THAT(sorted(Op::argsort, tensor<int32_t>(in, {2, 3}, {2, 1, 2, 0, 5, -5})), ElementsAre(1, 0, 2, 2, 0, 1));
  EXPECT_TRUE(sorted(Op::argsort, tensor<int32_t>(in, {3, 0}, {})).empty());
}

TEST(Indexed, NothingIsReadWhereNothingIsThere) {
  Interner in;
  const NodeRef empty = tensor<float>(in, {3, 0}, {});
  EXPECT_TRUE(value_of<float>(gather(in, empty, {0}, {places(in, {2}, {7, 7})})).empty());
  EXPECT_TRUE(value_of<float>(gather(in, empty, {1}, {places(in, {0}, {})})).empty());
  EXPECT_THAT(value_of<float>(scatter_add(in, tensor<float>(in, {2}, {1, 2}), tensor<float>(in, {0}, {}), {0},
                                          {places(in, {0}, {})})),
              ElementsAre(1, 2));
}

TEST(Indexed, RefusesAnIndexOutOfBounds) {
  Interner in;
  const NodeRef x = tensor(in, {5, 2}, counting<float>(10));
  const auto here = Location::current();
  const auto expect = [&](const NodeRef& n, const char* message) {
    try {
      interpret({{n}});
      ADD_FAILURE() << message;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Index);
      EXPECT_THAT(e.message(), HasSubstr(message));
    }
  };
  expect(gather(in, x, {0}, {places(in, {2, 2}, {0, 1, 7, 9})}),
         "gather: index 7 is out of bounds for dimension 0 with size 5 (element 2 of the [2, 2] indices)");
  expect(gather(in, x, {0, 1}, {places(in, {2}, {0, 1}), places(in, {2}, {1, -1})}),
         "gather: index -1 is out of bounds for dimension 1 with size 2 (element 1 of the [2] indices)");
  expect(scatter_add(in, x, tensor(in, {1, 5}, counting<float>(5)), {1}, {places(in, {1}, {2})}),
         "scatter_add: index 2 is out of bounds for dimension 1 with size 2");
  const NodeRef index = places(in, {}, {5});
  NodeSpec spec{.op = Op::gather, .inputs = {x.get(), index.get()}, .attr = AxesAttr{{0}}};
  spec.origin = here;
  try {
    interpret({{in.make(spec)}});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.where().line(), here.line());
  }
}

struct Refused {
  const char* lines;  // %x is float32[2, 3], %i int64[4], %j int64[5], %k int32[4], %b bool[2, 3], %c bool[4, 3]
  const char* message;
};
const Refused kRefused[] = {
    {"%r = gather %x, %i {axes = [2]} : float32[4]", "gather: axis 2 is not an axis of float32[2, 3]"},
    {"%r = gather %x, %i {axes = [0, 1]} : float32[4]", "gather: 2 axes [0, 1] with 1 index operands"},
    {"%r = gather %x, %i, %i {axes = [1, 0]} : float32[4]", "gather: axes [1, 0] are not ascending"},
    {"%r = gather %x, %k {axes = [0]} : float32[4, 3]", "gather: indices are int64, not int32[4]"},
    {"%r = gather %x, %i, %j {axes = [0, 1]} : float32[4]", "gather: indices int64[4] and int64[5] differ in shape"},
    {"%r = gather %x {axes = []} : float32[2, 3]", "gather: takes 2 or more operands, not 1"},
    {"%r = scatter_add %x, %x, %i {axes = [0]} : float32[2, 3]",
     "scatter_add: the values are float32[2, 3], not of shape [4, 3]"},
    {"%r = scatter_add %x, %i, %i {axes = [0]} : float32[2, 3]",
     "scatter_add: operands float32[2, 3] and int64[4] differ in type"},
    {"%r = scatter_add %b, %c, %i {axes = [0]} : bool[2, 3]", "scatter_add: takes integers and floats"},
};

TEST(Indexed, RefusesWhatDoesNotFit) {
  for (const Refused& c : kRefused) {
    Interner in;
    try {
      parse(std::string("graph { %x = data : float32[2, 3] @cpu %i = data : int64[4] @cpu %j = data : int64[5] @cpu "
                        "%k = data : int32[4] @cpu %b = data : bool[2, 3] @cpu %c = data : bool[4, 3] @cpu\n") +
                c.lines + "\nreturn %r }",
            in);
      ADD_FAILURE() << "accepted: " << c.lines;
    } catch (const Error& e) {
      EXPECT_THAT(e.message(), HasSubstr(c.message)) << c.lines;
    }
  }
}

TEST(Indexed, RoundTripsThroughText) {
  const char* text =
      "graph {\n"
      "  %0 = data : float32[3, 4, 5] @cpu\n"
      "  %1 = data : int64[7] @cpu\n"
      "  %2 = gather %0, %1, %1 {axes = [0, 2]} : float32[7, 4]\n"
      "  %3 = scatter_add %0, %2, %1, %1 {axes = [0, 2]} : float32[3, 4, 5]\n"
      "  return %2, %3\n}\n";
  Interner in;
  EXPECT_EQ(print(parse(text, in)), text);
}

}  // namespace
}  // namespace lazuli::ir
