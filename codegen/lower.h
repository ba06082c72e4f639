// From a region and a schedule to a kernel, and to the argument values that make the kernel compute this region at its
// concrete sizes. The kernel depends on the region's structure only; another region of the same structure and other
// sizes lowers to an equal kernel with other arguments.
#pragma once
#include <memory>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/schedule.h"

namespace lazuli::codegen {

struct PhaseLaunch {
  int64_t tasks = 0;
  double nanoseconds_per_task = 0;  // estimate, decides whether threads pay
  /// The same work in fewer tasks, where one thread runs them all: size argument `size` is `value` then.
  struct Alone {
    int64_t tasks = 0;  // 0: there is no such way
    size_t size = 0;
    int64_t value = 0;
  } alone = {};
};

struct Lowered {
  std::shared_ptr<const Kernel> kernel;
  Schedule schedule;
  std::vector<int64_t> sizes;            // values of the kernel's size arguments
  std::vector<const ir::Node*> buffers;  // per Kernel::buffers: the stored node; null for Workspace and Scratch
  std::vector<int64_t> buffer_bytes;     // per Kernel::buffers
  std::vector<const ir::Node*> scalars;  // per Kernel::scalars: the argument leaf
  std::vector<PhaseLaunch> phases;
  int64_t bytes_read = 0, bytes_written = 0;  // what the kernel must move at least
  double flops = 0;                           // arithmetic primitives executed
  bool rounds_as_machine = false;             // floats are added up by matrix units
};

Lowered lower(const ir::Region& region, const Schedule& schedule, const LoweringOptions& options);
/// Under the schedule that choose_schedule() gives.
Lowered lower(const ir::Region& region, const LoweringOptions& options);

}  // namespace lazuli::codegen
