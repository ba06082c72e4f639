// cuBLASLt as one that multiplies (LAZULI_CUDA_CUBLASLT), by its stand-in: which products it is given and how, what
// reports say, and that kernels do it where the library is missing, has no algorithm or must not.
#include "runtime/cuda/cublaslt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "codegen/cuda/shared_library.h"
#include "ir/text.h"
#include "lazuli/base/half.h"
#include "runtime/executor.h"
#include "tests/cuda/emulated.h"
#include "tests/cuda/matrix_graphs.h"
#include "tests/cuda/on_device.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Whole numbers from -4 to 3, whose sums are exact in every order.
LeafSource whole_numbers() {
  return [](const Node* n) {
    HostArray a{n->dtype(), n->shape(), std::vector<std::byte>(static_cast<size_t>(n->nbytes()))};
    uint64_t x = static_cast<uint64_t>(n->numel());
    for (int64_t i = 0; i < n->numel(); ++i) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      const auto v = static_cast<float>(static_cast<int64_t>(x >> 61) - 4);
      const auto bits = std::bit_cast<uint32_t>(v);
      a.set_bits(i, n->dtype() == kFloat32 ? bits : n->dtype() == kBFloat16 ? bits >> 16 : float_to_half_bits(v));
    }
    return a;
  };
}

class CudaCublasLt : public ::testing::Test {
 protected:
  void SetUp() override {
    use_emulator();
    setenv("LAZULI_CUDA_CUBLASLT", "1", 1);
    setenv("LAZULI_CUBLASLT", LAZULI_EMULATED_CUBLASLT, 1);
    make_context();
  }
  void TearDown() override {
    for (const char* name :
         {"LAZULI_CUDA_CUBLASLT", "LAZULI_CUBLASLT", "LAZULI_EMULATOR_NO_ALGORITHM", "LAZULI_CUDA_MATRIX_UNITS"})
      unsetenv(name);
  }
  void make_context() {
    context_ = runtime::Context::from_environment();
    context_->set_log_sink([this](runtime::LogLevel, std::string_view text) { log_ += text; });
  }

  /// Runs it on the device and compares with the interpreter; how often the library multiplied.
  long calls(const std::string& text, int runs = 1) {
    const Graph g = parse(text, context_->interner());
    const std::vector<HostArray> want = interpret(g, whole_numbers());
    const long before = emulator_count("cublasLtMatmul");
    for (int i = 0; i < runs; ++i) {
      const std::vector<HostArray> got = run_on_device(*context_, g, whole_numbers());
      int64_t at = -1;
      for (size_t o = 0; o < want.size(); ++o)
        EXPECT_TRUE(bitwise_equal(want[o], got[o], &at)) << text << "output " << o << " differs at " << at;
    }
    return emulator_count("cublasLtMatmul") - before;
  }

  std::unique_ptr<runtime::Context> context_;
  std::string log_;
};

TEST_F(CudaCublasLt, MultipliesPlainProductsOfEveryLayout) {
  for (const char* type : {"float32", "float16", "bfloat16"})
    for (const char* layout : {"nn", "nt", "tn", "tt"}) {
      EXPECT_EQ(calls(MatrixProduct{type, 17, 24, 9, layout}.text()), 1) << type << layout;
      EXPECT_EQ(calls(MatrixProduct{type, 8, 16, 40, layout, false, 3}.text()), 1) << type << layout;
    }
  EXPECT_EQ(log_, "");
}

TEST_F(CudaCublasLt, ReadsPartsOfTensorsAndWritesTurned) {
  // A part that begins at an odd element, rows apart from each other; the result turned.
  EXPECT_EQ(calls("graph {\n%0 = data : bfloat16[20, 40]\n%1 = data : bfloat16[30, 12]\n"
                  "%2 = slice %0 {start = [3, 5], step = [1, 1]} : bfloat16[16, 30]\n"
                  "%3 = dot_general %2, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : "
                  "bfloat16[16, 12]\n%4 = permute %3 {axes = [1, 0]} : bfloat16[12, 16]\nreturn %4\n}\n"),
            1);
}

TEST_F(CudaCublasLt, LeavesEverythingElseToKernels) {
  EXPECT_EQ(calls(MatrixProduct{"bfloat16", 17, 24, 9, "nn", true}.text()), 0);  // work on the result
  EXPECT_EQ(calls(MatrixProduct{"int8", 17, 24, 9, "nt"}.text()), 0);
  EXPECT_EQ(calls("graph {\n%0 = data : float32[6, 8]\n%1 = data : float32[8, 7]\n%2 = add %0, %0 : float32[6, 8]\n"
                  "%3 = dot_general %2, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : "
                  "float32[6, 7]\nreturn %3\n}\n"),
            0);
  // A step of two elements: nothing is consecutive.
  EXPECT_EQ(calls("graph {\n%0 = data : float32[6, 16]\n%1 = data : float32[8, 7]\n"
                  "%4 = slice %0 {start = [0, 0], step = [1, 2]} : float32[6, 8]\n"
                  "%3 = dot_general %4, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : "
                  "float32[6, 7]\nreturn %3\n}\n"),
            0);
}

TEST_F(CudaCublasLt, StandsBetweenTheKernelsOfAProgramThatRunsAgain) {
  const std::string text =
      "graph {\n%0 = data : float32[33, 40]\n%1 = data : float32[40, 20]\n%2 = abs %0 : float32[33, 40]\n"
      "%3 = sum %2 {axes = [1]} : float32[33]\n"
      "%4 = dot_general %0, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : "
      "float32[33, 20]\n%5 = sum %4 {axes = [0]} : float32[20]\n%6 = sum %5 {axes = [0]} : float32[]\n"
      "return %3, %4, %6\n}\n";
  EXPECT_EQ(calls(text, 4), 4);
}

TEST_F(CudaCublasLt, ReportsSayWhoMultiplied) {
  const auto report = [&](const MatrixProduct& p) {
    const Graph g = parse(p.text(), context_->interner());
    runtime::EvalOptions options;
    options.profile = true;
    runtime::Report r;
    run_on_device(*context_, g, whole_numbers(), options, &r);
    return r.kernels.at(0);
  };
  const auto library = report({"bfloat16", 64, 96, 72, "nt"});
  EXPECT_EQ(library.klass, "library");
  EXPECT_EQ(library.schedule, "cuBLASLt 13.0.0 bfloat16 64x96x72 nt");
  EXPECT_EQ(library.flops, 2.0 * 64 * 96 * 72);
  const auto kernel = report({"bfloat16", 64, 96, 72, "nt", true});
  EXPECT_EQ(kernel.klass, "matrix_unit");
  EXPECT_THAT(kernel.schedule, StartsWith("block_matrix"));
}

TEST_F(CudaCublasLt, KernelsMultiplyWhereItCannot) {
  const std::string text = MatrixProduct{"float16", 17, 24, 9, "nn"}.text();
  setenv("LAZULI_EMULATOR_NO_ALGORITHM", "1", 1);
  EXPECT_EQ(calls(text), 0);
  EXPECT_THAT(log_, HasSubstr("LAZULI_CUDA_CUBLASLT: cuBLASLt has no algorithm for float16 17x24x9 nn: "
                              "CUBLAS_STATUS_NOT_SUPPORTED; a kernel multiplies instead"));
  unsetenv("LAZULI_EMULATOR_NO_ALGORITHM");
  setenv("LAZULI_CUBLASLT", "/nowhere/libcublasLt.so", 1);
  make_context();
  EXPECT_EQ(calls(text), 0);
  EXPECT_THAT(log_, HasSubstr("cuBLASLt was not found: /nowhere/libcublasLt.so: cannot open"));
  setenv("LAZULI_CUBLASLT", LAZULI_EMULATED_CUDA, 1);  // a library that is another
  make_context();
  EXPECT_EQ(calls(text), 0);
  EXPECT_THAT(log_, HasSubstr("has no function cublasLtCreate"));
}

TEST_F(CudaCublasLt, IsOffUnlessChosenAndWhereTheCpusBitsAreWanted) {
  const std::string text = MatrixProduct{"float32", 17, 24, 9, "nn"}.text();
  setenv("LAZULI_CUDA_MATRIX_UNITS", "0", 1);
  make_context();
  EXPECT_EQ(calls(text), 0);
  unsetenv("LAZULI_CUDA_MATRIX_UNITS");
  unsetenv("LAZULI_CUDA_CUBLASLT");
  make_context();
  EXPECT_EQ(calls(text), 0);
  EXPECT_EQ(log_, "");
}

/// The real library, where it is found: its functions have the names that are asked for. Nothing of it needs a GPU.
TEST(CudaCublasLtReal, HasTheFunctionsThatAreCalled) {
  std::string why;
  const auto library = runtime::cuda::CublasLt::open("", &why);
  if (!library) GTEST_SKIP() << "SKIPPED: " << why;
  EXPECT_THAT(library->version(), ::testing::MatchesRegex("cuBLASLt 1[0-9]+\\.[0-9]+\\.[0-9]+"));
}

}  // namespace
}  // namespace lazuli::testing
