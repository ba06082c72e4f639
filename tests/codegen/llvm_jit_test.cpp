// The JIT around the emitter: lifetime of code, object files, failures, threads, profilers, latency.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "codegen/kernel_builder.h"
#include "ir/scalar/math.h"
#include "lazuli/base/error.h"
#include "widths.h"

namespace lazuli::codegen {
namespace {

using testing::HasSubstr;

/// y[i] = f(x[i]) in vectors with a masked tail.
std::shared_ptr<const Kernel> map_kernel(const char* name, const scalar::Function& f, uint16_t lanes) {
  KernelBuilder b(name);
  const auto x = b.add_buffer(kFloat32, Role::Input), y = b.add_buffer(kFloat32, Role::Output);
  b.phase("main", [&](ValueId) {
    const ValueId n = b.size_arg(), zero = b.index(0), step = b.index(lanes);
    const ValueId full = b.sub(n, b.prim(Prim::irem, kInt64, {n, step}));
    b.for_loop(zero, full, step, {}, [&](ValueId i, const auto&) -> std::vector<ValueId> {
      const ValueId args[] = {b.load(x, i, lanes)};
      b.store(y, i, b.inline_function(f, args)[0]);
      return {};
    });
    const ValueId mask = b.lane_mask(b.sub(n, full), lanes);
    const ValueId args[] = {b.load_masked(x, full, mask, b.constant(kFloat32, 0))};
    b.store_masked(y, full, b.inline_function(f, args, mask)[0], mask);
  });
  return b.finish();
}

scalar::Function relu() {
  scalar::Builder s({kFloat32});
  return s.finish({s.maximum(s.param(0), s.like(s.param(0), 0))});
}

scalar::Function gelu() {  // tanh form, written as x / (1 + exp(-2u))
  scalar::Builder s({kFloat32});
  const auto x = s.param(0);
  const auto cube = s.mul(s.mul(x, x), x);
  const auto u = s.mul(s.add(x, s.mul(cube, s.like(x, 0.044715))), s.like(x, -1.5957691216057308));
  return s.finish({s.div(x, s.add(s.like(x, 1), scalar::exp(s, u)))});
}

float run_one(const CompiledKernel& code, float value) {
  float out[3] = {7, 7, 7};
  float in[3] = {value, value, value};
  void* buffers[] = {in, out};
  const int64_t sizes[] = {2};
  const LaunchArgs args{buffers, sizes, nullptr};
  EXPECT_EQ(code.phases[0](&args, 0, 1, nullptr), 0);
  EXPECT_EQ(out[0], out[1]);
  EXPECT_EQ(out[2], 7) << "written past the end";
  return out[0];
}

TEST(LlvmJit, CodeOutlivesTheJit) {
  std::shared_ptr<const CompiledKernel> code;
  {
    LlvmJit jit(host_target());
    code = jit.compile(*map_kernel("relu", relu(), 16));
  }
  EXPECT_EQ(run_one(*code, 3), 3);
  EXPECT_EQ(run_one(*code, -3), 0);
  EXPECT_GT(code->code_bytes, 0u);
}

TEST(LlvmJit, LoadsItsOwnObjectFiles) {
  LlvmJit first(host_target()), second(host_target());
  const auto compiled = first.compile(*map_kernel("relu", relu(), 8));
  const auto loaded = second.load(compiled->object);
  EXPECT_EQ(run_one(*loaded, 4), 4);
  EXPECT_EQ(loaded->code_bytes, compiled->code_bytes);
  EXPECT_THROW(second.load("not an object file"), Error);
  EXPECT_THROW(second.load(compiled->object.substr(0, 100)), Error);
}

TEST(LlvmJit, RefusesCodeThatNeedsALibrary) {
  CpuTarget old;
  old.cpu = "x86-64";  // no fused multiply-add: LLVM would call fmaf
  old.vector_bits = 128;
  LlvmJit jit(old);
  scalar::Builder s({kFloat32});
  const auto x = s.param(0);
  const auto f = s.finish({s.fma(x, x, x)});
  try {
    jit.compile(*map_kernel("cube", f, 4));
    FAIL() << "a call of libm was linked";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Compile);
    EXPECT_THAT(e.message(), HasSubstr("kernel cube for x86-64"));
    EXPECT_THAT(e.message(), HasSubstr("'fmaf'"));
  }
}

TEST(LlvmJit, CompilesOnManyThreads) {
  LlvmJit jit(host_target());
  const auto kernel = map_kernel("gelu", gelu(), 16);
  const float expected = run_one(*jit.compile(*kernel), 0.75f);
  std::vector<std::thread> threads;
  std::vector<float> results(4);
  for (size_t n = 0; n < results.size(); ++n)
    threads.emplace_back([&, n] {
      for (int r = 0; r < 5; ++r) results[n] = run_one(*jit.compile(*kernel), 0.75f);
    });
  for (std::thread& t : threads) t.join();
  EXPECT_THAT(results, testing::Each(expected));
  EXPECT_NEAR(expected, 0.5801, 1e-3);
}

TEST(LlvmJit, NamesKernelsForPerf) {
  JitOptions options;
  options.perf_map = true;
  LlvmJit jit(host_target(), options);
  const auto code = jit.compile(*map_kernel("map relu*", relu(), 8));
  const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
  std::ifstream f(path);
  const std::string text((std::istreambuf_iterator<char>(f)), {});
  EXPECT_THAT(text, HasSubstr("lz.0.map_relu_"));
  unlink(path.c_str());
}

TEST(LlvmJit, AnnouncesKernelsToADebugger) {
  JitOptions options;
  options.debugger = true;
  LlvmJit jit(host_target(), options);
  EXPECT_EQ(run_one(*jit.compile(*map_kernel("relu", relu(), 8)), 2), 2);
}

TEST(LlvmJit, PrintsWhatItEmits) {
  LlvmJit jit(host_target());
  const auto kernel = map_kernel("relu", relu(), 8);
  EXPECT_THAT(jit.llvm_ir(*kernel), HasSubstr("define i32 @lz.0.relu(ptr %0, i64 %1, i64 %2, ptr %3)"));
  EXPECT_THAT(jit.assembly(*kernel), HasSubstr("lz.0.relu:"));
  EXPECT_THAT(LlvmJit::version(), testing::StartsWith("LLVM "));
  EXPECT_FALSE(host_target().str().empty());
}

TEST(LlvmJit, Latency) {  // printed, not asserted: the machine may be busy
  LlvmJit jit(host_target());
  for (const auto& [name, f] : {std::pair("relu", relu()), std::pair("gelu", gelu())}) {
    const auto kernel = map_kernel(name, f, static_cast<uint16_t>(host_target().vector_bits / 32));
    for (auto level : {CodegenLevel::Default, CodegenLevel::Fast}) {
      std::vector<double> ms;
      for (int r = 0; r < 9; ++r) ms.push_back(jit.compile(*kernel, level)->compile_ms);
      const std::string object = jit.compile(*kernel, level)->object;
      double load = 1e9;
      for (int r = 0; r < 9; ++r) load = std::min(load, jit.load(object)->compile_ms);
      std::sort(ms.begin(), ms.end());
      std::printf("%s %-7s: compile median %.2f ms, best %.2f ms; load %.3f ms\n", name,
                  level == CodegenLevel::Fast ? "fast" : "default", ms[4], ms[0], load);
    }
  }
}

}  // namespace
}  // namespace lazuli::codegen
