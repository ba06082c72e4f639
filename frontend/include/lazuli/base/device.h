// Where a tensor lives. Part of the vocabulary that every layer shares.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace lazuli {

enum class DeviceKind : uint8_t { CPU, CUDA };

struct Device {
  DeviceKind kind = DeviceKind::CPU;
  int8_t index = 0;

  constexpr Device() = default;
  constexpr Device(DeviceKind k, int8_t i = 0) : kind(k), index(i) {}
  /// Parses "cpu", "cuda" or "cuda:N"; throws Error(Value) for anything else.
  Device(std::string_view text);
  Device(const char* text) : Device(std::string_view(text)) {}

  constexpr bool is_cpu() const { return kind == DeviceKind::CPU; }
  constexpr bool is_cuda() const { return kind == DeviceKind::CUDA; }
  constexpr bool operator==(const Device&) const = default;
  /// "cpu" or "cuda:0".
  std::string str() const;
};

inline constexpr Device kCPU{DeviceKind::CPU};
inline constexpr Device kCUDA{DeviceKind::CUDA};

}  // namespace lazuli
