// What is refused in DLPack.
#include "frontend/dlpack_abi.h"
#include "tests/errors/cases.h"

namespace lazuli::errors {
namespace {

/// A structure of static memory whose deleter does nothing, after a lie was told.
template <class Lie>
DLManagedTensorVersioned* bad(Lie lie) {
  static float memory[12] = {};
  static int64_t shape[] = {3, 4};
  static DLManagedTensorVersioned managed;
  managed = {};
  managed.version = {1, 1};
  managed.deleter = [](DLManagedTensorVersioned*) {};
  DLTensor& t = managed.dl_tensor;
  t.data = memory;
  t.device = {kDLCPU, 0};
  t.ndim = 2;
  t.dtype = {kDLFloat, 32, 1};
  t.shape = shape;
  lie(t);
  return &managed;
}
DLManagedTensorVersioned* read_only() {
  DLManagedTensorVersioned* managed = bad([](DLTensor&) {});
  managed->flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  return managed;
}
DLManagedTensorVersioned* of_version(uint32_t major) {
  DLManagedTensorVersioned* managed = bad([](DLTensor&) {});
  managed->version.major = major;
  return managed;
}
void taken_twice() {
  const DLPack packed = to_dlpack(m());
  from_dlpack(packed);
  from_dlpack(packed);
}

}  // namespace

std::vector<Case> exchange_cases() {
  return {
      REFUSES(Value, "Can't export tensors that require gradient, use tensor.detach()",
              to_dlpack(ones({2}, requires_grad()))),
      REFUSES(Value, "an undefined Tensor has no value", to_dlpack(Tensor())),
      REFUSES(Value, "a null pointer is no DLPack tensor", from_dlpack(static_cast<DLManagedTensor*>(nullptr))),
      REFUSES(Value, "this is a DLManagedTensorVersioned, not a DLManagedTensor", to_dlpack(m()).take()),
      REFUSES(Value, "this is a DLManagedTensor, not a DLManagedTensorVersioned",
              to_dlpack(m(), {.versioned = false}).take_versioned()),
      REFUSES(Value, "this DLPack tensor was taken before: its memory has another owner", taken_twice()),
      REFUSES(Unsupported, "from_dlpack: element type float32x2 is not supported",
              from_dlpack(bad([](DLTensor& t) { t.dtype.lanes = 2; }))),
      REFUSES(Unsupported, "from_dlpack: device type 10 is not supported",
              from_dlpack(bad([](DLTensor& t) { t.device.device_type = kDLROCM; }))),
      REFUSES(Device, "from_dlpack: there is no CUDA device 999",
              from_dlpack(bad([](DLTensor& t) { t.device = {kDLCUDA, 999}; }))),
      REFUSES(Shape, "from_dlpack: a tensor has 0 to 32 axes, not -1",
              from_dlpack(bad([](DLTensor& t) { t.ndim = -1; }))),
      REFUSES(Value, "from_dlpack: the shape is a null pointer",
              from_dlpack(bad([](DLTensor& t) { t.shape = nullptr; }))),
      REFUSES(Value, "from_dlpack: byte offset 18446744073709551615 leads out of memory",
              from_dlpack(bad([](DLTensor& t) { t.byte_offset = UINT64_MAX; }))),
      REFUSES(Value, "from_dlpack: the tensor is of DLPack 2.1; 1.x is understood", from_dlpack(of_version(2))),
      REFUSES(Value, "a tensor over read-only memory is being written", from_dlpack(read_only()).zero_()),
      REFUSES(Value, "data_ptr: the memory of this tensor is read-only", from_dlpack(read_only()).data_ptr()),
      REFUSES(Value, "a DLManagedTensor cannot say that its memory is read-only",
              to_dlpack(from_dlpack(read_only()), {.versioned = false})),
  };
}

}  // namespace lazuli::errors
