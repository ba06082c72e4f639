// Sums, variances, positions of the largest, running sums: reading once, in one direction or the other.
#include <algorithm>
#include <cmath>

#include "cases/case.h"

namespace bench {
namespace {

enum class Over : uint8_t { All, Rows, Columns };  // axis 0 reduces rows away, axis 1 columns

struct Reduced {
  int64_t results, terms;
};
Reduced shape_of(Over over, int64_t rows, int64_t columns) {
  if (over == Over::All) return {1, rows * columns};
  return over == Over::Rows ? Reduced{columns, rows} : Reduced{rows, columns};
}

/// Position of term k of result r.
int64_t position(Over over, int64_t r, int64_t k, int64_t columns) {
  return over == Over::Rows ? k * columns + r : r * columns + k;
}

template <class F>
void add_reduction(std::vector<Case>& cases, const char* name, Over over, double tolerance, F f) {
  for (const auto& [label, rows, columns] : kExtents) {
    const Reduced s = shape_of(over, rows, columns);
    Case c{.name = name,
           .size = label,
           .inputs = {{"x", Type::F32, {rows, columns}, -3, 3}},
           .outputs = {{"y", Type::F32, over == Over::All ? Dims{} : Dims{s.results}}},
           .limit = Limit::Read,
           .amount = static_cast<double>(rows * columns * 4),
           .judge = {}};
    c.judge = [c, s, over, columns = columns, tolerance, f](const Memory& in) {
      Expected e(s.results);
      for (int64_t r = 0; r < s.results; ++r)
        f(s.terms, [&](int64_t k) { return static_cast<double>(in.f32(0)[position(over, r, k, columns)]); }, r, e);
      return near(c, std::move(e), tolerance);
    };
    cases.push_back(std::move(c));
  }
}

constexpr auto kSum = [](int64_t n, const auto& term, int64_t r, Expected& e) {
  double sum = 0, sizes = 0;
  for (int64_t k = 0; k < n; ++k) {
    sum += term(k);
    sizes += std::abs(term(k));
  }
  e.set(r, sum, sizes);
};

/// With n - 1 in the denominator.
constexpr auto kVariance = [](int64_t n, const auto& term, int64_t r, Expected& e) {
  double mean = 0, squares = 0;
  for (int64_t k = 0; k < n; ++k) mean += term(k);
  mean /= static_cast<double>(n);
  for (int64_t k = 0; k < n; ++k) squares += (term(k) - mean) * (term(k) - mean);
  const double v = squares / static_cast<double>(n - 1);
  e.set(r, v, v);
};

void add_argmax(std::vector<Case>& cases) {
  for (const auto& [label, rows, columns] : kExtents) {
    Case c{.name = "reduce/argmax_axis1",
           .size = label,
           .inputs = {{"x", Type::F32, {rows, columns}, -3, 3}},
           .outputs = {{"y", Type::I64, {rows}}},
           .limit = Limit::Read,
           .amount = static_cast<double>(rows * columns * 4),
           .judge = {}};
    // Of equal ones any: what is asked is that the element there is the largest.
    c.judge = [rows = rows, columns = columns](const Memory& in) {
      std::vector<float> most(static_cast<size_t>(rows));
      for (int64_t i = 0; i < rows; ++i)
        most[static_cast<size_t>(i)] = *std::max_element(in.f32(0) + i * columns, in.f32(0) + (i + 1) * columns);
      return [rows, columns, most, x = in.f32(0)](const Memory& out) -> std::string {
        for (int64_t i = 0; i < rows; ++i) {
          const int64_t at = out.i64(0)[i];
          if (at < 0 || at >= columns || x[i * columns + at] != most[static_cast<size_t>(i)])
            return "row " + std::to_string(i) + " is not largest at " + std::to_string(at);
        }
        return "";
      };
    };
    cases.push_back(std::move(c));
  }
}

void add_cumsum(std::vector<Case>& cases) {
  for (const auto& [label, rows, columns] : kExtents) {
    Case c{.name = "scan/cumsum",
           .size = label,
           .inputs = {{"x", Type::F32, {rows, columns}}},
           .outputs = {{"y", Type::F32, {rows, columns}}},
           .limit = Limit::Copy,
           .amount = static_cast<double>(2 * rows * columns * 4),
           .judge = {}};
    c.judge = [c, rows = rows, columns = columns](const Memory& in) {
      Expected e(rows * columns);
      for (int64_t i = 0; i < rows; ++i) {
        double sum = 0, sizes = 0;
        for (int64_t j = 0; j < columns; ++j) {
          const double x = in.f32(0)[i * columns + j];
          e.set(i * columns + j, sum += x, sizes += std::abs(x));
        }
      }
      return near(c, std::move(e), 4e-6);
    };
    cases.push_back(std::move(c));
  }
}

}  // namespace

void add_reduce_cases(std::vector<Case>& cases) {
  add_reduction(cases, "reduce/sum_all", Over::All, 1e-6, kSum);
  add_reduction(cases, "reduce/sum_axis0", Over::Rows, 1e-6, kSum);
  add_reduction(cases, "reduce/sum_axis1", Over::Columns, 1e-6, kSum);
  add_reduction(cases, "reduce/var_axis0", Over::Rows, 1e-5, kVariance);
  add_reduction(cases, "reduce/var_axis1", Over::Columns, 1e-5, kVariance);
  add_argmax(cases);
  add_cumsum(cases);
}

}  // namespace bench
