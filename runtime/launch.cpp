#include "runtime/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "lazuli/base/error.h"
#include "runtime/context.h"
#include "runtime/cuda/run.h"
#include "runtime/float_mode.h"

namespace lazuli::runtime {
namespace {

using Clock = std::chrono::steady_clock;

/// Work below this runs on the caller: what waking a sleeping worker costs, and what handing work to a spinning one is
/// worth.
constexpr double kColdNanoseconds = 85000, kHotNanoseconds = 2500;
/// Share of work that makes one more participant worth it.
constexpr double kNanosecondsPerParticipant = 1250;
constexpr int64_t kCopyChunk = 64 << 10;  // small enough that a thread copies what it wrote itself
constexpr double kCopyNanosecondsPerByte = 0.05;

}  // namespace

void* BoundMemory::address(const Binding& b) const {
  switch (b.kind) {
    case Binding::Leaf:
      return const_cast<void*>(leaves[static_cast<size_t>(b.index)]);
    case Binding::Target:
    case Binding::Output:
      return results[static_cast<size_t>(b.index)]->data();
    case Binding::Arena:
      return arena + b.index;
    case Binding::Scratch:
      return scratch + b.index * scratch_scale;
  }
  return nullptr;
}

namespace {

class Runner {
 public:
  Runner(Context& context, const Program& program, const CallMemory& memory,
         std::span<const std::shared_ptr<Buffer>> targets, int num_threads)
      : context_(context), program_(program), memory_(memory) {
    threads_ = context.pool().num_threads();
    if (num_threads > 0) threads_ = std::min(threads_, num_threads);
    scratch_stride_ = program.scratch_bytes;
    allocate(targets);
    buffers_.resize(program.max_bindings);
    scalars_.resize(program.max_scalars);
    scratch_.resize(program.max_bindings * static_cast<size_t>(threads_));
  }

  std::vector<std::shared_ptr<Buffer>> run(RunInfo& info, const RunOptions& options);

 private:
  void allocate(std::span<const std::shared_ptr<Buffer>> targets);
  int32_t launch(const Launch& l);
  int32_t launch_timed(const Launch& l, int repeats, double clock, double* nanoseconds);
  int32_t run_phase(codegen::PhaseFn fn, const codegen::LaunchArgs& args, size_t size_count,
                    const codegen::PhaseLaunch& phase);
  int participants(int64_t tasks, double nanoseconds_per_task) const;
  void copy(const Copy& c);
  void write(const HostWrite& w);

  void* address(const Binding& b) const {
    return BoundMemory{memory_.leaves, results_, arena_.data(), scratch_base_}.address(b);
  }

  Context& context_;
  const Program& program_;
  const CallMemory& memory_;
  int threads_ = 1, used_threads_ = 1;
  std::vector<std::shared_ptr<Buffer>> results_;
  Allocator::Block arena_;
  std::byte* scratch_base_ = nullptr;
  int64_t scratch_stride_ = 0;
  // Of the launch at hand.
  std::vector<void*> buffers_;
  std::vector<uint64_t> scalars_;
  std::vector<void*> scratch_;  // per participant, one per scratch buffer
  size_t scratch_count_ = 0;
  std::vector<int64_t> sizes_;  // of a phase that one thread runs in its own way
};

/// Everything is allocated before anything runs.
void Runner::allocate(std::span<const std::shared_ptr<Buffer>> targets) {
  const int64_t beside = program_.arena_bytes + scratch_stride_ * threads_;
  int64_t needed = beside;
  for (const Program::Result& r : program_.results)
    if (r.kind == Program::Result::Fresh) needed += r.bytes;
  if (const AllocatorStats s = context_.allocator().stats(); s.limit_bytes && needed > s.limit_bytes - s.live_bytes)
    throw Error(ErrorKind::Memory,
                fmt::format("cannot allocate {} bytes for results and intermediates: the memory limit is reached "
                            "(limit {} bytes, in use {} bytes)",
                            needed, s.limit_bytes, s.live_bytes),
                "evaluate in smaller pieces, drop tensors that are no longer needed, or raise the memory limit");
  results_.reserve(program_.results.size());
  for (size_t i = 0; i < program_.results.size(); ++i) {
    const Program::Result& r = program_.results[i];
    results_.push_back(r.kind == Program::Result::Fresh    ? context_.allocator().allocate(r.bytes)
                       : r.kind == Program::Result::Target ? targets[i]
                                                           : memory_.owners[r.leaf]);
  }
  if (beside > 0) arena_ = context_.allocator().block(beside);
  scratch_base_ = arena_.data() + program_.arena_bytes;
}

int Runner::participants(int64_t tasks, double nanoseconds_per_task) const {
  if (threads_ == 1 || tasks <= 1) return 1;
  if (context_.settings().always_parallel) return static_cast<int>(std::min<int64_t>(threads_, tasks));
  const double total = static_cast<double>(tasks) * nanoseconds_per_task;
  if (total < kHotNanoseconds || (total < kColdNanoseconds && !context_.pool().ready_for(total))) return 1;
  return static_cast<int>(std::min<double>(std::min<double>(threads_, static_cast<double>(tasks)),
                                           std::max(2.0, total / kNanosecondsPerParticipant)));
}

int32_t Runner::run_phase(codegen::PhaseFn fn, const codegen::LaunchArgs& args, size_t size_count,
                          const codegen::PhaseLaunch& phase) {
  const int count = participants(phase.tasks, phase.nanoseconds_per_task);
  if (count == 1) {
    if (phase.tasks == 0) return 0;
    if (phase.alone.tasks == 0) return fn(&args, 0, phase.tasks, scratch_.data());
    sizes_.assign(args.sizes, args.sizes + size_count);
    sizes_[phase.alone.size] = phase.alone.value;
    const codegen::LaunchArgs alone{args.buffers, sizes_.data(), args.scalars};
    return fn(&alone, 0, phase.alone.tasks, scratch_.data());
  }
  used_threads_ = std::max(used_threads_, count);
  return context_.pool().run(phase.tasks, count, [&](int participant, int64_t begin, int64_t end) {
    return fn(&args, begin, end, scratch_.data() + static_cast<size_t>(participant) * scratch_count_);
  });
}

int32_t Runner::launch(const Launch& l) {
  const KernelPlan& k = *l.kernel;
  scratch_count_ = 0;
  for (size_t i = 0; i < k.buffers.size(); ++i) {
    const Binding& b = program_.bindings[l.first_binding + i];
    buffers_[i] = address(b);
    scratch_count_ += b.kind == Binding::Scratch;
  }
  for (size_t i = 0; i < k.scalars.size(); ++i) {
    const Program::Scalar& s = program_.scalars[l.first_scalar + i];
    scalars_[i] = 0;
    std::memcpy(&scalars_[i], memory_.leaves[s.leaf], s.bytes);
  }
  if (scratch_count_ > 0) {
    size_t next = 0;
    for (int t = 0; t < threads_; ++t)
      for (size_t i = 0; i < k.buffers.size(); ++i)
        if (const Binding& b = program_.bindings[l.first_binding + i]; b.kind == Binding::Scratch)
          scratch_[next++] = static_cast<std::byte*>(address(b)) + t * scratch_stride_;
  }
  const codegen::LaunchArgs args{buffers_.data(), k.sizes.data(), scalars_.data()};
  for (size_t p = 0; p < k.phases.size(); ++p)
    if (const int32_t status = run_phase(k.code->phases[p], args, k.sizes.size(), k.phases[p])) return status;
  return 0;
}

int32_t Runner::launch_timed(const Launch& l, int repeats, double clock, double* nanoseconds) {
  if (!l.kernel->repeatable) repeats = 1;
  int32_t status = 0;
  const auto start = Clock::now();
  for (int r = 0; r < repeats && !status; ++r) status = launch(l);
  const double all = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
  *nanoseconds = std::max(0.0, all - clock) / repeats;
  return status;
}

void Runner::copy(const Copy& c) {
  auto* to = static_cast<std::byte*>(address(c.to));
  const auto* from = static_cast<const std::byte*>(address(c.from));
  const int64_t chunks = (c.bytes + kCopyChunk - 1) / kCopyChunk;
  const auto part = [&](int, int64_t begin, int64_t end) {
    const int64_t first = begin * kCopyChunk, last = std::min(c.bytes, end * kCopyChunk);
    std::memmove(to + first, from + first, static_cast<size_t>(last - first));
    return 0;
  };
  const int count = participants(chunks, static_cast<double>(kCopyChunk) * kCopyNanosecondsPerByte);
  if (count == 1) {
    part(0, 0, chunks);
  } else {
    context_.pool().run(chunks, count, part);
  }
}

/// What a reading of the clock adds to a time between two: of a kernel on a thousand elements a quarter.
double clock_nanoseconds() {
  double least = 1e9;
  for (int i = 0; i < 16; ++i) {
    const auto start = Clock::now();
    least = std::min(least, std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  return least;
}

void Runner::write(const HostWrite& w) {
  const void* from = w.argument >= 0 ? memory_.leaves[static_cast<size_t>(w.argument)] : w.bytes.data();
  std::memcpy(address(w.to), from, static_cast<size_t>(w.size));
}

std::vector<std::shared_ptr<Buffer>> Runner::run(RunInfo& info, const RunOptions& options) {
  const FloatMode mode;
  const double clock = options.timed ? clock_nanoseconds() : 0;
  if (options.timed) info.nanoseconds.reserve(program_.launches.size());
  auto base = program_.base_copies.begin();
  for (size_t i = 0; i < program_.launches.size(); ++i) {
    for (; base != program_.base_copies.end() && base->first == i; ++base) copy(base->second);
    const Launch& l = program_.launches[i];
    info.status = options.timed ? launch_timed(l, options.repeats, clock, &info.nanoseconds.emplace_back()) : launch(l);
    if (info.status) {
      info.failed_launch = i;
      return {};
    }
    if (options.observer) options.observer(i, {buffers_.data(), program_.launches[i].kernel->buffers.size()});
  }
  for (const Copy& c : program_.copies) copy(c);
  for (const HostWrite& w : program_.writes) write(w);
  info.threads = used_threads_;
  return std::move(results_);
}

}  // namespace

std::vector<std::shared_ptr<Buffer>> run_program(Context& context, const Program& program, const EvalRequest& request,
                                                 const Boundary& boundary, RunInfo& info, const RunOptions& options) {
  std::vector<const void*> leaves;
  std::vector<std::shared_ptr<Buffer>> owners(boundary.leaves.size());
  leaves.reserve(boundary.leaves.size());
  for (size_t i = 0; i < boundary.leaves.size(); ++i) {
    leaves.push_back(leaf_data(boundary.leaves[i]));
    if (boundary.donated[i]) owners[i] = leaf_buffer(boundary.leaves[i]);
  }
  const CallMemory memory{leaves, owners};
  if (program.device.is_cuda())
    return cuda::run_program(context.cuda().gpu(program.device), program, memory, request.targets, info, options);
  return Runner(context, program, memory, request.targets, request.options.num_threads).run(info, options);
}

std::vector<std::shared_ptr<Buffer>> run_program(Context& context, const Program& program, const CallMemory& memory,
                                                 const EvalOptions& options, RunInfo& info, const RunOptions& run) {
  if (program.device.is_cuda())
    return cuda::run_program(context.cuda().gpu(program.device), program, memory, {}, info, run);
  return Runner(context, program, memory, {}, options.num_threads).run(info, run);
}

}  // namespace lazuli::runtime
