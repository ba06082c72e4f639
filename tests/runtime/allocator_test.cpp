// The caching allocator: alignment, recycling, limits and counters.
#include "runtime/allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "lazuli/base/error.h"
#include "passes/plan_memory.h"

namespace lazuli::runtime {
namespace {

TEST(Allocator, AlignsEveryBlockAndHugeOnesToHugePages) {
  Allocator a;
  for (const int64_t bytes : {0L, 1L, 127L, 128L, 129L, 5000L, (2L << 20) - 1, 2L << 20, (2L << 20) + 1, 33L << 20}) {
    const auto b = a.allocate(bytes);
    const auto address = reinterpret_cast<uintptr_t>(b->data());
    EXPECT_EQ(address % passes::kBufferAlignment, 0u) << bytes;
    if (bytes >= 2 << 20) {
      EXPECT_EQ(address % (2 << 20), 0u) << bytes;
    }
    EXPECT_EQ(b->bytes(), bytes);
    std::memset(b->data(), 1, static_cast<size_t>(bytes));
  }
}

TEST(Allocator, ClassesGrowAndWasteAtMostAQuarter) {
  int64_t before = 0;
  for (int64_t bytes = 1; bytes < (int64_t{1} << 40); bytes += bytes / 7 + 1) {
    const int64_t size = Allocator::class_bytes(bytes);
    EXPECT_GE(size, bytes);
    EXPECT_GE(size, before);
    EXPECT_LE(size, std::max<int64_t>(bytes + bytes / 4 + 128, 128));
    EXPECT_EQ(size % passes::kBufferAlignment, 0);
    EXPECT_EQ(Allocator::class_bytes(size), size);
    before = size;
  }
}

TEST(Allocator, RecyclesInsteadOfAskingTheSystem) {
  Allocator a;
  void* first = nullptr;
  for (int i = 0; i < 100; ++i) {
    const auto b = a.allocate(1000 + i % 3);
    if (!first) first = b->data();
    EXPECT_EQ(b->data(), first);
  }
  EXPECT_EQ(a.stats().system_allocations, 1u);
  EXPECT_EQ(a.stats().blocks, 100u);
  EXPECT_EQ(a.stats().live_bytes, 0);
  EXPECT_EQ(a.stats().peak_bytes, 1002);
  EXPECT_GT(a.stats().retained_bytes, 0);
  a.trim();
  EXPECT_EQ(a.stats().retained_bytes, 0);
}

/// The line of the process's map that says how the system treats the memory at `data`; empty where it does not tell.
std::string vm_flags(const void* data) {
  std::ifstream maps("/proc/self/smaps");
  const auto address = reinterpret_cast<uintptr_t>(data);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t from = 0, to = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
      inside = from <= address && address < to;
    else if (inside && line.starts_with("VmFlags:"))
      return line + " ";
  }
  return {};
}

TEST(Allocator, LargeBlocksAskForHugePagesAndAreRecycledWithThem) {
  Allocator a;
  void* first = nullptr;
  for (const int64_t bytes : {(8L << 20) - 1, 8L << 20, (8L << 20) - 4096}) {  // of one class
    const auto b = a.allocate(bytes);
    if (!first) first = b->data();
    EXPECT_EQ(b->data(), first) << "was not recycled";
    EXPECT_EQ(reinterpret_cast<uintptr_t>(b->data()) % (2 << 20), 0u);
    for (const int64_t at : {int64_t{0}, bytes - 1}) {  // the whole block, not its first page alone
      const std::string flags = vm_flags(static_cast<std::byte*>(b->data()) + at);
      if (flags.empty()) GTEST_SKIP() << "the system does not tell how it treats memory";
      EXPECT_THAT(flags, ::testing::HasSubstr(" hg ")) << "at byte " << at << " of " << bytes;
    }
  }
  EXPECT_EQ(a.stats().system_allocations, 1u);
  const auto small = a.allocate(4096);
  EXPECT_THAT(vm_flags(small->data()), ::testing::Not(::testing::HasSubstr(" hg ")));
}

TEST(Allocator, LimitRefusesBeforeAllocatingAndNamesTheNumbers) {
  Allocator a;
  a.set_memory_limit(10000);
  const auto held = a.allocate(6000);
  const auto before = a.stats();
  try {
    a.allocate(4001);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Memory);
    EXPECT_THAT(e.message(), testing::HasSubstr("4001 bytes"));
    EXPECT_THAT(e.message(), testing::HasSubstr("limit 10000 bytes"));
    EXPECT_THAT(e.message(), testing::HasSubstr("in use 6000 bytes"));
  }
  EXPECT_EQ(a.stats().system_allocations, before.system_allocations);
  EXPECT_EQ(a.stats().live_bytes, 6000);
  EXPECT_NE(a.allocate(4000), nullptr);
  a.set_memory_limit(0);
  EXPECT_NE(a.allocate(1 << 20), nullptr);
}

TEST(Allocator, AbsurdSizesAreRefusedAndLaterOnesWork) {
  Allocator a;
  for (const int64_t bytes : {int64_t{1} << 55, int64_t{1} << 62, std::numeric_limits<int64_t>::max()}) {
    try {
      a.allocate(bytes);
      FAIL() << bytes;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Memory);
    }
  }
  EXPECT_EQ(a.stats().live_bytes, 0);
  EXPECT_NE(a.allocate(100), nullptr);
}

TEST(Allocator, RetainedBytesAreBoundedOldestFirst) {
  Allocator a;
  a.set_retain_limit(3 * 4096);
  {
    std::vector<std::shared_ptr<Buffer>> held;
    for (int i = 0; i < 10; ++i) held.push_back(a.allocate(4096));
  }
  EXPECT_EQ(a.stats().retained_bytes, 3 * 4096);
  {
    const auto other = a.allocate(8192);
  }
  EXPECT_EQ(a.stats().retained_bytes, 3 * 4096) << "the new block stays, two old ones went";
}

TEST(Allocator, BuffersOutliveTheAllocator) {
  std::shared_ptr<Buffer> b;
  {
    Allocator a;
    b = a.allocate(64);
  }
  std::memset(b->data(), 7, 64);
  EXPECT_EQ(static_cast<const char*>(b->host_data())[63], 7);
}

}  // namespace
}  // namespace lazuli::runtime
