// The pass pipeline: one named list of functions graph -> graph. The runner verifies, dumps and times between passes.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"
#include "ir/region.h"
#include "passes/partition_cost.h"

namespace lazuli::passes {

/// What passes may know besides the graph. Plain data; no globals.
/// From this size on, writing a part of a tensor leaves the rest where it stands.
inline constexpr int64_t kUpdateBytes = 16 << 10;

struct PassContext {
  ir::Interner& interner;
  bool fuse = true;              // false: every node is a kernel of its own
  bool verify = false;           // run the verifier after every pass
  int max_ops_per_kernel = 768;  // scalar primitives: normal random numbers and their gelu are 530
  int max_buffers_per_kernel = 64;
  int64_t update_bytes = kUpdateBytes;
  int64_t cache_bytes = 32 << 20;                   // last-level cache, for cost decisions
  MachineCosts machine = {};                        // by which partition decides
  std::unordered_set<const ir::Node*> stored = {};  // by kernels of their own (check_first)
  /// Called after every pass (dumps, LAZULI_VERIFY): pass name, graph before, graph after, milliseconds.
  std::function<void(const std::string&, const ir::Graph&, const ir::Graph&, double)> observer;
};

struct Pass {
  std::string name;
  std::function<ir::Graph(const ir::Graph&, PassContext&)> run;
  bool adds_outputs = false;  // after those that there are, which stay as they are
};

/// Graph passes in order: expand, canonicalize, simplify_movement. Each stands in passes/<name>.cpp.
const std::vector<Pass>& default_pipeline();
/// Those, and the ones that are asked for by name: vjp, which adds outputs.
const std::vector<Pass>& all_passes();
/// A pass by its name; null if there is none.
const Pass* find_pass(std::string_view name);
/// Runs the passes with verification, timing and observation between them.
ir::Graph run_passes(const ir::Graph& g, const std::vector<Pass>& pipeline, PassContext& ctx);

ir::Graph expand(const ir::Graph& g, PassContext& ctx);
ir::Graph canonicalize(const ir::Graph& g, PassContext& ctx);
ir::Graph simplify_movement(const ir::Graph& g, PassContext& ctx);

/// Decides the kernels. Every output of `g` that is not a leaf becomes an output of exactly one region.
ir::Partition partition(const ir::Graph& g, PassContext& ctx);
std::string print_partition(const ir::Partition& p);

}  // namespace lazuli::passes
