// A million pending operations on a small stack: built, counted, described, evaluated, and dying without evaluation.
#include "lazuli/compile.h"
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

TEST(Growth, AHundredThousandOperationsCompiledOnASmallStack) {
  on_small_stack([] {
    constexpr int kAdds = 100'000;
    const auto f = compile([](Tensor x, Tensor y) {
      for (int i = 0; i < kAdds; ++i) x += y;
      return x;
    });
    for (int i = 1; i <= 2; ++i) {
      Tensor x = floats({0});
      f(x, floats({static_cast<float>(i)}));
      EXPECT_EQ(x.item<float>(), kAdds * i);
    }
    EXPECT_EQ(f.report().traces, 1);
  });
}

}  // namespace
}  // namespace lazuli
