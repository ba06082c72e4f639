// Runs a program on a GPU: the counterpart of runtime/launch.cpp. Launches are queued on the GPU's stream; the call
// waits where a kernel may refuse an element, and nowhere else.
#pragma once
#include "runtime/cuda/gpu.h"
#include "runtime/launch.h"

namespace lazuli::runtime::cuda {

std::vector<std::shared_ptr<Buffer>> run_program(Gpu& gpu, const Program& program, const CallMemory& memory,
                                                 std::span<const std::shared_ptr<Buffer>> targets, RunInfo& info,
                                                 const RunOptions& options);

}  // namespace lazuli::runtime::cuda
