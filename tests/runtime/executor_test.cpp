// evaluate(): values, boundaries, caches.
#include "runtime/executor.h"

#include <thread>

#include "lazuli/base/error.h"
#include "tests/runtime/build.h"

namespace lazuli::runtime {
namespace {

using namespace testing;

/// relu(x * s + 1), its row sums, and a product: several kernels, scalars and outputs.
std::vector<NodeRef> sample(Runtime& r, int64_t rows, int64_t columns, float scale, uint32_t seed = 1) {
  const ir::Shape shape{rows, columns};
  const NodeRef x = r.numbers(shape, seed);
  const NodeRef y =
      r.make(Op::add, {r.make(Op::mul, {x, r.expand(r.argument(scale), shape)}), r.expand(r.constant(1), shape)});
  const NodeRef z = r.make(Op::relu, {y});
  const NodeRef sums = r.make(Op::sum, {z}, ir::AxesAttr{{1}});
  const auto dims = std::make_shared<ir::DotDims>(
      ir::DotDims{.lhs_batch = {}, .rhs_batch = {}, .lhs_contract = {1}, .rhs_contract = {1}});
  const NodeRef product = r.make(Op::dot_general, {z, x}, ir::DotAttr{dims});
  return {z, sums, product};
}

TEST(Executor, MatchesTheInterpreterInEveryMode) {
  for (const bool fuse : {true, false})
    for (const int bits : {0, 128, 256})
      for (const bool interpret : {true, false}) {
        Runtime r;
        const auto outputs = sample(r, 7, 19, 0.5f);
        EvalOptions options;
        options.fuse = fuse;
        options.vector_bits = bits;
        options.interpret = interpret;
        expect_interpreted(outputs, r.run(outputs, options));
      }
}

TEST(Executor, ThreadsDoNotChangeBits) {
  std::vector<float> first;
  for (const int threads : {1, 2, 3, 5}) {
    Settings settings;
    settings.num_threads = threads;
    Runtime r(settings);
    const NodeRef x = r.numbers({1 << 20});
    const NodeRef e = r.make(Op::exp, {x});
    const auto result = r.run({e, r.make(Op::sum, {e}, ir::AxesAttr{{0}})});
    auto all = values<float>(*result.buffers[0]);
    all.push_back(values<float>(*result.buffers[1])[0]);
    if (first.empty()) first = all;
    EXPECT_EQ(std::memcmp(first.data(), all.data(), all.size() * sizeof(float)), 0) << threads << " threads";
  }
}

/// Each result alone would stay in a cache; together they are more than the caches hold.
TEST(Executor, ManyResultsGoAroundTheCaches) {
  Runtime r;
  EvalOptions options;
  options.profile = true;
  const int64_t elements = r.context.target({}).l3_bytes / 4 / 8;
  for (const int count : {4, 9}) {
    std::vector<NodeRef> outputs;
    for (int k = 0; k < count; ++k) outputs.push_back(r.make(Op::neg, {r.numbers({elements + count}, k + 1)}));
    const auto result = r.run(outputs, options);
    for (const auto& k : result.report.kernels)
      EXPECT_EQ(k.schedule.find(" nt") != std::string::npos, count == 9) << k.schedule;
  }
}

/// Kernels are launched again only where that changes nothing.
TEST(Executor, RepeatedProfilesGiveTheSameValues) {
  EvalOptions options;
  options.profile = true;
  options.profile_repeats = 5;
  Runtime r;
  const auto outputs = sample(r, 7, 19, 0.5f);
  expect_interpreted(outputs, r.run(outputs, options));
  const NodeRef x = r.numbers({64, 8}), base = r.numbers({4, 8}, 3);
  const std::vector<float> old = values<float>(*buffer_of(x)), sums = values<float>(*buffer_of(base));
  const NodeRef next = r.make(Op::add, {x, x});
  r.run({next}, options, {}, {buffer_of(x)});
  for (size_t i = 0; i < old.size(); ++i) ASSERT_EQ(values<float>(*buffer_of(x))[i], 2 * old[i]);
  const NodeRef ones = r.data<float>({1, 8}, std::vector<float>(8, 1.0f));
  const NodeRef places = r.data<int64_t>({1}, {2});
  r.run({r.make(Op::scatter_add, {base, ones, places}, ir::AxesAttr{{0}})}, options, {}, {buffer_of(base)});
  for (size_t i = 0; i < sums.size(); ++i)
    ASSERT_EQ(values<float>(*buffer_of(base))[i], sums[i] + (i / 8 == 2 ? 1.0f : 0.0f));
}

/// Rows that are added to others belong to tasks by ranges of these; one thread takes all ranges as one.
TEST(Executor, ThreadsDoNotChangeScatters) {
  for (const int threads : {1, 2, 3}) {
    Settings settings;
    settings.num_threads = threads;
    settings.task_elements = 256;
    settings.always_parallel = true;
    Runtime r(settings);
    constexpr int64_t kRows = 600, kPlaces = 50, kColumns = 48;
    std::vector<int64_t> places(kRows);
    for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<int64_t>(i * i % kPlaces);
    const NodeRef base = r.numbers({kPlaces, kColumns}, 3);
    const std::vector<NodeRef> outputs{r.make(
        Op::scatter_add, {base, r.numbers({kRows, kColumns}), r.data<int64_t>({kRows}, places)}, ir::AxesAttr{{0}})};
    EvalOptions options;
    options.profile = true;
    const auto result = r.run(outputs, options);
    EXPECT_THAT(result.report.kernels.at(0).schedule, ::testing::HasSubstr("ranges="));
    expect_interpreted(outputs, result);
  }
}

TEST(Executor, OtherValuesAndScalarsRunTheSameProgram) {
  Runtime r;
  r.run(sample(r, 8, 16, 0.5f));
  const uint64_t compiled = r.compiled();
  EXPECT_GT(compiled, 0u);
  const auto outputs = sample(r, 8, 16, -3.f, 77);
  EvalOptions options;
  options.profile = true;
  const auto result = r.run(outputs, options);
  EXPECT_TRUE(result.report.program_hit);
  EXPECT_EQ(r.compiled(), compiled);
  EXPECT_EQ(r.context.programs().size(), 1u);
  expect_interpreted(outputs, result);
}

TEST(Executor, AnotherSizePlansAgainAndCompilesNothing) {
  Runtime r;
  const auto map = [&](int64_t n) {
    const NodeRef x = r.numbers({n, 64});
    return std::vector<NodeRef>{r.make(Op::exp, {r.make(Op::mul, {x, x})})};
  };
  r.run(map(100));
  const uint64_t compiled = r.compiled();
  for (const int64_t n : {37, 101, 999}) {
    const auto outputs = map(n);
    expect_interpreted(outputs, r.run(outputs));
  }
  EXPECT_EQ(r.compiled(), compiled);
  EXPECT_EQ(r.context.programs().size(), 4u);
}

TEST(Executor, InPlaceAllocatesNothing) {
  Runtime r;
  const NodeRef x = r.numbers({1000});
  const NodeRef y = r.make(Op::add, {x, r.expand(r.argument(2.f), {1000})});
  const auto want = ir::interpret({{y}})[0];
  const auto target = buffer_of(x);
  const void* address = target->data();
  const uint64_t blocks = r.context.allocator().stats().blocks;
  const auto result = r.run({y}, {}, {}, {target});
  EXPECT_EQ(result.buffers[0], target);
  EXPECT_EQ(target->data(), address);
  EXPECT_EQ(r.context.allocator().stats().blocks, blocks);
  EXPECT_EQ(std::memcmp(target->data(), want.bytes.data(), want.bytes.size()), 0);
}

TEST(Executor, ADonatedLeafBecomesTheResult) {
  Runtime r;
  const NodeRef x = r.numbers({1000});
  const NodeRef y = r.make(Op::relu, {x});
  const auto want = ir::interpret({{y}})[0];
  const uint64_t blocks = r.context.allocator().stats().blocks;
  const auto result = r.run({y}, {}, {x.get()});
  EXPECT_EQ(result.buffers[0], buffer_of(x));
  EXPECT_EQ(r.context.allocator().stats().blocks, blocks);
  EXPECT_EQ(std::memcmp(result.buffers[0]->data(), want.bytes.data(), want.bytes.size()), 0);
}

TEST(Executor, OldContentsAreReadBeforeTheyAreOverwritten) {
  Runtime r;
  const NodeRef x = r.numbers({64});
  const NodeRef flipped = r.make(Op::flip, {x}, ir::AxesAttr{{0}});
  const NodeRef next = r.make(Op::add, {x, flipped});
  const auto want = ir::interpret({{flipped, next}});
  const auto result = r.run({flipped, next}, {}, {}, {nullptr, buffer_of(x)});
  EXPECT_EQ(result.buffers[1], buffer_of(x));
  for (size_t i = 0; i < 2; ++i)
    EXPECT_EQ(std::memcmp(result.buffers[i]->data(), want[i].bytes.data(), want[i].bytes.size()), 0) << i;
}

TEST(Executor, TensorsCanBeExchanged) {
  Runtime r;
  const NodeRef x = r.numbers({50}, 1), y = r.numbers({50}, 2);
  const auto was_x = values<float>(*buffer_of(x)), was_y = values<float>(*buffer_of(y));
  const auto result = r.run({y, x, x}, {}, {}, {buffer_of(x), buffer_of(y), nullptr});
  EXPECT_EQ(values<float>(*buffer_of(x)), was_y);
  EXPECT_EQ(values<float>(*buffer_of(y)), was_x);
  EXPECT_EQ(values<float>(*result.buffers[2]), was_x);
}

TEST(Executor, TargetsThatTheGraphDoesNotRead) {
  Runtime r;
  const NodeRef x = r.numbers({33});
  const NodeRef y = r.make(Op::exp, {x});
  const auto out = r.context.allocator().allocate(33 * 4);
  const uint64_t blocks = r.context.allocator().stats().blocks;
  const auto result = r.run({y, r.constant(5)}, {}, {}, {out, nullptr});
  EXPECT_EQ(result.buffers[0], out);
  EXPECT_EQ(r.context.allocator().stats().blocks, blocks + 1);
  expect_interpreted({y, r.constant(5)}, result);
}

TEST(Executor, UnalignedAndOverlappingTargets) {
  Runtime r;
  alignas(128) static float memory[300];
  for (int i = 0; i < 300; ++i) memory[i] = static_cast<float>(i);
  const auto blob = [](float* at, int64_t n) {
    return std::make_shared<Buffer>(at, n * 4, nullptr, /*external=*/true);
  };
  // out[i] = in[i] + in[99 - i], where out lies one element behind in.
  const NodeRef in = r.leaf(kFloat32, {100}, blob(memory, 100));
  const NodeRef y = r.make(Op::add, {in, r.make(Op::flip, {in}, ir::AxesAttr{{0}})});
  const auto out = blob(memory + 1, 100);
  r.run({y}, {}, {}, {out});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(memory[1 + i], 99) << i;
  // Aligned, but overlapping the leaf.
  for (int i = 0; i < 300; ++i) memory[i] = static_cast<float>(i);
  const NodeRef in2 = r.leaf(kFloat32, {100}, blob(memory, 100));
  const NodeRef y2 = r.make(Op::add, {in2, r.make(Op::flip, {in2}, ir::AxesAttr{{0}})});
  r.run({y2}, {}, {}, {blob(memory + 32, 100)});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(memory[32 + i], 99) << i;
}

TEST(Executor, TwoLeavesOfOneBuffer) {
  Runtime r;
  const NodeRef x = r.numbers({40});
  const NodeRef again = r.leaf(kFloat32, {40}, buffer_of(x));
  const NodeRef y = r.make(Op::add, {x, r.make(Op::flip, {again}, ir::AxesAttr{{0}})});
  const auto want = ir::interpret({{y}})[0];
  r.run({y}, {}, {x.get(), again.get()}, {buffer_of(x)});
  EXPECT_EQ(std::memcmp(buffer_of(x)->data(), want.bytes.data(), want.bytes.size()), 0);
}

TEST(Executor, OutputsThatAreLeavesOrRepeated) {
  Runtime r;
  const NodeRef x = r.numbers({12}), d = r.numbers({5}), y = r.make(Op::exp, {x});
  const NodeRef i = r.make(Op::iota, {}, ir::AxesAttr{{0}}, {6}, kInt64);
  const std::vector<NodeRef> outputs{x, x, d, y, y, r.constant(2.5f), r.argument(-1.f), i};
  const auto result = r.run(outputs, {}, {d.get()});
  expect_interpreted(outputs, result);
  std::set<const void*> addresses;
  for (const auto& b : result.buffers) addresses.insert(b->data());
  EXPECT_EQ(addresses.size(), outputs.size()) << "every result has memory of its own";
  EXPECT_NE(result.buffers[0], buffer_of(x));
  EXPECT_EQ(result.buffers[2], buffer_of(d));
}

TEST(Executor, EmptyTensorsLaunchNothing) {
  Runtime r;
  const NodeRef x = r.data<float>({0, 3}, {});
  EvalOptions options;
  options.profile = true;
  const std::vector<NodeRef> empty{r.make(Op::exp, {x}), x};
  const auto result = r.run(empty, options);
  EXPECT_TRUE(result.report.kernels.empty());
  EXPECT_EQ(result.buffers[0]->bytes(), 0);
  const std::vector<NodeRef> sums{r.make(Op::sum, {x}, ir::AxesAttr{{0}})};
  expect_interpreted(sums, r.run(sums));
}

TEST(Executor, AFailedCheckLeavesEverythingAsItWas) {
  Runtime r;
  const NodeRef x = r.data<int32_t>({4}, {7, 8, 9, 10}), y = r.data<int32_t>({4}, {1, 2, 0, 0});
  const NodeRef a = r.make(Op::add, {x, x});
  const NodeRef q = r.make(Op::remainder, {x, y});
  for (const auto& target : {buffer_of(x), buffer_of(y)}) {
    try {
      r.run({a, q}, {}, {y.get()}, {nullptr, target});
      FAIL() << "no error";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Value);
      EXPECT_THAT(e.message(), ::testing::HasSubstr("remainder"));
      EXPECT_THAT(e.message(), ::testing::HasSubstr("2"));
    }
    EXPECT_EQ(values<int32_t>(*buffer_of(x)), (std::vector<int32_t>{7, 8, 9, 10}));
    EXPECT_EQ(values<int32_t>(*buffer_of(y)), (std::vector<int32_t>{1, 2, 0, 0}));
  }
  const NodeRef fine = r.data<int32_t>({4}, {1, 2, 3, 4});
  const auto result = r.run({r.make(Op::remainder, {x, fine})}, {}, {}, {buffer_of(x)});
  EXPECT_EQ(values<int32_t>(*result.buffers[0]), (std::vector<int32_t>{0, 0, 0, 2}));
}

TEST(Executor, TheMemoryLimitRefusesBeforeAnythingRuns) {
  Runtime r;
  const NodeRef x = r.numbers({1000});
  const auto before = values<float>(*buffer_of(x));
  r.context.allocator().set_memory_limit(8000);
  const NodeRef big = r.make(Op::exp, {r.expand(x, {100, 1000})});
  try {
    r.run({r.make(Op::neg, {x}), big}, {}, {}, {buffer_of(x), nullptr});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Memory);
    EXPECT_THAT(e.message(), ::testing::HasSubstr("404096 bytes"));
    EXPECT_THAT(e.message(), ::testing::HasSubstr("limit 8000 bytes"));
  }
  // Two results of which each would do, and not both.
  const auto blocks = r.context.allocator().stats().blocks;
  try {
    r.run({r.make(Op::neg, {x}), r.make(Op::exp, {x})}, {}, {}, {});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Memory);
    EXPECT_THAT(e.message(), ::testing::HasSubstr("8000 bytes for results and intermediates"));
  }
  EXPECT_EQ(r.context.allocator().stats().blocks, blocks) << "nothing is allocated before";
  EXPECT_EQ(values<float>(*buffer_of(x)), before);
  EXPECT_NO_THROW(r.run({r.make(Op::neg, {x})}, {}, {}, {buffer_of(x)}));
}

TEST(Executor, ProgramsKeepNoUserMemory) {
  Runtime r;
  std::weak_ptr<Buffer> gone;
  const size_t nodes = r.context.interner().live_nodes();
  {
    const NodeRef x = r.numbers({10});
    gone = buffer_of(x);
    r.run({r.make(Op::exp, {x})});
  }
  EXPECT_TRUE(gone.expired());
  EXPECT_EQ(r.context.interner().live_nodes(), nodes);
  EXPECT_EQ(r.context.programs().size(), 1u);
}

TEST(Executor, ALeafWithoutDataIsAnError) {
  Runtime r;
  const NodeRef x = r.leaf(kFloat32, {3}, nullptr);
  try {
    r.run({r.make(Op::exp, {x})});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Value);
    EXPECT_THAT(e.message(), ::testing::HasSubstr("has no data"));
  }
}

TEST(Executor, ManyThreadsAtOnce) {
  Runtime r;
  std::vector<std::vector<NodeRef>> graphs;
  std::vector<EvalResult> results(8);
  for (int t = 0; t < 8; ++t)
    graphs.push_back(sample(r, 5 + t % 4, 40, static_cast<float>(t), static_cast<uint32_t>(t)));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) results[t] = r.run(graphs[t]);
    });
  for (auto& t : threads) t.join();
  for (size_t t = 0; t < 8; ++t) expect_interpreted(graphs[t], results[t]);
}

TEST(Executor, ATinyStackIsEnough) {
  Runtime r;
  NodeRef x = r.numbers({100});
  for (int i = 0; i < 3000; ++i)
    x = r.make(i % 2 ? Op::neg : Op::relu, {r.make(Op::add, {x, r.expand(r.argument(0.5f), {100})})});
  struct Job {
    Runtime& r;
    NodeRef x;
    EvalResult result;
  } job{r, x, {}};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* p) -> void* {
                  Job& j = *static_cast<Job*>(p);
                  j.result = j.r.run({j.x});
                  return nullptr;
                },
                &job),
            0);
  pthread_join(thread, nullptr);
  expect_interpreted({x}, job.result);
}

/// A barrier is another one every time that a value is computed again; the program is not.
TEST(Executor, BarriersOfOtherIdsAreTheSameProgram) {
  Runtime r;
  const NodeRef x = r.numbers({100});
  const auto again = [&] {
    const auto barrier = [&] { return r.make(Op::barrier, {x}, ir::LeafAttr{r.context.interner().next_leaf_id()}); };
    return r.make(Op::add, {r.make(Op::exp, {barrier()}), r.make(Op::exp, {barrier()})});
  };
  EvalOptions options;
  options.profile = true;
  const NodeRef first = again(), second = again();
  EXPECT_NE(first, second);
  EXPECT_FALSE(r.run({first}, options).report.program_hit);
  const EvalResult result = r.run({second}, options);
  EXPECT_TRUE(result.report.program_hit);
  expect_interpreted({second}, result);
  // One barrier read twice is not two.
  const NodeRef one = r.make(Op::exp, {r.make(Op::barrier, {x}, ir::LeafAttr{r.context.interner().next_leaf_id()})});
  EXPECT_FALSE(r.run({r.make(Op::add, {one, one})}, options).report.program_hit);
}

}  // namespace
}  // namespace lazuli::runtime
