// A stand-in for libcuda.so.1: the part of the driver that Lazuli calls, over kernels that the stand-in for NVRTC has
// compiled for the host.
//
// It is stricter than a GPU. Work is queued and done when somebody waits, so that a missing wait shows; memory is
// filled with 0xff when it is allocated (NaN for floats) and ends at a page that cannot be touched; shared memory is
// filled anew for every block. A fault, a deadlock or threads that meet in different places end the launch with the
// error that a GPU gives, which stays, and with a line on standard error.
//
//   LAZULI_EMULATOR_ORDER=n      0: threads run in ascending order, 1: descending, n: shuffled from seed n
//   LAZULI_EMULATOR_TRACE=1      a line per launch on standard error
//   LAZULI_EMULATOR_PLAN=1       kernels are never run, so real machine code is as good: what a program would load
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tools/cuda_emulator/fibers.h"
#include "tools/cuda_emulator/shared.h"

namespace {

using Address = unsigned long long;

using emulator::Result;
using namespace emulator::result;

constexpr size_t kPage = 4096, kAlignment = 16;
constexpr size_t kMemory = size_t{8} << 30;  // what the device has
constexpr int kSharedWithoutConsent = 48 << 10, kMostThreads = 1024;

struct Allocation {
  void* mapping;
  size_t mapped, bytes;
};
struct Event {
  bool recorded = false, done = false;
  double milliseconds = 0;
};
struct Module;
struct Function {
  Module* module = nullptr;
  std::string name;
  emulator::Kernel kernel = nullptr;
  int most_threads = kMostThreads, shared_consent = kSharedWithoutConsent;
};
struct Module {
  void* library = nullptr;
  std::map<std::string, std::unique_ptr<Function>> functions;
};

struct Device {
  std::recursive_mutex mutex;
  std::map<Address, Allocation> memory;
  std::map<const unsigned char*, size_t> pinned;  // host memory
  std::set<const Function*> functions;            // of loaded modules
  std::map<std::string, long> counts;
  size_t used = 0;
  std::vector<std::function<Result()>> queue;
  Result failure = kSuccess;  // stays, as on a GPU
  emulator::Fibers fibers;
  lzemu_state state{};
};
Device& device() {
  static Device* d = new Device;
  return *d;
}
thread_local void* current_context = nullptr;
int the_context, the_stream;  // handles

// ---- Faults of kernels. ----

thread_local sigjmp_buf* in_launch = nullptr;
thread_local const void* fault_address = nullptr;

void on_fault(int signal, siginfo_t* info, void*) {
  if (!in_launch) {
    ::signal(signal, SIG_DFL);
    raise(signal);
    return;
  }
  fault_address = info->si_addr;
  siglongjmp(*in_launch, signal);
}

/// While a kernel runs, its faults come back to the launch.
class FaultHandler {
 public:
  FaultHandler() : stack_(64 << 10) {
    stack_t s{};
    s.ss_sp = stack_.data();
    s.ss_size = stack_.size();
    sigaltstack(&s, &old_stack_);
    struct sigaction action{};
    action.sa_sigaction = &on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (size_t i = 0; i < 3; ++i) sigaction(kSignals[i], &action, &old_[i]);
  }
  ~FaultHandler() {
    in_launch = nullptr;
    for (size_t i = 0; i < 3; ++i) sigaction(kSignals[i], &old_[i], nullptr);
    sigaltstack(&old_stack_, nullptr);
  }
  FaultHandler(const FaultHandler&) = delete;
  FaultHandler& operator=(const FaultHandler&) = delete;

 private:
  static constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE};
  std::vector<char> stack_;
  stack_t old_stack_{};
  struct sigaction old_[3];
};

std::string place_of(const void* address) {
  const auto a = reinterpret_cast<Address>(address);
  char text[128];
  for (const auto& [start, block] : device().memory) {
    const auto mapping = reinterpret_cast<Address>(block.mapping);
    if (a < mapping || a >= mapping + block.mapped) continue;
    const bool behind = a >= start;
    std::snprintf(text, sizeof text, "%lld bytes %s an allocation of %zu bytes",
                  static_cast<long long>(behind ? a - start - block.bytes : start - a), behind ? "behind" : "before",
                  block.bytes);
    return text;
  }
  std::snprintf(text, sizeof text, "address %p", address);
  return text;
}

}  // namespace
struct emulator::Launch {
  Function* function;
  lzemu_index grid, block;
  unsigned shared;
  std::vector<unsigned char> argument;
};
namespace {
using emulator::Launch;

void complain(const Launch& l, const std::string& what) {
  std::fprintf(stderr, "CUDA emulator: kernel %s, block %u, thread %u: %s\n", l.function->name.c_str(),
               device().state.block.x, device().fibers.current(), what.c_str());
}

/// Shared memory of a block: it ends at a page that cannot be touched.
class SharedMemory {
 public:
  explicit SharedMemory(size_t bytes)
      : mapped_((bytes + kPage - 1) / kPage * kPage + kPage),
        bytes_((bytes + kAlignment - 1) / kAlignment * kAlignment) {
    mapping_ =
        static_cast<unsigned char*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(mapping_ + mapped_ - kPage, kPage, PROT_NONE);
  }
  ~SharedMemory() { munmap(mapping_, mapped_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  unsigned char* poisoned() {
    std::memset(mapping_, 0xff, mapped_ - kPage);
    return mapping_ + mapped_ - kPage - bytes_;
  }

 private:
  size_t mapped_, bytes_;
  unsigned char* mapping_;
};

Result run(Launch& l) {
  Device& d = device();
  if (emulator::plans_only()) return kSuccess;
  if (!d.functions.contains(l.function)) {
    std::fprintf(stderr, "CUDA emulator: a kernel of a module that was unloaded is launched\n");
    return kInvalidHandle;
  }
  emulator::Order threads_order(emulator::order_kind()), blocks_order(emulator::order_kind());
  if (*emulator::variable("LAZULI_EMULATOR_TRACE", "") == '1')
    std::fprintf(stderr, "CUDA emulator: %s on %u blocks of %u threads, %u bytes shared\n", l.function->name.c_str(),
                 l.grid.x, l.block.x, l.shared);
  SharedMemory shared(l.shared);
  FaultHandler handler;
  sigjmp_buf back;
  if (const int signal = sigsetjmp(back, 1)) {
    complain(l, signal == SIGFPE ? "division trap" : "illegal access, " + place_of(fault_address));
    return signal == SIGFPE ? kLaunchFailed : kIllegalAddress;
  }
  in_launch = &back;
  void* arguments[] = {l.argument.data()};
  for (const unsigned b : blocks_order.next(l.grid.x)) {
    d.state = {{0, 0, 0}, {b, 0, 0}, l.block, l.grid, shared.poisoned()};
    const std::string problem = d.fibers.run_block(l.function->kernel, arguments, d.state, l.block.x, threads_order);
    if (problem.empty()) continue;
    complain(l, problem);
    return kLaunchFailed;
  }
  return kSuccess;
}

Result flush() {
  Device& d = device();
  std::vector<std::function<Result()>> work;
  work.swap(d.queue);
  for (const auto& item : work) {
    if (d.failure != kSuccess) break;
    d.failure = item();
  }
  return d.failure;
}

Result enqueue(void* stream, std::function<Result()> work) {
  if (!current_context) return kInvalidContext;
  if (stream != &the_stream) return kInvalidHandle;
  const std::lock_guard lock(device().mutex);
  if (device().failure != kSuccess) return device().failure;
  device().queue.push_back(std::move(work));
  return kSuccess;
}

/// Whether [p, p + bytes) lies in one allocation.
bool is_allocated(Address p, size_t bytes) {
  auto it = device().memory.upper_bound(p);
  if (it == device().memory.begin()) return bytes == 0;
  --it;
  return p + bytes <= it->first + it->second.bytes;
}

/// Whether [p, p + bytes) lies in pinned host memory: a GPU reads and writes it when its turn comes.
bool is_pinned(const void* p, size_t bytes) {
  const auto* start = static_cast<const unsigned char*>(p);
  const std::lock_guard lock(device().mutex);
  auto it = device().pinned.upper_bound(start);
  const bool is = it != device().pinned.begin() && (--it, start + bytes <= it->first + it->second);
  emulator::count(is ? "bytes copied from or to pinned memory" : "bytes copied from or to other memory",
                  static_cast<long>(bytes));
  return is;
}

/// The size of a shared object, from its header.
size_t image_bytes(const unsigned char* image) {
  size_t sections;
  unsigned short size, count;
  std::memcpy(&sections, image + 0x28, 8);
  std::memcpy(&size, image + 0x3a, 2);
  std::memcpy(&count, image + 0x3c, 2);
  return sections + size_t{size} * count;
}

}  // namespace

namespace emulator {

std::shared_ptr<const Launch> read_launch(void* function, const unsigned grid[3], const unsigned block[3],
                                          unsigned shared, void** arguments, Result* error) {
  auto* f = static_cast<Function*>(function);
  if (plans_only()) {
    *error = kSuccess;
    return std::make_shared<Launch>(Launch{f, {}, {}, 0, {}});
  }
  const auto bytes = static_cast<const int*>(dlsym(f->module->library, ("lzemu_bytes_" + f->name).c_str()));
  *error = grid[0] == 0 || grid[0] > 0x7fffffffu || grid[1] != 1 || grid[2] != 1        ? kInvalidValue
           : block[0] == 0 || block[0] > kMostThreads || block[1] != 1 || block[2] != 1 ? kInvalidValue
           : block[0] > static_cast<unsigned>(f->most_threads)                          ? kOutOfResources
           : shared > static_cast<unsigned>(f->shared_consent) || !bytes                ? kInvalidValue
                                                                                        : kSuccess;
  if (*error != kSuccess) return nullptr;
  const auto* argument = static_cast<const unsigned char*>(arguments[0]);
  return std::make_shared<Launch>(Launch{f,
                                         {grid[0], grid[1], grid[2]},
                                         {block[0], block[1], block[2]},
                                         shared,
                                         std::vector<unsigned char>(argument, argument + *bytes)});
}

Result queue(const std::vector<std::shared_ptr<const Launch>>& launches, void* stream) {
  const auto copies = std::make_shared<std::vector<Launch>>();
  for (const auto& l : launches) copies->push_back(*l);
  return enqueue(stream, [copies]() -> Result {
    for (Launch& l : *copies)
      if (const Result r = run(l)) return r;
    return kSuccess;
  });
}

bool is_device_memory(Address p, size_t bytes) {
  const std::lock_guard lock(device().mutex);
  return is_allocated(p, bytes);
}

void count(const char* what, long times) {
  const std::lock_guard lock(device().mutex);
  device().counts[what] += times;
}

const char* variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value && *value ? value : fallback;
}

bool plans_only() {
  return *variable("LAZULI_EMULATOR_PLAN", "") == '1';
}

unsigned order_kind() {
  return static_cast<unsigned>(std::atoi(variable("LAZULI_EMULATOR_ORDER", "0")));
}

}  // namespace emulator

EXPORT Result cuInit(unsigned) {
  return kSuccess;
}
EXPORT Result cuDeviceGetCount(int* count) {
  *count = 1;
  return kSuccess;
}
EXPORT Result cuDeviceGet(int* handle, int index) {
  *handle = index;
  return index == 0 ? kSuccess : kInvalidDevice;
}
EXPORT Result cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = kMemory;
  return kSuccess;
}
EXPORT Result cuDevicePrimaryCtxRetain(void** context, int) {
  *context = &the_context;
  return kSuccess;
}
EXPORT Result cuCtxSetCurrent(void* context) {
  current_context = context;
  return kSuccess;
}
EXPORT Result cuStreamCreate(void** stream, unsigned) {
  *stream = &the_stream;
  return current_context ? kSuccess : kInvalidContext;
}
EXPORT Result cuStreamSynchronize(void* stream) {
  if (!current_context) return kInvalidContext;
  if (stream != &the_stream) return kInvalidHandle;
  const std::lock_guard lock(device().mutex);
  return flush();
}
EXPORT Result cuMemGetInfo_v2(size_t* free, size_t* total) {
  const std::lock_guard lock(device().mutex);
  *total = kMemory;
  *free = kMemory - device().used;
  return kSuccess;
}
EXPORT Result cuMemAlloc_v2(Address* p, size_t bytes) {
  if (!current_context) return kInvalidContext;
  if (bytes == 0) return kInvalidValue;
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  if (bytes > kMemory - d.used) return kNoMemory;
  const size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const size_t inside = (rounded + kPage - 1) / kPage * kPage, mapped = inside + 2 * kPage;
  auto* mapping = static_cast<unsigned char*>(
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (mapping == MAP_FAILED) return kNoMemory;
  mprotect(mapping, kPage, PROT_NONE);
  mprotect(mapping + kPage + inside, kPage, PROT_NONE);
  if (!emulator::plans_only()) std::memset(mapping + kPage, 0xff, inside);
  *p = reinterpret_cast<Address>(mapping + kPage + inside - rounded);
  d.memory[*p] = {mapping, mapped, rounded};
  d.used += bytes;
  return kSuccess;
}
EXPORT Result cuMemFree_v2(Address p) {
  if (!current_context) return kInvalidContext;
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  flush();
  const auto it = d.memory.find(p);
  if (it == d.memory.end()) return kInvalidValue;
  munmap(it->second.mapping, it->second.mapped);
  d.used -= std::min(d.used, it->second.bytes);
  d.memory.erase(it);
  return kSuccess;
}
EXPORT Result cuMemHostAlloc(void** p, size_t bytes, unsigned flags) {
  if (!current_context) return kInvalidContext;
  if (bytes == 0 || flags != 0) return kInvalidValue;
  *p = std::malloc(bytes);
  if (!*p) return kNoMemory;
  std::memset(*p, 0xff, bytes);
  const std::lock_guard lock(device().mutex);
  device().pinned[static_cast<unsigned char*>(*p)] = bytes;
  return kSuccess;
}
EXPORT Result cuMemFreeHost(void* p) {
  const std::lock_guard lock(device().mutex);
  flush();
  if (device().pinned.erase(static_cast<unsigned char*>(p)) == 0) return kInvalidValue;
  std::free(p);
  return kSuccess;
}
EXPORT Result cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* stream) {
  if (is_pinned(from, bytes))
    return enqueue(stream, [=]() -> Result {
      if (!is_allocated(to, bytes)) return kInvalidValue;
      std::memcpy(reinterpret_cast<void*>(to), from, bytes);
      return kSuccess;
    });
  // What is not pinned has been read when the call returns.
  const auto* p = static_cast<const unsigned char*>(from);
  return enqueue(stream, [to, copy = std::vector<unsigned char>(p, p + bytes)]() -> Result {
    if (!is_allocated(to, copy.size())) return kInvalidValue;
    std::memcpy(reinterpret_cast<void*>(to), copy.data(), copy.size());
    return kSuccess;
  });
}
EXPORT Result cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* stream) {
  is_pinned(to, bytes);  // counted
  return enqueue(stream, [=]() -> Result {
    if (!is_allocated(from, bytes)) return kInvalidValue;
    std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
    return kSuccess;
  });
}
EXPORT Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void* stream) {
  return enqueue(stream, [=]() -> Result {
    if (!is_allocated(from, bytes) || !is_allocated(to, bytes)) return kInvalidValue;
    if (to < from + bytes && from < to + bytes) return kInvalidValue;  // what a GPU leaves undefined
    std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
    return kSuccess;
  });
}
EXPORT Result cuMemsetD8Async(Address to, unsigned char byte, size_t bytes, void* stream) {
  return enqueue(stream, [=]() -> Result {
    if (!is_allocated(to, bytes)) return kInvalidValue;
    std::memset(reinterpret_cast<void*>(to), byte, bytes);
    return kSuccess;
  });
}
EXPORT Result cuModuleLoadData(void** module, const void* image) {
  if (!current_context) return kInvalidContext;
  const auto* bytes = static_cast<const unsigned char*>(image);
  if (std::memcmp(bytes,
                  "\x7f"
                  "ELF",
                  4) != 0)
    return kInvalidImage;
  if (emulator::plans_only()) {
    *module = new Module;
    return kSuccess;
  }
  const size_t size = image_bytes(bytes);
  // A name of its own: the loader does not load one name twice.
  char path[] = "/tmp/lazuli-emulated-XXXXXX";
  const int file = mkstemp(path);
  const bool written = file >= 0 && write(file, bytes, size) == static_cast<ssize_t>(size);
  if (file >= 0) close(file);
  auto m = std::make_unique<Module>();
  if (written) m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!m->library) std::fprintf(stderr, "CUDA emulator: %s\n", written ? dlerror() : "no room for the kernel's code");
  unlink(path);
  if (!m->library) return kInvalidImage;
  const auto bind = reinterpret_cast<void (*)(const lzemu_api*)>(dlsym(m->library, "lzemu_bind"));
  if (!bind) return kInvalidImage;
  const lzemu_api api{
      &device().state,
      [](int line) { device().fibers.barrier(line); },
      [](unsigned long long bits, unsigned lane, int line) { return device().fibers.exchange(bits, lane, line); },
      [](unsigned long long bits, unsigned long long* all, int line) { device().fibers.share(bits, all, line); },
      [](int line) { device().fibers.meet(line); },
      [](void* to, const void* from, unsigned bytes) { device().fibers.copy_async(to, from, bytes); },
      [] { device().fibers.copy_commit(); },
      [](unsigned groups) { device().fibers.copy_wait(groups); },
      [](unsigned long long* barrier, unsigned arrivals) { device().fibers.phase_start(barrier, arrivals); },
      [] { device().fibers.phases_started(); },
      [](unsigned long long* barrier, unsigned bytes) { device().fibers.phase_arrive(barrier, bytes); },
      [](unsigned long long* barrier, unsigned bit, int line) { device().fibers.phase_wait(barrier, bit, line); },
      [](unsigned char* to, const void* map, unsigned long long* barrier, const int* at) {
        device().fibers.copy_box(to, map, barrier, at);
      },
      [] { device().fibers.multiply_fence(); },
      [](const lzemu_product* p, int line) { device().fibers.multiply(*p, line); },
      [] { device().fibers.multiply_commit(); },
      [](unsigned groups, int line) { device().fibers.multiply_wait(groups, line); },
      [](const char* what) { device().fibers.fail(what); }};
  bind(&api);
  *module = m.release();
  return kSuccess;
}
EXPORT Result cuModuleUnload(void* module) {
  if (!current_context) return kInvalidContext;
  const std::lock_guard lock(device().mutex);
  flush();
  auto* m = static_cast<Module*>(module);
  for (const auto& [name, f] : m->functions) device().functions.erase(f.get());
  if (m->library) dlclose(m->library);
  delete m;
  return kSuccess;
}
EXPORT Result cuModuleGetFunction(void** function, void* module, const char* name) {
  auto* m = static_cast<Module*>(module);
  auto f = std::make_unique<Function>();
  f->module = m;
  f->name = name;
  if (m->library) {
    f->kernel = reinterpret_cast<emulator::Kernel>(dlsym(m->library, (std::string("lzemu_run_") + name).c_str()));
    if (!f->kernel) return kNotFound;
    if (const auto* bound = static_cast<const int*>(dlsym(m->library, (std::string("lzemu_bound_") + name).c_str())))
      f->most_threads = *bound;
  }
  const std::lock_guard lock(device().mutex);
  device().functions.insert(f.get());
  *function = f.get();
  m->functions[name] = std::move(f);
  return kSuccess;
}
EXPORT Result cuFuncGetAttribute(int* value, int, void*) {
  *value = 32;
  return kSuccess;
}
EXPORT Result cuFuncSetAttribute(void* function, int attribute, int value) {
  if (attribute != 8 || value > emulator::kSharedPerBlock) return kInvalidValue;
  static_cast<Function*>(function)->shared_consent = value;
  return kSuccess;
}
EXPORT Result cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                             unsigned bz, unsigned shared, void* stream, void** arguments, void**) {
  emulator::count("cuLaunchKernel");
  const unsigned grid[] = {gx, gy, gz}, block[] = {bx, by, bz};
  Result r = kSuccess;
  const auto launch = emulator::read_launch(function, grid, block, shared, arguments, &r);
  return launch ? emulator::queue({launch}, stream) : r;
}
EXPORT Result cuEventCreate(void** event, unsigned) {
  *event = new Event;
  return kSuccess;
}
EXPORT Result cuEventDestroy_v2(void* event) {
  const std::lock_guard lock(device().mutex);
  flush();
  delete static_cast<Event*>(event);
  return kSuccess;
}
EXPORT Result cuEventRecord(void* event, void* stream) {
  auto* e = static_cast<Event*>(event);
  e->recorded = true;
  e->done = false;
  return enqueue(stream, [e] {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    e->milliseconds = static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
    e->done = true;
    return kSuccess;
  });
}
EXPORT Result cuEventSynchronize(void* event) {
  const std::lock_guard lock(device().mutex);
  const auto* e = static_cast<const Event*>(event);
  return e->recorded && !e->done ? flush() : device().failure;
}
EXPORT Result cuEventElapsedTime(float* ms, void* from, void* to) {
  const auto *a = static_cast<const Event*>(from), *b = static_cast<const Event*>(to);
  if (!a->recorded || !b->recorded) return kInvalidHandle;
  if (!a->done || !b->done) return kNotReady;
  *ms = static_cast<float>(b->milliseconds - a->milliseconds);
  return kSuccess;
}
/// After a failure that a test has provoked: the device is as new, its memory stays.
EXPORT void lzemu_forget_failure() {
  const std::lock_guard lock(device().mutex);
  device().queue.clear();
  device().failure = kSuccess;
}
/// For the stand-in for cuBLASLt: work between kernels, in its turn; whether these bytes are the device's.
EXPORT Result lzemu_enqueue(void* stream, int (*work)(void*), void* data) {
  return enqueue(stream, [=]() -> Result { return work(data) == 0 ? kSuccess : kLaunchFailed; });
}
EXPORT int lzemu_is_allocated(const void* p, size_t bytes) {
  const std::lock_guard lock(device().mutex);
  return is_allocated(reinterpret_cast<Address>(p), bytes) ? 1 : 0;
}
EXPORT void lzemu_note(const char* what) {
  emulator::count(what);
}
/// How often a function of the driver was called, or how many bytes were copied, so far.
EXPORT long lzemu_count(const char* what) {
  const std::lock_guard lock(device().mutex);
  return device().counts[what];
}
