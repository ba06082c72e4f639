// Arithmetic on shapes. Products never overflow silently.
#include "ir/shape.h"

namespace lazuli::ir {

std::optional<int64_t> checked_numel(std::span<const int64_t> dims) {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  int64_t n = 1;
  for (int64_t d : dims)
    if (__builtin_mul_overflow(n, d, &n)) return std::nullopt;
  return n;
}

int64_t numel(std::span<const int64_t> dims) {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  return n;
}

Dims contiguous_strides(std::span<const int64_t> dims) {
  Dims strides(dims.size(), 0);
  if (numel(dims) == 0) return strides;  // no element has an address; the products might not fit
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return strides;
}

std::string str(std::span<const int64_t> dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text += "]";
}

std::optional<Shape> broadcast(std::span<const int64_t> a, std::span<const int64_t> b) {
  if (a.size() < b.size()) std::swap(a, b);
  Shape result(a);
  const size_t lead = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    if (a[lead + i] == b[i]) continue;
    if (a[lead + i] == 1)
      result[lead + i] = b[i];
    else if (b[i] != 1)
      return std::nullopt;
  }
  return result;
}

}  // namespace lazuli::ir
