// Contractions against the reference interpreter, bit for bit: tile remainders, depths around the blocks of 512 and the
// spans of 32,768, layouts, types, producers and epilogues, under chosen and under forced schedules.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

struct Case {
  int64_t m, k, n;
  std::string type = "float32";
  bool lhs_transposed = false, rhs_transposed = false;
  int64_t batch = 0;
  std::string lhs = {}, rhs = {};  // applied to an operand; "%x" is the operand, "%y" what is made of it
  std::string epilogue = {};       // "%r" is the product
};

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size()) text.replace(at, what.size(), with);
  return text;
}

std::string graph_text(const Case& c) {
  const auto shape = [&](std::vector<int64_t> s) {
    if (c.batch) s.insert(s.begin(), c.batch);
    return fmt::format("{}{}", c.type, s);
  };
  const std::string lhs = shape(c.lhs_transposed ? std::vector{c.k, c.m} : std::vector{c.m, c.k});
  const std::string rhs = shape(c.rhs_transposed ? std::vector{c.n, c.k} : std::vector{c.k, c.n});
  const std::string out = shape({c.m, c.n});
  std::string text = fmt::format("graph {{\n%0 = data : {}\n%1 = data : {}\n", lhs, rhs);
  const auto apply = [&](const std::string& how, const std::string& x, const std::string& y, const std::string& type) {
    if (how.empty()) return x;
    text += replaced(replaced(replaced(how, "%x", x), "%y", y), "TYPE", type) + " : " + type + "\n";
    return y;
  };
  const std::string a = apply(c.lhs, "%0", "%2", lhs), b = apply(c.rhs, "%1", "%3", rhs);
  const int64_t first = c.batch ? 1 : 0;
  text += fmt::format(
      "%4 = dot_general {}, {} {{lhs_batch = {}, rhs_batch = {}, lhs_contract = [{}], rhs_contract = [{}]}} : {}\n", a,
      b, c.batch ? "[0]" : "[]", c.batch ? "[0]" : "[]", first + !c.lhs_transposed, first + c.rhs_transposed, out);
  if (c.epilogue.empty()) return text + "return %4\n}\n";
  return text + replaced(c.epilogue, "OUT", out) + "}\n";
}

/// The same under caches so small that operands count as large; the schedule for vectors of 512 bits says `what`.
void check_schedule(const Case& c, const std::string& what, int64_t cache_bytes) {
  const std::string text = graph_text(c);
  Interner interner;
  const Graph g = parse(text, interner);
  const LeafSource leaves = random_leaves(12);
  const std::vector<HostArray> want = interpret(g, leaves);
  for (const RunOptions& run : {RunOptions{.vector_bits = 512, .workers = 3, .cache_bytes = cache_bytes, .cores = 2},
                                RunOptions{.vector_bits = 256, .cache_bytes = cache_bytes, .cores = 1},
                                RunOptions{.machine = false, .vector_bits = 512, .cache_bytes = cache_bytes}}) {
    if (!run.machine && c.m * c.n * c.k > 600000) continue;
    const RunResult got = run_graph(g, leaves, run);
    const std::string schedules = fmt::format("{}", fmt::join(got.schedules, "; "));
    if (run.vector_bits == 512) {
      EXPECT_NE(schedules.find(what), schedules.npos) << schedules << "\n" << text;
    }
    for (size_t o = 0; o < want.size(); ++o) {
      int64_t at = -1;
      ASSERT_TRUE(bitwise_equal(want[o], got.outputs[o], &at))
          << "output " << o << " differs at " << at << " machine=" << run.machine << " bits=" << run.vector_bits
          << " schedules: " << schedules << "\n"
          << text;
    }
  }
}

void check(const Case& c, const std::vector<int>& widths = {512, 256}) {
  const std::string text = graph_text(c);
  Interner interner;
  const Graph g = parse(text, interner);
  const LeafSource leaves = random_leaves(11);
  const std::vector<HostArray> want = interpret(g, leaves);
  std::vector<RunOptions> runs;
  for (int bits : widths) runs.push_back({true, true, true, bits, 3});
  if (c.m * c.n * c.k < 20000) runs.push_back({true, true, false, 256, 1});  // the kernel interpreter
  runs.push_back({true, false, true, 512, 2, 64});                           // small tasks, nothing fused
  for (const RunOptions& run : runs) {
    const RunResult got = run_graph(g, leaves, run);
    for (size_t o = 0; o < want.size(); ++o) {
      int64_t at = -1;
      ASSERT_TRUE(bitwise_equal(want[o], got.outputs[o], &at))
          << "output " << o << " differs at " << at << " machine=" << run.machine << " bits=" << run.vector_bits
          << " fuse=" << run.fuse << " schedules: " << fmt::format("{}", fmt::join(got.schedules, "; ")) << "\n"
          << text;
    }
  }
}

TEST(Contract, RemaindersOfTiles) {
  // The tile has 14 rows and 32 columns with 512 bits, 6 and 16 with 256.
  for (const auto& [m, n] : {std::pair{13, 31}, {14, 32}, {15, 33}, {28, 64}, {27, 49}, {2, 100}, {29, 2}})
    check({m, 40, n});
}

TEST(Contract, SeveralChunksOfTheDepth) {
  // Sums of tiles wait in scratch between the chunks; all heights and widths of tiles.
  check({70, 1100, 150});
  check({131, 530, 97, "float64", false, true});
  check({33, 1025, 66, "float32", true, true, 3});
}

TEST(Contract, SmallMatricesInBatches) {
  // Read where they are, several to a task, results stored from registers.
  const std::string relu = "%5 = relu %4 : OUT\nreturn %5\n";
  check({16, 16, 16, "float32", false, false, 300});
  check({32, 33, 31, "float32", true, false, 40, {}, {}, relu});
  check({9, 7, 35, "float64", false, true, 50, {}, {}, relu});
  check({64, 64, 64, "float32", false, false, 17});
  check({13, 200, 47, "float32", true, true, 20});
}

TEST(Contract, SizesInTheCode) {
  // Sums of eight steps of the depth, steps that are left, one loop less; both operands of the next product are fetched
  // where there are 16 KB of them. Uneven tiles, masked columns, transposed rows, and nothing in a batch to fetch.
  const std::string residual = "%5 = data : OUT\n%6 = gelu %4 : OUT\n%7 = add %6, %5 : OUT\nreturn %7\n";
  for (const int64_t k : {1, 8, 15, 16, 17, 24, 31, 64, 67, 100, 128}) check({48, k, 48, "float32", false, false, 5});
  for (const auto& [m, n] : {std::pair{64, 64}, {128, 128}, {127, 65}, {33, 100}, {8, 16}, {2, 17}, {7, 33}})
    for (const bool transposed : {false, true}) check({m, 70, n, "float32", transposed, false, 3});
  check({64, 64, 64, "float64", true, false, 4});
  check({61, 90, 62, "float32", false, false, 6, {}, {}, residual});
  check({96, 96, 96, "float32", false, false, 0, {}, {}, residual});
}

TEST(Contract, StripsOfTheDepth) {
  // Few rows, columns in place: chains wait in scratch between strips of 16, 32 or 64, sums between blocks of 512.
  constexpr int64_t kCache = 64 << 10;
  const auto strips = [&](const Case& c, int64_t strip) { check_schedule(c, fmt::format("strip={}", strip), kCache); };
  for (const int64_t k : {33, 47, 64, 511, 512, 513, 528, 1024, 1030}) strips({3, k, 1000}, 16);
  for (const int64_t m : {2, 3, 5, 7, 8}) strips({m, 100, 1100}, 16);
  for (const int64_t m : {9, 15, 16}) strips({m, 530, 601}, 32);
  for (const int64_t m : {17, 24, 25, 31, 32}) strips({m, 520, 600}, 64);
  // Other types, layouts and batches; what is flipped, or the same for all rows.
  strips({4, 600, 1000, "float64"}, 16);
  strips({4, 600, 1000, "bfloat16"}, 16);
  strips({7, 600, 1001, "float32", true, false, 2}, 16);
  strips({5, 90, 1100, "float32", false, false, 0, "%y = flip %x {axes = [0, 1]}", "%y = flip %x {axes = [0, 1]}"}, 16);
  // Epilogues read sums from registers, or from scratch.
  strips({6, 130, 1100, "float32", false, false, 0, {}, {}, "%5 = relu %4 : OUT\nreturn %5\n"}, 16);
  strips({6, 600, 1100, "float32", false, false, 0, {}, {}, "%5 = gelu %4 : OUT\n%6 = neg %4 : OUT\nreturn %5, %6\n"},
         16);
  // Several spans keep their blocks in registers.
  check({2, 33000, 1100}, {512});
}

TEST(Contract, RowsAcrossMemory) {
  // Several tiles at once from one vector of rows, in tiles of equal and of different heights; the last tiles again
  // where a task has too few; columns that all tasks share, packed in strips of 8 and tasks of 64 of the depth.
  for (const int64_t m : {33, 47, 64, 65, 100, 128, 131}) check({m, 150, 100, "float32", true, false});
  for (const int64_t k : {63, 64, 65, 71, 513, 600})
    for (const bool rhs : {false, true})
      check_schedule({100, k, 230, "float32", true, rhs, 0, "%y = neg %x", "%y = neg %x"}, "pack=task/shared",
                     64 << 10);
  check_schedule({96, 300, 256, "bfloat16", true, false, 0, "%y = neg %x", "%y = neg %x"}, "pack=task/shared",
                 64 << 10);
  check_schedule({70, 520, 130, "float64", true, false, 0, "%y = flip %x {axes = [1]}"}, "pack=task/shared", 64 << 10);
}

TEST(Contract, NothingToMultiply) {
  for (const auto& [m, k, n] : {std::tuple{0, 5, 7}, {5, 7, 0}, {4, 0, 1100}, {32, 0, 50}, {0, 0, 0}}) check({m, k, n});
}

TEST(Contract, SpansAsTasks) {
  check({3, 8 * 32768 + 700, 17}, {512});
  check({18,
         8 * 32768 + 1,
         2,
         "float32",
         false,
         true,
         0,
         {},
         "%y = neg %x",
         "%5 = data : OUT\n%6 = mul %4, %5 : OUT\nreturn %6\n"},
        {256});
}

TEST(Contract, DepthsAroundBlocksAndSpans) {
  for (const int64_t k : {0, 1, 2, 511, 512, 513, 1024, 2049, 4100}) check({5, k, 18});
  check({3, 33000, 17});
  check({2, 2 * 32768 + 700, 3}, {512});
}

TEST(Contract, Vectors) {
  for (const auto& [m, k, n] : {std::tuple{1, 5, 1}, {1, 600, 40}, {40, 600, 1}, {1, 0, 7}, {9, 2100, 1}})
    check({m, k, n});
}

TEST(Contract, Layouts) {
  for (const bool lhs : {false, true})
    for (const bool rhs : {false, true}) check({19, 37, 47, "float32", lhs, rhs, rhs ? 3 : 0});
  // The result is stored the other way round; an operand is the same for every batch element, flipped, or one row.
  check({19,
         37,
         47,
         "float32",
         false,
         true,
         0,
         {},
         {},
         "%5 = permute %4 {axes = [1, 0]} : float32[47, 19]\nreturn %5\n"});
  check({19, 37, 47, "float32", false, false, 0, "%y = flip %x {axes = [1]}", "%y = flip %x {axes = [0]}"});
}

TEST(Contract, Types) {
  for (const char* t : {"float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64"})
    for (const bool rhs : {false, true}) check({17, 35, 21, t, false, rhs});
}

TEST(Contract, Bytes) {
  // Cast to int32 before they are multiplied: four of the depth at a time where the processor can.
  for (const auto& [m, k, n] : {std::tuple{17, 35, 21}, {2, 4, 3}, {33, 1, 18}, {40, 2051, 70}, {64, 128, 64}})
    for (const bool lhs : {false, true})
      for (const bool rhs : {false, true}) {
        const std::vector<int64_t> a = lhs ? std::vector<int64_t>{k, m} : std::vector<int64_t>{m, k};
        const std::vector<int64_t> b = rhs ? std::vector<int64_t>{n, k} : std::vector<int64_t>{k, n};
        Interner interner;
        const Graph g = parse(
            fmt::format("graph {{\n%0 = data : int8{0}\n%1 = data : int8{1}\n%2 = cast %0 : int32{0}\n%3 = cast %1 : "
                        "int32{1}\n%4 = dot_general %2, %3 {{lhs_batch = [], rhs_batch = [], lhs_contract = [{2}], "
                        "rhs_contract = [{3}]}} : int32[{4}, {5}]\nreturn %4\n}}\n",
                        a, b, lhs ? 0 : 1, rhs ? 1 : 0, m, n),
            interner);
        const LeafSource leaves = random_leaves(5);
        const HostArray want = interpret(g, leaves)[0];
        for (const RunOptions& run :
             {RunOptions{true, true, true, 512, 2}, RunOptions{true, true, true, 256, 1},
              RunOptions{true, true, true, 128, 1}, RunOptions{true, true, m * k * n >= 20000, 512, 1},
              RunOptions{true, true, true, 512, 3, 64}}) {
          const RunResult got = run_graph(g, leaves, run);
          EXPECT_EQ(got.kernels.size(), 1u);
          int64_t at = -1;
          ASSERT_TRUE(bitwise_equal(want, got.outputs[0], &at))
              << m << " x " << k << " x " << n << " differs at " << at << ": " << got.schedules[0];
        }
      }
}

TEST(Contract, ProducersAndEpilogues) {
  check({19, 37, 47, "float32", false, true, 0, "%y = relu %x", "%y = tanh %x",
         "%5 = data : float32[47]\n%6 = expand %5 : OUT\n%7 = add %4, %6 : OUT\n%8 = gelu %7 : OUT\n"
         "%9 = data : OUT\n%10 = add %8, %9 : OUT\nreturn %10, %4\n"});
  check(
      {40, 600, 33, "float32", true, false, 0, "%y = exp %x", "%y = neg %x",
       "%5 = constant 0.125 : float32[]\n%6 = expand %5 : OUT\n%7 = mul %4, %6 : OUT\n%8 = cast %7 : float16[40, 33]\n"
       "%9 = mul %4, %4 : OUT\nreturn %8, %9\n"});
}

TEST(Contract, DequantizedWeights) {
  Interner interner;
  const Graph g = parse(
      "graph {\n%0 = data : int8[30, 70]\n%1 = data : float32[30, 1]\n%2 = data : float32[70, 50]\n"
      "%3 = data : float32[30, 50]\n%4 = cast %0 : float32[30, 70]\n%5 = expand %1 : float32[30, 70]\n"
      "%6 = mul %4, %5 : float32[30, 70]\n%7 = dot_general %6, %2 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], "
      "rhs_contract = [0]} : float32[30, 50]\n%8 = add %7, %3 : float32[30, 50]\nreturn %8\n}\n",
      interner);
  const LeafSource leaves = random_leaves(3);
  for (const int bits : {128, 256, 512}) {
    const RunResult got = run_graph(g, leaves, {true, true, true, bits, 2});
    EXPECT_EQ(got.kernels.size(), 1u);
    EXPECT_TRUE(bitwise_equal(interpret(g, leaves)[0], got.outputs[0])) << bits;
  }
}

TEST(Contract, GroupsOfPackedNumbers) {
  // Two numbers of a byte: groups of a row's weights hold their first half in the low and their second in the high
  // bits, and have a scale each. Vectors lie in one half where halves are multiples of them, and across a border
  // elsewhere.
  for (const auto& [groups, half] : {std::pair{4, 64}, {3, 32}, {9, 16}, {5, 48}, {7, 24}, {40, 5}, {1, 1100}})
    for (const int64_t rows : {1, 5, 40}) {
      const int64_t n = 37, k = int64_t{2} * groups * half;
      std::string text = fmt::format(
          "graph {{\n%0 = data : uint8[{0}, {1}, {2}]\n%1 = data : float32[{0}, {1}, 1]\n%2 = data : float32[{4}, "
          "{3}]\n"
          "%3 = constant 15 : uint8[]\n%4 = expand %3 : uint8[{0}, {1}, {2}]\n"
          "%5 = constant 4 : uint8[]\n%6 = expand %5 : uint8[{0}, {1}, {2}]\n"
          "%7 = bitwise_and %0, %4 : uint8[{0}, {1}, {2}]\n%8 = bitwise_right_shift %0, %6 : uint8[{0}, {1}, {2}]\n"
          "%9 = concat %7, %8 {{axis = 2}} : uint8[{0}, {1}, {5}]\n%10 = cast %9 : float32[{0}, {1}, {5}]\n"
          "%11 = expand %1 : float32[{0}, {1}, {5}]\n%12 = mul %10, %11 : float32[{0}, {1}, {5}]\n"
          "%13 = reshape %12 : float32[{0}, {3}]\n%14 = dot_general %2, %13 {{lhs_batch = [], rhs_batch = [], "
          "lhs_contract = [1], rhs_contract = [1]}} : float32[{4}, {0}]\nreturn %14\n}}\n",
          n, groups, half, k, rows, 2 * half);
      Interner interner;
      const Graph g = parse(text, interner);
      const LeafSource leaves = random_leaves(5);
      const std::vector<HostArray> want = interpret(g, leaves);
      for (const int bits : {128, 256, 512}) {
        const RunResult got = run_graph(g, leaves, {true, true, true, bits, 2});
        EXPECT_EQ(got.kernels.size(), 1u);
        EXPECT_TRUE(bitwise_equal(want[0], got.outputs[0])) << bits << "\n" << text;
      }
      const RunResult got = run_graph(g, leaves, {true, true, false, 512, 1});
      EXPECT_TRUE(bitwise_equal(want[0], got.outputs[0])) << "kernel interpreter\n" << text;
    }
}

TEST(Contract, HeadsThatLieAcross) {
  // The gradient of a weight behind attention: rows are heads by depth, which lie apart in memory, packed across in
  // fewer lanes than columns.
  for (const auto& [heads, depth, columns] : {std::tuple{4, 16, 48}, {8, 8, 200}, {3, 32, 16}, {6, 10, 33}}) {
    const std::string text = fmt::format(
        "graph {{\n%0 = data : float32[2, {0}, 90, {1}]\n%1 = permute %0 {{axes = [0, 2, 1, 3]}} : float32[2, 90, {0}, "
        "{1}]\n"
        "%2 = reshape %1 : float32[180, {2}]\n%3 = data : float32[180, {3}]\n"
        "%4 = dot_general %2, %3 {{lhs_batch = [], rhs_batch = [], lhs_contract = [0], rhs_contract = [0]}} : "
        "float32[{2}, {3}]\n%5 = data : float32[{2}, {3}]\n%6 = sub %5, %4 : float32[{2}, {3}]\nreturn %6\n}}\n",
        heads, depth, heads * depth, columns);
    Interner interner;
    const Graph g = parse(text, interner);
    const LeafSource leaves = random_leaves(5);
    const std::vector<HostArray> want = interpret(g, leaves);
    for (const int bits : {512, 256, 128})
      EXPECT_TRUE(bitwise_equal(want[0], run_graph(g, leaves, {true, true, true, bits, 2}).outputs[0])) << text << bits;
  }
}

TEST(Contract, CodeStaysSmall) {
  // Two heights and two widths of tiles, both operands turned around, an epilogue: compile time follows this number.
  Interner interner;
  const std::string epilogue = "%5 = data : float32[71]\n%6 = expand %5 : OUT\n%7 = add %4, %6 : OUT\nreturn %7\n";
  const Graph g = parse(graph_text({89, 70, 71, "float32", true, true, 0, {}, {}, epilogue}), interner);
  for (const int bits : {256, 512})
    EXPECT_LT(run_graph(g, random_leaves(1), {true, true, true, bits, 1}).kernels[0]->insts.size(), 900u) << bits;
}

TEST(Contract, OtherSizesOfAClassAreTheSameKernel) {
  const auto key = [](int64_t m, int64_t k, int64_t n) {
    Interner interner;
    const Graph g = parse(graph_text({m, k, n}), interner);
    return codegen::structural_key(*run_graph(g, random_leaves(1), {true, true, true, 512, 1}).kernels[0]);
  };
  EXPECT_TRUE(key(448, 300, 256) == key(504, 310, 320));
}

}  // namespace
}  // namespace lazuli::testing
