// Runs a program: binds it to one request's memory, launches kernels in order, then copies and host writes.
#pragma once
#include <functional>

#include "runtime/prepared.h"

namespace lazuli::runtime {

/// What a run did, beside the results.
struct RunInfo {
  int32_t status = 0;  // nonzero: a check failed, nothing but fresh memory was written
  size_t failed_launch = 0;
  std::vector<double> nanoseconds;  // per launch, when asked for
  int threads = 1;                  // most participants of a launch
};

/// The memory that a program's bindings name. Scratch memory of participant p starts at scratch + p * its size.
struct BoundMemory {
  std::span<const void* const> leaves;
  std::span<const std::shared_ptr<Buffer>> results;
  std::byte *arena = nullptr, *scratch = nullptr;
  int64_t scratch_scale = 1;  // offsets in scratch memory count as many bytes

  void* address(const Binding& b) const;
};

/// Sees every launch after it ran, with the address of each kernel buffer (verification).
using LaunchObserver = std::function<void(size_t launch, std::span<void* const> buffers)>;

struct RunOptions {
  bool timed = false;
  int repeats = 1;  // timed: launches of each kernel that may run again
  LaunchObserver observer;
};

/// Per output of the request, its buffer. When info->status is nonzero the buffers are empty.
std::vector<std::shared_ptr<Buffer>> run_program(Context& context, const Program& program, const EvalRequest& request,
                                                 const Boundary& boundary, RunInfo& info,
                                                 const RunOptions& options = {});

/// The same on memory given by leaf, for programs without targets.
std::vector<std::shared_ptr<Buffer>> run_program(Context& context, const Program& program, const CallMemory& memory,
                                                 const EvalOptions& options, RunInfo& info, const RunOptions& run = {});

}  // namespace lazuli::runtime
