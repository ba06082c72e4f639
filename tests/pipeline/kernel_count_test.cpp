// How many kernels the default pipeline makes: what fusion promises.
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

}  // namespace
}  // namespace lazuli::testing
