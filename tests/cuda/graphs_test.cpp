// Programs that are run again: their kernels are queued together, with the bits of one by one.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <source_location>
#include <thread>

#include "ir/interpret.h"
#include "ir/text.h"
#include "lazuli/lazuli.h"
#include "tests/cuda/emulated.h"
#include "tests/cuda/on_device.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Matcher;

const bool kEmulated = use_emulator();

/// Calls of the driver: none can be counted on a real device.
struct Calls {
  long kernels = 0, graphs = 0, made = 0, updates = 0;
  static Calls so_far() {
    return {emulator_count("cuLaunchKernel"), emulator_count("cuGraphLaunch"), emulator_count("cuGraphInstantiate"),
            emulator_count("cuGraphExecKernelNodeSetParams")};
  }
};
const bool kCounted = std::getenv("LAZULI_TEST_DEVICE") == nullptr;

void expect_calls(const Calls& since, Matcher<long> kernels, Matcher<long> graphs, Matcher<long> made,
                  Matcher<long> updates = ::testing::_,
                  const std::source_location& at = std::source_location::current()) {
  const Calls now = Calls::so_far();
  if (!kCounted) return;
  const ::testing::ScopedTrace line(at.file_name(), static_cast<int>(at.line()), "");
  EXPECT_THAT(now.kernels - since.kernels, kernels) << "kernels by themselves";
  EXPECT_THAT(now.graphs - since.graphs, graphs) << "graphs launched";
  EXPECT_THAT(now.made - since.made, made) << "graphs made";
  EXPECT_THAT(now.updates - since.updates, updates) << "kernels given arguments";
}

/// Five kernels or so: sums and products do not fuse with each other.
Tensor layers(const Tensor& x, const Tensor& w, double by) {
  Tensor y = x;
  for (int i = 0; i < 3; ++i) y = softmax(matmul(y, w) * by, 1);
  return y;
}

/// So many kernels.
std::string chain_of_products(int n) {
  std::string text = "graph {\n%0 = data : float32[3, 3]\n";
  for (int i = 0; i < n; ++i)
    text += fmt::format(
        "%{} = dot_general %{}, %0 {{lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]}} : "
        "float32[3, 3]\n",
        i + 1, i);
  return text + fmt::format("return %{}\n}}\n", n);
}

class CudaGraphs : public ::testing::Test {
 protected:
  void SetUp() override { clear_caches(); }  // programs of other tests have run before
};

TEST_F(CudaGraphs, OneCallForAllKernelsFromTheSecondRun) {
  const Tensor x = randn({5, 24}), w = randn({24, 24});
  auto f = compile([](const Tensor& a, const Tensor& b) { return layers(a, b, 0.25); });
  const std::vector<float> expected = f(x, w).to_vector<float>();
  const Tensor there = x.to("cuda"), weights = w.to("cuda");
  eval(there, weights);

  Calls before = Calls::so_far();
  EXPECT_EQ(f(there, weights).to_vector<float>(), expected);
  expect_calls(before, Ge(4), 0, 0);
  before = Calls::so_far();
  EXPECT_EQ(f(there, weights).to_vector<float>(), expected);
  expect_calls(before, 0, 1, 1);
  for (const int order : kOrders) {
    const EmulatedOrder in(order);
    before = Calls::so_far();
    EXPECT_EQ(f(there, weights).to_vector<float>(), expected);
    expect_calls(before, 0, 1, 0);
  }
}

TEST_F(CudaGraphs, ArgumentsFollowTheCall) {
  auto f = compile([](const Tensor& a, const Tensor& b, double by) { return layers(a, b, by); });
  const Tensor w = randn({24, 24}), weights = w.to("cuda");
  std::vector<Tensor> kept;  // so that every result lies elsewhere
  const Calls before = Calls::so_far();
  for (int i = 0; i < 6; ++i) {
    const Tensor x = randn({5, 24});
    const double by = 0.125 * i;
    kept.push_back(f(x.to("cuda"), weights, by));
    EXPECT_EQ(kept.back().to_vector<float>(), f(x, w, by).to_vector<float>()) << i;
  }
  expect_calls(before, Ge(4), 5, 1, Ge(4));
}

TEST_F(CudaGraphs, CallsInFlightKeepTheirArguments) {
  auto f = compile([](const Tensor& a, const Tensor& b, double by) { return layers(a, b, by); });
  const Tensor x = randn({5, 24}), w = randn({24, 24}), there = x.to("cuda"), weights = w.to("cuda");
  eval(there, weights);
  for (int i = 0; i < 2; ++i) (void)f(there, weights, 1.0).to_vector<float>();
  const Calls before = Calls::so_far();
  const Tensor one = f(there, weights, 0.5), two = f(there, weights, 2.0);
  expect_calls(before, 0, 2, 0);
  EXPECT_EQ(one.to_vector<float>(), f(x, w, 0.5).to_vector<float>());
  EXPECT_EQ(two.to_vector<float>(), f(x, w, 2.0).to_vector<float>());
}

TEST_F(CudaGraphs, EvaluationsRepeatTheirProgramsAsWell) {
  const Tensor x = randn({5, 24}).to("cuda"), w = randn({24, 24}).to("cuda");
  eval(x, w);
  const std::vector<float> expected = layers(x, w, 0.75).to_vector<float>();
  const Calls before = Calls::so_far();
  EXPECT_EQ(layers(x, w, 0.75).to_vector<float>(), expected);
  expect_calls(before, 0, 1, 1);
}

TEST_F(CudaGraphs, ChecksEndAGraphAndAreReported) {
  auto f = compile([](const Tensor& a, const Tensor& w, const Tensor& divisor) {
    const Tensor y = layers(a, w, 0.5).sum(1).to(kInt64) + 7;
    return layers(floor_divide(y, divisor).to(kFloat32).reshape({1, 24}), w, 0.5);
  });
  const Tensor x = randn({24, 24}), w = randn({24, 24}), divisor = arange(24) + 1;
  const std::vector<float> expected = f(x, w, divisor).to_vector<float>();
  const Tensor x_there = x.to("cuda"), w_there = w.to("cuda"), good = divisor.to("cuda"), bad = good - 5;
  eval(x_there, w_there, good, bad);
  EXPECT_EQ(f(x_there, w_there, good).to_vector<float>(), expected);
  for (int i = 0; i < 2; ++i) {
    const Calls before = Calls::so_far();
    EXPECT_EQ(f(x_there, w_there, good).to_vector<float>(), expected);
    expect_calls(before, 0, 2, i == 0 ? 2 : 0);
    try {
      (void)f(x_there, w_there, bad).to_vector<float>();
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Value);
      EXPECT_THAT(e.message(), HasSubstr("4"));
    }
  }
}

TEST_F(CudaGraphs, CanBeSwitchedOff) {
  const std::string text = chain_of_products(2);
  const ir::LeafSource values = random_leaves(7);
  for (const bool on : {true, false}) {
    setenv("LAZULI_CUDA_GRAPHS", on ? "1" : "0", 1);
    const auto context = runtime::Context::from_environment();
    unsetenv("LAZULI_CUDA_GRAPHS");
    const ir::Graph g = ir::parse(text, context->interner());
    const ir::HostArray want = ir::interpret(g, values)[0];
    for (int i = 0; i < 3; ++i) {
      const Calls before = Calls::so_far();
      const ir::HostArray got = run_on_device(*context, g, values)[0];
      EXPECT_TRUE(ir::bitwise_equal(want, got));
      const bool together = on && i > 0;
      expect_calls(before, together ? 0 : 2, together ? 1 : 0, on && i == 1 ? 1 : 0);
    }
  }
}

TEST_F(CudaGraphs, ThreadsTakeTurns) {
  // Below the public functions, which let one evaluation run at a time.
  const auto context = runtime::Context::from_environment();
  const ir::Graph g = ir::parse(chain_of_products(100), context->interner());
  constexpr int kThreads = 4, kCalls = 16;
  (void)run_on_device(*context, g, random_leaves(0));
  std::atomic<int> wrong{0};
  std::barrier together(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      const ir::LeafSource values = random_leaves(static_cast<uint64_t>(t));
      const ir::HostArray want = ir::interpret(g, values)[0];
      together.arrive_and_wait();
      for (int i = 0; i < kCalls; ++i) try {
          wrong += !ir::bitwise_equal(want, run_on_device(*context, g, values)[0]);
        } catch (const Error& e) {
          ADD_FAILURE() << e.what();
        }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(CudaGraphs, ReportsSayWhichGraphAKernelBelongsTo) {
  const Tensor x = randn({5, 24}).to("cuda"), w = randn({24, 24}).to("cuda");
  eval(x, w);
  const Report r = profile(layers(x, w, 0.375));
  ASSERT_GE(r.kernels.size(), 2u);
  for (const KernelReport& k : r.kernels) EXPECT_THAT(k.schedule, HasSubstr(" graph=0"));
  const Report single = profile(x.exp());
  EXPECT_EQ(single.kernels.at(0).schedule.find("graph"), std::string::npos);
}

TEST_F(CudaGraphs, LargeCopiesGoThroughPinnedMemory) {
  const char* const pinned = "bytes copied from or to pinned memory";
  const char* const other = "bytes copied from or to other memory";
  for (const int64_t n : {int64_t{16} << 10, (int64_t{1} << 20) + 3, (int64_t{3} << 20) - 1}) {
    const Tensor x = randn({n});
    eval(x);
    const long before = emulator_count(pinned), before_other = emulator_count(other);
    const Tensor there = x.to("cuda");
    EXPECT_EQ(there.to_vector<float>(), x.to_vector<float>());
    if (!kCounted) continue;
    EXPECT_EQ(emulator_count(pinned) - before, 2 * n * 4);
    EXPECT_EQ(emulator_count(other), before_other);
  }
}

}  // namespace
}  // namespace lazuli::testing
