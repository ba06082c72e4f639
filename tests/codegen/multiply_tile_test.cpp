// The instruction for matrix units: what it means, how it is spelled, and what is refused.
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
}

}  // namespace
}  // namespace lazuli::codegen
