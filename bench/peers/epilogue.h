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

/// In place on the result: operand 2 is the bias, operand 3 the residual, operand 4, where there is one, a scale of the
/// columns.
inline void finish_bias_gelu_tanh_residual(const Arguments& a) {
  using Row = Eigen::Array<float, 1, Eigen::Dynamic>;
  using In = Eigen::Map<const Row>;
  const int64_t rows = a.job->outputs[0].value.dims[0], columns = a.job->outputs[0].value.dims[1];
  const In bias(a.f32(2), columns);
  split(a.threads, rows, [&](int64_t begin, int64_t end) {
    Row v(columns);
    for (int64_t i = begin; i < end; ++i) {
      Eigen::Map<Row> y(a.result() + i * columns, columns);
      const In residual(a.f32(3) + i * columns, columns);
      v = y + bias;
      if (a.in.size() > 4)
        y = (gelu_tanh(v) + residual) * In(a.f32(4), columns);
      else
        y = gelu_tanh(v) + residual;
    }
  });
}

}  // namespace bench
