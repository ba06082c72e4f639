// What a new tensor is made as: element type and device, each with a default that the function names.
#pragma once
#include <optional>

#include "lazuli/base/device.h"
#include "lazuli/base/dtype.h"

namespace lazuli {

/// `kFloat64`, `kCUDA` and `Device("cuda:1")` convert to it; `dtype(kInt32).device("cuda")` chains.
class TensorOptions {
 public:
  TensorOptions() = default;
  TensorOptions(DType t) : dtype_(t) {}
  TensorOptions(Device d) : device_(d) {}

  TensorOptions dtype(DType t) const {
    TensorOptions o = *this;
    o.dtype_ = t;
    return o;
  }
  TensorOptions device(Device d) const {
    TensorOptions o = *this;
    o.device_ = d;
    return o;
  }
  const std::optional<DType>& dtype() const { return dtype_; }
  const std::optional<Device>& device() const { return device_; }
  DType dtype_or(DType otherwise) const { return dtype_.value_or(otherwise); }
  Device device_or(Device otherwise) const { return device_.value_or(otherwise); }

 private:
  std::optional<DType> dtype_;
  std::optional<Device> device_;
};

inline TensorOptions dtype(DType t) {
  return TensorOptions(t);
}
inline TensorOptions device(Device d) {
  return TensorOptions(d);
}

}  // namespace lazuli
