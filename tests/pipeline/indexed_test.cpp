// gather and scatter_add in kernels against the reference interpreter, bit for bit: at all widths, fused and not, for
// several workers; checks fail exactly where an index is outside, and nothing outside is read.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

/// int64 leaves hold numbers from 0 to limit - 1, the others what random_leaves gives.
LeafSource leaves_with_indices(int64_t limit) {
  const LeafSource other = random_leaves(11);
  return [=](const Node* n) {
    HostArray a = other(n);
    if (n->dtype() == kInt64)
      for (int64_t i = 0; i < n->numel(); ++i) a.as<int64_t>()[i] = (i * 7919 + i / 3 + 5) % limit;
    return a;
  };
}

std::vector<RunOptions> all_runs(int64_t task_elements = 0) {
  std::vector<RunOptions> runs{{.machine = false}};
  for (const int bits : {128, 256, 512})
    for (const bool fuse : {true, false})
      runs.push_back({.fuse = fuse, .vector_bits = bits, .workers = 3, .task_elements = task_elements});
  return runs;
}

void expect_equal(const std::string& body, int64_t limit, int64_t task_elements = 0) {
  const std::string text = "graph {\n" + body + "}\n";
  Interner interner;
  const Graph g = parse(text, interner);
  const LeafSource leaves = leaves_with_indices(limit);
  const std::vector<HostArray> want = interpret(g, leaves);
  for (const RunOptions& run : all_runs(task_elements)) {
    const RunResult got = run_graph(g, leaves, run);
    EXPECT_FALSE(got.failed) << text;
    for (size_t o = 0; o < want.size(); ++o) {
      int64_t at = -1;
      ASSERT_TRUE(bitwise_equal(want[o], got.outputs[o], &at))
          << "output " << o << " differs at " << at << " machine=" << run.machine << " bits=" << run.vector_bits
          << " fuse=" << run.fuse << " schedules: " << fmt::format("{}", fmt::join(got.schedules, "; ")) << "\n"
          << text;
    }
  }
}

void expect_failure(const std::string& body, int64_t limit, bool fails = true) {
  Interner interner;
  const Graph g = parse("graph {\n" + body + "}\n", interner);
  const LeafSource leaves = leaves_with_indices(limit);
  for (const RunOptions& run : all_runs()) EXPECT_EQ(run_graph(g, leaves, run).failed, fails) << body;
  if (fails) {
    EXPECT_THROW(interpret(g, leaves), Error);
  }
}

TEST(LowerGather, Rows) {
  for (const auto& [n, d] : {std::pair{1, 1}, {3, 5}, {40, 64}, {7, 33}, {300, 3}, {5, 4096}})
    for (const char* t : {"float32", "float16", "bool", "int64", "float64"})
      expect_equal(fmt::format("%0 = data : {2}[19, {1}]\n%1 = data : int64[{0}]\n"
                               "%2 = gather %0, %1 {{axes = [0]}} : {2}[{0}, {1}]\nreturn %2\n",
                               n, d, t),
                   19);
}

TEST(LowerGather, ColumnsElementsAndManyAxes) {
  expect_equal(
      "%0 = data : float32[9, 31]\n%1 = data : int64[2, 50]\n"
      "%2 = gather %0, %1 {axes = [1]} : float32[2, 50, 9]\nreturn %2\n",
      31);
  expect_equal(
      "%0 = data : float32[31, 31]\n%1 = data : int64[70]\n%2 = data : int64[70]\n"
      "%3 = gather %0, %1, %2 {axes = [0, 1]} : float32[70]\nreturn %3\n",
      31);
  expect_equal(
      "%0 = data : float32[6, 5, 7]\n%1 = data : int64[4]\n%2 = data : int64[4]\n"
      "%3 = gather %0, %1, %2 {axes = [0, 2]} : float32[4, 5]\nreturn %3\n",
      6);
  expect_equal(
      "%0 = data : float32[6, 5]\n%1 = data : int64[]\n"
      "%2 = gather %0, %1 {axes = [0]} : float32[5]\nreturn %2\n",
      6);
}

TEST(LowerGather, FusesWithWhatMakesTheIndicesAndWhatReadsTheElements) {
  // Negative indices wrap, elements are scaled and summed: one kernel.
  const std::string body =
      "%0 = data : float32[19, 40]\n%1 = data : int64[13]\n%2 = constant 12 : int64[]\n%3 = expand %2 : int64[13]\n"
      "%4 = sub %1, %3 : int64[13]\n%5 = constant 0 : int64[]\n%6 = expand %5 : int64[13]\n%7 = lt %4, %6 : bool[13]\n"
      "%8 = constant 19 : int64[]\n%9 = expand %8 : int64[13]\n%10 = add %4, %9 : int64[13]\n"
      "%11 = where %7, %10, %4 : int64[13]\n%12 = gather %0, %11 {axes = [0]} : float32[13, 40]\n"
      "%13 = exp %12 : float32[13, 40]\n%14 = sum %13 {axes = [1]} : float32[13]\nreturn %14\n";
  expect_equal(body, 19);
  Interner interner;
  EXPECT_EQ(count_kernels(parse("graph {\n" + body + "}\n", interner)), 1u);
}

TEST(LowerGather, AlongOneAxisByPositionsOfTheOthers) {
  const std::string body =
      "%0 = data : float32[30, 10]\n%1 = data : int64[30, 4]\n%2 = iota {axis = 0} : int64[30, 4]\n"
      "%3 = gather %0, %2, %1 {axes = [0, 1]} : float32[30, 4]\n%4 = neg %3 : float32[30, 4]\nreturn %4\n";
  expect_equal(body, 10);
}

TEST(LowerGather, OfWhatTheGraphComputes) {
  expect_equal(
      "%0 = data : float32[19, 8]\n%1 = exp %0 : float32[19, 8]\n%2 = data : int64[30]\n"
      "%3 = gather %1, %2 {axes = [0]} : float32[30, 8]\n%4 = neg %1 : float32[19, 8]\nreturn %3, %4\n",
      19);
  expect_equal(
      "%0 = iota {axis = 0} : float32[50]\n%1 = data : int64[30]\n"
      "%2 = gather %0, %1 {axes = [0]} : float32[30]\nreturn %2\n",
      50);
  // The same values read in order and at indices.
  expect_equal(
      "%0 = data : int64[40]\n%1 = gather %0, %0 {axes = [0]} : int64[40]\n"
      "%2 = gather %1, %0 {axes = [0]} : int64[40]\n%3 = add %1, %2 : int64[40]\nreturn %3\n",
      40);
}

TEST(LowerGather, UnderPaddingAndInPieces) {
  expect_equal(
      "%0 = data : float32[19, 8]\n%1 = data : int64[5]\n%2 = gather %0, %1 {axes = [0]} : float32[5, 8]\n"
      "%3 = constant 7 : float32[]\n%4 = pad %2, %3 {low = [2, 1], high = [1, 4]} : float32[8, 13]\n"
      "%5 = data : float32[3, 13]\n%6 = concat %5, %4 {axis = 0} : float32[11, 13]\nreturn %6\n",
      19);
}

TEST(LowerGather, AnIndexOutsideFails) {
  const char* rows =
      "%0 = data : float32[19, 8]\n%1 = data : int64[41]\n%2 = gather %0, %1 {axes = [0]} : float32[41, 8]\nreturn "
      "%2\n";
  expect_failure(rows, 20);
  expect_failure(rows, 19, false);
  expect_failure(
      "%0 = data : float32[19]\n%1 = data : int64[50]\n%2 = neg %1 : int64[50]\n"
      "%3 = gather %0, %2 {axes = [0]} : float32[50]\nreturn %3\n",
      19);
  expect_failure(
      "%0 = data : float32[0, 4]\n%1 = data : int64[3]\n%2 = gather %0, %1 {axes = [0]} : float32[3, 4]\n"
      "return %2\n",
      1);
  // None of the five is 0; lanes behind the end are, and 0 - 1 is outside, but counts for nothing.
  expect_failure(
      "%0 = data : float32[19]\n%1 = data : int64[5]\n%2 = constant 1 : int64[]\n%3 = expand %2 : int64[5]\n"
      "%4 = sub %1, %3 : int64[5]\n%5 = gather %0, %4 {axes = [0]} : float32[5]\nreturn %5\n",
      19, false);
}

TEST(LowerScatterAdd, RowsColumnsAndElements) {
  for (const char* t : {"float32", "float64", "int32", "int8", "float16", "bfloat16"}) {
    for (const auto& [n, d] : {std::pair{1, 1}, {40, 5}, {100, 64}, {1000, 3}, {33, 300}})
      expect_equal(fmt::format("%0 = data : {2}[19, {1}]\n%1 = data : {2}[{0}, {1}]\n%2 = data : int64[{0}]\n"
                               "%3 = scatter_add %0, %1, %2 {{axes = [0]}} : {2}[19, {1}]\nreturn %3\n",
                               n, d, t),
                   19);
    expect_equal(fmt::format("%0 = data : {0}[9, 31]\n%1 = data : {0}[2, 50, 9]\n%2 = data : int64[2, 50]\n"
                             "%3 = scatter_add %0, %1, %2 {{axes = [1]}} : {0}[9, 31]\nreturn %3\n",
                             t),
                 31);
    expect_equal(fmt::format("%0 = data : {0}[6, 5, 7]\n%1 = data : {0}[40, 5]\n%2 = data : int64[40]\n"
                             "%3 = data : int64[40]\n%4 = scatter_add %0, %1, %2, %3 {{axes = [0, 2]}} : {0}[6, 5, 7]\n"
                             "return %4\n",
                             t),
                 6);
  }
}

TEST(LowerScatterAdd, ManyTasks) {
  for (const auto& [n, d] : {std::pair{500, 1}, {300, 7}, {200, 40}, {100, 700}})
    expect_equal(fmt::format("%0 = data : float32[{1}, 19]\n%1 = data : float32[{0}, {1}]\n%2 = data : int64[{0}]\n"
                             "%3 = scatter_add %0, %1, %2 {{axes = [1]}} : float32[{1}, 19]\n"
                             "%4 = permute %0 {{axes = [1, 0]}} : float32[19, {1}]\n"
                             "%5 = scatter_add %4, %1, %2 {{axes = [0]}} : float32[19, {1}]\nreturn %3, %5\n",
                             n, d),
                 19, 64);
  expect_equal(
      "%0 = data : float32[5, 19, 6, 33]\n%1 = data : float32[50, 5, 6, 33]\n%2 = data : int64[50]\n"
      "%3 = scatter_add %0, %1, %2 {axes = [1]} : float32[5, 19, 6, 33]\nreturn %3\n",
      19, 64);
}

TEST(LowerScatterAdd, TakesInWhatMakesTheValuesAndTheBase) {
  const std::string body =
      "%0 = constant 0 : float32[]\n%1 = expand %0 : float32[19, 40]\n%2 = data : float32[30, 40]\n"
      "%3 = data : float32[40]\n%4 = expand %3 : float32[30, 40]\n%5 = mul %2, %4 : float32[30, 40]\n"
      "%6 = data : int64[30]\n%7 = scatter_add %1, %5, %6 {axes = [0]} : float32[19, 40]\nreturn %7\n";
  expect_equal(body, 19);
  Interner interner;
  EXPECT_EQ(count_kernels(parse("graph {\n" + body + "}\n", interner)), 1u);
}

TEST(LowerScatterAdd, OfItself) {
  expect_equal(
      "%0 = data : float32[19]\n%1 = data : int64[19]\n%2 = exp %0 : float32[19]\n"
      "%3 = scatter_add %2, %2, %1 {axes = [0]} : float32[19]\n%4 = gather %3, %1 {axes = [0]} : float32[19]\n"
      "%5 = add %3, %4 : float32[19]\nreturn %2, %5\n",
      19);
}

TEST(LowerScatter, EveryKind) {
  for (const auto& [op, t] : {std::pair{"scatter", "float32"},
                              {"scatter", "int64"},
                              {"scatter_mul", "int32"},
                              {"scatter_mul", "float64"},
                              {"scatter_max", "float32"},
                              {"scatter_max", "uint8"},
                              {"scatter_min", "float16"}})
    for (const auto& [n, d] : {std::pair{40, 5}, {1000, 3}, {33, 300}})
      expect_equal(fmt::format("%0 = data : {2}[19, {1}]\n%1 = data : {2}[{0}, {1}]\n%2 = data : int64[{0}]\n"
                               "%3 = {3} %0, %1, %2 {{axes = [0]}} : {2}[19, {1}]\nreturn %3\n",
                               n, d, t, op),
                   t == std::string("int64") ? 18 : 19, n == 1000 ? 64 : 0);
  expect_equal(
      "%0 = data : bool[9, 31]\n%1 = data : bool[2, 50, 9]\n%2 = data : int64[2, 50]\n"
      "%3 = scatter %0, %1, %2 {axes = [1]} : bool[9, 31]\nreturn %3\n",
      31);
  // A value per row: elementwise.
  for (const char* op : {"scatter", "scatter_mul", "scatter_max"})
    expect_equal(fmt::format("%0 = data : float32[30, 11]\n%1 = data : int64[30]\n%2 = iota {{axis = 0}} : int64[30]\n"
                             "%3 = data : float32[30]\n"
                             "%4 = {} %0, %3, %2, %1 {{axes = [0, 1]}} : float32[30, 11]\nreturn %4\n",
                             op),
                 11);
}

TEST(LowerSort, RowsAndPieces) {
  for (const auto& [t, op] : {std::pair{"float32", "argsort"}, {"float64", "argsort_down"}, {"uint8", "argsort_down"}})
    for (const auto& [rows, n, task_elements] : std::vector<std::tuple<int, int, int>>{{1, 1, 0},
                                                                                       {70, 5, 0},
                                                                                       {4, 33, 0},
                                                                                       {0, 7, 0},
                                                                                       {7, 0, 0},
                                                                                       {3, 9, 64},
                                                                                       {2, 17, 64},
                                                                                       {2, 64, 64},
                                                                                       {1, 65, 64},
                                                                                       {2, 200, 64}})
      expect_equal(fmt::format("%0 = data : {2}[{0}, {1}]\n%1 = {3} %0 : int64[{0}, {1}]\nreturn %1\n", rows, n, t, op),
                   n == 0 ? 1 : n / 2 + 1, task_elements);
}

TEST(LowerSort, BetweenOtherKernels) {
  expect_equal(
      "%0 = data : float32[40, 6]\n%1 = exp %0 : float32[40, 6]\n%2 = permute %1 {axes = [1, 0]} : float32[6, 40]\n"
      "%3 = argsort %2 : int64[6, 40]\n%4 = iota {axis = 0} : int64[6, 40]\n"
      "%5 = gather %2, %4, %3 {axes = [0, 1]} : float32[6, 40]\n%6 = sum %5 {axes = [0]} : float32[40]\n"
      "return %5, %6\n",
      6);
}

TEST(LowerScatterAdd, NothingToAddAndIndicesOutside) {
  expect_equal(
      "%0 = data : float32[19, 3]\n%1 = data : float32[0, 3]\n%2 = data : int64[0]\n"
      "%3 = scatter_add %0, %1, %2 {axes = [0]} : float32[19, 3]\nreturn %3\n",
      19);
  expect_failure(
      "%0 = data : float32[19, 3]\n%1 = data : float32[41, 3]\n%2 = data : int64[41]\n"
      "%3 = scatter_add %0, %1, %2 {axes = [0]} : float32[19, 3]\nreturn %3\n",
      20);
}

TEST(LowerGather, SumOfOneElement) {
  // A class picked by comparing positions, after a reduction of its row: its sum's bits, for -0, NaN and infinities,
  // too; the same beside a product, over a middle axis, and failing for the same indices.
  const std::string pick =
      "%5 = expand %4 : int64[30, 90]\n%6 = iota {axis = 1} : int64[30, 90]\n%7 = eq %6, %5 : bool[30, 90]\n"
      "%8 = reduce_max %0 {axes = [1]} : float32[30]\n%9 = reshape %8 : float32[30, 1]\n"
      "%10 = expand %9 : float32[30, 90]\n%11 = sub %0, %10 : float32[30, 90]\n%12 = exp %11 : float32[30, 90]\n"
      "%13 = sum %12 {axes = [1]} : float32[30]\n%14 = constant 0 : float32[]\n"
      "%15 = expand %14 : float32[30, 90]\n%16 = where %7, %0, %15 : float32[30, 90]\n"
      "%17 = sum %16 {axes = [1]} : float32[30]\n%18 = where %7, %11, %15 : float32[30, 90]\n"
      "%19 = sum %18 {axes = [1]} : float32[30]\n%20 = div %19, %13 : float32[30]\nreturn %17, %20\n";
  const std::string index =
      "%1 = data : int64[30]\n%2 = constant 90 : int64[]\n%3 = expand %2 : int64[30]\n"
      "%c = check_index %1, %3 : int64[30]\n%4 = reshape %c : int64[30, 1]\n";
  const std::string from_memory = "%0 = data : float32[30, 90]\n" + index + pick;
  expect_equal(from_memory, 90);
  expect_failure(from_memory, 400);
  expect_equal(
      "%a = data : float32[30, 7]\n%b = data : float32[7, 90]\n"
      "%0 = dot_general %a, %b {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : "
      "float32[30, 90]\n" +
          index + pick,
      90);
  expect_equal(
      "%0 = data : float16[3, 20, 11]\n%1 = data : int64[3, 11]\n%2 = constant 20 : int64[]\n"
      "%3 = expand %2 : int64[3, 11]\n%4 = check_index %1, %3 : int64[3, 11]\n"
      "%5 = reshape %4 : int64[3, 1, 11]\n%6 = expand %5 : int64[3, 20, 11]\n"
      "%7 = iota {axis = 1} : int64[3, 20, 11]\n%8 = eq %7, %6 : bool[3, 20, 11]\n"
      "%9 = cast %0 : float32[3, 20, 11]\n%10 = constant 0 : float32[]\n%11 = expand %10 : float32[3, 20, 11]\n"
      "%12 = where %8, %9, %11 : float32[3, 20, 11]\n%13 = sum %12 {axes = [1]} : float32[3, 11]\nreturn %13\n",
      20);
}

TEST(LowerScatterAdd, OneElementPerRowIsElementwise) {
  // The gradient of picking one element per row, and what follows it: one kernel.
  const std::string body =
      "%0 = data : float32[30, 11]\n%1 = data : int64[30]\n%2 = iota {axis = 0} : int64[30]\n%3 = data : float32[30]\n"
      "%4 = constant -0 : float32[]\n%5 = expand %4 : float32[30, 11]\n"
      "%6 = scatter_add %5, %3, %2, %1 {axes = [0, 1]} : float32[30, 11]\n%7 = add %0, %6 : float32[30, 11]\n"
      "%8 = sum %7 {axes = [1]} : float32[30]\nreturn %7, %8\n";
  expect_equal(body, 11);
  Interner interner;
  EXPECT_EQ(count_kernels(parse("graph {\n" + body + "}\n", interner)), 1u);
  expect_failure(body, 12);
  // As take_along_dim writes it, over three axes, and of half types.
  expect_equal(
      "%0 = data : float16[5, 6, 7]\n%1 = data : int64[5, 1, 7]\n%2 = iota {axis = 0} : int64[5, 1, 7]\n"
      "%3 = iota {axis = 2} : int64[5, 1, 7]\n%4 = data : float16[5, 1, 7]\n"
      "%5 = scatter_add %0, %4, %2, %1, %3 {axes = [0, 1, 2]} : float16[5, 6, 7]\nreturn %5\n",
      6);
  // Rows of fewer places, or two values per row, are not.
  expect_equal(
      "%0 = data : float32[30, 11]\n%1 = data : int64[20]\n%2 = iota {axis = 0} : int64[20]\n"
      "%3 = data : float32[20]\n%4 = scatter_add %0, %3, %2, %1 {axes = [0, 1]} : float32[30, 11]\n"
      "%5 = data : int64[30, 2]\n%6 = iota {axis = 0} : int64[30, 2]\n%7 = data : float32[30, 2]\n"
      "%8 = scatter_add %4, %7, %6, %5 {axes = [0, 1]} : float32[30, 11]\nreturn %4, %8\n",
      11);
}

}  // namespace
}  // namespace lazuli::testing
