// Contractions on matrix units, on the emulated device: floats within the bound of docs/numerics.md, integers to the
// bit, the same bits in every order of threads, and on FMA units wherever the schedule says so.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codegen/cuda/emit.h"
#include "codegen/lower.h"
#include "ir/text.h"
#include "lazuli/base/half.h"
#include "passes/pass.h"
#include "tests/cuda/emulated.h"
#include "tests/cuda/matrix_graphs.h"
#include "tests/cuda/on_device.h"

namespace lazuli::testing {
namespace {

using namespace ir;

/// Of a type's elements: what a result's rounding may add.
double half_unit(DType t) {
  return t == kFloat16 ? std::ldexp(1, -11) : std::ldexp(1, -8);
}

double value(const HostArray& a, int64_t i) {
  if (a.dtype == kFloat16) return half_bits_to_float(a.as<uint16_t>()[i]);
  if (a.dtype == kBFloat16) return bfloat16_bits_to_float(a.as<uint16_t>()[i]);
  return a.as<int8_t>()[i];
}

/// Numbers of every exponent from 2^-6 to 2, or any bytes.
LeafSource numbers() {
  return [](const Node* n) {
    std::mt19937 random(static_cast<unsigned>(n->shape()[0] * 1000 + n->shape().back()));
    HostArray a{n->dtype(), n->shape(), std::vector<std::byte>(static_cast<size_t>(n->nbytes()))};
    for (int64_t i = 0; i < n->numel(); ++i) {
      const unsigned r = random();
      if (n->dtype() == kInt8) {
        a.set_bits(i, r & 255);
      } else {
        const int digits = n->dtype() == kFloat16 ? 10 : 7, bias = n->dtype() == kFloat16 ? 15 : 127;
        const unsigned exponent = static_cast<unsigned>(bias) - 6 + (r >> 8) % 7;
        a.set_bits(i, (r & 1) << 15 | exponent << digits | (r >> 16 & ((1u << digits) - 1)));
      }
    }
    return a;
  };
}

/// The emulated device, which has four processors, without the pipeline that is sm_90a's own.
codegen::GpuTarget small_gpu() {
  codegen::GpuTarget gpu = codegen::GpuTarget::sm_90a();
  gpu.processors = 4;
  gpu.streams = false;
  return gpu;
}

const std::vector<MatrixProduct>& products() {
  // Depths beyond what the stages hold; sizes that tiles, steps and pieces of 16 bytes divide, and that they do not.
  static const std::vector<MatrixProduct> all = {
      {"float16", 64, 256, 64, "nt"},
      {"float16", 70, 333, 66, "nn", true},
      {"bfloat16", 64, 160, 72, "tn"},
      {"bfloat16", 65, 131, 67, "tt", true},
      {"float16", 256, 192, 256, "nn"},
      {"bfloat16", 130, 40, 270, "nt", true},
      {"float16", 64, 32, 64, "nn", false, 3},
      {"bfloat16", 70, 33, 66, "nt", false, 2},
      // Few rows or columns, and depths of which parts are tasks of their own.
      {"float16", 5, 256, 130, "nn"},
      {"bfloat16", 20, 131, 67, "tt", true},
      {"bfloat16", 135, 96, 16, "nt"},
      {"float16", 140, 100, 31, "tn", true, 2},
      {"float16", 64, 4096, 64, "nn", true},
      {"bfloat16", 7, 1300, 70, "tn", true},
      {"float16", 16, 1030, 66, "nt", false, 2},
  };
  return all;
}

/// Of these tests.
runtime::Context& portable_context() {
  static runtime::Context* const context = [] {
    setenv("LAZULI_CUDA_STREAM_MATRIX", "0", 1);
    use_emulator();
    runtime::Context* const made = runtime::Context::from_environment().release();
    unsetenv("LAZULI_CUDA_STREAM_MATRIX");
    return made;
  }();
  return *context;
}

class CudaMatrix : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv("LAZULI_CUDA_MATRIX_UNITS"); }
};

TEST_F(CudaMatrix, FloatsAreWithinTheBound) {
  runtime::Context& context = portable_context();
  for (const MatrixProduct& p : products()) {
    SCOPED_TRACE(p.name());
    ASSERT_THAT(schedules(p.text(), small_gpu()), ::testing::ElementsAre(::testing::StartsWith("block_matrix")));
    const Graph g = parse(p.text(), context.interner());
    std::vector<HostArray> leaves;
    const LeafSource keep = [&, source = numbers()](const Node* n) { return leaves.emplace_back(source(n)); };
    std::vector<HostArray> first;
    for (const int order : {0, 1, 3}) {
      SCOPED_TRACE(order);
      const EmulatedOrder in(order);
      leaves.clear();
      const std::vector<HostArray> got = run_on_device(context, g, keep);
      if (first.empty()) first = got;
      int64_t at = -1;
      ASSERT_TRUE(bitwise_equal(first[0], got[0], &at)) << "differs from the first order at " << at;
    }
    const HostArray &a = leaves[0], &b = leaves[1];
    for (int64_t batch = 0; batch < p.batch; ++batch)
      for (int64_t m = 0; m < p.m; ++m)
        for (int64_t n = 0; n < p.n; ++n) {
          double sum = 0, size = 0;
          for (int64_t k = 0; k < p.k; ++k) {
            const double product = value(a, batch * p.m * p.k + (p.layout[0] == 't' ? k * p.m + m : m * p.k + k)) *
                                   value(b, batch * p.k * p.n + (p.layout[1] == 't' ? n * p.k + k : k * p.n + n));
            sum += product;
            size += std::abs(product);
          }
          double bound = static_cast<double>(p.k + 16) * std::ldexp(size, -22) + half_unit(a.dtype) * std::abs(sum);
          if (p.work) {
            const double bias = value(leaves[2], n);
            bound += half_unit(a.dtype) * (std::abs(sum) + std::abs(bias));
            sum = std::max(0.0, sum + bias);
          }
          const double got = value(first[0], (batch * p.m + m) * p.n + n);
          ASSERT_LE(std::abs(got - sum), bound * 1.01) << "element " << batch << ", " << m << ", " << n;
        }
  }
}

TEST_F(CudaMatrix, IntegersAreExact) {
  runtime::Context& context = portable_context();
  for (const MatrixProduct& p :
       {MatrixProduct{"int8", 64, 320, 64, "nt"}, MatrixProduct{"int8", 70, 333, 66, "nt", true},
        MatrixProduct{"int8", 129, 65, 140, "nt", false, 1, "int32"}, MatrixProduct{"int8", 9, 2100, 70, "nt", true},
        MatrixProduct{"int8", 70, 64, 20, "nn"}}) {
    SCOPED_TRACE(p.name());
    ASSERT_THAT(schedules(p.text(), small_gpu()), ::testing::ElementsAre(::testing::StartsWith("block_matrix")));
    const Graph g = parse(p.text(), context.interner());
    const std::vector<HostArray> want = interpret(g, numbers());
    for (const int order : {0, 1, 2}) {
      const EmulatedOrder in(order);
      const std::vector<HostArray> got = run_on_device(context, g, numbers());
      int64_t at = -1;
      ASSERT_TRUE(bitwise_equal(want[0], got[0], &at)) << "differs at " << at;
    }
  }
}

TEST_F(CudaMatrix, TheScheduleSaysWhoMultiplies) {
  using ::testing::ElementsAre;
  using ::testing::StartsWith;
  const std::string large = MatrixProduct{"float16", 4096, 1024, 4096, "nn"}.text();
  const codegen::GpuTarget a100 = codegen::GpuTarget::sm_80();
  codegen::GpuTarget h100 = codegen::GpuTarget::sm_90a();
  h100.streams = false;
  EXPECT_THAT(schedules(large, a100), ElementsAre(::testing::HasSubstr("block_matrix 64b x1 tile=128x128")));
  EXPECT_THAT(schedules(large, h100), ElementsAre(::testing::HasSubstr("stages=4 threads=256 registers=128")));
  codegen::GpuTarget without = h100;
  without.matrix_units = false;
  EXPECT_THAT(schedules(large, without), ElementsAre(StartsWith("block_contract")));
  for (const MatrixProduct& p :
       {MatrixProduct{"float32", 512, 512, 512, "nn"}, MatrixProduct{"float16", 40, 512, 50, "nn"},
        MatrixProduct{"float16", 512, 8, 512, "nn"}, MatrixProduct{"int32", 512, 512, 512, "nt"}})
    EXPECT_THAT(schedules(p.text(), h100), ElementsAre(StartsWith("block_contract"))) << p.name();
  const auto schedule = [&](const MatrixProduct& p) { return schedules(p.text(), h100).at(0); };
  EXPECT_THAT(schedule({"float16", 8, 4096, 4096, "nt"}), ::testing::HasSubstr("tile=16x128"));
  EXPECT_THAT(schedule({"float16", 8, 4096, 4096, "nt"}), ::testing::HasSubstr("splits=4"));
  EXPECT_THAT(schedule({"float16", 4096, 256, 30, "nn"}), ::testing::HasSubstr("tile=128x32"));
  EXPECT_THAT(schedule({"float16", 64, 100000, 64, "nt"}), ::testing::HasSubstr("tile=64x64"));
  EXPECT_THAT(schedule({"float16", 64, 100000, 64, "nt"}), ::testing::HasSubstr("splits=32"));
  EXPECT_THAT(schedule({"float16", 4096, 4096, 4096, "nt"}), ::testing::Not(::testing::HasSubstr("splits")));
}

TEST_F(CudaMatrix, TurnedOffTheyGiveTheCpusBits) {
  setenv("LAZULI_CUDA_MATRIX_UNITS", "0", 1);
  use_emulator();
  const auto context = runtime::Context::from_environment();
  const Graph g = parse(products()[1].text(), context->interner());
  const std::vector<HostArray> want = interpret(g, numbers()), got = run_on_device(*context, g, numbers());
  int64_t at = -1;
  EXPECT_TRUE(bitwise_equal(want[0], got[0], &at)) << "differs at " << at;
}

}  // namespace
}  // namespace lazuli::testing
