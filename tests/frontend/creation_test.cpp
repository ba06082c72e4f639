// Creation functions and random tensors.
#include <cmath>
#include <set>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

TEST(Creation, TensorOfNumbers) {
  EXPECT_EQ(tensor(5).dim(), 0);
  EXPECT_EQ(tensor(5).dtype(), kInt64);
  EXPECT_EQ(tensor(5.5).dtype(), kFloat32);
  EXPECT_EQ(tensor({true, false}).dtype(), kBool);
  EXPECT_EQ(tensor({true, false}).to(kInt64).sum().item<int64_t>(), 1);
  EXPECT_EQ(tensor({true, 2}).dtype(), kInt64);
  EXPECT_EQ(sizes(tensor({})), Dims({0}));
  EXPECT_EQ(tensor({}).dtype(), kFloat32);
  EXPECT_EQ(sizes(tensor({{}, {}})), Dims({2, 0}));
  EXPECT_EQ(sizes(tensor({{1, 2}})), Dims({1, 2}));
  EXPECT_EQ(sizes(tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}, {{9, 10}, {11, 12}}})), Dims({3, 2, 2}));
  EXPECT_EQ(values(tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}})), Values({1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(sizes(tensor({{{{{1}}}}})), Dims({1, 1, 1, 1, 1}));
  EXPECT_EQ(tensor({9007199254740993}).item<int64_t>(), 9007199254740993);
  EXPECT_EQ(values(tensor({1.9, -1.9}, kInt64)), Values({1, -1}));
}

TEST(Creation, TensorOfRanges) {
  const std::vector<int> ints = {1, 2, 3};
  EXPECT_EQ(tensor(ints).dtype(), kInt64);
  EXPECT_EQ(values(tensor(ints)), Values({1, 2, 3}));
  EXPECT_EQ(tensor(std::vector<double>{1.5}).dtype(), kFloat32);
  EXPECT_EQ(tensor(std::vector<uint8_t>{1}).dtype(), kUInt8);
  EXPECT_EQ(tensor(std::vector<bool>{true, false}).dtype(), kBool);
  const float floats[] = {1, 2};
  EXPECT_EQ(values(tensor(std::span<const float>(floats))), Values({1, 2}));
  EXPECT_EQ(sizes(tensor({ints, ints})), Dims({2, 3}));
}

TEST(Creation, RaggedIsRefused) {
  EXPECT_EQ(message_of([] { tensor({{1, 2}, {3}}); }),
            "Expected all sub-lists to have sizes: [2], but got sub-list with sizes: [1]");
}

TEST(Creation, Arange) {
  EXPECT_EQ(values(arange(4)), Values({0, 1, 2, 3}));
  EXPECT_EQ(arange(4).dtype(), kInt64);
  EXPECT_EQ(arange(4.0).dtype(), kFloat32);
  EXPECT_EQ(arange(4, kFloat64).dtype(), kFloat64);
  EXPECT_EQ(values(arange(1, 10, 3)), Values({1, 4, 7}));
  EXPECT_EQ(values(arange(10, 0, -4)), Values({10, 6, 2}));
  EXPECT_EQ(values(arange(0, 1, 0.25)), Values({0, 0.25, 0.5, 0.75}));
  EXPECT_EQ(values(arange(1, 3.5)), Values({1, 2, 3}));
  EXPECT_EQ(sizes(arange(0)), Dims({0}));
  EXPECT_EQ(sizes(arange(5, 5)), Dims({0}));
  EXPECT_EQ(values(arange(3, kFloat16)), Values({0, 1, 2}));
  EXPECT_EQ(arange(INT64_MAX - 2, INT64_MAX).to_vector<int64_t>(),
            std::vector<int64_t>({INT64_MAX - 2, INT64_MAX - 1}));
  EXPECT_EQ(message_of([] { arange(0, 1, 0); }), "step must be nonzero");
  EXPECT_EQ(message_of([] { arange(1, 0); }), "upper bound and larger bound inconsistent with step sign");
  EXPECT_EQ(message_of([] { arange(0, INFINITY); }), "unsupported range: 0 -> inf");
  EXPECT_EQ(static_cast<float>(arange(0, 1, 0.1).to_vector<float>()[7]), static_cast<float>(0.1 * 7));
}

TEST(Creation, Linspace) {
  EXPECT_EQ(values(linspace(0, 10, 5)), Values({0, 2.5, 5, 7.5, 10}));
  EXPECT_EQ(values(linspace(3, 7, 1)), Values({3}));
  EXPECT_EQ(sizes(linspace(3, 7, 0)), Dims({0}));
  EXPECT_EQ(linspace(0, 0.1, 101).to_vector<float>().back(), 0.1f);
  EXPECT_EQ(values(linspace(0, 10, 4, kInt64)), Values({0, 3, 6, 10}));
  EXPECT_EQ(message_of([] { linspace(0, 1, -1); }), "number of steps must be non-negative");
}

TEST(Creation, Filled) {
  EXPECT_EQ(values(full({2}, 2.5)), Values({2.5, 2.5}));
  EXPECT_EQ(full({2}, 2.5).dtype(), kFloat32);
  EXPECT_EQ(full({2}, 3).dtype(), kInt64);
  EXPECT_EQ(values(zeros({2}, kBool)), Values({0, 0}));
  EXPECT_EQ(values(eye(2, 3)), Values({1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(eye(2, kInt64).dtype(), kInt64);
  EXPECT_EQ(zeros({}).dim(), 0);
  EXPECT_EQ(message_of([] { zeros({2, -1}); }), "Trying to create tensor with negative dimension -1: [2, -1]");
  EXPECT_THROW(zeros({int64_t{1} << 40, int64_t{1} << 40}), Error);
  EXPECT_EQ(message_of([] { zeros({2}, DType::Complex64); }), "zeros: element type complex64 is not supported");
}

TEST(Creation, EveryTensorIsItsOwn) {
  Tensor a = zeros({3}), b = zeros({3});
  a += 1;
  EXPECT_EQ(values(b), Values({0, 0, 0}));
  Tensor e = empty({2}), f = empty({2});
  e.fill_(4);
  f.fill_(5);
  EXPECT_EQ(values(e), Values({4, 4}));
}

TEST(Random, SameSeedSameNumbers) {
  manual_seed(7);
  const Values a = values(rand({100})), b = values(rand({100}));
  EXPECT_NE(a, b);
  manual_seed(7);
  EXPECT_EQ(values(rand({100})), a);
  EXPECT_EQ(values(rand({100})), b);
  manual_seed(8);
  EXPECT_NE(values(rand({100})), a);
}

TEST(Random, PositionAdvancesAtTheCall) {
  Generator g(3), h(3);
  const Tensor a = rand({10}, {}, g), b = rand({10}, {}, g);
  const Values second = values(b), first = values(a);  // evaluated in the other order
  EXPECT_EQ(values(rand({10}, {}, h)), first);
  EXPECT_EQ(values(rand({10}, {}, h)), second);
  EXPECT_EQ(g.position(), h.position());
}

TEST(Random, PrefixDoesNotDependOnTheSize) {
  Generator g(3), h(3);
  const Values large = values(rand({1000}, {}, g)), small = values(rand({10}, {}, h));
  EXPECT_EQ(Values(large.begin(), large.begin() + 10), small);
}

TEST(Random, UniformMoments) {
  for (DType t : {kFloat32, kFloat64, kFloat16, kBFloat16}) {
    const Values v = values(rand({20000}, t, Generator(1)));
    double sum = 0, squares = 0;
    for (double x : v) {
      EXPECT_TRUE(0 <= x && x < 1);
      sum += x;
      squares += x * x;
    }
    EXPECT_NEAR(sum / 20000, 0.5, 0.01) << name(t);
    EXPECT_NEAR(squares / 20000, 1.0 / 3, 0.01) << name(t);
  }
  for (double x : values(rand({1000}, {}, Generator(2)))) EXPECT_EQ(x * 0x1p24, std::floor(x * 0x1p24));
}

TEST(Random, NormalMoments) {
  for (DType t : {kFloat32, kFloat64}) {
    const Values v = values(randn({20000}, t, Generator(5)));
    double sum = 0, squares = 0, fourth = 0;
    int inside = 0;
    for (double x : v) {
      sum += x;
      squares += x * x;
      fourth += x * x * x * x;
      inside += std::fabs(x) < 1;
    }
    EXPECT_NEAR(sum / 20000, 0, 0.03) << name(t);
    EXPECT_NEAR(squares / 20000, 1, 0.04) << name(t);
    EXPECT_NEAR(fourth / 20000, 3, 0.3) << name(t);
    EXPECT_NEAR(inside / 20000.0, 0.6827, 0.015) << name(t);
  }
}

TEST(Random, Integers) {
  const Values v = values(randint(-3, 4, {1000}, {}, Generator(1)));
  EXPECT_EQ(std::set<double>(v.begin(), v.end()), std::set<double>({-3, -2, -1, 0, 1, 2, 3}));
  EXPECT_EQ(randint(10, {3}).dtype(), kInt64);
  EXPECT_EQ(randint(10, {3}, kUInt8).dtype(), kUInt8);
  for (int64_t x : randint(int64_t{1} << 40, (int64_t{1} << 40) + (int64_t{1} << 36), {100}).to_vector<int64_t>())
    EXPECT_TRUE(int64_t{1} << 40 <= x && x < (int64_t{1} << 40) + (int64_t{1} << 36));
  EXPECT_EQ(message_of([] { randint(3, 3, {1}); }),
            "random_ expects 'from' to be less than 'to', but got from=3 >= to=3");
  EXPECT_EQ(message_of([] { randint(0, 300, {1}, kUInt8); }), "to - 1 is out of bounds for uint8");
  EXPECT_EQ(message_of([] { rand({1}, kInt64); }), "\"check_uniform_bounds\" not implemented for 'Long'");
  EXPECT_EQ(message_of([] { randn({1}, kInt32); }), "\"normal_kernel_cpu\" not implemented for 'Int'");
}

}  // namespace
}  // namespace lazuli
