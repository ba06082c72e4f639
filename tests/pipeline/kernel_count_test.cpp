// How many kernels the default pipeline makes: what fusion promises.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

size_t kernels(const std::string& body) {
  ir::Interner interner;
  return count_kernels(ir::parse("graph {\n" + body + "}\n", interner));
}

TEST(KernelCount, GeluWithBroadcasting) {
  EXPECT_EQ(kernels("%0 = data : float32[64, 128]\n%1 = data : float32[128]\n%2 = data : float32[64, 1]\n"
                    "%3 = expand %1 : float32[64, 128]\n%4 = expand %2 : float32[64, 128]\n"
                    "%5 = mul %0, %3 : float32[64, 128]\n%6 = add %5, %4 : float32[64, 128]\n"
                    "%7 = gelu %6 : float32[64, 128]\nreturn %7\n"),
            1u);
}

TEST(KernelCount, Softmax) {
  EXPECT_EQ(kernels("%0 = data : float32[64, 128]\n%1 = softmax %0 {axis = 1} : float32[64, 128]\nreturn %1\n"), 1u);
}

TEST(KernelCount, LayerNormWithAffine) {
  EXPECT_EQ(kernels("%0 = data : float32[64, 128]\n%1 = data : float32[128]\n%2 = data : float32[128]\n"
                    "%3 = layer_norm %0, %1, %2 {axes = [1], epsilon = 1e-5} : float32[64, 128]\nreturn %3\n"),
            1u);
}

TEST(KernelCount, StandardisedColumns) {
  EXPECT_LE(kernels("%0 = data : float32[64, 128]\n%1 = mean %0 {axes = [0]} : float32[128]\n"
                    "%2 = var %0 {axes = [0], correction = 1} : float32[128]\n%3 = sqrt %2 : float32[128]\n"
                    "%4 = expand %1 : float32[64, 128]\n%5 = expand %3 : float32[64, 128]\n"
                    "%6 = sub %0, %4 : float32[64, 128]\n%7 = div %6, %5 : float32[64, 128]\nreturn %7\n"),
            2u);
}

TEST(KernelCount, StencilBySlices) {
  std::string body = "%0 = data : float32[66, 66]\n%1 = constant 0.25 : float32[]\n%2 = expand %1 : float32[64, 64]\n";
  const char* starts[] = {"[0, 1]", "[2, 1]", "[1, 0]", "[1, 2]"};
  for (int i = 0; i < 4; ++i)
    body += "%" + std::to_string(10 + i) + " = slice %0 {start = " + starts[i] + ", step = [1, 1]} : float32[64, 64]\n";
  body +=
      "%20 = add %10, %11 : float32[64, 64]\n%21 = add %20, %12 : float32[64, 64]\n%22 = add %21, %13 : float32[64, "
      "64]\n"
      "%23 = mul %22, %2 : float32[64, 64]\n"
      "%24 = slice_update %0, %23 {start = [1, 1], step = [1, 1]} : float32[66, 66]\nreturn %24\n";
  EXPECT_EQ(kernels(body), 1u);
}

TEST(KernelCount, SumOfSquaredDifferencesWithoutTheDifferences) {
  EXPECT_EQ(kernels("%0 = data : float32[36, 64]\n%1 = data : float32[144, 64]\n%2 = reshape %0 : float32[36, 1, 64]\n"
                    "%3 = reshape %1 : float32[1, 144, 64]\n%4 = expand %2 : float32[36, 144, 64]\n"
                    "%5 = expand %3 : float32[36, 144, 64]\n%6 = sub %4, %5 : float32[36, 144, 64]\n"
                    "%7 = mul %6, %6 : float32[36, 144, 64]\n%8 = sum %7 {axes = [2]} : float32[36, 144]\nreturn %8\n"),
            1u);
}

// ---- Contractions --------------------------------------------------------------------------------------------------

const std::string kMatmul = "{lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]}";

struct Litmus {
  const char* what;
  size_t kernels;
  std::string body;
};

TEST(KernelCount, Contractions) {
  const Litmus table[] = {
      {"relu(matmul(x, W) + b)", 1,
       "%0 = data : float32[64, 32]\n%1 = data : float32[32, 48]\n%2 = data : float32[48]\n"
       "%3 = dot_general %0, %1 " +
           kMatmul +
           " : float32[64, 48]\n%4 = expand %2 : float32[64, 48]\n"
           "%5 = add %3, %4 : float32[64, 48]\n%6 = relu %5 : float32[64, 48]\nreturn %6\n"},
      {"the pre-activation is a result as well", 1,
       "%0 = data : float32[64, 32]\n%1 = data : float32[32, 48]\n%3 = dot_general %0, %1 " + kMatmul +
           " : float32[64, 48]\n%6 = relu %3 : float32[64, 48]\nreturn %6, %3\n"},
      {"matmul(dequantize(q, scale), x) + residual", 1,
       "%0 = data : int8[64, 32]\n%1 = data : float32[64, 1]\n%2 = data : float32[32, 48]\n"
       "%3 = data : float32[64, 48]\n%4 = cast %0 : float32[64, 32]\n%5 = expand %1 : float32[64, 32]\n"
       "%6 = mul %4, %5 : float32[64, 32]\n%7 = dot_general %6, %2 " +
           kMatmul +
           " : float32[64, 48]\n"
           "%8 = add %7, %3 : float32[64, 48]\nreturn %8\n"},
      {"masked and scaled, both operands transposed", 1,
       "%0 = data : float32[32, 64]\n%1 = data : float32[48, 32]\n%2 = data : bool[64, 48]\n"
       "%3 = constant 0.5 : float32[]\n%4 = constant -1e9 : float32[]\n"
       "%5 = permute %0 {axes = [1, 0]} : float32[64, 32]\n%6 = permute %1 {axes = [1, 0]} : float32[32, 48]\n"
       "%7 = dot_general %5, %6 " +
           kMatmul +
           " : float32[64, 48]\n%8 = expand %3 : float32[64, 48]\n"
           "%9 = expand %4 : float32[64, 48]\n%10 = mul %7, %8 : float32[64, 48]\n"
           "%11 = where %2, %10, %9 : float32[64, 48]\nreturn %11\n"},
      {"a step of Adam on weights: three results", 1,
       "%0 = data : float32[64, 32]\n%1 = data : float32[64, 48]\n%2 = data : float32[32, 48]\n"
       "%3 = data : float32[32, 48]\n%4 = data : float32[32, 48]\n%5 = constant 0.9 : float32[]\n"
       "%6 = constant 0.999 : float32[]\n%7 = constant 1e-3 : float32[]\n%8 = expand %5 : float32[32, 48]\n"
       "%9 = expand %6 : float32[32, 48]\n%10 = expand %7 : float32[32, 48]\n"
       "%11 = dot_general %0, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [0], rhs_contract = [0]} : "
       "float32[32, 48]\n%12 = mul %2, %8 : float32[32, 48]\n%13 = add %12, %11 : float32[32, 48]\n"
       "%14 = mul %11, %11 : float32[32, 48]\n%15 = mul %3, %9 : float32[32, 48]\n"
       "%16 = add %15, %14 : float32[32, 48]\n%17 = sqrt %16 : float32[32, 48]\n%18 = div %13, %17 : float32[32, 48]\n"
       "%19 = mul %18, %10 : float32[32, 48]\n%20 = sub %4, %19 : float32[32, 48]\nreturn %13, %16, %20\n"},
      {"heads split off and put in front", 1,
       "%0 = data : float32[2, 64, 32]\n%1 = data : float32[32, 48]\n%2 = data : float32[48]\n"
       "%3 = dot_general %0, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [2], rhs_contract = [0]} : "
       "float32[2, 64, 48]\n%4 = expand %2 : float32[2, 64, 48]\n%5 = add %3, %4 : float32[2, 64, 48]\n"
       "%6 = reshape %5 : float32[2, 64, 3, 16]\n%7 = permute %6 {axes = [0, 2, 1, 3]} : float32[2, 3, 64, 16]\n"
       "return %7\n"},
      {"two layers", 2,
       "%0 = data : float32[64, 32]\n%1 = data : float32[32, 48]\n%2 = data : float32[48, 16]\n"
       "%3 = dot_general %0, %1 " +
           kMatmul +
           " : float32[64, 48]\n%4 = relu %3 : float32[64, 48]\n"
           "%5 = dot_general %4, %2 " +
           kMatmul + " : float32[64, 16]\n%6 = tanh %5 : float32[64, 16]\nreturn %6\n"},
      {"two products of one shape, each with its own update", 2,
       "%0 = data : float32[64, 32]\n%1 = data : float32[64, 48]\n%2 = data : float32[64, 32]\n"
       "%3 = data : float32[64, 48]\n%4 = data : float32[32, 48]\n%5 = data : float32[32, 48]\n"
       "%6 = dot_general %0, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [0], rhs_contract = [0]} : "
       "float32[32, 48]\n%7 = dot_general %2, %3 {lhs_batch = [], rhs_batch = [], lhs_contract = [0], rhs_contract = "
       "[0]} : float32[32, 48]\n%8 = sub %4, %6 : float32[32, 48]\n%9 = sub %5, %7 : float32[32, 48]\n"
       "return %8, %9\n"},
      {"softmax between two products: its rows are a kernel", 3,
       "%0 = data : float32[64, 32]\n%1 = data : float32[32, 64]\n%2 = data : float32[64, 32]\n"
       "%3 = dot_general %0, %1 " +
           kMatmul +
           " : float32[64, 64]\n%4 = softmax %3 {axis = 1} : float32[64, 64]\n"
           "%5 = dot_general %4, %2 " +
           kMatmul + " : float32[64, 32]\nreturn %5\n"},
      {"a vector that every row would compute again", 2,
       "%0 = data : float32[64, 32]\n%1 = data : float32[32]\n%2 = tanh %1 : float32[32]\n"
       "%3 = dot_general %0, %2 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : "
       "float32[64]\nreturn %3\n"},
      {"a matrix that is needed once", 1,
       "%0 = data : float32[64, 32]\n%1 = data : float32[32]\n%2 = tanh %0 : float32[64, 32]\n"
       "%3 = dot_general %2, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : "
       "float32[64]\nreturn %3\n"},
  };
  for (const Litmus& l : table) EXPECT_EQ(kernels(l.body), l.kernels) << l.what;
}

/// One parameter of an Adam step: reads p, g, m, v, stores all but g anew.
std::string adam(int k, const std::string& shape) {
  const auto n = [k](const char* name) { return "%" + std::string(name) + std::to_string(k); };
  std::string text;
  for (const char* leaf : {"p", "g", "m", "v"}) text += n(leaf) + " = data : float32" + shape + "\n";
  const auto line = [&](const std::string& to, const std::string& op) {
    text += to + " = " + op + " : float32" + shape + "\n";
  };
  const auto full = [&](const char* name, const char* scalar) { line(n(name), std::string("expand ") + scalar); };
  full("b", "%beta1"), full("c", "%beta2"), full("d", "%gamma1"), full("e", "%gamma2"), full("l", "%lr"),
      full("z", "%eps");
  line(n("mb"), "mul " + n("m") + ", " + n("b")), line(n("gd"), "mul " + n("g") + ", " + n("d"));
  line(n("nm"), "add " + n("mb") + ", " + n("gd"));
  line(n("gg"), "mul " + n("g") + ", " + n("g")), line(n("vc"), "mul " + n("v") + ", " + n("c"));
  line(n("ge"), "mul " + n("gg") + ", " + n("e")), line(n("nv"), "add " + n("vc") + ", " + n("ge"));
  line(n("s"), "sqrt " + n("nv")), line(n("t"), "add " + n("s") + ", " + n("z"));
  line(n("u"), "div " + n("nm") + ", " + n("t")), line(n("w"), "mul " + n("u") + ", " + n("l"));
  line(n("np"), "sub " + n("p") + ", " + n("w"));
  return text;
}
const char* const kAdamNumbers =
    "%lr = argument : float32[]\n%beta1 = constant 0.9 : float32[]\n%beta2 = constant 0.999 : float32[]\n"
    "%gamma1 = constant 0.1 : float32[]\n%gamma2 = constant 0.001 : float32[]\n%eps = constant 1e-8 : float32[]\n";

TEST(KernelCount, AdamOverFourParameters) {
  EXPECT_EQ(kernels(kAdamNumbers + adam(0, "[64, 128]") + adam(1, "[128]") + adam(2, "[128, 10]") + adam(3, "[10]") +
                    "return %np0, %nm0, %nv0, %np1, %nm1, %nv1, %np2, %nm2, %nv2, %np3, %nm3, %nv3\n"),
            1u);
}

TEST(KernelCount, AdamOverSixteenParameters) {
  std::string body = kAdamNumbers, results;
  for (int k = 0; k < 16; ++k) {
    body += adam(k, "[" + std::to_string(20 + k) + ", 8]");
    for (const char* name : {"%np", "%nm", "%nv"})
      results += (results.empty() ? "" : ", ") + (name + std::to_string(k));
  }
  EXPECT_EQ(kernels(body + "return " + results + "\n"), 2u);
}

TEST(KernelCount, LargeMapsStayAlone) {
  EXPECT_EQ(kernels(kAdamNumbers + adam(0, "[1024, 1024]") + adam(1, "[1024]") + adam(2, "[1024, 1024, 2]") +
                    "return %np0, %nm0, %nv0, %np1, %nm1, %nv1, %np2, %nm2, %nv2\n"),
            3u);
}

TEST(KernelCount, MapsThatWaitForEachOtherAreNotOneKernel) {
  // b needs a through a contraction; c belongs to neither and runs beside one of them.
  EXPECT_EQ(
      kernels("%x = data : float32[8, 8]\n%a = exp %x : float32[8, 8]\n"
              "%d = dot_general %a, %a {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : "
              "float32[8, 8]\n%s = sum %d {axes = [0, 1]} : float32[]\n%y = data : float32[5]\n"
              "%e = expand %s : float32[5]\n%b = add %e, %y : float32[5]\n%z = data : float32[7]\n"
              "%c = exp %z : float32[7]\nreturn %a, %b, %c\n"),
      4u);
}

/// p - rate * g for tensors of one shape. Each is a map of its own, however many there are, and nothing that is made of
/// scalars is stored because a kernel is full.
TEST(KernelCount, UpdatesThatShareNothingKeepApart) {
  constexpr int kTensors = 40;
  std::string body = "%0 = argument : float32[]\n%1 = expand %0 : float32[2000000]\n", results;
  for (int t = 0; t < kTensors; ++t) {
    const int p = 4 * t + 10;
    body += fmt::format(
        "%{0} = data : float32[2000000]\n%{1} = data : float32[2000000]\n%{2} = mul %1, %{1} : float32[2000000]\n"
        "%{3} = sub %{0}, %{2} : float32[2000000]\n",
        p, p + 1, p + 2, p + 3);
    results += fmt::format("{}%{}", t ? ", " : "", p + 3);
  }
  ir::Interner interner;
  const ir::Graph g = ir::parse("graph {\n" + body + "return " + results + "\n}\n", interner);
  passes::PassContext ctx{.interner = interner, .observer = {}};
  const ir::Partition partition = passes::partition(g, ctx);
  EXPECT_EQ(partition.regions.size(), size_t{kTensors});
  for (const ir::Region& r : partition.regions) {
    EXPECT_EQ(r.outputs.size(), 1u);
    EXPECT_EQ(r.inputs.size(), 3u);
  }
  // What reads the same is one kernel.
  EXPECT_EQ(kernels("%0 = data : float32[2000000]\n%1 = exp %0 : float32[2000000]\n%2 = sin %0 : float32[2000000]\n"
                    "return %1, %2\n"),
            1u);
}

/// Many pieces in one function take the code generator longer than as many functions.
TEST(KernelCount, GroupedMapsHaveAFewPieces) {
  std::string body, results;
  for (int i = 0; i < 64; ++i) {
    body += "%" + std::to_string(2 * i) + " = data : float32[" + std::to_string(30 + i) + "]\n";
    results += (i ? ", %" : "%") + std::to_string(2 * i + 1);
  }
  body += "%500 = constant 0 : float32[]\n";
  for (int i = 0; i < 64; ++i)
    body += "%" + std::to_string(2 * i + 1) + " = pad %" + std::to_string(2 * i) +
            ", %500 {low = [1], high = [1]} : float32[" + std::to_string(32 + i) + "]\n";
  EXPECT_EQ(kernels(body + "return " + results + "\n"), 8u);
  // The same where they share a space, which makes them one map.
  std::string same;
  for (int i = 0; i < 64; ++i) same += "%" + std::to_string(2 * i) + " = data : float32[30]\n";
  same += "%500 = constant 0 : float32[]\n";
  for (int i = 0; i < 64; ++i)
    same += "%" + std::to_string(2 * i + 1) + " = pad %" + std::to_string(2 * i) + ", %500 {low = [" +
            std::to_string(i) + "], high = [" + std::to_string(64 - i) + "]} : float32[94]\n";
  EXPECT_GE(kernels(same + "return " + results + "\n"), 4u);
  // A concat of twenty takes all the pieces that a kernel may have beside its own.
  std::string joined, parts;
  for (int i = 0; i < 80; ++i) joined += "%" + std::to_string(i) + " = data : float32[8]\n";
  for (int k = 0; k < 4; ++k) {
    joined += "%" + std::to_string(100 + k) + " = concat ";
    for (int i = 0; i < 20; ++i) joined += (i ? ", %" : "%") + std::to_string(20 * k + i);
    joined += " {axis = 0} : float32[160]\n%" + std::to_string(200 + k) + " = slice %" + std::to_string(100 + k) +
              " {start = [" + std::to_string(k) + "], step = [1]} : float32[" + std::to_string(160 - k) + "]\n";
    parts += (k ? ", %" : "%") + std::to_string(200 + k);
  }
  EXPECT_EQ(kernels(joined + "return " + parts + "\n"), 4u);
}

}  // namespace
}  // namespace lazuli::testing
