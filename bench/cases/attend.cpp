// Attention: a whole prompt, and one more token against what has been kept of the ones before.
#include <algorithm>
#include <cmath>

#include "cases/case.h"
#include "cases/tape.h"

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

/// The gradients of a prompt's attention with respect to queries, keys and values: a check of the first and the last
/// head.
Check check_gradients(const Attention& a, const Memory& in) {
  const int64_t places = a.queries, depth = a.depth, head = places * depth;
  std::vector<double> expected[3];
  std::vector<int64_t> first;
  for (const int64_t begin : {int64_t{0}, (a.batch * a.heads - 1) * head}) {
    std::vector<float> together;
    for (int64_t i = 0; i < places; ++i)
      for (size_t part = 0; part < 3; ++part) {
        const float* row = in.f32(part) + begin + i * depth;
        together.insert(together.end(), row, row + depth);
      }
    Tape tape;
    const Tape::Id qkv = tape.leaf(together.data(), 3 * head), y = tape.attention(qkv, 1, places, 1, depth);
    tape.backward(y, {in.f32(3) + begin, in.f32(3) + begin + head});
    const Tape::Numbers& g = tape.gradient(qkv);
    first.push_back(begin);
    for (int64_t i = 0; i < places; ++i)
      for (int64_t part = 0; part < 3; ++part) {
        const auto row = g.begin() + (3 * i + part) * depth;
        expected[part].insert(expected[part].end(), row, row + depth);
      }
  }
  return [=, values = std::vector(std::begin(expected), std::end(expected))](const Memory& out) -> std::string {
    for (size_t part = 0; part < 3; ++part)
      for (size_t i = 0; i < values[part].size(); ++i) {
        const int64_t at = first[i / static_cast<size_t>(head)] + static_cast<int64_t>(i) % head;
        const double got = out.f32(part)[at], wanted = values[part][i];
        if (!(std::abs(got - wanted) <= 1e-5 * (1 + std::abs(wanted))))
          return "element " + std::to_string(at) + " of gradient " + std::to_string(part) + " is " +
                 std::to_string(got) + ", not " + std::to_string(wanted);
      }
    return "";
  };
}

/// Queries, keys, values and the gradient of the result; the result was computed before, and is computed again by
/// contestants that do not keep what they want of it.
Case attention_backward(const char* name, std::string size, const Attention& a) {
  Case c = attention(name, std::move(size), a);
  const Dims dims = c.inputs[0].dims;
  c.inputs.push_back({"g", Type::F32, dims});
  c.outputs = {{"dq", Type::F32, dims}, {"dk", Type::F32, dims}, {"dv", Type::F32, dims}};
  c.amount *= 3.5;  // seven products, of which forward has two
  c.judge = [a](const Memory& in) { return check_gradients(a, in); };
  return c;
}

}  // namespace

void add_attend_cases(std::vector<Case>& cases) {
  cases.push_back(attention("attend/prefill", "16x1024x64", {1, 16, 16, 1024, 1024, 64, true}));
  cases.push_back(attention_backward("attend/prefill_backward", "16x1024x64", {1, 16, 16, 1024, 1024, 64, true}));
  cases.push_back(attention("attend/decode", "8x32x4096x128", {8, 32, 8, 1, 4096, 128, false}));
}

}  // namespace bench
