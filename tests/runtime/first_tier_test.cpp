// Small work is interpreted until its kernels pay, and nobody can tell but by the time.
#include "runtime/first_tier.h"

#include <gmock/gmock.h>

#include "lazuli/base/error.h"
#include "runtime/prepared.h"
#include "tests/runtime/build.h"

namespace lazuli::runtime {
namespace {

using namespace testing;

Settings with_tier() {
  Settings settings;
  settings.first_tier = true;
  return settings;
}

int64_t runs(Runtime& r) {
  return r.context.first_tier().runs();
}

NodeRef small(Runtime& r, int64_t n = 100) {
  const NodeRef x = r.numbers({n});
  return r.make(Op::exp, {r.make(Op::mul, {x, x})});
}

TEST(FirstTier, IsOffUnlessAskedFor) {
  EXPECT_FALSE(Settings{}.first_tier);
  EXPECT_TRUE(read_settings([](std::string_view) { return std::string(); }, nullptr).first_tier);
  EXPECT_FALSE(
      read_settings([](std::string_view name) { return std::string(name == "LAZULI_FIRST_TIER" ? "0" : ""); }, nullptr)
          .first_tier);
  Runtime r;
  const std::vector<NodeRef> outputs{small(r)};
  expect_interpreted(outputs, r.run(outputs));
  EXPECT_EQ(runs(r), 0);
  EXPECT_EQ(r.compiled(), 1u);
}

TEST(FirstTier, TestProgramsSwitchItOff) {
  const char* value = std::getenv("LAZULI_FIRST_TIER");
  ASSERT_NE(value, nullptr) << "tests/kernels_only.cpp is not part of this program";
}

TEST(FirstTier, InterpretsUntilKernelsPay) {
  Runtime r(with_tier());
  const std::vector<NodeRef> outputs{small(r)};
  const auto estimate = r.context.first_tier().estimate(r.context.settings(), {}, ir::topological_order({outputs}));
  ASSERT_TRUE(estimate);
  const auto most = static_cast<int64_t>(FirstTier::kShare * estimate->compiling / estimate->interpreting);
  ASSERT_GT(most, 2);
  for (int64_t i = 1; i <= most; ++i) {
    expect_interpreted(outputs, r.run(outputs));
    ASSERT_EQ(runs(r), i);
    ASSERT_EQ(r.compiled(), 0u);
  }
  expect_interpreted(outputs, r.run(outputs));
  EXPECT_EQ(runs(r), most);
  EXPECT_EQ(r.compiled(), 1u);
  // The program is there from now on, until it is forgotten.
  r.run(outputs);
  EXPECT_EQ(runs(r), most);
  r.context.clear_caches();
  r.run(outputs);
  EXPECT_EQ(runs(r), most + 1);
}

TEST(FirstTier, LargeWorkIsCompiledAtOnce) {
  Runtime r(with_tier());
  const NodeRef x = r.numbers({1 << 17}), m = r.numbers({64, 64});
  const auto dims = std::make_shared<ir::DotDims>(
      ir::DotDims{.lhs_batch = {}, .rhs_batch = {}, .lhs_contract = {1}, .rhs_contract = {0}});
  const NodeRef huge = r.make(Op::sum, {r.expand(r.constant(1), {1 << 14, 1 << 14})}, ir::AxesAttr{{0, 1}});
  for (const NodeRef& y : {r.make(Op::neg, {x}), r.make(Op::sum, {x}, ir::AxesAttr{{0}}),
                           r.make(Op::dot_general, {m, m}, ir::DotAttr{dims}), huge})
    r.run({y});
  EXPECT_EQ(runs(r), 0);
  EXPECT_EQ(r.compiled(), 4u);
}

TEST(FirstTier, WhoWantsKernelsGetsThem) {
  Runtime r(with_tier());
  EvalOptions profile, none, verify;
  profile.profile = true;
  none.first_tier = false;
  verify.verify_passes = true;
  const auto report = r.run({small(r, 10)}, profile).report;
  EXPECT_EQ(report.kernels.size(), 1u);
  EXPECT_FALSE(report.interpreted);
  r.run({small(r, 11)}, none);
  r.run({small(r, 12)}, verify);
  EXPECT_EQ(runs(r), 0);
  const NodeRef y = small(r, 13);
  prepare(r.context, {.graph = {{y}}, .donated = {}, .targets = {}, .options = {}});  // as compiled functions do
  r.run({y});
  EXPECT_EQ(runs(r), 0);
  EvalOptions interpret;
  interpret.interpret = true;
  EXPECT_TRUE(r.run({small(r, 14)}, interpret).report.interpreted);
}

TEST(FirstTier, ExplainSaysSo) {
  Runtime on(with_tier()), off;
  EXPECT_THAT(explain(on.context, {{small(on)}}, {}), ::testing::HasSubstr("interpreted at first: about "));
  EXPECT_THAT(explain(on.context, {{small(on, 1 << 20)}}, {}), ::testing::Not(::testing::HasSubstr("interpreted")));
  EXPECT_THAT(explain(off.context, {{small(off)}}, {}), ::testing::Not(::testing::HasSubstr("interpreted")));
}

TEST(FirstTier, WritesToTargetsOnceAllIsKnown) {
  Runtime r(with_tier());
  const NodeRef x = r.data<int32_t>({3}, {7, 8, 9}), zeros = r.data<int32_t>({3}, {1, 0, 1});
  const NodeRef minus = r.make(Op::neg, {x}, ir::NoAttr{}, {}, kInt32);
  const NodeRef quotient = r.make(Op::remainder, {x, zeros}, ir::NoAttr{}, {}, kInt32);
  const std::vector<int32_t> before{7, 8, 9};
  for (const bool tier : {true, false}) {
    EvalOptions options;
    options.first_tier = tier;
    std::string message;
    try {
      r.run({minus, quotient}, options, {x.get()}, {buffer_of(x), nullptr});
      ADD_FAILURE() << "a division by zero passed";
    } catch (const Error& e) {
      message = e.what();
    }
    EXPECT_THAT(message, ::testing::HasSubstr("integer division by zero at element 1"));
    EXPECT_EQ(values<int32_t>(*buffer_of(x)), before);
  }
  EXPECT_EQ(runs(r), 1);
  EXPECT_GT(r.compiled(), 0u) << "kernels decide whether an element that is refused is needed";
  const auto result = r.run({minus}, {}, {x.get()}, {buffer_of(x)});
  EXPECT_EQ(runs(r), 2);
  EXPECT_EQ(result.buffers[0], buffer_of(x));
  EXPECT_EQ(values<int32_t>(*buffer_of(x)), (std::vector<int32_t>{-7, -8, -9}));
}

TEST(FirstTier, WhatNobodyNeedsIsNotRefused) {
  const auto last_two = [](Runtime& r) {
    const NodeRef x = r.data<int32_t>({3}, {7, 8, 9}), y = r.data<int32_t>({3}, {0, 3, 2});
    const NodeRef quotient = r.make(Op::remainder, {x, y}, ir::NoAttr{}, {}, kInt32);
    return r.make(Op::slice, {quotient}, ir::SliceAttr{{1}, {1}}, {2}, kInt32);
  };
  Runtime off, on(with_tier());
  const auto want = off.run({last_two(off)}), got = on.run({last_two(on)});
  EXPECT_EQ(values<int32_t>(*got.buffers[0]), values<int32_t>(*want.buffers[0]));
  EXPECT_EQ(values<int32_t>(*got.buffers[0]), (std::vector<int32_t>{2, 1}));
}

TEST(FirstTier, KeepsTheMemoryLimit) {
  Runtime r(with_tier());
  const NodeRef y = small(r, 1000);
  // The kernel needs its result alone, the interpreter the values between as well.
  r.context.allocator().set_memory_limit(r.context.allocator().stats().live_bytes + 5000);
  r.run({y});
  EXPECT_EQ(runs(r), 0);
  r.context.allocator().set_memory_limit(r.context.allocator().stats().live_bytes + 50000);
  r.run({small(r, 999)});
  EXPECT_EQ(runs(r), 1);
}

}  // namespace
}  // namespace lazuli::runtime
