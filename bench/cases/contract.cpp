// Matrix products, alone and with what usually follows them.
#include <cmath>

#include "cases/case.h"

namespace bench {
namespace {

/// A check of some rows, which says enough: every kernel computes all rows alike.
template <class F>
Check check_rows(const Memory& in, int64_t n, F finish) {
  std::vector<int64_t> rows;
  for (int64_t r = 0; r < n; r += n / 13 + 1) rows.push_back(r);
  rows.push_back(n - 1);
  std::vector<double> value, scale;
  const float *a = in.f32(0), *b = in.f32(1);
  for (const int64_t r : rows) {
    std::vector<double> sum(static_cast<size_t>(n)), sizes(sum.size());
    for (int64_t k = 0; k < n; ++k)
      for (int64_t j = 0; j < n; ++j) {
        const double p = static_cast<double>(a[r * n + k]) * b[k * n + j];
        sum[static_cast<size_t>(j)] += p;
        sizes[static_cast<size_t>(j)] += std::abs(p);
      }
    for (int64_t j = 0; j < n; ++j) {
      value.push_back(finish(sum[static_cast<size_t>(j)], r, j));
      scale.push_back(sizes[static_cast<size_t>(j)] + 1);
    }
  }
  return [=](const Memory& out) -> std::string {
    for (size_t i = 0; i < value.size(); ++i) {
      const int64_t at = rows[i / static_cast<size_t>(n)] * n + static_cast<int64_t>(i) % n;
      if (!(std::abs(out.f32(0)[at] - value[i]) <= 2e-6 * scale[i]))
        return "element " + std::to_string(at) + " is " + std::to_string(out.f32(0)[at]) + ", not " +
               std::to_string(value[i]);
    }
    return "";
  };
}

Case product(const char* name, int64_t n) {
  return {.name = name,
          .size = std::to_string(n),
          .inputs = {{"a", Type::F32, {n, n}}, {"b", Type::F32, {n, n}}},
          .outputs = {{"c", Type::F32, {n, n}}},
          .limit = Limit::Fma,
          .amount = 2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n),
          .judge = {}};
}

}  // namespace

void add_contract_cases(std::vector<Case>& cases) {
  for (const int64_t n : {256, 512, 1024, 1023, 2048, 4096}) {
    Case c = product("contract/sgemm", n);
    c.judge = [n](const Memory& in) { return check_rows(in, n, [](double v, int64_t, int64_t) { return v; }); };
    cases.push_back(std::move(c));
  }
  // gelu(a b + bias) + residual; the tolerance leaves room for either form of gelu.
  for (const char* name : {"contract/bias_gelu_residual", "contract/bias_gelu_tanh_residual"}) {
    const int64_t n = 1024;
    const bool tanh = std::string_view(name).find("tanh") != std::string_view::npos;
    Case c = product(name, n);
    c.inputs.push_back({"bias", Type::F32, {n}});
    c.inputs.push_back({"residual", Type::F32, {n, n}});
    c.judge = [n, tanh](const Memory& in) {
      return check_rows(in, n, [=](double v, int64_t i, int64_t j) {
        const double x = v + in.f32(2)[j];
        const double y = tanh ? x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)))
                              : 0.5 * x * std::erfc(-x / std::sqrt(2.0));
        return y + in.f32(3)[i * n + j];
      });
    };
    cases.push_back(std::move(c));
  }
}

}  // namespace bench
