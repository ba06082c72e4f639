// Kernels of a program that are queued with one call. A program that runs again has its launches cut into stretches:
// between those of one stretch the host has nothing to do, neither a copy nor a check to wait for. A stretch of two
// kernels or more becomes a graph of the driver, one kernel after the other, and from then on a run gives the driver
// only the arguments that differ from the last run's (addresses, numbers) and one launch.
//
// A graph is put together kernel by kernel, not captured from the stream: others queue work there at any time, and
// that must not become part of it. Thread-safe: runs of one program take turns at its graphs, without waiting for the
// GPU, because what has been launched keeps the arguments that it was launched with.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "runtime/cuda/gpu.h"

namespace lazuli::runtime {
struct Program;
}

namespace lazuli::runtime::cuda {

/// A sequence of kernels. Not thread-safe.
class KernelGraph {
 public:
  explicit KernelGraph(Gpu& gpu) : gpu_(gpu) {}
  ~KernelGraph();
  KernelGraph(const KernelGraph&) = delete;
  KernelGraph& operator=(const KernelGraph&) = delete;

  void start() { next_ = 0; }
  /// The next kernel: added the first time, later given the arguments that it does not have yet.
  void put(FunctionHandle function, int64_t blocks, int threads, int64_t shared_bytes, std::span<const uint64_t> words,
           const std::string& name);
  /// Queues the kernels that were put since start(): the same ones every time.
  void launch();

 private:
  struct Node {
    GraphNodeHandle handle = nullptr;
    FunctionHandle function = nullptr;
    std::vector<uint64_t> words;  // that the driver has
  };
  Gpu& gpu_;
  GraphHandle graph_ = nullptr;
  GraphExecHandle exec_ = nullptr;
  std::vector<Node> nodes_;
  size_t next_ = 0;
};

class Replay {
 public:
  struct Stretch {
    size_t begin, end;  // launches of the program
  };

  /// Null when no stretch of the program has two kernels.
  static std::shared_ptr<Replay> of(const Program& program);

  /// To be asked once per run: whether it should use graphs. Most programs run once, and a graph takes longer to make
  /// than its kernels take to be launched.
  bool again() { return runs_.fetch_add(1) > 0; }
  /// Those that become graphs, in order.
  const std::vector<Stretch>& stretches() const { return stretches_; }
  /// `put_all` puts every kernel of the stretch.
  void run(Gpu& gpu, size_t stretch, const std::function<void(KernelGraph&)>& put_all);

 private:
  explicit Replay(std::vector<Stretch> stretches) : stretches_(std::move(stretches)), graphs_(stretches_.size()) {}

  const std::vector<Stretch> stretches_;
  std::atomic<uint64_t> runs_{0};
  std::mutex mutex_;
  std::vector<std::unique_ptr<KernelGraph>> graphs_;  // by stretch, once made
};

}  // namespace lazuli::runtime::cuda
