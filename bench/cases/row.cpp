// Cases over whole rows: statistics of a row, then every element once more.
#include <algorithm>
#include <cmath>

#include "cases/case.h"

namespace bench {
namespace {

/// Rows of `columns` elements; the last extent has few long ones where `long_rows` says so.
template <class F>
void add_rows(std::vector<Case>& cases, const char* name, const std::vector<Extent>& extents,
              const std::vector<Value>& inputs, double tolerance, F row) {
  for (const auto& [label, rows, columns] : extents) {
    Case c{.name = name,
           .size = label,
           .inputs = inputs,
           .outputs = {{"y", Type::F32, {rows, columns}}},
           .limit = Limit::Copy,
           .amount = static_cast<double>(rows * columns * 4),
           .judge = {}};
    for (Value& v : c.inputs) {
      v.dims = v.dims.empty() ? Dims{rows, columns} : Dims{columns};  // {0} stands for one element per column
      if (v.dims.size() == 2) c.amount += static_cast<double>(v.bytes());
    }
    c.judge = [c, rows = rows, columns = columns, tolerance, row](const Memory& in) {
      Expected e(rows * columns);
      for (int64_t i = 0; i < rows; ++i) row(in, i * columns, columns, e);
      return near(c, std::move(e), tolerance);
    };
    cases.push_back(std::move(c));
  }
}

void softmax(const Memory& in, int64_t at, int64_t n, Expected& e) {
  const float* x = in.f32(0) + at;
  const double most = *std::max_element(x, x + n);
  double sum = 0;
  for (int64_t j = 0; j < n; ++j) sum += std::exp(x[j] - most);
  for (int64_t j = 0; j < n; ++j) {
    const double y = std::exp(x[j] - most) / sum;
    e.set(at + j, y, y);
  }
}

/// g - exp(y) * sum(g), with y the logarithm of a softmax as the forward pass left it.
void log_softmax_backward(const Memory& in, int64_t at, int64_t n, Expected& e) {
  const float *y = in.f32(0) + at, *g = in.f32(1) + at;
  double sum = 0, sizes = 0;
  for (int64_t j = 0; j < n; ++j) {
    sum += g[j];
    sizes += std::abs(g[j]);
  }
  for (int64_t j = 0; j < n; ++j)
    e.set(at + j, g[j] - std::exp(static_cast<double>(y[j])) * sum, std::abs(g[j]) + std::exp(y[j]) * sizes);
}

constexpr double kEpsilon = 1e-5;

struct Statistics {
  double mean = 0, reciprocal = 0;
};
Statistics statistics(const float* x, int64_t n) {
  Statistics s;
  for (int64_t j = 0; j < n; ++j) s.mean += x[j];
  s.mean /= static_cast<double>(n);
  double squares = 0;
  for (int64_t j = 0; j < n; ++j) squares += (x[j] - s.mean) * (x[j] - s.mean);
  s.reciprocal = 1 / std::sqrt(squares / static_cast<double>(n) + kEpsilon);
  return s;
}

void layer_norm(const Memory& in, int64_t at, int64_t n, Expected& e) {
  const float *x = in.f32(0) + at, *w = in.f32(1), *b = in.f32(2);
  const Statistics s = statistics(x, n);
  for (int64_t j = 0; j < n; ++j) {
    const double v = (x[j] - s.mean) * s.reciprocal * w[j];
    e.set(at + j, v + b[j], std::abs(v) + std::abs(b[j]) + std::abs(w[j]));
  }
}

/// The gradient of layer_norm(x) * w + b with respect to x.
void layer_norm_backward(const Memory& in, int64_t at, int64_t n, Expected& e) {
  const float *x = in.f32(0) + at, *g = in.f32(1) + at, *w = in.f32(2);
  const Statistics s = statistics(x, n);
  double sum = 0, product = 0, sizes = 0;
  for (int64_t j = 0; j < n; ++j) {
    const double h = (x[j] - s.mean) * s.reciprocal, d = static_cast<double>(g[j]) * w[j];
    sum += d;
    product += d * h;
    sizes += std::abs(d);
  }
  const double count = static_cast<double>(n);
  for (int64_t j = 0; j < n; ++j) {
    const double h = (x[j] - s.mean) * s.reciprocal, d = static_cast<double>(g[j]) * w[j];
    e.set(at + j, s.reciprocal * (d - sum / count - h * product / count),
          s.reciprocal * (std::abs(d) + (1 + std::abs(h)) * sizes / count));
  }
}

/// The mean over rows of -log_softmax(x)[i, target[i]].
void add_cross_entropy(std::vector<Case>& cases) {
  for (const auto& [label, rows, columns] : kExtents) {
    Case c{.name = "row/cross_entropy",
           .size = label,
           .inputs = {{"x", Type::F32, {rows, columns}, -3, 3},
                      {"target", Type::I64, {rows}, 0, static_cast<double>(columns)}},
           .outputs = {{"loss", Type::F32, {}}},
           .limit = Limit::Read,
           .amount = static_cast<double>(rows * columns * 4),
           .judge = {}};
    c.judge = [c, rows = rows, columns = columns](const Memory& in) {
      double total = 0;
      for (int64_t i = 0; i < rows; ++i) {
        const float* x = in.f32(0) + i * columns;
        double sum = 0;
        for (int64_t j = 0; j < columns; ++j) sum += std::exp(static_cast<double>(x[j]));
        total += std::log(sum) - x[in.i64(1)[i]];
      }
      Expected e(1);
      e.set(0, total / static_cast<double>(rows), std::abs(total) / static_cast<double>(rows));
      return near(c, std::move(e), 2e-6);
    };
    cases.push_back(std::move(c));
  }
}

}  // namespace

void add_row_cases(std::vector<Case>& cases) {
  const Value x{"x", Type::F32, {}, -3, 3}, per_column{"w", Type::F32, {0}};
  add_rows(cases, "row/softmax", kExtents, {x}, 4e-6, softmax);
  add_rows(cases, "row/softmax_100k", {{"160x100000", 160, 100000}}, {x}, 4e-6, softmax);
  add_rows(cases, "row/log_softmax_backward", kExtents, {{"y", Type::F32, {}, -12, -5}, {"g", Type::F32, {}, -1, 1}},
           2e-6, log_softmax_backward);
  add_rows(cases, "row/layer_norm", kExtents, {x, per_column, {"b", Type::F32, {0}}}, 4e-6, layer_norm);
  add_rows(cases, "row/layer_norm_backward", kExtents, {x, {"g", Type::F32, {}}, per_column}, 4e-6,
           layer_norm_backward);
  add_cross_entropy(cases);
}

}  // namespace bench
