// Every kernel family compiled by the real NVRTC for two architectures, which needs no GPU: without warnings, and with
// everything in registers. Skipped, with the reason, where there is no NVRTC.
#include "codegen/cuda/nvrtc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "codegen/cuda/emit.h"
#include "codegen/lower.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/cuda/emulated.h"
#include "tests/cuda/families.h"
#include "tests/cuda/made_graphs.h"
#include "tests/cuda/matrix_graphs.h"

namespace lazuli::testing {
namespace {

std::vector<codegen::Lowered> lower_for(const codegen::GpuTarget& target, const std::string& text,
                                        ir::Interner& interner) {
  passes::PassContext ctx{.interner = interner, .observer = {}};
  const ir::Graph g = passes::run_passes(ir::parse(text, interner), passes::default_pipeline(), ctx);
  codegen::LoweringOptions options;
  options.gpu = target;
  std::vector<codegen::Lowered> all;
  for (const ir::Region& r : passes::partition(g, ctx).regions) all.push_back(codegen::lower(r, options));
  return all;
}

/// What the assembler says that must not be there.
std::vector<std::string> complaints(const std::string& log) {
  std::vector<std::string> found;
  std::istringstream in(log);
  for (std::string line; std::getline(in, line);) {
    const bool spills =
        line.find("bytes spill") != line.npos && line.find("0 bytes spill stores, 0 bytes spill loads") == line.npos;
    if (spills || line.find("warning") != line.npos || line.find("arning:") != line.npos ||
        line.find("C75") != line.npos)
      found.push_back(line);
  }
  return found;
}

/// The most registers that a function of the kernel uses.
int registers_used(const std::string& log) {
  int most = 0;
  std::istringstream in(log);
  for (std::string line; std::getline(in, line);)
    if (const size_t at = line.find("Used "); at != line.npos) most = std::max(most, std::atoi(line.c_str() + at + 5));
  return most;
}

TEST(CudaNvrtc, FindsWhatTheAssemblerComplainsAbout) {
  EXPECT_TRUE(complaints("ptxas info : 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n").empty());
  EXPECT_EQ(complaints("8 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads").size(), 1u);
  EXPECT_EQ(registers_used("ptxas info    : Used 70 registers, used 1 barriers\nptxas info    : Used 32 registers"),
            70);
  EXPECT_EQ(complaints("k.cu(3): warning #177-D: variable was declared but never referenced").size(), 1u);
}

/// Compiles every kernel of these graphs for both architectures.
void expect_clean(const codegen::Nvrtc& nvrtc, const std::vector<Family>& families) {
  size_t kernels = 0;
  int most = 0;  // registers
  for (const codegen::GpuTarget& target : {codegen::GpuTarget::sm_80(), codegen::GpuTarget::sm_90a()}) {
    std::set<std::string> done;
    for (const Family& f : families) {
      ir::Interner interner;
      for (const codegen::Lowered& l : lower_for(target, f.text, interner)) {
        if (!done.insert(codegen::structural_key(*l.kernel)).second) continue;
        SCOPED_TRACE(f.name + ", " + l.schedule.str() + " for " + target.arch);
        std::string log;
        const codegen::CudaSource source = codegen::emit_cuda(*l.kernel, l.schedule);
        const std::string cubin = nvrtc.compile(source.text, l.kernel->name, target.arch, &log);
        EXPECT_GT(registers_used(log), 0) << log;
        EXPECT_LE(registers_used(log), l.schedule.registers) << log;
        most = std::max(most, registers_used(log));
        EXPECT_THAT(complaints(log), ::testing::IsEmpty()) << log;
        EXPECT_GT(cubin.size(), 1000u);
        ++kernels;
      }
    }
  }
  std::printf("%s compiled %zu kernels, at most %d registers\n", nvrtc.version().c_str(), kernels, most);
}

class CudaNvrtcFamilies : public ::testing::TestWithParam<const char*> {};

TEST_P(CudaNvrtcFamilies, CompileForBothArchitectures) {
  std::string why;
  const auto nvrtc = codegen::Nvrtc::open(given_nvrtc(), &why);
  if (!nvrtc) GTEST_SKIP() << "SKIPPED: " << why;
  expect_clean(*nvrtc, kernel_families(GetParam(), /*small=*/true));
}

TEST(CudaNvrtc, MatrixUnitsCompileForBothArchitectures) {
  std::string why;
  const auto nvrtc = codegen::Nvrtc::open(given_nvrtc(), &why);
  if (!nvrtc) GTEST_SKIP() << "SKIPPED: " << why;
  std::vector<Family> all;
  for (const MatrixProduct& p :
       {MatrixProduct{"float16", 4096, 1024, 4096, "nn", true}, MatrixProduct{"bfloat16", 4096, 1024, 4096, "nt", true},
        MatrixProduct{"bfloat16", 4096, 1024, 4096, "tt"}, MatrixProduct{"float16", 100, 1000, 80, "tn", true},
        MatrixProduct{"int8", 4096, 1024, 4096, "nt", true, 1, "int32"}, MatrixProduct{"int8", 100, 1000, 80, "nt"}})
    all.push_back({p.name(), p.text()});
  for (const MatrixProduct& p :
       {MatrixProduct{"float16", 12, 4096, 4096, "nn", true}, MatrixProduct{"bfloat16", 4096, 512, 32, "tt"},
        MatrixProduct{"bfloat16", 30, 4096, 1000, "nt"}, MatrixProduct{"float16", 64, 100000, 64, "nt", true}})
    all.push_back({p.name(), p.text()});
  for (const MadeProduct& p :
       {scaled_bytes(4096, 1024, 4096), scaled_bytes(16, 4096, 4096), scaled_bytes(100, 1001, 80),
        cast_floats("bfloat16", 4096, 1024, 4096, "nn"), cast_floats("float16", 4096, 1024, 4096, "tt"),
        cast_floats("float16", 100, 100, 100, "nt"), packed_halves(4096, 1024, 4096), packed_halves(16, 4096, 4096),
        function_of_left(4096, 1024, 4096), bytes_across(4096, 1024, 4096), bytes_across(33, 1001, 70)})
    all.push_back({p.name, p.text()});
  expect_clean(*nvrtc, all);
}

/// Products that sm_90a streams: every type and layout, both widths, heavy work behind the sums, float32 on demand.
TEST(CudaNvrtc, StreamsOfTilesCompile) {
  std::string why;
  const auto nvrtc = codegen::Nvrtc::open(given_nvrtc(), &why);
  if (!nvrtc) GTEST_SKIP() << "SKIPPED: " << why;
  codegen::GpuTarget target = codegen::GpuTarget::sm_90a();
  target.tf32 = true;
  double slowest = 0;
  const auto heavy = [](std::string text) { return text.replace(text.find("relu"), 4, "tanh"); };
  for (const std::string& text : {MatrixProduct{"float16", 4096, 1024, 4096, "nn", true}.text(),
                                  MatrixProduct{"bfloat16", 4096, 1024, 4096, "tn"}.text(),
                                  MatrixProduct{"bfloat16", 4096, 1024, 4096, "tt", true, 3}.text(),
                                  MatrixProduct{"float16", 2048, 512, 1024, "nt"}.text(),
                                  MatrixProduct{"bfloat16", 1100, 1000, 1112, "nt", true}.text(),
                                  MatrixProduct{"float16", 4096, 1024, 4100, "tt", true}.text(),
                                  heavy(MatrixProduct{"bfloat16", 4096, 1024, 4096, "nn", true}.text()),
                                  MatrixProduct{"int8", 4096, 1024, 4096, "nt", true, 1, "int32"}.text(),
                                  MatrixProduct{"int8", 2048, 512, 1024, "nt"}.text(),
                                  MatrixProduct{"float32", 4096, 1024, 4096, "nt", true}.text(),
                                  MatrixProduct{"float32", 2048, 512, 1024, "nt"}.text()}) {
    ir::Interner interner;
    const codegen::Lowered l = lower_for(target, text, interner).at(0);
    SCOPED_TRACE(l.schedule.str() + text);
    ASSERT_EQ(l.schedule.strategy, codegen::Strategy::StreamMatrix);
    const codegen::CudaSource source = codegen::emit_cuda(*l.kernel, l.schedule);
    double best = 1e9;
    for (int i = 0; i < 2; ++i) {
      std::string log;
      const auto start = std::chrono::steady_clock::now();
      nvrtc->compile(source.text + fmt::format("// {}\n", i), l.kernel->name, target.arch, &log);
      best =
          std::min(best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
      EXPECT_EQ(registers_used(log), l.schedule.registers) << log;  // what 384 threads have before they share them out
      EXPECT_THAT(complaints(log), ::testing::IsEmpty()) << log;
    }
    slowest = std::max(slowest, best);
  }
  std::printf("%s compiles a stream of tiles in at most %.1f ms\n", nvrtc->version().c_str(), slowest);
  EXPECT_LT(slowest, 3000);
}

/// Figures of one core, printed; the bounds are those of a busy machine.
TEST(CudaNvrtc, CompilesAMapInLittleTime) {
  std::string why;
  const auto nvrtc = codegen::Nvrtc::open(given_nvrtc(), &why);
  if (!nvrtc) GTEST_SKIP() << "SKIPPED: " << why;
  const auto best_of = [&](const std::string& text) {
    ir::Interner interner;
    const codegen::Lowered l = lower_for(codegen::GpuTarget::sm_90a(), text, interner).at(0);
    const std::string source = codegen::emit_cuda(*l.kernel, l.schedule).text;
    double best = 1e9;
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      nvrtc->compile(source + fmt::format("// {}\n", i), l.kernel->name, "sm_90a");
      best =
          std::min(best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };
  const double map = best_of(kernel_families("maps", /*small=*/true).at(0).text);
  const double product = best_of(MatrixProduct{"float16", 4096, 1024, 4096, "nn", true}.text());
  std::printf("%s compiles a map in %.1f ms, a product on matrix units in %.1f ms\n", nvrtc->version().c_str(), map,
              product);
  EXPECT_LT(map, 600);
  EXPECT_LT(product, 3000);
}

INSTANTIATE_TEST_SUITE_P(Groups, CudaNvrtcFamilies, ::testing::ValuesIn(kFamilyGroups),
                         [](const auto& p) { return std::string(p.param); });

}  // namespace
}  // namespace lazuli::testing
