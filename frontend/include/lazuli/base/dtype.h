// Element types. Part of the vocabulary that every layer shares; depends on nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lazuli {

/// Element type of a tensor. The last four are reserved: importing them is an error by name.
enum class DType : uint8_t {
  Bool,
  UInt8,
  Int8,
  Int16,
  Int32,
  Int64,
  Float16,
  BFloat16,
  Float32,
  Float64,
  Complex64,
  Complex128,
  Float8E4M3,
  Float8E5M2,
};

inline constexpr int kSupportedDTypes = 10;

inline constexpr DType kBool = DType::Bool;
inline constexpr DType kUInt8 = DType::UInt8, kByte = kUInt8;
inline constexpr DType kInt8 = DType::Int8, kChar = kInt8;
inline constexpr DType kInt16 = DType::Int16, kShort = kInt16;
inline constexpr DType kInt32 = DType::Int32, kInt = kInt32;
inline constexpr DType kInt64 = DType::Int64, kLong = kInt64;
inline constexpr DType kFloat16 = DType::Float16, kHalf = kFloat16;
inline constexpr DType kBFloat16 = DType::BFloat16;
inline constexpr DType kFloat32 = DType::Float32, kFloat = kFloat32;
inline constexpr DType kFloat64 = DType::Float64, kDouble = kFloat64;
inline constexpr DType kU8 = kUInt8, kI8 = kInt8, kI16 = kInt16, kI32 = kInt32, kI64 = kInt64;
inline constexpr DType kF16 = kFloat16, kF32 = kFloat32, kF64 = kFloat64;

using ScalarType = DType;

/// Size of one element in bytes.
constexpr size_t itemsize(DType t) {
  constexpr uint8_t sizes[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 1, 1};
  return sizes[static_cast<size_t>(t)];
}

/// Name as it is printed and parsed: "float32", "bool", ...
constexpr std::string_view name(DType t) {
  constexpr std::string_view names[] = {"bool",      "uint8",      "int8",        "int16",      "int32",
                                        "int64",     "float16",    "bfloat16",    "float32",    "float64",
                                        "complex64", "complex128", "float8_e4m3", "float8_e5m2"};
  return names[static_cast<size_t>(t)];
}

constexpr bool is_supported(DType t) {
  return static_cast<int>(t) < kSupportedDTypes;
}
constexpr bool is_floating(DType t) {
  return t >= DType::Float16 && t <= DType::Float64;
}
constexpr bool is_half(DType t) {
  return t == DType::Float16 || t == DType::BFloat16;
}
constexpr bool is_bool(DType t) {
  return t == DType::Bool;
}
/// Integer types, bool not included.
constexpr bool is_integral(DType t) {
  return t >= DType::UInt8 && t <= DType::Int64;
}
constexpr bool is_signed(DType t) {
  return t != DType::Bool && t != DType::UInt8;
}

}  // namespace lazuli
