// The interpreter against values worked out by hand or by plain C++.
#include "ir/interpret.h"

#include <numeric>

#include "ir/expand.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/ir/build.h"

namespace lazuli::ir {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInf = INFINITY;

template <class T>
std::vector<T> counting(size_t n) {
  std::vector<T> v(n);
  std::iota(v.begin(), v.end(), T{0});
  return v;
}

TEST(Interpret, Leaves) {
  Interner in;
  const auto leaf = [&](Op op, Attr attr, DType t, Shape shape) {
    return in.make({.op = op, .attr = std::move(attr), .dtype = t, .shape = std::move(shape)});
  };
  EXPECT_THAT(value_of<float>(constant(in, 2.5f)), ElementsAre(2.5f));
  EXPECT_THAT(value_of<int64_t>(leaf(Op::iota, AxesAttr{{1}}, kInt64, {2, 3})), ElementsAre(0, 1, 2, 0, 1, 2));
  EXPECT_THAT(value_of<float>(leaf(Op::iota, AxesAttr{{0}}, kFloat32, {2, 3})), ElementsAre(0, 0, 0, 1, 1, 1));
  EXPECT_EQ(value_of<int8_t>(leaf(Op::iota, AxesAttr{{0}}, kInt8, {130}))[129], -127);
}

TEST(Interpret, RandomBitsDependOnSeedOffsetAndElementOnly) {
  Interner in;
  const auto bits = [&](int64_t seed, int64_t offset, Shape shape) {
    const NodeRef s = tensor<int64_t>(in, {}, {seed}), o = tensor<int64_t>(in, {}, {offset});
    return value_of<int32_t>(in.make({.op = Op::random_bits, .inputs = {s.get(), o.get()}, .shape = std::move(shape)}));
  };
  const std::vector<int32_t> a = bits(7, 0, {300}), b = bits(7, 0, {15, 20}), c = bits(8, 0, {300}),
                             d = bits(7, 1, {300});
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_NE(a, d);
  const std::vector<int32_t> shorter = bits(7, 0, {100});
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), a.begin()));
  // The published test vector of Philox4x32-10 for a counter and key of zeros (Random123, kat_vectors): the four words
  // of block 0 are elements 0, 16, 32 and 48.
  const std::vector<int32_t> zero = bits(0, 0, {64});
  EXPECT_EQ(static_cast<uint32_t>(zero[0]), 0x6627e8d5u);
  EXPECT_EQ(static_cast<uint32_t>(zero[16]), 0xe169c58du);
  EXPECT_EQ(static_cast<uint32_t>(zero[32]), 0xbc57ac4cu);
  EXPECT_EQ(static_cast<uint32_t>(zero[48]), 0x9b00dbd8u);
}

TEST(Interpret, ElementwiseAndCast) {
  Interner in;
  const NodeRef x = tensor<float>(in, {4}, {1, -2, 0.5f, 8}), y = tensor<float>(in, {4}, {2, 2, 2, 2});
  EXPECT_THAT(value_of<float>(binary(in, Op::add, x, y)), ElementsAre(3, 0, 2.5f, 10));
  EXPECT_THAT(value_of<float>(binary(in, Op::div, x, y)), ElementsAre(0.5f, -1, 0.25f, 4));
  EXPECT_THAT(value_of<float>(unary(in, Op::relu, x)), ElementsAre(1, 0, 0.5f, 8));
  const HostArray equal = interpret({{binary(in, Op::eq, x, x)}})[0];
  EXPECT_EQ(equal.dtype, kBool);
  EXPECT_EQ(equal.bits(2), 1u);
  const auto cast = [&](const NodeRef& v, DType t) {
    return in.make({.op = Op::cast, .inputs = {v.get()}, .dtype = t});
  };
  EXPECT_THAT(value_of<int8_t>(cast(tensor<float>(in, {4}, {1.9f, -1.9f, 300, NAN}), kInt8)),
              ElementsAre(1, -1, 127, 0));
  const NodeRef half = cast(tensor<float>(in, {1}, {1.0f + 0x1p-11f}), kFloat16);
  EXPECT_EQ(value_of<Half>(half)[0].bits, 0x3c00);  // ties to even
  const std::vector<uint8_t> dirty{0, 1, 7};        // a bool byte that is not 0 or 1 is true
  NodeRef b = in.make(
      {.op = Op::data,
       .attr = LeafAttr{in.next_leaf_id()},
       .dtype = kBool,
       .shape = {3},
       .payload = std::make_shared<Elements>(std::vector<std::byte>{std::byte{0}, std::byte{1}, std::byte{7}})});
  EXPECT_THAT(value_of<int32_t>(cast(b, kInt32)), ElementsAre(0, 1, 1));
}

TEST(Interpret, Movement) {
  Interner in;
  const NodeRef x = tensor(in, {2, 3}, counting<int32_t>(6));
  EXPECT_THAT(value_of<int32_t>(shaped(in, Op::reshape, x, {3, 2})), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(value_of<int32_t>(unary(in, Op::permute, x, AxesAttr{{1, 0}})), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(value_of<int32_t>(shaped(in, Op::expand, tensor<int32_t>(in, {2, 1}, {7, 8}), {2, 2, 3})),
              ElementsAre(7, 7, 7, 8, 8, 8, 7, 7, 7, 8, 8, 8));
  EXPECT_THAT(value_of<int32_t>(shaped(in, Op::expand, tensor<int32_t>(in, {}, {4}), {3})), ElementsAre(4, 4, 4));
  EXPECT_THAT(value_of<int32_t>(unary(in, Op::flip, x, AxesAttr{{0}})), ElementsAre(3, 4, 5, 0, 1, 2));
  EXPECT_THAT(value_of<int32_t>(unary(in, Op::flip, x, AxesAttr{{0, 1}})), ElementsAre(5, 4, 3, 2, 1, 0));
  EXPECT_THAT(value_of<int32_t>(shaped(in, Op::slice, x, {1, 2}, SliceAttr{{1, 0}, {1, 2}})), ElementsAre(3, 5));
  EXPECT_THAT(value_of<int32_t>(binary(in, Op::pad, x, tensor<int32_t>(in, {}, {9}), PadAttr{{1, 0}, {0, 2}})),
              ElementsAre(9, 9, 9, 9, 9, 0, 1, 2, 9, 9, 3, 4, 5, 9, 9));
  EXPECT_THAT(value_of<int32_t>(binary(in, Op::concat, x, x, AxesAttr{{1}})),
              ElementsAre(0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5));
  EXPECT_THAT(value_of<int32_t>(binary(in, Op::concat, x, tensor<int32_t>(in, {0, 3}, {}), AxesAttr{{0}})),
              ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(value_of<int32_t>(binary(in, Op::slice_update, x, tensor<int32_t>(in, {2, 2}, {-1, -2, -3, -4}),
                                       SliceAttr{{0, 0}, {1, 2}})),
              ElementsAre(-1, 1, -2, -3, 4, -4));
  EXPECT_TRUE(value_of<int32_t>(shaped(in, Op::slice, x, {0, 3}, SliceAttr{{2, 0}, {1, 1}})).empty());
}

TEST(Interpret, MovementOfManyAxesAgreesWithIndexArithmetic) {
  Interner in;
  const Shape shape{2, 3, 4, 5};
  for (const Dims& order : {Dims{3, 1, 0, 2}, Dims{0, 2, 1, 3}, Dims{2, 3, 0, 1}}) {
    const std::vector<int16_t> got =
        value_of<int16_t>(unary(in, Op::permute, tensor(in, shape, counting<int16_t>(120)), AxesAttr{order}));
    const Dims from = contiguous_strides(shape);
    size_t at = 0;
    int64_t i[4];
    for (i[0] = 0; i[0] < shape[order[0]]; ++i[0])
      for (i[1] = 0; i[1] < shape[order[1]]; ++i[1])
        for (i[2] = 0; i[2] < shape[order[2]]; ++i[2])
          for (i[3] = 0; i[3] < shape[order[3]]; ++i[3]) {
            int64_t source = 0;
            for (size_t d = 0; d < 4; ++d) source += i[d] * from[order[d]];
            ASSERT_EQ(got[at++], source);
          }
  }
}

// ---- Composites ----

std::vector<float> reference_softmax(const std::vector<float>& x) {
  double max = -kInf, sum = 0;
  for (float v : x) max = std::max<double>(max, v);
  for (float v : x) sum += std::exp(v - max);
  std::vector<float> out;
  for (float v : x) out.push_back(static_cast<float>(std::exp(v - max) / sum));
  return out;
}

void expect_near(const std::vector<float>& got, const std::vector<float>& want, float tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << i;
}

TEST(Composite, ValuesOfARow) {
  Interner in;
  const std::vector<float> v{1, 2, 4, -3, 1000, 999};
  const NodeRef x = tensor<float>(in, {2, 3}, v);
  const auto op = [&](Op o, Dims axes, double number = 0) {
    return value_of<float>(unary(in, o, x, CompositeAttr{std::move(axes), number}));
  };
  expect_near(op(Op::mean, {1}), {7.f / 3, 1996.f / 3}, 1e-4f);
  expect_near(op(Op::var, {1}, 0), {14.f / 9, 670004.667f / 3}, 0.05f);
  expect_near(op(Op::var, {1}, 1), {14.f / 6, 670004.667f / 2}, 0.1f);
  std::vector<float> soft = reference_softmax({1, 2, 4}), second = reference_softmax({-3, 1000, 999});
  soft.insert(soft.end(), second.begin(), second.end());
  expect_near(op(Op::softmax, {1}), soft, 1e-6f);
  expect_near(op(Op::logsumexp, {1}), {4.16984606f, 1000.31326f}, 1e-4f);
  expect_near(op(Op::log_softmax, {1}), {-3.16984606f, -2.16984606f, -0.16984606f, -1003.31326f, -0.31326f, -1.31326f},
              1e-4f);
  expect_near(op(Op::mean, {0, 1}), {2003.f / 6}, 1e-4f);
}

TEST(Composite, LayerNormWithWeightAndBias) {
  Interner in;
  const NodeRef x = tensor<float>(in, {2, 2}, {1, 3, -10, 10}), w = tensor<float>(in, {2}, {2, 1}),
                b = tensor<float>(in, {2}, {0.5f, -1});
  const CompositeAttr attr{{1}, 0.0};
  expect_near(value_of<float>(unary(in, Op::layer_norm, x, attr)), {-1, 1, -1, 1}, 1e-6f);
  expect_near(value_of<float>(binary(in, Op::layer_norm, x, w, attr)), {-2, 1, -2, 1}, 1e-6f);
  const NodeRef all = in.make({.op = Op::layer_norm, .inputs = {x.get(), w.get(), b.get()}, .attr = attr});
  expect_near(value_of<float>(all), {-1.5f, 0, -1.5f, 0}, 1e-6f);
}

TEST(Composite, EdgeCases) {
  Interner in;
  const auto op = [&](Op o, Shape shape, std::vector<float> v, double number = 0) {
    const int64_t last = static_cast<int64_t>(shape.size()) - 1;
    return value_of<float>(unary(in, o, tensor(in, std::move(shape), v), CompositeAttr{{last}, number}));
  };
  EXPECT_THAT(op(Op::logsumexp, {3}, {-kInf, -kInf, -kInf}), ElementsAre(-kInf));
  EXPECT_THAT(op(Op::logsumexp, {2}, {kInf, 1}), ElementsAre(kInf));
  EXPECT_TRUE(std::isnan(op(Op::logsumexp, {2}, {NAN, 1})[0]));
  EXPECT_THAT(op(Op::logsumexp, {2, 0}, {}), ElementsAre(-kInf, -kInf));
  EXPECT_TRUE(std::isnan(op(Op::softmax, {2}, {-kInf, -kInf})[0]));
  EXPECT_TRUE(op(Op::softmax, {2, 0}, {}).empty());
  EXPECT_TRUE(op(Op::log_softmax, {0, 2}, {}).empty());
  EXPECT_TRUE(std::isnan(op(Op::mean, {0}, {})[0]));
  EXPECT_TRUE(std::isnan(op(Op::var, {1}, {5}, 1)[0]));
  EXPECT_THAT(op(Op::var, {2}, {5, 6}, 3), ElementsAre(kInf));
}

TEST(Composite, HalfTypesComputeInFloat32) {
  Interner in;
  std::vector<Half> x;
  std::vector<float> wide;
  for (int i = 0; i < 300; ++i) {
    x.push_back(Half(0.37f * static_cast<float>(i % 23) - 2));
    wide.push_back(static_cast<float>(x.back()));
  }
  for (Op o : {Op::softmax, Op::log_softmax, Op::layer_norm}) {
    const CompositeAttr attr{{0}, o == Op::layer_norm ? 1e-5 : 0.0};
    const std::vector<Half> got = value_of<Half>(unary(in, o, tensor(in, {300}, x), attr));
    const std::vector<float> in_float = value_of<float>(unary(in, o, tensor(in, {300}, wide), attr));
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i].bits, Half(in_float[i]).bits) << name(o);
  }
}

TEST(Composite, ExpansionsArePrimitiveAndKeepTheType) {
  Interner in;
  for (DType t : {kFloat16, kBFloat16, kFloat32, kFloat64})
    for (Shape shape : {Shape{4, 6}, Shape{0, 6}, Shape{4, 0}})
      for (Op o : {Op::mean, Op::var, Op::logsumexp, Op::softmax, Op::log_softmax, Op::layer_norm}) {
        const NodeRef n = unary(in, o, data(in, t, shape), CompositeAttr{{1}});
        const NodeRef e = expand_composite(n.get(), in);
        EXPECT_EQ(e->dtype(), t);
        EXPECT_EQ(e->shape(), n->shape());
        verify({{e}});
        for (const Node* step : topological_order({{e}})) EXPECT_NE(family(step->op()), Family::Composite);
      }
}

// ---- Errors and whole graphs ----

TEST(Interpret, ReadsLeavesFromTheSource) {
  Interner in;
  const Graph g = parse("graph { %x = data : float32[2] @cpu %y = neg %x : float32[2] return %y, %x }", in);
  EXPECT_THROW(interpret(g), Error);  // parsed leaves have no elements
  const auto source = [](const Node* n) {
    HostArray a{n->dtype(), n->shape(), std::vector<std::byte>(8)};
    a.as<float>()[0] = 3;
    a.as<float>()[1] = -4;
    return a;
  };
  const std::vector<HostArray> out = interpret(g, source);
  EXPECT_EQ(out[0].as<float>()[1], 4);
  EXPECT_EQ(out[1].as<float>()[1], -4);
  EXPECT_THROW(interpret(g, [](const Node*) { return HostArray{kFloat32, {3}, std::vector<std::byte>(12)}; }), Error);
}

TEST(Interpret, AValueThatDoesNotFitIsAnError) {
  Interner in;
  const NodeRef huge = shaped(in, Op::expand, constant(in, 1), {int64_t{1} << 50});
  try {
    interpret({{huge}});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Memory);
    EXPECT_THAT(e.message(), HasSubstr("expand: 4503599627370496 bytes for float32[1125899906842624]"));
  }
}

TEST(Interpret, ARefusedElementIsNamed) {
  Interner in;
  Op divide{};
  ASSERT_TRUE(find_op("floor_divide", &divide));
  std::vector<int32_t> divisors(600, 1);
  divisors[431] = divisors[555] = 0;
  const Location here = Location::current();
  const NodeRef x = tensor(in, {2, 300}, counting<int32_t>(600)), y = tensor(in, {2, 300}, divisors);
  const NodeRef z = in.make({.op = divide, .inputs = {x.get(), y.get()}, .origin = here});
  try {
    interpret({{z}});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Value);
    EXPECT_EQ(e.message(), "floor_divide: integer division by zero at element 431 (index [1, 131]) of int32[2, 300]");
    EXPECT_EQ(e.where().line(), here.line());
  }
}

TEST(Interpret, BitwiseEqualMatchesNansOnly) {
  const auto array = [](std::vector<float> v) {
    HostArray a{kFloat32, {static_cast<int64_t>(v.size())}, std::vector<std::byte>(v.size() * 4)};
    std::copy(v.begin(), v.end(), a.as<float>());
    return a;
  };
  int64_t at = 0;
  EXPECT_TRUE(bitwise_equal(array({1, NAN}), array({1, -NAN}), &at));
  EXPECT_EQ(at, -1);
  EXPECT_FALSE(bitwise_equal(array({1, 0.f}), array({1, -0.f}), &at));
  EXPECT_EQ(at, 1);
  EXPECT_FALSE(bitwise_equal(array({1}), array({1, 2})));
}

TEST(Interpret, LongChainsFreeTheirValues) {
  Interner in;
  // 2,000 values of 4 MB each would be 8 GB if they were kept.
  NodeRef x = shaped(in, Op::expand, constant(in, 1), {1 << 20});
  for (int i = 0; i < 2000; ++i) x = shaped(in, Op::reshape, x, i % 2 == 0 ? Shape{1024, 1024} : Shape{1 << 20});
  EXPECT_EQ(interpret({{unary(in, Op::sum, x, AxesAttr{{0}})}})[0].as<float>()[0], 1 << 20);
}

}  // namespace
}  // namespace lazuli::ir
