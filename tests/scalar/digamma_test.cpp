// digamma and its derivatives against the same series in long double, from an argument where it needs few terms.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "ir/lower_scalar.h"

namespace lazuli::ir {
namespace {

constexpr long double kPi = 3.141592653589793238462643383279502884L;

long double digamma(long double x) {
  if (x < 0.5L) return digamma(1 - x) - kPi / std::tan(kPi * (x - std::round(x)));
  long double steps = 0;
  for (; x < 60; x += 1) steps += 1 / x;
  const long double z = 1 / (x * x);
  return std::log(x) - 1 / (2 * x) - z * (1.0L / 12 - z * (1.0L / 120 - z * (1.0L / 252 - z / 240))) - steps;
}
long double trigamma(long double x) {
  if (x < 0.5L) {
    const long double s = std::sin(kPi * (x - std::round(x)));
    return kPi * kPi / (s * s) - trigamma(1 - x);
  }
  long double steps = 0;
  for (; x < 60; x += 1) steps += 1 / (x * x);
  const long double z = 1 / (x * x);
  return 1 / x + z / 2 + z / x * (1.0L / 6 - z * (1.0L / 30 - z * (1.0L / 42 - z / 30))) + steps;
}

long double tetragamma(long double x) {
  if (x < 0.5L) {
    const long double t = kPi * (x - std::round(x)), s = std::sin(t);
    return tetragamma(1 - x) - 2 * kPi * kPi * kPi * std::cos(t) / (s * s * s);
  }
  long double steps = 0;
  for (; x < 60; x += 1) steps += 2 / (x * x * x);
  const long double z = 1 / (x * x);
  return -(z + z / x + z * z * (1.0L / 2 - z * (1.0L / 6 - z * (1.0L / 6 - z * 3 / 10)))) - steps;
}

template <class T>
T evaluate(Op op, DType t, T x) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const DType types[] = {t};
  const auto bits = scalar::evaluate(lower_elementwise(op, types), {std::bit_cast<Bits>(x)})[0];
  return std::bit_cast<T>(static_cast<Bits>(bits));
}

template <class T>
void expect_close(DType t) {
  const T eps = std::numeric_limits<T>::epsilon();
  for (T x = T(-9.96875); x < T(40); x += T(0.0625)) {
    if (x == std::floor(x) && x <= 0) continue;
    // Two of the reflected terms may cancel, as in the sum of any two numbers; trigamma is positive throughout.
    const T reflected = x < T(0.5) ? std::abs(T(kPi / std::tan(kPi * (x - std::round(x))))) : 0;
    const T d = T(digamma(x)), g = T(trigamma(x)), h = T(tetragamma(x));
    const T reflected_h = reflected * std::abs(T(trigamma(x)));
    EXPECT_NEAR(evaluate(Op::tetragamma, t, x), h, 16 * eps * std::max({T(1), std::abs(h), reflected_h})) << x;
    EXPECT_NEAR(evaluate(Op::digamma, t, x), d, 8 * eps * std::max({T(1), std::abs(d), reflected})) << x;
    EXPECT_NEAR(evaluate(Op::trigamma, t, x), g, 8 * eps * std::max(T(1), std::abs(g))) << x;
  }
  for (T x : {T(1e-6), T(-1e-6), T(1e-20), T(100), T(1e5), T(1e15), T(1e30)}) {
    const T d = T(digamma(x)), g = T(trigamma(x));
    EXPECT_NEAR(evaluate(Op::digamma, t, x), d, 8 * eps * std::abs(d)) << x;
    if (std::isfinite(g)) {
      EXPECT_NEAR(evaluate(Op::trigamma, t, x), g, 8 * eps * std::abs(g)) << x;
    }
  }
  const T inf = std::numeric_limits<T>::infinity();
  EXPECT_EQ(evaluate(Op::digamma, t, T(0)), -inf);
  EXPECT_EQ(evaluate(Op::digamma, t, T(-0.0)), inf);
  EXPECT_EQ(evaluate(Op::digamma, t, inf), inf);
  EXPECT_TRUE(std::isnan(evaluate(Op::digamma, t, T(-3))));
  EXPECT_TRUE(std::isnan(evaluate(Op::digamma, t, -inf)));
  EXPECT_TRUE(std::isnan(evaluate(Op::digamma, t, T(NAN))));
  EXPECT_EQ(evaluate(Op::tetragamma, t, T(0)), -inf);
  EXPECT_TRUE(std::isnan(evaluate(Op::tetragamma, t, T(-2))));
  EXPECT_EQ(evaluate(Op::tetragamma, t, inf), T(0));
  EXPECT_EQ(evaluate(Op::trigamma, t, T(-2)), inf);
  EXPECT_EQ(evaluate(Op::trigamma, t, T(0)), inf);
  EXPECT_EQ(evaluate(Op::trigamma, t, inf), T(0));
  EXPECT_TRUE(std::isnan(evaluate(Op::trigamma, t, T(NAN))));
}

TEST(Digamma, IsCloseToTheSeries) {
  expect_close<float>(kFloat32);
  expect_close<double>(kFloat64);
}

}  // namespace
}  // namespace lazuli::ir
