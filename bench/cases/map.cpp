// Elementwise cases: one pass over memory, or arithmetic that should hide behind it.
#include <algorithm>
#include <cmath>

#include "cases/case.h"

namespace bench {
namespace {

/// A case over x, w and b: y[i, j] = f(x[i, j] * w[j] + b[j]).
template <class F>
void add_affine(std::vector<Case>& cases, const char* name, double tolerance, F f) {
  for (const auto& [label, rows, columns] : kExtents) {
    Case c{
        .name = name,
        .size = label,
        .inputs = {{"x", Type::F32, {rows, columns}, -3, 3}, {"w", Type::F32, {columns}}, {"b", Type::F32, {columns}}},
        .outputs = {{"y", Type::F32, {rows, columns}}},
        .limit = Limit::Copy,
        .amount = static_cast<double>(2 * rows * columns * 4),
        .judge = {}};
    c.judge = [c, rows = rows, columns = columns, tolerance, f](const Memory& in) {
      Expected e(rows * columns);
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) {
          const double product = static_cast<double>(in.f32(0)[i * columns + j]) * in.f32(1)[j], b = in.f32(2)[j];
          e.set(i * columns + j, f(product + b), std::abs(product) + std::abs(b));  // the sum may cancel
        }
      return near(c, std::move(e), tolerance);
    };
    cases.push_back(std::move(c));
  }
}

/// A case whose operands and result have one element per point; `f` computes value and scale from the index.
template <class F>
void add_pointwise(std::vector<Case>& cases, const char* name, const std::vector<Value>& inputs, Type result,
                   double tolerance, F f) {
  for (const auto& [label, rows, columns] : kExtents) {
    Case c{.name = name,
           .size = label,
           .inputs = inputs,
           .outputs = {{"y", result, {rows, columns}}},
           .limit = Limit::Copy,
           .amount = 0,
           .judge = {}};
    c.amount = static_cast<double>(c.outputs[0].bytes());
    for (Value& v : c.inputs) {
      v.dims = {rows, columns};
      c.amount += static_cast<double>(v.bytes());
    }
    const int64_t n = rows * columns;
    c.judge = [c, n, tolerance, f](const Memory& in) {
      Expected e(n);
      for (int64_t i = 0; i < n; ++i) f(in, i, e);
      return near(c, std::move(e), tolerance);
    };
    cases.push_back(std::move(c));
  }
}

void add_strided_sum3(std::vector<Case>& cases) {
  // y = a + b^T + c[:, ::-1]
  for (const auto& [label, rows, columns] : kExtents) {
    Case c{.name = "map/strided_sum3",
           .size = label,
           .inputs = {{"a", Type::F32, {rows, columns}},
                      {"b", Type::F32, {columns, rows}},
                      {"c", Type::F32, {rows, columns}}},
           .outputs = {{"y", Type::F32, {rows, columns}}},
           .limit = Limit::Copy,
           .amount = static_cast<double>(4 * rows * columns * 4),
           .judge = {}};
    c.judge = [c, rows = rows, columns = columns](const Memory& in) {
      Expected e(rows * columns);
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) {
          const double a = in.f32(0)[i * columns + j], b = in.f32(1)[j * rows + i],
                       flipped = in.f32(2)[i * columns + columns - 1 - j];
          e.set(i * columns + j, a + b + flipped, std::abs(a) + std::abs(b) + std::abs(flipped));
        }
      return near(c, std::move(e), 2e-7);
    };
    cases.push_back(std::move(c));
  }
}

void add_normal(std::vector<Case>& cases) {
  for (const auto& [label, rows, columns] : kExtents) {
    Case c{.name = "map/rng_normal",
           .size = label,
           .inputs = {},
           .outputs = {{"y", Type::F32, {rows, columns}}},
           .limit = Limit::Copy,
           .amount = static_cast<double>(rows * columns * 4),
           .judge = {}};
    const int64_t n = rows * columns;
    // Everybody's numbers are their own: mean, variance and fourth moment within six standard errors.
    c.judge = [n](const Memory&) {
      return [n](const Memory& out) -> std::string {
        double m1 = 0, m2 = 0, m4 = 0;
        for (int64_t i = 0; i < n; ++i) {
          const double v = out.f32(0)[i];
          m1 += v;
          m2 += v * v;
          m4 += v * v * v * v;
        }
        const double count = static_cast<double>(n), error = 6 / std::sqrt(count);
        const bool good = std::abs(m1 / count) < error && std::abs(m2 / count - 1) < error * std::sqrt(2.0) &&
                          std::abs(m4 / count - 3) < error * std::sqrt(96.0);
        return good ? "" : "moments are not those of a normal distribution";
      };
    };
    cases.push_back(std::move(c));
  }
}

void add_int_mix(std::vector<Case>& cases) {
  for (const auto& [label, rows, columns] : kExtents) {
    const int64_t n = rows * columns;
    Case c{.name = "map/int_mix",
           .size = label,
           .inputs = {{"x", Type::I32, {rows, columns}, -2147483648.0, 2147483648.0},
                      {"y", Type::I32, {rows, columns}, -2147483648.0, 2147483648.0}},
           .outputs = {{"z", Type::I32, {rows, columns}}},
           .limit = Limit::Copy,
           .amount = static_cast<double>(3 * n * 4),
           .judge = {}};
    c.judge = [c, n](const Memory& in) {
      std::vector<int64_t> expected(static_cast<size_t>(n));
      for (int64_t i = 0; i < n; ++i) {
        const auto x = static_cast<uint32_t>(in.i32(0)[i]), y = static_cast<uint32_t>(in.i32(1)[i]);
        uint32_t h = (x ^ (y << 13)) * 2654435761u;
        h ^= static_cast<uint32_t>(static_cast<int32_t>(h) >> 16);
        expected[static_cast<size_t>(i)] = static_cast<int32_t>(h + y);
      }
      return equal(c, std::move(expected));
    };
    cases.push_back(std::move(c));
  }
}

}  // namespace

void add_map_cases(std::vector<Case>& cases) {
  add_affine(cases, "map/relu_bias", 1e-6, [](double v) { return std::max(v, 0.0); });
  add_affine(cases, "map/gelu_bias", 4e-6, [](double v) { return 0.5 * v * std::erfc(-v / std::sqrt(2.0)); });
  add_affine(cases, "map/gelu_tanh_bias", 4e-6,
             [](double v) { return v / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))); });
  // A European call: spot, strike, years; 2 % interest, 30 % volatility.
  add_pointwise(cases, "map/black_scholes",
                {{"s", Type::F32, {}, 10, 50}, {"k", Type::F32, {}, 10, 50}, {"t", Type::F32, {}, 1, 2}}, Type::F32,
                4e-6, [](const Memory& in, int64_t i, Expected& e) {
                  const double s = in.f32(0)[i], k = in.f32(1)[i], t = in.f32(2)[i], root = 0.3 * std::sqrt(t);
                  const double d1 = (std::log(s / k) + (0.02 + 0.045) * t) / root, d2 = d1 - root;
                  const auto phi = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
                  e.set(i, s * phi(d1) - k * std::exp(-0.02 * t) * phi(d2), s + k);
                });
  add_pointwise(cases, "map/where_chain", {{"x", Type::F32, {}, -2, 2}, {"y", Type::F32, {}, -2, 2}}, Type::F32, 1e-6,
                [](const Memory& in, int64_t i, Expected& e) {
                  const double x = in.f32(0)[i], y = in.f32(1)[i];
                  const double v = x > 0 ? x * y : (y > 0 ? x + y : x - y);
                  e.set(i, std::min(std::max(v, -1.0), 1.0), std::abs(x) + std::abs(y) + 1);
                });
  add_pointwise(cases, "map/cast_f32_bf16", {{"x", Type::F32, {}, -3, 3}}, Type::BF16, 0x1p-8,
                [](const Memory& in, int64_t i, Expected& e) { e.set(i, in.f32(0)[i], std::abs(in.f32(0)[i])); });
  add_strided_sum3(cases);
  add_normal(cases);
  add_int_mix(cases);
}

}  // namespace bench
