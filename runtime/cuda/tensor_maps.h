// What kernels that copy boxes of tensors need at a launch: their operands as the driver encodes them (TensorMap), from
// the sizes that the kernel is given anyway. The copy engine wants addresses that are multiples of 16; memory that a
// caller brought may have others, and is copied first then.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "codegen/cuda/emit.h"
#include "runtime/cuda/driver.h"

namespace lazuli::runtime::cuda {

struct alignas(64) EncodedMap {
  std::array<uint64_t, 16> words{};
};

inline constexpr uintptr_t kMapAlignment = 16;

/// Throws Error(Device) when the driver refuses.
EncodedMap encode(const Driver& driver, const codegen::TensorMap& map, std::span<const int64_t> sizes, void* buffer,
                  const std::string& kernel);

}  // namespace lazuli::runtime::cuda
