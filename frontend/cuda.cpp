#include "frontend/cuda.h"

#include <fmt/format.h>

#include "frontend/context.h"
#include "lazuli/cuda.h"
#include "runtime/context.h"

namespace lazuli {
namespace {

runtime::cuda::Devices& devices() {
  return context().runtime.cuda();
}

runtime::cuda::Gpu& gpu(Device device, const Location& loc) {
  try {
    return devices().gpu(device);
  } catch (const Error& e) {
    throw Error(e.kind(), e.message(), e.hint(), loc);
  }
}

}  // namespace

void need_cuda(std::string_view op, Device device, const Location& loc) {
  if (const std::string why = devices().status(); !why.empty())
    throw Error(ErrorKind::Device, fmt::format("{}: {} cannot be used: {}", op, device.str(), why), {}, loc);
  gpu(device, loc);
}

namespace cuda {

bool is_available() {
  return devices().count() > 0;
}

int device_count() {
  return devices().count();
}

std::string status() {
  if (std::string why = devices().status(); !why.empty()) return "CUDA cannot be used: " + why;
  const int count = devices().count();
  const runtime::cuda::Gpu& first = devices().gpu(kCUDA);
  return fmt::format("CUDA can be used: {} device{}, the first is {} ({}); driver {}.{}, {}", count,
                     count == 1 ? "" : "s", first.properties().name, first.target().arch, first.driver().version / 1000,
                     first.driver().version % 1000 / 10, devices().compiler());
}

DeviceProperties get_device_properties(Device device, Location loc) {
  const runtime::cuda::Properties& p = gpu(device, loc).properties();
  return {.name = p.name,
          .major = p.major,
          .minor = p.minor,
          .multi_processor_count = p.processors,
          .warp_size = p.warp_size,
          .total_memory = p.memory_bytes,
          .l2_cache_size = p.l2_bytes,
          .shared_memory_per_block = p.shared_bytes_per_block,
          .shared_memory_per_multiprocessor = p.shared_bytes_per_processor};
}

void synchronize(Device device, Location loc) {
  gpu(device, loc).synchronize();
}

MemoryStats memory_stats(Device device, Location loc) {
  const runtime::AllocatorStats s = gpu(device, loc).allocator().stats();
  return {.allocated = s.live_bytes, .peak = s.peak_bytes, .reserved = s.retained_bytes};
}

}  // namespace cuda
}  // namespace lazuli
