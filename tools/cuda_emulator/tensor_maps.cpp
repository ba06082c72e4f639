// Tensor maps in the stand-in for libcuda: what a driver refuses is refused, and so is a tensor that does not lie
// within one allocation.
#include <cstring>

#include "tools/cuda_emulator/engine.h"
#include "tools/cuda_emulator/shared.h"

using emulator::Result;
using namespace emulator::result;

namespace {

constexpr unsigned kTypes = 13, kRank = 3;  // the rank that kernels use
constexpr int kNoInterleave = 0, kSwizzle128 = 3;
constexpr unsigned kBytes[kTypes] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};

}  // namespace

EXPORT Result cuTensorMapEncodeTiled(void* map, int type, unsigned rank, void* address,
                                     const unsigned long long* extents, const unsigned long long* strides,
                                     const unsigned* box, const unsigned* steps, int interleave, int swizzle,
                                     int promotion, int fill) {
  if (reinterpret_cast<uintptr_t>(map) % 64 != 0 || reinterpret_cast<uintptr_t>(address) % 16 != 0)
    return kInvalidValue;
  if (type < 0 || static_cast<unsigned>(type) >= kTypes || rank != kRank || interleave != kNoInterleave)
    return kInvalidValue;
  if (swizzle < 0 || swizzle > kSwizzle128 || promotion < 0 || promotion > 3 || fill != 0) return kInvalidValue;
  emulator::BoxMap m{};
  m.magic = emulator::BoxMap::kMagic;
  m.address = reinterpret_cast<uintptr_t>(address);
  m.element_bytes = kBytes[type];
  m.swizzle = static_cast<uint32_t>(swizzle);
  size_t reach = 0;  // of the last element
  for (unsigned d = 0; d < kRank; ++d) {
    if (extents[d] == 0 || extents[d] > (1ull << 32) || box[d] == 0 || box[d] > 256 || steps[d] != 1)
      return kInvalidValue;
    const unsigned long long stride = d == 0 ? m.element_bytes : strides[d - 1];
    if (d > 0 && (stride == 0 || stride % 16 != 0 || stride >= (1ull << 40))) return kInvalidValue;
    if (d > 0) m.strides[d - 1] = stride;
    m.extents[d] = extents[d];
    m.box[d] = box[d];
    reach += (extents[d] - 1) * stride;
  }
  const unsigned inner = box[0] * m.element_bytes;
  if (inner % 16 != 0 || (swizzle != 0 && inner > (16u << swizzle))) return kInvalidValue;
  if (!emulator::is_device_memory(m.address, reach + m.element_bytes)) return kInvalidValue;
  std::memcpy(map, &m, sizeof m);
  emulator::count("cuTensorMapEncodeTiled");
  return kSuccess;
}
