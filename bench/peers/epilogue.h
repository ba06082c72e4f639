// What a user of a matrix library writes after its product: gelu(c + bias) + residual by rows, with Eigen.
#pragma once
#include <Eigen/Core>

#include "contestants/contestant.h"

namespace bench {

/// The form of gelu with tanh.
template <class V>
auto gelu_tanh(const V& v) {
  return 0.5f * v * (1.f + (0.7978845608f * (v + 0.044715f * v * v * v)).tanh());
}

/// In place on the result: operand 2 is the bias, operand 3 the residual.
inline void finish_bias_gelu_tanh_residual(const Arguments& a) {
  using Row = Eigen::Array<float, 1, Eigen::Dynamic>;
  using In = Eigen::Map<const Row>;
  const In bias(a.f32(2), a.columns);
  split(a.threads, a.rows, [&](int64_t begin, int64_t end) {
    Row v(a.columns);
    for (int64_t i = begin; i < end; ++i) {
      Eigen::Map<Row> y(a.result() + i * a.columns, a.columns);
      v = y + bias;
      y = gelu_tanh(v) + In(a.f32(3) + i * a.columns, a.columns);
    }
  });
}

}  // namespace bench
