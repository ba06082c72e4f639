// Gradients through a hundred thousand operations on a 64 KB stack: pending, evaluated on the way, observed first, and
// dying without a backward pass.
#include <cmath>

#include "lazuli/lazuli.h"
#include "tests/frontend/litmus.h"
#include "tests/frontend/small_stack.h"

namespace lazuli {
namespace {

using namespace litmus;

constexpr int kOps = 100'000;

struct PendingLimit {
  int64_t before = pending_limit();
  explicit PendingLimit(int64_t limit) { set_pending_limit(limit); }
  ~PendingLimit() { set_pending_limit(before); }
};

Tensor chain(Tensor x) {
  const Tensor shift = floats({1e-6f});
  for (int i = 0; i < kOps / 2; ++i) x = sin(x) + shift;
  return x;
}

double derivative(double x) {
  double d = 1;
  for (int i = 0; i < kOps / 2; ++i) {
    d *= std::cos(x);
    x = std::sin(x) + 1e-6;
  }
  return d;
}

void check(const Tensor& x) {
  const double expected = derivative(0.5);
  EXPECT_NEAR(x.grad().select(0, 0).item<float>(), expected, 1e-2 * std::abs(expected));
}

TEST(DeepHistory, InOneProgram) {
  on_small_stack([] {
    const PendingLimit unlimited(0);
    Tensor x = floats({0.5f}).requires_grad_();
    chain(x).sum().backward();
    check(x);
  });
}

TEST(DeepHistory, ObservedBefore) {
  on_small_stack([] {
    const PendingLimit unlimited(0);
    Tensor x = floats({0.5f}).requires_grad_();
    Tensor y = chain(x).sum();
    y.item();
    y.backward();
    check(x);
  });
}

TEST(DeepHistory, EvaluatedOnTheWay) {
  set_log_sink([](LogLevel, std::string_view) {});
  on_small_stack([] {
    Tensor x = floats({0.5f}).requires_grad_();
    chain(x).sum().backward();
    check(x);
  });
  set_log_sink(nullptr);
}

TEST(DeepHistory, DiesWithoutRecursion) {
  on_small_stack([] {
    Tensor x = floats({0.5f}).requires_grad_();
    const auto twice = custom_gradient([](Tensor t) { return t * 2; }, [](Tensor g, Tensor, Tensor) { return g * 2; });
    const auto again = checkpoint([](Tensor t) { return t * 0.5; });
    Tensor y = x;
    for (int i = 0; i < kOps / 10; ++i) {
      y = again(twice(y));
      if (i % 100 == 0) y.select(0, 0).item();
    }
    EXPECT_EQ(y.select(0, 0).item<float>(), 0.5f);
    y.sum().backward();
    EXPECT_EQ(x.grad().select(0, 0).item<float>(), 1);
  });
}

}  // namespace
}  // namespace lazuli
