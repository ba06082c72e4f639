// The kernel cache: hits, reasons of misses, eviction, and one compilation for concurrent misses.
#include "runtime/kernel_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "lazuli/base/error.h"

namespace lazuli::runtime {
namespace {

KernelCache::Code fake_code(size_t bytes) {
  auto code = std::make_shared<codegen::CompiledKernel>();
  code->code_bytes = bytes;
  return code;
}

TEST(KernelCache, ReportsHitsAndTheReasonOfAMiss) {
  KernelCache cache;
  int compiled = 0;
  const auto compile = [&] {
    ++compiled;
    return fake_code(100);
  };
  const auto first = cache.get("k", "zen4", compile);
  EXPECT_EQ(first.miss, Miss::NewStructure);
  const auto second = cache.get("k", "zen4", compile);
  EXPECT_EQ(second.miss, Miss::None);
  EXPECT_EQ(second.code, first.code);
  EXPECT_EQ(cache.get("k", "generic", compile).miss, Miss::OtherTarget);
  EXPECT_EQ(cache.get("other", "zen4", compile).miss, Miss::NewStructure);
  EXPECT_EQ(compiled, 3);
  EXPECT_EQ(cache.stats().hits, 1u);
  EXPECT_EQ(cache.stats().kernels, 3u);
}

TEST(KernelCache, EvictsTheLeastRecentlyUsed) {
  KernelCache cache(10000);
  const auto compile = [] { return fake_code(4000); };
  cache.get("a", "t", compile);
  cache.get("b", "t", compile);
  cache.get("a", "t", compile);
  cache.get("c", "t", compile);  // b goes
  EXPECT_NE(cache.find("a", "t"), nullptr);
  EXPECT_EQ(cache.find("b", "t"), nullptr);
  EXPECT_EQ(cache.get("b", "t", compile).miss, Miss::Evicted);
  EXPECT_LE(cache.stats().bytes, 10000);
}

TEST(KernelCache, KeysAreComparedWhole) {
  KernelCache cache;
  const auto a = cache.get(std::string("x\0y", 3), "t", [] { return fake_code(1); });
  const auto b = cache.get("x", "t", [] { return fake_code(1); });
  EXPECT_NE(a.code, b.code);
}

TEST(KernelCache, ConcurrentMissesCompileOnce) {
  KernelCache cache;
  std::atomic<int> compiled{0};
  std::vector<std::thread> threads;
  std::vector<KernelCache::Code> codes(8);
  for (size_t t = 0; t < codes.size(); ++t)
    threads.emplace_back([&, t] {
      codes[t] = cache
                     .get("k", "t",
                          [&] {
                            ++compiled;
                            std::this_thread::sleep_for(std::chrono::milliseconds(20));
                            return fake_code(1);
                          })
                     .code;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(compiled.load(), 1);
  for (const auto& c : codes) EXPECT_EQ(c, codes[0]);
}

TEST(KernelCache, AFailureIsThrownAndNotKept) {
  KernelCache cache;
  EXPECT_THROW(cache.get("k", "t", []() -> KernelCache::Code { throw Error(ErrorKind::Compile, "no"); }), Error);
  EXPECT_EQ(cache.get("k", "t", [] { return fake_code(1); }).miss, Miss::NewStructure);
}

}  // namespace
}  // namespace lazuli::runtime
