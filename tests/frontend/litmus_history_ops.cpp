// Litmus programs: gradients through views, joins, indexing, broadcasting, half types, in-place slices; histories
// shared between threads, and in compiled functions.
#include <thread>

#include "lazuli/compile.h"
#include "lazuli/lazuli.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

/// The gradient of the sum of f(x), whose dtype and shape must be x's.
std::vector<float> gradient(const std::function<Tensor(Tensor)>& f, const Tensor& value) {
  Tensor x = value.clone().requires_grad_();
  f(x).sum().backward();
  EXPECT_EQ(x.grad().dtype(), x.dtype());
  EXPECT_EQ(x.grad().sizes(), x.sizes());
  const auto direct = values(x.grad());
  // The same when the result has been observed before, and when the tensor's storage is evaluated after its use.
  Tensor again = value.clone().requires_grad_();
  Tensor y = f(again).sum();
  y.item();
  eval(again);
  y.backward();
  EXPECT_EQ(values(again.grad()), direct);
  return direct;
}

TEST(LitmusHistoryOps, MovementAndBroadcasting) {
  const Tensor x = counting({2, 3});
  EXPECT_THAT(gradient([](Tensor t) { return t.t().reshape({6}) * counting({6}); }, x), ElementsAre(0, 2, 4, 1, 3, 5));
  EXPECT_THAT(gradient([](Tensor t) { return t.unsqueeze(0).expand({4, 2, 3}) * 2; }, x),
              ElementsAre(8, 8, 8, 8, 8, 8));
  EXPECT_THAT(gradient([](Tensor t) { return t + counting({4, 1, 1}); }, x), ElementsAre(4, 4, 4, 4, 4, 4));
  EXPECT_THAT(gradient([](Tensor t) { return t.flip({1}) * counting({2, 3}); }, x), ElementsAre(2, 1, 0, 5, 4, 3));
  EXPECT_THAT(gradient([](Tensor t) { return t.index({1, Slice(None, None, 2)}) * 3; }, x),
              ElementsAre(0, 0, 0, 3, 0, 3));
  EXPECT_THAT(gradient([](Tensor t) { return t.view({3, 2})[1] * t.flatten().slice(0, 4, 6); }, x),
              ElementsAre(0, 0, 4, 5, 2, 3));
}

TEST(LitmusHistoryOps, JoinsAndSplits) {
  const Tensor x = counting({4});
  EXPECT_THAT(gradient([](Tensor t) { return cat({t * 2, t.slice(0, 0, 2), t * t}, 0); }, x), ElementsAre(3, 5, 6, 8));
  EXPECT_THAT(gradient([](Tensor t) { return stack({t, t * 3}, 1) * counting({4, 2}); }, x),
              ElementsAre(3, 11, 19, 27));
  EXPECT_THAT(gradient(
                  [](Tensor t) {
                    const auto parts = t.split(2);
                    return parts[0] * parts[1];
                  },
                  x),
              ElementsAre(2, 3, 0, 1));
}

TEST(LitmusHistoryOps, IndexTensors) {
  const Tensor x = counting({3, 2});
  const Tensor rows = integers({2, 0, 2});
  EXPECT_THAT(gradient([&](Tensor t) { return t.index({rows}) * counting({3, 2}); }, x), ElementsAre(2, 3, 0, 0, 4, 6));
  EXPECT_THAT(gradient([&](Tensor t) { return index_select(t, 1, integers({1, 1, 0})); }, x),
              ElementsAre(1, 2, 1, 2, 1, 2));
  EXPECT_THAT(gradient(
                  [&](Tensor t) {
                    Tensor z = t * 2;
                    z.index_add_(0, integers({0, 1}), t.index({integers({2, 2})}));
                    return z;
                  },
                  x),
              ElementsAre(2, 2, 2, 2, 4, 4));
}

TEST(LitmusHistoryOps, WritesInPlace) {
  const Tensor x = counting({4}) + 1;
  EXPECT_THAT(gradient(
                  [](Tensor t) {
                    Tensor y = t * 1;
                    y.slice(0, 1, 3) *= y.slice(0, 0, 2);  // overlapping
                    return y;
                  },
                  x),
              ElementsAre(1 + 2, 1 + 3, 2, 1));
  EXPECT_THAT(gradient(
                  [](Tensor t) {
                    Tensor y = t * t;
                    y.index_put_({t > 2}, 7);
                    return y;
                  },
                  x),
              ElementsAre(2, 4, 0, 0));
  EXPECT_THAT(gradient(
                  [](Tensor t) {
                    Tensor y = zeros({2, 4});
                    y[0].copy_(t);
                    y[1] = y[0] * y[0];
                    y.t()[3] = t[0];
                    return y;
                  },
                  x),
              ElementsAre(1 + 2 + 2, 1 + 4, 1 + 6, 0));
  EXPECT_THAT(gradient(
                  [](Tensor t) {
                    Tensor y = t * 3;
                    eval(y);
                    y += t;
                    eval(y);
                    y *= y;
                    return y;
                  },
                  x),
              ElementsAre(32, 64, 96, 128));
}

TEST(LitmusHistoryOps, HalfTypesAndConversions) {
  for (const DType type : {kFloat16, kBFloat16, kFloat64}) {
    const Tensor x = (counting({4}) + 1).to(type);
    EXPECT_THAT(gradient([](Tensor t) { return t * t; }, x), ElementsAre(2, 4, 6, 8));
    EXPECT_THAT(gradient([](Tensor t) { return t.to(kFloat32).pow(2).sum().to(kFloat64); }, x),
                ElementsAre(2, 4, 6, 8));
    EXPECT_THAT(gradient([](Tensor t) { return t + counting({4}).to(kFloat64) * t; }, x), ElementsAre(1, 2, 3, 4));
  }
  Tensor w = floats({1.5f}).requires_grad_();
  EXPECT_FALSE(w.to(kInt64).requires_grad());
  EXPECT_FALSE((w > 1).requires_grad());
  EXPECT_FALSE(argmax(w).requires_grad());
}

TEST(LitmusHistoryOps, CompositesAndReductions) {
  const Tensor x = counting({2, 3}) * 0.5;
  const auto close = [](const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
  };
  close(gradient([](Tensor t) { return softmax(t, 1); }, x), {0, 0, 0, 0, 0, 0});
  close(gradient([](Tensor t) { return t.logsumexp(1); }, x), values(softmax(x, 1)));
  close(gradient([](Tensor t) { return t.amax(1); }, x), {0, 0, 1, 0, 0, 1});
  close(gradient([](Tensor t) { return t.mean(); }, x), {1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f, 1 / 6.f});
  close(gradient([](Tensor t) { return t.var(1, 0.0); }, x), {-1 / 3.f, 0, 1 / 3.f, -1 / 3.f, 0, 1 / 3.f});
}

TEST(LitmusHistoryOps, ThreadsHaveTheirOwnMode) {
  Tensor w = floats({2}).requires_grad_();
  NoGradGuard off;
  bool tracked = false;
  std::thread([&] { tracked = (w * 2).requires_grad(); }).join();
  EXPECT_TRUE(tracked);
  EXPECT_FALSE((w * 2).requires_grad());
}

TEST(LitmusHistoryOps, ThreadsAccumulateIntoOneLeaf) {
  Tensor w = counting({64}).requires_grad_();
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      Tensor y = (w * w).sum();
      if (i % 2) y.item();
      y.backward();
      if (i % 3 == 0) eval(w.grad());
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(values(w.grad())[63], 6 * 2 * 63);
}

TEST(LitmusHistoryOps, CompiledTrainingIsTheSameAsCalled) {
  struct Model {
    Tensor w, b;
  };
  const auto loss = [](const Model& m, const Tensor& x, const Tensor& y) {
    return (tanh(matmul(x, m.w)) + m.b - y).pow(2).mean();
  };
  const Tensor x = counting({8, 3}) * 0.1, y = counting({8, 2}) * 0.05;
  const auto step = [&](Model m, Tensor x, Tensor y, double rate) {
    auto [l, g] = value_and_grad(loss)(m, x, y);
    return std::pair(tree_map([&](auto p, auto d) { return p - rate * d; }, m, g), l);
  };
  const auto compiled = compile(step, {.donate = {0}});
  Model a{counting({3, 2}) * 0.1, zeros({2})}, b{counting({3, 2}) * 0.1, zeros({2})};
  for (int i = 0; i < 4; ++i) {
    auto [next, l] = step(a, x, y, 0.1 / (i + 1));
    a = next;
    auto [compiled_next, compiled_l] = compiled(std::move(b), x, y, 0.1 / (i + 1));
    b = std::move(compiled_next);
    EXPECT_EQ(l.item<float>(), compiled_l.item<float>());
  }
  EXPECT_EQ(values(a.w), values(b.w));
  EXPECT_FALSE(b.w.requires_grad());
}

TEST(LitmusHistoryOps, BackwardInsideACompiledFunction) {
  const auto f = compile([](Tensor x) {
    Tensor leaf = x.clone().requires_grad_();
    (leaf * leaf).sum().backward();
    return leaf.grad();
  });
  EXPECT_THAT(values(f(floats({1, 2}))), ElementsAre(2, 4));
  EXPECT_THAT(values(f(floats({3, 4}))), ElementsAre(6, 8));
}

TEST(LitmusHistoryOps, CompiledFunctionsOfTrackedTensors) {
  const auto f = compile([](Tensor x) { return x.exp() * 2; });
  Tensor w = floats({0, 1}).requires_grad_();
  f(w).sum().backward();
  EXPECT_NEAR(values(w.grad())[1], 2 * std::exp(1.f), 1e-5);
}

}  // namespace
}  // namespace lazuli
