// Greatest common divisors against std::gcd, and mantissas against std::frexp.
#include <cmath>
#include <numeric>
#include <random>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

template <class T>
void expect_divisors(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<T> a, b;
  for (int i = 0; i < 300; ++i) {
    // Of all sizes, and with common factors.
    const auto draw = [&] { return static_cast<T>(static_cast<T>(random()) >> random() % (8 * sizeof(T) - 1)); };
    const T factor = static_cast<T>(random() % 12 + 1);
    a.push_back(i % 3 == 0 ? static_cast<T>(draw() / 12 * factor) : draw());
    b.push_back(i % 3 == 0 ? static_cast<T>(draw() / 12 * factor) : draw());
    if (a.back() == std::numeric_limits<T>::min()) a.back() = 0;
    if (b.back() == std::numeric_limits<T>::min()) b.back() = 0;
  }
  // Neighbours among the Pell numbers take the most steps.
  for (T p = 1, q = 2; q < std::numeric_limits<T>::max() / 3;) {
    a.push_back(q);
    b.push_back(p);
    const T next = static_cast<T>(2 * q + p);
    p = q;
    q = next;
  }
  for (T p = 1, q = 1; q < std::numeric_limits<T>::max() / 2;) {
    a.push_back(p);
    b.push_back(q);
    const T next = static_cast<T>(q + p);
    p = q;
    q = next;
  }
  const auto got = gcd(tensor(a).to(dtype_of_v<T>), tensor(b).to(dtype_of_v<T>)).template to_vector<T>();
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(got[i], static_cast<T>(std::gcd(a[i], b[i]))) << "of " << +a[i] << " and " << +b[i];
}

TEST(Integers, GcdIsThatOfTheStandardLibrary) {
  expect_divisors<int8_t>(1);
  expect_divisors<uint8_t>(2);
  expect_divisors<int16_t>(3);
  expect_divisors<int32_t>(4);
  expect_divisors<int64_t>(5);
}

TEST(Integers, LcmAndBroadcasting) {
  EXPECT_EQ(values(lcm(tensor({{4}, {6}}), tensor({6, 0, -10}))), (Values{12, 0, 20, 6, 0, 30}));
  Tensor x = tensor({12, 18});
  x.gcd_(tensor({8, 27}));
  EXPECT_EQ(values(x), (Values{4, 9}));
}

TEST(Integers, MantissaAndExponent) {
  std::vector<double> numbers{0,       1,     -3, 0.5, 0.49999999999999994, 1e308, 5e-324, 2.2250738585072014e-308,
                              -1e-310, 1023.5};
  std::mt19937_64 random(6);
  for (int i = 0; i < 500; ++i)
    numbers.push_back(
        std::ldexp(1 + static_cast<double>(random() >> 11) * 0x1p-53, static_cast<int>(random() % 2040) - 1020));
  for (int e = -1060; e < 1023; e += 3) numbers.push_back(std::ldexp(1.0, e));
  const auto [mantissa, exponent] = frexp(tensor(numbers, kFloat64));
  const auto m = mantissa.to_vector<double>();
  const auto e = exponent.to_vector<int>();
  for (size_t i = 0; i < numbers.size(); ++i) {
    int want = 0;
    EXPECT_EQ(m[i], std::frexp(numbers[i], &want)) << numbers[i];
    EXPECT_EQ(e[i], want) << numbers[i];
  }
}

}  // namespace
}  // namespace lazuli
