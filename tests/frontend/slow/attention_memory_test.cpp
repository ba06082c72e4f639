// Memory of attention over 16,384 places, where the scores of one head would take 1 GiB, forward and backward.
#include <gtest/gtest.h>

#include "frontend/context.h"
#include "lazuli/lazuli.h"

namespace lazuli {
namespace {

int64_t peak(int64_t places, bool backward) {
  const std::vector<Tensor> o{rand({1, 1, places, 64}), rand({1, 1, places, 64}), rand({1, 1, places, 64})};
  eval(std::span<const Tensor>(o));
  const auto loss = [&](const std::vector<Tensor>& x) {
    return scaled_dot_product_attention(x[0], x[1], x[2], {.is_causal = true}).sum();
  };
  const int64_t before = retained_bytes();
  if (!backward) return profile(loss(o)).peak_bytes - before;
  auto [value, g] = value_and_grad(loss)(o);
  g.push_back(value);
  return profile(std::span<const Tensor>(g)).peak_bytes - before;
}

TEST(AttentionMemory, GrowsWithTheNumberOfPlaces) {
  for (const bool backward : {false, true}) {
    const int64_t quarter = peak(4096, backward), all = peak(16384, backward);
    RecordProperty(backward ? "backward" : "forward", static_cast<int>(all));
    EXPECT_LE(all, 4 * quarter + 65536);
    EXPECT_LT(all, 12 * 16384 * 64 * 4);
  }
}

}  // namespace
}  // namespace lazuli
