// Graphs of a million nodes and of a hundred thousand outputs: linear time, bounded memory, few compilations.
#include <chrono>

#include "tests/runtime/build.h"

namespace lazuli::runtime {
namespace {

using namespace testing;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST(LargeGraphs, AChainOfAMillionNodes) {
  Runtime r;
  NodeRef x = r.data<float>({8}, std::vector<float>(8, 0.f));
  const NodeRef one = r.expand(r.constant(1), {8});
  for (int i = 0; i < 1'000'000; ++i) x = r.make(Op::add, {x, one});
  for (const char* when : {"first", "again"}) {
    const auto start = std::chrono::steady_clock::now();
    const auto result = r.run({x});
    const double seconds = seconds_since(start);
    EXPECT_EQ(values<float>(*result.buffers[0]), std::vector<float>(8, 1e6f));
    EXPECT_LT(seconds, 60) << when;
    std::printf("chain of 1,000,000, %s: %.2f s, %llu kernels compiled\n", when, seconds,
                static_cast<unsigned long long>(r.compiled()));
  }
  EXPECT_LE(r.compiled(), 8u);
}

TEST(LargeGraphs, AHundredThousandOutputs) {
  Runtime r;
  const NodeRef x = r.numbers({16});
  std::vector<NodeRef> outputs;
  for (int i = 0; i < 100'000; ++i)
    outputs.push_back(r.make(Op::add, {x, r.expand(r.argument(static_cast<float>(i)), {16})}));
  const float first = values<float>(*buffer_of(x))[0];
  for (const char* when : {"first", "again"}) {
    const auto start = std::chrono::steady_clock::now();
    const auto result = r.run(outputs);
    const double seconds = seconds_since(start);
    for (int i = 0; i < 100'000; i += 997)
      EXPECT_EQ(values<float>(*result.buffers[static_cast<size_t>(i)])[0], first + static_cast<float>(i));
    EXPECT_LT(seconds, 60) << when;
    std::printf("100,000 outputs, %s: %.2f s, %llu kernels compiled\n", when, seconds,
                static_cast<unsigned long long>(r.compiled()));
  }
}

TEST(LargeGraphs, DispatchOfASmallProgram) {
  Runtime r;
  NodeRef x = r.numbers({64});
  const NodeRef y = r.make(Op::relu, {r.make(Op::add, {x, r.expand(r.argument(1), {64})})});
  r.run({y});
  const int count = 20000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) r.run({y});
  std::printf("evaluation of a known program of 5 nodes: %.2f us\n", seconds_since(start) / count * 1e6);
}

}  // namespace
}  // namespace lazuli::runtime
