// A sampled run of what lazuli-accuracy checks in full: no expansion may leave its promised bound.
#include "tests/scalar/accuracy/accuracy.h"

#include <gtest/gtest.h>

namespace lazuli::accuracy {
namespace {

TEST(Accuracy, UnaryFloat32) {
  const auto special = samples(kFloat32, 20000, 1);
  for (const UnaryCase& c : unary_cases()) {
    Worst w = sweep32(c, 0, uint64_t{1} << 32, 131071);
    w.merge(measure32(c, special));
    EXPECT_LE(w.ulp, c.bound32) << describe(c.op, kFloat32, w);
  }
}

TEST(Accuracy, UnaryFloat64) {
  const auto x = samples(kFloat64, 2500, 2);
  for (const UnaryCase& c : unary_cases()) {
    const Worst w = measure64(c, x);
    EXPECT_LE(w.ulp, c.bound64) << describe(c.op, kFloat64, w);
  }
}

TEST(Accuracy, Binary) {
  const BinaryOperands narrow = binary_samples(kFloat32, 20000, 3), wide = binary_samples(kFloat64, 4000, 4);
  for (const BinaryCase& c : binary_cases()) {
    const Worst w = measure32(c, narrow.x, narrow.y);
    EXPECT_LE(w.ulp, c.bound32) << describe(c.op, kFloat32, w);
    const Worst v = measure64(c, wide.x, wide.y);
    EXPECT_LE(v.ulp, c.bound64) << describe(c.op, kFloat64, v);
  }
}

}  // namespace
}  // namespace lazuli::accuracy
