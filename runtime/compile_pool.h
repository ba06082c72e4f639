// Planning and compilation run on threads of their own with stacks of kStackBytes, because LLVM needs more stack than
// the caller may have. Threads live for one call: a compilation takes milliseconds, a thread 30 microseconds, and
// nothing is left behind to survive a fork.
#pragma once
#include <cstddef>
#include <functional>

namespace lazuli::runtime {

class CompilePool {
 public:
  static constexpr size_t kStackBytes = 8 << 20;

  /// 0: one thread per processor.
  explicit CompilePool(int threads = 0);

  /// Runs fn on a fresh thread with a large stack and waits. What it throws is thrown here.
  void run(const std::function<void()>& fn) const;
  /// Runs fn(0) ... fn(n-1) on up to `threads` such threads and waits. Every index runs; of several exceptions the one
  /// of the smallest index is thrown.
  void run_all(size_t n, const std::function<void(size_t)>& fn) const;

 private:
  int threads_;
};

}  // namespace lazuli::runtime
