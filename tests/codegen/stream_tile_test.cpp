// The instruction for streams of tiles: what it means, how it is spelled, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codegen/cuda/emit.h"
#include "codegen/kernel_builder.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {
namespace {

using ::testing::HasSubstr;

constexpr StreamProduct kForm{.rows = 128,
                              .columns = 128,
                              .stages = 6,
                              .left_along_depth = true,
                              .right_along_depth = true,
                              .left_batched = true};

/// y[row, column] = sum over `depth` of a[task, row, k] * b[column, k], everything that falls into the first tile.
std::shared_ptr<const Kernel> product(DType type, DType sum, StreamProduct p, bool nested = false) {
  KernelBuilder b("product");
  const auto y = b.add_buffer(sum, Role::Output);
  p.left = b.add_buffer(type, Role::Input);
  p.right = b.add_buffer(type, Role::Input);
  p.to = b.add_buffer(sum, Role::Shared, p.extent());
  p.left_sizes = b.add_size();
  for (uint32_t n = 1; n < 2 * StreamProduct::kSizes; ++n) b.add_size();
  p.right_sizes = p.left_sizes + StreamProduct::kSizes;
  b.phase("main", [&](ValueId task) {
    const auto tile = [&] {
      b.stream_tile(p, b.index(0), b.index(0), task, [&](ValueId top, ValueId left) {
        b.for_loop(
            b.index(0), b.index(16 * 32), b.index(1), {},
            [&](ValueId i, const std::vector<ValueId>&) {
              const ValueId r = b.prim(Prim::lshr, kInt64, {i, b.index(5)});
              const ValueId c = b.prim(Prim::bit_and, kInt64, {i, b.index(31)});
              const ValueId at = b.add(b.mul(b.add(top, r), b.index(128)), b.add(left, c));
              b.store(y, at, b.load(p.to, b.add(b.mul(r, b.index(StreamProduct::kPiecePitch)), c), 1));
              return std::vector<ValueId>{};
            },
            LoopKind::Thread);
      });
    };
    if (!nested) return tile();
    b.for_loop(b.index(0), task, b.index(1), {}, [&](ValueId, const std::vector<ValueId>&) {
      tile();
      return std::vector<ValueId>{};
    });
  });
  return b.finish();
}

TEST(StreamTile, HandsOutPiecesOfTheProduct) {
  constexpr int64_t kRows = 20, kColumns = 40, kDepth = 5;
  std::vector<int8_t> a, b;
  for (int n = 0; n < 2 * kRows * kDepth; ++n) a.push_back(static_cast<int8_t>(n * 7));
  for (int n = 0; n < kColumns * kDepth + 3; ++n) b.push_back(static_cast<int8_t>(n * 5 - 100));
  // offset, stride, distance of batches, rows, depth, batches
  const int64_t sizes[] = {0, kDepth, kRows * kDepth, kRows, kDepth, 2, 3, kDepth, 16, kColumns, kDepth, 1};
  const auto kernel = product(kInt8, kInt32, kForm);
  for (const int64_t batch : {0, 1}) {
    std::vector<int32_t> y(128 * 128, 77);
    std::vector<std::byte> shared(kForm.extent() * 4);
    void* const buffers[] = {y.data(), a.data(), b.data(), nullptr};
    void* const scratch[] = {shared.data()};
    EXPECT_EQ(interpret_phase(*kernel, 0, {buffers, sizes, nullptr}, batch, batch + 1, scratch), 0);
    for (int64_t r = 0; r < 128; ++r)
      for (int64_t c = 0; c < 128; ++c) {
        int32_t sum = 0;
        for (int64_t k = 0; k < kDepth && r < kRows && c < kColumns; ++k)
          sum += a[static_cast<size_t>((batch * kRows + r) * kDepth + k)] * b[static_cast<size_t>(3 + c * kDepth + k)];
        ASSERT_EQ(y[static_cast<size_t>(r * 128 + c)], sum) << batch << ": " << r << ", " << c;
      }
  }
}

TEST(StreamTile, IsTwoRolesAndCallsOfThePrelude) {
  const Schedule stream{.strategy = Strategy::StreamMatrix, .threads = 384, .registers = 168};
  const auto kernel = product(kFloat16, kFloat32, kForm);
  const CudaSource source = emit_cuda(*kernel, stream);
  EXPECT_THAT(source.text, HasSubstr("lz_stream<128, 128, 6, true, true, float, f16> lz_tiles("));
  EXPECT_THAT(source.text, HasSubstr("__launch_bounds__(384, 1)"));
  EXPECT_THAT(source.text, HasSubstr("m64n128k16.f32.f16.f16"));
  EXPECT_EQ(source.shared_bytes, int64_t{kForm.extent()} * 4);
  EXPECT_LE(source.shared_bytes, 227 << 10);
  EXPECT_TRUE(source.stays);
  const std::vector<TensorMap> maps = {{1, 0, 128, kFloat16, true}, {2, 6, 128, kFloat16, true}};
  EXPECT_EQ(source.maps, maps);
  // Kernels call functions: instructions stand in the prelude alone.
  EXPECT_EQ(source.text.substr(source.text.find("struct lz_arguments")).find("asm"), std::string::npos);
  EXPECT_THAT(print_kernel(*kernel), HasSubstr("streamtile b3 128x128 stages 6 <- b1 batched sizes 0, b2 sizes 6 at"));
  StreamProduct turned = kForm;
  turned.right_along_depth = false;
  EXPECT_NE(structural_key(*kernel), structural_key(*product(kFloat16, kFloat32, turned)));
  StreamProduct alone = kForm;
  alone.left_batched = false;
  EXPECT_NE(structural_key(*kernel), structural_key(*product(kFloat16, kFloat32, alone)));
  // What fills a block's memory fits.
  StreamProduct wide = kForm;
  wide.columns = 256;
  wide.stages = 4;
  EXPECT_LE(wide.extent() * 4, 227u << 10);
}

TEST(StreamTile, WhatThePipelineDoesNotTakeIsRefused) {
  StreamProduct turned = kForm;
  turned.left_along_depth = false;
  EXPECT_NO_THROW(product(kFloat16, kFloat32, turned));
  EXPECT_THROW(product(kInt8, kInt32, turned), Error);
  EXPECT_THROW(product(kFloat32, kFloat32, turned), Error);
  EXPECT_THROW(product(kFloat16, kInt32, kForm), Error);
  StreamProduct narrow = kForm;
  narrow.columns = 64;
  EXPECT_THROW(product(kFloat16, kFloat32, narrow), Error);
  EXPECT_THROW(product(kFloat16, kFloat32, kForm, /*nested=*/true), Error);
}

}  // namespace
}  // namespace lazuli::codegen
