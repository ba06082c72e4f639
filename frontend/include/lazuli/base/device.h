// Where a tensor lives. Part of the vocabulary that every layer shares.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "lazuli/base/error.h"

namespace lazuli {

enum class DeviceKind : uint8_t { CPU, CUDA };

using DeviceType = DeviceKind;

class Device {
 public:
  constexpr Device() = default;
  constexpr Device(DeviceKind kind, int8_t index = 0) : kind_(kind), index_(index) {}
  /// `Device(kCUDA, 1)`.
  constexpr Device(Device kind, int8_t index) : kind_(kind.kind_), index_(index) {}
  /// Parses "cpu", "cuda" or "cuda:N"; throws Error(Value) for anything else.
  Device(std::string_view text, Location loc = Location::current());
  Device(const char* text, Location loc = Location::current()) : Device(std::string_view(text), loc) {}
  Device(const std::string& text, Location loc = Location::current()) : Device(std::string_view(text), loc) {}

  constexpr DeviceKind type() const { return kind_; }
  /// Which one of its kind; 0 of "cuda" and "cpu".
  constexpr int8_t index() const { return index_; }
  constexpr bool is_cpu() const { return kind_ == DeviceKind::CPU; }
  constexpr bool is_cuda() const { return kind_ == DeviceKind::CUDA; }
  constexpr bool operator==(const Device&) const = default;
  /// "cpu" or "cuda:0".
  std::string str() const;

 private:
  DeviceKind kind_ = DeviceKind::CPU;
  int8_t index_ = 0;
};

inline constexpr Device kCPU{DeviceKind::CPU};
inline constexpr Device kCUDA{DeviceKind::CUDA};

}  // namespace lazuli
