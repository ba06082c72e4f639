// Gradients through reading and adding at indices: what comes back to a place that was read twice is added up, what was
// never read gets zero; one element per row and its gradient are one kernel.
#include "lazuli/autograd.h"
#include "lazuli/nn.h"
#include "lazuli/reduce.h"
#include "lazuli/take.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;
using testing::HasSubstr;

Tensor places(std::initializer_list<int64_t> v, IntArrayRef sizes) {
  return from_host(v.begin(), sizes, kInt64);
}

TEST(TakeGradient, OfEmbeddingAddsUpRepeatedRows) {
  Tensor w = counting({4, 2});
  w.requires_grad_();
  const Tensor e = embedding(w, places({1, 3, 1}, {3}));
  (e * floats({1, 2, 10, 20, 100, 200}, {3, 2})).sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(0, 0, 101, 202, 0, 0, 10, 20));
}

TEST(TakeGradient, OfIndexTensorsAndOfSelections) {
  Tensor x = counting({2, 3});
  x.requires_grad_();
  (x.index({All, places({-1, 0}, {2})}) * floats({1, 2, 3, 4}, {2, 2})).sum().backward();
  EXPECT_THAT(values(x.grad()), ElementsAre(2, 0, 1, 4, 0, 3));
  const Tensor again = autograd::grad({x.index_select(1, integers({1, 1})).square().sum()}, {x})[0];
  EXPECT_THAT(values(again), ElementsAre(0, 4, 0, 0, 16, 0));
  const Tensor along = autograd::grad({x.gather(1, places({2, 0}, {2, 1})).square().sum()}, {x})[0];
  EXPECT_THAT(values(along), ElementsAre(0, 0, 4, 6, 0, 0));
}

TEST(TakeGradient, OfAddingAtIndices) {
  Tensor x = counting({3}), v = counting({2});
  x.requires_grad_();
  v.requires_grad_();
  const Tensor y = x.index_add(0, integers({2, 2}), v);
  (y * y).sum().backward();  // y = [0, 1, 3]
  EXPECT_THAT(values(x.grad()), ElementsAre(0, 2, 6));
  EXPECT_THAT(values(v.grad()), ElementsAre(6, 6));
}

TEST(TakeGradient, SecondOrder) {
  Tensor x = counting({3});
  x.requires_grad_();
  const Tensor picked = x.index({integers({1, 1, 2})});
  const Tensor first = autograd::grad({(picked * picked * picked).sum()}, {x}, {}, {}, /*create_graph=*/true)[0];
  EXPECT_THAT(values(first), ElementsAre(0, 6, 12));  // 2 * 3 * 1, 3 * 4
  EXPECT_THAT(values(autograd::grad({first.sum()}, {x})[0]), ElementsAre(0, 12, 12));
}

TEST(TakeGradient, OneElementPerRowIsOneKernelThere) {
  Tensor x = counting({40, 7});
  x.requires_grad_();
  const Tensor target = integers({3}).expand({40}).unsqueeze(1).contiguous();
  eval(target);
  const Tensor loss = -log_softmax(x, 1).gather(1, target).mean();
  const Tensor g = autograd::grad({loss}, {x})[0];
  EXPECT_EQ(profile(g).kernels.size(), 1u);
  const Tensor onehot = (from_host(std::initializer_list<int64_t>{0, 1, 2, 3, 4, 5, 6}.begin(), {7}, kInt64) == 3);
  EXPECT_TRUE(allclose(g, (softmax(x, 1) - onehot.to(kFloat32)) / 40));
}

}  // namespace
}  // namespace lazuli
