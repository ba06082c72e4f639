// CUDA source: its text, and that NVRTC (where there is one) makes machine code of it without a GPU.
#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>

#include "codegen/cuda/emit.h"
#include "codegen/cuda/nvrtc.h"
#include "codegen/kernel_builder.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {
namespace {

using testing::HasSubstr;

const Schedule kBlock = [] {
  Schedule s;
  s.threads = 256;
  s.registers = 128;
  return s;
}();

std::shared_ptr<const Kernel> map_kernel() {
  KernelBuilder b("map relu");
  const auto x = b.add_buffer(kFloat32, Role::Input), y = b.add_buffer(kFloat32, Role::Output);
  const auto s = b.add_scalar(kFloat32);
  b.phase("main", [&](ValueId task) {
    const ValueId n = b.size_arg(), block = b.index(1024), one = b.index(1);
    const ValueId begin = b.mul(task, block);
    const ValueId full = b.add(begin, block);
    const ValueId end = b.min(full, n);
    b.for_loop(
        begin, end, one, {},
        [&](ValueId i, const auto&) -> std::vector<ValueId> {
          const ValueId v = b.load(x, i, 1), scale = b.scalar_arg(s);
          const ValueId scaled = b.mul(v, scale);
          b.store(y, i, b.prim(Prim::maximum, kFloat32, {scaled, b.constant(kFloat32, 0)}));
          return {};
        },
        LoopKind::Thread);
  });
  return b.finish();
}

std::string body_of(const CudaSource& s) {
  return s.text.substr(s.text.find("struct lz_arguments"));
}

TEST(CudaEmit, SpellsAMap) {
  const CudaSource s = emit_cuda(*map_kernel(), kBlock);
  EXPECT_THAT(s.entry_points, testing::ElementsAre("lz_0_map_relu"));
  EXPECT_EQ(body_of(s), R"(struct lz_arguments {
  void* buffers[2];
  i64 sizes[1];
  u64 scalars[1];
  i64 begin, end;
  i32* status;
};
extern "C" __global__ void __launch_bounds__(256, 2) lz_0_map_relu(const lz_arguments lz_args) {
  const float* __restrict__ const b0 = (const float*)lz_args.buffers[0];
  float* const b1 = (float*)lz_args.buffers[1];
  for (i64 v0 = lz_args.begin + blockIdx.x; v0 < lz_args.end; v0 += gridDim.x) {
    const i64 v1 = lz_args.sizes[0];
    const i64 v2 = (i64)0x400ull;
    const i64 v3 = (i64)0x1ull;
    const i64 v4 = lz_mul(v0, v2);
    const i64 v5 = lz_add(v4, v2);
    const i64 v6 = lz_min(v1, v5);
    const float v7 = lz_f32((u32)lz_args.scalars[0]);
    const float v8 = lz_f32(0x0u);
    for (i64 v9 = v4 + threadIdx.x * v3; v9 < v6; v9 += blockDim.x * v3) {
      const float v10 = b0[v9];
      const float v11 = v10 * v7;
      const float v12 = lz_max(v11, v8);
      b1[v9] = v12;
    }
  }
}
)");
}

TEST(CudaEmit, BlocksMeetAtBarriers) {
  KernelBuilder b("share");
  const auto x = b.add_buffer(kInt32, Role::Input), s = b.add_buffer(kInt32, Role::Shared, 100);
  const auto t = b.add_buffer(kInt32, Role::Shared, 8), u = b.add_buffer(kInt32, Role::Scratch);
  const auto y = b.add_buffer(kInt32, Role::Output);
  b.phase("main", [&](ValueId task) {
    const ValueId n = b.size_arg(), zero = b.index(0), one = b.index(1);
    b.for_loop(
        zero, n, one, {},
        [&](ValueId i, const auto&) -> std::vector<ValueId> {
          b.store(s, i, b.load(x, i, 1));
          b.store(t, zero, b.load(x, i, 1));
          b.store(u, i, b.load(x, i, 1));
          return {};
        },
        LoopKind::Thread);
    b.barrier();
    const auto sum = b.for_loop(zero, n, one, {b.constant(kInt32, 0)}, [&](ValueId i, const auto& c) {
      return std::vector<ValueId>{b.add(c[0], b.load(s, i, 1))};
    });
    b.store(y, task, sum[0]);
    b.check(b.lt(task, n));
  });
  const CudaSource source = emit_cuda(*b.finish(), kBlock);
  EXPECT_EQ(source.shared_bytes, 400 + 32);
  const std::string text = body_of(source);
  EXPECT_THAT(text, HasSubstr("LZ_SHARED(lz_shared);"));
  EXPECT_THAT(text, HasSubstr("i32* const b1 = (i32*)(lz_shared + 0);"));
  EXPECT_THAT(text, HasSubstr("i32* const b2 = (i32*)(lz_shared + 400);"));
  EXPECT_THAT(text, HasSubstr("i64 scratch[1];"));
  EXPECT_THAT(text, HasSubstr("i32* const b3 = (i32*)lz_args.buffers[3] + blockIdx.x * lz_args.scratch[0];"));
  EXPECT_THAT(text, HasSubstr("    }\n    lz_barrier();\n"));
  EXPECT_THAT(text, HasSubstr("if (threadIdx.x == 0) b4[v0] = v"));
  EXPECT_THAT(text, HasSubstr("lz_check(v"));
}

TEST(CudaEmit, SpellsLanesAsVariables) {
  KernelBuilder b("wide");
  const auto x = b.add_buffer(kFloat32, Role::Input), y = b.add_buffer(kFloat32, Role::Output);
  b.phase("main", [&](ValueId t) {
    const ValueId at = b.mul(t, b.index(4)), v = b.load(x, at, 4);
    const ValueId turned = b.shuffle(v, v, {3, 2, 1, 0});
    b.store(y, at, b.add(v, turned), kAligned);
    b.store_masked(y, at, v, b.lane_mask(t, 4));
  });
  const std::string text = body_of(emit_cuda(*b.finish(), kBlock));
  EXPECT_THAT(text, HasSubstr("const lz_vec<float, 4> w3 = lz_load<4>(b0 + v2);"));
  EXPECT_THAT(text, HasSubstr("_0 = w3.v[0] + w3.v[3];"));
  EXPECT_THAT(text, HasSubstr("lz_store_aligned(b1 + v2, lz_vec<float, 4>{{v"));
  EXPECT_THAT(text, HasSubstr("_2) b1[v2 + 2] = w3.v[2];"));
}

TEST(CudaEmit, KeepsRegistersBetweenBarriers) {
  KernelBuilder b("keep");
  b.set_threads(256);
  const auto x = b.add_buffer(kFloat32, Role::Input), y = b.add_buffer(kFloat32, Role::Output);
  const auto r = b.add_buffer(kFloat32, Role::Thread, 2), q = b.add_buffer(kFloat32, Role::Thread, 2);
  const auto threads = [&](const std::function<void(ValueId)>& body) {
    b.for_loop(
        b.index(0), b.index(256), b.index(1), {},
        [&](ValueId t, const auto&) {
          body(t);
          return std::vector<ValueId>{};
        },
        LoopKind::Thread);
  };
  b.phase("main", [&](ValueId) {
    threads([&](ValueId t) { b.store(r, b.index(1), b.load(x, t, 1)); });
    b.barrier();
    b.lane_swap(q, r, 16);
    threads([&](ValueId t) { b.store(y, t, b.load(q, b.index(1), 1)); });
  });
  const std::string text = body_of(emit_cuda(*b.finish(), kBlock));
  EXPECT_THAT(text, HasSubstr("float b2[2];"));
  EXPECT_THAT(text, HasSubstr("{ const i64 v"));
  EXPECT_THAT(text, HasSubstr(" = threadIdx.x;"));
  EXPECT_THAT(text, HasSubstr("b3[1] = lz_lane_swap(b2[1], 16);"));
}

std::shared_ptr<Nvrtc> nvrtc_or_reason(std::string* why) {
  const char* path = std::getenv("LAZULI_NVRTC");
  return Nvrtc::open(path ? path : "", why);
}

TEST(Nvrtc, CompilesForSeveralArchitectures) {
  std::string why;
  const auto nvrtc = nvrtc_or_reason(&why);
  if (!nvrtc) GTEST_SKIP() << "SKIPPED: " << why;
  const CudaSource s = emit_cuda(*map_kernel(), kBlock);
  for (const char* arch : {"sm_80", "sm_90a"}) {
    const auto start = std::chrono::steady_clock::now();
    const std::string cubin = nvrtc->compile(s.text, "map", arch);
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    std::printf("%s, %s: %.0f ms, %zu bytes\n", nvrtc->version().c_str(), arch, ms, cubin.size());
    EXPECT_EQ(cubin.substr(1, 3), "ELF");
    EXPECT_THAT(cubin, HasSubstr("lz_0_map_relu"));
  }
}

TEST(Nvrtc, FailsWithTheLog) {
  std::string why;
  const auto nvrtc = nvrtc_or_reason(&why);
  if (!nvrtc) GTEST_SKIP() << "SKIPPED: " << why;
  try {
    nvrtc->compile("__global__ void k() { undeclared = 1; }", "bad", "sm_80");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Compile);
    EXPECT_THAT(e.message(), HasSubstr("kernel bad for sm_80: nvrtcCompileProgram failed: NVRTC_ERROR_COMPILATION"));
    EXPECT_THAT(e.message(), HasSubstr("\"undeclared\" is undefined"));
  }
}

TEST(Nvrtc, SaysWhyItIsMissing) {
  std::string why;
  EXPECT_EQ(Nvrtc::open("/nowhere/libnvrtc.so", &why), nullptr);
  EXPECT_THAT(why, HasSubstr("NVRTC was not found: /nowhere/libnvrtc.so"));
}

}  // namespace
}  // namespace lazuli::codegen
