#include "passes/plan_memory.h"

#include <random>

#include "tests/passes/build.h"

namespace lazuli::passes {
namespace {

using ir::Node;
using ir::NodeRef;
using ir::Op;
using testing::data;
using testing::node;

/// One region per list of nodes; what others need is stored, equal sizes may alias when `alias` says so.
ir::Partition cut(const ir::Graph& g, const std::vector<std::vector<const Node*>>& groups,
                  const std::function<bool(const Node* o, const Node* i)>& alias) {
  ir::Partition p;
  std::unordered_map<const Node*, size_t> group_of;
  for (size_t k = 0; k < groups.size(); ++k)
    for (const Node* n : groups[k]) group_of[n] = k;
  std::unordered_map<const Node*, bool> stored;
  for (const auto& group : groups)
    for (const Node* n : group)
      for (const Node* input : n->inputs())
        if (!group_of.count(input) || group_of[input] != group_of[n]) stored[input] = true;
  for (const NodeRef& o : g.outputs) stored[o.get()] = true;
  for (size_t k = 0; k < groups.size(); ++k) {
    ir::Region& region = p.regions.emplace_back();
    region.nodes = groups[k];
    if (groups[k].size() == 1 && groups[k][0]->op() == Op::slice_update) region.kind = ir::RegionKind::Update;
    for (const Node* n : groups[k]) {
      if (stored[n]) region.outputs.push_back(n);
      for (const Node* input : n->inputs())
        if ((!group_of.count(input) || group_of[input] != k) &&
            std::find(region.inputs.begin(), region.inputs.end(), input) == region.inputs.end())
          region.inputs.push_back(input);
    }
    for (uint32_t o = 0; o < region.outputs.size(); ++o)
      for (uint32_t i = 0; i < region.inputs.size(); ++i)
        if (alias(region.outputs[o], region.inputs[i])) region.may_alias.push_back({o, i});
  }
  return p;
}

NodeRef update(ir::Interner& in, const NodeRef& x, const NodeRef& part, int64_t start) {
  return node(in, Op::slice_update, {x, part}, ir::SliceAttr{ir::Dims{start}, ir::Dims{1}});
}

ir::Partition one_each(const ir::Graph& g, bool alias = true) {
  std::vector<std::vector<const Node*>> groups;
  for (const Node* n : ir::topological_order(g))
    if (ir::family(n->op()) != ir::Family::Leaf) groups.push_back({n});
  return cut(g, groups, [&](const Node* o, const Node* i) { return alias && o->nbytes() == i->nbytes(); });
}

const Slot& slot_of(const MemoryPlan& plan, const NodeRef& n) {
  const auto it = std::find_if(plan.slots.begin(), plan.slots.end(), [&](const Slot& s) { return s.node == n.get(); });
  EXPECT_NE(it, plan.slots.end());
  return *it;
}

MemoryPlan checked(const ir::Graph& g, const ir::Partition& p, const MemoryFacts& facts) {
  MemoryPlan plan = plan_memory(g, p, facts);
  verify_plan(g, p, facts, plan);
  return plan;
}

TEST(PlanMemory, ChainRunsInOneBlockWhereInPlaceIsAllowed) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {100});
  NodeRef y = x;
  for (int i = 0; i < 5; ++i) y = node(in, i % 2 == 0 ? Op::exp : Op::neg, {y});
  const ir::Graph g{{y}};
  // The memory of the result is there all the time and serves for what comes before.
  EXPECT_EQ(checked(g, one_each(g, true), {}).arena_bytes, 0);
  EXPECT_EQ(checked(g, one_each(g, false), {}).arena_bytes, 512);
  // Not where it may turn out not to be needed, and not for what does not fit.
  EXPECT_EQ(checked(g, one_each(g, false), {{x.get()}, {}}).arena_bytes, 1024);
  const ir::Graph small{{node(in, Op::sum, {y}, ir::AxesAttr{{0}})}};
  EXPECT_EQ(checked(small, one_each(small, true), {}).arena_bytes, 512);
  EXPECT_EQ(slot_of(checked(g, one_each(g), {}), y).place, Place::Output);
}

TEST(PlanMemory, TargetIsWrittenInPlaceAfterItsOtherReaders) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {8});
  const NodeRef next = node(in, Op::exp, {x}), old = node(in, Op::neg, {x});
  const ir::Graph g{{next, old}};  // next comes first
  const MemoryFacts facts{{}, {{next.get(), x.get()}}};
  const MemoryPlan plan = checked(g, one_each(g), facts);
  EXPECT_EQ(slot_of(plan, next).place, Place::Input);
  EXPECT_EQ(plan.order, (std::vector<uint32_t>{1, 0}));
  EXPECT_TRUE(plan.copies.empty());
  // Without permission to overwrite what it reads, the value is computed elsewhere and copied.
  const MemoryPlan apart = checked(g, one_each(g, false), facts);
  EXPECT_EQ(slot_of(apart, next).place, Place::Arena);
  ASSERT_EQ(apart.copies.size(), 1u);
  EXPECT_EQ(apart.copies[0].to_leaf, x.get());
}

TEST(PlanMemory, ReaderThatNeedsTheNewValueForcesACopy) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {8});
  const NodeRef next = node(in, Op::exp, {x});
  const NodeRef both = node(in, Op::mul, {node(in, Op::neg, {next}), x});  // old and new value at once
  const ir::Graph g{{next, both}};
  const MemoryPlan plan = checked(g, one_each(g), {{}, {{next.get(), x.get()}}});
  EXPECT_EQ(slot_of(plan, next).place, Place::Arena);
  EXPECT_EQ(plan.copies.size(), 1u);
}

TEST(PlanMemory, ChainsOfUpdatesRunInTheTarget) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {100}), part = data(in, kFloat32, {8});
  const NodeRef first = update(in, x, part, 0), second = update(in, first, part, 20),
                last = update(in, second, part, 40);
  const NodeRef old = node(in, Op::neg, {first});  // must run before `second`
  const ir::Graph g{{last, old}};
  const MemoryPlan plan = checked(g, one_each(g), {{}, {{last.get(), x.get()}}});
  for (const NodeRef& n : {first, second, last}) EXPECT_EQ(slot_of(plan, n).place, Place::Input);
  EXPECT_TRUE(plan.base_copies.empty());
  EXPECT_TRUE(plan.copies.empty());
  // A leaf that others need is copied, once, and an update that may not overwrite what it reads copies it.
  const ir::Graph alone{{first}};
  EXPECT_EQ(checked(alone, one_each(alone), {}).base_copies.size(), 1u);
  EXPECT_EQ(checked(alone, one_each(alone), {{x.get()}, {}}).base_copies.size(), 0u);
  const MemoryPlan apart = checked(alone, one_each(alone, false), {{}, {{first.get(), x.get()}}});
  EXPECT_EQ(apart.base_copies.size() + apart.copies.size(), 2u);
  // As an output of its own the value in the middle keeps memory of its own.
  const ir::Graph both{{last, first}};
  const MemoryPlan kept = checked(both, one_each(both), {{}, {{last.get(), x.get()}}});
  EXPECT_EQ(slot_of(kept, first).place, Place::Output);
  EXPECT_EQ(slot_of(kept, last).place, Place::Input);
}

TEST(PlanMemory, ExchangedTensorsAreSavedOnce) {
  ir::Interner in;
  const NodeRef a = data(in, kFloat32, {8}), b = data(in, kFloat32, {8}), c = data(in, kFloat32, {8});
  const ir::Graph g{{b, c, a}};
  const MemoryPlan plan = checked(g, {}, {{}, {{b.get(), a.get()}, {c.get(), b.get()}, {a.get(), c.get()}}});
  EXPECT_EQ(plan.copies.size(), 4u);
  EXPECT_EQ(plan.arena_bytes, 128);
}

TEST(PlanMemory, OutputTakesADeadDonatedLeaf) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {8}), z = data(in, kFloat32, {4});
  const NodeRef y = node(in, Op::exp, {node(in, Op::neg, {x})});
  const ir::Graph g{{y, node(in, Op::exp, {z})}};
  const ir::Partition p = one_each(g, false);
  EXPECT_EQ(slot_of(checked(g, p, {{x.get()}, {}}), y).place, Place::Input);
  EXPECT_EQ(slot_of(checked(g, p, {{z.get()}, {}}), y).place, Place::Output);  // sizes differ
  EXPECT_EQ(slot_of(checked(g, p, {}), y).place, Place::Output);
}

TEST(PlanMemory, LeafThatIsAnOutputIsSavedBeforeItIsOverwritten) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {8});
  const NodeRef next = node(in, Op::exp, {x});
  const ir::Graph g{{x, next}};
  const MemoryPlan plan = checked(g, one_each(g), {{}, {{next.get(), x.get()}}});
  ASSERT_EQ(plan.copies.size(), 2u);
  EXPECT_EQ(plan.copies[0].target.place, Place::Output);
  EXPECT_EQ(plan.copies[1].to_leaf, x.get());
}

TEST(PlanMemory, LeavesAreWrittenAfterTheLastCheck) {
  ir::Interner in;
  const NodeRef x = data(in, kInt32, {8}), d = data(in, kInt32, {8});
  const NodeRef next = node(in, Op::neg, {x}), quotient = node(in, Op::floor_divide, {d, d});
  {
    const ir::Graph g{{next, quotient}};
    const MemoryPlan plan = checked(g, one_each(g), {{d.get()}, {{next.get(), x.get()}}});
    EXPECT_EQ(plan.order, (std::vector<uint32_t>{1, 0}));
    EXPECT_EQ(slot_of(plan, next).place, Place::Input);
    EXPECT_EQ(slot_of(plan, quotient).place, Place::Output);  // it may fail itself
  }
  {
    // The check needs the new value: it is computed aside and copied when all has gone well.
    const ir::Graph g{{next, node(in, Op::floor_divide, {d, next})}};
    const MemoryPlan plan = checked(g, one_each(g), {{}, {{next.get(), x.get()}}});
    EXPECT_EQ(slot_of(plan, next).place, Place::Arena);
    EXPECT_EQ(plan.copies.size(), 1u);
  }
}

TEST(PlanMemory, ValuesWithoutElements) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {0, 3});
  const NodeRef y = node(in, Op::exp, {node(in, Op::neg, {x})});
  const ir::Graph g{{y}};
  EXPECT_EQ(checked(g, one_each(g), {{x.get()}, {}}).arena_bytes, 0);
  EXPECT_EQ(checked(g, one_each(g), {{}, {{y.get(), x.get()}}}).copies.size(), 0u);
}

TEST(PlanMemory, UpdatesOfDonatedMemoryStayThere) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {64}), part = data(in, kFloat32, {8}), more = data(in, kFloat32, {16});
  const NodeRef written = update(in, update(in, x, part, 0), part, 20);
  const ir::Graph g{{node(in, Op::concat, {node(in, Op::neg, {written}), more}, ir::AxesAttr{{0}})}};
  const MemoryPlan plan = checked(g, one_each(g, true), {{x.get()}, {}});
  EXPECT_TRUE(plan.base_copies.empty());
  EXPECT_EQ(slot_of(plan, written).place, Place::Input);
}

TEST(VerifyPlan, FindsEveryKindOfBrokenPlan) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {64}), w = data(in, kFloat32, {64});
  const NodeRef a = node(in, Op::exp, {x}), b = node(in, Op::neg, {x}), c = node(in, Op::add, {a, b});
  const ir::Graph g{{node(in, Op::sum, {node(in, Op::mul, {c, w})}, ir::AxesAttr{{0}})}};
  const ir::Partition p = one_each(g, false);
  const MemoryPlan good = checked(g, p, {});
  const auto broken = [&](const std::function<void(MemoryPlan&)>& change) {
    MemoryPlan plan = good;
    change(plan);
    EXPECT_THROW(verify_plan(g, p, {}, plan), Error);
  };
  const auto index = [&](const NodeRef& n) { return static_cast<size_t>(&slot_of(good, n) - good.slots.data()); };
  broken([&](MemoryPlan& plan) { plan.slots[index(a)].index = plan.slots[index(b)].index; });
  broken([&](MemoryPlan& plan) { plan.slots[index(a)].index += 64; });
  broken([&](MemoryPlan& plan) { plan.slots[index(a)].index += 1 << 20; });
  broken([&](MemoryPlan& plan) { plan.slots[index(c)].index = plan.slots[index(a)].index; });
  broken([&](MemoryPlan& plan) { plan.slots[index(c)] = {c.get(), Place::Input, 0, 256}; });
  broken([&](MemoryPlan& plan) { plan.slots[index(c)] = {c.get(), Place::Output, 0, 256}; });
  broken([&](MemoryPlan& plan) { std::reverse(plan.order.begin(), plan.order.end()); });
  broken([&](MemoryPlan& plan) { plan.order.pop_back(); });
  broken([&](MemoryPlan& plan) { plan.slots.pop_back(); });
}

/// Random programs, cut at random, with random facts.
TEST(PlanMemory, RandomPlansHold) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](size_t n) { return random() % n; };
    ir::Interner in;
    std::vector<NodeRef> leaves, nodes;
    const size_t sizes[] = {0, 1, 8, 8, 40, 100};
    const DType types[] = {kFloat32, kFloat32, kFloat32, kInt32, kInt32, kFloat32};
    std::vector<std::vector<NodeRef>> by_size(6);
    for (size_t s = 0; s < 6; ++s)
      for (size_t k = 0; k < 1 + below(3); ++k) {
        leaves.push_back(data(in, types[s], {static_cast<int64_t>(sizes[s])}));
        by_size[s].push_back(leaves.back());
      }
    const size_t count = 1 + below(40);
    for (size_t k = 0; k < count; ++k) {
      if (below(4) == 0) {  // parts of 8 in 40 or 100
        const size_t size = 4 + below(2);
        auto &whole = by_size[size], &part = by_size[size == 4 ? 3 : 2];
        nodes.push_back(update(in, whole[below(2) == 0 ? whole.size() - 1 : below(whole.size())],
                               part[below(part.size())], static_cast<int64_t>(below(30))));
        whole.push_back(nodes.back());
        continue;
      }
      auto& pool = by_size[below(6)];
      const NodeRef x = pool[below(pool.size())], y = pool[below(pool.size())];
      const Op ops[] = {Op::abs, Op::neg, Op::add, Op::mul, Op::sub, Op::maximum, Op::floor_divide};
      const Op op = ops[below(7)];
      nodes.push_back(ir::info(op).min_arity == 1 ? node(in, op, {x}) : node(in, op, {x, y}));
      pool.push_back(nodes.back());
    }
    ir::Graph g;
    for (size_t k = 0; k < 1 + below(5); ++k) g.outputs.push_back(nodes[below(nodes.size())]);
    for (size_t k = 0; k < below(3); ++k) g.outputs.push_back(leaves[below(leaves.size())]);
    std::vector<std::vector<const Node*>> groups(1);
    for (const Node* n : ir::topological_order(g)) {
      if (n->op() == Op::data) continue;
      const bool alone = n->op() == Op::slice_update && below(4) > 0;
      if (alone || below(3) > 0) groups.emplace_back();
      groups.back().push_back(n);
      if (alone) groups.emplace_back();
    }
    const ir::Partition p =
        cut(g, groups, [&](const Node* o, const Node* i) { return o->nbytes() == i->nbytes() && below(2) == 0; });
    MemoryFacts facts;
    for (const NodeRef& leaf : leaves) {
      if (below(2) == 0) facts.donated.push_back(leaf.get());
      if (below(2) == 0) continue;
      const NodeRef& o = g.outputs[below(g.outputs.size())];
      if (o->nbytes() == leaf->nbytes()) facts.targets.push_back({o.get(), leaf.get()});
    }
    ASSERT_NO_THROW(checked(g, p, facts)) << plan_memory(g, p, facts).str();
  }
}

TEST(PlanMemory, ManyRegionsTakeNearLinearTime) {
  ir::Interner in;
  const NodeRef x = data(in, kFloat32, {64});
  ir::Graph g;
  NodeRef chain = x;
  for (int i = 0; i < 50000; ++i) {
    chain = node(in, i % 2 == 0 ? Op::exp : Op::neg, {chain});
    if (i % 2 == 0) g.outputs.push_back(node(in, Op::mul, {chain, x}));
  }
  g.outputs.push_back(chain);
  const ir::Partition p = one_each(g);
  const auto start = std::chrono::steady_clock::now();
  const MemoryPlan plan = plan_memory(g, p, {{x.get()}, {}});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_LE(plan.arena_bytes, 1024);
}

}  // namespace
}  // namespace lazuli::passes
