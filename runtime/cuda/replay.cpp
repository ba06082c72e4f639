#include "runtime/cuda/replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "lazuli/base/error.h"
#include "runtime/program.h"

namespace lazuli::runtime::cuda {

KernelGraph::~KernelGraph() {
  // What runs is freed by the driver when it is done.
  const Driver& d = gpu_.driver();
  if (d.context_set(gpu_.context()) != 0) return;
  if (exec_) d.graph_exec_destroy(exec_);
  if (graph_) d.graph_destroy(graph_);
}

void KernelGraph::put(FunctionHandle function, int64_t blocks, int threads, int64_t shared_bytes,
                      std::span<const uint64_t> words, const std::string& name) {
  if (blocks == 0) return;
  const Driver& d = gpu_.driver();
  gpu_.enter();
  void* arguments[] = {const_cast<uint64_t*>(words.data())};
  const KernelNodeParameters p{.function = function,
                               .grid = {static_cast<unsigned>(blocks), 1, 1},
                               .block = {static_cast<unsigned>(threads), 1, 1},
                               .shared_bytes = static_cast<unsigned>(shared_bytes),
                               .arguments = arguments};
  const auto doing = [&](const char* what) { return fmt::format("{} kernel {} {}", what, name, gpu_.device().str()); };
  if (!exec_) {
    if (!graph_) d.check(d.graph_create(&graph_, 0), doing("making a graph that starts with"));
    Node node{.function = function, .words = {words.begin(), words.end()}};
    const GraphNodeHandle* before = nodes_.empty() ? nullptr : &nodes_.back().handle;
    d.check(d.graph_add_kernel(&node.handle, graph_, before, before ? 1 : 0, &p), doing("adding to a graph"));
    nodes_.push_back(std::move(node));
    return;
  }
  if (next_ == nodes_.size() || nodes_[next_].function != function)
    throw Error(ErrorKind::Internal, fmt::format("kernel {} was not in the graph of its program", name));
  Node& node = nodes_[next_++];
  if (std::equal(words.begin(), words.end(), node.words.begin(), node.words.end())) return;
  d.check(d.graph_exec_set_kernel(exec_, node.handle, &p), doing("giving arguments to"));
  node.words.assign(words.begin(), words.end());
}

void KernelGraph::launch() {
  const Driver& d = gpu_.driver();
  gpu_.enter();
  if (!exec_) {
    d.check(d.graph_instantiate(&exec_, graph_, 0),
            fmt::format("making a graph of {} kernels on {}", nodes_.size(), gpu_.device().str()));
  } else if (next_ != nodes_.size()) {
    throw Error(ErrorKind::Internal, fmt::format("{} of a graph's {} kernels were run", next_, nodes_.size()));
  }
  d.check(d.graph_launch(exec_, gpu_.stream()),
          fmt::format("launching {} kernels on {}", nodes_.size(), gpu_.device().str()));
}

std::shared_ptr<Replay> Replay::of(const Program& program) {
  std::vector<Stretch> stretches;
  Stretch at{0, 0};
  size_t kernels = 0;
  const auto close = [&](size_t end) {
    at.end = end;
    if (kernels >= 2) stretches.push_back(at);
    at.begin = end;
    kernels = 0;
  };
  auto copy = program.base_copies.begin();
  for (size_t i = 0; i < program.launches.size(); ++i) {
    if (copy != program.base_copies.end() && copy->first == i) close(i);
    while (copy != program.base_copies.end() && copy->first == i) ++copy;
    const KernelPlan& k = *program.launches[i].kernel;
    if (k.gpu.library) {  // a call, not a kernel that a graph could hold
      close(i);
      at.begin = i + 1;
      continue;
    }
    kernels += static_cast<size_t>(
        std::count_if(k.phases.begin(), k.phases.end(), [](const codegen::PhaseLaunch& p) { return p.tasks > 0; }));
    if (k.gpu.has_checks) close(i + 1);
  }
  close(program.launches.size());
  return stretches.empty() ? nullptr : std::shared_ptr<Replay>(new Replay(std::move(stretches)));
}

void Replay::run(Gpu& gpu, size_t stretch, const std::function<void(KernelGraph&)>& put_all) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<KernelGraph>& kept = graphs_[stretch];
  std::unique_ptr<KernelGraph> fresh = kept ? nullptr : std::make_unique<KernelGraph>(gpu);
  KernelGraph& graph = kept ? *kept : *fresh;
  graph.start();
  put_all(graph);
  graph.launch();
  if (fresh) kept = std::move(fresh);  // one that could not be made is made anew by the next run
}

}  // namespace lazuli::runtime::cuda
