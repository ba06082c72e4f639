// The emulated device (tools/cuda_emulator) for tests: loaded in the place of the driver and of NVRTC.
#pragma once
#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "runtime/context.h"

namespace lazuli::testing {

/// In this order of threads and blocks until the end of the scope; results must not depend on it.
class EmulatedOrder {
 public:
  explicit EmulatedOrder(int order) { setenv("LAZULI_EMULATOR_ORDER", std::to_string(order).c_str(), 1); }
  ~EmulatedOrder() { unsetenv("LAZULI_EMULATOR_ORDER"); }
  EmulatedOrder(const EmulatedOrder&) = delete;
  EmulatedOrder& operator=(const EmulatedOrder&) = delete;
};
inline constexpr int kOrders[] = {0, 1, 2, 3};

/// A failure stays with a device; after one that a test has provoked.
inline void forget_failure() {
  void* driver = dlopen(LAZULI_EMULATED_CUDA, RTLD_NOW | RTLD_NOLOAD);
  reinterpret_cast<void (*)()>(dlsym(driver, "lzemu_forget_failure"))();
  dlclose(driver);
}

/// How often the emulated driver was asked for something, so far (lzemu_count).
inline long emulator_count(const char* what) {
  void* driver = dlopen(LAZULI_EMULATED_CUDA, RTLD_NOW | RTLD_NOLOAD);
  if (!driver) return 0;  // not loaded yet
  const long n = reinterpret_cast<long (*)(const char*)>(dlsym(driver, "lzemu_count"))(what);
  dlclose(driver);
  return n;
}

/// The real NVRTC that the environment named before use_emulator().
inline const std::string& given_nvrtc() {
  static const std::string path = [] {
    const char* value = std::getenv("LAZULI_NVRTC");
    return std::string(value ? value : "");
  }();
  return path;
}

/// Before the process's context is made. With LAZULI_TEST_DEVICE=real, the device that the environment names is kept.
inline bool use_emulator() {
  if (const char* device = std::getenv("LAZULI_TEST_DEVICE"); device && std::string(device) == "real") return true;
  given_nvrtc();
  setenv("LAZULI_CUDA_DRIVER", LAZULI_EMULATED_CUDA, 1);
  setenv("LAZULI_NVRTC", LAZULI_EMULATED_NVRTC, 1);
  setenv("LAZULI_CUDA_EXACT_BLOCKS", "1", 1);
  setenv("LAZULI_EMULATOR_CACHE", LAZULI_EMULATOR_CACHE_FOLDER, 0);
  return true;
}

/// Of this process's tests, on the emulated device.
inline runtime::Context& emulated_context() {
  static runtime::Context* const context = [] {
    use_emulator();
    return runtime::Context::from_environment().release();
  }();
  return *context;
}

}  // namespace lazuli::testing
