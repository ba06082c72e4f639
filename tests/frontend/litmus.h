// What every litmus program states: values, pointers, programs run, buffers taken, old versions copied.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "lazuli/eval.h"
#include "lazuli/operators.h"
#include "lazuli/tensor.h"

namespace lazuli::litmus {

using testing::ElementsAre;

inline Tensor floats(std::initializer_list<float> values, IntArrayRef sizes) {
  return from_host(values.begin(), sizes, kFloat32);
}
inline Tensor floats(std::initializer_list<float> values) {
  const auto n = static_cast<int64_t>(values.size());
  return floats(values, {n});
}
inline Tensor integers(std::initializer_list<int64_t> values) {
  const auto n = static_cast<int64_t>(values.size());
  return from_host(values.begin(), {n}, kInt64);
}
/// 0, 1, 2, ... in row-major order.
inline Tensor counting(IntArrayRef sizes) {
  int64_t n = 1;
  for (const int64_t s : sizes) n *= s;
  std::vector<float> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i);
  return from_host(v.data(), sizes, kFloat32);
}
inline std::vector<float> values(const Tensor& t) {
  return t.to_vector<float>();
}

/// What happened since it was made, or since the last mark().
class Watch {
 public:
  void mark() { start_ = memory_stats(); }
  int64_t programs() const { return memory_stats().evaluations - start_.evaluations; }
  int64_t buffers() const { return memory_stats().allocations - start_.allocations; }
  int64_t copies() const { return memory_stats().copies_out - start_.copies_out; }

 private:
  MemoryStats start_ = memory_stats();
};

}  // namespace lazuli::litmus
