// The cache of machine code between processes: what is found, and what is not believed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "ir/interpret.h"
#include "ir/text.h"
#include "runtime/cuda/cubin_cache.h"
#include "runtime/sha256.h"
#include "tests/cuda/emulated.h"
#include "tests/cuda/on_device.h"
#include "tests/pipeline/harness.h"

namespace lazuli::testing {
namespace {

using runtime::cuda::CubinCache;
namespace fs = std::filesystem;

class CudaCache : public ::testing::Test {
 protected:
  CudaCache() {
    char pattern[] = "/tmp/lazuli-cubins-XXXXXX";
    root_ = mkdtemp(pattern);
  }
  ~CudaCache() override { fs::remove_all(root_); }
  std::string folder() const { return root_ + "/cubins"; }
  fs::path only_file() const {
    std::vector<fs::path> all;
    for (const auto& e : fs::directory_iterator(folder())) all.push_back(e.path());
    EXPECT_EQ(all.size(), 1u);
    return all.at(0);
  }
  std::string root_;
};

TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(runtime::sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(runtime::sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(runtime::sha256_hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_F(CudaCache, FindsWhatWasPut) {
  const CubinCache cache(folder());
  EXPECT_FALSE(cache.find("key"));
  EXPECT_TRUE(cache.insert("key", std::string("co\0de", 5)));
  EXPECT_EQ(cache.find("key"), std::string("co\0de", 5));
  EXPECT_FALSE(cache.find("another key"));
  EXPECT_NE(CubinCache::key("s", "sm_80", "13.0"), CubinCache::key("s", "sm_90a", "13.0"));
  EXPECT_FALSE(CubinCache("").insert("key", "code"));
}

/// The figure is printed; the bound is that of a busy machine and of code without optimisation.
TEST_F(CudaCache, FindsInLittleTime) {
  const CubinCache cache(folder());
  const std::string code(12000, 'c');  // a map
  ASSERT_TRUE(cache.insert("key", code));
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(cache.find("key"), code);
    best = std::min(best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::printf("a kernel of 12 KB is read and checked in %.2f ms\n", best);
  EXPECT_LT(best, 20);
}

TEST_F(CudaCache, BelievesNoFileThatWasChanged) {
  const CubinCache cache(folder());
  ASSERT_TRUE(cache.insert("key", "code"));
  std::ifstream in(only_file(), std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    std::ofstream(only_file(), std::ios::binary) << bad;
    EXPECT_FALSE(cache.find("key")) << "byte " << i;
    std::ofstream(only_file(), std::ios::binary) << good.substr(0, i);
    EXPECT_FALSE(cache.find("key")) << "cut at " << i;
  }
  EXPECT_TRUE(cache.insert("key", "code"));
  EXPECT_TRUE(cache.find("key"));
}

TEST_F(CudaCache, BelievesNothingThatOthersMayWrite) {
  const CubinCache cache(folder());
  ASSERT_TRUE(cache.insert("key", "code"));
  chmod(folder().c_str(), 0777);
  EXPECT_FALSE(cache.find("key"));
  EXPECT_FALSE(cache.insert("other", "code"));
  chmod(folder().c_str(), 0700);
  EXPECT_TRUE(cache.find("key"));
  chmod(only_file().c_str(), 0666);
  EXPECT_FALSE(cache.find("key"));
  chmod(only_file().c_str(), 0600);
  fs::rename(folder(), root_ + "/elsewhere");
  fs::create_directory_symlink(root_ + "/elsewhere", folder());
  EXPECT_FALSE(cache.find("key"));
}

TEST_F(CudaCache, AnotherProcessCompilesNothing) {
  use_emulator();
  runtime::Settings settings;
  settings.cuda_driver = LAZULI_EMULATED_CUDA;
  settings.nvrtc = LAZULI_EMULATED_NVRTC;
  settings.cuda_cache = folder();
  settings.cuda_record = root_ + "/sources";
  const char* text = "graph {\n%0 = data : float32[1000]\n%1 = exp %0 : float32[1000]\nreturn %1\n}\n";
  const auto run = [&] {
    runtime::Context context(settings);
    const ir::Graph g = ir::parse(text, context.interner());
    return run_on_device(context, g, random_leaves(1));
  };
  const std::vector<ir::HostArray> first = run();
  ASSERT_FALSE(fs::is_empty(root_ + "/sources"));
  setenv("LAZULI_EMULATOR_CXX", "/nowhere/compiler", 1);
  setenv("LAZULI_EMULATOR_CACHE", "", 1);
  const std::vector<ir::HostArray> second = run();
  EXPECT_TRUE(ir::bitwise_equal(first[0], second[0]));
  // Nor does one that has no compiler at all.
  settings.nvrtc = "/nowhere/libnvrtc.so";
  const std::vector<ir::HostArray> third = run();
  EXPECT_TRUE(ir::bitwise_equal(first[0], third[0]));
  fs::remove(folder() + "/compiler");
  EXPECT_THROW(run(), Error);
  settings.nvrtc = LAZULI_EMULATED_NVRTC;
  // Without the cache it has to compile, and cannot: it was the cache that served before.
  fs::remove_all(folder());
  EXPECT_THROW(run(), Error);
  unsetenv("LAZULI_EMULATOR_CXX");
  unsetenv("LAZULI_EMULATOR_CACHE");
  use_emulator();
}

}  // namespace
}  // namespace lazuli::testing
