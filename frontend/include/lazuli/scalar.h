// A host number passed to an operation: bool, int64 or double. It takes part in type promotion by its kind alone.
//
// Inside a function that compile() traces, a Scalar argument is symbolic: it has a kind, and a number only at each
// call.
#pragma once
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "lazuli/base/dtype.h"

namespace lazuli {

/// Never returns: the number of a symbolic scalar is asked for.
[[noreturn]] void throw_symbolic_scalar(uint32_t slot);

class Scalar {
 public:
  constexpr Scalar(bool v) : kind_(kBool), int_(v) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  constexpr Scalar(T v) : kind_(kInt64), int_(static_cast<int64_t>(v)) {}
  template <std::floating_point T>
  constexpr Scalar(T v) : kind_(kFloat64), double_(static_cast<double>(v)) {}

  /// kBool, kInt64 or kFloat64.
  constexpr DType kind() const { return kind_; }
  constexpr bool is_bool() const { return kind_ == kBool; }
  constexpr bool is_integral() const { return kind_ == kInt64; }
  constexpr bool is_floating() const { return kind_ == kFloat64; }

  constexpr double to_double() const {
    check_known();
    return is_floating() ? double_ : static_cast<double>(int_);
  }
  /// Truncates; out of range saturates, NaN gives 0.
  constexpr int64_t to_int64() const {
    check_known();
    if (!is_floating()) return int_;
    if (double_ != double_) return 0;
    if (double_ >= 0x1p63) return INT64_MAX;
    if (double_ < -0x1p63) return INT64_MIN;
    return static_cast<int64_t>(double_);
  }
  constexpr bool to_bool() const {
    check_known();
    return is_floating() ? double_ != 0 : int_ != 0;
  }

  constexpr bool operator==(const Scalar& o) const {
    if (is_floating() || o.is_floating()) return to_double() == o.to_double();
    return to_int64() == o.to_int64();
  }
  constexpr Scalar operator-() const { return is_floating() ? Scalar(-to_double()) : Scalar(-to_int64()); }

  // ---- For the library itself. ----
  /// Argument `slot` (from 1) of a function that is being traced.
  static constexpr Scalar symbolic(DType kind, uint32_t slot) {
    Scalar s = 0;
    s.kind_ = kind;
    s.slot_ = slot;
    return s;
  }
  /// 0: its number is known.
  constexpr uint32_t slot() const { return slot_; }

 private:
  constexpr void check_known() const {
    if (slot_ != 0) throw_symbolic_scalar(slot_);
  }

  DType kind_;
  uint32_t slot_ = 0;
  union {
    int64_t int_;
    double double_;
  };
};

}  // namespace lazuli
