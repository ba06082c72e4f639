// Every elementwise op of the table, on every type that it takes, on the emulated device: the interpreter's bits. Casts
// between all types with them. Ops of one type share kernels, a few at a time, which is most of the time saved.
#include <gtest/gtest.h>

#include <cstring>

#include "ir/interpret.h"
#include "ir/op_types.h"
#include "lazuli/base/half.h"
#include "tests/cuda/emulated.h"
#include "tests/cuda/on_device.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

constexpr int64_t kCount = 67;
constexpr size_t kOpsOfAGraph = 12;
constexpr DType kTypes[] = {kBool, kUInt8, kInt8, kInt16, kInt32, kInt64, kFloat16, kBFloat16, kFloat32, kFloat64};

/// Odd values and others; where a divisor may stand, none that divides by zero.
HostArray values(const Node* n, uint64_t seed, bool divisor) {
  HostArray a = random_array(n->dtype(), n->shape(), seed);
  if (divisor && is_integral(n->dtype()))
    for (int64_t i = 0; i < kCount; ++i)
      if (a.bits(i) == 0) a.set_bits(i, 3);
  return a;
}

class CudaOps : public ::testing::TestWithParam<DType> {};

TEST_P(CudaOps, GiveTheInterpretersBits) {
  runtime::Context& context = emulated_context();
  Interner& in = context.interner();
  const auto data = [&](DType t) {
    return in.make({.op = Op::data, .attr = LeafAttr{in.next_leaf_id()}, .dtype = t, .shape = {kCount}});
  };
  const DType t = GetParam();
  const NodeRef x = data(t), y = data(t), z = data(t), condition = data(kBool);
  const LeafSource leaves = [&](const Node* n) {
    return values(n, n == x.get() ? 1 : n == y.get() ? 2 : n == z.get() ? 3 : 4, n == y.get());
  };
  std::vector<NodeRef> results;
  for (int i = 0; i < op_count(); ++i) {
    const auto op = static_cast<Op>(i);
    const OpInfo& row = info(op);
    if (row.family != Family::Elementwise || (row.flags & kInternal) || !takes(row.types, t)) continue;
    NodeSpec spec{.op = op};
    const Node* operands[] = {x.get(), y.get(), z.get()};
    if (row.promote == Promote::Select) operands[0] = condition.get();
    for (int k = 0; k < row.min_arity; ++k) spec.inputs.push_back(operands[k]);
    results.push_back(in.make(std::move(spec)));
  }
  for (const DType to : kTypes) results.push_back(in.make({.op = Op::cast, .inputs = {x.get()}, .dtype = to}));
  ASSERT_GT(results.size(), 15u);
  int order = 0;
  for (size_t first = 0; first < results.size(); first += kOpsOfAGraph) {
    Graph g;
    for (size_t i = first; i < std::min(first + kOpsOfAGraph, results.size()); ++i) g.outputs.push_back(results[i]);
    const std::vector<HostArray> want = interpret(g, leaves);
    const EmulatedOrder other(order++ % 4);
    const std::vector<HostArray> got = run_on_device(context, g, leaves);
    for (size_t o = 0; o < want.size(); ++o) {
      int64_t at = -1;
      EXPECT_TRUE(bitwise_equal(want[o], got[o], &at))
          << name(g.outputs[o]->op()) << " to " << name(want[o].dtype) << " differs at " << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, CudaOps, ::testing::ValuesIn(kTypes),
                         [](const auto& p) { return std::string(name(p.param)); });

}  // namespace
}  // namespace lazuli::testing
