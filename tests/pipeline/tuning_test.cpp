// Schedules that a tuner may take instead of the cost model's: every one that a region allows has the bits of the
// reference interpreter, and what a region does not allow is refused with a reason.
#include "codegen/tuning.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <set>

#include "passes/partition_choice.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;
using codegen::Schedule;
using codegen::Tuning;

std::string product(int64_t batch, int64_t m, int64_t k, int64_t n, const std::string& type = "float32",
                    bool lhs_transposed = false, bool rhs_transposed = false, const std::string& epilogue = {}) {
  const auto shape = [&](std::vector<int64_t> s) {
    if (batch) s.insert(s.begin(), batch);
    return fmt::format("{}{}", type, s);
  };
  const int first = batch ? 1 : 0;
  return fmt::format(
      "graph {{\n%0 = data : {}\n%1 = data : {}\n%2 = dot_general %0, %1 {{lhs_batch = {}, rhs_batch = {}, "
      "lhs_contract = [{}], rhs_contract = [{}]}} : {}\n{}}}\n",
      shape(lhs_transposed ? std::vector{k, m} : std::vector{m, k}),
      shape(rhs_transposed ? std::vector{n, k} : std::vector{k, n}), batch ? "[0]" : "[]", batch ? "[0]" : "[]",
      first + !lhs_transposed, first + rhs_transposed, shape({m, n}),
      epilogue.empty() ? "return %2\n" : fmt::format(fmt::runtime(epilogue), fmt::arg("out", shape({m, n}))));
}

/// Products of every kind of schedule that the cost model has.
std::vector<std::pair<const char*, std::string>> regions() {
  const std::string relu = "%3 = relu %2 : {out}\nreturn %3\n";
  const std::string residual = "%3 = data : {out}\n%4 = gelu %2 : {out}\n%5 = add %4, %3 : {out}\nreturn %5, %2\n";
  return {
      {"direct", product(0, 61, 70, 90)},
      {"direct, a batch", product(9, 17, 16, 33, "float32", true, false, relu)},
      {"packed", product(0, 75, 640, 147)},
      {"packed, turned", product(0, 60, 1100, 70, "float64", true, true)},
      {"packed, an epilogue of two results", product(0, 47, 130, 165, "float32", false, true, residual)},
      {"skinny", product(0, 7, 600, 190)},
      {"skinny, other way", product(0, 190, 300, 5)},
      {"halves", product(0, 33, 540, 49, "bfloat16")},
      {"deep", product(0, 5, 2 * 32768 + 700, 18)},
      {"batches, packed", product(3, 40, 520, 37, "float32", false, true)},
      {"bytes",
       "graph {\n%0 = data : int8[40, 211]\n%1 = data : int8[211, 70]\n%2 = cast %0 : int32[40, 211]\n"
       "%3 = cast %1 : int32[211, 70]\n%4 = dot_general %2, %3 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], "
       "rhs_contract = [0]} : int32[40, 70]\nreturn %4\n}\n"},
      {"windows",
       "graph {\n%0 = data : float32[2, 5, 13, 12]\n%1 = data : float32[7, 5, 3, 3]\n"
       "%2 = convolution %0, %1 {step = [1, 1], dilation = [1, 1], low = [1, 1], high = [1, 1], spread = "
       "[1, 1], groups = 1} : float32[2, 7, 13, 12]\nreturn %2\n}\n"},
      {"rows", "graph {\n%0 = data : float32[37, 130]\n%1 = sum %0 {axes = [1]} : float32[37]\nreturn %1\n}\n"},
      {"a map",
       "graph {\n%0 = data : float32[37, 130]\n%1 = data : float32[130]\n%2 = expand %1 : float32[37, 130]\n"
       "%3 = mul %0, %2 : float32[37, 130]\nreturn %3\n}\n"},
  };
}

class Tuned : public ::testing::TestWithParam<size_t> {};

TEST_P(Tuned, EverySchedulesBitsAreTheInterpreters) {
  const auto [what, text] = regions()[GetParam()];
  Interner interner;
  Graph g = parse(text, interner);
  const LeafSource leaves = random_leaves(3);
  const std::vector<HostArray> want = interpret(g, leaves);
  std::set<std::string> ran;
  // From the cost model's choice a walk to a neighbour per stage, a different one each time.
  for (uint32_t walk = 0; walk < 14; ++walk) {
    RunOptions run{true, true, true, walk % 3 == 2 ? 256 : 512, static_cast<int>(1 + walk % 3)};
    if (walk % 4 == 3) run.task_elements = 256;
    run.schedule = [&](const Region& region, const codegen::LoweringOptions& options) {
      const Tuning tuning(region, options);
      Schedule s = tuning.chosen();
      uint32_t chance = walk * 7919 + 17;
      for (int stage = 0; stage < tuning.stages(); ++stage) {
        const std::vector<Schedule> list = tuning.candidates(stage, s);
        chance = chance * 1664525 + 1013904223;
        if (!list.empty() && (chance >> 16) % 4 != 0) s = list[(chance >> 20) % list.size()];
        std::string why;
        const auto again = tuning.with(codegen::knobs(s), &why);
        EXPECT_TRUE(again && *again == s) << what << ": " << s.str() << ": " << why;
      }
      return s;
    };
    const RunResult got = run_graph(g, leaves, run);
    ran.insert(got.schedules.begin(), got.schedules.end());
    for (size_t o = 0; o < want.size(); ++o) {
      int64_t at = -1;
      ASSERT_TRUE(bitwise_equal(want[o], got.outputs[o], &at))
          << what << ": output " << o << " differs at " << at << ": " << got.schedules.back();
    }
  }
  EXPECT_GE(ran.size(), 6u) << what;
}
INSTANTIATE_TEST_SUITE_P(Regions, Tuned, ::testing::Range(size_t{0}, regions().size()));

/// Calls fn with the tuning of the only region.
template <class Fn>
void with_tuning(const std::string& text, Fn fn) {
  Interner interner;
  RunOptions run{true, true, true, 512, 1};
  run.schedule = [&](const Region& region, const codegen::LoweringOptions& options) {
    const Tuning tuning(region, options);
    fn(tuning);
    return tuning.chosen();
  };
  run_graph(parse(text, interner), random_leaves(1), run);
}

TEST(Tuning, RefusesWhatIsNoScheduleOfTheRegion) {
  with_tuning(product(0, 75, 640, 147), [](const Tuning& tuning) {
    const std::string good = codegen::knobs(tuning.chosen());
    ASSERT_TRUE(tuning.with(good, nullptr));
    const auto replaced = [&](const std::string& knob, const std::string& value) {
      std::string text = good;
      const size_t at = text.find(knob + "=") + knob.size() + 1;
      return text.replace(at, text.find(' ', at) - at, value);
    };
    const std::pair<std::string, const char*> bad[] = {
        {"", "tile_rows is missing"},
        {"nonsense", "tile_rows is missing"},
        {good + " more=1", "there is more text than knobs"},
        {good.substr(0, good.size() / 2), "is"},
        {replaced("tile_rows", "0"), "0 is no value of tile_rows"},
        {replaced("tile_rows", "12x"), "12x is no value of tile_rows"},
        {replaced("tile_rows", "99999999999999999999"), "is no value of tile_rows"},
        {replaced("tile_rows", "31"), "the region cannot be computed that way"},       // more than there are registers
        {replaced("row_tiles", "1000000"), "the region cannot be computed that way"},  // more than there are tiles
        {replaced("depth_block", "700"), "the region cannot be computed that way"},    // sums would be other ones
        {replaced("split_depth", "1"), "the region cannot be computed that way"},      // there is one span
        {replaced("pack_rows", "3"), "3 is no value of pack_rows"},
        {replaced("pack_rows", "2"), "the region cannot be computed that way"},  // the model packs them by tasks
    };
    for (const auto& [text, reason] : bad) {
      std::string why;
      EXPECT_FALSE(tuning.with(text, &why)) << text;
      EXPECT_NE(why.find(reason), why.npos) << text << ": " << why;
    }
  });
}

TEST(Tuning, RefusesLoopsThatWouldRunBeyondTheirRows) {
  with_tuning(regions().back().second, [](const Tuning& tuning) {
    EXPECT_TRUE(tuning.with("rows_per_task=3 unroll=4", nullptr));
    EXPECT_FALSE(tuning.with("rows_per_task=3 unroll=3", nullptr));
    EXPECT_FALSE(tuning.with("rows_per_task=1099511627776 unroll=2", nullptr));
  });
}

TEST(Tuning, RegionsWithoutKnobsHaveNoStages) {
  with_tuning("graph {\n%0 = data : float32[64, 70]\n%1 = argsort %0 : int64[64, 70]\nreturn %1\n}\n",
              [](const Tuning& tuning) {
                EXPECT_EQ(tuning.stages(), 0);
                EXPECT_EQ(codegen::knobs(tuning.chosen()), "");
              });
}

}  // namespace
}  // namespace lazuli::testing
