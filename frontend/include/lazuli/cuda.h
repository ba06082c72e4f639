// CUDA devices. Nothing is loaded before one of these functions, or a tensor, asks for a device; a machine without CUDA
// is told why by status().
#pragma once
#include <cstdint>
#include <string>

#include "lazuli/base/device.h"
#include "lazuli/base/error.h"

namespace lazuli::cuda {

struct DeviceProperties {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multi_processor_count = 0, warp_size = 0;
  int64_t total_memory = 0, l2_cache_size = 0;                                // bytes
  int64_t shared_memory_per_block = 0, shared_memory_per_multiprocessor = 0;  // bytes
};

struct MemoryStats {
  int64_t allocated = 0, peak = 0, reserved = 0;  // bytes in use, most of them so far, kept for reuse
};

/// Whether there are a driver, a compiler and a device.
bool is_available();
/// 0 when CUDA cannot be used.
int device_count();
/// One sentence: what is there, or why CUDA cannot be used.
std::string status();
/// Throws Error(Device) when there is no such device.
DeviceProperties get_device_properties(Device device = kCUDA, Location loc = Location::current());
/// Waits until everything that was started on the device is done; throws Error(Device) if something of it failed.
void synchronize(Device device = kCUDA, Location loc = Location::current());
MemoryStats memory_stats(Device device = kCUDA, Location loc = Location::current());

}  // namespace lazuli::cuda
