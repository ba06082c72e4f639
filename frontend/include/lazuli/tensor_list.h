// A borrowed list of tensors: braces, a vector, or a span.
#pragma once
#include <initializer_list>
#include <span>
#include <vector>

#include "lazuli/tensor.h"

namespace lazuli {

/// Valid until the end of the full expression that made it.
class TensorList {
 public:
  TensorList() = default;
  TensorList(std::initializer_list<Tensor> list) {
    data_ = list.begin();
    size_ = list.size();
  }
  TensorList(const std::vector<Tensor>& list) : data_(list.data()), size_(list.size()) {}
  TensorList(std::span<const Tensor> list) : data_(list.data()), size_(list.size()) {}

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Tensor* begin() const { return data_; }
  const Tensor* end() const { return data_ + size_; }
  const Tensor& operator[](size_t i) const { return data_[i]; }

 private:
  const Tensor* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace lazuli
