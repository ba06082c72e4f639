// Optional: tensors in fmt::print. Include it where fmt is used; nothing else in Lazuli's headers needs fmt.
// A 0-d tensor formats as its number ("168.0"), others as they print. Printing evaluates.
#pragma once
#include <fmt/format.h>

#include "lazuli/print.h"
#include "lazuli/tensor.h"

template <>
struct fmt::formatter<lazuli::Tensor> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const lazuli::Tensor& t, Context& context) const {
    const std::string text = lazuli::format_value(t);
    return fmt::formatter<fmt::string_view>::format(text, context);
  }
};

template <>
struct fmt::formatter<lazuli::DType> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(lazuli::DType t, Context& context) const {
    const std::string text = lazuli::str(t);
    return fmt::formatter<fmt::string_view>::format(text, context);
  }
};
