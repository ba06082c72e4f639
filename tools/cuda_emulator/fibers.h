// Runs the threads of a CUDA block as fibers of the calling thread, one after the other: each until it waits for
// others.
#pragma once
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "tools/cuda_emulator/engine.h"

namespace emulator {

/// In which order the threads between two meetings run, and blocks among each other. Results must not depend on it.
class Order {
 public:
  /// 0: ascending, 1: descending, else shuffled anew every time. In odd ones a warp runs until it has to wait for the
  /// block, in even ones all warps go from meeting to meeting together.
  explicit Order(unsigned kind) : kind_(kind), random_(kind) {}
  bool runs_ahead() const { return kind_ % 2 == 1; }
  const std::vector<unsigned>& next(unsigned n);

 private:
  unsigned kind_;
  std::mt19937 random_;
  std::vector<unsigned> order_;
};

using Kernel = void (*)(void** arguments);

class Fibers {
 public:
  Fibers();
  ~Fibers();
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  /// Runs one block; `state` holds its index and sizes. Empty when all went well, else what was wrong: threads that
  /// wait for others that never come, or that meet in different places.
  std::string run_block(Kernel kernel, void** arguments, lzemu_state& state, unsigned threads, Order& order);
  /// The thread at work, for reports of faults.
  unsigned current() const { return current_; }
  /// Called by kernels.
  void barrier(int line);
  unsigned long long exchange(unsigned long long bits, unsigned lane, int line);
  void share(unsigned long long bits, unsigned long long* all, int line);
  void meet(int line);
  void copy_async(void* to, const void* from, unsigned bytes);
  void copy_commit();
  void copy_wait(unsigned groups);
  void phase_start(unsigned long long* barrier, unsigned arrivals);
  void phases_started() { engine_.phases_started(); }
  void phase_arrive(unsigned long long* barrier, unsigned bytes);
  void phase_wait(unsigned long long* barrier, unsigned bit, int line);
  void copy_box(unsigned char* to, const void* map, unsigned long long* barrier, const int* at);
  void multiply_fence() { fibers_[current_].unit.fence(); }
  void multiply(const lzemu_product& p, int line);
  void multiply_commit() { fibers_[current_].unit.commit(); }
  void multiply_wait(unsigned groups, int line);
  void fail(const std::string& what);

 private:
  enum class State : uint8_t { Ready, Barrier, Exchange, Phase, Done };
  struct Copy {
    void* to;
    const void* from;
    unsigned bytes;
  };
  struct Fiber {
    void* stack_pointer = nullptr;
    State state = State::Ready;
    int line = 0;
    unsigned long long bits = 0;
    std::vector<Copy> copies = {};              // not committed
    std::deque<std::vector<Copy>> groups = {};  // that nobody waited for
    uint64_t* barrier = nullptr;                // whose phase it waits for
    unsigned bit = 0;
    MatrixUnit unit = {};
  };
  static void entry();
  void start(unsigned thread);
  void resume(unsigned thread);
  void wait(State state, int line);
  bool release_warp(unsigned first);
  bool run_ready(const std::vector<unsigned>& threads);
  bool run_warps_ahead(const std::vector<unsigned>& threads);
  bool release_block();
  bool release_phases();
  bool run_engine(const std::vector<unsigned>& order, bool all);
  std::string stuck() const;

  static constexpr size_t kStack = 128 << 10, kMost = 1024;
  unsigned char* stacks_;
  std::vector<Fiber> fibers_;
  unsigned threads_ = 0, current_ = 0;
  void* main_ = nullptr;  // stack pointer of the caller
  Kernel kernel_ = nullptr;
  void** arguments_ = nullptr;
  lzemu_state* state_ = nullptr;
  std::string problem_;
  CopyEngine engine_;
};

}  // namespace emulator
