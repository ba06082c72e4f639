// A million nodes through every pass: near-linear, on a stack of 64 KB.
#include <pthread.h>

#include <ctime>

#include "passes/pass.h"
#include "tests/passes/build.h"

namespace lazuli::passes {
namespace {

using ir::NodeRef;
using ir::Op;
using testing::data;
using testing::node;

double million(bool wide) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {4, 1}), z = data(in, kFloat32, {4, 1});
  NodeRef y = x;
  ir::Graph g;
  for (int i = 0; i < 250000; ++i) {
    y = node(in, Op::exp, {wide ? x : y});
    y = node(in, Op::sub, {y, wide ? (g.outputs.empty() ? z : g.outputs.back()) : z});
    y = node(in, Op::permute, {y}, ir::AxesAttr{{1, 0}});
    y = node(in, Op::permute, {y}, ir::AxesAttr{{1, 0}});
    if (wide) g.outputs.push_back(y);
  }
  g.outputs.push_back(y);
  PassContext ctx{.interner = in, .observer = {}};
  const std::clock_t start = std::clock();  // other processes do not count
  const ir::Graph result = run_passes(g, default_pipeline(), ctx);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST(MillionNodes, PassesAreLinearAndNeedNoStack) {
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  ASSERT_EQ(pthread_attr_setstacksize(&attr, 64 << 10), 0);
  double seconds[2] = {};
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attr,
                [](void* out) -> void* {
                  static_cast<double*>(out)[0] = million(false);
                  static_cast<double*>(out)[1] = million(true);
                  return nullptr;
                },
                seconds),
            0);
  pthread_join(thread, nullptr);
  RecordProperty("chain_seconds", std::to_string(seconds[0]));
  RecordProperty("wide_seconds", std::to_string(seconds[1]));
  printf("chain %.2f s, wide %.2f s\n", seconds[0], seconds[1]);
  EXPECT_LT(seconds[0], 20);
  EXPECT_LT(seconds[1], 20);
}

}  // namespace
}  // namespace lazuli::passes
