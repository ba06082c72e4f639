#include "tests/fuzz/gradients.h"

#include <fmt/format.h>

#include <random>

#include "ir/text.h"
#include "passes/verify_passes.h"
#include "passes/vjp.h"
#include "tests/passes/derivative.h"

namespace lazuli::fuzz {

using namespace ir;

Graph with_gradients(const Graph& g, uint64_t seed, Interner& interner) {
  std::mt19937_64 random(seed ^ 0x5bd1e995u);
  std::vector<const Node*> outputs, leaves;
  std::vector<NodeRef> cotangents;
  for (const NodeRef& o : g.outputs) {
    if (!is_floating(o->dtype())) continue;
    outputs.push_back(o.get());
    cotangents.push_back(interner.make({.op = Op::data,
                                        .inputs = {},
                                        .attr = LeafAttr{interner.next_leaf_id()},
                                        .dtype = o->dtype(),
                                        .shape = o->shape(),
                                        .device = o->device(),
                                        .payload = nullptr,
                                        .origin = {}}));
  }
  for (const Node* n : topological_order(g))
    if ((n->op() == Op::data || n->op() == Op::argument) && is_floating(n->dtype())) leaves.push_back(n);
  std::vector<NodeRef> gradients;
  try {
    gradients = passes::vjp(interner, outputs, cotangents, leaves);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::Unsupported) throw;
    return g;
  }
  Graph result;
  for (const NodeRef& n : gradients)
    if (n && (result.outputs.empty() || random() % 2 == 0)) result.outputs.push_back(n);
  for (const NodeRef& n : g.outputs)
    if (result.outputs.empty() || random() % 4 == 0) result.outputs.push_back(n);
  return result;
}

namespace {

/// Elements by position; the same leaf of a reduced graph may have others.
testing::Values values_of(const Graph& g, uint64_t seed, std::vector<NodeRef>* floats) {
  testing::Values values;
  for (const Node* n : topological_order(g)) {
    if (n->op() != Op::data && n->op() != Op::argument) continue;
    values[n] = testing::uniforms(seed, n, -1.5, 1.5);
    if (is_floating(n->dtype())) {
      floats->emplace_back(n);
    } else {  // a reduced graph may have them
      for (double& v : values[n]) v = v > 0;
    }
  }
  return values;
}

}  // namespace

std::optional<std::string> check_smooth(const Graph& g, uint64_t seed, Interner& interner, bool* judged) {
  if (judged) *judged = false;
  std::vector<NodeRef> leaves;
  testing::Values values = values_of(g, seed, &leaves);
  for (const NodeRef& leaf : leaves)
    if (leaf->dtype() != kFloat64) return std::nullopt;
  if (g.outputs[0]->dtype() != kFloat64) return std::nullopt;
  try {
    for (const double v : testing::evaluate(g.outputs[0], values))
      if (!(std::abs(v) < 1e6)) return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;  // indices of a reduced graph may leave their range
  }
  if (judged) *judged = true;
  try {
    return testing::check_derivatives(interner, g.outputs[0], leaves, std::move(values), seed,
                                      {.orders = 2, .tolerance = 1e-6, .estimate = true});
  } catch (const Error& e) {
    return "threw: " + e.message();
  }
}

SmoothSummary fuzz_smooth(uint64_t seed, int64_t count, const std::function<void(const std::string&)>& report) {
  SmoothSummary sum;
  for (int64_t i = 0; i < count && sum.failures < 5; ++i, ++seed) {
    Interner interner;
    const Graph g = generate_smooth(seed, interner);
    ++sum.graphs;
    sum.nodes += static_cast<int64_t>(topological_order(g).size());
    bool judged = false;
    const auto wrong = check_smooth(g, seed, interner, &judged);
    sum.judged += judged;
    if (!wrong) continue;
    ++sum.failures;
    const auto fails = [&](const Graph& candidate) { return check_smooth(candidate, seed, interner).has_value(); };
    const Graph small = passes::reduce_graph(g, fails, /*cut_producers=*/true, interner, 300);
    report(fmt::format("seed {}: {}\n// {}\n{}", seed, *wrong, check_smooth(small, seed, interner).value_or(""),
                       print(small)));
  }
  return sum;
}

}  // namespace lazuli::fuzz
