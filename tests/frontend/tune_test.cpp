// Tuning tensors: nothing is evaluated, later evaluations run the winners, and bits stay.
#include "lazuli/tune.h"

#include <cstring>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

TEST(Tune, PendingTensorsRunTheWinnersAfterwards) {
  const Tensor a = randn({67, 210}), b = randn({210, 93}), bias = randn({93});
  eval(a, b, bias);
  const auto layer = [&] { return relu(matmul(a, b) + bias); };
  const std::vector<float> before = layer().to_vector<float>();
  const Tensor pending = layer(), sums = matmul(a, b).sum(1);
  const Tensor both[] = {pending, sums};
  const TuneReport report = tune(both, {.seconds = 0.5});
  EXPECT_EQ(state(pending), State::Pending);
  EXPECT_TRUE(report.notes.empty()) << report.notes[0];
  ASSERT_FALSE(report.kernels.empty());
  EXPECT_TRUE(report.file.empty());                                 // tests keep nothing
  const TuneReport single = tune({&pending, 1}, {.seconds = 0.5});  // a kernel without the other result
  const std::string winner = single.kernels.at(0).after + " tuned";
  const Report ran = profile(pending);
  EXPECT_EQ(ran.kernels.at(0).schedule, winner);
  EXPECT_EQ(pending.to_vector<float>(), before);
  EXPECT_NE(explain(layer()).find("  schedule: " + winner + "; class: exact\n"), std::string::npos);
  // What is in memory needs no kernel.
  EXPECT_TRUE(tune({&pending, 1}, {.seconds = 0.1}).kernels.empty());
}

TEST(Tune, GradientsKeepTheirBits) {
  const Tensor x = randn({40, 130}), seed = randn({40, 50});
  const auto gradients = [&](bool tuned) {
    Tensor w = full({130, 50}, 0.25, kFloat32);
    w.requires_grad_();
    const Tensor loss = sum(tanh(matmul(x, w)) * seed);
    if (tuned) {
      const TuneReport report = tune({&loss, 1}, {.seconds = 0.3});
      EXPECT_TRUE(report.notes.empty()) << report.notes[0];
    }
    loss.backward();
    if (tuned) {
      const Tensor grad = w.grad();
      EXPECT_TRUE(tune({&grad, 1}, {.seconds = 0.3}).notes.empty());
    }
    return w.grad().to_vector<float>();
  };
  const std::vector<float> before = gradients(false), after = gradients(true);
  ASSERT_EQ(before.size(), after.size());
  EXPECT_EQ(std::memcmp(before.data(), after.data(), before.size() * sizeof(float)), 0);
}

}  // namespace
}  // namespace lazuli
