// A million nodes through every pass: near-linear, on a stack of 64 KB.
#include <pthread.h>

#include <ctime>

#include "passes/jvp.h"
#include "passes/pass.h"
#include "passes/vjp.h"
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

/// Seconds for the gradient and the tangent of a chain of a million ops, or of a million readers of one node.
void differentiate(bool wide, double* seconds) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {4}), z = data(in, kFloat32, {4});
  NodeRef y = x;
  for (int i = 0; i < 500000; ++i) {
    const NodeRef part = node(in, i % 2 == 0 ? Op::mul : Op::div, {wide ? x : y, wide ? y : z});
    y = wide ? node(in, Op::add, {part, y}) : node(in, Op::sin, {part});
  }
  const ir::Node *outputs[] = {y.get()}, *wrt[] = {x.get()};
  const NodeRef one[] = {z};
  const std::clock_t start = std::clock();
  const std::vector<NodeRef> gradient = vjp(in, outputs, one, wrt);
  const std::clock_t middle = std::clock();
  const std::vector<NodeRef> tangent = jvp(in, wrt, one, outputs);
  seconds[0] = static_cast<double>(middle - start) / CLOCKS_PER_SEC;
  seconds[1] = static_cast<double>(std::clock() - middle) / CLOCKS_PER_SEC;
  EXPECT_TRUE(gradient[0] && tangent[0]);
  printf("%s: vjp %.2f s, jvp %.2f s\n", wide ? "wide" : "chain", seconds[0], seconds[1]);
}

TEST(MillionNodes, GradientsAreLinearAndNeedNoStack) {
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  ASSERT_EQ(pthread_attr_setstacksize(&attr, 64 << 10), 0);
  double seconds[4] = {};
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attr,
                [](void* out) -> void* {
                  differentiate(false, static_cast<double*>(out));
                  differentiate(true, static_cast<double*>(out) + 2);
                  return nullptr;
                },
                seconds),
            0);
  pthread_join(thread, nullptr);
  for (const double s : seconds) EXPECT_LT(s, 20);
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
