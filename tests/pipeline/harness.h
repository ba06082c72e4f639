// Runs a graph the way the runtime does, step by step and without it: passes, partition, schedule, lowering, then the
// kernel IR interpreter or machine code. Tests compare the result with the reference interpreter, bit for bit.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "codegen/llvm/jit.h"
#include "codegen/lower.h"
#include "ir/interpret.h"
#include "ir/text.h"
#include "passes/partition_choice.h"

namespace lazuli::testing {

struct RunOptions {
  bool passes = true;  // run the graph passes first
  bool fuse = true;
  bool machine = true;  // LLVM; else the kernel IR interpreter
  int vector_bits = 256;
  int workers = 1;            // tasks are dealt out as the pool would, in this many ranges, last range first
  int64_t task_elements = 0;  // 0: as schedules choose
  int64_t cache_bytes = 0;    // of the second and third level, so that small operands count as large; 0: the machine's
  passes::PlacementChooser* chooser = nullptr;  // of the partition
  int64_t cores = 4;                            // that schedules spread work over
  int timed = 0;                                // run every kernel so many times, and keep the time of the fastest
  /// Another schedule of a region than the one that the cost model chooses.
  std::function<codegen::Schedule(const ir::Region&, const codegen::LoweringOptions&)> schedule = {};
};

struct RunResult {
  std::vector<ir::HostArray> outputs;
  std::vector<std::string> schedules;  // one per kernel, in order
  std::vector<std::shared_ptr<const codegen::Kernel>> kernels;
  bool failed = false;     // a check did not hold
  double nanoseconds = 0;  // with `timed`: of all kernels
};

/// Elements of each data leaf: filled from a seed, as interesting as the dtype allows.
ir::HostArray random_array(DType t, const ir::Shape& shape, uint64_t seed);
/// Gives every leaf of the graph values from the seed.
ir::LeafSource random_leaves(uint64_t seed);

RunResult run_graph(const ir::Graph& g, const ir::LeafSource& leaves, const RunOptions& options);

/// Number of kernels that the default pipeline makes of the graph.
size_t count_kernels(const ir::Graph& g);

}  // namespace lazuli::testing
