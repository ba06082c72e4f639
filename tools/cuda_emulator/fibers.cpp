#include "tools/cuda_emulator/fibers.h"

#include <sys/mman.h>

#include <algorithm>
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
constexpr unsigned kWarp = 32;
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

bool Fibers::release_warps() {
  bool any = false;
  for (unsigned first = 0; first < threads_; first += kWarp) {
    const unsigned last = std::min(first + kWarp, threads_);
    bool all = true;
    for (unsigned t = first; t < last; ++t)
      all = all && fibers_[t].state == State::Exchange && fibers_[t].line == fibers_[first].line;
    if (!all) continue;
    for (unsigned t = first; t < last; ++t) fibers_[t].state = State::Ready;
    any = true;
  }
  return any;
}

bool Fibers::release_block() {
  for (unsigned t = 0; t < threads_; ++t)
    if (fibers_[t].state != State::Barrier || fibers_[t].line != fibers_[0].line) return false;
  for (unsigned t = 0; t < threads_; ++t) fibers_[t].state = State::Ready;
  return true;
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
  for (unsigned t = 0; t < threads; ++t) start(t);
  for (;;) {
    bool progress = false;
    for (const unsigned t : order.next(threads)) {
      if (fibers_[t].state != State::Ready) continue;
      resume(t);
      progress = true;
    }
    if (std::all_of(fibers_.begin(), fibers_.begin() + threads, [](const Fiber& f) { return f.state == State::Done; }))
      return {};
    progress |= release_warps();
    progress |= release_block();
    if (!progress) return stuck();
    // Fibers that were only waiting for one another become ready above.
    if (std::none_of(fibers_.begin(), fibers_.begin() + threads,
                     [](const Fiber& f) { return f.state == State::Ready; }))
      return stuck();
  }
}

}  // namespace emulator
