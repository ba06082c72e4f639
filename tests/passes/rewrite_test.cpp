// The engine: termination, depth, sharing.
#include "passes/rewrite.h"

#include <pthread.h>

#include <chrono>

#include "ir/text.h"
#include "passes/pass.h"
#include "tests/passes/build.h"

namespace lazuli::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeRef;
using ir::Op;
using testing::data;
using testing::node;

NodeRef swap_add(const Node* n, Rewriter& r) {
  return r.make(Op::add, {n->input(1), n->input(0)});
}
NodeRef exp_to_neg(const Node* n, Rewriter& r) {
  return r.make(Op::neg, {n->input(0)});
}
NodeRef wrong_shape(const Node* n, Rewriter& r) {
  return r.reshape(n->input(0), {1});
}

TEST(Rewrite, NamesTheRulesThatDoNotEnd) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {}), y = data(in, kFloat32, {});
  const Rule rules[] = {{"swap-add", Op::add, swap_add}, {"exp-to-neg", Op::exp, exp_to_neg}};
  try {
    rewrite_to_fixpoint({{node(in, Op::add, {x, y})}}, RuleSet{rules}, in, "shuffle");
    FAIL() << "it ended";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Internal);
    EXPECT_EQ(e.message(), "shuffle: rewriting does not end, the last rules were swap-add");
  }
}

TEST(Rewrite, RefusesARuleThatChangesTheType) {
  ir::Interner in;
  const Rule rules[] = {{"wrong-shape", Op::exp, wrong_shape}};
  const Graph g{{node(in, Op::exp, {data(in, kFloat32, {})})}};
  EXPECT_THAT([&] { rewrite_to_fixpoint(g, RuleSet{rules}, in, "pass"); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("wrong-shape made float32[1] of float32[]")));
}

TEST(Rewrite, KeepsSharingAndUntouchedNodes) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {3});
  NodeRef y = node(in, Op::abs, {x});
  for (int i = 0; i < 60; ++i) y = node(in, Op::mul, {y, y});  // 2^60 paths
  const Rule rules[] = {{"exp-to-neg", Op::exp, exp_to_neg}};
  const Graph same = rewrite_to_fixpoint({{y}}, RuleSet{rules}, in, "pass");
  EXPECT_EQ(same.outputs[0], y);
  PassContext ctx{.interner = in, .observer = {}};
  EXPECT_EQ(ir::topological_order(run_passes({{y}}, default_pipeline(), ctx)).size(), 62u);
}

/// Runs on a thread whose stack has 64 KB.
void on_small_stack(std::function<void()> body) {
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  ASSERT_EQ(pthread_attr_setstacksize(&attr, 64 << 10), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attr,
                [](void* f) -> void* {
                  (*static_cast<std::function<void()>*>(f))();
                  return nullptr;
                },
                &body),
            0);
  pthread_join(thread, nullptr);
}

TEST(Rewrite, LongChainsNeedNoStack) {
  on_small_stack([] {
    ir::Interner in;
    const NodeRef x = data(in, kFloat32, {4, 1});
    const NodeRef one = node(in, Op::expand, {node(in, Op::constant, {}, ir::ConstantAttr{0x3f800000})}, {}, {4, 1});
    NodeRef y = x;
    for (int i = 0; i < 25000; ++i) {
      y = node(in, Op::exp, {y});
      y = node(in, Op::mul, {y, one});
      y = node(in, Op::permute, {y}, ir::AxesAttr{{1, 0}});
      y = node(in, Op::permute, {y}, ir::AxesAttr{{1, 0}});
    }
    PassContext ctx{.interner = in, .observer = {}};
    const Graph g = run_passes({{y}}, default_pipeline(), ctx);
    EXPECT_EQ(ir::topological_order(g).size(), 25001u);
  });
}

TEST(Runner, FindsPassesAndReportsThem) {
  EXPECT_NE(find_pass("canonicalize"), nullptr);
  EXPECT_EQ(find_pass("no_such_pass"), nullptr);
  ir::Interner in;
  std::vector<std::string> seen;
  PassContext ctx{.interner = in, .observer = [&](const std::string& name, const Graph&, const Graph&, double ms) {
                    seen.push_back(name);
                    EXPECT_GE(ms, 0);
                  }};
  run_passes({{data(in, kFloat32, {})}}, default_pipeline(), ctx);
  EXPECT_EQ(seen, (std::vector<std::string>{"expand", "canonicalize", "simplify_movement"}));
}

TEST(Runner, RefusesAPassThatLosesOutputs) {
  ir::Interner in;
  PassContext ctx{.interner = in, .verify = true, .observer = {}};
  const Pass loses{"loses", [](const Graph&, PassContext&) { return Graph{}; }};
  EXPECT_THAT([&] { run_passes({{data(in, kFloat32, {})}}, {loses}, ctx); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("after pass loses: ")));
}

}  // namespace
}  // namespace lazuli::passes
