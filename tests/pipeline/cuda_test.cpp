// Map regions lowered for CUDA: their source, and CUBIN where NVRTC is found. No GPU is needed.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codegen/cuda/emit.h"
#include "codegen/cuda/nvrtc.h"
#include "codegen/lower.h"
#include "ir/text.h"
#include "lazuli/base/error.h"
#include "passes/pass.h"

namespace lazuli::testing {
namespace {

constexpr const char* kGelu =
    "graph {\n%0 = data : float32[64, 4096]\n%1 = data : float32[4096]\n%2 = argument : float32[]\n"
    "%3 = expand %1 : float32[64, 4096]\n%4 = expand %2 : float32[64, 4096]\n%5 = mul %0, %3 : float32[64, 4096]\n"
    "%6 = add %5, %4 : float32[64, 4096]\n%7 = gelu_tanh %6 : float32[64, 4096]\nreturn %7\n}\n";

codegen::Lowered lower_for_gpu(const char* text, ir::Interner& interner) {
  passes::PassContext ctx{.interner = interner, .observer = {}};
  const ir::Graph g = passes::run_passes(ir::parse(text, interner), passes::default_pipeline(), ctx);
  const ir::Partition p = passes::partition(g, ctx);
  codegen::LoweringOptions options;
  options.gpu = codegen::GpuTarget::sm_90a();
  return codegen::lower(p.regions.at(0), codegen::choose_schedule(p.regions.at(0), options), options);
}

TEST(Cuda, AMapRegionSpreadsItsElementsOverThreads) {
  ir::Interner interner;
  const codegen::Lowered lowered = lower_for_gpu(kGelu, interner);
  EXPECT_EQ(lowered.schedule.str(), "map 128b x1 block=2048 threads=256 registers=128 narrow");
  const std::string source = codegen::emit_cuda(*lowered.kernel, lowered.schedule).text;
  EXPECT_THAT(source, ::testing::HasSubstr("threadIdx.x"));
  EXPECT_THAT(source, ::testing::HasSubstr("__fmaf_rn"));
}

TEST(Cuda, AMapRegionCompilesForBothArchitectures) {
  std::string why;
  const auto nvrtc = codegen::Nvrtc::open("", &why);
  if (!nvrtc) GTEST_SKIP() << why;
  ir::Interner interner;
  const codegen::Lowered lowered = lower_for_gpu(kGelu, interner);
  const std::string source = codegen::emit_cuda(*lowered.kernel, lowered.schedule).text;
  for (const char* arch : {"sm_80", "sm_90a"}) EXPECT_GT(nvrtc->compile(source, "gelu", arch).size(), 1000u) << arch;
}

TEST(Cuda, IndicesAreCheckedBeforeTheyAreRead) {
  ir::Interner interner;
  const codegen::Lowered lowered = lower_for_gpu(
      "graph {\n%0 = data : float32[100, 64]\n%1 = data : int64[32]\n"
      "%2 = gather %0, %1 {axes = [0]} : float32[32, 64]\n%3 = exp %2 : float32[32, 64]\nreturn %3\n}\n",
      interner);
  const std::string source = codegen::emit_cuda(*lowered.kernel, lowered.schedule).text;
  EXPECT_THAT(source, ::testing::HasSubstr("lz_check"));
  EXPECT_THAT(source, ::testing::HasSubstr("lz_ult"));
  if (const auto nvrtc = codegen::Nvrtc::open("", nullptr)) {
    EXPECT_GT(nvrtc->compile(source, "gather", "sm_90a").size(), 1000u);
  }
}

TEST(Cuda, PartsAreOneKernel) {
  ir::Interner interner;
  const codegen::Lowered lowered = lower_for_gpu(
      "graph {\n%0 = data : float32[100, 64]\n%1 = data : float32[33]\n%2 = exp %0 : float32[100, 64]\n"
      "%3 = neg %1 : float32[33]\nreturn %2, %3\n}\n",
      interner);
  EXPECT_EQ(lowered.kernel->phases.size(), 1u);
  EXPECT_EQ(lowered.schedule.parts, 2);
  EXPECT_EQ(lowered.phases[0].tasks, 4 + 1);
  const std::string source = codegen::emit_cuda(*lowered.kernel, lowered.schedule).text;
  if (const auto nvrtc = codegen::Nvrtc::open("", nullptr)) {
    EXPECT_GT(nvrtc->compile(source, "maps", "sm_90a").size(), 1000u);
  }
}

TEST(Cuda, RowsHaveASchedulePerShape) {
  const auto schedule = [](int64_t m, int64_t n, int axis) {
    ir::Interner interner;
    return lower_for_gpu(fmt::format("graph {{\n%0 = data : float32[{0}, {1}]\n"
                                     "%1 = softmax %0 {{axis = {2}}} : float32[{0}, {1}]\nreturn %1\n}}\n",
                                     m, n, axis)
                             .c_str(),
                         interner)
        .schedule.str();
  };
  EXPECT_EQ(schedule(4096, 1000, 1), "warp_rows 64b x1 threads=256 registers=128 narrow");
  EXPECT_EQ(schedule(4096, 100000, 1), "block_rows 64b x1 threads=256 registers=128 narrow");
  EXPECT_EQ(schedule(2, 100000, 1), "block_split 64b x1 threads=256 registers=128 narrow");
  EXPECT_EQ(schedule(1000, 4096, 0), "block_columns 64b x1 threads=256 registers=128 narrow");
}

TEST(Cuda, TransposesGoThroughSharedMemory) {
  ir::Interner interner;
  const codegen::Lowered lowered = lower_for_gpu(
      "graph {\n%0 = data : float32[1000, 3000]\n%1 = permute %0 {axes = [1, 0]} : float32[3000, 1000]\n"
      "return %1\n}\n",
      interner);
  EXPECT_EQ(lowered.schedule.str(), "map_tiled 64b x1 block=64 threads=256 registers=128 narrow");
  EXPECT_EQ(lowered.phases[0].tasks, 16 * 47);
  const codegen::CudaSource source = codegen::emit_cuda(*lowered.kernel, lowered.schedule);
  EXPECT_EQ(source.shared_bytes, 64 * 65 * 4);
}

TEST(Cuda, ContractionsHaveATilePerShape) {
  const auto schedule = [](int64_t m, int64_t k, int64_t n, const char* type) {
    ir::Interner interner;
    return lower_for_gpu(fmt::format("graph {{\n%0 = data : {3}[{0}, {1}]\n%1 = data : {3}[{1}, {2}]\n"
                                     "%2 = dot_general %0, %1 {{lhs_batch = [], rhs_batch = [], lhs_contract = [1], "
                                     "rhs_contract = [0]}} : {3}[{0}, {2}]\nreturn %2\n}}\n",
                                     m, k, n, type)
                             .c_str(),
                         interner)
        .schedule.str();
  };
  EXPECT_THAT(schedule(4096, 4096, 4096, "float32"), ::testing::HasSubstr("block_contract 64b x1 tile=8x8"));
  EXPECT_THAT(schedule(4096, 4096, 4096, "float64"), ::testing::HasSubstr("tile=4x4"));
  EXPECT_THAT(schedule(32, 512, 4096, "float32"), ::testing::HasSubstr("tile=2x2"));
  EXPECT_THAT(schedule(8, 512, 8, "float32"), ::testing::HasSubstr("tile=1x1"));
}

}  // namespace
}  // namespace lazuli::testing
