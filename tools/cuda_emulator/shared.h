// What the parts of the stand-in for libcuda share: errors, and launches that are checked once and queued any number of
// times.
#pragma once
#include <memory>
#include <vector>

namespace emulator {

using Result = int;
namespace result {
inline constexpr Result kSuccess = 0, kInvalidValue = 1, kNoMemory = 2, kInvalidDevice = 101, kInvalidContext = 201,
                        kInvalidImage = 200, kInvalidHandle = 400, kNotFound = 500, kIllegalAddress = 700,
                        kOutOfResources = 701, kLaunchFailed = 719, kNotReady = 600;
}  // namespace result
inline constexpr int kSharedPerBlock = 227 << 10;

struct Launch;

/// As cuLaunchKernel checks it; the argument is read by the call. Null with the driver's error in `error`.
std::shared_ptr<const Launch> read_launch(void* function, const unsigned grid[3], const unsigned block[3],
                                          unsigned shared, void** arguments, Result* error);
/// Queues copies of the launches, all or none. The driver's error.
Result queue(const std::vector<std::shared_ptr<const Launch>>& launches, void* stream);
/// Whether all of it lies in one allocation of the device.
bool is_device_memory(unsigned long long address, size_t bytes);
/// For lzemu_count(): `what` happened.
void count(const char* what, long times = 1);
/// LAZULI_EMULATOR_ORDER.
unsigned order_kind();
/// LAZULI_EMULATOR_PLAN: kernels are loaded, whatever they are made of, and never run; memory is left alone.
bool plans_only();
/// Of the environment.
const char* variable(const char* name, const char* fallback);

}  // namespace emulator

#define EXPORT extern "C" __attribute__((visibility("default")))
