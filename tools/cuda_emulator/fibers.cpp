#include "tools/cuda_emulator/fibers.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <stdexcept>

extern "C" void lzemu_switch(void** save, void* to);
// Stores what a function call preserves on the stack, and goes on at another stack's end.
asm(R"(
.text
.globl lzemu_switch
.hidden lzemu_switch
.type lzemu_switch,@function
lzemu_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp,(%rdi)
  mov %rsi,%rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");

namespace emulator {
namespace {

constexpr size_t kPage = 4096;
constexpr unsigned kWarp = 32, kCopy = 16;
Fibers* running = nullptr;  // a fiber starts without arguments; one block runs at a time

}  // namespace

const std::vector<unsigned>& Order::next(unsigned n) {
  if (order_.size() != n) {
    order_.resize(n);
    std::iota(order_.begin(), order_.end(), 0u);
    if (kind_ == 1) std::reverse(order_.begin(), order_.end());
  }
  if (kind_ > 1) std::shuffle(order_.begin(), order_.end(), random_);
  return order_;
}

Fibers::Fibers() : fibers_(kMost) {
  void* p = mmap(nullptr, kMost * kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::runtime_error("no memory for the stacks of fibers");
  stacks_ = static_cast<unsigned char*>(p);
  for (size_t i = 0; i < kMost; ++i) mprotect(stacks_ + i * kStack, kPage, PROT_NONE);
}

Fibers::~Fibers() {
  munmap(stacks_, kMost * kStack);
}

void Fibers::entry() {
  Fibers& f = *running;
  f.kernel_(f.arguments_);
  if (!f.fibers_[f.current_].unit.is_idle()) f.fail("a thread ended while its sums were multiplied");
  f.wait(State::Done, 0);
}

void Fibers::start(unsigned thread) {
  auto** top = reinterpret_cast<void**>(stacks_ + (thread + 1) * kStack - 64);
  *--top = nullptr;  // where entry() would return to; also aligns the stack as a call does
  *--top = reinterpret_cast<void*>(&Fibers::entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  fibers_[thread] = {};
  fibers_[thread].stack_pointer = top;
}

void Fibers::resume(unsigned thread) {
  current_ = thread;
  state_->thread = {thread % state_->block_size.x, thread / state_->block_size.x % state_->block_size.y,
                    thread / state_->block_size.x / state_->block_size.y};
  lzemu_switch(&main_, fibers_[thread].stack_pointer);
}

void Fibers::wait(State state, int line) {
  Fiber& f = fibers_[current_];
  f.state = state;
  f.line = line;
  lzemu_switch(&f.stack_pointer, main_);
}

void Fibers::barrier(int line) {
  wait(State::Barrier, line);
}

unsigned long long Fibers::exchange(unsigned long long bits, unsigned lane, int line) {
  const unsigned thread = current_;
  fibers_[thread].bits = bits;
  wait(State::Exchange, line);
  // Everyone of the warp has written by now; nobody writes again before all have read and meet anew.
  const unsigned other = thread / kWarp * kWarp + lane % kWarp;
  const unsigned long long value = other < threads_ ? fibers_[other].bits : bits;
  wait(State::Exchange, -line);
  return value;
}

void Fibers::share(unsigned long long bits, unsigned long long* all, int line) {
  const unsigned first = current_ / kWarp * kWarp;
  fibers_[current_].bits = bits;
  wait(State::Exchange, line);
  for (unsigned l = 0; l < kWarp; ++l) all[l] = first + l < threads_ ? fibers_[first + l].bits : 0;
}

void Fibers::meet(int line) {
  wait(State::Exchange, -line);
}

void Fibers::copy_async(void* to, const void* from, unsigned bytes) {
  const auto place = reinterpret_cast<uintptr_t>(to), source = reinterpret_cast<uintptr_t>(from);
  if (place % kCopy != 0 || (bytes > 0 && source % kCopy != 0)) fail("a misaligned asynchronous copy");
  if (bytes > kCopy) fail("an asynchronous copy of more than 16 bytes");
  fibers_[current_].copies.push_back({to, from, bytes});
}

void Fibers::copy_commit() {
  Fiber& f = fibers_[current_];
  f.groups.push_back(std::move(f.copies));
  f.copies.clear();
}

void Fibers::copy_wait(unsigned groups) {
  Fiber& f = fibers_[current_];
  for (; f.groups.size() > groups; f.groups.pop_front())
    for (const Copy& c : f.groups.front()) {
      std::memset(c.to, 0, kCopy);
      std::memcpy(c.to, c.from, c.bytes);
    }
}

void Fibers::phase_start(unsigned long long* barrier, unsigned arrivals) {
  if (const std::string wrong = engine_.start_phase(reinterpret_cast<uint64_t*>(barrier), arrivals); !wrong.empty())
    fail(wrong);
}

void Fibers::phase_arrive(unsigned long long* barrier, unsigned bytes) {
  if (const std::string wrong = engine_.arrive(reinterpret_cast<uint64_t*>(barrier), bytes); !wrong.empty())
    fail(wrong);
}

void Fibers::phase_wait(unsigned long long* barrier, unsigned bit, int line) {
  Fiber& f = fibers_[current_];
  f.barrier = reinterpret_cast<uint64_t*>(barrier);
  f.bit = bit;
  bool over = false;
  if (const std::string wrong = engine_.is_over(f.barrier, bit, &over); !wrong.empty()) fail(wrong);
  if (!over) wait(State::Phase, line);
}

void Fibers::copy_box(unsigned char* to, const void* map, unsigned long long* barrier, const int* at) {
  if (const std::string wrong = engine_.copy(to, map, reinterpret_cast<uint64_t*>(barrier), at); !wrong.empty())
    fail(wrong);
}

void Fibers::multiply(const lzemu_product& p, int line) {
  unsigned long long all[kWarp];
  for (const unsigned long long matrix : {p.left, p.right}) {
    share(matrix, all, line);
    for (const unsigned long long other : all)
      if (other != matrix) fail("threads of a warp multiply different matrices");
    meet(line);
  }
  if (const std::string wrong = fibers_[current_].unit.multiply(p); !wrong.empty()) fail(wrong);
}

/// The threads of a warp wait together.
void Fibers::multiply_wait(unsigned groups, int line) {
  const std::string wrong = fibers_[current_].unit.wait(groups, state_->shared, current_);
  if (!wrong.empty()) fail(wrong);
  meet(line);
}

void Fibers::fail(const std::string& what) {
  problem_ = what;
  wait(State::Done, 0);
}

/// Lets a warp go on whose threads have all met.
bool Fibers::release_warp(unsigned first) {
  const unsigned last = std::min(first + kWarp, threads_);
  for (unsigned t = first; t < last; ++t)
    if (fibers_[t].state != State::Exchange || fibers_[t].line != fibers_[first].line) return false;
  for (unsigned t = first; t < last; ++t) fibers_[t].state = State::Ready;
  return true;
}

bool Fibers::run_ready(const std::vector<unsigned>& threads) {
  bool progress = false;
  for (const unsigned t : threads) {
    if (fibers_[t].state != State::Ready) continue;
    resume(t);
    if (!problem_.empty()) return false;
    progress = true;
  }
  return progress;
}

bool Fibers::run_warps_ahead(const std::vector<unsigned>& threads) {
  std::vector<std::vector<unsigned>> warps((threads_ + kWarp - 1) / kWarp);
  for (const unsigned t : threads) warps[t / kWarp].push_back(t);
  bool progress = false;
  for (const unsigned first : threads) {
    std::vector<unsigned>& warp = warps[first / kWarp];
    while (problem_.empty() && (run_ready(warp) || release_warp(first / kWarp * kWarp))) progress = true;
    warp.clear();
  }
  return progress;
}

bool Fibers::release_block() {
  for (unsigned t = 0; t < threads_; ++t)
    if (fibers_[t].state != State::Barrier || fibers_[t].line != fibers_[0].line) return false;
  for (unsigned t = 0; t < threads_; ++t) fibers_[t].state = State::Ready;
  return true;
}

bool Fibers::release_phases() {
  bool progress = false;
  for (unsigned t = 0; t < threads_; ++t) {
    Fiber& f = fibers_[t];
    if (f.state != State::Phase) continue;
    bool over = false;
    if (problem_ = engine_.is_over(f.barrier, f.bit, &over); !problem_.empty()) return false;
    if (over) f.state = State::Ready, progress = true;
  }
  return progress;
}

/// Boxes arrive in any order, and late: where the order says so, only when nobody can go on without them.
bool Fibers::run_engine(const std::vector<unsigned>& order, bool all) {
  bool progress = false;
  while (problem_.empty() && engine_.has_work() && (all || !progress)) {
    problem_ = engine_.run(order[0]);
    progress = true;
  }
  return progress;
}

std::string Fibers::stuck() const {
  std::map<std::pair<State, int>, std::pair<unsigned, unsigned>> groups;  // how many, and the first
  for (unsigned t = 0; t < threads_; ++t) {
    auto& [count, first] = groups[{fibers_[t].state, std::abs(fibers_[t].line)}];
    if (count++ == 0) first = t;
  }
  std::string text = "barrier divergence or deadlock:";
  for (const auto& [where, who] : groups) {
    text += " " + std::to_string(who.first) + " threads (first " + std::to_string(who.second) + ") ";
    text += where.first == State::Done      ? "have ended"
            : where.first == State::Barrier ? "wait at the barrier in line " + std::to_string(where.second)
            : where.first == State::Phase   ? "wait for a phase in line " + std::to_string(where.second)
                                            : "wait for their warp in line " + std::to_string(where.second);
    text += ";";
  }
  text.pop_back();
  return text;
}

std::string Fibers::run_block(Kernel kernel, void** arguments, lzemu_state& state, unsigned threads, Order& order) {
  running = this;
  kernel_ = kernel;
  arguments_ = arguments;
  state_ = &state;
  threads_ = threads;
  problem_.clear();
  engine_.start(state.shared);
  for (unsigned t = 0; t < threads; ++t) start(t);
  for (;;) {
    const std::vector<unsigned>& next = order.next(threads);
    bool progress = order.runs_ahead() ? run_warps_ahead(next) : run_ready(next);
    if (!problem_.empty()) return problem_;
    if (std::all_of(fibers_.begin(), fibers_.begin() + threads, [](const Fiber& f) { return f.state == State::Done; }))
      return engine_.has_work() ? "a block ended while boxes were on their way" : "";
    for (unsigned first = 0; first < threads; first += kWarp) progress |= release_warp(first);
    progress |= release_block();
    if (order.runs_ahead()) progress |= run_engine(next, true);
    progress |= release_phases();
    const auto nobody_is_ready = [&] {
      return std::none_of(fibers_.begin(), fibers_.begin() + threads,
                          [](const Fiber& f) { return f.state == State::Ready; });
    };
    while (nobody_is_ready() && run_engine(next, false)) progress |= release_phases();
    if (!problem_.empty()) return problem_;
    // Fibers that were only waiting for one another have become ready above.
    if (!progress || nobody_is_ready()) return stuck();
  }
}

}  // namespace emulator
