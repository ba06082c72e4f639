// Memory that tensors live in. A Buffer is the payload of data leaves; it belongs to storage roots and is recycled
// through the allocator that made it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "ir/node.h"

namespace lazuli::runtime {

class Buffer final : public ir::Payload {
 public:
  Buffer(void* data, int64_t bytes, std::function<void()> release, bool external = false, Device device = kCPU)
      : data_(data), bytes_(bytes), release_(std::move(release)), external_(external), device_(device) {}
  ~Buffer() override {
    if (release_) release_();
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const void* host_data() const override { return device_.is_cpu() ? data_ : nullptr; }
  /// An address on device().
  void* data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  /// External or escaped memory is never donated nor recycled by us.
  bool external() const { return external_; }
  void mark_external() { external_ = true; }
  /// Exchanges the memory of two buffers of one size on one device: readers of this one then find the other's contents,
  /// and vice versa.
  void swap_memory(Buffer& other) {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(release_, other.release_);
    std::swap(external_, other.external_);
  }

 private:
  void* data_;
  int64_t bytes_;
  std::function<void()> release_;
  bool external_;
  Device device_;
};

/// Payload of an `argument` leaf: the bits of one host scalar.
class ScalarPayload final : public ir::Payload {
 public:
  explicit ScalarPayload(uint64_t bits) : bits_(bits) {}
  const void* host_data() const override { return &bits_; }
  uint64_t bits() const { return bits_; }

 private:
  uint64_t bits_;
};

}  // namespace lazuli::runtime
