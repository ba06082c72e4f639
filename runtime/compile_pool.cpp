#include "runtime/compile_pool.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "lazuli/base/error.h"
#include "runtime/float_mode.h"

namespace lazuli::runtime {
namespace {

/// What the threads of one call share.
struct Batch {
  Batch(size_t count, const std::function<void(size_t)>& body) : n(count), fn(body) {}
  size_t n;
  const std::function<void(size_t)>& fn;
  std::atomic<size_t> next{0};
  std::mutex mutex;
  size_t failed = ~size_t{0};  // smallest index that threw
  std::exception_ptr error;
};

void* work(void* argument) {
  Batch& b = *static_cast<Batch*>(argument);
  const FloatMode mode;  // constants fold here
  for (size_t i; (i = b.next.fetch_add(1)) < b.n;) {
    try {
      b.fn(i);
    } catch (...) {
      const std::lock_guard lock(b.mutex);
      if (i < b.failed) {
        b.failed = i;
        b.error = std::current_exception();
      }
    }
  }
  return nullptr;
}

}  // namespace

CompilePool::CompilePool(int threads)
    : threads_(threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {}

void CompilePool::run(const std::function<void()>& fn) const {
  run_all(1, [&](size_t) { fn(); });
}

void CompilePool::run_all(size_t n, const std::function<void(size_t)>& fn) const {
  if (n == 0) return;
  Batch batch(n, fn);
  std::vector<pthread_t> threads(std::min<size_t>(n, static_cast<size_t>(threads_)));
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  size_t started = 0;
  int refused = 0;
  while (started < threads.size() && refused == 0) {
    refused = pthread_create(&threads[started], &attributes, &work, &batch);
    if (refused == 0) ++started;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  for (size_t i = 0; i < started; ++i) pthread_join(threads[i], nullptr);
  if (started == 0)
    throw Error(ErrorKind::Memory, fmt::format("cannot start a thread to compile on: {}", std::strerror(refused)),
                "the process may have reached its limit on threads or address space");
  if (batch.error) std::rethrow_exception(batch.error);
}

}  // namespace lazuli::runtime
