// The fork-join pool and the threads that compile.
#include "runtime/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "lazuli/base/error.h"
#include "runtime/compile_pool.h"
#include "runtime/float_mode.h"

namespace lazuli::runtime {
namespace {

TEST(ThreadPool, EveryTaskRunsOnceInTheSamePlace) {
  for (const int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    for (const int64_t tasks : {0, 1, 2, 3, 10, 1001}) {
      std::vector<int> owner(static_cast<size_t>(tasks), -1), again = owner;
      for (auto* out : {&owner, &again}) {
        EXPECT_EQ(pool.run(tasks, 0,
                           [&](int part, int64_t begin, int64_t end) {
                             for (int64_t i = begin; i < end; ++i) (*out)[static_cast<size_t>(i)] += 1 + part;
                             return 0;
                           }),
                  0);
      }
      EXPECT_EQ(owner, again);
      EXPECT_TRUE(std::is_sorted(owner.begin(), owner.end()));
      for (const int o : owner) {
        EXPECT_GE(o, 0);
        EXPECT_LT(o, threads);
      }
    }
  }
}

TEST(ThreadPool, StatusesAreOred) {
  ThreadPool pool(3);
  EXPECT_EQ(pool.run(3, 0, [](int part, int64_t, int64_t) { return 1 << part; }), 7);
  EXPECT_EQ(pool.run(3, 1,
                     [](int part, int64_t begin, int64_t end) {
                       EXPECT_EQ(end - begin, 3);
                       return 1 << part;
                     }),
            1);
}

TEST(ThreadPool, NestedCallsRunInline) {
  ThreadPool pool(2);
  std::atomic<int64_t> sum{0};
  pool.run(2, 0, [&](int, int64_t begin, int64_t end) {
    const auto me = std::this_thread::get_id();
    return pool.run(10, 0, [&](int part, int64_t b, int64_t e) {
      EXPECT_EQ(std::this_thread::get_id(), me);
      EXPECT_EQ(part, 0);
      sum += (e - b) * (end - begin);
      return 0;
    });
  });
  EXPECT_EQ(sum.load(), 20);
}

TEST(ThreadPool, ManyCallersAtOnce) {
  ThreadPool pool(2);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        pool.run(16, 0, [&](int, int64_t begin, int64_t end) {
          sum += end - begin;
          return 0;
        });
        if (i % 100 == 50) pool.set_num_threads(1 + i % 3);
      }
    });
  for (auto& c : callers) c.join();
  EXPECT_EQ(sum.load(), 4 * 300 * 16);
}

TEST(ThreadPool, WorkersAreWokenForABurstOfShortJobsOnly) {
  ThreadPool lone(2);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(lone.ready_for(15000));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(lone.hot());

  ThreadPool pool(2);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool awake = false;
  while (!awake && std::chrono::steady_clock::now() < deadline) awake = pool.ready_for(15000);
  EXPECT_TRUE(awake);
  std::atomic<int> ran{0};
  pool.run(2, 0, [&](int, int64_t, int64_t) {
    ++ran;
    return 0;
  });
  EXPECT_EQ(ran, 2);
}

TEST(ThreadPool, IdleWorkersSleepAndWake) {
  ThreadPool pool(2);
  const auto work = [](int, int64_t, int64_t) { return 0; };
  EXPECT_FALSE(pool.hot()) << "no workers before the first job";
  pool.run(2, 0, work);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (pool.hot() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_FALSE(pool.hot());
  timespec before{}, after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const double used =
      static_cast<double>(after.tv_sec - before.tv_sec) + 1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
  EXPECT_LT(used, 0.02);
  std::set<std::thread::id> seen;
  std::mutex mutex;
  pool.run(2, 0, [&](int, int64_t, int64_t) {
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
    return 0;
  });
  EXPECT_EQ(seen.size(), 2u);
}

TEST(ThreadPool, WorksInAForkedChild) {
  ThreadPool pool(3);
  const auto count = [&] {
    std::atomic<int64_t> n{0};
    pool.run(90, 0, [&](int, int64_t begin, int64_t end) {
      n += end - begin;
      return 0;
    });
    return n.load();
  };
  EXPECT_EQ(count(), 90);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(count() == 90 && count() == 90 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(count(), 90);
}

TEST(ThreadPool, UserPool) {
  ThreadPool pool(4);
  int calls = 0;
  pool.set_parallel_for([&](int64_t n, const std::function<void(int64_t)>& body) {
    ++calls;
    for (int64_t i = n - 1; i >= 0; --i) body(i);
  });
  std::vector<int> hits(10);
  EXPECT_EQ(pool.run(10, 0,
                     [&](int part, int64_t begin, int64_t end) {
                       for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
                       return 1 << part;
                     }),
            15);
  EXPECT_EQ(hits, std::vector<int>(10, 1));
  EXPECT_EQ(calls, 1);
  pool.set_parallel_for([](int64_t, const std::function<void(int64_t)>& body) { body(0); });
  EXPECT_THROW(pool.run(10, 0, [](int, int64_t, int64_t) { return 0; }), Error);
  pool.set_parallel_for({});
  EXPECT_EQ(pool.run(10, 0, [](int, int64_t, int64_t) { return 0; }), 0);
}

#if defined(__x86_64__)
TEST(ThreadPool, TasksKeepSubnormalsAndTheCallersModeReturns) {
  ThreadPool pool(2);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);  // FTZ and DAZ
  std::atomic<int> kept{0};
  pool.run(2, 0, [&](int, int64_t, int64_t) {
    volatile float tiny = 1e-40f;
    kept += tiny * 0.5f > 0;
    return 0;
  });
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(kept.load(), 2);
  EXPECT_EQ(after & 0x8040, 0x8040u);
}
#endif

TEST(CompilePool, RunsEverythingAndThrowsTheFirstError) {
  const CompilePool pool(2);
  std::vector<std::atomic<int>> hits(50);
  try {
    pool.run_all(50, [&](size_t i) {
      ++hits[i];
      if (i == 7 || i == 33) throw Error(ErrorKind::Compile, "job " + std::to_string(i));
    });
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), "job 7");
  }
  for (const auto& h : hits) EXPECT_EQ(h.load(), 1);
}

TEST(CompilePool, GivesATinyStackALargeOne) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  size_t stack = 0;
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* out) -> void* {
                  const CompilePool pool(1);
                  pool.run([&] {
                    pthread_attr_t mine;
                    pthread_getattr_np(pthread_self(), &mine);
                    pthread_attr_getstacksize(&mine, static_cast<size_t*>(out));
                    pthread_attr_destroy(&mine);
                  });
                  return nullptr;
                },
                &stack),
            0);
  pthread_join(thread, nullptr);
  EXPECT_GE(stack, CompilePool::kStackBytes);
}

}  // namespace
}  // namespace lazuli::runtime
