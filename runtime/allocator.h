// Where tensor memory comes from: blocks are recycled by size class, because a fresh large block costs ten times more
// to fill than a recycled one (page faults). Every block is aligned to kBufferAlignment; large ones to huge pages. The
// limit refuses before anything is asked from the system. Thread-safe. Blocks may outlive the Allocator object.
#pragma once
#include <cstdint>
#include <memory>

#include "runtime/buffer.h"

namespace lazuli::runtime {

struct AllocatorStats {
  int64_t live_bytes = 0;           // handed out and not given back
  int64_t peak_bytes = 0;           // most live_bytes since the start or reset_peak()
  int64_t retained_bytes = 0;       // kept for reuse
  int64_t limit_bytes = 0;          // 0: none
  uint64_t system_allocations = 0;  // blocks asked from the system so far
  uint64_t blocks = 0;              // blocks handed out so far
};

/// Where an Allocator gets its blocks. Thread-safe.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  /// Null when there is no memory left.
  virtual void* allocate(int64_t bytes) = 0;
  virtual void release(void* data, int64_t bytes) noexcept = 0;
  /// What a request of `bytes` occupies; blocks of one such size are exchangeable.
  virtual int64_t class_bytes(int64_t bytes) const;
  /// Most bytes kept for reuse at first.
  virtual int64_t retain_limit() const = 0;
  virtual Device device() const { return kCPU; }
};

class Allocator {
 public:
  /// Of host memory.
  Allocator();
  explicit Allocator(std::shared_ptr<MemorySource> source);
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// A buffer of `bytes` (0 is fine) with undefined contents, recycled when its last owner drops it.
  /// Throws Error(Memory) that names the request, the limit and what is in use.
  std::shared_ptr<Buffer> allocate(int64_t bytes);

  /// Memory for the duration of one evaluation.
  class Block {
   public:
    Block() = default;
    Block(Block&& o) noexcept { *this = std::move(o); }
    Block& operator=(Block&& o) noexcept;
    ~Block();
    std::byte* data() const { return data_; }

   private:
    friend class Allocator;
    std::shared_ptr<struct AllocatorState> state_;
    std::byte* data_ = nullptr;
    int64_t bytes_ = 0;
  };
  Block block(int64_t bytes);

  /// Most bytes that may be live at once; 0 removes the limit. What is live stays.
  void set_memory_limit(int64_t bytes);
  /// Most bytes kept for reuse; the blocks that were free for longest go back first. Default: a quarter of the memory.
  void set_retain_limit(int64_t bytes);
  /// Gives every retained block back to the system.
  void trim();
  AllocatorStats stats() const;
  void reset_peak();

  /// What a request of `bytes` really occupies.
  static int64_t class_bytes(int64_t bytes);

 private:
  std::shared_ptr<struct AllocatorState> state_;
};

}  // namespace lazuli::runtime
