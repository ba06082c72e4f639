// What the stand-in for libcuda says of itself and of its device.
//
//   LAZULI_EMULATOR_ARCH=sm_80        what the device says it is; default sm_90
//   LAZULI_EMULATOR_PROCESSORS=132    how many processors it says it has
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "tools/cuda_emulator/shared.h"

using emulator::Result;
using namespace emulator::result;

namespace {

int capability() {
  const char* arch = emulator::variable("LAZULI_EMULATOR_ARCH", "sm_90");
  return std::strlen(arch) > 3 ? std::atoi(arch + 3) : 90;
}

}  // namespace

EXPORT Result cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
EXPORT Result cuGetErrorName(Result r, const char** text) {
  static const std::map<Result, const char*> names = {{kSuccess, "CUDA_SUCCESS"},
                                                      {kInvalidValue, "CUDA_ERROR_INVALID_VALUE"},
                                                      {kNoMemory, "CUDA_ERROR_OUT_OF_MEMORY"},
                                                      {kInvalidDevice, "CUDA_ERROR_INVALID_DEVICE"},
                                                      {kInvalidImage, "CUDA_ERROR_INVALID_IMAGE"},
                                                      {kInvalidContext, "CUDA_ERROR_INVALID_CONTEXT"},
                                                      {kInvalidHandle, "CUDA_ERROR_INVALID_HANDLE"},
                                                      {kNotFound, "CUDA_ERROR_NOT_FOUND"},
                                                      {kNotReady, "CUDA_ERROR_NOT_READY"},
                                                      {kIllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS"},
                                                      {kOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
                                                      {kLaunchFailed, "CUDA_ERROR_LAUNCH_FAILED"}};
  const auto it = names.find(r);
  *text = it == names.end() ? nullptr : it->second;
  return it == names.end() ? kInvalidValue : kSuccess;
}
EXPORT Result cuGetErrorString(Result r, const char** text) {
  const char* name = nullptr;
  const Result known = cuGetErrorName(r, &name);
  *text = known == kSuccess ? "as the CUDA emulator found it" : nullptr;
  return known;
}
EXPORT Result cuDeviceGetName(char* name, int size, int) {
  std::snprintf(name, static_cast<size_t>(size), "emulated GPU");
  return kSuccess;
}
EXPORT Result cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 10:
      *value = 32;
      return kSuccess;
    case 16:
      // Few, so that small tests deal out many tasks.
      *value = std::atoi(emulator::variable("LAZULI_EMULATOR_PROCESSORS", "4"));
      return kSuccess;
    case 38:
      *value = 50 << 20;
      return kSuccess;
    case 75:
      *value = capability() / 10;
      return kSuccess;
    case 76:
      *value = capability() % 10;
      return kSuccess;
    case 81:
      *value = 228 << 10;
      return kSuccess;
    case 97:
      *value = emulator::kSharedPerBlock;
      return kSuccess;
    default:
      return kInvalidValue;
  }
}
