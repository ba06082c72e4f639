#include "runtime/allocator.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <new>

#include "lazuli/base/error.h"
#include "passes/plan_memory.h"

namespace lazuli::runtime {
namespace {

constexpr int64_t kHugePage = 2 << 20;
/// Blocks of whole pages begin with one: where a result stands a little behind an operand modulo 4 KB, a processor
/// takes loads of the one for loads of what has just been stored in the other.
constexpr int64_t kPage = 4096;

/// Blocks of this size and above are mapped, aligned to huge pages.
bool is_mapped(int64_t size) {
  return size >= kHugePage;
}

void* system_allocate(int64_t size) {
  if (!is_mapped(size)) {
    const bool paged = size >= kPage && size % kPage == 0;
    return std::aligned_alloc(paged ? kPage : passes::kBufferAlignment, static_cast<size_t>(size));
  }
  const size_t length = static_cast<size_t>(size) + kHugePage;
  void* raw = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(raw);
  const uintptr_t aligned = (address + kHugePage - 1) & ~static_cast<uintptr_t>(kHugePage - 1);
  if (aligned != address) munmap(raw, aligned - address);
  const uintptr_t end = address + length, used_end = aligned + static_cast<size_t>(size);
  if (end != used_end) munmap(reinterpret_cast<void*>(used_end), end - used_end);
  void* block = reinterpret_cast<void*>(aligned);
  madvise(block, static_cast<size_t>(size), MADV_HUGEPAGE);  // a hint; small pages work too
  return block;
}

void system_free(void* data, int64_t size) {
  if (is_mapped(size)) {
    munmap(data, static_cast<size_t>(size));
  } else {
    std::free(data);
  }
}

class HostMemory final : public MemorySource {
 public:
  void* allocate(int64_t bytes) override { return system_allocate(bytes); }
  void release(void* data, int64_t bytes) noexcept override { system_free(data, bytes); }
  int64_t retain_limit() const override { return sysconf(_SC_PHYS_PAGES) / 4 * sysconf(_SC_PAGESIZE); }
};

}  // namespace

int64_t MemorySource::class_bytes(int64_t bytes) const {
  return Allocator::class_bytes(bytes);
}

struct AllocatorState {
  struct Free {
    void* data;
    uint64_t age;  // order of release
  };
  std::shared_ptr<MemorySource> source;
  std::mutex mutex;
  std::map<int64_t, std::deque<Free>> free;  // by class size; newest at the back
  AllocatorStats stats;
  int64_t retain_limit = 0;
  uint64_t ages = 0;

  ~AllocatorState() { trim(0); }

  /// Frees the blocks that were idle for longest until at most `keep` bytes are retained.
  void trim(int64_t keep) {
    while (stats.retained_bytes > keep) {
      auto oldest = free.end();
      for (auto it = free.begin(); it != free.end(); ++it)
        if (!it->second.empty() && (oldest == free.end() || it->second.front().age < oldest->second.front().age))
          oldest = it;
      source->release(oldest->second.front().data, oldest->first);
      stats.retained_bytes -= oldest->first;
      oldest->second.pop_front();
      if (oldest->second.empty()) free.erase(oldest);
    }
  }

  void* acquire(int64_t bytes);
  void release(void* data, int64_t bytes);
};

namespace {

[[noreturn]] void refuse(int64_t bytes, const AllocatorStats& s, const char* why) {
  throw Error(ErrorKind::Memory,
              fmt::format("cannot allocate {} bytes: {} (limit {}, in use {} bytes)", bytes, why,
                          s.limit_bytes ? fmt::format("{} bytes", s.limit_bytes) : "none", s.live_bytes),
              "evaluate in smaller pieces, drop tensors that are no longer needed, or raise the memory limit");
}

}  // namespace

void* AllocatorState::acquire(int64_t bytes) {
  const int64_t size = source->class_bytes(bytes);
  const std::lock_guard lock(mutex);
  const int64_t limit = stats.limit_bytes;
  if (limit && (bytes > limit || stats.live_bytes > limit - bytes)) refuse(bytes, stats, "the memory limit is reached");
  void* data = nullptr;
  if (auto it = free.find(size); it != free.end() && !it->second.empty()) {
    data = it->second.back().data;
    it->second.pop_back();
    stats.retained_bytes -= size;
  } else {
    // Idle blocks must not push the process over the limit.
    if (limit) trim(std::max<int64_t>(0, limit - stats.live_bytes - bytes));
    data = source->allocate(size);
    if (!data && stats.retained_bytes > 0) {
      trim(0);
      data = source->allocate(size);
    }
    if (!data)
      refuse(bytes, stats,
             source->device().is_cpu() ? "the system has no memory left" : "the device has no memory left");
    ++stats.system_allocations;
  }
  ++stats.blocks;
  stats.live_bytes += bytes;
  stats.peak_bytes = std::max(stats.peak_bytes, stats.live_bytes);
  return data;
}

void AllocatorState::release(void* data, int64_t bytes) {
  const int64_t size = source->class_bytes(bytes);
  const std::lock_guard lock(mutex);
  stats.live_bytes -= bytes;
  try {
    free[size].push_back({data, ++ages});
  } catch (const std::bad_alloc&) {
    source->release(data, size);
    return;
  }
  stats.retained_bytes += size;
  trim(retain_limit);
}

int64_t Allocator::class_bytes(int64_t bytes) {
  if (bytes > (int64_t{1} << 62)) return bytes;  // the system will refuse
  if (bytes <= passes::kBufferAlignment) return passes::kBufferAlignment;
  // Four classes per power of two below a huge page, eight above: at most a quarter, an eighth is unused.
  const int64_t power = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(bytes)));
  const int64_t step = std::max(passes::kBufferAlignment, power / (bytes < kHugePage ? 4 : 8));
  return (bytes + step - 1) / step * step;
}

Allocator::Allocator() : Allocator(std::make_shared<HostMemory>()) {}

Allocator::Allocator(std::shared_ptr<MemorySource> source) : state_(std::make_shared<AllocatorState>()) {
  state_->retain_limit = source->retain_limit();
  state_->source = std::move(source);
}

Allocator::~Allocator() = default;

std::shared_ptr<Buffer> Allocator::allocate(int64_t bytes) {
  Block b = block(bytes);
  std::function<void()> release = [state = state_, data = b.data_, bytes] { state->release(data, bytes); };
  std::byte* data = b.data_;
  b.state_ = nullptr;  // `release` owns it now
  try {
    // Moved from only when there is memory for the Buffer.
    return std::make_shared<Buffer>(data, bytes, std::move(release), /*external=*/false, state_->source->device());
  } catch (...) {
    release();
    throw;
  }
}

Allocator::Block Allocator::block(int64_t bytes) {
  Block b;
  b.data_ = static_cast<std::byte*>(state_->acquire(bytes));
  b.state_ = state_;
  b.bytes_ = bytes;
  return b;
}

Allocator::Block& Allocator::Block::operator=(Block&& o) noexcept {
  std::swap(state_, o.state_);
  std::swap(data_, o.data_);
  std::swap(bytes_, o.bytes_);
  return *this;
}

Allocator::Block::~Block() {
  if (state_) state_->release(data_, bytes_);
}

void Allocator::set_memory_limit(int64_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->stats.limit_bytes = std::max<int64_t>(0, bytes);
}

void Allocator::set_retain_limit(int64_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->retain_limit = std::max<int64_t>(0, bytes);
  state_->trim(state_->retain_limit);
}

void Allocator::trim() {
  const std::lock_guard lock(state_->mutex);
  state_->trim(0);
}

AllocatorStats Allocator::stats() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stats;
}

void Allocator::reset_peak() {
  const std::lock_guard lock(state_->mutex);
  state_->stats.peak_bytes = state_->stats.live_bytes;
}

}  // namespace lazuli::runtime
