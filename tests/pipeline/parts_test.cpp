// Independent maps in one kernel: bits as without fusion, at all widths and for several workers; part by part in place.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

void expect_one_kernel(const std::string& body) {
  Interner interner;
  const Graph g = parse("graph {\n" + body + "}\n", interner);
  const LeafSource leaves = random_leaves(3);
  const std::vector<HostArray> want = interpret(g, leaves);
  std::vector<RunOptions> runs{{.machine = false}, {.machine = false, .workers = 3, .task_elements = 64}};
  for (const int bits : {128, 256, 512})
    for (const bool fuse : {true, false})
      for (const int64_t elements : {0, 64})
        runs.push_back({.fuse = fuse, .vector_bits = bits, .workers = 3, .task_elements = elements});
  for (const RunOptions& run : runs) {
    const RunResult got = run_graph(g, leaves, run);
    if (run.fuse) {
      EXPECT_EQ(got.kernels.size(), 1u);
    }
    for (size_t o = 0; o < want.size(); ++o) {
      int64_t at = -1;
      ASSERT_TRUE(bitwise_equal(want[o], got.outputs[o], &at))
          << "output " << o << " differs at " << at << " machine=" << run.machine << " bits=" << run.vector_bits
          << " fuse=" << run.fuse << " schedules: " << fmt::format("{}", fmt::join(got.schedules, "; "));
    }
  }
}

TEST(Parts, DifferentSpacesTypesAndSharedOperands) {
  expect_one_kernel(
      "%a = data : float32[7, 33]\n%b = data : float32[33]\n%s = data : float32[]\n%n = argument : float32[]\n"
      "%c = data : float64[1000]\n%d = data : int8[3, 5, 7]\n%e = data : bfloat16[31, 31]\n"
      "%sa = expand %s : float32[7, 33]\n%na = expand %n : float32[7, 33]\n%ba = expand %b : float32[7, 33]\n"
      "%1 = mul %a, %sa : float32[7, 33]\n%2 = add %1, %na : float32[7, 33]\n%3 = sub %2, %ba : float32[7, 33]\n"
      "%sb = expand %s : float32[33]\n%nb = expand %n : float32[33]\n%4 = mul %b, %sb : float32[33]\n"
      "%5 = div %4, %nb : float32[33]\n%6 = exp %c : float64[1000]\n%7 = mul %d, %d : int8[3, 5, 7]\n"
      "%8 = permute %7 {axes = [2, 0, 1]} : int8[7, 3, 5]\n%9 = tanh %e : bfloat16[31, 31]\n"
      "%10 = neg %s : float32[]\nreturn %3, %5, %6, %8, %9, %10\n");
}

TEST(Parts, ManyOutputsEach) {
  std::string body, outputs;
  for (int k = 0; k < 8; ++k) {
    const std::string shape = fmt::format("[{}, {}]", 1 + 3 * k, 40 - 3 * k);
    body += fmt::format(
        "%x{0} = data : float32{1}\n%y{0} = data : float32{1}\n%p{0} = mul %x{0}, %y{0} : float32{1}\n"
        "%q{0} = add %p{0}, %x{0} : float32{1}\n%r{0} = sqrt %q{0} : float32{1}\n",
        k, shape);
    outputs += fmt::format("{}%p{}, %q{}, %r{}", k ? ", " : "", k, k, k);
  }
  expect_one_kernel(body + "return " + outputs + "\n");
}

TEST(Parts, ShowInThePartition) {
  Interner interner;
  passes::PassContext ctx{.interner = interner, .observer = {}};
  const Graph g = parse(
      "graph {\n%0 = data : float32[100, 64]\n%1 = data : float32[33]\n%2 = exp %0 : float32[100, 64]\n"
      "%3 = neg %1 : float32[33]\nreturn %2, %3\n}\n",
      interner);
  const std::string text = passes::print_partition(passes::partition(g, ctx));
  EXPECT_NE(text.find("region 0 map spaces="), text.npos) << text;
  EXPECT_NE(text.find("[100, 64]"), text.npos) << text;
  EXPECT_NE(text.find("[33]"), text.npos) << text;
}

}  // namespace
}  // namespace lazuli::testing
