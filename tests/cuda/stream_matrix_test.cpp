// Products of matrices through the pipeline of sm_90a (KOp::StreamTile), on the emulated device: floats within the
// bound of docs/numerics.md, integers to the bit, the same bits in every order of threads and boxes; what the copy
// engine does not take goes elsewhere.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Of a type's elements: what a result's rounding may add.
double half_unit(DType t) {
  return std::ldexp(1, t == kFloat16 ? -11 : t == kBFloat16 ? -8 : -24);
}

double value(const HostArray& a, int64_t i) {
  if (a.dtype == kFloat16) return half_bits_to_float(a.as<uint16_t>()[i]);
  if (a.dtype == kBFloat16) return bfloat16_bits_to_float(a.as<uint16_t>()[i]);
  if (a.dtype == kFloat32) return a.as<float>()[i];
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
        continue;
      }
      const auto f = std::ldexp(static_cast<float>((r >> 8) % 65536 + 65536), static_cast<int>(r % 7) - 22);
      const auto bits = std::bit_cast<uint32_t>(r >> 31 ? -f : f);
      a.set_bits(i, n->dtype() == kFloat32    ? bits
                    : n->dtype() == kBFloat16 ? bits >> 16
                                              : float_to_half_bits(std::bit_cast<float>(bits)));
    }
    return a;
  };
}

codegen::GpuTarget small_gpu(bool tf32 = false) {
  codegen::GpuTarget gpu = codegen::GpuTarget::sm_90a();
  gpu.processors = 4;
  gpu.tf32 = tf32;
  return gpu;
}

/// `rounding`: by how much of itself a product may be another because of what its factors are read as. `every`: of
/// so many results, one is compared.
void expect_within_bound(runtime::Context& context, const MatrixProduct& p, double rounding = 0, int64_t shift = 0,
                         int64_t every = 1) {
  const Graph g = parse(p.text(), context.interner());
  std::vector<HostArray> leaves, first;
  const LeafSource keep = [&, source = numbers()](const Node* n) { return leaves.emplace_back(source(n)); };
  for (const int order : {0, 1, 3}) {
    SCOPED_TRACE(order);
    const EmulatedOrder in(order);
    leaves.clear();
    const std::vector<HostArray> got = run_on_device(context, g, keep, {}, nullptr, shift);
    if (first.empty()) first = got;
    int64_t at = -1;
    ASSERT_TRUE(bitwise_equal(first[0], got[0], &at)) << "differs from the first order at " << at;
  }
  const HostArray &a = leaves[0], &b = leaves[1];
  for (int64_t i = 0; i < p.batch * p.m * p.n; i += every) {
    const int64_t batch = i / (p.m * p.n), m = i / p.n % p.m, n = i % p.n;
    double sum = 0, size = 0;
    for (int64_t k = 0; k < p.k; ++k) {
      const double product = value(a, batch * p.m * p.k + (p.layout[0] == 't' ? k * p.m + m : m * p.k + k)) *
                             value(b, batch * p.k * p.n + (p.layout[1] == 't' ? n * p.k + k : k * p.n + n));
      sum += product;
      size += std::abs(product);
    }
    double bound =
        (static_cast<double>(p.k + 16) * std::ldexp(1, -22) + rounding) * size + half_unit(a.dtype) * std::abs(sum);
    if (p.work) {
      const double bias = value(leaves[2], n);
      bound += half_unit(a.dtype) * (std::abs(sum) + std::abs(bias));
      sum = std::max(0.0, sum + bias);
    }
    ASSERT_LE(std::abs(value(first[0], i) - sum), bound * 1.01) << "element " << batch << ", " << m << ", " << n;
  }
}

struct Streamed {
  MatrixProduct product;
  const char* schedule;
};

class CudaStreamMatrix : public ::testing::TestWithParam<Streamed> {};

TEST_P(CudaStreamMatrix, FloatsAreWithinTheBound) {
  const auto& [p, schedule] = GetParam();
  SCOPED_TRACE(p.name());
  ASSERT_THAT(schedules(p.text(), small_gpu()), ElementsAre(HasSubstr(schedule)));
  expect_within_bound(emulated_context(), p);
}

// Depths beyond what the stages hold; tiles that hang over; more tiles than processors; a last group of fewer rows.
INSTANTIATE_TEST_SUITE_P(Products, CudaStreamMatrix,
                         ::testing::Values(Streamed{{"bfloat16", 130, 400, 264, "nn", true},
                                                    "stream_matrix 64b x1 tile=128x256"},
                                           Streamed{{"float16", 136, 328, 512, "nt"}, "tile=128x256"},
                                           Streamed{{"float16", 264, 456, 136, "tn", true}, "tile=128x128"},
                                           Streamed{{"bfloat16", 200, 72, 264, "tt"}, "tile=128x256"},
                                           Streamed{{"float16", 1100, 40, 72, "nn"}, "tile=128x128"},
                                           Streamed{{"bfloat16", 72, 136, 80, "nt", true, 3}, "tile=128x128"},
                                           Streamed{{"float16", 80, 48, 144, "tn", false, 2}, "tile=128x128"}),
                         [](const auto& p) { return fmt::format("n{}", p.index); });

TEST(CudaStreamMatrixOf, IntegersAreExact) {
  runtime::Context& context = emulated_context();
  for (const MatrixProduct& p : {MatrixProduct{"int8", 200, 1040, 264, "nt", true, 1, "int32"},
                                 MatrixProduct{"int8", 136, 272, 144, "nt", false, 2}}) {
    SCOPED_TRACE(p.name());
    ASSERT_THAT(schedules(p.text(), small_gpu()), ElementsAre(StartsWith("stream_matrix")));
    const Graph g = parse(p.text(), context.interner());
    const std::vector<HostArray> want = interpret(g, numbers());
    for (const int order : kOrders) {
      const EmulatedOrder in(order);
      const std::vector<HostArray> got = run_on_device(context, g, numbers());
      int64_t at = -1;
      ASSERT_TRUE(bitwise_equal(want[0], got[0], &at)) << "differs at " << at << " in order " << order;
    }
  }
}

TEST(CudaStreamMatrixOf, Float32OnDemandIsWithinTheBoundOfShorterFactors) {
  const MatrixProduct p{"float32", 136, 200, 260, "nt", true};
  EXPECT_THAT(schedules(p.text(), small_gpu()), ElementsAre(StartsWith("block_contract")));
  EXPECT_THAT(schedules(p.text(), small_gpu(true)), ElementsAre(StartsWith("stream_matrix")));
  // Elements of four bytes are multiplied along the depth alone.
  const MatrixProduct turned{"float32", 136, 200, 260, "nn"};
  EXPECT_THAT(schedules(turned.text(), small_gpu(true)), ElementsAre(StartsWith("block_contract")));
  setenv("LAZULI_CUDA_TF32", "1", 1);
  use_emulator();
  const auto context = runtime::Context::from_environment();
  unsetenv("LAZULI_CUDA_TF32");
  expect_within_bound(*context, p, std::ldexp(1, -9));
}

/// Those above are too few tiles for a chip, which takes them to the other pipeline.
TEST(CudaStreamMatrixOf, AChipsWorthIsWithinTheBound) {
  const char* const device = std::getenv("LAZULI_TEST_DEVICE");
  if (!device || std::string_view(device) != "real") GTEST_SKIP() << "SKIPPED: no device but the emulated one";
  for (const char* type : {"float16", "bfloat16"})
    for (const char* layout : {"nn", "nt", "tn", "tt"})
      for (const int64_t n : {1032, 2056}) {
        const MatrixProduct p{type, n, 1096, n, layout, true};
        SCOPED_TRACE(p.name());
        ASSERT_THAT(schedules(p.text(), codegen::GpuTarget::sm_90a()), ElementsAre(StartsWith("stream_matrix")));
        expect_within_bound(emulated_context(), p, 0, 0, 401);
      }
}

/// One operand for all batches, and a result whose rows no piece of 16 bytes divides.
TEST(CudaStreamMatrixOf, BatchesMayShareAnOperand) {
  const std::string text =
      "graph {\n%0 = data : float16[3, 72, 64]\n%1 = data : float16[64, 136]\n%2 = expand %1 : float16[3, 64, 136]\n"
      "%3 = dot_general %0, %2 {lhs_batch = [0], rhs_batch = [0], lhs_contract = [2], rhs_contract = [1]} : "
      "float16[3, 72, 136]\n%4 = slice %3 {start = [0, 0, 0], step = [1, 1, 1]} : "
      "float16[3, 72, 131]\n%5 = neg %4 : float16[3, 72, 131]\nreturn %5\n}\n";
  runtime::Context& context = emulated_context();
  const Graph g = parse(text, context.interner());
  const std::vector<HostArray> want = interpret(g, numbers());
  for (const int order : kOrders) {
    const EmulatedOrder in(order);
    const std::vector<HostArray> got = run_on_device(context, g, numbers());
    for (int64_t i = 0; i < 3 * 72 * 131; ++i)
      ASSERT_NEAR(value(want[0], i), value(got[0], i), std::abs(value(want[0], i)) * 0.002 + 0.002) << i;
  }
}

TEST(CudaStreamMatrixOf, WhatTheEngineDoesNotTakeGoesElsewhere) {
  const codegen::GpuTarget h100 = codegen::GpuTarget::sm_90a();
  codegen::GpuTarget without = h100;
  without.streams = false;
  const auto first = [](const MatrixProduct& p, const codegen::GpuTarget& gpu) {
    return schedules(p.text(), gpu).at(0);
  };
  const MatrixProduct large{"bfloat16", 4096, 1024, 4096, "nn"};
  EXPECT_THAT(first(large, h100), HasSubstr("stream_matrix 64b x1 tile=128x256"));
  EXPECT_THAT(first(large, h100), HasSubstr("stages=4 threads=384 registers=168"));
  EXPECT_THAT(first(large, without), StartsWith("block_matrix"));
  EXPECT_THAT(first(large, codegen::GpuTarget::sm_80()), StartsWith("block_matrix"));
  // Rows at distances of 2044 bytes; few tiles; bytes along a free axis.
  EXPECT_THAT(first({"bfloat16", 4096, 1022, 4096, "nn"}, h100), StartsWith("block_matrix"));
  EXPECT_THAT(first({"bfloat16", 512, 1024, 512, "nn"}, h100), StartsWith("block_matrix"));
  EXPECT_THAT(first({"int8", 4096, 1024, 4096, "nn"}, h100), AllOf(StartsWith("block_matrix"), HasSubstr("made=0/8")));
  // An operand that begins 6 bytes behind its tensor; 16 bytes do.
  const auto sliced = [&](int64_t from) {
    const std::string text = fmt::format(
        "graph {{\n%0 = data : float16[4096, 1040]\n%1 = data : float16[4096, 1024]\n"
        "%2 = slice %0 {{start = [0, {0}], step = [1, 1]}} : float16[4096, 1024]\n"
        "%3 = dot_general %2, %1 {{lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [1]}} : "
        "float16[4096, 4096]\nreturn %3\n}}\n",
        from);
    return schedules(text, h100).at(0);
  };
  EXPECT_THAT(sliced(3), StartsWith("block_matrix"));
  EXPECT_THAT(sliced(8), StartsWith("stream_matrix"));
}

/// Memory that a caller brings may begin anywhere: the operand is copied before, with and without graphs of kernels.
TEST(CudaStreamMatrixOf, MisalignedMemoryIsCopiedFirst) {
  const MatrixProduct p{"bfloat16", 136, 72, 136, "nt", true};
  ASSERT_THAT(schedules(p.text(), small_gpu()), ElementsAre(StartsWith("stream_matrix")));
  for (const int64_t shift : {2, 8, 16}) {
    SCOPED_TRACE(shift);
    expect_within_bound(emulated_context(), p, 0, shift);
  }
  const std::string two = fmt::format(
      "graph {{\n%0 = data : float16[136, 136]\n%1 = dot_general %0, %0 {{{0}}} : float16[136, 136]\n"
      "%2 = dot_general %1, %0 {{{0}}} : float16[136, 136]\nreturn %2\n}}\n",
      "lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [1]");
  const Graph g = parse(two, emulated_context().interner());
  const std::vector<HostArray> want = run_on_device(emulated_context(), g, numbers());
  for (int run = 0; run < 4; ++run) {
    const int64_t shift = run % 2 * 2;
    const std::vector<HostArray> got = run_on_device(emulated_context(), g, numbers(), {}, nullptr, shift);
    ASSERT_TRUE(bitwise_equal(want[0], got[0])) << run;
  }
}

}  // namespace
}  // namespace lazuli::testing
