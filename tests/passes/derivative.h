// Checks derivatives of a graph over float64 leaves: vjp and jvp against each other and against central differences, to
// the second order, along random directions.
#pragma once
#include <cmath>

#include "ir/gradient.h"
#include "ir/interpret.h"
#include "passes/jvp.h"
#include "passes/vjp.h"
#include "tests/passes/build.h"

namespace lazuli::passes::testing {

using Values = std::unordered_map<const ir::Node*, std::vector<double>>;

/// A reproducible number in [lo, hi].
inline double uniform(uint64_t& state, double lo, double hi) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return lo + (hi - lo) * static_cast<double>(state >> 11) * 0x1p-53;
}
inline std::vector<double> uniforms(uint64_t& state, const ir::Node* n, double lo, double hi) {
  std::vector<double> v(static_cast<size_t>(n->numel()));
  for (double& x : v) x = uniform(state, lo, hi);
  return v;
}

/// Elements as double, by the interpreter.
inline std::vector<double> evaluate(const ir::NodeRef& n, const Values& values) {
  const ir::HostArray a = ir::interpret({{n}}, [&](const ir::Node* leaf) {
    ir::HostArray v{leaf->dtype(), leaf->shape(), {}};
    v.bytes.resize(static_cast<size_t>(leaf->nbytes()));
    const std::vector<double>& from = values.at(leaf);
    for (size_t i = 0; i < from.size(); ++i)
      v.set_bits(static_cast<int64_t>(i), ir::gradient::number_bits(leaf->dtype(), from[i]));
    return v;
  })[0];
  EXPECT_EQ(a.dtype, kFloat64);
  const double* p = a.as<double>();
  return {p, p + ir::numel(a.shape)};
}
inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// <a, b> as a node.
inline ir::NodeRef inner(ir::Interner& in, const ir::NodeRef& a, const ir::NodeRef& b) {
  ir::Dims all;
  for (size_t d = 0; d < a->rank(); ++d) all.push_back(static_cast<int64_t>(d));
  return node(in, ir::Op::sum, {node(in, ir::Op::mul, {a, b})}, ir::AxesAttr{all});
}

/// d/ds of `f` at values + s * direction of one leaf, by five points.
inline double difference(const ir::NodeRef& f, Values values, const ir::Node* leaf,
                         const std::vector<double>& direction) {
  constexpr double kStep = 1e-3;
  const std::vector<double> base = values.at(leaf);
  const auto at = [&](double s) {
    std::vector<double>& v = values[leaf];
    for (size_t i = 0; i < v.size(); ++i) v[i] = base[i] + s * direction[i];
    return evaluate(f, values)[0];
  };
  return (8 * (at(kStep) - at(-kStep)) - (at(2 * kStep) - at(-2 * kStep))) / (12 * kStep);
}

struct DerivativeOptions {
  int orders = 2;
  double tolerance = 1e-7;
};

/// `leaves` are float64 data leaves, `values` their elements and those of every other leaf below `y`.
inline void check_derivatives(ir::Interner& in, const ir::NodeRef& y, const std::vector<ir::NodeRef>& leaves,
                              Values values, const std::string& what, DerivativeOptions options = {},
                              uint64_t seed = 1) {
  SCOPED_TRACE(what);
  std::vector<const ir::Node*> wrt;
  for (const ir::NodeRef& leaf : leaves) wrt.push_back(leaf.get());
  const auto constant = [&](const ir::Node* like) {
    const ir::NodeRef leaf = data(in, like->dtype(), like->shape());
    values[leaf.get()] = uniforms(seed, like, -1, 1);
    return leaf;
  };
  const auto near = [&](double got, double want, double scale) {
    return std::abs(got - want) <= options.tolerance * std::max({1.0, scale, std::abs(want)});
  };
  for (double v : evaluate(y, values)) ASSERT_TRUE(std::isfinite(v)) << "outside of the domain";
  const ir::NodeRef w = constant(y.get());
  const ir::Node* outputs[] = {y.get()};
  const ir::NodeRef cotangents[] = {w};
  const std::vector<ir::NodeRef> gradients = vjp(in, outputs, cotangents, wrt);
  const ir::NodeRef value = inner(in, y, w);
  for (size_t k = 0; k < wrt.size(); ++k) {
    const ir::NodeRef t = constant(wrt[k]);
    const double want = difference(value, values, wrt[k], values.at(t.get()));
    const double got = gradients[k] ? dot(evaluate(gradients[k], values), values.at(t.get())) : 0;
    EXPECT_TRUE(near(got, want, 1)) << "vjp of operand " << k << ": " << got << " instead of " << want;
    std::vector<ir::NodeRef> tangents(wrt.size());
    tangents[k] = t;
    const ir::NodeRef forward = jvp(in, wrt, tangents, outputs)[0];
    const double pushed = forward ? dot(evaluate(forward, values), values.at(w.get())) : 0;
    EXPECT_NEAR(pushed, got, 1e-11 * std::max(1.0, std::abs(got))) << "jvp of operand " << k;
    if (options.orders < 2 || !gradients[k]) continue;

    const ir::NodeRef slope = inner(in, gradients[k], constant(wrt[k]));
    const ir::Node* slopes[] = {slope.get()};
    const ir::NodeRef ones[] = {node(in, ir::Op::constant, {}, ir::ConstantAttr{0x3ff0000000000000}, {}, kFloat64)};
    const std::vector<ir::NodeRef> second = vjp(in, slopes, ones, wrt);
    for (size_t j = 0; j < wrt.size(); ++j) {
      const std::vector<double> direction = uniforms(seed, wrt[j], -1, 1);
      const double expected = difference(slope, values, wrt[j], direction);
      const double found = second[j] ? dot(evaluate(second[j], values), direction) : 0;
      EXPECT_TRUE(near(found, expected, 10))
          << "second derivative of operands " << k << " and " << j << ": " << found << " instead of " << expected;
    }
  }
}

}  // namespace lazuli::passes::testing
