// Eigen, as its user would write the cases: expressions by row, so that each row is used while it is in the cache.
#include <Eigen/Core>

#include "epilogue.h"
#include "peer.h"
#include "product.h"

namespace bench {
namespace {

using Matrix = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Dense = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::Array<float, 1, Eigen::Dynamic>;

auto row(const float* p, const Arguments& a, int64_t i) {
  return Eigen::Map<const Row>(p + i * a.columns, a.columns);
}
auto result_row(const Arguments& a, int64_t i) {
  return Eigen::Map<Row>(a.result() + i * a.columns, a.columns);
}

void relu_bias(const Arguments& a) {
  const auto w = row(a.f32(1), a, 0), b = row(a.f32(2), a, 0);
  each_row(a, [&](int64_t i) { result_row(a, i) = (row(a.f32(0), a, i) * w + b).max(0.f); });
}

void gelu_tanh_bias(const Arguments& a) {
  const auto w = row(a.f32(1), a, 0), b = row(a.f32(2), a, 0);
  split(a.threads, a.rows, [&](int64_t begin, int64_t end) {
    Row v(a.columns);
    for (int64_t i = begin; i < end; ++i) {
      v = row(a.f32(0), a, i) * w + b;
      result_row(a, i) = gelu_tanh(v);
    }
  });
}

void softmax(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const auto x = row(a.f32(0), a, i);
    auto y = result_row(a, i);
    y = (x - x.maxCoeff()).exp();
    y *= 1.f / y.sum();
  });
}

void log_softmax_backward(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    const auto g = row(a.f32(1), a, i);
    result_row(a, i) = g - row(a.f32(0), a, i).exp() * g.sum();
  });
}

void layer_norm(const Arguments& a) {
  const auto w = row(a.f32(1), a, 0), b = row(a.f32(2), a, 0);
  each_row(a, [&](int64_t i) {
    const auto x = row(a.f32(0), a, i);
    auto y = result_row(a, i);
    y = x - x.mean();
    const float reciprocal = 1.f / std::sqrt(y.square().mean() + 1e-5f);
    y = y * reciprocal * w + b;
  });
}

void sum_axis0(const Arguments& a) {
  split(a.threads, a.columns, [&](int64_t begin, int64_t end) {
    Eigen::Map<Row> y(a.result() + begin, end - begin);
    y.setZero();
    for (int64_t i = 0; i < a.rows; ++i) y += Eigen::Map<const Row>(a.f32(0) + i * a.columns + begin, end - begin);
  });
}

void sum_axis1(const Arguments& a) {
  each_row(a, [&](int64_t i) { a.result()[i] = row(a.f32(0), a, i).sum(); });
}

void sum_all(const Arguments& a) {
  std::vector<float> sums(static_cast<size_t>(a.threads) * 16);
  split(a.threads, a.threads, [&](int64_t begin, int64_t) {
    const int64_t n = a.rows * a.columns, from = n * begin / a.threads, to = n * (begin + 1) / a.threads;
    sums[static_cast<size_t>(begin) * 16] = Eigen::Map<const Row>(a.f32(0) + from, to - from).sum();
  });
  float sum = 0;
  for (int t = 0; t < a.threads; ++t) sum += sums[static_cast<size_t>(t) * 16];
  a.result()[0] = sum;
}

void argmax_axis1(const Arguments& a) {
  each_row(a, [&](int64_t i) {
    Eigen::Index at = 0;
    row(a.f32(0), a, i).maxCoeff(&at);
    a.result<int64_t>()[i] = at;
  });
}

void transpose(const Arguments& a) {
  split(a.threads, a.columns, [&](int64_t begin, int64_t end) {
    const auto all = Eigen::Map<const Matrix>(a.f32(0), a.rows, a.columns);
    Eigen::Map<Matrix>(a.result() + begin * a.rows, end - begin, a.rows) =
        all.middleCols(begin, end - begin).transpose();
  });
}

void flip(const Arguments& a) {
  each_row(a, [&](int64_t i) { result_row(a, i) = row(a.f32(0), a, i).reverse(); });
}

template <class T>
void product(const Arguments& a) {
  const ProductSizes p = product_sizes(*a.job);
  Eigen::setNbThreads(a.threads);
  for (int64_t i = 0; i < p.batch; ++i) {
    using In = Eigen::Map<const Dense<T>>;
    const T *left = static_cast<const T*>(a.in[0]) + i * p.m * p.k,
            *right = static_cast<const T*>(a.in[1]) + i * p.k * p.n;
    Eigen::Map<Dense<T>> c(a.result<T>() + i * p.m * p.n, p.m, p.n);
    if (p.a_transposed && p.b_transposed)
      c.noalias() = In(left, p.k, p.m).transpose() * In(right, p.n, p.k).transpose();
    else if (p.a_transposed)
      c.noalias() = In(left, p.k, p.m).transpose() * In(right, p.k, p.n);
    else if (p.b_transposed)
      c.noalias() = In(left, p.m, p.k) * In(right, p.n, p.k).transpose();
    else
      c.noalias() = In(left, p.m, p.k) * In(right, p.k, p.n);
  }
}

void bias_gelu_tanh_residual(const Arguments& a) {
  product<float>(a);
  finish_bias_gelu_tanh_residual(a);
}

constexpr NamedKernel kKernels[] = {
    {"map/relu_bias", relu_bias},
    {"map/gelu_tanh_bias", gelu_tanh_bias},
    {"row/softmax", softmax},
    {"row/softmax_100k", softmax},
    {"row/log_softmax_backward", log_softmax_backward},
    {"row/layer_norm", layer_norm},
    {"reduce/sum_all", sum_all},
    {"reduce/sum_axis0", sum_axis0},
    {"reduce/sum_axis1", sum_axis1},
    {"reduce/argmax_axis1", argmax_axis1},
    {"move/transpose", transpose},
    {"move/flip", flip},
    {"contract/sgemm", product<float>},
    {"contract/dgemm", product<double>},
    {"contract/batched", product<float>},
    {"contract/skinny", product<float>},
    {"contract/gemv", product<float>},
    {"contract/tall_k", product<float>},
    {"contract/tn", product<float>},
    {"contract/nt", product<float>},
    {"contract/tt", product<float>},
    {"contract/bias_gelu_residual_scale", bias_gelu_tanh_residual},
    {"contract/bias_gelu_tanh_residual", bias_gelu_tanh_residual},
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const std::string version = std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
                              std::to_string(EIGEN_MINOR_VERSION);
  bench::TablePeer peer(version, bench::kKernels);
  return bench::serve(peer, argc, argv);
}
