// What it costs to get going: the first result of an expression that was never computed before (cold_*), and calls
// whose kernels have next to nothing to do.
#include <cmath>

#include "cases/case.h"

namespace bench {
namespace {

constexpr Extent kSmall = {"1K", 32, 32};

template <class F>
void add_small(std::vector<Case>& cases, const char* name, const std::vector<Value>& inputs, double tolerance, F f) {
  const Dims dims{kSmall.rows, kSmall.columns};
  Case c{.name = name,
         .size = kSmall.label,
         .inputs = inputs,
         .outputs = {{"y", Type::F32, dims}},
         .limit = Limit::None,
         .amount = 0,
         .judge = {}};
  for (Value& v : c.inputs) v.dims = dims;
  c.judge = [c, tolerance, f](const Memory& in) {
    Expected e(kSmall.rows * kSmall.columns);
    for (int64_t i = 0; i < kSmall.rows * kSmall.columns; ++i) {
      const double y = f(in, i);
      e.set(i, y, 1 + std::abs(y));
    }
    return near(c, std::move(e), tolerance);
  };
  cases.push_back(std::move(c));
}

/// y = (y + w) * b, over and over: two operations each time.
double chain(const Memory& in, int64_t i, int operations) {
  double y = in.f32(0)[i];
  for (int k = 0; k < operations / 2; ++k) y = (y + in.f32(1)[i]) * in.f32(2)[i];
  return y;
}

}  // namespace

void add_latency_cases(std::vector<Case>& cases) {
  const Value x{"x", Type::F32, {}};
  const std::vector<Value> three{x, {"w", Type::F32, {}}, {"b", Type::F32, {}, -0.9, 0.9}};
  add_small(cases, "latency/cold_relu", {x}, 0,
            [](const Memory& in, int64_t i) { return std::max(in.f32(0)[i], 0.f); });
  add_small(cases, "latency/cold_gelu", {x}, 4e-6,
            [](const Memory& in, int64_t i) { return 0.5 * in.f32(0)[i] * std::erfc(-in.f32(0)[i] / std::sqrt(2.0)); });
  add_small(cases, "latency/cold_black_scholes",
            {{"s", Type::F32, {}, 10, 50}, {"k", Type::F32, {}, 10, 50}, {"t", Type::F32, {}, 1, 2}}, 2e-5,
            [](const Memory& in, int64_t i) {
              const double s = in.f32(0)[i], k = in.f32(1)[i], t = in.f32(2)[i], root = 0.3 * std::sqrt(t);
              const double d1 = (std::log(s / k) + 0.065 * t) / root, d2 = d1 - root;
              const auto phi = [](double v) { return 0.5 * std::erfc(-v / std::sqrt(2.0)); };
              return s * phi(d1) - k * std::exp(-0.02 * t) * phi(d2);
            });
  add_small(cases, "latency/dispatch_compiled", three, 1e-5,
            [](const Memory& in, int64_t i) { return chain(in, i, 10); });
  add_small(cases, "latency/dispatch_lazy_10ops", three, 1e-5,
            [](const Memory& in, int64_t i) { return chain(in, i, 10); });
  add_small(cases, "latency/graph_1000ops", three, 1e-5,
            [](const Memory& in, int64_t i) { return chain(in, i, 1000); });
}

}  // namespace bench
