// Diagonals are views of any two axes, also where no strides express the flattened matrix.
#include <algorithm>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

TEST(Diagonal, OfAnyTwoAxesIsAView) {
  for (const int64_t offset : {-1, 0, 1, 2}) {
    Tensor x = arange(24).reshape({2, 3, 4});
    const Tensor d = x.diagonal(offset, 0, 2);
    EXPECT_TRUE(d.is_view());
    Values expected;
    for (int64_t j = 0; j < 3; ++j)
      for (int64_t i = 0; i < d.size(1); ++i)
        expected.push_back(x(i + std::max<int64_t>(-offset, 0), j, i + std::max<int64_t>(offset, 0)).item<double>());
    EXPECT_EQ(values(d), expected) << offset;
    Tensor(d).zero_();
    EXPECT_EQ(values(x.diagonal(offset, 0, 2)), Values(expected.size(), 0)) << offset;
    EXPECT_EQ(count_nonzero(x).item<int64_t>(), 24 - d.numel() - (expected[0] == 0 ? 0 : 1)) << offset;
  }
}

TEST(Diagonal, OfMemoryThatIsShared) {
  std::vector<float> memory(24, 1);
  Tensor x = from_blob(memory.data(), {2, 3, 4});
  Tensor d = x.diagonal(1, 0, 2);
  d += 1;
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 3; ++j) EXPECT_EQ(memory[static_cast<size_t>(12 * i + 4 * j + i + 1)], 2) << i << j;
  EXPECT_EQ(std::count(memory.begin(), memory.end(), 2.f), 6);
  EXPECT_EQ(d.data_ptr<float>(), memory.data() + 1);
  EXPECT_EQ(d.strides().vec(), Dims({4, 13}));
  EXPECT_EQ(d.data_ptr<float>()[d.stride(1)], 2);
}

TEST(Diagonal, OfATransposedLeafHasAGradient) {
  const Tensor x = arange(6., kFloat32).reshape({2, 3});
  Tensor leaf = x.clone().requires_grad_();
  leaf.t().diagonal(-1).sum().backward();
  EXPECT_EQ(values(leaf.grad()), Values({0, 1, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace lazuli
