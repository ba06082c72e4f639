// The identity of an evaluation: its graph in canonical numbering and what may be done to the memory at its boundary.
// Two requests with equal keys run the same program; no pointer, id, value or source location is in a key.
#pragma once
#include <string>
#include <vector>

#include "runtime/executor.h"

namespace lazuli::runtime {

/// The boundary of one request, numbered.
struct Boundary {
  struct Target {
    static constexpr uint32_t kForeign = ~0u;
    bool wanted = false;
    /// The data leaf with this buffer, or kForeign when the graph does not read it.
    uint32_t leaf = kForeign;
    /// The value must be complete before the buffer is touched: its memory overlaps a leaf in a way that the planner
    /// does not see, or is not aligned for kernels.
    bool indirect = false;
  };

  std::vector<const ir::Node*> order;   // topological
  Device device;                        // of all nodes, unless
  bool crosses = false;                 // there are nodes on several devices, or transfers between them
  std::vector<const ir::Node*> leaves;  // data and argument leaves in order of appearance
  std::vector<bool> donated;            // per leaf
  std::vector<Target> targets;          // per output
  std::string key;
};

/// Throws Error(Value) when a leaf has no data, Error(Internal) when a target does not fit its output or is named
/// twice. `values`: leaves must have data (they need none to be planned or printed).
Boundary number(const EvalRequest& request, bool values = true);

/// Memory of a data or argument leaf: of an argument on the host, of data on the leaf's device.
const void* leaf_data(const ir::Node* leaf);
/// The payload as a buffer of ours; null for any other payload.
std::shared_ptr<Buffer> leaf_buffer(const ir::Node* leaf);

}  // namespace lazuli::runtime
