// Every kernel family on the emulated device against the reference interpreter: the same bits in every order of threads
// and blocks, and nothing read or written outside of a tensor (blocks of memory end at guard pages).
#include "tests/cuda/families.h"

#include <gtest/gtest.h>

#include "ir/interpret.h"
#include "ir/text.h"
#include "runtime/context.h"
#include "tests/cuda/emulated.h"
#include "tests/cuda/on_device.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

class CudaFamilies : public ::testing::TestWithParam<const char*> {};

TEST_P(CudaFamilies, GiveTheInterpretersBits) {
  runtime::Context& context = emulated_context();
  for (const Family& f : kernel_families(GetParam(), /*small=*/false)) {
    SCOPED_TRACE(f.name);
    const Graph g = parse(f.text, context.interner());
    const std::vector<HostArray> want = interpret(g, random_leaves(7));
    for (const int order : kOrders) {
      SCOPED_TRACE(order);
      const EmulatedOrder in(order);
      const std::vector<HostArray> got = run_on_device(context, g, random_leaves(7));
      for (size_t o = 0; o < want.size(); ++o) {
        int64_t at = -1;
        ASSERT_TRUE(bitwise_equal(want[o], got[o], &at)) << "output " << o << " differs at " << at;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Groups, CudaFamilies, ::testing::ValuesIn(kFamilyGroups),
                         [](const auto& p) { return std::string(p.param); });

}  // namespace
}  // namespace lazuli::testing
