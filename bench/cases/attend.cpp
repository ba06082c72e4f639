// Attention: a whole prompt, and one more token against what has been kept of the ones before.
#include <algorithm>
#include <cmath>

#include "cases/case.h"

namespace bench {
namespace {

struct Attention {
  int64_t batch, heads, key_heads, queries, keys, depth;
  bool causal;
};

/// A check of some queries, which says enough: every kernel computes all alike.
Check check_queries(const Attention& a, const Memory& in) {
  const int64_t step = std::max<int64_t>(1, a.batch * a.heads * a.queries / 61), group = a.heads / a.key_heads;
  std::vector<int64_t> rows;
  std::vector<double> value;
  for (int64_t row = 0; row < a.batch * a.heads * a.queries; row += step) {
    const int64_t head = row / a.queries, seen = a.causal ? std::min(a.keys, row % a.queries + 1) : a.keys;
    const float* q = in.f32(0) + row * a.depth;
    const float *k = in.f32(1) + head / group * a.keys * a.depth, *v = in.f32(2) + head / group * a.keys * a.depth;
    std::vector<double> p(static_cast<size_t>(seen)), sums(static_cast<size_t>(a.depth));
    double most = -INFINITY, all = 0;
    for (int64_t j = 0; j < seen; ++j) {
      double s = 0;
      for (int64_t d = 0; d < a.depth; ++d) s += static_cast<double>(q[d]) * k[j * a.depth + d];
      p[static_cast<size_t>(j)] = s / std::sqrt(static_cast<double>(a.depth));
      most = std::max(most, p[static_cast<size_t>(j)]);
    }
    for (int64_t j = 0; j < seen; ++j) {
      const double w = std::exp(p[static_cast<size_t>(j)] - most);
      all += w;
      for (int64_t d = 0; d < a.depth; ++d) sums[static_cast<size_t>(d)] += w * v[j * a.depth + d];
    }
    rows.push_back(row);
    for (const double s : sums) value.push_back(s / all);
  }
  return [=, depth = a.depth](const Memory& out) -> std::string {
    for (size_t i = 0; i < value.size(); ++i) {
      const int64_t at = rows[i / static_cast<size_t>(depth)] * depth + static_cast<int64_t>(i) % depth;
      if (!(std::abs(out.f32(0)[at] - value[i]) <= 2e-6))
        return "element " + std::to_string(at) + " is " + std::to_string(out.f32(0)[at]) + ", not " +
               std::to_string(value[i]);
    }
    return "";
  };
}

Case attention(const char* name, std::string size, const Attention& a) {
  const Dims q{a.batch, a.heads, a.queries, a.depth}, k{a.batch, a.key_heads, a.keys, a.depth};
  Case c{.name = name,
         .size = std::move(size),
         .inputs = {{"q", Type::F32, q}, {"k", Type::F32, k}, {"v", Type::F32, k}},
         .outputs = {{"y", Type::F32, q}},
         .limit = Limit::Fma,
         .amount = 4.0 * static_cast<double>(a.batch * a.heads * a.queries * a.keys * a.depth) / (a.causal ? 2 : 1),
         .judge = {}};
  if (a.queries == 1) {
    c.limit = Limit::Read;
    c.amount = static_cast<double>(c.inputs[1].bytes() + c.inputs[2].bytes());
  }
  c.judge = [a](const Memory& in) { return check_queries(a, in); };
  return c;
}

}  // namespace

void add_attend_cases(std::vector<Case>& cases) {
  cases.push_back(attention("attend/prefill", "16x1024x64", {1, 16, 16, 1024, 1024, 64, true}));
  cases.push_back(attention("attend/decode", "8x32x4096x128", {8, 32, 8, 1, 4096, 128, false}));
}

}  // namespace bench
