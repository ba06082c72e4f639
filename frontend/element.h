// Host elements by run-time type: dispatch and conversion. Conversions follow cast: saturating, NaN gives 0.
#pragma once
#include <limits>
#include <type_traits>

#include "lazuli/base/dtype.h"
#include "lazuli/base/error.h"
#include "lazuli/base/half.h"

namespace lazuli {

/// fn(std::type_identity<T>{}) for the type that the dtype stands for.
template <class Fn>
decltype(auto) visit_dtype(DType t, Fn&& fn) {
  switch (t) {
    case kBool:
      return fn(std::type_identity<bool>{});
    case kUInt8:
      return fn(std::type_identity<uint8_t>{});
    case kInt8:
      return fn(std::type_identity<int8_t>{});
    case kInt16:
      return fn(std::type_identity<int16_t>{});
    case kInt32:
      return fn(std::type_identity<int32_t>{});
    case kInt64:
      return fn(std::type_identity<int64_t>{});
    case kFloat16:
      return fn(std::type_identity<Half>{});
    case kBFloat16:
      return fn(std::type_identity<BFloat16>{});
    case kFloat32:
      return fn(std::type_identity<float>{});
    case kFloat64:
      return fn(std::type_identity<double>{});
    default:
      throw Error(ErrorKind::Unsupported, std::string(name(t)) + " is not supported");
  }
}

template <class To, class From>
To convert_element(From v) {
  if constexpr (std::is_same_v<To, From>) {
    return v;
  } else if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>) {
    return convert_element<To>(static_cast<float>(v));
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>) {
    return To(static_cast<float>(v));
  } else if constexpr (std::is_same_v<To, bool>) {
    return v != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (v != v) return 0;
    if (v <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (v >= static_cast<From>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(v);
  } else {
    return static_cast<To>(v);
  }
}

}  // namespace lazuli
