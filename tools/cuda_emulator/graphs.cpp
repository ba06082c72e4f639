// Graphs of kernels in the stand-in for libcuda. Kernels run in an order that their dependencies allow, which
// LAZULI_EMULATOR_ORDER chooses, so that a missing dependency shows.
#include <algorithm>
#include <memory>
#include <vector>

#include "tools/cuda_emulator/fibers.h"
#include "tools/cuda_emulator/shared.h"

using emulator::Result;
using namespace emulator::result;

namespace {

/// CUDA_KERNEL_NODE_PARAMS_v2.
struct Parameters {
  void* function;
  unsigned grid[3], block[3];
  unsigned shared_bytes;
  void** arguments;
  void** extra;
  void* kernel;
  void* context;
};
static_assert(sizeof(Parameters) == 72);

struct Node {
  std::shared_ptr<const emulator::Launch> launch;
  std::vector<size_t> after;  // positions
};
struct Graph {
  std::vector<std::unique_ptr<Node>> nodes;
};
struct Executable {
  std::vector<Node> nodes;
  std::vector<const Node*> handles;  // of the graph that it was made from
};

Result read(const Parameters* p, std::shared_ptr<const emulator::Launch>* launch) {
  if (!p || !p->function || p->extra) return kInvalidValue;
  Result r = kSuccess;
  *launch = emulator::read_launch(p->function, p->grid, p->block, p->shared_bytes, p->arguments, &r);
  return r;
}

}  // namespace

EXPORT Result cuGraphCreate(Graph** graph, unsigned flags) {
  if (flags != 0) return kInvalidValue;
  *graph = new Graph;
  return kSuccess;
}
EXPORT Result cuGraphDestroy(Graph* graph) {
  delete graph;
  return kSuccess;
}
EXPORT Result cuGraphAddKernelNode_v2(Node** node, Graph* graph, Node* const* after, size_t count,
                                      const Parameters* p) {
  auto added = std::make_unique<Node>();
  for (size_t i = 0; i < count; ++i) {
    const auto it =
        std::find_if(graph->nodes.begin(), graph->nodes.end(), [&](const auto& n) { return n.get() == after[i]; });
    if (it == graph->nodes.end()) return kInvalidValue;
    added->after.push_back(static_cast<size_t>(it - graph->nodes.begin()));
  }
  if (const Result r = read(p, &added->launch)) return r;
  *node = added.get();
  graph->nodes.push_back(std::move(added));
  return kSuccess;
}
EXPORT Result cuGraphInstantiateWithFlags(Executable** executable, Graph* graph, unsigned long long flags) {
  if (flags != 0) return kInvalidValue;
  emulator::count("cuGraphInstantiate");
  auto e = std::make_unique<Executable>();
  for (const auto& n : graph->nodes) {
    e->nodes.push_back(*n);
    e->handles.push_back(n.get());
  }
  *executable = e.release();
  return kSuccess;
}
EXPORT Result cuGraphExecKernelNodeSetParams_v2(Executable* executable, Node* node, const Parameters* p) {
  emulator::count("cuGraphExecKernelNodeSetParams");
  const auto it = std::find(executable->handles.begin(), executable->handles.end(), node);
  if (it == executable->handles.end()) return kInvalidValue;
  return read(p, &executable->nodes[static_cast<size_t>(it - executable->handles.begin())].launch);
}
EXPORT Result cuGraphLaunch(Executable* executable, void* stream) {
  emulator::count("cuGraphLaunch");
  const size_t n = executable->nodes.size();
  emulator::Order order(emulator::order_kind());
  const std::vector<unsigned> wanted = order.next(static_cast<unsigned>(n));
  std::vector<bool> queued(n);
  std::vector<std::shared_ptr<const emulator::Launch>> launches;
  while (launches.size() < n)
    for (const unsigned i : wanted) {
      const Node& node = executable->nodes[i];
      if (queued[i] || !std::all_of(node.after.begin(), node.after.end(), [&](size_t a) { return queued[a]; }))
        continue;
      launches.push_back(node.launch);
      queued[i] = true;
      break;
    }
  return emulator::queue(launches, stream);
}
EXPORT Result cuGraphExecDestroy(Executable* executable) {
  delete executable;
  return kSuccess;
}
