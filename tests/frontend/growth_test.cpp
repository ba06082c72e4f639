// Graphs that grow: what is known of them, and bounded memory without eval.
#include "frontend/tensor_impl.h"
#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

class PendingLimit {
 public:
  explicit PendingLimit(int64_t n) : before_(pending_limit()) { set_pending_limit(n); }
  ~PendingLimit() {
    set_pending_limit(before_);
    set_log_sink(nullptr);
  }

 private:
  int64_t before_;
};

TEST(Growth, DescribeDoesNotEvaluate) {
  Tensor x = counting({2, 3});
  EXPECT_EQ(describe(x), "float32[2, 3] cpu ready");
  EXPECT_EQ(describe(Tensor()), "undefined");
  Tensor y = x * 2;
  const auto line = Location::current().line() - 1;
  EXPECT_EQ(describe(y), "float32[2, 3] cpu pending: mul growth_test.cpp:" + std::to_string(line));
  EXPECT_EQ(describe(y[1]), "float32[3] cpu view of [2, 3] pending: mul growth_test.cpp:" + std::to_string(line));
  EXPECT_EQ(state(y), State::Pending);
  EXPECT_THAT(dump(y, "graph"), testing::HasSubstr("mul"));
  EXPECT_EQ(state(y), State::Pending);
}

TEST(Growth, ALoopWithoutEvalIsBoundedAndWarnsOnce) {
  PendingLimit limit(256);
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, std::string_view text) { warnings.emplace_back(text); });
  Tensor p = floats({0, 0}), v = floats({1, 2});
  size_t most = 0;
  const uint32_t first = Location::current().line();
  for (int i = 0; i < 4000; ++i) {
    v += v * 0.0;
    p += v * 1.0;
    most = std::max(most, interner().live_nodes());
  }
  const uint32_t last = Location::current().line();
  EXPECT_LT(most, 4000u);  // without the limit it is over 30,000
  EXPECT_THAT(values(p), ElementsAre(4000, 8000));
  ASSERT_EQ(warnings.size(), 1u);
  bool named = false;
  for (uint32_t line = first; line <= last; ++line)
    named |= warnings[0].find("growth_test.cpp:" + std::to_string(line)) != std::string::npos;
  EXPECT_TRUE(named) << warnings[0];
}

}  // namespace
}  // namespace lazuli
