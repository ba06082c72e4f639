// An executable graph: launches in order, each with compiled code, argument values and bindings by position (leaf
// ordinal, output ordinal, arena offset). It holds no node, no user memory and no source location, so that it can be
// kept and run again for any request with the same key.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "codegen/llvm/jit.h"
#include "codegen/lower.h"
#include "passes/pass.h"
#include "passes/plan_memory.h"
#include "runtime/cuda/devices.h"
#include "runtime/cuda/replay.h"
#include "runtime/kernel_cache.h"
#include "runtime/program_key.h"

namespace lazuli::runtime {

class Context;

/// A region, lowered at concrete sizes and compiled. Shared by every region of equal structure and sizes.
struct KernelPlan {
  struct Argument {
    enum Kind : uint8_t { Input, Output, Workspace, Scratch, Shared } kind;
    int64_t index;         // Input, Output: position in the region's list; else offset in bytes
    int64_t elements = 0;  // Scratch
    int64_t bytes = 0;     // Input
  };
  std::shared_ptr<const codegen::CompiledKernel> code;  // on the CPU
  cuda::CompiledKernel gpu;                             // on a GPU
  std::vector<int64_t> sizes;
  std::vector<Argument> buffers;  // one per kernel buffer
  std::vector<uint32_t> scalars;  // one per kernel scalar: position in the region's inputs
  std::vector<codegen::PhaseLaunch> phases;
  int64_t workspace_bytes = 0, scratch_bytes = 0;  // per launch, per participant
  // For reports.
  std::string name, kind, schedule;
  int fused_ops = 0;
  int64_t bytes_read = 0, bytes_written = 0;
  double flops = 0;
  bool repeatable = true;  // a launch finds its operands as the one before it did
  bool exact = true;       // the numerics class (docs/numerics.md): or that of matrix units
  double compile_ms = 0;
  Miss miss = Miss::None;
};

/// Where a launch or a copy finds memory.
struct Binding {
  enum Kind : uint8_t {
    Leaf,     // memory of the request's leaf `index`
    Target,   // memory of the target of output `index`
    Output,   // fresh memory of output `index`
    Arena,    // offset `index`
    Scratch,  // offset `index` in the participant's scratch
  };
  Kind kind = Arena;
  int64_t index = 0;
};

struct Launch {
  std::shared_ptr<const KernelPlan> kernel;
  uint32_t first_binding, first_scalar;  // in the program's lists
};

struct Copy {
  Binding from, to;
  int64_t bytes;
};

/// A value without a kernel: written by the host after the copies.
struct HostWrite {
  Binding to;
  int64_t argument = -1;              // leaf whose bits are written, or
  std::vector<std::byte> bytes = {};  // these bytes
  int64_t size = 0;
};

struct Program {
  /// A kernel's argument: so many bytes of a leaf.
  struct Scalar {
    uint32_t leaf, bytes;
  };
  /// What output i is afterwards: fresh memory, its target, or the buffer of leaf `leaf`.
  struct Result {
    enum Kind : uint8_t { Fresh, Target, Leaf } kind = Fresh;
    uint32_t leaf = 0;
    int64_t bytes = 0;
  };
  Device device;  // where it runs and where all its memory is
  std::vector<Launch> launches;
  std::vector<Binding> bindings;
  std::vector<Scalar> scalars;
  std::vector<std::pair<uint32_t, Copy>> base_copies;  // by the launch before which they are made
  std::vector<Copy> copies;
  std::vector<HostWrite> writes;
  std::vector<Result> results;
  int64_t arena_bytes = 0;    // intermediates and workspaces
  int64_t scratch_bytes = 0;  // per participant
  size_t max_bindings = 0, max_scalars = 0;
  std::shared_ptr<cuda::Replay> replay;  // on a GPU, where kernels may be queued together; null: one by one

  /// Roughly what the program occupies.
  int64_t cost() const;
};
/// Bytes of code that a kernel keeps.
int64_t code_bytes(const KernelPlan& k);

/// The stages between a request and its program, kept where somebody wants to look at them.
struct Planned {
  ir::Graph graph;  // after the passes
  ir::Partition partition;
  passes::MemoryFacts facts;
  std::vector<ir::NodeRef> foreign;  // leaves made to stand for targets that the graph does not read
  passes::MemoryPlan memory;
  std::vector<std::shared_ptr<const KernelPlan>> kernels;  // per region; null where nothing is to be run
  std::unordered_set<const KernelPlan*> fresh;             // those that were not in a cache
};

using PassObserver = std::function<void(const std::string&, const ir::Graph&, const ir::Graph&, double)>;

using SlotIndex = std::unordered_map<const ir::Node*, const passes::Slot*>;
SlotIndex index_slots(const passes::MemoryPlan& memory);

/// What the passes are told under these options.
passes::PassContext pass_context_of(Context& context, const EvalOptions& options);
/// Passes, partition and memory plan. Needs a large stack.
Planned plan_request(Context& context, const EvalRequest& request, const Boundary& boundary,
                     const PassObserver& observer = {});
/// Lowers and compiles every region, in parallel. Needs a large stack.
void plan_kernels(Context& context, Planned& planned, const EvalOptions& options);
/// Binds everything by position. `replays`: kernels on a GPU may be queued together when the program runs again.
std::shared_ptr<const Program> assemble(const Planned& planned, const Boundary& boundary, bool replays = false);

}  // namespace lazuli::runtime
