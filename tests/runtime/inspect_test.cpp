// What can be seen of an evaluation: reports, dumps, explanations, the debug modes and their options.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lazuli/base/error.h"
#include "runtime/registry.h"
#include "runtime/verify_run.h"
#include "tests/runtime/build.h"

namespace lazuli::runtime {
namespace {

using namespace testing;
using ::testing::HasSubstr;

TEST(Report, OneEntryPerLaunch) {
  Settings settings;
  settings.num_threads = 1;
  Runtime r(settings);
  const NodeRef x = r.numbers({512, 1024});
  const NodeRef y = r.make(Op::relu, {r.make(Op::mul, {x, x})});
  EvalOptions options;
  options.profile = true;
  const auto first = r.run({y}, options).report;
  ASSERT_EQ(first.kernels.size(), 1u);
  const KernelReport& k = first.kernels[0];
  EXPECT_FALSE(first.program_hit);
  EXPECT_FALSE(k.cache_hit);
  EXPECT_EQ(k.miss_reason, "new structure");
  EXPECT_GT(k.compile_ms, 0);
  EXPECT_EQ(k.kind, "map");
  EXPECT_EQ(k.klass, "exact");
  EXPECT_EQ(k.fused_ops, 2);
  EXPECT_EQ(k.bytes, 2 * 512 * 1024 * 4);
  EXPECT_GT(k.milliseconds, 0);
  // The limits may have come out low, if others used the machine then: what must hold is what the fraction is of.
  EXPECT_GT(k.peak_fraction, 0);
  EXPECT_DOUBLE_EQ(k.peak_fraction,
                   r.context.limits(1).fraction(k.bytes / 2, k.bytes / 2, k.flops, k.milliseconds * 1e6));
  EXPECT_GT(first.plan_ms, 0);
  EXPECT_GE(first.total_ms, k.milliseconds);
  EXPECT_GE(first.peak_bytes, 2 * 512 * 1024 * 4);
  const auto second = r.run({y}, options).report;
  EXPECT_TRUE(second.program_hit);
  EXPECT_TRUE(second.kernels[0].cache_hit);
  EXPECT_EQ(second.plan_ms, 0);
}

TEST(MachineLimits, AreMeasuredAndConsistent) {
  Runtime r;
  const MachineLimits m = r.context.limits(1);
  ASSERT_EQ(m.levels.size(), 3u);
  EXPECT_GT(m.fma_float32, 1);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_GT(m.levels[i].read, 0.1);
    EXPECT_GT(m.levels[i].copy, 0.1);
    if (i > 0) {
      EXPECT_LE(m.levels[i].read, m.levels[i - 1].read);
    }
  }
  const int64_t big = m.levels[2].working_set * 4;
  EXPECT_NEAR(m.fraction(big, 0, 0, static_cast<double>(big) / m.levels[2].read), 1, 1e-9);
  EXPECT_NEAR(m.fraction(big, big, 0, 2 * static_cast<double>(big) / m.levels[2].copy), 1, 1e-9);
  EXPECT_NEAR(m.fraction(0, 0, m.fma_float32 * 1000, 1000), 1, 1e-9);
}

TEST(Dump, EveryStage) {
  Runtime r;
  const NodeRef x = r.leaf(kFloat32, {64, 8}, nullptr);  // needs no data
  const NodeRef y = r.make(Op::relu, {r.make(Op::mul, {x, x})});
  const ir::Graph g{{y, r.make(Op::sum, {y}, ir::AxesAttr{{1}})}};
  const std::pair<const char*, const char*> stages[] = {
      {"graph", "inspect_test.cpp"}, {"dot", "digraph"},  {"passes", "after simplify_movement"},
      {"regions", "relu"},           {"memory", "arena"}, {"schedule", "tasks"},
      {"kernels", "kernel"},         {"llvm", "define"},  {"asm", "ret"}};
  for (const auto& [stage, text] : stages) EXPECT_THAT(dump(r.context, g, stage, {}), HasSubstr(text)) << stage;
  EXPECT_THAT(dump(r.context, g, "cuda", {}),
              HasSubstr("__global__ void __launch_bounds__(256, 2) lz_0_row_sum_relu_mul("));
  EXPECT_THAT(dump(r.context, {{y}}, "cuda", {}), HasSubstr("threadIdx.x"));
  try {
    dump(r.context, g, "nonsense", {});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Value);
    EXPECT_THAT(e.message(), HasSubstr("nonsense"));
  }
}

TEST(Explain, NamesOpsLinesAndReasons) {
  Runtime r;
  const NodeRef x = r.leaf(kFloat32, {64, 8}, nullptr);
  const NodeRef y = r.make(Op::exp, {x});
  const NodeRef a = r.make(Op::sum, {y}, ir::AxesAttr{{1}}), b = r.make(Op::sum, {a}, ir::AxesAttr{{0}});
  const std::string fused = explain(r.context, {{b}}, {});
  EXPECT_THAT(fused, HasSubstr("exp inspect_test.cpp:"));
  EXPECT_THAT(fused, HasSubstr("float32[64]"));
  EvalOptions options;
  options.fuse = false;
  const std::string apart = explain(r.context, {{b}}, options);
  EXPECT_THAT(apart, HasSubstr("3 kernels"));
  EXPECT_THAT(apart, HasSubstr("fusion is switched off"));
  EXPECT_THAT(apart, HasSubstr("4096 B moved"));
}

/// What explain says that a refused fusion would change is what the partition with that fusion costs.
TEST(Explain, SaysWhatARefusedFusionWouldCost) {
  Runtime r;
  const NodeRef x = r.leaf(kFloat32, {1024, 1024}, nullptr);
  const NodeRef z = r.make(Op::erf, {r.make(Op::tanh, {r.make(Op::lgamma, {x})})});
  const ir::Graph g{{r.make(Op::sum, {z}, ir::AxesAttr{{0}}), r.make(Op::sum, {z}, ir::AxesAttr{{1}})}};
  const std::string text = explain(r.context, g, {});
  EXPECT_THAT(text, HasSubstr("moves "));
  EXPECT_THAT(text, HasSubstr("more primitives"));
  EXPECT_THAT(text, HasSubstr("slower"));
  EXPECT_THAT(text, HasSubstr("(4096 KB moved)")) << "each reader's load; the other one keeps the store";
}

TEST(CheckNan, NamesTheOpAndLeavesTargetsAlone) {
  Runtime r;
  const NodeRef x = r.data<float>({4}, {1, 2, -3, 4});
  const NodeRef y = r.make(Op::log, {x});
  const NodeRef z = r.make(Op::add, {y, y});
  EvalOptions options;
  options.check_nan = true;
  try {
    r.run({z}, options, {}, {buffer_of(x)});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Value);
    EXPECT_THAT(e.message(), HasSubstr("log made a NaN at linear index 2"));
    EXPECT_GT(e.where().line(), 0u);
  }
  EXPECT_EQ(values<float>(*buffer_of(x)), (std::vector<float>{1, 2, -3, 4}));
  const NodeRef nan = r.data<float>({2}, {NAN, 1});
  EXPECT_NO_THROW(r.run({r.make(Op::exp, {nan})}, options)) << "the NaN came from outside";
}

TEST(Verify, RunsEveryKernelAgainstTheInterpreter) {
  Runtime r;
  const NodeRef x = r.numbers({33, 65});
  const NodeRef y = r.make(Op::exp, {r.make(Op::mul, {x, x})});
  const std::vector<NodeRef> outputs{r.make(Op::sum, {y}, ir::AxesAttr{{0}}), y};
  EvalOptions options;
  options.verify_passes = true;
  expect_interpreted(outputs, r.run(outputs, options));
}

TEST(Verify, ARegionBecomesAGraphOfItsOwn) {
  Runtime r;
  const NodeRef x = r.numbers({3}), y = r.make(Op::exp, {x}), z = r.make(Op::neg, {y});
  ir::Region region;
  region.space = {3};
  region.nodes = {z.get()};
  region.inputs = {y.get()};
  region.outputs = {z.get()};
  const ir::Graph g = region_graph(region, r.context.interner());
  ASSERT_EQ(g.outputs.size(), 1u);
  EXPECT_EQ(g.outputs[0]->op(), Op::neg);
  EXPECT_EQ(g.outputs[0]->input(0)->op(), Op::data);
}

TEST(Registry, ReadsEveryOptionAndWarnsByName) {
  std::map<std::string, std::string, std::less<>> set{
      {"LAZULI_NUM_THREADS", "3"},        {"LAZULI_EAGER", "yes"},         {"LAZULI_FUSE", "off"},
      {"LAZULI_VECTOR_BITS", "300"},      {"LAZULI_VERIFY", "maybe"},      {"LAZULI_CHECK_NAN", "1"},
      {"LAZULI_DUMP", "llvm,asm:/tmp/x"}, {"LAZULI_MEMORY_LIMIT_MB", "5"}, {"LAZULI_CACHE_MB", "-1"}};
  std::vector<std::string> warnings;
  const Settings s = read_settings(
      [&](std::string_view name) {
        const auto it = set.find(name);
        return it == set.end() ? std::string() : it->second;
      },
      &warnings);
  EXPECT_EQ(s.num_threads, 3);
  EXPECT_TRUE(s.eager);
  EXPECT_TRUE(s.eval.interpret);
  EXPECT_FALSE(s.eval.fuse);
  EXPECT_EQ(s.eval.vector_bits, 0);
  EXPECT_FALSE(s.eval.verify_passes);
  EXPECT_TRUE(s.eval.check_nan);
  EXPECT_EQ(s.memory_limit, 5 << 20);
  ASSERT_EQ(s.dumps.size(), 2u);
  EXPECT_EQ(s.dumps[1].stage, "asm");
  EXPECT_EQ(s.dumps[1].directory, "/tmp/x");
  EXPECT_THAT(warnings, ::testing::UnorderedElementsAre(HasSubstr("LAZULI_VECTOR_BITS=\"300\""),
                                                        HasSubstr("LAZULI_VERIFY=\"maybe\""),
                                                        HasSubstr("LAZULI_CACHE_MB=\"-1\"")));
}

TEST(Registry, ThePageIsUpToDate) {
  std::ifstream file(LAZULI_SOURCE_DIR "/docs/options.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), options_page()) << "docs/options.md must hold what options_page() prints:\n" << options_page();
}

TEST(Dump, NewProgramsAreWrittenToFiles) {
  const std::string directory = ::testing::TempDir() + "lazuli-dump-test";
  std::filesystem::remove_all(directory);
  Settings settings;
  settings.dumps = {{"graph", directory}, {"explain", directory}};
  Runtime r(settings);
  const NodeRef x = r.numbers({10});
  const NodeRef y = r.make(Op::exp, {x});
  r.run({y});
  r.run({y});
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++files;
  EXPECT_EQ(files, 2) << "one per stage; the second evaluation runs the same program";
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace lazuli::runtime
