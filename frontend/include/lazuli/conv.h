// Convolution and pooling. Inputs are (batch, channels, axes ...) or (channels, axes ...); weights (out, channels of a
// group, window ...), of transposed convolutions (in, out of a group, window ...). Lists of one number per axis may be
// one number. Float results follow the contraction tree of docs/numerics.md over (channels, window).
#pragma once
#include <concepts>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "lazuli/tensor.h"

namespace lazuli {

/// How far a convolution's input is padded with zeros on both sides: a number, one per axis, "valid" (not at all), or
/// "same" (so that the result is as large, for steps of 1). Valid until the end of the full expression that made it.
class Padding {
 public:
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  constexpr Padding(T all) : single_(static_cast<int64_t>(all)), is_single_(true) {}
  constexpr Padding(std::initializer_list<int64_t> list) : list_(list) {}
  constexpr Padding(IntArrayRef list) : list_(list) {}
  Padding(const std::vector<int64_t>& list) : list_(list) {}
  template <class Name>
    requires std::convertible_to<const Name&, std::string_view>
  constexpr Padding(const Name& name) : name_(name), is_name_(true) {}

  constexpr bool is_name() const { return is_name_; }
  constexpr std::string_view name() const { return name_; }
  constexpr IntArrayRef list() const { return is_single_ ? IntArrayRef(&single_, 1) : list_; }

 private:
  IntArrayRef list_;
  std::string_view name_;
  int64_t single_ = 0;
  bool is_single_ = false, is_name_ = false;
};

// ---- Convolution. ----
/// Sums of products of weights with the windows of x, `stride` apart, whose elements are `dilation` apart; channels in
/// `groups` that do not meet. Plus bias (out) where given.
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, IntArrayRef stride = 1,
              Padding padding = 0, IntArrayRef dilation = 1, int64_t groups = 1, Location loc = Location::current());
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, IntArrayRef stride = 1,
              Padding padding = 0, IntArrayRef dilation = 1, int64_t groups = 1, Location loc = Location::current());
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, IntArrayRef stride = 1,
              Padding padding = 0, IntArrayRef dilation = 1, int64_t groups = 1, Location loc = Location::current());
/// The transpose of a convolution: its gradient with respect to x. `output_padding` elements more at the end.
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, IntArrayRef stride = 1,
                        IntArrayRef padding = 0, IntArrayRef output_padding = 0, int64_t groups = 1,
                        IntArrayRef dilation = 1, Location loc = Location::current());
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, IntArrayRef stride = 1,
                        IntArrayRef padding = 0, IntArrayRef output_padding = 0, int64_t groups = 1,
                        IntArrayRef dilation = 1, Location loc = Location::current());
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, IntArrayRef stride = 1,
                        IntArrayRef padding = 0, IntArrayRef output_padding = 0, int64_t groups = 1,
                        IntArrayRef dilation = 1, Location loc = Location::current());

// ---- Pooling: without a stride, windows stand side by side; ceil_mode adds windows that hang over the end. ----
/// The largest element of each window; NaN wins. The gradient goes to the first one.
Tensor max_pool1d(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride = {}, IntArrayRef padding = 0,
                  IntArrayRef dilation = 1, bool ceil_mode = false, Location loc = Location::current());
Tensor max_pool2d(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride = {}, IntArrayRef padding = 0,
                  IntArrayRef dilation = 1, bool ceil_mode = false, Location loc = Location::current());
Tensor max_pool3d(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride = {}, IntArrayRef padding = 0,
                  IntArrayRef dilation = 1, bool ceil_mode = false, Location loc = Location::current());
/// The same with int64 positions in the axes, row-major.
std::pair<Tensor, Tensor> max_pool1d_with_indices(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride = {},
                                                  IntArrayRef padding = 0, IntArrayRef dilation = 1,
                                                  bool ceil_mode = false, Location loc = Location::current());
std::pair<Tensor, Tensor> max_pool2d_with_indices(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride = {},
                                                  IntArrayRef padding = 0, IntArrayRef dilation = 1,
                                                  bool ceil_mode = false, Location loc = Location::current());
std::pair<Tensor, Tensor> max_pool3d_with_indices(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride = {},
                                                  IntArrayRef padding = 0, IntArrayRef dilation = 1,
                                                  bool ceil_mode = false, Location loc = Location::current());
/// The mean of each window, over its elements or, with count_include_pad, over the zeros around x as well.
Tensor avg_pool1d(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride = {}, IntArrayRef padding = 0,
                  bool ceil_mode = false, bool count_include_pad = true, Location loc = Location::current());
/// With divisor_override the sum divided by that number.
Tensor avg_pool2d(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride = {}, IntArrayRef padding = 0,
                  bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = {},
                  Location loc = Location::current());
Tensor avg_pool3d(const Tensor& x, IntArrayRef kernel_size, IntArrayRef stride = {}, IntArrayRef padding = 0,
                  bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = {},
                  Location loc = Location::current());
/// Means over windows that cut each axis into so many equal parts, overlapping by one where they do not divide it.
Tensor adaptive_avg_pool1d(const Tensor& x, IntArrayRef output_size, Location loc = Location::current());
Tensor adaptive_avg_pool2d(const Tensor& x, IntArrayRef output_size, Location loc = Location::current());
Tensor adaptive_avg_pool3d(const Tensor& x, IntArrayRef output_size, Location loc = Location::current());

}  // namespace lazuli
