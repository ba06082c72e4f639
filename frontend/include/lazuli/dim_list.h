// The axes an operation works over: one number, a list, or none (all axes).
#pragma once
#include <concepts>
#include <initializer_list>
#include <vector>

#include "lazuli/array_ref.h"

namespace lazuli {

/// Valid until the end of the full expression that made it. A single axis is kept inside.
class DimList {
 public:
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  constexpr DimList(T dim) : single_(static_cast<int64_t>(dim)), is_single_(true) {}
  constexpr DimList(std::initializer_list<int64_t> list) {
    data_ = list.begin();
    size_ = list.size();
  }
  constexpr DimList(IntArrayRef list) : data_(list.data()), size_(list.size()) {}
  DimList(const std::vector<int64_t>& list) : data_(list.data()), size_(list.size()) {}

  constexpr size_t size() const { return is_single_ ? 1 : size_; }
  constexpr bool empty() const { return size() == 0; }
  constexpr const int64_t* begin() const { return is_single_ ? &single_ : data_; }
  constexpr const int64_t* end() const { return begin() + size(); }
  constexpr operator IntArrayRef() const { return {begin(), size()}; }

 private:
  const int64_t* data_ = nullptr;
  size_t size_ = 0;
  int64_t single_ = 0;
  bool is_single_ = false;
};

}  // namespace lazuli
