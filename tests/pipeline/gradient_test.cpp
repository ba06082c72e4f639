// The gradient of every elementwise row, compiled: machine code against the interpreter, bit for bit, infinities and
// NaN among the operands.
#include <gtest/gtest.h>

#include "ir/op_types.h"
#include "passes/vjp.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

NodeRef leaf(Interner& in, DType t, const Shape& shape) {
  return in.make({.op = Op::data, .attr = LeafAttr{in.next_leaf_id()}, .dtype = t, .shape = shape});
}

/// The gradients of every row that is differentiable in the type, by rows.
std::vector<std::pair<std::string, Graph>> gradients(Interner& in, DType t) {
  std::vector<std::pair<std::string, Graph>> all;
  for (int i = 0; i < op_count(); ++i) {
    const auto op = static_cast<Op>(i);
    const OpInfo& row = info(op);
    if (row.family != Family::Elementwise || row.gradient.kind != Gradient::Kind::Rule || !takes(row.types, t))
      continue;
    NodeSpec spec{.op = op, .attr = NoAttr{}};
    if (op == Op::variable || op == Op::barrier) spec.attr = LeafAttr{in.next_leaf_id()};
    std::vector<NodeRef> leaves;
    std::vector<const Node*> wrt;
    for (int k = 0; k < row.min_arity; ++k) {
      const bool condition = row.promote == Promote::Select && k == 0;
      leaves.push_back(leaf(in, condition ? kBool : t, {333}));
      spec.inputs.push_back(leaves.back().get());
      if (!condition) wrt.push_back(leaves.back().get());
    }
    const NodeRef y = in.make(std::move(spec));
    const Node* outputs[] = {y.get()};
    const NodeRef cotangents[] = {leaf(in, t, {333})};
    Graph g;
    for (const NodeRef& n : passes::vjp(in, outputs, cotangents, wrt))
      if (n) g.outputs.push_back(n);
    all.emplace_back(row.name, std::move(g));
  }
  return all;
}

class Gradients : public ::testing::TestWithParam<DType> {};

TEST_P(Gradients, OfEveryRowCompiledEqualInterpreted) {
  Interner in;
  const auto all = gradients(in, GetParam());
  EXPECT_GT(all.size(), 65u);
  for (const auto& [name, g] : all) {
    const LeafSource leaves = random_leaves(7);
    const std::vector<HostArray> want = interpret(g, leaves);
    const RunResult got = run_graph(g, leaves, {});
    ASSERT_FALSE(got.failed) << name;
    for (size_t i = 0; i < want.size(); ++i) {
      int64_t at = 0;
      EXPECT_TRUE(bitwise_equal(want[i], got.outputs[i], &at)) << name << ", operand " << i << " at element " << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Gradients, ::testing::Values(kFloat16, kFloat32, kFloat64),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace lazuli::testing
