// What an operator takes on either side: a tensor or a host number, together with the line that wrote it. The location
// is the default argument of the converting constructors, so `a + 1` knows where it stands.
#pragma once
#include <type_traits>

#include "lazuli/base/error.h"
#include "lazuli/scalar.h"

namespace lazuli {

class Tensor;

/// Valid until the end of the full expression that made it.
class Operand {
 public:
  Operand(const Tensor& t, Location where = Location::current()) : tensor_(&t), where_(where) {}
  Operand(const Scalar& v, Location where = Location::current()) : scalar_(v), where_(where) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  Operand(T v, Location where = Location::current()) : scalar_(v), where_(where) {}

  bool is_tensor() const { return tensor_ != nullptr; }
  const Tensor& tensor() const { return *tensor_; }
  const Scalar& scalar() const { return scalar_; }
  const Location& where() const { return where_; }

 private:
  const Tensor* tensor_ = nullptr;
  Scalar scalar_ = 0;
  Location where_;
};

}  // namespace lazuli
