// Every kernel family on the emulated device against the reference interpreter: the same bits in every order of threads
// and blocks, and nothing read or written outside of a tensor (blocks of memory end at guard pages).
#include "tests/cuda/families.h"

#include <gtest/gtest.h>

#include "ir/interpret.h"
#include "ir/text.h"
#include "runtime/context.h"
#include "runtime/executor.h"
#include "tests/cuda/emulated.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

runtime::Context& emulated_context() {
  static runtime::Context* const context = [] {
    use_emulator();
    return runtime::Context::from_environment().release();
  }();
  return *context;
}

/// The graph with values behind its leaves, on their devices.
Graph with_values(runtime::Context& context, const Graph& g, const LeafSource& leaves) {
  return rewrite(g, context.interner(), [&](const Node* n, std::span<const NodeRef>) -> NodeRef {
    if (n->op() != Op::data && n->op() != Op::argument) return nullptr;
    const HostArray a = leaves(n);
    NodeSpec spec{.op = n->op(), .attr = LeafAttr{context.interner().next_leaf_id()}, .dtype = n->dtype()};
    spec.shape = n->shape();
    spec.device = n->device();
    if (n->op() == Op::argument) {
      spec.payload = std::make_shared<runtime::ScalarPayload>(a.bits(0));
    } else {
      auto buffer = context.allocator(n->device()).allocate(n->nbytes());
      context.upload(*buffer, a.bytes.data(), n->nbytes());
      spec.payload = std::move(buffer);
    }
    return context.interner().make(std::move(spec));
  });
}

class CudaFamilies : public ::testing::TestWithParam<const char*> {};

TEST_P(CudaFamilies, GiveTheInterpretersBits) {
  runtime::Context& context = emulated_context();
  for (const Family& f : kernel_families(GetParam(), /*small=*/false)) {
    SCOPED_TRACE(f.name);
    const std::vector<HostArray> want = interpret(parse(f.text, context.interner()), random_leaves(7));
    const Graph g = with_values(context, parse(on_device(f.text), context.interner()), random_leaves(7));
    for (const int order : kOrders) {
      SCOPED_TRACE(order);
      const EmulatedOrder in(order);
      runtime::EvalRequest request{.graph = g, .donated = {}, .targets = {}, .options = {}};
      const runtime::EvalResult result = evaluate(context, request);
      for (size_t o = 0; o < want.size(); ++o) {
        HostArray got{want[o].dtype, want[o].shape, std::vector<std::byte>(want[o].bytes.size())};
        ASSERT_EQ(result.buffers[o]->device(), kCUDA);
        context.download(got.bytes.data(), *result.buffers[o], static_cast<int64_t>(got.bytes.size()));
        int64_t at = -1;
        ASSERT_TRUE(bitwise_equal(want[o], got, &at)) << "output " << o << " differs at " << at;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Groups, CudaFamilies, ::testing::ValuesIn(kFamilyGroups),
                         [](const auto& p) { return std::string(p.param); });

}  // namespace
}  // namespace lazuli::testing
