// Every random function against its distribution: Kolmogorov and Smirnov's test for continuous ones, chi-square for
// discrete ones, at fixed seeds and a level of 1 in 1000. And what all share: streams, threads, types.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

constexpr int64_t kDraws = 20000;

using Distribution = std::function<double(double)>;

/// sqrt(n) times the largest distance between the empirical distribution and F.
double distance(const Tensor& t, const Distribution& F) {
  Values v = values(t);
  std::sort(v.begin(), v.end());
  const auto n = static_cast<double>(v.size());
  double most = 0;
  for (size_t i = 0; i < v.size(); ++i) {
    const double f = F(v[i]), at = static_cast<double>(i);
    most = std::max({most, f - at / n, (at + 1) / n - f});
  }
  return most * std::sqrt(n);
}

void expect_distribution(const char* name, const Tensor& t, const Distribution& F) {
  EXPECT_LT(distance(t, F), 1.95) << name;
}

/// Chi-square of counts 0, 1, ... against probabilities, in standard deviations of its normal approximation.
double surprise(const Values& v, const std::vector<double>& p) {
  std::vector<double> counts(p.size(), 0);
  for (const double x : v) {
    EXPECT_TRUE(x >= 0 && x < static_cast<double>(p.size())) << x;
    counts[static_cast<size_t>(x)] += 1;
  }
  double chi = 0, freedom = -1;
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) {
      EXPECT_EQ(counts[i], 0) << "of what cannot be";
      continue;
    }
    const double expected = p[i] * static_cast<double>(v.size());
    chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    freedom += 1;
  }
  // Wilson and Hilferty's cube root.
  const double k = 2 / (9 * freedom);
  return (std::cbrt(chi / freedom) - (1 - k)) / std::sqrt(k);
}

void expect_counts(const char* name, const Tensor& t, const std::vector<double>& p) {
  EXPECT_LT(surprise(values(t), p), 3.1) << name;
}

double normal_cdf(double x) {
  return std::erfc(-x * M_SQRT1_2) / 2;
}
Distribution uniform_cdf(double a, double b) {
  return [=](double x) { return std::clamp((x - a) / (b - a), 0.0, 1.0); };
}

TEST(Distributions, Continuous) {
  const Distribution unit = uniform_cdf(0, 1);
  for (const DType type : {kFloat32, kFloat64}) {
    manual_seed(11);
    const auto fresh = [&] { return empty({kDraws}, type); };
    expect_distribution("rand", rand({kDraws}, type), unit);
    expect_distribution("rand_like", rand_like(fresh()), unit);
    expect_distribution("randn", randn({kDraws}, type), normal_cdf);
    expect_distribution("randn_like", randn_like(fresh()), normal_cdf);
    expect_distribution("uniform_", fresh().uniform_(-3, 5), uniform_cdf(-3, 5));
    expect_distribution("normal_", fresh().normal_(2, 3), [](double x) { return normal_cdf((x - 2) / 3); });
    expect_distribution("exponential_", fresh().exponential_(0.5), [](double x) { return 1 - std::exp(-0.5 * x); });
    expect_distribution("cauchy_", fresh().cauchy_(1, 2), [](double x) { return 0.5 + std::atan((x - 1) / 2) / M_PI; });
    expect_distribution("log_normal_", fresh().log_normal_(0.5, 0.75),
                        [](double x) { return normal_cdf((std::log(x) - 0.5) / 0.75); });
    expect_distribution("normal", normal(1, 2, {kDraws}, {}, type), [](double x) { return normal_cdf((x - 1) / 2); });
    const Tensor mean = linspace(-5, 5, kDraws, type), std = linspace(0.5, 2, kDraws, type);
    expect_distribution("normal of tensors", normal(mean, std).sub(mean).div(std), normal_cdf);
    expect_distribution("normal of a mean", normal(mean, 3).sub(mean).div(3), normal_cdf);
    expect_distribution("normal of deviations", normal(4, std).sub(4).div(std), normal_cdf);
  }
  // The half types are rounded, which the test at 20,000 draws does not see in float16.
  expect_distribution("rand float16", rand({2000}, kFloat16), unit);
  expect_distribution("randn float16", randn({2000}, kFloat16), normal_cdf);
}

TEST(Distributions, Discrete) {
  manual_seed(12);
  const std::vector<double> even(10, 0.1);
  expect_counts("randint", randint(10, {kDraws}), even);
  expect_counts("randint from", randint(5, 15, {kDraws}, kInt16) - 5, even);
  expect_counts("randint_like", randint_like(empty({kDraws}, kInt32), 10), even);
  expect_counts("random_", zeros({kDraws}).random_(10), even);
  expect_counts("random_ from", zeros({kDraws}, kInt8).random_(-4, 6) + 4, even);
  expect_counts("random_ of all", zeros({kDraws}, kUInt8).random_(), std::vector<double>(256, 1.0 / 256));
  expect_counts("random_ of bool", zeros({kDraws}, kBool).random_(), {0.5, 0.5});
  for (const double p : {0.5, 0.03, 0.9}) {
    expect_counts("bernoulli_", zeros({kDraws}).bernoulli_(p), {1 - p, p});
    expect_counts("bernoulli_ of bool", zeros({kDraws}, kBool).bernoulli_(p), {1 - p, p});
    expect_counts("bernoulli", bernoulli(full({kDraws}, p)), {1 - p, p});
    expect_counts("bernoulli of a number", bernoulli(zeros({kDraws}), p), {1 - p, p});
    expect_counts("bernoulli_ of a tensor", zeros({kDraws}, kInt64).bernoulli_(full({kDraws}, p)), {1 - p, p});
    std::vector<double> trials(12, 0);
    for (size_t k = 1; k < 12; ++k) trials[k] = p * std::pow(1 - p, static_cast<double>(k) - 1);
    trials[11] = std::pow(1 - p, 10);  // and all beyond
    expect_counts("geometric_", zeros({kDraws}).geometric_(p).clamp(std::nullopt, 11), trials);
    expect_counts("geometric_ of integers", zeros({kDraws}, kInt64).geometric_(p).clamp(std::nullopt, 11), trials);
  }
}

TEST(Distributions, Multinomial) {
  manual_seed(13);
  const std::vector<double> p{0.1, 0, 0.4, 0.2, 0.3};
  const Tensor weights = tensor({1, 0, 4, 2, 3}).to(kFloat32);
  expect_counts("multinomial", multinomial(weights, kDraws, true), p);
  const Tensor rows = multinomial(weights.expand({kDraws, 5}), 2, false);
  expect_counts("the first of multinomial without replacement", rows.select(1, 0), p);
  // The second given the first: p_j / (1 - p_i).
  std::vector<double> second(5, 0);
  for (size_t i = 0; i < 5; ++i)
    for (size_t j = 0; j < 5; ++j)
      if (i != j && p[i] > 0) second[j] += p[i] * p[j] / (1 - p[i]);
  expect_counts("the second of multinomial without replacement", rows.select(1, 1), second);
  EXPECT_FALSE(rows.select(1, 0).eq(rows.select(1, 1)).any().item<bool>());
}

TEST(Distributions, Permutations) {
  manual_seed(14);
  std::map<Values, int> seen;
  constexpr int kTimes = 4800;
  for (int i = 0; i < kTimes; ++i) ++seen[values(randperm(4))];
  EXPECT_EQ(seen.size(), 24u);
  double chi = 0;
  for (const auto& [order, count] : seen) chi += (count - kTimes / 24.0) * (count - kTimes / 24.0) / (kTimes / 24.0);
  EXPECT_LT(chi, 49.7);  // 23 degrees of freedom
  Values sorted = values(randperm(1000));
  std::sort(sorted.begin(), sorted.end());
  Values all(1000);
  std::iota(all.begin(), all.end(), 0.0);
  EXPECT_EQ(sorted, all);
}

TEST(Distributions, NeighboursAndCallsAreIndependent) {
  manual_seed(15);
  const Tensor a = rand({kDraws}), b = rand({kDraws});
  const auto correlation = [](const Tensor& x, const Tensor& y) {
    return corrcoef(stack({x, y}, 0)).index({0, 1}).item<double>() * std::sqrt(static_cast<double>(x.numel()));
  };
  EXPECT_LT(std::abs(correlation(a, b)), 3.3);
  for (const int64_t by : {1, 2, 4, 16, 64}) {
    const auto shifted = [&](const Tensor& t) { return correlation(t.slice(0, by), t.slice(0, None, kDraws - by)); };
    EXPECT_LT(std::abs(shifted(a)), 3.3) << by;
    EXPECT_LT(std::abs(shifted(randn({kDraws}))), 3.3) << by;
  }
}

/// Every random function once, by a generator.
std::vector<Tensor> draw_all(const Generator& g, int64_t n = 3000) {
  const auto fresh = [n] { return zeros({n}); };
  const Tensor p = full({n}, 0.3);
  return {rand({n}, g),
          randn({n}, g, kFloat64),
          randint(100, {n}, g),
          randint(-5, 5, {n}, {}, g),
          randperm(n, g),
          rand_like(p, {}, g),
          randn_like(p, {}, g),
          randint_like(p, 9, {}, g),
          multinomial(p, 50, true, g),
          multinomial(p, 50, false, g),
          bernoulli(p, g),
          bernoulli(p, 0.4, g),
          normal(0, 1, {n}, g),
          normal(p, 2, g),
          normal(2, p, g),
          normal(p, p, g),
          fresh().uniform_(0, 1, g),
          fresh().normal_(0, 1, g),
          fresh().random_(50, g),
          fresh().random_(1, 50, g),
          fresh().random_(g),
          fresh().bernoulli_(0.3, g),
          fresh().bernoulli_(p, g),
          fresh().exponential_(1, g),
          fresh().geometric_(0.3, g),
          fresh().cauchy_(0, 1, g),
          fresh().log_normal_(1, 2, g)};
}

TEST(Generators, EveryFunctionTakesOneAndGivesItsNumbersAgain) {
  const std::vector<Tensor> first = draw_all(make_generator(5)), again = draw_all(Generator(5)),
                            other = draw_all(Generator(6));
  default_generator().set_current_seed(5);
  const uint64_t before = default_generator().position();
  ASSERT_EQ(first.size(), again.size());
  // One by one: kernels are those of the first list.
  for (const std::vector<Tensor>* list : {&first, &again, &other})
    for (const Tensor& t : *list) eval(t);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(equal(first[i], again[i])) << i;
    EXPECT_FALSE(equal(first[i], other[i])) << i;
    EXPECT_FALSE(i > 0 && first[i].dtype() == first[i - 1].dtype() && first[i].sizes() == first[i - 1].sizes() &&
                 equal(first[i], first[i - 1]))
        << i;
  }
  EXPECT_EQ(default_generator().position(), before);  // no function took from it
  EXPECT_EQ(default_generator().current_seed(), 5u);
}

TEST(Generators, SameNumbersForAnyNumberOfThreads) {
  const auto bits = [](int threads) {
    EvalOptions options;
    options.num_threads = threads;
    std::vector<Tensor> all = draw_all(Generator(7), 200000);  // more than one task
    for (const Tensor& t : all) eval(std::span(&t, 1), options);
    return all;
  };
  const std::vector<Tensor> one = bits(1), eight = bits(8);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(equal(one[i], eight[i])) << i;
}

TEST(Generators, SeedsBeginAnew) {
  manual_seed(3);
  const Tensor a = rand({10}), b = rand({10});
  manual_seed(3);
  EXPECT_TRUE(equal(rand({10}), a));
  EXPECT_TRUE(equal(rand({10}), b));
  EXPECT_FALSE(equal(a, b));
  Generator g(3);
  EXPECT_TRUE(equal(rand({10}, g), a));  // the default stream is one like any other
  const Generator shared = g;
  EXPECT_TRUE(equal(rand({10}, shared), b));
  EXPECT_EQ(g.position(), shared.position());
}

TEST(Generators, Refusals) {
  Tensor x = zeros({3}), whole = zeros({3}, kInt64);
  EXPECT_EQ(message_of([&] { x.uniform_(2, 1); }),
            "uniform_ expects to return a [from, to) range, but found from=2 > to=1");
  EXPECT_EQ(message_of([&] { x.normal_(0, -1); }), "normal expects std >= 0.0, but found std -1");
  EXPECT_EQ(message_of([&] { x.exponential_(-1); }), "exponential_ expects lambda > 0.0, but found lambda=-1");
  EXPECT_EQ(message_of([&] { x.geometric_(1.5); }), "geometric_ expects p to be in (0, 1), but got p=1.5");
  EXPECT_EQ(message_of([&] { x.cauchy_(0, -1); }), "cauchy_ expects sigma > 0.0, but found sigma=-1");
  EXPECT_EQ(message_of([&] { x.log_normal_(0, -1); }), "log_normal_ expects std > 0.0, but found std=-1");
  EXPECT_EQ(message_of([&] { x.bernoulli_(2); }), "bernoulli_ expects p to be in [0, 1], but got p=2");
  EXPECT_EQ(message_of([&] { x.random_(3, 1); }),
            "random_ expects 'from' to be less than 'to', but got from=3 >= to=1");
  EXPECT_EQ(message_of([&] { whole.uniform_(); }), "\"check_uniform_bounds\" not implemented for 'Long'");
  EXPECT_EQ(message_of([&] { whole.normal_(); }), "\"normal_kernel_cpu\" not implemented for 'Long'");
  EXPECT_EQ(message_of([&] { whole.log_normal_(); }), "\"log_normal_cpu\" not implemented for 'Long'");
  EXPECT_EQ(message_of([&] { normal(x, tensor({1.0, -1.0, 1.0})); }), "normal expects all elements of std >= 0.0");
}

}  // namespace
}  // namespace lazuli
