// Eigen 3.4, one thread, as a user of it would write these cases: expressions by row, so that each row is used while it
// is in the cache.
#include <Eigen/Core>

#include "cases.h"
#include "contract.h"

namespace bench {
namespace {

using Matrix = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::Array<float, 1, Eigen::Dynamic>;

auto input(const Operands& o) {
  return Eigen::Map<const Matrix>(o.x, o.rows, o.columns);
}
auto output(const Operands& o) {
  return Eigen::Map<Matrix>(o.y, o.rows, o.columns);
}
auto row_of(const float* p, const Operands& o) {
  return Eigen::Map<const Row>(p, o.columns);
}

void relu_bias(const Operands& o) {
  const auto x = input(o);
  auto y = output(o);
  const auto w = row_of(o.w, o), b = row_of(o.b, o);
  for (int64_t i = 0; i < o.rows; ++i) y.row(i) = (x.row(i) * w + b).max(0.f);
}

void gelu_tanh(const Operands& o) {
  const auto x = input(o);
  auto y = output(o);
  const auto w = row_of(o.w, o), b = row_of(o.b, o);
  Row v(o.columns);
  for (int64_t i = 0; i < o.rows; ++i) {
    v = x.row(i) * w + b;
    y.row(i) = 0.5f * v * (1.f + (0.7978845608f * (v + 0.044715f * v * v * v)).tanh());
  }
}

void softmax(const Operands& o) {
  const auto x = input(o);
  auto y = output(o);
  for (int64_t i = 0; i < o.rows; ++i) {
    y.row(i) = (x.row(i) - x.row(i).maxCoeff()).exp();
    y.row(i) *= 1.f / y.row(i).sum();
  }
}

void sum_all(const Operands& o) {
  o.y[0] = input(o).sum();
}

void sum_axis0(const Operands& o) {
  const auto x = input(o);
  Eigen::Map<Row> y(o.y, o.columns);
  y.setZero();
  for (int64_t i = 0; i < o.rows; ++i) y += x.row(i);
}

}  // namespace

std::string eigen_version() {
  return std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
         std::to_string(EIGEN_MINOR_VERSION);
}

void eigen_multiply(const float* a, const float* b, float* c, int64_t n) {
  using Dense = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<Dense>(c, n, n).noalias() = Eigen::Map<const Dense>(a, n, n) * Eigen::Map<const Dense>(b, n, n);
}

void eigen_epilogue(float* c, const float* bias, const float* residual, int64_t n) {
  Eigen::Map<Matrix> y(c, n, n);
  const Eigen::Map<const Matrix> r(residual, n, n);
  const Eigen::Map<const Row> b(bias, n);
  Row v(n);
  for (int64_t i = 0; i < n; ++i) {
    v = y.row(i) + b;
    y.row(i) = 0.5f * v * (1.f + (0.7978845608f * (v + 0.044715f * v * v * v)).tanh()) + r.row(i);
  }
}

const Peer kEigen{relu_bias, gelu_tanh, softmax, sum_all, sum_axis0};

}  // namespace bench
