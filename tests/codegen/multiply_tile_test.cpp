// The instruction for matrix units: what it means, how it is spelled, and what is refused.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codegen/cuda/emit.h"
#include "codegen/kernel_builder.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {
namespace {

using ::testing::HasSubstr;

/// y[row, column] = sum over `depth` of a[row, k] * b[k, column], a tile of 64 by 64: a is [3, depth], b [depth, 2].
std::shared_ptr<const Kernel> product(DType type, DType sum, const TileProduct& form, int64_t depth = 5) {
  KernelBuilder b("product");
  const auto y = b.add_buffer(sum, Role::Output);
  TileProduct p = form;
  p.left = b.add_buffer(type, Role::Input);
  p.right = b.add_buffer(type, Role::Input);
  p.to = b.add_buffer(sum, Role::Shared, p.extent());
  b.phase("main", [&](ValueId) {
    const ValueId right_stride = b.index(p.right_along_depth ? depth : 2);
    b.multiply_tile(p, {b.index(0), b.index(depth), b.index(3)}, {b.index(0), right_stride, b.index(2)},
                    b.index(depth));
    for (int64_t row = 0; row < 4; ++row)
      for (int64_t column = 0; column < 3; ++column)
        b.store(y, b.index(row * 3 + column), b.load(p.to, b.index(row * p.pitch() + column), 1));
  });
  return b.finish();
}

constexpr TileProduct kForm{.to = 0,
                            .left = 0,
                            .right = 0,
                            .rows = 64,
                            .columns = 64,
                            .stages = 4,
                            .left_along_depth = true,
                            .right_along_depth = false};
constexpr TileProduct kAlong = [] {
  TileProduct p = kForm;
  p.right_along_depth = true;
  return p;
}();

template <class T, class S>
std::vector<S> interpreted(const Kernel& k, const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<S> y(12, S{77});
  std::vector<std::byte> shared(kForm.extent() * 4);
  void* const buffers[] = {y.data(), const_cast<T*>(a.data()), const_cast<T*>(b.data()), nullptr};
  void* const scratch[] = {shared.data()};
  EXPECT_EQ(interpret_phase(k, 0, {buffers, nullptr, nullptr}, 0, 1, scratch), 0);
  return y;
}

TEST(MultiplyTile, AddsProductsUpAndLeavesZeroElsewhere) {
  const auto half = [](int n) {  // a bfloat16
    return static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(n)) >> 16);
  };
  std::vector<uint16_t> a, b;
  std::vector<int8_t> c, d;
  for (int n = 0; n < 15; ++n) a.push_back(half(n)), c.push_back(static_cast<int8_t>(n * 8 - 128));
  for (int n = 0; n < 10; ++n) b.push_back(half(n - 4)), d.push_back(static_cast<int8_t>(127 - n));
  const auto y = interpreted<uint16_t, float>(*product(kBFloat16, kFloat32, kForm), a, b);
  const auto z = interpreted<int8_t, int32_t>(*product(kInt8, kInt32, kAlong), c, d);
  for (size_t row = 0; row < 4; ++row)
    for (size_t column = 0; column < 3; ++column) {
      float sum = 0;
      int32_t whole = 0;
      for (size_t k = 0; k < 5 && row < 3 && column < 2; ++k) {
        sum += static_cast<float>(row * 5 + k) * (static_cast<float>(k * 2 + column) - 4);
        whole += c[row * 5 + k] * d[column * 5 + k];
      }
      EXPECT_EQ(y[row * 3 + column], sum) << row << ", " << column;
      EXPECT_EQ(z[row * 3 + column], whole) << row << ", " << column;
    }
}

TEST(MultiplyTile, IsACallOfThePrelude) {
  const Schedule block{.strategy = Strategy::BlockMatrix, .threads = 256, .registers = 128};
  const auto kernel = product(kFloat16, kFloat32, kForm);
  const CudaSource source = emit_cuda(*kernel, block);
  EXPECT_THAT(source.text, HasSubstr("lz_multiply_tile<64, 64, 4, true, false>(b3, b1 + v"));
  EXPECT_EQ(source.shared_bytes, 4 * (64 + 64) * 64);
  // Kernels call functions: instructions stand in the prelude alone.
  EXPECT_EQ(source.text.substr(source.text.find("struct lz_arguments")).find("asm"), std::string::npos);
  EXPECT_THAT(print_kernel(*kernel), HasSubstr("multiplytile b3 64x64 stages 4 <- b1["));
  EXPECT_NE(structural_key(*kernel), structural_key(*product(kFloat16, kFloat32, kAlong)));
}

TEST(MultiplyTile, WhatUnitsDoNotTakeIsRefused) {
  EXPECT_THROW(product(kFloat32, kFloat32, kForm), Error);
  EXPECT_THROW(product(kInt8, kInt32, kForm), Error);  // bytes along a free axis
  EXPECT_THROW(product(kFloat16, kInt32, kForm), Error);
  TileProduct narrow = kForm;
  narrow.rows = 16;
  EXPECT_THROW(product(kFloat16, kFloat32, narrow), Error);
  narrow.columns = 128;
  EXPECT_NO_THROW(product(kFloat16, kFloat32, narrow));
}

/// y[row, column] = sum over `depth` of int8(a[row, k] - 1) * b[column, k]; a is [3, depth], b [2, depth], int8.
std::shared_ptr<const Kernel> made_product(uint16_t at_once, int64_t depth, uint16_t yielded = 0) {
  KernelBuilder b("made");
  const auto y = b.add_buffer(kInt32, Role::Output);
  TileProduct p = kAlong;
  const auto left = b.add_buffer(kInt8, Role::Input);
  p.right = b.add_buffer(kInt8, Role::Input);
  p.left_made = at_once;
  p.to = b.add_buffer(kInt32, Role::Shared, p.extent());
  b.phase("main", [&](ValueId) {
    KernelBuilder::TileOperand made{.offset = b.index(0), .stride = b.index(0), .rows = b.index(3)};
    made.fetch = [&](ValueId row, ValueId k) {
      return std::vector{b.load(left, b.add(b.mul(row, b.index(depth)), k), yielded ? yielded : at_once)};
    };
    made.convert = [&](ValueId, ValueId, const std::vector<ValueId>& read) {
      return b.sub(read[0], b.splat(b.constant(kInt8, 1), b.type(read[0]).lanes));
    };
    b.multiply_tile(p, made, {b.index(0), b.index(depth), b.index(2)}, b.index(depth));
    for (int64_t n = 0; n < 12; ++n) b.store(y, b.index(n), b.load(p.to, b.index(n / 3 * p.pitch() + n % 3), 1));
  });
  return b.finish();
}

TEST(MultiplyTile, ASideIsMadeByItsBlocks) {
  for (const uint16_t at_once : {uint16_t{1}, uint16_t{8}}) {
    const size_t depth = 16;
    std::vector<int8_t> a, b;
    for (size_t n = 0; n < 3 * depth; ++n) a.push_back(static_cast<int8_t>(n * 5));
    for (size_t n = 0; n < 2 * depth; ++n) b.push_back(static_cast<int8_t>(100 - n * 7));
    const auto kernel = made_product(at_once, static_cast<int64_t>(depth));
    const auto y = interpreted<int8_t, int32_t>(*kernel, a, b);
    for (size_t row = 0; row < 4; ++row)
      for (size_t column = 0; column < 3; ++column) {
        int32_t sum = 0;
        for (size_t k = 0; k < depth && row < 3 && column < 2; ++k)
          sum += static_cast<int8_t>(a[row * depth + k] - 1) * b[column * depth + k];
        EXPECT_EQ(y[row * 3 + column], sum) << row << ", " << column;
      }
    EXPECT_THAT(print_kernel(*kernel), HasSubstr(fmt::format("made {} at once along the depth", at_once)));
  }
  EXPECT_NE(structural_key(*made_product(1, 16)), structural_key(*made_product(8, 16)));
  EXPECT_THROW(made_product(8, 16, 4), Error);  // as many lanes as are made at once
  EXPECT_THROW(made_product(4, 16), Error);     // 1 or 8
}

}  // namespace
}  // namespace lazuli::codegen
