// Litmus programs of compiled functions and gradients: taken inside, and of calls.
#include "lazuli/lazuli.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;
using testing::HasSubstr;
using testing::Le;

struct Mlp {
  Tensor w1, b1, w2, b2;
};

Tensor loss(const Mlp& m, const Tensor& x, const Tensor& y) {
  const Tensor d = matmul(relu(matmul(x, m.w1) + m.b1), m.w2) + m.b2 - y;
  return (d * d).mean();
}

Mlp small_mlp() {
  manual_seed(1);
  return {randn({3, 8}) * 0.5, zeros({8}), randn({8, 2}) * 0.5, full({2}, 0.5)};
}

std::vector<float> all_values(const Mlp& m) {
  std::vector<float> v;
  for_each_leaf(
      [&](const Tensor& t) {
        for (const float x : values(t)) v.push_back(x);
      },
      m);
  return v;
}

TEST(LitmusCompileGradient, ATrainingStepIsOneProgram) {
  const auto plain = [](Mlp m, Tensor x, Tensor y, double rate) {
    auto [l, g] = value_and_grad(loss)(m, x, y);
    return std::pair{tree_map([&](auto p, auto d) { return p - rate * d; }, m, g), l};
  };
  const auto step = compile(plain, {.donate = {0}});
  Mlp m = small_mlp(), other = small_mlp();
  const Tensor x = counting({4, 3}) * 0.1, y = counting({4, 2}) * 0.1;
  eval(m.w1, m.b1, m.w2, m.b2, x, y);
  Watch w;
  for (int i = 0; i < 5; ++i) {
    const double rate = 0.1 / (i + 1);
    auto [next, l] = step(std::move(m), x, y, rate);
    auto [want, want_l] = plain(other, x, y, rate);
    w.mark();
    EXPECT_EQ(l.item<float>(), want_l.item<float>());
    m = std::move(next);
    other = std::move(want);
    EXPECT_EQ(all_values(m), all_values(other));
  }
  EXPECT_EQ(step.report().traces, 1);
  EXPECT_EQ(step.report().rebuilds, 4);
  EXPECT_EQ(step.report().direct, 0);
  EXPECT_THAT(step.report().programs, Le(1));
  w.mark();
  step(std::move(m), x, y, 0.5);
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.buffers(), 2);  // the loss, and what the program keeps between kernels; parameters stay where they were
}

TEST(LitmusCompileGradient, SecondDerivatives) {
  const auto f = compile([](Tensor x) {
    return grad([](Tensor t) { return grad([](Tensor u) { return (u * u * u).sum(); })(t).sum(); })(x);
  });
  EXPECT_THAT(values(f(floats({1, 2}))), ElementsAre(6, 12));
}

TEST(LitmusCompileGradient, CallsOnTrackedTensorsAreRecorded) {
  Tensor w = floats({2, 3}).requires_grad_();
  const auto f = compile([](Tensor p, Tensor x) { return p * p * x; });
  f(w, floats({1, 10})).sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(4, 60));
  EXPECT_EQ(f.report().direct, 1);
  EXPECT_EQ(f.report().traces, 0);
  {
    const NoGradGuard off;
    const Tensor out = f(w, floats({1, 10}));
    EXPECT_FALSE(out.requires_grad());
    EXPECT_THAT(values(out), ElementsAre(4, 90));
  }
  EXPECT_EQ(f.report().traces, 1);
  EXPECT_EQ(f.report().direct, 1);
  EXPECT_THAT(values(f(w.detach(), floats({1, 10}))), ElementsAre(4, 90));
  EXPECT_EQ(f.report().direct, 1);
}

TEST(LitmusCompileGradient, CapturedTensorsThatRequireGrad) {
  Tensor w = floats({2, 3}).requires_grad_();
  Tensor hidden = w * 2;
  const auto f = compile([&](Tensor x) { return w * x; });
  const auto g = compile([&](Tensor x) { return hidden * x; });
  (f(floats({1, 10})) + g(floats({1, 1}))).sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(3, 12));
  EXPECT_EQ(f.report().direct, 1);
  EXPECT_EQ(g.report().direct, 1);
  // What begins to be tracked after the trace.
  Tensor later = floats({1, 1});
  const auto h = compile([&](Tensor x) { return later * x; });
  EXPECT_FALSE(h(floats({5, 5})).requires_grad());
  later.copy_(w);
  h(floats({5, 5})).sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(8, 17));
}

TEST(LitmusCompileGradient, BackwardInside) {
  Tensor w = floats({2, 3}).requires_grad_();
  const auto f = compile([&](Tensor x) {
    const Tensor l = (w.detach() * x).sum() + (w * x).sum();
    l.backward();
    return l;
  });
  try {
    f(floats({1, 1}));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("backward() would leave a gradient in a tensor that was made outside"));
  }
  EXPECT_FALSE(w.grad().defined());
  // Leaves made inside, and autograd::grad, are the function's own business.
  const auto g = compile([](Tensor x) {
    Tensor leaf = x.clone().requires_grad_();
    (leaf * leaf).sum().backward();
    Tensor other = x.clone().requires_grad_();
    return std::pair(leaf.grad(), autograd::grad({(other * 3).sum()}, {other})[0]);
  });
  for (int i = 1; i < 3; ++i) {
    const auto [a, b] = g(floats({1, 2}) * i);
    EXPECT_THAT(values(a), ElementsAre(2.0f * i, 4.0f * i));
    EXPECT_THAT(values(b), ElementsAre(3, 3));
  }
  EXPECT_EQ(g.report().traces, 1);
  EXPECT_EQ(g.report().direct, 0);
}

TEST(LitmusCompileGradient, ParametersUpdatedInPlace) {
  Tensor w = floats({4, 8}).requires_grad_();
  const auto step = compile([&](Tensor x, double rate) {
    auto [l, g] = value_and_grad([&](Tensor p) { return (p * p * x).sum(); })(w.detach());
    const NoGradGuard off;
    w -= rate * g;
    return l;
  });
  const float* at = w.const_data_ptr<float>();
  EXPECT_EQ(step(floats({1, 1}), 0.25).item<float>(), 80);
  EXPECT_THAT(values(w), ElementsAre(2, 4));
  EXPECT_EQ(step(floats({1, 1}), 0.25).item<float>(), 20);
  EXPECT_THAT(values(w), ElementsAre(1, 2));
  EXPECT_EQ(w.const_data_ptr<float>(), at);
  EXPECT_TRUE(w.requires_grad());
  EXPECT_EQ(step.report().traces, 1);
}

}  // namespace
}  // namespace lazuli
