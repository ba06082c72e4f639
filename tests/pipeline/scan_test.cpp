// Scans in kernels against the reference interpreter, bit for bit: along inner and outer axes, in one phase and in
// three, at all widths and for several workers.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

/// Returns the schedules' names.
std::string expect_equal(const std::string& body, int64_t task_elements = 0) {
  const std::string text = "graph {\n" + body + "}\n";
  Interner interner;
  const Graph g = parse(text, interner);
  const LeafSource leaves = random_leaves(5);
  const std::vector<HostArray> want = interpret(g, leaves);
  std::vector<RunOptions> runs{{.machine = false, .task_elements = task_elements}};
  for (const int bits : {128, 256, 512})
    runs.push_back({.vector_bits = bits, .workers = 3, .task_elements = task_elements});
  std::string schedules;
  for (const RunOptions& run : runs) {
    const RunResult got = run_graph(g, leaves, run);
    schedules = fmt::format("{}", fmt::join(got.schedules, "; "));
    for (size_t o = 0; o < want.size(); ++o) {
      int64_t at = -1;
      EXPECT_TRUE(bitwise_equal(want[o], got.outputs[o], &at))
          << "output " << o << " differs at " << at << " machine=" << run.machine << " bits=" << run.vector_bits
          << " schedules: " << schedules << "\n"
          << text;
    }
  }
  return schedules;
}

std::string one(const char* op, const char* type, const std::string& shape, int axis) {
  return fmt::format("%0 = data : {1}{2}\n%1 = {0} %0 {{axis = {3}}} : {1}{2}\nreturn %1\n", op, type, shape, axis);
}

TEST(LowerScan, AlongTheInnermostAxis) {
  expect_equal(one("cumsum", "float32", "[3, 0]", 1));
  for (const int n : {1, 2, 15, 16, 17, 33, 2047, 2048, 2049, 5000})
    EXPECT_THAT(expect_equal(one("cumsum", "float32", fmt::format("[3, {}]", n), 1)),
                ::testing::HasSubstr("scan_rows"));
}

TEST(LowerScan, AlongAnOuterAxis) {
  for (const int n : {2, 15, 16, 17, 33, 2050})
    for (const int columns : {20, 64, 131})
      EXPECT_THAT(expect_equal(one("cumsum", "float32", fmt::format("[{}, {}]", n, columns), 0)),
                  ::testing::HasSubstr("scan_columns"));
  expect_equal(one("cumprod", "int32", "[3, 40, 70]", 1));
  expect_equal(one("cumsum", "float32", "[1, 30]", 0));
}

TEST(LowerScan, FewLongRows) {
  for (const int n : {1024, 2048, 2049, 262144 + 5000})
    EXPECT_THAT(expect_equal(one("cumsum", "float32", fmt::format("[2, {}]", n), 1), 64),
                ::testing::HasSubstr("scan_split"));
}

TEST(LowerScan, EveryKindAndType) {
  for (const char* op : {"cumsum", "cumprod", "cummax", "cummin"})
    for (const char* t : {"float16", "bfloat16", "float64", "uint8", "int8", "int16", "int64"})
      for (const int axis : {0, 1}) expect_equal(one(op, t, "[19, 70]", axis));
  for (const char* t : {"float32", "float16", "float64"})
    for (const int axis : {0, 1}) expect_equal(one("logcumsumexp", t, "[19, 40]", axis));
}

TEST(LowerScan, WithWorkBeforeAndReadersBehind) {
  expect_equal(
      "%0 = data : float32[30, 40]\n%1 = data : float32[40]\n%2 = expand %1 : float32[30, 40]\n"
      "%3 = mul %0, %2 : float32[30, 40]\n%4 = flip %3 {axes = [1]} : float32[30, 40]\n"
      "%5 = cumsum %4 {axis = 1} : float32[30, 40]\n%6 = flip %5 {axes = [1]} : float32[30, 40]\n"
      "%7 = add %6, %3 : float32[30, 40]\n%8 = cumsum %7 {axis = 0} : float32[30, 40]\n"
      "%9 = sum %8 {axes = [1]} : float32[30]\nreturn %7, %9\n");
}

}  // namespace
}  // namespace lazuli::testing
