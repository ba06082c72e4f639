// The update of all parameters of an optimiser: one kernel, in place, the same bits as one by one.
#include "lazuli/matmul.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

struct Parameter {
  Tensor p, g, m, v;
  explicit Parameter(IntArrayRef sizes)
      : p(counting(sizes) * 0.01 - 1), g(counting(sizes) * 0.003 - 0.5), m(counting(sizes) * 0.5), v(counting(sizes)) {
    eval(p, g, m, v);
  }
};

std::vector<Parameter> parameters() {
  std::vector<Parameter> all;
  for (const std::vector<int64_t>& s : {std::vector<int64_t>{64, 128}, std::vector<int64_t>{128},
                                        std::vector<int64_t>{128, 10}, std::vector<int64_t>{10}})
    all.emplace_back(s);
  return all;
}

std::vector<Tensor> adam(std::vector<Parameter>& all, double rate) {
  std::vector<Tensor> written;
  for (Parameter& x : all) {
    x.m.mul_(0.9).add_(x.g * 0.1);
    x.v.mul_(0.999).add_(x.g * x.g * 0.001);
    x.p -= x.m / (x.v.sqrt() + 1e-8) * rate;
    for (const Tensor& t : {x.p, x.m, x.v}) written.push_back(t);
  }
  return written;
}

TEST(OptimizerStep, IsOneKernelInPlace) {
  std::vector<Parameter> all = parameters();
  std::vector<const void*> memory;
  for (const Parameter& x : all)
    for (const Tensor& t : {x.p, x.m, x.v}) memory.push_back(t.const_data_ptr());
  for (const double rate : {0.1, 0.01, 0.003}) {
    const std::vector<Tensor> written = adam(all, rate);
    Watch w;
    const Report r = profile(std::span<const Tensor>(written));
    EXPECT_EQ(r.kernels.size(), 1u);
    EXPECT_EQ(w.buffers(), 0);
    EXPECT_EQ(w.copies(), 0);
    if (rate != 0.1) {
      EXPECT_TRUE(r.kernels[0].cache_hit);
    }
  }
  std::vector<const void*> after;
  for (const Parameter& x : all)
    for (const Tensor& t : {x.p, x.m, x.v}) after.push_back(t.const_data_ptr());
  EXPECT_EQ(after, memory);
}

TEST(OptimizerStep, HasTheBitsOfUnfusedSteps) {
  std::vector<Parameter> fused = parameters(), alone = parameters();
  for (int step = 0; step < 3; ++step) {
    eval(std::span<const Tensor>(adam(fused, 0.1)));
    EvalOptions one_by_one;
    one_by_one.fuse = false;
    eval(std::span<const Tensor>(adam(alone, 0.1)), one_by_one);
  }
  for (size_t i = 0; i < fused.size(); ++i) {
    EXPECT_EQ(values(fused[i].p), values(alone[i].p));
    EXPECT_EQ(values(fused[i].m), values(alone[i].m));
    EXPECT_EQ(values(fused[i].v), values(alone[i].v));
  }
}

/// Gradients of weights are products, whose kernels update the weights where they stand: every element once, whatever
/// the vectors of a tile are.
TEST(OptimizerStep, UpdatesWeightsInTheKernelOfTheirGradients) {
  for (const int64_t columns : {32, 48, 80, 144, 768}) {
    const Tensor x = counting({40, 64}) * 0.001 - 1, g = counting({40, columns}) * 0.0007 - 0.3;
    const auto step = [&](Parameter& w) {
      w.g = matmul(x.t(), g);
      std::vector<Parameter> all{w};
      return adam(all, 0.1);
    };
    Parameter fused({64, columns}), alone({64, columns});
    const auto written = step(fused);
    const Report r = profile(std::span<const Tensor>(written));
    EXPECT_EQ(r.kernels.size(), 1u) << columns;
    EvalOptions one_by_one;
    one_by_one.fuse = false;
    eval(std::span<const Tensor>(step(alone)), one_by_one);
    EXPECT_EQ(values(fused.p), values(alone.p)) << columns;
    EXPECT_EQ(values(fused.m), values(alone.m)) << columns;
    EXPECT_EQ(values(fused.v), values(alone.v)) << columns;
  }
}

}  // namespace
}  // namespace lazuli
