// The emulated device itself: kernels with planted faults, each of which must be seen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codegen/cuda/emit.h"
#include "codegen/cuda/nvrtc.h"
#include "lazuli/base/error.h"
#include "runtime/cuda/gpu.h"
#include "tests/cuda/emulated.h"

namespace lazuli::testing {
namespace {

using runtime::cuda::Gpu;
using ::testing::HasSubstr;

class CudaEmulator : public ::testing::Test {
 protected:
  CudaEmulator() {
    use_emulator();
    std::string why;
    driver_ = runtime::cuda::Driver::open(LAZULI_EMULATED_CUDA, &why);
    nvrtc_ = codegen::Nvrtc::open(LAZULI_EMULATED_NVRTC, &why);
    if (!driver_ || !nvrtc_) throw std::runtime_error(why);
    gpu_ = std::make_unique<Gpu>(driver_, 0, runtime::cuda::GpuOptions{.exact_blocks = true});
  }

  struct Arguments {
    float *x, *y;
    long long n;
  };
  /// y after a launch of one block on x[i] = i, n elements each. The body sees x, y, n and shared memory `s` of floats.
  std::vector<float> run(const std::string& body, int64_t n, int threads, int order = 0) {
    const EmulatedOrder in(order);
    const std::string source = std::string(codegen::kCudaPrelude) +
                               "struct args { float* x; float* y; i64 n; };\n"
                               "extern \"C\" __global__ void __launch_bounds__(256) k(const args a) {\n"
                               "  float *const x = a.x, *const y = a.y; const i64 n = a.n;\n"
                               "  LZ_SHARED(memory); float* const s = (float*)memory;\n" +
                               body + "\n}\n";
    const std::string names[] = {"k"};
    const runtime::cuda::Module module(*gpu_, nvrtc_->compile(source, "k", "sm_90a"), names, 4 * threads, "k");
    std::vector<float> values(static_cast<size_t>(n));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    const auto x = gpu_->allocator().block(n * 4), y = gpu_->allocator().block(n * 4);
    gpu_->upload(x.data(), values.data(), n * 4);
    const Arguments a{reinterpret_cast<float*>(x.data()), reinterpret_cast<float*>(y.data()), n};
    gpu_->launch(module.functions()[0], 1, threads, module.shared_bytes(), &a, "k");
    gpu_->download(values.data(), y.data(), n * 4);
    return values;
  }
  /// What the device says, and what stands on standard error.
  std::string failure(const std::string& body, int64_t n, int threads) {
    ::testing::internal::CaptureStderr();
    std::string message = "nothing failed";
    try {
      run(body, n, threads);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Device);
      message = e.message();
    }
    forget_failure();
    return message + "\n" + ::testing::internal::GetCapturedStderr();
  }

  std::shared_ptr<const runtime::cuda::Driver> driver_;
  std::shared_ptr<const codegen::Nvrtc> nvrtc_;
  std::unique_ptr<Gpu> gpu_;
};

constexpr const char* kReverse =
    "  s[threadIdx.x] = x[threadIdx.x]; lz_barrier(); y[threadIdx.x] = s[blockDim.x - 1 - threadIdx.x];";

TEST_F(CudaEmulator, RunsThreadsThatMeet) {
  for (const int order : kOrders) {
    const std::vector<float> y = run(kReverse, 64, 64, order);
    for (size_t i = 0; i < 64; ++i) ASSERT_EQ(y[i], static_cast<float>(63 - i));
  }
}

TEST_F(CudaEmulator, AMissingBarrierGivesAnotherResultInSomeOrder) {
  std::string body = kReverse;
  body.erase(body.find("lz_barrier(); "), 14);
  const std::vector<float> good = run(kReverse, 64, 64);
  int different = 0;
  for (const int order : kOrders) {
    const std::vector<float> y = run(body, 64, 64, order);
    different += !std::equal(y.begin(), y.end(), good.begin());
  }
  EXPECT_GT(different, 0);
}

TEST_F(CudaEmulator, UnwrittenMemoryIsNotZero) {
  const std::vector<float> y = run("  y[threadIdx.x] = s[threadIdx.x];", 32, 32);
  EXPECT_TRUE(y[5] != y[5]);
  const std::vector<float> z = run("  if (threadIdx.x > 0) y[threadIdx.x] = 1;", 32, 32);
  EXPECT_TRUE(z[0] != z[0]);
  EXPECT_EQ(z[1], 1);
}

TEST_F(CudaEmulator, AccessesOutsideAreSeen) {
  const std::string reads = failure("  y[threadIdx.x] = x[threadIdx.x + 1];", 64, 64);
  EXPECT_THAT(reads, HasSubstr("waiting for cuda:0: CUDA_ERROR_ILLEGAL_ADDRESS"));
  EXPECT_THAT(reads, HasSubstr("kernel k, block 0, thread 63: illegal access, 0 bytes behind an allocation of 256"));
  EXPECT_THAT(failure("  y[n] = 1;", 64, 64), HasSubstr("0 bytes behind an allocation"));
  EXPECT_THAT(failure("  s[blockDim.x] = 1; lz_barrier(); y[0] = s[0];", 64, 64), HasSubstr("illegal access"));
  EXPECT_THAT(failure("  y[0] = *(float*)16;", 64, 64), HasSubstr("address 0x10"));
}

TEST_F(CudaEmulator, ThreadsThatDoNotMeetAreSeen) {
  const std::string ended = failure("  if (threadIdx.x < 10) return; lz_barrier(); y[0] = 1;", 64, 64);
  EXPECT_THAT(ended, HasSubstr("CUDA_ERROR_LAUNCH_FAILED"));
  EXPECT_THAT(ended, HasSubstr("54 threads (first 10) wait at the barrier in line"));
  EXPECT_THAT(ended, HasSubstr("10 threads (first 0) have ended"));
  const std::string apart = failure("  if (threadIdx.x < 32) {\n lz_barrier();\n } else {\n lz_barrier();\n }", 64, 64);
  EXPECT_THAT(apart, HasSubstr("32 threads (first 0) wait at the barrier in line"));
  EXPECT_THAT(apart, HasSubstr("32 threads (first 32) wait at the barrier in line"));
}

TEST_F(CudaEmulator, AFailureStays) {
  ::testing::internal::CaptureStderr();
  EXPECT_THROW(run("  y[n] = 1;", 64, 64), Error);
  EXPECT_THROW(gpu_->synchronize(), Error);
  ::testing::internal::GetCapturedStderr();
  forget_failure();
  gpu_->synchronize();
}

TEST_F(CudaEmulator, LaunchesBeyondTheBoundsAreRefused) {
  try {
    run("  y[0] = 1;", 512, 512);
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.message(), HasSubstr("launching kernel k on cuda:0: CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"));
  }
}

TEST_F(CudaEmulator, CompilerErrorsHaveTheLog) {
  try {
    run("  y[0] = undeclared;", 64, 64);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Compile);
    EXPECT_THAT(e.message(), HasSubstr("kernel k for sm_90a"));
    EXPECT_THAT(e.message(), HasSubstr("undeclared"));
  }
}

TEST_F(CudaEmulator, WorkIsDoneWhenSomebodyWaits) {
  const auto x = gpu_->allocator().block(4);
  float one = 1, seen = 0;
  gpu_->upload(x.data(), &one, 4);
  one = 2;  // was read by the call
  gpu_->enter();
  driver_->download(&seen, reinterpret_cast<runtime::cuda::DevicePtr>(x.data()), 4, gpu_->stream());
  EXPECT_EQ(seen, 0);
  gpu_->synchronize();
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace lazuli::testing
