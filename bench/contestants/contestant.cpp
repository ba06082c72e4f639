#include "contestants/contestant.h"

#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <sstream>
#include <thread>

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kSets = 2;

struct Prepared {
  Job job;
  std::byte* shared;
  Kernel kernel;
  std::vector<std::vector<Block>> operands;
  std::vector<Block> memory[kSets];
  std::vector<Arguments> arguments;  // of every copy of the operands with every set of results
  int64_t last = 0;

  void bind() {
    for (int64_t copy = 0; copy < job.copies; ++copy)
      for (const auto& set : memory) {
        Arguments a{
            .in = {}, .out = {}, .rows = job.rows(), .columns = job.columns(), .threads = job.threads, .job = &job};
        for (const Block& b : operands[static_cast<size_t>(copy)]) a.in.push_back(b.get());
        for (const Block& b : set) a.out.push_back(b.get());
        arguments.push_back(std::move(a));
      }
  }
  void run(int64_t turn) {
    last = turn % kSets;
    kernel(arguments[static_cast<size_t>(turn % job.copies * kSets + last)]);
  }
};

/// A thread that waits for work: spinning for some 50 us, then asleep.
class Worker {
 public:
  Worker() : thread_([this] { loop(); }) { thread_.detach(); }
  void start(const std::function<void(int64_t, int64_t)>* part, int64_t begin, int64_t end) {
    part_ = part;
    begin_ = begin;
    end_ = end;
    given_.fetch_add(1, std::memory_order_release);
    given_.notify_one();
  }
  void wait() const {
    while (done_.load(std::memory_order_acquire) != given_.load(std::memory_order_relaxed)) __builtin_ia32_pause();
  }

 private:
  void loop() {
    for (uint64_t seen = 0;; ++seen) {
      const auto until = Clock::now() + std::chrono::microseconds(50);
      while (given_.load(std::memory_order_acquire) == seen && Clock::now() < until) __builtin_ia32_pause();
      given_.wait(seen, std::memory_order_acquire);
      (*part_)(begin_, end_);
      done_.store(seen + 1, std::memory_order_release);
    }
  }
  const std::function<void(int64_t, int64_t)>* part_ = nullptr;
  int64_t begin_ = 0, end_ = 0;
  std::atomic<uint64_t> given_{0}, done_{0};
  std::thread thread_;
};

std::string answer(Contestant& contestant, SharedFile& file, std::vector<Series>& series, const std::string& line) {
  std::istringstream in(line);
  std::string verb, which;
  in >> verb;
  const auto chosen = [&]() -> Series& {
    in >> which;
    for (Series& s : series)
      if (s.name == which) return s;
    throw std::invalid_argument("no series " + which);
  };
  if (verb == "version") return contestant.version();
  if (verb == "prepare") {
    series.clear();
    series = contestant.prepare(Job::parse(line.substr(verb.size() + 1)), file.data());
    if (series.empty()) return "skip";
    std::string text = "ready";
    for (const Series& s : series) text += " " + s.name;
    return text;
  }
  if (verb == "publish") {
    Series& s = chosen();
    s.run(0, 1);
    s.publish();
    return "done";
  }
  if (verb == "run") {
    Series& s = chosen();
    int64_t turn = 0, untimed = 0, repeats = 1;
    in >> turn >> untimed >> repeats;
    if (untimed > 0) s.run(turn, untimed);
    std::string text = std::to_string(s.run(turn + untimed, repeats));
    if (s.facts) text += " " + s.facts();
    return text;
  }
  if (verb == "forget") {
    series.clear();
    return "done";
  }
  throw std::invalid_argument("unknown request " + verb);
}

}  // namespace

Block allocate(int64_t bytes) {
  constexpr size_t kHuge = 2u << 20;
  const size_t size = static_cast<size_t>(bytes), alignment = size >= kHuge ? kHuge : 64;
  const size_t rounded = (size + alignment - 1) / alignment * alignment;
  Block block(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded ? rounded : alignment)));
  if (!block) throw std::bad_alloc();
  if (size >= kHuge) madvise(block.get(), rounded, MADV_HUGEPAGE);
  std::memset(block.get(), 0, rounded);
  return block;
}

std::vector<std::vector<Block>> take_operands(const Job& job, const std::byte* shared) {
  std::vector<std::vector<Block>> copies(static_cast<size_t>(job.copies));
  for (auto& set : copies)
    for (const Place& p : job.inputs) {
      set.push_back(allocate(p.value.bytes()));
      std::memcpy(set.back().get(), shared + p.offset, static_cast<size_t>(p.value.bytes()));
    }
  return copies;
}

std::vector<Series> kernel_series(const Job& job, std::byte* shared, Kernel kernel) {
  auto p = std::make_shared<Prepared>();
  p->job = job;
  p->shared = shared;
  p->kernel = std::move(kernel);
  for (auto& set : p->memory)
    for (const Place& out : job.outputs) set.push_back(allocate(out.value.bytes()));
  p->operands = take_operands(job, shared);
  p->bind();
  Series s{.name = "kernel", .run = {}, .publish = {}, .facts = {}};
  s.run = [p](int64_t turn, int64_t repeats) {
    const auto start = Clock::now();
    for (int64_t r = 0; r < repeats; ++r) p->run(turn + r);
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
  };
  s.publish = [p] {
    for (size_t i = 0; i < p->job.outputs.size(); ++i) {
      const Place& out = p->job.outputs[i];
      std::memcpy(p->shared + out.offset, p->memory[p->last][i].get(), static_cast<size_t>(out.value.bytes()));
    }
  };
  return {s};
}

void split(int threads, int64_t n, const std::function<void(int64_t, int64_t)>& part) {
  static std::vector<std::unique_ptr<Worker>> workers;  // of this process: a contestant
  while (static_cast<int>(workers.size()) + 1 < threads) workers.push_back(std::make_unique<Worker>());
  const int64_t each = (n + threads - 1) / threads;
  for (int t = 1; t < threads; ++t)
    workers[static_cast<size_t>(t - 1)]->start(&part, std::min(n, t * each), std::min(n, (t + 1) * each));
  part(0, std::min(n, each));
  for (int t = 1; t < threads; ++t) workers[static_cast<size_t>(t - 1)]->wait();
}

int serve(Contestant& contestant, int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "this program is started by lazuli-bench\n";
    return 2;
  }
  SharedFile file = SharedFile::open(argv[1]);
  std::vector<Series> series;
  for (std::string line; std::getline(std::cin, line);) {
    std::string text;
    try {
      text = answer(contestant, file, series, line);
    } catch (const std::exception& e) {
      text = std::string("error ") + e.what();
      for (char& c : text)
        if (c == '\n') c = ' ';
    }
    std::cout << text << std::endl;
  }
  return 0;
}

}  // namespace bench
