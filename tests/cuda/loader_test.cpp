// Operands of matrix units that are computed on the way (casts, scaled and unpacked weights), on the emulated device:
// floats within the bound of docs/numerics.md of the operands that the interpreter gives, integers to the bit, the same
// bits in every order of threads, and what the kernel interpreter says of the same kernels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codegen/lower.h"
#include "ir/interpret.h"
#include "ir/text.h"
#include "lazuli/base/half.h"
#include "passes/pass.h"
#include "tests/cuda/emulated.h"
#include "tests/cuda/made_graphs.h"
#include "tests/cuda/on_device.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using namespace ir;

double value(const HostArray& a, int64_t i) {
  if (a.dtype == kFloat16) return half_bits_to_float(a.as<uint16_t>()[i]);
  return bfloat16_bits_to_float(a.as<uint16_t>()[i]);
}

/// Floats between -2 and 2, any bytes.
LeafSource numbers() {
  return [](const Node* n) {
    std::mt19937 random(static_cast<unsigned>(n->numel() + 1));
    HostArray a{n->dtype(), n->shape(), std::vector<std::byte>(static_cast<size_t>(n->nbytes()))};
    for (int64_t i = 0; i < n->numel(); ++i) {
      const auto x = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-30f;
      const auto bits = std::bit_cast<uint32_t>(x);
      a.set_bits(i, n->dtype() == kFloat32 ? bits : n->dtype() == kBFloat16 ? bits >> 16 : random() & 255);
    }
    return a;
  };
}

std::string schedule(const std::string& text, const codegen::GpuTarget& gpu) {
  Interner interner;
  passes::PassContext ctx{.interner = interner, .observer = {}};
  const Graph g = passes::run_passes(parse(text, interner), passes::default_pipeline(), ctx);
  codegen::LoweringOptions options;
  options.gpu = gpu;
  std::string all;
  for (const Region& r : passes::partition(g, ctx).regions) all += codegen::lower(r, options).schedule.str() + "; ";
  return all;
}

codegen::GpuTarget small_gpu() {
  codegen::GpuTarget gpu = codegen::GpuTarget::sm_90a();
  gpu.processors = 4;
  return gpu;
}

std::vector<HostArray> same_in_every_order(runtime::Context& context, const Graph& g) {
  std::vector<HostArray> first;
  for (const int order : {0, 1, 3}) {
    SCOPED_TRACE(order);
    const EmulatedOrder in(order);
    const std::vector<HostArray> got = run_on_device(context, g, numbers());
    if (first.empty()) first = got;
    int64_t at = -1;
    EXPECT_TRUE(bitwise_equal(first[0], got[0], &at)) << "differs from the first order at " << at;
  }
  return first;
}

TEST(CudaLoader, MadeFloatsAreWithinTheBound) {
  runtime::Context& context = emulated_context();
  struct Case {
    MadeProduct p;
    const char* schedule;  // what it says of the operands
  };
  const Case cases[] = {
      {scaled_bytes(64, 192, 72), "made=0/8"},
      {scaled_bytes(70, 131, 66), "made=0/1"},
      {scaled_bytes(5, 1056, 130), "tile=16x128 task=1x1 depth=64 pack=task/task stages=4 splits=2 made=0/8"},
      {cast_floats("float16", 64, 160, 136, "nn"), "made=8/8"},
      {cast_floats("float16", 67, 70, 65, "nn"), "made=1/1"},
      {cast_floats("bfloat16", 130, 40, 270, "tt"), "made=1/8"},
      {cast_floats("float16", 200, 96, 20, "tt"), "tile=128x32"},
      {packed_halves(66, 208, 70), "made=0/8"},
      {packed_halves(20, 2112, 64), "tile=32x128 task=1x1 depth=64 pack=task/task stages=4 splits=4 made=0/8"},
      {function_of_left(72, 100, 64), "made=8/0"},
      {function_of_left(65, 33, 70), "made=1/0"},
  };
  for (const auto& [p, says] : cases) {
    SCOPED_TRACE(fmt::format("{} {}x{}x{}", p.name, p.m, p.k, p.n));
    ASSERT_THAT(schedule(p.text(), small_gpu()),
                ::testing::AllOf(::testing::StartsWith("block_matrix"), ::testing::HasSubstr(says)));
    const std::vector<HostArray> operands = interpret(parse(p.operands_text(), context.interner()), numbers());
    const std::vector<HostArray> got = same_in_every_order(context, parse(p.text(), context.interner()));
    const double half_unit = p.type == "float16" ? 0x1p-11 : 0x1p-8;
    for (int64_t m = 0; m < p.m; ++m)
      for (int64_t n = 0; n < p.n; ++n) {
        double sum = 0, size = 0;
        for (int64_t k = 0; k < p.k; ++k) {
          const double product = value(operands[0], p.layout[0] == 't' ? k * p.m + m : m * p.k + k) *
                                 value(operands[1], p.layout[1] == 't' ? n * p.k + k : k * p.n + n);
          sum += product;
          size += std::abs(product);
        }
        const double bound = static_cast<double>(p.k + 16) * std::ldexp(size, -22) + half_unit * std::abs(sum);
        ASSERT_LE(std::abs(value(got[0], m * p.n + n) - sum), bound * 1.01) << "element " << m << ", " << n;
      }
  }
}

TEST(CudaLoader, MadeBytesAreExact) {
  runtime::Context& context = emulated_context();
  for (const MadeProduct& p : {bytes_across(64, 320, 64), bytes_across(70, 131, 66), bytes_across(3, 1100, 70)}) {
    SCOPED_TRACE(fmt::format("{} {}x{}x{}", p.name, p.m, p.k, p.n));
    ASSERT_THAT(schedule(p.text(), small_gpu()), ::testing::StartsWith("block_matrix"));
    const Graph g = parse(p.text(), context.interner());
    const std::vector<HostArray> want = interpret(g, numbers()), got = same_in_every_order(context, g);
    int64_t at = -1;
    ASSERT_TRUE(bitwise_equal(want[0], got[0], &at)) << "differs at " << at;
  }
}

TEST(CudaLoader, WhatMayFailOrIsReducedIsNotMade) {
  // Rows that are picked, and a quotient that may have no value.
  EXPECT_THAT(schedule("graph {\n%0 = data : bfloat16[200, 64]\n%1 = data : int64[64]\n"
                       "%20 = gather %0, %1 {axes = [0]} : bfloat16[64, 64]\n%21 = data : bfloat16[64, 64]\n"
                       "%22 = dot_general %20, %21 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = "
                       "[0]} : bfloat16[64, 64]\nreturn %22\n}\n",
                       small_gpu()),
              ::testing::HasSubstr("stages=4 threads"));
  EXPECT_THAT(schedule("graph {\n%0 = data : int8[64, 64]\n%1 = data : int8[64, 64]\n"
                       "%20 = floor_divide %0, %1 : int8[64, 64]\n%21 = data : int8[64, 64]\n"
                       "%22 = dot_general %20, %21 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = "
                       "[0]} : int8[64, 64]\nreturn %22\n}\n",
                       small_gpu()),
              ::testing::Not(::testing::HasSubstr("made=1/")));
}

}  // namespace
}  // namespace lazuli::testing
