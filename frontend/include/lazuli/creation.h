// New tensors. The element type is float32 unless the options, or the numbers given, say otherwise; the device is the
// CPU.
#pragma once
#include <initializer_list>
#include <span>
#include <vector>

#include "lazuli/options.h"
#include "lazuli/tensor.h"

namespace lazuli {

/// What tensor() takes: a number, nested braces of numbers, or a range of numbers. Copies them.
class TensorData {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  TensorData(T v) : kind_(kind_of<T>()), values_{Scalar(v)} {}
  TensorData(std::initializer_list<TensorData> list, Location loc = Location::current());
  template <class T>
    requires std::is_arithmetic_v<T>
  TensorData(std::span<const T> list) : kind_(kind_of<T>()), sizes_{static_cast<int64_t>(list.size())} {
    values_.assign(list.begin(), list.end());
  }
  template <class T>
    requires std::is_arithmetic_v<T>
  TensorData(const std::vector<T>& list) : kind_(kind_of<T>()), sizes_{static_cast<int64_t>(list.size())} {
    values_.assign(list.begin(), list.end());
  }

  /// bool, a small integer type as it is, int64 for other integers, float32 for floats.
  DType dtype() const { return kind_; }
  const std::vector<int64_t>& sizes() const { return sizes_; }
  const std::vector<Scalar>& values() const { return values_; }

 private:
  template <class T>
  static constexpr DType kind_of() {
    if constexpr (std::is_floating_point_v<T>)
      return kFloat32;
    else if constexpr (std::is_same_v<T, bool>)
      return kBool;
    else if constexpr (std::is_same_v<T, uint8_t>)
      return kUInt8;
    else if constexpr (std::is_same_v<T, int8_t>)
      return kInt8;
    else if constexpr (std::is_same_v<T, int16_t>)
      return kInt16;
    else
      return kInt64;
  }
  DType kind_ = kFloat32;
  std::vector<int64_t> sizes_;
  std::vector<Scalar> values_;  // row-major
};

/// tensor(5), tensor({1, 2}), tensor({{1.5, 2}, {3, 4}}), tensor(vector): a copy. Integers give int64, floating
/// literals float32, mixed ones float32. Throws Shape when sub-lists differ in length.
Tensor tensor(const TensorData& data, TensorOptions options = {}, Location loc = Location::current());

/// Zeros of this shape; sizes are 0 or more (Shape).
Tensor zeros(IntArrayRef sizes, TensorOptions options = {}, Location loc = Location::current());
/// Ones of this shape.
Tensor ones(IntArrayRef sizes, TensorOptions options = {}, Location loc = Location::current());
/// The type is the number's: bool, int64 or float32.
Tensor full(IntArrayRef sizes, Scalar value, TensorOptions options = {}, Location loc = Location::current());
/// Contents are not to be relied on.
Tensor empty(IntArrayRef sizes, TensorOptions options = {}, Location loc = Location::current());

/// start, start + step, ... up to but not including end; int64 when every number is an integer, else float32.
Tensor arange(Scalar end, TensorOptions options = {}, Location loc = Location::current());
Tensor arange(Scalar start, Scalar end, TensorOptions options = {}, Location loc = Location::current());
Tensor arange(Scalar start, Scalar end, Scalar step, TensorOptions options = {}, Location loc = Location::current());
/// `steps` evenly spaced numbers, both ends included.
Tensor linspace(Scalar start, Scalar end, int64_t steps, TensorOptions options = {},
                Location loc = Location::current());
/// base to the power of linspace(start, end, steps).
Tensor logspace(Scalar start, Scalar end, int64_t steps, double base = 10.0, TensorOptions options = {},
                Location loc = Location::current());
/// Ones on the diagonal.
Tensor eye(int64_t n, TensorOptions options = {}, Location loc = Location::current());
Tensor eye(int64_t n, int64_t m, TensorOptions options = {}, Location loc = Location::current());

// ---- Like another tensor: its shape, and its type and device unless the options name others. ----
/// Zeros, ones, one number, contents not to be relied on.
Tensor zeros_like(const Tensor& x, TensorOptions options = {}, Location loc = Location::current());
Tensor ones_like(const Tensor& x, TensorOptions options = {}, Location loc = Location::current());
Tensor full_like(const Tensor& x, Scalar value, TensorOptions options = {}, Location loc = Location::current());
Tensor empty_like(const Tensor& x, TensorOptions options = {}, Location loc = Location::current());

}  // namespace lazuli
