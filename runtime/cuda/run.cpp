#include "runtime/cuda/run.h"

#include <cstring>

#include "runtime/cuda/cublaslt.h"
#include "runtime/cuda/tensor_maps.h"

namespace lazuli::runtime::cuda {
namespace {

/// Blocks that a launch has at most: more tasks are dealt out among them.
constexpr int64_t kMostBlocks = int64_t{1} << 30;

/// The structure that a kernel function takes (codegen/cuda/emit.h).
class Arguments {
 public:
  void clear() { words_.clear(); }
  void put(uint64_t word) { words_.push_back(word); }
  void put(const void* p) { words_.push_back(reinterpret_cast<uintptr_t>(p)); }
  size_t size() const { return words_.size(); }
  void set(size_t at, uint64_t word) { words_[at] = word; }
  std::span<const uint64_t> words() const { return words_; }

 private:
  std::vector<uint64_t> words_;
};

class Runner {
 public:
  Runner(Gpu& gpu, const Program& program, const CallMemory& memory, std::span<const std::shared_ptr<Buffer>> targets)
      : gpu_(gpu), program_(program), memory_(memory) {
    allocate(targets);
  }

  std::vector<std::shared_ptr<Buffer>> run(RunInfo& info, const RunOptions& options);

 private:
  void allocate(std::span<const std::shared_ptr<Buffer>> targets);
  /// Queues its kernels, or puts them into `graph`.
  void launch(const Launch& l, KernelGraph* graph);
  bool has_misaligned_maps() const;
  void put_maps(const KernelPlan& k);
  /// A call of cuBLASLt.
  void multiply(const Launch& l);
  bool failed();
  void write(const HostWrite& w);
  int64_t most_blocks(const KernelPlan& k) const;

  void* address(const Binding& b) const {
    return BoundMemory{memory_.leaves, results_, arena_.data(), scratch_.data(), scratch_blocks_}.address(b);
  }

  Gpu& gpu_;
  const Program& program_;
  const CallMemory& memory_;
  std::vector<std::shared_ptr<Buffer>> results_;
  Allocator::Block arena_, scratch_, status_;
  int64_t scratch_blocks_ = 0;  // that have scratch memory of their own
  Arguments arguments_;
  std::vector<void*> buffers_;             // of the launch at hand
  std::vector<Allocator::Block> aligned_;  // copies of operands
};

/// Everything is allocated before anything runs.
void Runner::allocate(std::span<const std::shared_ptr<Buffer>> targets) {
  Allocator& allocator = gpu_.allocator();
  for (size_t i = 0; i < program_.results.size(); ++i) {
    const Program::Result& r = program_.results[i];
    results_.push_back(r.kind == Program::Result::Fresh    ? allocator.allocate(r.bytes)
                       : r.kind == Program::Result::Target ? targets[i]
                                                           : memory_.owners[r.leaf]);
  }
  if (program_.arena_bytes > 0) arena_ = allocator.block(program_.arena_bytes);
  bool checks = false;
  for (const Launch& l : program_.launches) {
    checks |= l.kernel->gpu.has_checks;
    if (l.kernel->scratch_bytes == 0) continue;
    for (const codegen::PhaseLaunch& p : l.kernel->phases)
      scratch_blocks_ = std::max(scratch_blocks_, std::min(p.tasks, most_blocks(*l.kernel)));
  }
  if (scratch_blocks_ > 0) scratch_ = allocator.block(program_.scratch_bytes * scratch_blocks_);
  if (checks) {
    status_ = allocator.block(sizeof(int32_t));
    gpu_.fill(status_.data(), 0, sizeof(int32_t));
  }
  buffers_.resize(program_.max_bindings);
}

/// Blocks with scratch memory are as many as run side by side.
int64_t Runner::most_blocks(const KernelPlan& k) const {
  constexpr int64_t kPerProcessor = 8;
  if (k.gpu.stays) return gpu_.properties().processors;
  return k.scratch_bytes == 0 ? kMostBlocks : kPerProcessor * gpu_.properties().processors;
}

void Runner::launch(const Launch& l, KernelGraph* graph) {
  const KernelPlan& k = *l.kernel;
  if (k.gpu.library) return multiply(l);
  arguments_.clear();
  for (size_t i = 0; i < k.buffers.size(); ++i) {
    const bool shared = k.buffers[i].kind == KernelPlan::Argument::Shared;
    buffers_[i] = shared ? nullptr : address(program_.bindings[l.first_binding + i]);
  }
  put_maps(k);
  for (size_t i = 0; i < k.buffers.size(); ++i) arguments_.put(buffers_[i]);
  for (const KernelPlan::Argument& a : k.buffers)
    if (a.kind == KernelPlan::Argument::Scratch) arguments_.put(static_cast<uint64_t>(a.elements));
  for (const int64_t size : k.sizes) arguments_.put(static_cast<uint64_t>(size));
  for (size_t i = 0; i < k.scalars.size(); ++i) {
    const Program::Scalar& s = program_.scalars[l.first_scalar + i];
    uint64_t bits = 0;
    std::memcpy(&bits, memory_.leaves[s.leaf], s.bytes);
    arguments_.put(bits);
  }
  arguments_.put(uint64_t{0});
  const size_t end = arguments_.size();
  arguments_.put(uint64_t{0});
  arguments_.put(status_.data());
  if (!k.gpu.maps.empty())  // a structure that is aligned to 64 bytes
    while (arguments_.size() % 8 != 0) arguments_.put(uint64_t{0});
  for (size_t p = 0; p < k.phases.size(); ++p) {
    arguments_.set(end, static_cast<uint64_t>(k.phases[p].tasks));
    const FunctionHandle function = k.gpu.module->functions()[p];
    const int64_t blocks = std::min(k.phases[p].tasks, most_blocks(k)), shared = k.gpu.module->shared_bytes();
    if (graph) {
      graph->put(function, blocks, k.gpu.threads, shared, arguments_.words(), k.name);
    } else {
      gpu_.launch(function, blocks, k.gpu.threads, shared, arguments_.words().data(), k.name);
    }
  }
}

/// The operands that the copy engine brings. One at an address that the engine does not take, which only memory of a
/// caller has, is copied to another first.
void Runner::put_maps(const KernelPlan& k) {
  if (!k.gpu.maps.empty()) gpu_.enter();  // a driver describes tensors in the context of the calling thread
  for (const codegen::TensorMap& map : k.gpu.maps) {
    void* p = buffers_[map.buffer];
    if (reinterpret_cast<uintptr_t>(p) % kMapAlignment != 0) {
      const int64_t bytes = k.buffers[map.buffer].bytes;
      aligned_.push_back(gpu_.allocator().block(bytes));
      gpu_.copy(aligned_.back().data(), p, bytes);
      p = aligned_.back().data();
    }
    for (const uint64_t word : encode(gpu_.driver(), map, k.sizes, p, k.name).words) arguments_.put(word);
  }
}

/// Whether some launch copies an operand first: a graph of kernels has no place for that.
bool Runner::has_misaligned_maps() const {
  for (const Launch& l : program_.launches)
    for (const codegen::TensorMap& map : l.kernel->gpu.maps) {
      const void* p = address(program_.bindings[l.first_binding + map.buffer]);
      if (reinterpret_cast<uintptr_t>(p) % kMapAlignment != 0) return true;
    }
  return false;
}

void Runner::multiply(const Launch& l) {
  for (size_t i = 0; i < l.kernel->buffers.size(); ++i) buffers_[i] = address(program_.bindings[l.first_binding + i]);
  l.kernel->gpu.library->run(gpu_, buffers_[1], buffers_[2], buffers_[0],
                             l.kernel->buffers.size() > 3 ? buffers_[3] : nullptr);
}

bool Runner::failed() {
  int32_t status = 0;
  gpu_.download(&status, status_.data(), sizeof status);
  return status != 0;
}

void Runner::write(const HostWrite& w) {
  const void* from = w.argument >= 0 ? memory_.leaves[static_cast<size_t>(w.argument)] : w.bytes.data();
  gpu_.upload(address(w.to), from, w.size);
}

/// Two events around a launch.
class Stopwatch {
 public:
  explicit Stopwatch(Gpu& gpu) : gpu_(gpu) {
    gpu.enter();
    for (EventHandle& e : events_) gpu.driver().check(gpu.driver().event_create(&e, 0), "timing a kernel");
  }
  ~Stopwatch() {
    for (EventHandle e : events_)
      if (e) gpu_.driver().event_destroy(e);
  }
  void mark(size_t i) { gpu_.driver().check(gpu_.driver().event_record(events_[i], gpu_.stream()), "timing a kernel"); }
  double nanoseconds() {
    gpu_.synchronize();
    float ms = 0;
    gpu_.driver().check(gpu_.driver().event_elapsed(&ms, events_[0], events_[1]), "timing a kernel");
    return static_cast<double>(ms) * 1e6;
  }

 private:
  Gpu& gpu_;
  EventHandle events_[2] = {};
};

std::vector<std::shared_ptr<Buffer>> Runner::run(RunInfo& info, const RunOptions& options) {
  std::optional<Stopwatch> watch;
  if (options.timed) watch.emplace(gpu_);
  Replay* const replay = options.timed || options.observer ? nullptr : program_.replay.get();
  const bool graphs = replay && replay->again() && !has_misaligned_maps();
  size_t next_graph = 0;
  auto base = program_.base_copies.begin();
  for (size_t i = 0; i < program_.launches.size(); ++i) {
    for (; base != program_.base_copies.end() && base->first == i; ++base)
      gpu_.copy(address(base->second.to), address(base->second.from), base->second.bytes);
    if (graphs && next_graph < replay->stretches().size() && replay->stretches()[next_graph].begin == i) {
      const size_t end = replay->stretches()[next_graph].end;
      replay->run(gpu_, next_graph++, [&](KernelGraph& graph) {
        for (size_t j = i; j < end; ++j) launch(program_.launches[j], &graph);
      });
      i = end - 1;  // the only one that may have checks
    } else {
      if (watch) watch->mark(0);
      launch(program_.launches[i], nullptr);
      if (watch) {
        watch->mark(1);
        info.nanoseconds.push_back(watch->nanoseconds());
      }
    }
    const Launch& l = program_.launches[i];
    if (l.kernel->gpu.has_checks && failed()) {
      info.status = 1;
      info.failed_launch = i;
      return {};
    }
    if (options.observer) {
      gpu_.synchronize();
      options.observer(i, {buffers_.data(), l.kernel->buffers.size()});
    }
  }
  for (const Copy& c : program_.copies) gpu_.copy(address(c.to), address(c.from), c.bytes);
  for (const HostWrite& w : program_.writes) write(w);
  return std::move(results_);
}

}  // namespace

std::vector<std::shared_ptr<Buffer>> run_program(Gpu& gpu, const Program& program, const CallMemory& memory,
                                                 std::span<const std::shared_ptr<Buffer>> targets, RunInfo& info,
                                                 const RunOptions& options) {
  return Runner(gpu, program, memory, targets).run(info, options);
}

}  // namespace lazuli::runtime::cuda
