#include "runtime/cuda/driver.h"

#include <fmt/format.h>

#include "lazuli/base/error.h"

namespace lazuli::runtime::cuda {

bool Driver::find_functions(std::string* missing) {
  const codegen::SharedLibrary& l = *library_;
  return l.find(get_error_name, "cuGetErrorName", missing) && l.find(get_error_string, "cuGetErrorString", missing) &&
         l.find(init, "cuInit", missing) && l.find(driver_version, "cuDriverGetVersion", missing) &&
         l.find(device_count, "cuDeviceGetCount", missing) && l.find(device_get, "cuDeviceGet", missing) &&
         l.find(device_name, "cuDeviceGetName", missing) && l.find(device_memory, "cuDeviceTotalMem_v2", missing) &&
         l.find(device_attribute, "cuDeviceGetAttribute", missing) &&
         l.find(context_retain, "cuDevicePrimaryCtxRetain", missing) &&
         l.find(context_set, "cuCtxSetCurrent", missing) && l.find(stream_create, "cuStreamCreate", missing) &&
         l.find(stream_synchronize, "cuStreamSynchronize", missing) &&
         l.find(memory_info, "cuMemGetInfo_v2", missing) && l.find(memory_allocate, "cuMemAlloc_v2", missing) &&
         l.find(memory_free, "cuMemFree_v2", missing) && l.find(upload, "cuMemcpyHtoDAsync_v2", missing) &&
         l.find(download, "cuMemcpyDtoHAsync_v2", missing) && l.find(copy, "cuMemcpyDtoDAsync_v2", missing) &&
         l.find(fill, "cuMemsetD8Async", missing) && l.find(module_load, "cuModuleLoadData", missing) &&
         l.find(module_unload, "cuModuleUnload", missing) && l.find(module_function, "cuModuleGetFunction", missing) &&
         l.find(function_attribute, "cuFuncGetAttribute", missing) &&
         l.find(function_set_attribute, "cuFuncSetAttribute", missing) && l.find(launch, "cuLaunchKernel", missing) &&
         l.find(event_create, "cuEventCreate", missing) && l.find(event_destroy, "cuEventDestroy_v2", missing) &&
         l.find(event_record, "cuEventRecord", missing) && l.find(event_elapsed, "cuEventElapsedTime", missing) &&
         l.find(event_synchronize, "cuEventSynchronize", missing) && l.find(host_allocate, "cuMemHostAlloc", missing) &&
         l.find(host_free, "cuMemFreeHost", missing) && l.find(graph_create, "cuGraphCreate", missing) &&
         l.find(graph_destroy, "cuGraphDestroy", missing) &&
         l.find(graph_add_kernel, "cuGraphAddKernelNode_v2", missing) &&
         l.find(graph_instantiate, "cuGraphInstantiateWithFlags", missing) &&
         l.find(graph_exec_set_kernel, "cuGraphExecKernelNodeSetParams_v2", missing) &&
         l.find(graph_launch, "cuGraphLaunch", missing) && l.find(graph_exec_destroy, "cuGraphExecDestroy", missing) &&
         l.find(tensor_map_encode, "cuTensorMapEncodeTiled", missing);
}

std::shared_ptr<const Driver> Driver::open(const std::string& path, std::string* why) {
  std::shared_ptr<Driver> d(new Driver);
  std::string reason;
  d->library_ = codegen::SharedLibrary::open(codegen::driver_candidates(path), &reason);
  if (!d->library_) {
    *why = "the CUDA driver was not found: " + reason;
    return nullptr;
  }
  d->library = d->library_->name();
  if (!d->find_functions(&reason)) {
    *why = fmt::format("{} has no function {}: the CUDA driver is too old, 12.0 is needed", d->library, reason);
    return nullptr;
  }
  // The stub that toolkits bring for linking, and drivers without a device, fail here.
  Result r = d->init(0);
  if (r == 0) r = d->driver_version(&d->version);
  if (r == 0) r = d->device_count(&d->devices);
  if (r != 0) {
    constexpr Result kStub = 34;
    *why = r == kStub ? fmt::format("{} is the stub that toolkits bring for linking, not a driver", d->library)
                      : fmt::format("the CUDA driver cannot be used: {}", d->describe(r));
    return nullptr;
  }
  if (d->devices == 0) {
    *why = "the CUDA driver finds no device";
    return nullptr;
  }
  return d;
}

std::string Driver::describe(Result r) const {
  const char *name = nullptr, *text = nullptr;
  if (get_error_name(r, &name) != 0 || !name) return fmt::format("error {}", r);
  if (get_error_string(r, &text) != 0 || !text) return name;
  return fmt::format("{} ({})", name, text);
}

void Driver::fail(Result r, const std::string& what) const {
  throw Error(r == kNoMemory ? ErrorKind::Memory : ErrorKind::Device, fmt::format("{}: {}", what, describe(r)));
}

}  // namespace lazuli::runtime::cuda
