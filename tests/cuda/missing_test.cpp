// Machines without CUDA, or with part of it: every way in says why, and nothing else changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "lazuli/base/error.h"
#include "runtime/context.h"
#include "runtime/executor.h"
#include "tests/cuda/emulated.h"

namespace lazuli::testing {
namespace {

using runtime::cuda::Devices;
using ::testing::HasSubstr;
using ::testing::StartsWith;

runtime::cuda::Options options(const char* driver, const char* nvrtc) {
  runtime::cuda::Options o;
  o.driver_path = driver;
  o.nvrtc_path = nvrtc;
  return o;
}

TEST(CudaMissing, SaysThatThereIsNoDriver) {
  Devices d(options("/nowhere/libcuda.so.1", LAZULI_EMULATED_NVRTC));
  EXPECT_THAT(d.status(), StartsWith("the CUDA driver was not found: /nowhere/libcuda.so.1: cannot open"));
  EXPECT_EQ(d.count(), 0);
  try {
    d.gpu(kCUDA);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Device);
    EXPECT_THAT(e.message(), StartsWith("cuda:0 cannot be used: the CUDA driver was not found"));
  }
}

TEST(CudaMissing, SaysThatTheDriverLacksFunctions) {
  // A library that is no driver.
  Devices d(options(LAZULI_EMULATED_NVRTC, LAZULI_EMULATED_NVRTC));
  EXPECT_THAT(d.status(), HasSubstr("has no function cuGetErrorName: the CUDA driver is too old"));
}

TEST(CudaMissing, SaysThatThereIsNoCompiler) {
  Devices d(options(LAZULI_EMULATED_CUDA, "/nowhere/libnvrtc.so"));
  EXPECT_THAT(d.status(), StartsWith("NVRTC was not found: /nowhere/libnvrtc.so: cannot open"));
  EXPECT_EQ(d.count(), 0);
  EXPECT_THROW(d.nvrtc(), Error);
}

TEST(CudaMissing, AGraphForADeviceIsRefusedAndOthersRun) {
  runtime::Settings settings;
  settings.cuda_driver = "/nowhere/libcuda.so.1";
  runtime::Context context(settings);
  const auto run = [&](const char* device) {
    const ir::Graph g = ir::parse(
        std::string("graph {\n%0 = iota {axis = 0} : int32[4] @") + device + "\n%1 = neg %0 : int32[4]\nreturn %1\n}\n",
        context.interner());
    return evaluate(context, {.graph = g, .donated = {}, .targets = {}, .options = {}});
  };
  try {
    run("cuda:0");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Device);
    EXPECT_THAT(e.message(), StartsWith("cuda:0 cannot be used: the CUDA driver was not found"));
  }
  EXPECT_EQ(static_cast<const int32_t*>(run("cpu").buffers[0]->data())[3], -3);
}

TEST(CudaMissing, NvrtcIsLookedForInTheUsualPlaces) {
  const std::vector<std::string> all = codegen::nvrtc_candidates("");
  EXPECT_EQ(all[0], "libnvrtc.so.13");
  EXPECT_EQ(all[1], "libnvrtc.so.12");
  EXPECT_THAT(codegen::nvrtc_candidates("/my/libnvrtc.so"), ::testing::ElementsAre("/my/libnvrtc.so"));
  EXPECT_EQ(codegen::driver_candidates("")[0], "libcuda.so.1");
}

}  // namespace
}  // namespace lazuli::testing
