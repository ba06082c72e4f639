// Losses and optimisers against values of PyTorch, computed there in float64; and their messages.
#include "lazuli/loss.h"

#include <gtest/gtest.h>

#include "lazuli/lazuli.h"
#include "lazuli/optim.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

using Options = CrossEntropyOptions;

Tensor f64(std::initializer_list<double> v, IntArrayRef sizes) {
  return from_host(v.begin(), sizes, kFloat64);
}
Tensor f64(std::initializer_list<double> v) {
  const auto n = static_cast<int64_t>(v.size());
  return f64(v, {n});
}
Tensor i64(std::initializer_list<int64_t> v) {
  const auto n = static_cast<int64_t>(v.size());
  return from_host(v.begin(), {n}, kInt64);
}

void expect_near(const Tensor& t, const Values& expected, double tolerance = 1e-9) {
  const Values got = values(t);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << i;
}

Tensor logits() {
  return f64({1, -2, 0.5, 3, 0.25, -1, -0.5, 2, 1.5, 0, 0, 4}, {4, 3});
}
Tensor classes() {
  return i64({2, 0, 1, 2});
}
Tensor some_ignored() {
  return i64({2, -100, 1, 0});
}
Tensor weight() {
  return f64({0.5, 1, 2});
}

TEST(CrossEntropy, ClassIndices) {
  const auto loss = [](const Tensor& t, Options o) { return cross_entropy(logits(), t, o); };
  const Reduction none = Reduction::None, sum = Reduction::Sum;
  expect_near(loss(classes(), {.reduction = none}), {1.004596902342, 0.079036201404, 0.52390905618, 0.035976299748});
  expect_near(loss(classes(), {.weight = weight(), .reduction = none}),
              {2.009193804685, 0.039518100702, 0.52390905618, 0.071952599496});
  expect_near(loss(some_ignored(), {.reduction = none}), {1.004596902342, 0, 0.52390905618, 4.035976299748});
  expect_near(loss(some_ignored(), {.weight = weight(), .reduction = none, .label_smoothing = 0.1}),
              {2.000477396156, 0, 0.607640873783, 2.020386569857});
  expect_near(loss(classes(), {}), {0.410879614919});
  expect_near(loss(classes(), {.weight = weight()}), {0.480831556557});
  expect_near(loss(some_ignored(), {}), {1.854827419423});
  expect_near(loss(some_ignored(), {.weight = weight(), .label_smoothing = 0.1}), {1.322429954228});
  expect_near(loss(classes(), {.reduction = sum}), {1.643518459674});
  expect_near(loss(some_ignored(), {.weight = weight(), .reduction = sum, .label_smoothing = 0.1}), {4.628504839796});
  expect_near(nll_loss(log_softmax(logits(), 1), some_ignored(), {.weight = weight()}), {1.300311717354});
}

TEST(CrossEntropy, OtherShapesAndTypes) {
  const Tensor target = from_host(i64({0, 2, 1, 1}).to_vector<int64_t>().data(), {2, 2}, kInt64);
  expect_near(cross_entropy(logits().reshape({2, 3, 2}), target), {2.301467449416});
  expect_near(cross_entropy(logits()[0], tensor(1, kInt64)), {3.504596902342});
  const Tensor half = cross_entropy(logits().to(kFloat16), classes());
  EXPECT_EQ(half.dtype(), kFloat16);
  expect_near(half, {0.410879614919}, 1e-3);
  expect_near(cross_entropy(logits().to(kFloat32), classes()), {0.410879614919}, 1e-7);
}

TEST(CrossEntropy, Probabilities) {
  const Tensor p = softmax(logits().flip({0}), 1);
  expect_near(cross_entropy(logits(), p), {2.399467468234});
  expect_near(cross_entropy(logits(), p, {.weight = weight(), .label_smoothing = 0.2}), {2.33820233812});
}

TEST(CrossEntropy, Messages) {
  EXPECT_EQ(message_of([] { cross_entropy(logits(), classes().to(kInt32)); }),
            "expected scalar type Long but found Int");
  EXPECT_EQ(message_of([] { cross_entropy(logits(), i64({0, 1, 2})); }),
            "Expected input batch_size (4) to match target batch_size (3).");
  EXPECT_EQ(message_of([] { cross_entropy(logits(), zeros({4, 3}, kInt64)); }),
            "Expected floating point type for target with class probabilities, got Long");
  EXPECT_EQ(message_of([] { cross_entropy(logits(), classes(), {.weight = ones({2})}); }),
            "weight tensor should be defined either for all 3 classes or no classes but got weight tensor of shape: "
            "[2]");
  EXPECT_THROW(cross_entropy(logits().to(kInt64), classes()), Error);
  EXPECT_THROW(cross_entropy(logits(), classes(), {.label_smoothing = 2}), Error);
  try {
    cross_entropy(logits(), i64({0, 1, 3, -1})).item<double>();
    FAIL() << "class 3 of 3";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Index);
    EXPECT_NE(std::string(e.what()).find("index 3 is out of bounds for size 3"), std::string::npos) << e.what();
  }
}

TEST(Loss, OfDifferences) {
  const Tensor a = f64({0.5, -3, 2, 0}), b = f64({1, 0, 0.25, 1});
  expect_near(mse_loss(a, b), {3.328125});
  expect_near(l1_loss(a, b, Reduction::Sum), {6.25});
  expect_near(huber_loss(a, b, 0.75, Reduction::None), {0.125, 1.96875, 1.03125, 0.46875});
  EXPECT_EQ(message_of([&] { mse_loss(a, zeros({3})); }),
            "The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 0");
  EXPECT_EQ(message_of([&] { huber_loss(a, b, 0); }), "huber_loss does not support non-positive values for delta.");
}

TEST(Loss, BinaryCrossEntropy) {
  const Tensor a = f64({0.5, -3, 2, 0}), b = f64({1, 0, 0.25, 1});
  expect_near(binary_cross_entropy_with_logits(a, b), {0.710684881839});
  expect_near(binary_cross_entropy_with_logits(
                  a * 40, b, {.weight = f64({1, 2, 3, 4}), .pos_weight = f64({2}), .reduction = Reduction::None}),
              {4.122e-09, 0, 180, 5.54517744448});
  expect_near(binary_cross_entropy(f64({0, 0.25, 1, 0.5}), b, {.reduction = Reduction::None}),
              {100, 0.287682072452, 75, 0.69314718056});
}

TEST(Dropout, KeepsTheExpectation) {
  manual_seed(3);
  const Tensor x = ones({100000});
  const Tensor y = dropout(x, 0.25);
  const double kept = y.ne(0).to(kFloat32).mean().item<double>();
  EXPECT_NEAR(kept, 0.75, 0.01);
  EXPECT_EQ(y.max().item<float>(), static_cast<float>(1 / 0.75));
  EXPECT_FALSE(equal(y, dropout(x, 0.25)));
  EXPECT_TRUE(dropout(x, 0.25, false).is_same(x));
  EXPECT_EQ(dropout(x, 1).sum().item<float>(), 0);
  EXPECT_EQ(message_of([&] { dropout(x, 1.5); }), "dropout probability has to be between 0 and 1, but got 1.5");
}

/// Three steps on sum(p^2) + c * sum(p * (1, 2, 3)), c = 1, 2, 3, from (1, -2, 3).
template <class State, class Step>
Tensor three_steps(State make_state, Step step) {
  Tensor p = f64({1, -2, 3});
  auto state = make_state(p);
  for (int c = 1; c <= 3; ++c) std::tie(p, state) = step(p, 2 * p + c * f64({1, 2, 3}), state);
  return p;
}

TEST(Optim, Sgd) {
  const auto run = [](optim::SgdOptions o) {
    return three_steps([](const Tensor& p) { return optim::sgd_state(p); },
                       [&](const Tensor& p, const Tensor& g, const auto& s) { return optim::sgd(p, g, s, 0.1, o); });
  };
  expect_near(run({}), {-0.012, -2.072, -0.036});
  expect_near(run({.momentum = 0.9, .weight_decay = 0.01}), {-0.780265901, -1.793308598, -2.340797703});
  expect_near(run({.momentum = 0.9, .nesterov = true}), {-1.241328, -2.049248, -3.723984});
  EXPECT_EQ(message_of([&] { run({.nesterov = true}); }), "Nesterov momentum requires a momentum");
}

TEST(Optim, Adam) {
  const auto make = [](const Tensor& p) { return optim::adam_state(p); };
  expect_near(three_steps(make, [](const Tensor& p, const Tensor& g,
                                   const auto& s) { return optim::adam(p, g, s, 0.1, {.weight_decay = 0.1}); }),
              {0.700002775329, -1.841166357364, 2.700319844022});
  expect_near(three_steps(make, [](const Tensor& p, const Tensor& g,
                                   const auto& s) { return optim::adamw(p, g, s, tensor(0.1, kFloat64)); }),
              {0.697378778536, -1.853652681463, 2.6917095565});
  EXPECT_EQ(message_of([&] {
              const Tensor p = f64({1});
              optim::adam(p, p, optim::adam_state(p), 0.1, {.beta2 = 1});
            }),
            "Invalid beta parameter at index 1: 1");
}

}  // namespace
}  // namespace lazuli
