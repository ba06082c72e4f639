// A vector of trivially copyable elements whose first N live inline. Shapes, axes and operand lists are these,
// so that building a node allocates once.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <vector>

namespace lazuli::ir {

template <class T, size_t N>
class SmallVec {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  SmallVec() = default;
  explicit SmallVec(size_t n, T value = {}) { resize(n, value); }
  SmallVec(std::initializer_list<T> init) { assign(init.begin(), init.size()); }
  SmallVec(std::span<const T> s) { assign(s.data(), s.size()); }
  SmallVec(const std::vector<T>& v) { assign(v.data(), v.size()); }
  SmallVec(const SmallVec& o) { assign(o.data(), o.size_); }
  SmallVec(SmallVec&& o) noexcept { steal(o); }
  SmallVec& operator=(const SmallVec& o) {
    if (this != &o) assign(o.data(), o.size_);
    return *this;
  }
  SmallVec& operator=(SmallVec&& o) noexcept {
    if (this != &o) {
      release();
      steal(o);
    }
    return *this;
  }
  ~SmallVec() { release(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return heap_ ? heap_ : inline_; }
  const T* data() const { return heap_ ? heap_ : inline_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }
  operator std::span<const T>() const { return {data(), size_}; }

  void clear() { size_ = 0; }
  void reserve(size_t n) {
    if (n <= capacity_) return;
    T* grown = new T[n];
    std::copy_n(data(), size_, grown);
    delete[] heap_;
    heap_ = grown;
    capacity_ = static_cast<uint32_t>(n);
  }
  void push_back(T v) {
    if (size_ == capacity_) reserve(capacity_ * 2);
    data()[size_++] = v;
  }
  void pop_back() { --size_; }
  void resize(size_t n, T value = {}) {
    reserve(n);
    for (size_t i = size_; i < n; ++i) data()[i] = value;
    size_ = static_cast<uint32_t>(n);
  }
  void insert(size_t at, T v) {
    push_back(v);
    std::rotate(begin() + at, end() - 1, end());
  }
  void erase(size_t at) {
    std::copy(begin() + at + 1, end(), begin() + at);
    --size_;
  }

  friend bool operator==(const SmallVec& a, const SmallVec& b) {
    return a.size_ == b.size_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  void assign(const T* p, size_t n) {
    size_ = 0;
    reserve(n);
    std::copy_n(p, n, data());
    size_ = static_cast<uint32_t>(n);
  }
  void steal(SmallVec& o) {
    size_ = o.size_;
    capacity_ = o.capacity_;
    heap_ = o.heap_;
    if (!heap_) std::copy_n(o.inline_, size_, inline_);
    o.heap_ = nullptr;
    o.size_ = 0;
    o.capacity_ = N;
  }
  void release() {
    delete[] heap_;
    heap_ = nullptr;
  }

  T* heap_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = N;
  T inline_[N];
};

/// Sizes, strides, starts, axes ... of a tensor, one entry per axis.
using Dims = SmallVec<int64_t, 4>;

}  // namespace lazuli::ir
