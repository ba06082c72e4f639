// Matrix products, alone and with what usually follows or precedes them.
#include <cmath>
#include <set>

#include "cases/case.h"

namespace bench {
namespace {

/// One product or a batch of them, all operands row-major.
struct Product {
  int64_t m, n, k, batch = 0;  // 0: without a batch axis
  bool a_transposed = false, b_transposed = false;
  Type type = Type::F32, result = Type::F32;
  Dims a() const { return shape(a_transposed ? Dims{k, m} : Dims{m, k}); }
  Dims b() const { return shape(b_transposed ? Dims{n, k} : Dims{k, n}); }
  Dims c() const { return shape({m, n}); }
  double operations() const {
    return 2.0 * static_cast<double>(std::max<int64_t>(1, batch)) * static_cast<double>(m) * static_cast<double>(n) *
           static_cast<double>(k);
  }

 private:
  Dims shape(Dims dims) const {
    if (batch) dims.insert(dims.begin(), batch);
    return dims;
  }
};

using Finish = std::function<double(double sum, int64_t i, int64_t j)>;
using Element = std::function<double(int64_t at)>;

/// What an operand is: its elements, read once.
std::vector<double> row_of(const Product& p, const Element& a, int64_t batch, int64_t i) {
  std::vector<double> row(static_cast<size_t>(p.k));
  for (int64_t k = 0; k < p.k; ++k)
    row[static_cast<size_t>(k)] = a(batch * p.m * p.k + (p.a_transposed ? k * p.m + i : i * p.k + k));
  return row;
}

/// A check of some rows, which says enough: every kernel computes all rows alike.
Check check_rows(const Product& p, const Element& a, const Element& b, double tolerance, const Finish& finish) {
  const auto some = [](int64_t n, int64_t most) {
    std::set<int64_t> chosen{n - 1};
    for (int64_t i = 0; i < n; i += n / most + 1) chosen.insert(i);
    return std::vector<int64_t>(chosen.begin(), chosen.end());
  };
  std::vector<int64_t> first;  // element of the result at which each checked row begins
  std::vector<double> value, scale;
  const auto n = static_cast<size_t>(p.n);
  for (const int64_t batch : some(std::max<int64_t>(1, p.batch), 5))
    for (const int64_t i : some(p.m, p.k > 100000 ? 2 : 13)) {
      const std::vector<double> row = row_of(p, a, batch, i);
      std::vector<double> sum(n), sizes(n);
      const int64_t base = batch * p.n * p.k;
      const auto take = [&](int64_t k, int64_t j) {
        const double v = row[static_cast<size_t>(k)] * b(base + (p.b_transposed ? j * p.k + k : k * p.n + j));
        sum[static_cast<size_t>(j)] += v;
        sizes[static_cast<size_t>(j)] += std::abs(v);
      };
      if (p.b_transposed) {
        for (int64_t j = 0; j < p.n; ++j)
          for (int64_t k = 0; k < p.k; ++k) take(k, j);
      } else {
        for (int64_t k = 0; k < p.k; ++k)
          for (int64_t j = 0; j < p.n; ++j) take(k, j);
      }
      first.push_back((batch * p.m + i) * p.n);
      for (int64_t j = 0; j < p.n; ++j) {
        value.push_back(finish(sum[static_cast<size_t>(j)], i, j));
        scale.push_back(sizes[static_cast<size_t>(j)] + 1);
      }
    }
  return [=, type = p.result](const Memory& out) -> std::string {
    for (size_t i = 0; i < value.size(); ++i) {
      const int64_t at = first[i / n] + static_cast<int64_t>(i % n);
      const double got = number(out.at[0], type, at);
      if (!(std::abs(got - value[i]) <= tolerance * scale[i]))
        return "element " + std::to_string(at) + " is " + std::to_string(got) + ", not " + std::to_string(value[i]);
    }
    return "";
  };
}

/// Relative to the sum of the magnitudes of what is added.
double tolerance_of(Type result) {
  return result == Type::F64 ? 1e-14 : result == Type::BF16 ? 8e-3 : result == Type::I32 ? 0 : 2e-6;
}

Element elements(const Memory& in, size_t operand, Type type) {
  return [at = in.at[operand], type](int64_t i) { return number(at, type, i); };
}

Case product(const char* name, std::string size, const Product& p) {
  Case c{.name = name,
         .size = std::move(size),
         .inputs = {{"a", p.type, p.a()}, {"b", p.type, p.b()}},
         .outputs = {{"c", p.result, p.c()}},
         .limit = Limit::Fma,
         .amount = p.operations(),
         .judge = {}};
  if (p.type == Type::I8)
    for (Value& v : c.inputs) v.low = -128, v.high = 128;
  if (p.type == Type::F64) c.amount *= 2;  // the limit is measured with float32, of which vectors hold twice as many
  c.judge = [p](const Memory& in) {
    return check_rows(p, elements(in, 0, p.type), elements(in, 1, p.type), tolerance_of(p.result),
                      [](double v, int64_t, int64_t) { return v; });
  };
  return c;
}

Case square(const char* name, int64_t n, Type type = Type::F32, Type result = Type::F32) {
  return product(name, std::to_string(n), {.m = n, .n = n, .k = n, .type = type, .result = result});
}

/// What streams an operand once, and is limited by that.
Case reading(Case c) {
  c.limit = Limit::Read;
  c.amount = 0;
  for (const Value& v : c.inputs) c.amount += static_cast<double>(v.bytes());
  return c;
}

double gelu(double x) {
  return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
}
double gelu_tanh(double x) {
  return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

/// gelu(a b + bias) + residual, then * scale by columns; the tolerance leaves room for either form of gelu.
Case product_and_more(const char* name, std::string size, int64_t k, bool tanh, bool scaled) {
  const int64_t n = 1024;
  const Product p{.m = n, .n = n, .k = k};
  Case c = product(name, std::move(size), p);
  c.inputs.push_back({"bias", Type::F32, {n}});
  c.inputs.push_back({"residual", Type::F32, {n, n}});
  if (scaled) c.inputs.push_back({"scale", Type::F32, {n}});
  c.judge = [=](const Memory& in) {
    return check_rows(p, elements(in, 0, Type::F32), elements(in, 1, Type::F32), 2e-6,
                      [=](double v, int64_t i, int64_t j) {
                        const double x = v + in.f32(2)[j];
                        const double y = (tanh ? gelu_tanh(x) : gelu(x)) + in.f32(3)[i * n + j];
                        return scaled ? y * in.f32(4)[j] : y;
                      });
  };
  return c;
}

/// Rows of weights in groups of 128: a scale each, and 64 bytes that hold elements 0 to 63 in their low and 64 to 127
/// in their high halves, from 0 to 15, of which 8 means zero.
Case dequantised(int64_t rows) {
  constexpr int64_t kN = 4096, kK = 4096, kGroup = 128;
  const Product p{.m = rows, .n = kN, .k = kK, .b_transposed = true};
  Case c = product("contract/dequant_int4", std::to_string(rows) + "x4096x4096", p);
  c.inputs = {{"x", Type::F32, {rows, kK}},
              {"w", Type::U8, {kN, kK / kGroup, kGroup / 2}, 0, 256},
              {"scale", Type::F32, {kN, kK / kGroup}, 0.01, 0.02}};
  c.judge = [p](const Memory& in) {
    const Element weight = [in](int64_t i) {
      const int64_t group = i / kGroup, at = i % kGroup, half = kGroup / 2;
      const int byte = in.u8(1)[group * half + at % half];
      return static_cast<double>(static_cast<float>((at < half ? byte & 15 : byte >> 4) - 8) * in.f32(2)[group]);
    };
    return check_rows(p, elements(in, 0, Type::F32), weight, 2e-6, [](double v, int64_t, int64_t) { return v; });
  };
  return rows == 1 ? reading(c) : c;
}

}  // namespace

void add_contract_cases(std::vector<Case>& cases) {
  for (const int64_t n : {256, 512, 1024, 1023, 2048, 4096}) cases.push_back(square("contract/sgemm", n));
  for (const int64_t n : {1024, 2048}) cases.push_back(square("contract/dgemm", n, Type::F64, Type::F64));
  for (const int64_t n : {1024, 2048}) cases.push_back(square("contract/bgemm", n, Type::BF16, Type::BF16));
  cases.push_back(square("contract/igemm", 1024, Type::I8, Type::I32));
  for (const int64_t n : {16, 32, 64, 128})
    cases.push_back(product("contract/batched", std::to_string(n),
                            {.m = n, .n = n, .k = n, .batch = (int64_t{1} << 20) / (n * n)}));
  for (const int64_t m : {2, 8, 32})
    cases.push_back(product("contract/skinny", std::to_string(m) + "x4096x1024", {.m = m, .n = 4096, .k = 1024}));
  for (const bool transposed : {false, true})
    cases.push_back(reading(product("contract/gemv", transposed ? "nt" : "nn",
                                    {.m = 1, .n = 4096, .k = 4096, .b_transposed = transposed})));
  cases.push_back(product("contract/tall_k", "64x64x1M", {.m = 64, .n = 64, .k = int64_t{1} << 20}));
  const Product p{.m = 1024, .n = 1024, .k = 1024};
  for (const char* name : {"contract/tn", "contract/nt", "contract/tt"}) {
    Product q = p;
    q.a_transposed = name[9] == 't';
    q.b_transposed = name[10] == 't';
    cases.push_back(product(name, "1024", q));
  }
  cases.push_back(product_and_more("contract/bias_gelu_residual", "1024", 1024, false, false));
  cases.push_back(product_and_more("contract/bias_gelu_tanh_residual", "1024", 1024, true, false));
  cases.push_back(product_and_more("contract/bias_gelu_residual_scale", "1024", 1024, true, true));
  cases.push_back(product_and_more("contract/bias_gelu_residual_scale", "k64", 64, true, true));
  for (const int64_t m : {1, 32}) cases.push_back(dequantised(m));
}

}  // namespace bench
