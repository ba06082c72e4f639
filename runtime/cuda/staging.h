// Copies between ordinary host memory and a GPU by way of pinned memory, which the GPU reads and writes by itself:
// while it does so with one chunk, the host fills or empties the other. Thread-safe; copies take turns.
#pragma once
#include <memory>
#include <mutex>

#include "runtime/cuda/driver.h"

namespace lazuli::runtime::cuda {

class Staging {
 public:
  /// Below this the driver's own way is as good: the bytes travel within the command.
  static constexpr size_t kLeastBytes = 64 << 10;
  static constexpr size_t kChunkBytes = 2 << 20;

  Staging(std::shared_ptr<const Driver> driver, ContextHandle context, StreamHandle stream)
      : driver_(std::move(driver)), context_(context), stream_(stream) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// `from` has been read when the call returns. The context is the calling thread's, here and below.
  void upload(DevicePtr to, const void* from, size_t bytes, const std::string& what);
  /// `to` has been written when the call returns.
  void download(void* to, DevicePtr from, size_t bytes, const std::string& what);

 private:
  struct Chunk {
    void* memory = nullptr;  // pinned
    EventHandle done = nullptr;
    bool busy = false;  // the GPU may be using it; `done` tells when no more
  };
  /// Chunk i of a copy, when the GPU is done with it.
  Chunk& chunk(size_t i, const std::string& what);
  void wait(Chunk& c, const std::string& what);
  /// After a copy was queued.
  void mark(Chunk& c, const std::string& what);

  std::shared_ptr<const Driver> driver_;
  ContextHandle context_;
  StreamHandle stream_;
  std::mutex mutex_;
  Chunk chunks_[2];
};

}  // namespace lazuli::runtime::cuda
