// Prices European options by the formula of Black and Scholes: calls and puts of ten million contracts in one kernel
// that reads four arrays and writes two. Put-call parity, which relates the two, checks the result. Then the Greeks:
// how a call's price moves with the market, by derivatives of the same function, again in one kernel.
#include <lazuli/lazuli.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <vector>

#include "arguments.h"
#include "kernel_table.h"

namespace lz = lazuli;
using lz::Tensor;

namespace {

constexpr const char* kHelp = R"(black_scholes: prices European options, call and put, in one kernel

  --options=N   how many contracts (default: 10000000)
  --rounds=N    how often; the fastest round is reported (default: 5)
  --device=NAME where they are priced: cpu, cuda, cuda:1 (default: cpu)
)";

constexpr double kRate = 0.02;

/// One number per contract: price of the share, years to run, yearly volatility.
struct Market {
  Tensor spot, years, volatility;
};

Tensor normal_cdf(const Tensor& x) {
  return 0.5 * erfc(x * -std::sqrt(0.5));
}

/// {call, put}: lazy.
std::pair<Tensor, Tensor> price(const Market& m, const Tensor& strike) {
  const Tensor spread = m.volatility * sqrt(m.years);
  const Tensor d1 = (log(m.spot / strike) + (kRate + m.volatility.square() / 2) * m.years) / spread;
  const Tensor d2 = d1 - spread;
  const Tensor discounted = strike * exp(-kRate * m.years);
  return {m.spot * normal_cdf(d1) - discounted * normal_cdf(d2),
          discounted * normal_cdf(-d2) - m.spot * normal_cdf(-d1)};
}

struct Greeks {
  Tensor delta, gamma, theta, vega;
};

/// Derivatives of the call's price: by the spot price, twice by it, by the passing of time, by the volatility.
/// Contracts do not touch each other, so the gradient of the sum is the derivative of each.
Greeks call_greeks(const Market& m, const Tensor& strike) {
  const auto total = [&](const Market& at) { return price(at, strike).first.sum(); };
  const Market first = lz::grad(total)(m);
  const auto total_delta = [&](const Tensor& spot) {
    return lz::grad(total)(Market{spot, m.years, m.volatility}).spot.sum();
  };
  return {first.spot, lz::grad(total_delta)(m.spot), -first.years, first.volatility};
}

/// The largest deviation from the formulas that textbooks give, relative to the largest value.
double deviation(const Greeks& g, const Market& m, const Tensor& strike) {
  const Tensor root = sqrt(m.years), spread = m.volatility * root;
  const Tensor d1 = (log(m.spot / strike) + (kRate + m.volatility.square() / 2) * m.years) / spread;
  const Tensor density = exp(d1.square() * -0.5) * std::sqrt(0.5 / M_PI);
  const Greeks book{
      normal_cdf(d1), density / (m.spot * spread),
      -m.spot * density * m.volatility / (2 * root) - kRate * strike * exp(-kRate * m.years) * normal_cdf(d1 - spread),
      m.spot * density * root};
  double worst = 0;
  lz::for_each_leaf(
      [&](const Tensor& ours, const Tensor& theirs) {
        worst = std::max(worst, ((ours - theirs).abs().max() / theirs.abs().max()).item<double>());
      },
      g, book);
  return worst;
}

/// Runs `compute` (-> a tree of lazy tensors) several times; the report of the fastest. Each result is dropped first:
/// an equal expression whose value is still held would not be computed again.
template <class Result, class Compute>
lz::Report fastest(int64_t rounds, Result& result, const Compute& compute) {
  const auto time = [](const lz::Report& r) {
    double sum = 0;
    for (const auto& k : r.kernels) sum += k.milliseconds;
    return sum;
  };
  lz::Report best;
  for (int64_t round = 0; round < rounds; ++round) {
    result = Result();
    result = compute();
    lz::Report report = lz::profile(lz::tree_leaves(result));
    if (best.kernels.empty() || time(report) < time(best)) best = std::move(report);
  }
  return best;
}

int run(const examples::Arguments& arguments) {
  const int64_t options = arguments.number("options", 1, 1000000000), rounds = arguments.number("rounds", 1, 1000);
  const lz::Device device(arguments.text("device"));
  lz::manual_seed(1);
  const auto between = [&](double low, double high) { return (low + (high - low) * lz::rand({options})).to(device); };
  const Tensor strike = between(50, 150), spot = between(50, 150), years = between(0.1, 2.1);
  const Market market{spot, years, between(0.1, 0.5)};
  lz::eval(strike, market.spot, market.years, market.volatility);

  std::pair<Tensor, Tensor> prices;
  const lz::Report pricing = fastest(rounds, prices, [&] { return price(market, strike); });
  const auto& [call, put] = prices;

  // A call less a put is worth what the contract to buy is worth.
  const Tensor forward = market.spot - strike * exp(-kRate * market.years);
  const double gap = ((call - put - forward).abs() / market.spot).max().item<double>();
  std::printf("%lld options, mean call %.3f, mean put %.3f\n", static_cast<long long>(options),
              call.mean().item<double>(), put.mean().item<double>());
  std::printf("put-call parity holds within %.1e of the spot price\n\n", gap);
  if (!(gap < 1e-5)) throw std::runtime_error("put-call parity is broken");

  Greeks greeks;
  const lz::Report sensing = fastest(rounds, greeks, [&] { return call_greeks(market, strike); });
  std::printf("mean delta %.4f, gamma %.5f, theta %.3f, vega %.2f\n", greeks.delta.mean().item<double>(),
              greeks.gamma.mean().item<double>(), greeks.theta.mean().item<double>(),
              greeks.vega.mean().item<double>());
  const double error = deviation(greeks, market, strike);
  std::printf("Greeks agree with their formulas within %.1e\n\n", error);
  if (!(error < 1e-4)) throw std::runtime_error("the Greeks are wrong");

  std::vector<lz::KernelReport> kernels = pricing.kernels;
  kernels.insert(kernels.end(), sensing.kernels.begin(), sensing.kernels.end());
  examples::print_kernels(kernels);
  double milliseconds = 0;
  for (const auto& k : pricing.kernels) milliseconds += k.milliseconds;
  std::printf("\nkernels: %zu for prices, %zu for Greeks\n%.0f million options per second\n", pricing.kernels.size(),
              sensing.kernels.size(), static_cast<double>(options) / milliseconds / 1e3);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("black_scholes", [&] {
    const examples::Arguments arguments(argc, argv, {{"options", "10000000"}, {"rounds", "5"}, {"device", "cpu"}});
    if (arguments.help()) {
      std::fputs(kHelp, stdout);
      return 0;
    }
    return run(arguments);
  });
}
