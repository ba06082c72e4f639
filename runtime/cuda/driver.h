// The CUDA driver, loaded when asked for. The types are our own: what is called has had this interface since CUDA 12.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "codegen/cuda/shared_library.h"

namespace lazuli::runtime::cuda {

using Result = int;  // 0 is success
using DevicePtr = unsigned long long;
using ContextHandle = struct OpaqueContext*;
using StreamHandle = struct OpaqueStream*;
using EventHandle = struct OpaqueEvent*;
using ModuleHandle = struct OpaqueModule*;
using FunctionHandle = struct OpaqueFunction*;
using GraphHandle = struct OpaqueGraph*;
using GraphNodeHandle = struct OpaqueGraphNode*;
using GraphExecHandle = struct OpaqueGraphExec*;

inline constexpr Result kNoMemory = 2, kNoDevice = 100;

/// CUdevice_attribute, as far as it is asked for.
enum class Attribute : int {
  Processors = 16,
  WarpSize = 10,
  L2Bytes = 38,
  ComputeMajor = 75,
  ComputeMinor = 76,
  SharedBytesPerProcessor = 81,
  SharedBytesPerBlock = 97,  // with the kernel's consent
};
/// CUfunction_attribute.
enum class FunctionAttribute : int { Registers = 4, MaxDynamicSharedBytes = 8 };

/// CUDA_KERNEL_NODE_PARAMS_v2.
struct KernelNodeParameters {
  FunctionHandle function = nullptr;
  unsigned grid[3] = {}, block[3] = {};
  unsigned shared_bytes = 0;
  void** arguments = nullptr;
  void** extra = nullptr;
  void* kernel = nullptr;
  ContextHandle context = nullptr;
};

class Driver {
 public:
  /// Opens the library (driver_candidates) and initialises it. Null with a sentence in `why` when there is no driver,
  /// it lacks a function, or it finds no device.
  static std::shared_ptr<const Driver> open(const std::string& path, std::string* why);

  Result (*get_error_name)(Result, const char**);
  Result (*get_error_string)(Result, const char**);
  Result (*init)(unsigned);
  Result (*driver_version)(int*);
  Result (*device_count)(int*);
  Result (*device_get)(int*, int);
  Result (*device_name)(char*, int, int);
  Result (*device_memory)(size_t*, int);
  Result (*device_attribute)(int*, int, int);
  Result (*context_retain)(ContextHandle*, int);
  Result (*context_set)(ContextHandle);
  Result (*stream_create)(StreamHandle*, unsigned);
  Result (*stream_synchronize)(StreamHandle);
  Result (*memory_info)(size_t*, size_t*);
  Result (*memory_allocate)(DevicePtr*, size_t);
  Result (*memory_free)(DevicePtr);
  /// Pinned.
  Result (*host_allocate)(void**, size_t, unsigned);
  Result (*host_free)(void*);
  Result (*upload)(DevicePtr, const void*, size_t, StreamHandle);
  Result (*download)(void*, DevicePtr, size_t, StreamHandle);
  Result (*copy)(DevicePtr, DevicePtr, size_t, StreamHandle);
  Result (*fill)(DevicePtr, unsigned char, size_t, StreamHandle);
  Result (*module_load)(ModuleHandle*, const void*);
  Result (*module_unload)(ModuleHandle);
  Result (*module_function)(FunctionHandle*, ModuleHandle, const char*);
  Result (*function_attribute)(int*, int, FunctionHandle);
  Result (*function_set_attribute)(FunctionHandle, int, int);
  Result (*launch)(FunctionHandle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, StreamHandle,
                   void**, void**);
  Result (*event_create)(EventHandle*, unsigned);
  Result (*event_destroy)(EventHandle);
  Result (*event_synchronize)(EventHandle);
  Result (*event_record)(EventHandle, StreamHandle);
  Result (*event_elapsed)(float*, EventHandle, EventHandle);
  Result (*graph_create)(GraphHandle*, unsigned);
  Result (*graph_destroy)(GraphHandle);
  Result (*graph_add_kernel)(GraphNodeHandle*, GraphHandle, const GraphNodeHandle*, size_t,
                             const KernelNodeParameters*);
  Result (*graph_instantiate)(GraphExecHandle*, GraphHandle, unsigned long long);
  Result (*graph_exec_set_kernel)(GraphExecHandle, GraphNodeHandle, const KernelNodeParameters*);
  Result (*graph_launch)(GraphExecHandle, StreamHandle);
  Result (*graph_exec_destroy)(GraphExecHandle);

  /// cuTensorMapEncodeTiled: map, element, rank, address, extents, strides, box, steps, interleave, swizzle, promotion
  /// to the second-level cache, fill.
  Result (*tensor_map_encode)(void*, int, unsigned, void*, const uint64_t*, const uint64_t*, const unsigned*,
                              const unsigned*, int, int, int, int);

  /// "CUDA_ERROR_OUT_OF_MEMORY (out of memory)".
  std::string describe(Result r) const;
  /// Throws Error(Device) that names what was done.
  void check(Result r, const std::string& what) const {
    if (r != 0) fail(r, what);
  }
  [[noreturn]] void fail(Result r, const std::string& what) const;

  int devices = 0;
  int version = 0;  // 13000
  std::string library;

 private:
  Driver() = default;
  bool find_functions(std::string* missing);
  std::unique_ptr<codegen::SharedLibrary> library_;
};

}  // namespace lazuli::runtime::cuda
