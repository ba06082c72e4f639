// Every strategy against the reference interpreter, bit for bit: kernel IR interpreted and as machine code, at all
// widths.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

void expect_equal(const std::string& text, const std::string& label, bool passes = true) {
  Interner interner;
  const Graph g = parse(text, interner);
  const LeafSource leaves = random_leaves(7);
  const std::vector<HostArray> want = interpret(g, leaves);
  std::vector<RunOptions> runs{{passes, true, false, 256, 1}};  // the kernel IR interpreter
  for (const int bits : {128, 256, 512})
    for (const bool fuse : {true, false}) runs.push_back({passes, fuse, true, bits, 3});
  runs.push_back({passes, true, true, 512, 3, 0, 2048});  // everything counts as large
  for (const RunOptions& run : runs) {
    const RunResult got = run_graph(g, leaves, run);
    for (size_t o = 0; o < want.size(); ++o) {
      int64_t at = -1;
      ASSERT_TRUE(bitwise_equal(want[o], got.outputs[o], &at))
          << label << ": output " << o << " differs at " << at << " machine=" << run.machine
          << " bits=" << run.vector_bits << " fuse=" << run.fuse
          << " schedules: " << fmt::format("{}", fmt::join(got.schedules, "; ")) << "\n"
          << text;
    }
  }
}

std::string unary_over(const std::string& shape, const std::string& op) {
  return fmt::format("graph {{\n%0 = data : float32{0}\n%1 = {1} %0 : float32{0}\nreturn %1\n}}\n", shape, op);
}

TEST(LowerMap, SizesAroundTheVectorWidth) {
  for (const char* shape : {"[1]", "[2]", "[7]", "[8]", "[9]", "[15]", "[16]", "[17]", "[33]", "[100]", "[2049]", "[]"})
    expect_equal(unary_over(shape, "relu"), "relu");
}

TEST(LowerMap, ExpensiveBodiesAreCompiledOnce) {
  Interner interner;
  const LeafSource leaves = random_leaves(7);
  const auto schedule_of = [&](const char* op, int bits) {
    return run_graph(parse(unary_over("[100]", op), interner), leaves, {true, true, true, bits, 1}).schedules.at(0);
  };
  EXPECT_EQ(schedule_of("gelu", 512), "map 512b x1 masked block=32768");
  EXPECT_EQ(schedule_of("gelu", 256), "map 256b x1 block=32768") << "masks are cheap only where they have registers";
  EXPECT_EQ(schedule_of("relu", 512), "map 512b x2 block=32768");
  for (const char* shape : {"[1]", "[15]", "[16]", "[17]", "[33]", "[2049]"})
    expect_equal(unary_over(shape, "gelu"), "gelu");
}

TEST(LowerMap, BroadcastsRowsAndColumns) {
  for (const auto& [m, n] : {std::pair{3, 5}, {17, 33}, {64, 128}, {1, 40}, {40, 1}}) {
    expect_equal(
        fmt::format("graph {{\n%0 = data : float32[{0}, {1}]\n%1 = data : float32[{1}]\n%2 = data : float32[{0}, 1]\n"
                    "%3 = expand %1 : float32[{0}, {1}]\n%4 = expand %2 : float32[{0}, {1}]\n"
                    "%5 = mul %0, %3 : float32[{0}, {1}]\n%6 = add %5, %4 : float32[{0}, {1}]\n"
                    "%7 = exp %6 : float32[{0}, {1}]\nreturn %7\n}}\n",
                    m, n),
        "broadcast");
  }
}

std::string affine(int64_t rows, int64_t columns) {
  return fmt::format(
      "graph {{\n%0 = data : float32[{0}, {1}]\n%1 = data : float32[{1}]\n%2 = data : float32[{1}]\n"
      "%3 = expand %1 : float32[{0}, {1}]\n%4 = expand %2 : float32[{0}, {1}]\n%5 = mul %0, %3 : float32[{0}, {1}]\n"
      "%6 = add %5, %4 : float32[{0}, {1}]\n%7 = relu %6 : float32[{0}, {1}]\nreturn %7\n}}\n",
      rows, columns);
}

TEST(LowerMap, RowsThatShareARowAreComputedInPanels) {
  Interner interner;
  const RunOptions large{true, true, true, 512, 1, 0, 2048};
  const auto schedule_of = [&](int64_t rows, int64_t columns) {
    return run_graph(parse(affine(rows, columns), interner), random_leaves(7), large).schedules.at(0);
  };
  EXPECT_EQ(schedule_of(20, 1040), "map 512b x2 block=512 rows=30 rows_at_once=2 nt prefetch=2048");
  EXPECT_THAT(schedule_of(21, 1040), ::testing::Not(::testing::HasSubstr("rows_at_once"))) << "rows go in pairs";
  EXPECT_THAT(schedule_of(20, 1041), ::testing::Not(::testing::HasSubstr("rows_at_once"))) << "rows are not aligned";
  for (const auto& [rows, columns] : {std::pair{2, 1024}, {20, 1040}, {64, 2064}})
    expect_equal(affine(rows, columns), fmt::format("{}x{}", rows, columns));
}

TEST(LowerMap, SingleRunsGoAroundTheCachesWhateverTheirLength) {
  Interner interner;
  const RunOptions large{true, true, true, 512, 1, 0, 2048};
  const std::string text = unary_over("[1043]", "neg");
  EXPECT_THAT(run_graph(parse(text, interner), random_leaves(7), large).schedules.at(0), ::testing::HasSubstr(" nt"));
  expect_equal(text, "a run that ends within a vector");
}

TEST(LowerMap, Movement) {
  expect_equal(
      "graph {\n%0 = data : float32[6, 35]\n%1 = permute %0 {axes = [1, 0]} : float32[35, 6]\n"
      "%2 = reshape %1 : float32[7, 5, 6]\n%3 = flip %2 {axes = [1]} : float32[7, 5, 6]\n"
      "%4 = slice %3 {start = [1, 0, 1], step = [2, 1, 3]} : float32[3, 5, 2]\nreturn %4\n}\n",
      "movement");
  expect_equal(
      "graph {\n%0 = data : float32[4, 9]\n%1 = constant 2.5 : float32[]\n"
      "%2 = pad %0, %1 {low = [1, 2], high = [0, 3]} : float32[5, 14]\n%3 = neg %2 : float32[5, 14]\nreturn %3\n}\n",
      "pad");
  expect_equal(
      "graph {\n%0 = data : float32[4, 9]\n%1 = data : float32[4, 3]\n%2 = data : float32[4, 5]\n"
      "%3 = concat %0, %1, %2 {axis = 1} : float32[4, 17]\n%4 = relu %3 : float32[4, 17]\nreturn %4\n}\n",
      "concat");
  expect_equal(
      "graph {\n%0 = data : float32[9, 20]\n%1 = data : float32[3, 5]\n"
      "%2 = slice_update %0, %1 {start = [1, 2], step = [2, 3]} : float32[9, 20]\nreturn %2\n}\n",
      "slice_update");
}

/// Vectors within one piece of a join, or within what was padded, are emitted knowing it.
TEST(LowerMap, SegmentsOfJoinsAndPaddings) {
  const auto run = [](const std::string& text, const char* label) {
    expect_equal(text, label);
    Interner interner;
    const Graph g = parse(text, interner);
    EXPECT_THAT(run_graph(g, random_leaves(1), {}).schedules, ::testing::ElementsAre(::testing::HasSubstr("segments")))
        << label;
  };
  for (const auto& [a, b] : {std::pair{64, 64}, {100, 131}, {67, 300}, {1, 200}, {200, 1}})
    run(fmt::format(
            "graph {{\n%0 = data : float32[9, {0}]\n%1 = data : float32[9, {1}]\n"
            "%2 = concat %0, %1 {{axis = 1}} : float32[9, {2}]\n%3 = relu %2 : float32[9, {2}]\nreturn %3\n}}\n",
            a, b, a + b),
        "concat");
  run("graph {\n%0 = data : float32[70000]\n%1 = data : float32[64]\n%2 = data : float32[80001]\n"
      "%3 = concat %0, %1, %2 {axis = 0} : float32[150065]\nreturn %3\n}\n",
      "blocks");
  run("graph {\n%0 = data : float32[5, 333]\n%1 = constant 2.5 : float32[]\n"
      "%2 = pad %0, %1 {low = [1, 1], high = [1, 2]} : float32[7, 336]\n%3 = neg %2 : float32[7, 336]\nreturn %3\n}\n",
      "pad");
  run("graph {\n%0 = data : int32[5, 200]\n%1 = constant 0 : int32[]\n"
      "%2 = flip %0 {axes = [1]} : int32[5, 200]\n%3 = pad %2, %1 {low = [0, 3], high = [0, 77]} : int32[5, 280]\n"
      "%4 = flip %3 {axes = [1]} : int32[5, 280]\nreturn %4\n}\n",
      "flipped");
  run("graph {\n%0 = data : int32[5, 100]\n%1 = constant 7 : int32[]\n%2 = data : int32[5, 80]\n"
      "%3 = expand %1 : int32[5, 100]\n%4 = floor_divide %0, %3 : int32[5, 100]\n%5 = concat %4, %2 {axis = 1} : "
      "int32[5, 180]\nreturn %5\n}\n",
      "checks");
}

TEST(LowerMap, TurnsWhatRunsAcross) {
  for (const auto& [t, sizes] : {std::pair{"float32", std::vector{std::pair{16, 16}, {129, 100}}},
                                 {"float64", {{65, 63}}},
                                 {"int8", {{17, 130}}},
                                 {"bfloat16", {{128, 64}}}})
    for (const auto& [m, n] : sizes) {
      const std::string text = fmt::format(
          "graph {{\n%0 = data : {0}[3, {1}, {2}]\n%1 = data : {0}[3, {2}, {1}]\n%2 = data : {0}[3, {2}, {1}]\n"
          "%3 = permute %0 {{axes = [0, 2, 1]}} : {0}[3, {2}, {1}]\n%4 = flip %2 {{axes = [2]}} : {0}[3, {2}, {1}]\n"
          "%5 = sub %3, %1 : {0}[3, {2}, {1}]\n%6 = add %5, %4 : {0}[3, {2}, {1}]\nreturn %6\n}}\n",
          t, m, n);
      expect_equal(text, fmt::format("{} {}x{}", t, m, n));
    }
  ir::Interner interner;
  const ir::Graph g = ir::parse(
      "graph {\n%0 = data : float32[64, 48]\n"
      "%1 = permute %0 {axes = [1, 0]} : float32[48, 64]\nreturn %1\n}\n",
      interner);
  EXPECT_THAT(run_graph(g, random_leaves(1), {}).schedules, ::testing::ElementsAre(::testing::HasSubstr("map_tiled")));
}

/// Elements in reverse are loaded forwards: no address per lane.
TEST(LowerMap, ReadsBackwards) {
  ir::Interner interner;
  const ir::Graph g = ir::parse(
      "graph {\n%0 = data : float32[300]\n%1 = flip %0 {axes = [0]} : float32[300]\n"
      "%2 = neg %1 : float32[300]\nreturn %2\n}\n",
      interner);
  const RunResult r = run_graph(g, random_leaves(1), {});
  ASSERT_EQ(r.kernels.size(), 1u);
  EXPECT_THAT(codegen::print_kernel(*r.kernels[0]), ::testing::Not(::testing::HasSubstr("iota")));
}

TEST(LowerMap, OtherTypes) {
  for (const char* t : {"float16", "bfloat16", "float64", "int8", "uint8", "int16", "int32", "int64"})
    expect_equal(
        fmt::format("graph {{\n%0 = data : {0}[3, 37]\n%1 = data : {0}[37]\n%2 = expand %1 : {0}[3, 37]\n"
                    "%3 = mul %0, %2 : {0}[3, 37]\n%4 = add %3, %2 : {0}[3, 37]\n%5 = cast %4 : float32[3, 37]\n"
                    "return %4, %5\n}}\n",
                    t),
        t);
}

TEST(LowerRow, ReductionsOverEveryAxis) {
  for (const auto& [m, n] : {std::pair{1, 1}, {3, 5}, {5, 64}, {4, 63}, {2, 65}, {2, 2049}, {3, 6000}, {5000, 17}}) {
    for (const char* op : {"sum", "reduce_max", "prod"}) {
      for (const char* axes : {"[0]", "[1]", "[0, 1]"}) {
        const std::string out = axes == std::string("[0]")   ? fmt::format("[{}]", n)
                                : axes == std::string("[1]") ? fmt::format("[{}]", m)
                                                             : "[]";
        expect_equal(
            fmt::format(
                "graph {{\n%0 = data : float32[{0}, {1}]\n%1 = {2} %0 {{axes = {3}}} : float32{4}\nreturn %1\n}}\n", m,
                n, op, axes, out),
            op);
      }
    }
  }
}

/// Whole vectors along the last axis; behind the end of a row, nothing is read of operands that are spread along it.
TEST(LowerRow, WholeRunsOfSeveralAxes) {
  for (const char* type : {"float32", "int64", "bfloat16"})
    expect_equal(
        fmt::format("graph {{\n%0 = data : {0}[4, 5, 16]\n%1 = data : {0}[5, 1]\n%2 = expand %1 : {0}[4, 5, 16]\n"
                    "%3 = mul %0, %2 : {0}[4, 5, 16]\n%4 = sum %3 {{axes = [1, 2]}} : {0}[4]\n"
                    "%5 = reduce_max %3 {{axes = [0, 1, 2]}} : {0}[]\nreturn %3, %4, %5\n}}\n",
                    type),
        type);
}

/// What is in cache is read by tiles of columns, what is larger by whole rows.
TEST(LowerRow, ReductionsOfColumns) {
  Interner interner;
  const auto text = [](int64_t rows, int64_t columns) {
    return fmt::format(
        "graph {{\n%0 = data : float32[{0}, {1}]\n%1 = var %0 {{axes = [0], correction = 1}} : float32[{1}]\n"
        "return %1\n}}\n",
        rows, columns);
  };
  const auto schedule_of = [&](int64_t rows, int64_t columns, int bits, int64_t cache_bytes) {
    return run_graph(parse(text(rows, columns), interner), random_leaves(7),
                     {true, true, true, bits, 1, 0, cache_bytes})
        .schedules.at(0);
  };
  EXPECT_THAT(schedule_of(200, 100, 512, 1 << 20), ::testing::HasSubstr("column_vectors=4"));
  EXPECT_THAT(schedule_of(200, 100, 256, 1 << 20), ::testing::HasSubstr("column_vectors=2"));
  EXPECT_THAT(schedule_of(200, 40, 512, 1 << 20), ::testing::HasSubstr("column_vectors=2"));
  EXPECT_THAT(schedule_of(200, 100, 512, 2048), ::testing::Not(::testing::HasSubstr("column_vectors")));
  for (const auto& [rows, columns] : {std::pair{2, 70}, {63, 64}, {65, 129}, {200, 100}, {2100, 33}})
    expect_equal(text(rows, columns), fmt::format("{}x{}", rows, columns));
}

/// Wide operands are read lane by lane where they are in cache, in chunks otherwise; where blocks of columns are few,
/// units are tasks. One thread alone takes whole rows.
/// Blocks of columns of several outer rows, taken by one thread and by three.
TEST(LowerRow, UnitsOfColumnsInEveryOuterRow) {
  Interner interner;
  const Graph g = parse(
      "graph {\n%0 = data : float32[2, 300, 1040]\n%1 = sum %0 {axes = [1]} : float32[2, 1040]\n"
      "return %1\n}\n",
      interner);
  const std::vector<HostArray> want = interpret(g, random_leaves(7));
  for (const int workers : {1, 3}) {
    RunOptions options{true, true, true, 512, workers, 0, 0};
    options.cores = 2;
    const RunResult got = run_graph(g, random_leaves(7), options);
    EXPECT_THAT(got.schedules.at(0), ::testing::HasSubstr(" lane_groups=16"));
    EXPECT_TRUE(bitwise_equal(want[0], got.outputs[0])) << workers << " workers, " << got.schedules.at(0);
  }
}

TEST(LowerRow, UnitsOfColumns) {
  struct Body {
    const char *text, *out;
  };
  const Body bodies[] = {
      {"%1 = sum %0 {{axes = [0]}} : float32[{1}]", "%1"},
      {"%1 = var %0 {{axes = [0], correction = 1}} : float32[{1}]", "%1"},
      {"%1 = argmax %0 {{axes = [0]}} : int64[{1}]\n%2 = reduce_max %0 {{axes = [0]}} : float32[{1}]", "%1, %2"},
      {"%1 = softmax %0 {{axis = 0}} : float32[{0}, {1}]", "%1"}};
  struct Run {
    int64_t rows, columns, cores, cache_bytes;
    const char* schedule;
  };
  const Run runs[] = {{300, 260, 2, 0, " lane_groups=16"},
                      {2100, 256, 2, 0, " lane_groups=16"},
                      {300, 520, 1000, 0, " lane_groups=16 split"},
                      {2049, 256, 1000, 0, " lane_groups=16 split"},
                      {2300, 70, 4, 2048, " split"},
                      {6200, 64, 4, 2048, " split"}};
  for (const Run& run : runs) {
    for (const Body& body : bodies) {
      Interner interner;
      const Graph g = parse(fmt::format(fmt::runtime(fmt::format("graph {{{{\n%0 = data : float32[{{0}}, {{1}}]\n{}\n"
                                                                 "return {}\n}}}}\n",
                                                                 body.text, body.out)),
                                        run.rows, run.columns),
                            interner);
      const std::vector<HostArray> want = interpret(g, random_leaves(7));
      for (const bool machine : {true, false}) {
        for (const auto& [workers, task_elements] : {std::pair{1, 0}, {3, 0}, {3, 4096}}) {
          if (!machine && (workers == 3 || run.rows > 2048)) continue;  // the interpreter of kernel IR is slow
          RunOptions options{true, true, machine, machine ? 512 : 256, workers, task_elements, run.cache_bytes};
          options.cores = run.cores;
          const RunResult got = run_graph(g, random_leaves(7), options);
          if (task_elements == 0) {
            EXPECT_THAT(got.schedules, ::testing::Contains(::testing::HasSubstr(run.schedule)));
          }
          for (size_t o = 0; o < want.size(); ++o)
            ASSERT_TRUE(bitwise_equal(want[o], got.outputs[o]))
                << run.rows << "x" << run.columns << " " << body.text << " workers=" << workers
                << " machine=" << machine << " " << fmt::format("{}", fmt::join(got.schedules, "; "));
        }
      }
    }
  }
}

/// An operand that every row has in common, and that does not run along it, is laid out once for many rows.
TEST(LowerRow, StagesWhatIsPicked) {
  const auto text = [](int64_t rows, int64_t columns) {
    return fmt::format(
        "graph {{\n%0 = data : float32[{1}, 3]\n%1 = data : float32[{0}, {1}]\n"
        "%2 = slice %0 {{start = [0, 1], step = [1, 1]}} : float32[{1}, 1]\n%3 = reshape %2 : float32[1, {1}]\n"
        "%4 = expand %3 : float32[{0}, {1}]\n%5 = mul %1, %4 : float32[{0}, {1}]\n"
        "%6 = sum %5 {{axes = [1]}} : float32[{0}]\n%7 = softmax %5 {{axis = 1}} : float32[{0}, {1}]\n"
        "return %6, %7\n}}\n",
        rows, columns);
  };
  Interner interner;
  EXPECT_THAT(run_graph(parse(text(40, 100), interner), random_leaves(7), {}).schedules,
              ::testing::Contains(::testing::HasSubstr("stage_rows")));
  for (const auto& [rows, columns] : {std::pair{2, 5}, {40, 100}, {33, 64}, {17, 2100}})
    expect_equal(text(rows, columns), fmt::format("{}x{}", rows, columns));
}

TEST(LowerRow, Positions) {
  for (const char* t : {"float32", "int32", "float16"})
    for (const char* op : {"argmax", "argmin"})
      for (const auto& [axes, out] : {std::pair{"[0]", "[70]"}, {"[1]", "[100]"}, {"[0, 1]", "[]"}})
        expect_equal(
            fmt::format("graph {{\n%0 = data : {0}[100, 70]\n%1 = {1} %0 {{axes = {2}}} : int64{3}\nreturn %1\n}}\n", t,
                        op, axes, out),
            op);
}

TEST(LowerRow, Composites) {
  for (const auto& [m, n] : {std::pair{3, 5}, {7, 100}, {3, 4096}, {1, 20000}}) {
    expect_equal(
        fmt::format("graph {{\n%0 = data : float32[{0}, {1}]\n%1 = softmax %0 {{axis = 1}} : float32[{0}, {1}]\n"
                    "return %1\n}}\n",
                    m, n),
        "softmax");
    expect_equal(
        fmt::format("graph {{\n%0 = data : float32[{0}, {1}]\n%1 = softmax %0 {{axis = 0}} : float32[{0}, {1}]\n"
                    "return %1\n}}\n",
                    m, n),
        "softmax over columns");
  }
}

}  // namespace
}  // namespace lazuli::testing
