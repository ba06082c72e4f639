// The cases in float64, and what their rounding errors are relative to: the result, or for sums the sum of magnitudes.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cases.h"

namespace bench {
namespace {

template <class F>
void map(const Operands& o, double* y, double* scale, F f) {
  for (int64_t i = 0; i < o.rows; ++i)
    for (int64_t j = 0; j < o.columns; ++j) {
      const int64_t at = i * o.columns + j;
      const double product = static_cast<double>(o.x[at]) * o.w[j];
      y[at] = f(product + o.b[j]);
      scale[at] = std::abs(product) + std::abs(o.b[j]);  // the sum may cancel
    }
}

void relu_bias(const Operands& o, double* y, double* scale) {
  map(o, y, scale, [](double v) { return std::max(v, 0.0); });
}

void gelu_tanh(const Operands& o, double* y, double* scale) {
  map(o, y, scale, [](double v) { return v / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))); });
}

void softmax(const Operands& o, double* y, double* scale) {
  for (int64_t i = 0; i < o.rows; ++i) {
    const float* x = o.x + i * o.columns;
    const double most = *std::max_element(x, x + o.columns);
    double sum = 0;
    for (int64_t j = 0; j < o.columns; ++j) sum += y[i * o.columns + j] = std::exp(x[j] - most);
    for (int64_t j = 0; j < o.columns; ++j) scale[i * o.columns + j] = y[i * o.columns + j] /= sum;
  }
}

void sum_all(const Operands& o, double* y, double* scale) {
  y[0] = scale[0] = 0;
  for (int64_t i = 0; i < o.rows * o.columns; ++i) {
    y[0] += o.x[i];
    scale[0] += std::abs(o.x[i]);
  }
}

void sum_axis0(const Operands& o, double* y, double* scale) {
  std::fill_n(y, o.columns, 0.0);
  std::fill_n(scale, o.columns, 0.0);
  for (int64_t i = 0; i < o.rows * o.columns; ++i) {
    y[i % o.columns] += o.x[i];
    scale[i % o.columns] += std::abs(o.x[i]);
  }
}

}  // namespace

const Reference kReference{relu_bias, gelu_tanh, softmax, sum_all, sum_axis0};

}  // namespace bench
