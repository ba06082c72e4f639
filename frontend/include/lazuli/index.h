// What stands between the brackets of an indexing expression: integers, slices, None, "...", All, bools, integer
// tensors and masks, as in the PyTorch C++ API. Every index carries the line that wrote it, so that errors name the
// user's code.
#pragma once
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "lazuli/base/error.h"

namespace lazuli {

class Tensor;

struct NoneType {};
struct EllipsisType {};
/// A new axis of size 1 in an index; an open end in a Slice.
inline constexpr NoneType None{};
/// As many whole axes as are needed to fill the rank.
inline constexpr EllipsisType Ellipsis{};

/// start:stop:step. Negative bounds count from the end, bounds beyond the end are clamped; step must be positive.
class Slice {
 public:
  struct Bound {
    std::optional<int64_t> value;
    Bound(NoneType) {}
    Bound(std::nullopt_t) {}
    template <std::integral T>
    Bound(T v) : value(static_cast<int64_t>(v)) {}
  };
  Slice(Bound start = None, Bound stop = None, Bound step = None)
      : start_(start.value), stop_(stop.value), step_(step.value) {}

  const std::optional<int64_t>& start() const { return start_; }
  const std::optional<int64_t>& stop() const { return stop_; }
  const std::optional<int64_t>& step() const { return step_; }

 private:
  std::optional<int64_t> start_, stop_, step_;
};

struct AllType {
  operator Slice() const { return {}; }
};
/// The whole axis: Slice() by a name that reads well in x(Slice(0, 2), All).
inline constexpr AllType All{};

/// One entry of an index.
class TensorIndex {
 public:
  enum class Kind : uint8_t { Integer, Boolean, Slice, None, Ellipsis, Tensor };

  template <std::integral T>
    requires(!std::same_as<T, bool>)
  TensorIndex(T i, Location loc = Location::current())
      : kind_(Kind::Integer), integer_(static_cast<int64_t>(i)), loc_(loc) {}
  /// A new axis of one element (true) or none (false).
  template <std::same_as<bool> T>
  TensorIndex(T b, Location loc = Location::current()) : kind_(Kind::Boolean), integer_(b), loc_(loc) {}
  TensorIndex(lazuli::Slice s, Location loc = Location::current()) : kind_(Kind::Slice), slice_(s), loc_(loc) {}
  TensorIndex(AllType, Location loc = Location::current()) : kind_(Kind::Slice), loc_(loc) {}
  TensorIndex(NoneType, Location loc = Location::current()) : kind_(Kind::None), loc_(loc) {}
  TensorIndex(EllipsisType, Location loc = Location::current()) : kind_(Kind::Ellipsis), loc_(loc) {}
  /// "..." alone.
  TensorIndex(const char* text, Location loc = Location::current());
  /// Integer and bool tensors.
  TensorIndex(const Tensor& t, Location loc = Location::current());

  Kind kind() const { return kind_; }
  int64_t integer() const { return integer_; }
  const lazuli::Slice& slice() const { return slice_; }
  const Tensor& tensor() const { return *tensor_; }
  const Location& where() const { return loc_; }

 private:
  Kind kind_;
  int64_t integer_ = 0;
  lazuli::Slice slice_;
  std::shared_ptr<const Tensor> tensor_;
  Location loc_;
};

/// The names of indices by themselves, for `using namespace`.
namespace indexing {
using lazuli::Ellipsis;
using lazuli::None;
using lazuli::Slice;
using lazuli::TensorIndex;
}  // namespace indexing

}  // namespace lazuli
