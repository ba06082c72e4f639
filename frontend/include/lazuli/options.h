// What a new tensor is made as: element type, device, whether it requires gradients. What is left open takes the
// default that the function names.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "lazuli/base/device.h"
#include "lazuli/base/dtype.h"

namespace lazuli {

using OptionalDType = std::optional<DType>;

/// How elements stand in memory. There is one way; it can be named because PyTorch's programs do.
enum class Layout : uint8_t { Strided };
inline constexpr Layout kStrided = Layout::Strided;

/// `kFloat64`, `kCUDA`, `kStrided`, `"cuda:1"` and `Device(kCUDA, 1)` convert to it;
/// `dtype(kInt32).device(kCUDA, 1).requires_grad(true)` chains. Every builder gives a changed copy.
class TensorOptions {
 public:
  TensorOptions() = default;
  TensorOptions(DType t) : dtype_(t) {}
  TensorOptions(Device d) : device_(d) {}
  TensorOptions(Layout) {}
  template <class T>
    requires(std::is_same_v<T, char*> || std::is_same_v<T, const char*> || std::is_same_v<T, std::string>)
  TensorOptions(T text, Location loc = Location::current()) : device_(Device(text, loc)) {}

  TensorOptions dtype(std::optional<DType> t) const {
    TensorOptions o = *this;
    o.dtype_ = t;
    return o;
  }
  TensorOptions device(std::optional<Device> d) const {
    TensorOptions o = *this;
    o.device_ = d;
    return o;
  }
  TensorOptions device(Device kind, int8_t index) const { return device(Device(kind, index)); }
  TensorOptions device(const char* text, Location loc = Location::current()) const { return device(Device(text, loc)); }
  TensorOptions device(const std::string& text, Location loc = Location::current()) const {
    return device(Device(text, loc));
  }
  TensorOptions layout(Layout) const { return *this; }
  TensorOptions requires_grad(bool on) const {
    TensorOptions o = *this;
    o.requires_grad_ = on;
    return o;
  }

  /// float32, the CPU and false where nothing was said.
  DType dtype() const { return dtype_.value_or(kFloat32); }
  Device device() const { return device_.value_or(kCPU); }
  Layout layout() const { return kStrided; }
  bool requires_grad() const { return requires_grad_.value_or(false); }
  bool has_dtype() const { return dtype_.has_value(); }
  bool has_device() const { return device_.has_value(); }
  bool has_requires_grad() const { return requires_grad_.has_value(); }
  DType dtype_or(DType otherwise) const { return dtype_.value_or(otherwise); }
  Device device_or(Device otherwise) const { return device_.value_or(otherwise); }

 private:
  std::optional<DType> dtype_;
  std::optional<Device> device_;
  std::optional<bool> requires_grad_;
};

inline TensorOptions dtype(DType t) {
  return TensorOptions(t);
}
inline TensorOptions device(Device d) {
  return TensorOptions(d);
}
inline TensorOptions device(Device kind, int8_t index) {
  return TensorOptions(Device(kind, index));
}
inline TensorOptions layout(Layout l) {
  return TensorOptions(l);
}
inline TensorOptions requires_grad(bool on = true) {
  return TensorOptions().requires_grad(on);
}

}  // namespace lazuli
