// Litmus programs: history on handles. What is tracked, what evaluation keeps, what a backward pass releases, and where
// memory is written.
#include <algorithm>
#include <functional>
#include <sstream>

#include "lazuli/lazuli.h"
#include "lazuli/print.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

int64_t contractions(const Report& r) {
  return std::count_if(r.kernels.begin(), r.kernels.end(), [](const auto& k) { return k.kind == "contract"; });
}

struct Mlp {
  Tensor x = counting({8, 4}) * 0.01;
  Tensor w1 = (counting({4, 6}) * 0.02 - 0.2), w2 = (counting({6, 3}) * 0.03 - 0.1);
  Mlp() {
    eval(x, w1, w2);
    w1.requires_grad_();
    w2.requires_grad_();
  }
  Tensor loss() const { return matmul(relu(matmul(x, w1) + 0.1), w2).pow(2).sum(); }
};

TEST(LitmusHistory, GradientOfAPolynomial) {
  Tensor a = floats({2, 3}).requires_grad_();
  EXPECT_TRUE(a.is_leaf());
  EXPECT_FALSE(a.grad().defined());
  Tensor y = a.pow(2) + 3 * a + 1;
  EXPECT_TRUE(y.requires_grad());
  EXPECT_FALSE(y.is_leaf());
  Watch w;
  y.sum().backward();
  EXPECT_EQ(w.programs(), 0);  // lazy
  EXPECT_THAT(values(a.grad()), ElementsAre(7, 9));
  EXPECT_EQ(w.programs(), 1);
  EXPECT_FALSE(a.grad().requires_grad());
}

TEST(LitmusHistory, GradientsAccumulateInPlace) {
  Tensor a = floats({1, 2}).requires_grad_();
  (a * 2).sum().backward();
  Tensor g = a.grad();
  EXPECT_THAT(values(g), ElementsAre(2, 2));
  const void* p = g.const_data_ptr();
  (a * a).sum().backward();
  Watch w;
  EXPECT_THAT(values(a.grad()), ElementsAre(4, 6));
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.buffers(), 0);
  EXPECT_THAT(values(g), ElementsAre(4, 6));  // the same tensor
  EXPECT_EQ(g.const_data_ptr(), p);
  a.grad().zero_();
  EXPECT_THAT(values(g), ElementsAre(0, 0));
  a.mutable_grad() = Tensor();
  EXPECT_FALSE(a.grad().defined());
}

TEST(LitmusHistory, ItemThenBackwardComputesTheForwardOnce) {
  const Mlp m;
  Tensor whole = m.loss();
  whole.backward();
  EXPECT_EQ(contractions(profile(m.w1.grad())), 5);  // two forward, three backward
  const auto expected1 = values(m.w1.grad()), expected2 = values(m.w2.grad());

  const Mlp n;
  Tensor loss = n.loss();
  EXPECT_EQ(contractions(profile(loss)), 2);
  EXPECT_EQ(loss.item<float>(), whole.item<float>());
  loss.backward();
  const Tensor g1 = n.w1.grad(), g2 = n.w2.grad();
  EXPECT_EQ(contractions(profile(g1, g2)), 3);
  EXPECT_EQ(values(g1), expected1);
  EXPECT_EQ(values(g2), expected2);
}

// Whatever looks at the loss or at a value on its way, nothing of the forward pass is computed twice.
TEST(LitmusHistory, ObservationsCauseNoSecondForwardPass) {
  struct Observation {
    const char* name;
    std::function<void(const Tensor& hidden, const Tensor& loss)> look;
  };
  const Observation observations[] = {
      {"nothing", [](const Tensor&, const Tensor&) {}},
      {"item", [](const Tensor&, const Tensor& loss) { loss.item(); }},
      {"item, twice", [](const Tensor&, const Tensor& loss) { EXPECT_EQ(loss.item<float>(), loss.item<float>()); }},
      {"print", [](const Tensor&, const Tensor& loss) { std::ostringstream() << loss; }},
      {"print of both", [](const Tensor& h, const Tensor& loss) { std::ostringstream() << h << loss; }},
      {"detached", [](const Tensor&, const Tensor& loss) { loss.detach().item(); }},
      {"eval", [](const Tensor& h, const Tensor& loss) { eval(loss, h); }},
      {"the way, then the loss",
       [](const Tensor& h, const Tensor& loss) {
         h.to_vector<float>();
         loss.item();
       }},
      {"a figure of the way",
       [](const Tensor& h, const Tensor& loss) {
         loss.item();
         EXPECT_EQ(contractions(profile(no_grad([&] { return h.abs().mean(); }))), 0);
       }},
  };
  std::vector<float> expected;
  for (const Observation& o : observations) {
    const Mlp m;
    const Tensor hidden = relu(matmul(m.x, m.w1) + 0.1);
    Tensor loss = matmul(hidden, m.w2).pow(2).sum();
    o.look(hidden, loss);
    const bool observed = state(loss) == State::Ready;
    loss.backward();
    const Report r = profile(m.w1.grad(), m.w2.grad(), loss);
    EXPECT_EQ(contractions(r), observed ? 3 : 5) << o.name;  // three backward, two forward
    EXPECT_EQ(observed, !expected.empty()) << o.name;
    if (expected.empty()) expected = values(m.w1.grad());
    EXPECT_EQ(values(m.w1.grad()), expected) << o.name;
  }
}

TEST(LitmusHistory, OneProgramComputesAllThatABackwardPassGives) {
  const Mlp m;
  Tensor loss = m.loss();
  loss.backward();
  Watch w;
  eval(m.w2.grad());
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(state(m.w1.grad()), State::Ready);
  EXPECT_EQ(state(loss), State::Ready);
  values(m.w1.grad());
  loss.item();
  EXPECT_EQ(w.programs(), 1);
}

TEST(LitmusHistory, UpdatesOfLeavesWriteInPlace) {
  Mlp m;
  const void *p1 = m.w1.const_data_ptr(), *p2 = m.w2.const_data_ptr();
  const std::vector<float> before = values(m.w1);
  Tensor loss = m.loss();
  loss.backward();
  {
    NoGradGuard guard;
    m.w1 -= 0.5 * m.w1.grad();
    m.w2 -= 0.5 * m.w2.grad();
  }
  Watch w;
  eval(m.w1, m.w2);
  EXPECT_EQ(w.programs(), 1);
  EXPECT_EQ(w.copies(), 0);
  EXPECT_EQ(w.buffers(), 4);  // two gradients, the loss, and the arena of the program
  EXPECT_EQ(m.w1.const_data_ptr(), p1);
  EXPECT_EQ(m.w2.const_data_ptr(), p2);
  EXPECT_TRUE(m.w1.is_leaf());
  EXPECT_TRUE(m.w1.requires_grad());
  const std::vector<float> g = values(m.w1.grad()), after = values(m.w1);
  for (size_t i = 0; i < g.size(); ++i) EXPECT_EQ(after[i], before[i] - 0.5f * g[i]);
}

TEST(LitmusHistory, UpdatesAfterAnObservedLossWriteInPlace) {
  Mlp m;
  const void* p1 = m.w1.const_data_ptr();
  for (int i = 0; i < 3; ++i) {
    Tensor loss = m.loss();
    loss.item();
    loss.backward();
    NoGradGuard guard;
    m.w1 -= 0.01 * m.w1.grad();
    m.w1.grad().zero_();
    Watch w;
    eval(m.w1);
    EXPECT_EQ(m.w1.const_data_ptr(), p1);
    EXPECT_EQ(w.copies(), 0);
  }
}

TEST(LitmusHistory, ObservingOnlyTheLossStillLandsTheUpdates) {
  Mlp m;
  for (int i = 0; i < 4; ++i) {
    Tensor loss = m.loss();
    loss.item();
    EXPECT_EQ(state(m.w1), State::Ready);
    EXPECT_EQ(state(m.w2), State::Ready);
    loss.backward();
    NoGradGuard guard;
    m.w1 -= 0.01 * m.w1.grad();
    m.w2 -= 0.01 * m.w2.grad();
    m.w1.mutable_grad() = Tensor();
    m.w2.mutable_grad() = Tensor();
  }
  EXPECT_LT(pending_nodes(), 60);
}

TEST(LitmusHistory, AnObservedActivationIsNotComputedAgain) {
  const Mlp m;
  Tensor loss;
  {
    Tensor h = relu(matmul(m.x, m.w1));
    h.sum().item();
    loss = matmul(h, m.w2).sum();
  }  // the handle is gone, its history is not
  EXPECT_EQ(contractions(profile(loss)), 2);  // h was not asked for itself
  {
    Tensor h = relu(matmul(m.x, m.w1));
    eval(h);
    loss = matmul(h, m.w2).sum();
  }
  EXPECT_EQ(contractions(profile(loss)), 1);
  loss.backward();
  const Tensor g1 = m.w1.grad(), g2 = m.w2.grad();
  EXPECT_EQ(contractions(profile(g1, g2)), 3);
}

TEST(LitmusHistory, HistoryIsReleasedWithItsMemory) {
  const Tensor x = counting({64, 64}) * 0.01;
  Tensor w = (counting({64, 64}) * 0.001).requires_grad_();
  eval(x, w);
  const int64_t before = retained_bytes();
  Tensor loss = sigmoid(matmul(x, w)).sum();
  loss.item();
  EXPECT_GE(retained_bytes() - before, 64 * 64 * 4);  // what the backward pass will read
  loss.backward();
  eval(w.grad());
  EXPECT_LE(retained_bytes() - before, 64 * 64 * 4 + 256);  // the gradient and the loss
  w.mutable_grad() = Tensor();
  Tensor again = sigmoid(matmul(x, w)).sum();
  again.item();
  again = Tensor();
  EXPECT_LE(retained_bytes() - before, 256);  // gone with the handle
}

TEST(LitmusHistory, RetainedGraphsGiveTheSameAgain) {
  const Mlp m;
  Tensor loss = m.loss();
  loss.item();
  loss.backward({}, /*retain_graph=*/true);
  const auto once = values(m.w1.grad());
  loss.backward();
  const auto twice = values(m.w1.grad());
  for (size_t i = 0; i < once.size(); ++i) EXPECT_EQ(twice[i], 2 * once[i]);
  EXPECT_THROW(loss.backward(), Error);
}

TEST(LitmusHistory, EqualExpressionsHaveHistoriesOfTheirOwn) {
  Tensor w = floats({1, 2}).requires_grad_();
  Tensor a = (w * w).sum(), b = (w * w).sum();  // one node, two tensors
  a.backward();
  b.backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(4, 8));
  Tensor c = (w * w).sum(), d = (w * w).sum();
  eval(c, d);
  c.backward();
  d.backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(8, 16));
  EXPECT_THROW(d.backward(), Error);

  Tensor e = w * w, f = w * w, g = w * w, used = e * f;
  (g * 2).sum().backward();
  EXPECT_THROW((g * 3).sum().backward(), Error);
  EXPECT_THAT(values(w.grad()), ElementsAre(12, 24));
  (e * 5).sum().backward();
  (f * 5).sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(32, 64));
  const Mlp m;
  const auto model = [&] { return matmul(relu(matmul(m.x, m.w1)), m.w2); };
  const Tensor y1 = model(), y2 = model();
  EXPECT_EQ(contractions(profile(y1, y2)), 2);  // programs see one
}

TEST(LitmusHistory, EqualExpressionsHaveGradientsOfTheirOwn) {
  Tensor w = floats({1, 2}).requires_grad_();
  for (const bool evaluated : {false, true}) {
    Tensor a = w * w, b = w * w, c = a.clone();
    if (evaluated) eval(a, b, c);
    Tensor loss = (a * 3).sum() + (b * b).sum() + (c * w).sum();
    const auto g = autograd::grad({loss}, {a, b, c});
    EXPECT_THAT(values(g[0]), ElementsAre(3 + 1, 3 + 2));  // a copy is on a's way
    EXPECT_THAT(values(g[1]), ElementsAre(2, 8));
    EXPECT_THROW(autograd::grad({(a.detach() * w).sum()}, {b}), Error);
    Tensor d = w * w, e = w * w;
    EXPECT_THROW(autograd::grad({(d * 3).sum()}, {e}), Error);  // not used
  }
}

// Where tensors are not told apart, and PyTorch does.
TEST(LitmusHistory, EqualViewsAndPartsOfCompositionsAreOne) {
  Tensor w = floats({1, 2}).requires_grad_();
  Tensor h = w * w, v = h[1], same = h[1];
  EXPECT_EQ(autograd::grad({v * 3}, {same})[0].item<float>(), 3);  // PyTorch: not used

  const Tensor y = floats({3, 5});
  for (const bool retain : {true, false}) {
    Tensor squares = (w - y).square(), used = squares * 2;
    mse_loss(w, y).backward({}, retain);  // which squares the same difference
    if (retain) {
      squares.sum().backward();
    } else {
      EXPECT_THROW(squares.sum().backward(), Error);
    }
  }
}

// What was gone through refuses, wherever it is met again; what was computed from it before does not.
TEST(LitmusHistory, TensorsOnTheWayAreReleased) {
  Tensor w = floats({0.5f}).requires_grad_();
  Tensor h = zeros({1});
  const auto step = [&] {
    h = tanh(h * w + 1);
    (h * h).sum().backward();
  };
  step();
  try {
    step();  // a hidden state that was not detached
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.message().substr(0, 54), "Trying to backward through the graph a second time (or");
  }
  h = h.detach();
  step();

  Tensor v = floats({1, 2}).requires_grad_();
  Tensor trunk = v * v, first = (trunk * 2).sum(), second = (trunk * 3).sum();
  first.backward();
  second.backward();  // PyTorch refuses it
  EXPECT_THAT(values(v.grad()), ElementsAre(2 * 5, 4 * 5));
  EXPECT_THROW((trunk * 4).sum().backward(), Error);
  Tensor sum = v + 1;  // nothing was kept for it: nothing is gone
  (sum * sum).sum().backward();
  (sum * sum).sum().backward();
  EXPECT_THAT(values(v.grad()), ElementsAre(10 + 8, 20 + 12));
}

TEST(LitmusHistory, ViewsOfLeavesAndSlicesWrittenInPlace) {
  Tensor w = counting({4}).requires_grad_();
  Tensor z = counting({2, 4}) * 0 + 1;
  z[0] = w * w;  // an untracked tensor becomes tracked
  z(1, Slice(0, 2)) = w.slice(0, 2, 4);
  EXPECT_TRUE(z.requires_grad());
  EXPECT_FALSE(z.is_leaf());
  z *= 2;  // in place on what is no leaf
  EXPECT_THAT(values(z), ElementsAre(0, 2, 8, 18, 4, 6, 2, 2));
  z.sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(0, 4, 8 + 2, 12 + 2));
}

TEST(LitmusHistory, OldValuesStayWithTheHistory) {
  Tensor w = floats({1, 2, 3}).requires_grad_();
  Tensor y = w * 1;
  Tensor s = (y * y).sum();
  y += 10;  // PyTorch refuses the backward pass below; here the old value is not gone
  eval(y);
  s.backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(2, 4, 6));
  EXPECT_THAT(values(y), ElementsAre(11, 12, 13));
}

TEST(LitmusHistory, DetachSharesTheStorage) {
  Tensor w = floats({1, 2}).requires_grad_();
  Tensor d = w.detach();
  EXPECT_FALSE(d.requires_grad());
  EXPECT_TRUE(d.is_leaf());
  EXPECT_TRUE(d.is_alias_of(w));
  d += 1;
  EXPECT_THAT(values(w), ElementsAre(2, 3));
  EXPECT_TRUE(w.is_leaf());
  (w * d).sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(2, 3));  // d is a constant

  Tensor y = w * 3;
  y.detach().zero_();  // seen in y, but its gradient is that of w * 3
  EXPECT_THAT(values(y), ElementsAre(0, 0));
  w.mutable_grad() = Tensor();
  y.sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(3, 3));
}

TEST(LitmusHistory, NoGradMakesConstants) {
  Tensor w = floats({1, 2}).requires_grad_();
  const Tensor c = no_grad([&] { return w * 2; });
  EXPECT_FALSE(c.requires_grad());
  EXPECT_FALSE(stop_gradient(w * 2).requires_grad());
  Tensor v = no_grad([&] { return w[0]; });
  EXPECT_FALSE(v.requires_grad());
  {
    NoGradGuard off;
    EXPECT_FALSE(is_grad_enabled());
    const Tensor inside = enable_grad([&] { return w * 2; });
    EXPECT_TRUE(inside.requires_grad());
  }
  EXPECT_TRUE(is_grad_enabled());
  (w * c).sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(2, 4));
}

TEST(LitmusHistory, AViewMayBeALeaf) {
  Tensor base = counting({6});
  Tensor w = base.view({2, 3}).requires_grad_();
  EXPECT_TRUE(w.is_leaf());
  EXPECT_FALSE(base.requires_grad());
  (w * w).sum().backward();
  EXPECT_EQ(w.grad().sizes(), (IntArrayRef{2, 3}));
  EXPECT_THAT(values(w.grad()), ElementsAre(0, 2, 4, 6, 8, 10));
  no_grad([&] { w -= w.grad(); });
  EXPECT_THAT(values(base), ElementsAre(0, -1, -2, -3, -4, -5));
}

TEST(LitmusHistory, LeavesUpdatedBetweenTwoUsesCollectBoth) {
  Tensor w = floats({1, 2}).requires_grad_();
  Tensor first = w * w;
  no_grad([&] { w += 10; });
  Tensor second = w * w;
  eval(w);
  (first + second).sum().backward();
  EXPECT_THAT(values(w.grad()), ElementsAre(2 + 22, 4 + 24));
}

TEST(LitmusHistory, GradientsOfIntermediates) {
  Tensor w = floats({1, 2}).requires_grad_();
  Tensor h = w * 3;
  h.retain_grad();
  Tensor loss = (h * h).sum();
  eval(h);
  const Tensor g = autograd::grad({loss}, {h}, {}, /*retain_graph=*/true)[0];
  EXPECT_THAT(values(g), ElementsAre(6, 12));
  EXPECT_FALSE(w.grad().defined());
  loss.backward();
  EXPECT_THAT(values(h.grad()), ElementsAre(6, 12));
  EXPECT_THAT(values(w.grad()), ElementsAre(18, 36));
  EXPECT_TRUE(h.retains_grad());

  Tensor s = w + 1;
  s.retain_grad();
  (s * s).sum().backward();
  (s * s).sum().backward();
  EXPECT_THAT(values(s.grad()), ElementsAre(8, 12));
}

TEST(LitmusHistory, HigherOrders) {
  Tensor x = floats({2, 3}).requires_grad_();
  Tensor y = (x * x * x).sum();
  Tensor g = autograd::grad({y}, {x}, {}, {}, /*create_graph=*/true)[0];
  EXPECT_TRUE(g.requires_grad());
  EXPECT_THAT(values(g), ElementsAre(12, 27));
  Tensor h = autograd::grad({g.sum()}, {x}, {}, {}, true)[0];
  EXPECT_THAT(values(h), ElementsAre(12, 18));
  h.sum().backward();
  EXPECT_THAT(values(x.grad()), ElementsAre(6, 6));
}

TEST(LitmusHistory, EscapedLeavesAreUpdatedWhereTheyAre) {
  std::vector<float> memory = {1, 2, 3};
  Tensor w = from_blob(memory.data(), {3}).requires_grad_();
  Tensor loss = (w * w).sum();
  loss.item();
  loss.backward();
  no_grad([&] { w -= w.grad(); });
  EXPECT_THAT(memory, ElementsAre(-1, -2, -3));
  Tensor other = (w * w).sum();
  other.item();
  no_grad([&] { w.zero_(); });  // the history reads the old contents
  other.backward();
  EXPECT_THAT(memory, ElementsAre(0, 0, 0));
  EXPECT_THAT(values(w.grad()), ElementsAre(2 - 2, 4 - 4, 6 - 6));
}

TEST(LitmusHistory, AutomaticEvaluationKeepsTheHistory) {
  const int64_t limit = pending_limit();
  set_pending_limit(32);
  set_log_sink([](LogLevel, std::string_view) {});
  Tensor w = floats({0.5f, 1}).requires_grad_();
  Tensor x = w * 1;
  for (int i = 0; i < 100; ++i) x = x * 1.01 + 0.001;
  EXPECT_LT(pending_nodes(), 300);
  x.sum().backward();
  const auto g = values(w.grad());
  EXPECT_NEAR(g[0], std::pow(1.01, 100), 1e-4);
  set_log_sink(nullptr);
  set_pending_limit(limit);
}

TEST(LitmusHistory, EagerKeepsItToo) {
  set_eager(true);
  Tensor w = floats({1, 2}).requires_grad_();
  Tensor loss = (sigmoid(w) * w).sum();
  EXPECT_EQ(state(loss), State::Ready);
  loss.backward();
  set_eager(false);
  EXPECT_NEAR(values(w.grad())[0], 0.9277, 1e-4);
}

}  // namespace
}  // namespace lazuli
