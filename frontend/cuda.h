// What the frontend asks about CUDA devices.
#pragma once
#include <string_view>

#include "lazuli/base/device.h"
#include "lazuli/base/error.h"

namespace lazuli {

/// Throws Error(Device) that says why `op` cannot use the device.
void need_cuda(std::string_view op, Device device, const Location& loc);

}  // namespace lazuli
