#include "runtime/thread_pool.h"

#include <fmt/format.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "lazuli/base/error.h"
#include "runtime/float_mode.h"

namespace lazuli::runtime {
namespace {

using Clock = std::chrono::steady_clock;

void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

void futex_wait(std::atomic<uint32_t>& word, uint32_t expected) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

/// Spins until `done` or the spin time is over; returns whether it is done.
template <class Done>
bool spin_until(Done&& done) {
  const auto soon = [&] {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      pause();
    }
    return false;
  };
  if (soon()) return true;
  const auto deadline = Clock::now() + std::chrono::microseconds(ThreadPool::kSpinMicroseconds);
  while (Clock::now() < deadline)
    if (soon()) return true;
  return done();
}

constexpr size_t kPage = 4096;

int usable_processors() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int64_t split(int64_t tasks, int part, int parts) {
  return static_cast<int64_t>(static_cast<__int128>(tasks) * part / parts);
}

/// What the caller pays to wake a worker.
constexpr double kWakeNanoseconds = 20000;

enum Signal : uint32_t { kIdle, kSleeping, kRun, kStop };

}  // namespace

/// All that a worker must know for a job is in the one line of memory that calls it.
struct alignas(64) ThreadPool::Worker {
  std::atomic<uint32_t> signal{kIdle};
  int participant = 0;
  Job job;
  int64_t begin = 0, end = 0;
  ThreadPool* pool = nullptr;
  pthread_t thread{};
};

ThreadPool::ThreadPool(int threads) : threads_(threads > 0 ? threads : usable_processors()) {
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED || madvise(page, kPage, MADV_WIPEONFORK) != 0)
    throw Error(ErrorKind::Memory, "the system gives no page of memory for the threads", "free some memory");
  born_here_ = new (page) std::atomic<uint32_t>(1);
}

ThreadPool::~ThreadPool() {
  if (forked()) forget_workers_of_parent();
  stop_workers();
  munmap(born_here_, kPage);
}

bool ThreadPool::forked() const {
  return born_here_->load(std::memory_order_relaxed) == 0;
}

void ThreadPool::set_num_threads(int threads) {
  if (forked()) forget_workers_of_parent();
  while (busy_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  threads_.store(threads > 0 ? threads : usable_processors());
  if (static_cast<int>(workers_.size()) >= threads_.load()) stop_workers();
  busy_.store(false, std::memory_order_release);
}

void ThreadPool::set_parallel_for(ParallelFor fn) {
  const std::lock_guard lock(user_mutex_);
  has_user_pool_.store(static_cast<bool>(fn));
  user_pool_ = fn ? std::make_shared<const ParallelFor>(std::move(fn)) : nullptr;
}

bool ThreadPool::hot() const {
  const Worker* w = first_worker_.load(std::memory_order_acquire);
  return w && w->signal.load(std::memory_order_relaxed) == kIdle;
}

bool ThreadPool::ready_for(double nanoseconds) {
  if (hot()) return true;
  const int64_t now = Clock::now().time_since_epoch().count();
  // Workers that are woken now must still be awake at the next job: what lies between its start and this one's, without
  // the job itself.
  const auto between = static_cast<double>(now - last_short_job_.exchange(now, std::memory_order_relaxed));
  const bool burst = between - nanoseconds < kSpinMicroseconds * 750;
  const double missed = (burst ? missed_nanoseconds_.load(std::memory_order_relaxed) : 0) + nanoseconds / 2;
  const bool wake = missed >= kWakeNanoseconds;
  missed_nanoseconds_.store(wake ? 0 : missed, std::memory_order_relaxed);
  if (wake) wake_workers();
  return false;
}

void ThreadPool::wake_workers() {
  if (forked()) forget_workers_of_parent();
  if (busy_.exchange(true, std::memory_order_acquire)) return;
  start_workers(num_threads() - 1);
  for (auto& w : workers_) {
    uint32_t sleeping = kSleeping;
    if (w->signal.compare_exchange_strong(sleeping, kIdle)) futex_wake(w->signal);
  }
  busy_.store(false, std::memory_order_release);
}

int32_t ThreadPool::run_erased(int64_t tasks, int limit, Job job) {
  if (tasks <= 0) return 0;
  const int most = limit > 0 ? std::min(limit, num_threads()) : num_threads();
  const int participants = static_cast<int>(std::min<int64_t>(most, tasks));
  const auto run_alone = [&] {
    const FloatMode mode;
    return job.call(job.body, 0, 0, tasks);
  };
  if (participants <= 1) return run_alone();
  std::shared_ptr<const ParallelFor> user;
  if (has_user_pool_.load(std::memory_order_relaxed)) {
    const std::lock_guard lock(user_mutex_);
    user = user_pool_;
  }
  if (user) return run_on_user_pool(tasks, participants, job, *user);

  if (forked()) forget_workers_of_parent();
  if (busy_.exchange(true, std::memory_order_acquire)) return run_alone();
  struct Unlock {
    std::atomic<bool>& busy;
    ~Unlock() { busy.store(false, std::memory_order_release); }
  } unlock{busy_};
  start_workers(participants - 1);
  // Where the system refuses threads, fewer take part.
  const int present = std::min<int>(participants, static_cast<int>(workers_.size()) + 1);
  return present <= 1 ? run_alone() : run_on_workers(tasks, present, job);
}

int32_t ThreadPool::run_on_workers(int64_t tasks, int participants, Job job) {
  status_.store(0, std::memory_order_relaxed);
  remaining_.store(static_cast<uint32_t>(participants - 1), std::memory_order_relaxed);
  for (int i = 0; i < participants - 1; ++i) {
    Worker& w = *workers_[static_cast<size_t>(i)];
    w.job = job;
    w.begin = split(tasks, w.participant, participants);
    w.end = split(tasks, w.participant + 1, participants);
    if (w.signal.exchange(kRun, std::memory_order_acq_rel) == kSleeping) futex_wake(w.signal);
  }
  int32_t status;
  {
    const FloatMode mode;
    status = job.call(job.body, 0, 0, split(tasks, 1, participants));
  }
  const auto done = [&] { return remaining_.load(std::memory_order_acquire) == 0; };
  if (!spin_until(done)) {
    caller_sleeps_.store(true);
    for (uint32_t left; (left = remaining_.load()) != 0;) futex_wait(remaining_, left);
    caller_sleeps_.store(false);
  }
  return status | status_.load(std::memory_order_relaxed);
}

void* ThreadPool::worker_main(void* argument) {
  Worker& w = *static_cast<Worker*>(argument);
  const FloatMode mode;
  for (;;) {
    const auto called = [&] { return w.signal.load(std::memory_order_acquire) >= kRun; };
    if (!spin_until(called)) {
      uint32_t idle = kIdle;
      if (w.signal.compare_exchange_strong(idle, kSleeping))
        while (w.signal.load(std::memory_order_acquire) == kSleeping) futex_wait(w.signal, kSleeping);
      continue;
    }
    if (w.signal.load(std::memory_order_acquire) == kStop) return nullptr;
    ThreadPool& p = *w.pool;
    const int32_t status = w.job.call(w.job.body, w.participant, w.begin, w.end);
    if (status) p.status_.fetch_or(status, std::memory_order_relaxed);
    w.signal.store(kIdle, std::memory_order_relaxed);
    if (p.remaining_.fetch_sub(1) == 1 && p.caller_sleeps_.load()) futex_wake(p.remaining_);
  }
}

int32_t ThreadPool::run_on_user_pool(int64_t tasks, int participants, Job job, const ParallelFor& parallel_for) {
  std::atomic<int32_t> status{0};
  std::atomic<int64_t> done{0};
  parallel_for(participants, [&](int64_t i) {
    const FloatMode mode;
    const int part = static_cast<int>(i);
    const int32_t s = job.call(job.body, part, split(tasks, part, participants), split(tasks, part + 1, participants));
    status.fetch_or(s);
    done.fetch_add(1);
  });
  if (done.load() != participants)
    throw Error(ErrorKind::Value,
                fmt::format("parallel_for returned after {} of {} calls of its body", done.load(), participants),
                "it must run every index once and wait for all of them");
  return status.load();
}

void ThreadPool::start_workers(int count) {
  if (static_cast<int>(workers_.size()) >= count) return;
  // Workers leave signals to the threads of the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  workers_.reserve(static_cast<size_t>(count));
  while (static_cast<int>(workers_.size()) < count) {
    auto w = std::make_unique<Worker>();
    w->pool = this;
    w->participant = static_cast<int>(workers_.size()) + 1;
    if (pthread_create(&w->thread, nullptr, &worker_main, w.get()) != 0) break;
    workers_.push_back(std::move(w));
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!workers_.empty()) first_worker_.store(workers_.front().get(), std::memory_order_release);
}

void ThreadPool::stop_workers() {
  first_worker_.store(nullptr);
  for (auto& w : workers_) {
    if (w->signal.exchange(kStop) == kSleeping) futex_wake(w->signal);
    pthread_join(w->thread, nullptr);
  }
  workers_.clear();
}

void ThreadPool::forget_workers_of_parent() {
  // Only the thread that called fork exists here. The parent's workers are not ours to stop; their records stay.
  for (auto& w : workers_) static_cast<void>(w.release());
  workers_.clear();
  first_worker_.store(nullptr);
  caller_sleeps_.store(false);
  busy_.store(false);
  born_here_->store(1);
}

}  // namespace lazuli::runtime
