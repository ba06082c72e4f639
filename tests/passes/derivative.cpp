#include "tests/passes/derivative.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "ir/gradient.h"
#include "ir/interpret.h"
#include "passes/jvp.h"
#include "passes/vjp.h"

namespace lazuli::testing {

using ir::Node;
using ir::NodeRef;
using ir::gradient::Expr;
using ir::gradient::Place;

double uniform(uint64_t& state, double lo, double hi) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return lo + (hi - lo) * static_cast<double>(state >> 11) * 0x1p-53;
}

std::vector<double> uniforms(uint64_t& state, const Node* n, double lo, double hi) {
  std::vector<double> v(static_cast<size_t>(n->numel()));
  for (double& x : v) x = uniform(state, lo, hi);
  return v;
}

std::vector<double> evaluate(const NodeRef& n, const Values& values) {
  const ir::HostArray a = ir::interpret({{n}}, [&](const Node* leaf) {
    ir::HostArray v{leaf->dtype(), leaf->shape(), {}};
    v.bytes.resize(static_cast<size_t>(leaf->nbytes()));
    const auto it = values.find(leaf);
    if (it == values.end()) {
      if (!v.bytes.empty()) std::memcpy(v.bytes.data(), leaf->payload()->host_data(), v.bytes.size());
      return v;
    }
    for (size_t i = 0; i < it->second.size(); ++i)
      v.set_bits(static_cast<int64_t>(i), ir::gradient::number_bits(leaf->dtype(), it->second[i]));
    return v;
  })[0];
  if (a.dtype != kFloat64) throw Error(ErrorKind::Internal, "a derivative is not float64");
  const double* p = a.as<double>();
  return {p, p + ir::numel(a.shape)};
}

namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

class DerivativeCheck {
 public:
  DerivativeCheck(ir::Interner& interner, const NodeRef& y, const std::vector<NodeRef>& leaves, Values values,
                  uint64_t seed, const DerivativeOptions& options)
      : place_{interner, {}, kCPU}, y_(y), values_(std::move(values)), seed_(seed), options_(options) {
    for (const NodeRef& leaf : leaves) wrt_.push_back(leaf.get());
  }

  std::optional<std::string> run() {
    for (const double v : evaluate(y_, values_))
      if (!std::isfinite(v)) return "the value is not finite, so the point is outside of the domain";
    const NodeRef w = direction(y_.get());
    const Node* outputs[] = {y_.get()};
    const NodeRef cotangents[] = {w};
    const std::vector<NodeRef> gradients = passes::vjp(place_.interner, outputs, cotangents, wrt_);
    const NodeRef value = inner(y_, w);
    for (size_t k = 0; k < wrt_.size(); ++k) {
      const NodeRef t = direction(wrt_[k]);
      const Difference want = difference(value, wrt_[k], values_.at(t.get()));
      const double got = gradients[k] ? dot(evaluate(gradients[k], values_), values_.at(t.get())) : 0;
      if (!near(got, want)) return fmt::format("vjp of operand {} gives {}, differences {}", k, got, want.slope);
      std::vector<NodeRef> tangents(wrt_.size());
      tangents[k] = t;
      const NodeRef forward = passes::jvp(place_.interner, wrt_, tangents, outputs)[0];
      const double pushed = forward ? dot(evaluate(forward, values_), values_.at(w.get())) : 0;
      if (!(std::abs(pushed - got) <= 1e-9 * std::max(1.0, std::abs(got))))
        return fmt::format("vjp of operand {} gives {}, jvp {}", k, got, pushed);
      if (options_.orders < 2 || !gradients[k]) continue;
      if (auto wrong = second_order(gradients[k], k)) return wrong;
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> second_order(const NodeRef& gradient, size_t k) {
    const NodeRef slope = inner(gradient, direction(wrt_[k]));
    const Node* slopes[] = {slope.get()};
    const NodeRef ones[] = {ir::gradient::full(place_, kFloat64, {}, 1).node()};
    const std::vector<NodeRef> second = passes::vjp(place_.interner, slopes, ones, wrt_);
    for (size_t j = 0; j < wrt_.size(); ++j) {
      const std::vector<double> along = uniforms(seed_, wrt_[j], -1, 1);
      const Difference want = difference(slope, wrt_[j], along);
      const double got = second[j] ? dot(evaluate(second[j], values_), along) : 0;
      if (!near(got, want))
        return fmt::format("the second derivative by operands {} and {} is {}, differences give {}", k, j, got,
                           want.slope);
    }
    return std::nullopt;
  }

  struct Difference {
    double slope, error;
  };
  bool near(double got, const Difference& want) const {
    return std::abs(got - want.slope) <= options_.tolerance * std::max(1.0, std::abs(want.slope)) + want.error;
  }
  /// A leaf of random elements.
  NodeRef direction(const Node* like) {
    const NodeRef leaf = place_.interner.make({.op = ir::Op::data,
                                               .inputs = {},
                                               .attr = ir::LeafAttr{place_.interner.next_leaf_id()},
                                               .dtype = like->dtype(),
                                               .shape = like->shape(),
                                               .device = kCPU,
                                               .payload = nullptr,
                                               .origin = {}});
    values_[leaf.get()] = uniforms(seed_, like, -1, 1);
    leaves_.push_back(leaf);
    return leaf;
  }
  /// <a, b>.
  NodeRef inner(const NodeRef& a, const NodeRef& b) {
    ir::Dims all;
    for (size_t d = 0; d < a->rank(); ++d) all.push_back(static_cast<int64_t>(d));
    return ir::gradient::sum(Expr(place_, a) * Expr(place_, b), all).node();
  }
  /// d/ds of the 0-d `f` where `leaf` moves by s * along.
  Difference difference(const NodeRef& f, const Node* leaf, const std::vector<double>& along) {
    constexpr double kStep = 1e-3;
    const double slope = five_points(f, leaf, along, kStep);
    return {slope, options_.estimate ? 4 * std::abs(five_points(f, leaf, along, kStep / 2) - slope) : 0};
  }
  double five_points(const NodeRef& f, const Node* leaf, const std::vector<double>& along, double step) {
    const std::vector<double> base = values_.at(leaf);
    const auto at = [&](double s) {
      std::vector<double>& v = values_[leaf];
      for (size_t i = 0; i < v.size(); ++i) v[i] = base[i] + s * along[i];
      return evaluate(f, values_)[0];
    };
    const double slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
    values_[leaf] = base;
    return slope;
  }

  Place place_;
  NodeRef y_;
  std::vector<const Node*> wrt_;
  Values values_;
  std::vector<NodeRef> leaves_;  // keys of values_ stay alive
  uint64_t seed_;
  DerivativeOptions options_;
};

}  // namespace

std::optional<std::string> check_derivatives(ir::Interner& interner, const NodeRef& y,
                                             const std::vector<NodeRef>& leaves, Values values, uint64_t seed,
                                             const DerivativeOptions& options) {
  return DerivativeCheck(interner, y, leaves, std::move(values), seed, options).run();
}

}  // namespace lazuli::testing
