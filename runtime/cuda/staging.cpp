#include "runtime/cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace lazuli::runtime::cuda {

Staging::~Staging() {
  if (driver_->context_set(context_) != 0) return;
  for (Chunk& c : chunks_) {
    if (c.busy) driver_->event_synchronize(c.done);
    if (c.done) driver_->event_destroy(c.done);
    if (c.memory) driver_->host_free(c.memory);
  }
}

void Staging::wait(Chunk& c, const std::string& what) {
  if (c.busy) driver_->check(driver_->event_synchronize(c.done), what);
  c.busy = false;
}

void Staging::mark(Chunk& c, const std::string& what) {
  driver_->check(driver_->event_record(c.done, stream_), what);
  c.busy = true;
}

Staging::Chunk& Staging::chunk(size_t i, const std::string& what) {
  Chunk& c = chunks_[i % 2];
  constexpr unsigned kWithoutTime = 2;
  if (!c.done) driver_->check(driver_->event_create(&c.done, kWithoutTime), what);
  if (!c.memory) driver_->check(driver_->host_allocate(&c.memory, kChunkBytes, 0), what);
  wait(c, what);
  return c;
}

void Staging::upload(DevicePtr to, const void* from, size_t bytes, const std::string& what) {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0, at = 0; at < bytes; ++i, at += kChunkBytes) {
    const size_t n = std::min(kChunkBytes, bytes - at);
    Chunk& c = chunk(i, what);
    std::memcpy(c.memory, static_cast<const std::byte*>(from) + at, n);
    driver_->check(driver_->upload(to + at, c.memory, n, stream_), what);
    mark(c, what);
  }
}

void Staging::download(void* to, DevicePtr from, size_t bytes, const std::string& what) {
  const std::lock_guard lock(mutex_);
  const size_t chunks = (bytes + kChunkBytes - 1) / kChunkBytes;
  const auto size = [&](size_t i) { return std::min(kChunkBytes, bytes - i * kChunkBytes); };
  const auto ask = [&](size_t i) {
    Chunk& c = chunk(i, what);
    driver_->check(driver_->download(c.memory, from + i * kChunkBytes, size(i), stream_), what);
    mark(c, what);
  };
  if (chunks > 0) ask(0);
  for (size_t i = 0; i < chunks; ++i) {
    if (i + 1 < chunks) ask(i + 1);
    Chunk& c = chunk(i, what);
    std::memcpy(static_cast<std::byte*>(to) + i * kChunkBytes, c.memory, size(i));
  }
}

}  // namespace lazuli::runtime::cuda
