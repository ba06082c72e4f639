// Fork-join parallelism for kernels. Tasks are split statically: participant w of p runs tasks [w*n/p, (w+1)*n/p), so
// which thread runs what is a function of the counts alone, and results never depend on it anyway.
// Workers spin for kSpinMicroseconds after a job (or after they were woken for jobs to come) and then sleep. A call
// from inside a task, or while another thread is using the pool, runs on the caller alone. Usable after fork: the child
// starts workers of its own.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/options.h"

namespace lazuli::runtime {

class ThreadPool {
 public:
  static constexpr int kSpinMicroseconds = 60;

  /// 0: one thread per processor that this process may use.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Threads that take part at most, the caller included. Waits for a running job to end.
  void set_num_threads(int threads);
  int num_threads() const { return threads_.load(std::memory_order_relaxed); }
  /// Uses the caller's pool instead of our own workers; an empty function goes back to them.
  void set_parallel_for(ParallelFor fn);
  /// Whether a job started now would find its workers awake.
  bool hot() const;
  /// Whether to share out short work, about this many nanoseconds on one thread: its workers are awake. They are not
  /// woken for one such job, which would be done sooner alone; but when jobs follow each other closely, and what
  /// sharing them would have saved reaches the cost of waking, workers are woken for those to come.
  bool ready_for(double nanoseconds);

  /// body(participant, begin, end) -> status, over all of [0, tasks); the statuses are ored. `body` must not throw.
  /// At most `limit` participants (0: num_threads()); their numbers are below that.
  template <class Body>
  int32_t run(int64_t tasks, int limit, Body&& body) {
    const auto call = [](void* b, int participant, int64_t begin, int64_t end) -> int32_t {
      return (*static_cast<std::remove_reference_t<Body>*>(b))(participant, begin, end);
    };
    return run_erased(tasks, limit, {call, const_cast<void*>(static_cast<const void*>(std::addressof(body)))});
  }

 private:
  struct Job {
    int32_t (*call)(void*, int, int64_t, int64_t) = nullptr;
    void* body = nullptr;
  };
  struct Worker;

  int32_t run_erased(int64_t tasks, int limit, Job job);
  int32_t run_on_workers(int64_t tasks, int participants, Job job);
  int32_t run_on_user_pool(int64_t tasks, int participants, Job job, const ParallelFor& parallel_for);
  void start_workers(int count);
  void wake_workers();
  void stop_workers();
  bool forked() const;
  void forget_workers_of_parent();
  static void* worker_main(void* worker);

  std::atomic<int> threads_;
  std::atomic<bool> busy_{false};
  // A page that is zero again in a child: asking the system who we are costs as much as handing out a job.
  std::atomic<uint32_t>* born_here_;
  // Owned by whoever holds busy_.
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<Worker*> first_worker_{nullptr};
  alignas(64) std::atomic<uint32_t> remaining_{0};
  std::atomic<bool> caller_sleeps_{false};
  std::atomic<int32_t> status_{0};
  // Of a burst of short jobs; threads that race here lose a little of the sum.
  std::atomic<int64_t> last_short_job_{0};
  std::atomic<double> missed_nanoseconds_{0};

  std::atomic<bool> has_user_pool_{false};
  mutable std::mutex user_mutex_;
  std::shared_ptr<const ParallelFor> user_pool_;
};

}  // namespace lazuli::runtime
