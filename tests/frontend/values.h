// Helpers of the tests of operations: values out of tensors, and the text of an error.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lazuli/lazuli.h"

namespace lazuli {

inline std::vector<double> values(const Tensor& t) {
  return t.to_vector<double>();
}
inline std::vector<int64_t> sizes(const Tensor& t) {
  return t.sizes().vec();
}

/// The first sentence of the error that fn throws; "" if it throws none.
template <class F>
std::string message_of(const F& fn) {
  try {
    fn();
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}

using Dims = std::vector<int64_t>;
using Values = std::vector<double>;

}  // namespace lazuli
