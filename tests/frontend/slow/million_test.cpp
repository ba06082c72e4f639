// A million pending operations on a small stack: built, counted, described, evaluated, and dying without evaluation.
#include "tests/frontend/litmus.h"
#include "tests/frontend/small_stack.h"

namespace lazuli {
namespace {

using namespace litmus;

TEST(Growth, AMillionAdditionsOnASmallStack) {
  const int64_t limit = pending_limit();
  set_pending_limit(0);
  on_small_stack([] {
    constexpr int kAdds = 1'000'000;
    Tensor one = floats({1});
    Tensor x = floats({0});
    for (int i = 0; i < kAdds; ++i) x += one;
    EXPECT_EQ(pending_nodes(), kAdds);
    EXPECT_EQ(describe(x).substr(0, 28), "float32[1] cpu pending: add ");
    EvalOptions options;
    options.interpret = true;
    eval(std::span<const Tensor>(&x, 1), options);
    EXPECT_EQ(x.item<float>(), kAdds);
    for (int i = 0; i < kAdds; ++i) x += one;  // and dies pending
  });
  set_pending_limit(limit);
}

}  // namespace
}  // namespace lazuli
