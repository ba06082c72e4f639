// Reductions and contractions against an independent, recursive writing of the trees of docs/numerics.md.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/ir/build.h"

namespace lazuli::ir {
namespace {

using namespace testing;

// ---- The trees again: maps from lane and chunk to value, filled with the neutral element, combined recursively. ----

/// Balanced tree of adjacent pairs: the left part is the largest power of two below n, which is what combining level by
/// level with the odd one passing up comes to.
float pairs(const std::vector<float>& v, size_t begin, size_t n) {
  if (n == 1) return v[begin];
  size_t left = 1;
  while (left * 2 < n) left *= 2;
  return pairs(v, begin, left) + pairs(v, begin + left, n - left);
}

float halves(const std::vector<float>& lanes, size_t lane, size_t stride) {
  if (stride == lanes.size()) return lanes[lane];
  return halves(lanes, lane, stride * 2) + halves(lanes, lane + stride, stride * 2);
}

float tree_sum(const std::vector<float>& x) {
  if (x.empty()) return 0;
  std::vector<float> chunks;
  for (size_t begin = 0; begin < x.size(); begin += 2048) {
    std::vector<float> lanes(64, -0.f);
    for (size_t i = begin; i < std::min(begin + 2048, x.size()); ++i) lanes[i % 64] += x[i];
    chunks.push_back(halves(lanes, 0, 1));
  }
  return pairs(chunks, 0, chunks.size());
}

float block_dot(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> spans;
  for (size_t k = 0; k < a.size();) {
    float span = -0.f;
    for (int block = 0; block < 64 && k < a.size(); ++block) {
      float chain = 0;
      for (int i = 0; i < 512 && k < a.size(); ++i, ++k) chain = std::fma(a[k], b[k], chain);
      span += chain;
    }
    spans.push_back(span);
  }
  return spans.empty() ? 0 : pairs(spans, 0, spans.size());
}

float lane_dot(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> chunks;
  for (size_t begin = 0; begin < a.size(); begin += 2048) {
    std::vector<float> lanes(64, -0.f);
    for (size_t l = 0; l < 64 && begin + l < a.size(); ++l) {
      lanes[l] = 0;
      for (size_t k = begin + l; k < std::min(begin + 2048, a.size()); k += 64)
        lanes[l] = std::fma(a[k], b[k], lanes[l]);
    }
    chunks.push_back(halves(lanes, 0, 1));
  }
  return chunks.empty() ? 0 : pairs(chunks, 0, chunks.size());
}

uint32_t bits(float v) {
  return std::bit_cast<uint32_t>(v);
}

const int64_t kLengths[] = {1, 2, 31, 63, 64, 65, 127, 2047, 2048, 2049, 2112, 4096, 6145, 10241, 100'003};

TEST(ReduceTree, SumOfARow) {
  int differs_from_sequential = 0;
  for (int64_t n : kLengths) {
    Interner in;
    const std::vector<float> x = uneven(static_cast<size_t>(n), static_cast<uint64_t>(n));
    const NodeRef sum = unary(in, Op::sum, tensor(in, {n}, x), AxesAttr{{0}});
    EXPECT_EQ(bits(value_of<float>(sum)[0]), bits(tree_sum(x))) << n;
    differs_from_sequential += bits(tree_sum(x)) != bits(std::accumulate(x.begin(), x.end(), 0.f));
  }
  EXPECT_GT(differs_from_sequential, 5);  // else the comparison would say nothing about the order
}

TEST(ReduceTree, SumOverAxesTakesElementsInLogicalOrder) {
  Interner in;
  const int64_t a = 7, b = 5, c = 450;
  const std::vector<float> x = uneven(static_cast<size_t>(a * b * c));
  const NodeRef t = tensor(in, {a, b, c}, x);
  const auto at = [&](int64_t i, int64_t j, int64_t k) { return x[static_cast<size_t>((i * b + j) * c + k)]; };

  const std::vector<float> over_ac = value_of<float>(unary(in, Op::sum, t, AxesAttr{{0, 2}}));
  for (int64_t j = 0; j < b; ++j) {
    std::vector<float> elements;
    for (int64_t i = 0; i < a; ++i)
      for (int64_t k = 0; k < c; ++k) elements.push_back(at(i, j, k));
    EXPECT_EQ(bits(over_ac[static_cast<size_t>(j)]), bits(tree_sum(elements)));
  }
  const std::vector<float> over_a = value_of<float>(unary(in, Op::sum, t, AxesAttr{{0}}));
  for (int64_t j = 0; j < b; ++j)
    for (int64_t k = 0; k < c; ++k) {
      std::vector<float> elements;
      for (int64_t i = 0; i < a; ++i) elements.push_back(at(i, j, k));
      EXPECT_EQ(bits(over_a[static_cast<size_t>(j * c + k)]), bits(tree_sum(elements)));
    }
  // The order is that of the tensor that is reduced: a permuted one has other elements side by side.
  const NodeRef moved = unary(in, Op::permute, t, AxesAttr{{2, 1, 0}});
  std::vector<float> elements;
  for (int64_t k = 0; k < c; ++k)
    for (int64_t i = 0; i < a; ++i) elements.push_back(at(i, 3, k));
  EXPECT_EQ(bits(value_of<float>(unary(in, Op::sum, moved, AxesAttr{{0, 2}}))[3]), bits(tree_sum(elements)));
}

TEST(ReduceTree, ZerosAndEmptySets) {
  Interner in;
  const auto sum = [&](std::vector<float> x) {
    const int64_t n = static_cast<int64_t>(x.size());
    return bits(value_of<float>(unary(in, Op::sum, tensor(in, {n}, x), AxesAttr{{0}}))[0]);
  };
  EXPECT_EQ(sum({}), bits(0.f));
  EXPECT_EQ(sum({-0.f}), bits(-0.f));
  EXPECT_EQ(sum({-0.f, -0.f, -0.f}), bits(-0.f));
  EXPECT_EQ(sum({-0.f, 0.f}), bits(0.f));
  EXPECT_EQ(sum(std::vector<float>(5000, -0.f)), bits(-0.f));
  const NodeRef empty = tensor<float>(in, {2, 0}, {});
  EXPECT_EQ(value_of<float>(unary(in, Op::sum, empty, AxesAttr{{1}})), (std::vector<float>{0, 0}));
  EXPECT_EQ(value_of<float>(unary(in, Op::prod, empty, AxesAttr{{1}})), (std::vector<float>{1, 1}));
  EXPECT_TRUE(value_of<float>(unary(in, Op::sum, empty, AxesAttr{{0}})).empty());
  // Reducing no axis returns every element as it is.
  EXPECT_EQ(bits(value_of<float>(unary(in, Op::sum, tensor<float>(in, {1}, {-0.f}), AxesAttr{}))[0]), bits(-0.f));
}

TEST(ReduceTree, HalfTypesAccumulateInFloat32) {
  Interner in;
  std::vector<Half> x(5000);
  std::vector<float> wide(5000);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = Half(0.1f * static_cast<float>(i % 17) - 0.3f);
    wide[i] = static_cast<float>(x[i]);
  }
  const NodeRef sum = unary(in, Op::sum, tensor(in, {5000}, x), AxesAttr{{0}});
  EXPECT_EQ(value_of<Half>(sum)[0].bits, Half(tree_sum(wide)).bits);
  // 4096 ones: a float16 or bfloat16 accumulator would stop at 2048 or 256.
  const std::vector<BFloat16> ones(4096, BFloat16(1));
  EXPECT_EQ(static_cast<float>(value_of<BFloat16>(unary(in, Op::sum, tensor(in, {4096}, ones), AxesAttr{{0}}))[0]),
            4096.f);
}

TEST(Reduce, ProductsAndIntegersWrap) {
  Interner in;
  EXPECT_EQ(value_of<double>(unary(in, Op::prod, tensor<double>(in, {4}, {1.5, -2, 4, 0.5}), AxesAttr{{0}}))[0], -6);
  EXPECT_EQ(value_of<int8_t>(unary(in, Op::sum, tensor<int8_t>(in, {3}, {100, 100, 100}), AxesAttr{{0}}))[0], 44);
  EXPECT_EQ(value_of<int64_t>(unary(in, Op::prod, tensor<int64_t>(in, {3}, {INT64_MAX, 2, 3}), AxesAttr{{0}}))[0], -6);
  EXPECT_EQ(value_of<uint8_t>(unary(in, Op::prod, tensor<uint8_t>(in, {2}, {16, 17}), AxesAttr{{0}}))[0], 16);
}

TEST(Reduce, MaximumMinimumAndTheirPlaces) {
  const float nan = std::nanf(""), inf = INFINITY;
  struct Row {
    std::vector<float> x;
    float max, min;
    int64_t argmax, argmin;
  };
  const Row rows[] = {
      {{1, 3, 2, 3, 1}, 3, 1, 1, 0},      {{-0.f, 0.f}, 0.f, -0.f, 0, 0}, {{0.f, -0.f}, 0.f, -0.f, 0, 0},
      {{1, nan, 5, nan}, nan, nan, 1, 1}, {{-inf, inf}, inf, -inf, 1, 0}, {{nan}, nan, nan, 0, 0},
      {{-2, -3}, -2, -3, 0, 1},
  };
  for (const Row& row : rows) {
    Interner in;
    const NodeRef x = tensor(in, {static_cast<int64_t>(row.x.size())}, row.x);
    const float max = value_of<float>(unary(in, Op::reduce_max, x, AxesAttr{{0}}))[0];
    const float min = value_of<float>(unary(in, Op::reduce_min, x, AxesAttr{{0}}))[0];
    EXPECT_TRUE(bits(max) == bits(row.max) || (std::isnan(max) && std::isnan(row.max))) << max;
    EXPECT_TRUE(bits(min) == bits(row.min) || (std::isnan(min) && std::isnan(row.min))) << min;
    EXPECT_EQ(value_of<int64_t>(unary(in, Op::argmax, x, AxesAttr{{0}}))[0], row.argmax);
    EXPECT_EQ(value_of<int64_t>(unary(in, Op::argmin, x, AxesAttr{{0}}))[0], row.argmin);
  }
  Interner in;
  const NodeRef x = tensor<int32_t>(in, {2, 3}, {5, 1, 9, 9, -4, 0});
  EXPECT_EQ(value_of<int32_t>(unary(in, Op::reduce_max, x, AxesAttr{{0}})), (std::vector<int32_t>{9, 1, 9}));
  EXPECT_EQ(value_of<int64_t>(unary(in, Op::argmax, x, AxesAttr{{0, 1}})), (std::vector<int64_t>{2}));
  EXPECT_EQ(value_of<int64_t>(unary(in, Op::argmin, x, AxesAttr{{1}})), (std::vector<int64_t>{1, 1}));
}

TEST(Reduce, AnyAndAll) {
  Interner in;
  const NodeRef x = tensor<bool>(in, {3, 2}, {true, false, true, true, false, false});
  const auto value = [&](Op op) {
    const HostArray v = interpret({{unary(in, op, x, AxesAttr{{1}})}})[0];
    return std::vector<uint64_t>{v.bits(0), v.bits(1), v.bits(2)};
  };
  EXPECT_EQ(value(Op::any), (std::vector<uint64_t>{1, 1, 0}));
  EXPECT_EQ(value(Op::all), (std::vector<uint64_t>{0, 1, 0}));
  const NodeRef empty = tensor<bool>(in, {0}, {});
  EXPECT_EQ(interpret({{unary(in, Op::any, empty, AxesAttr{{0}})}})[0].bits(0), 0u);
  EXPECT_EQ(interpret({{unary(in, Op::all, empty, AxesAttr{{0}})}})[0].bits(0), 1u);
}

// ---- dot_general ----

NodeRef dot(Interner& in, const NodeRef& a, const NodeRef& b, DotDims dims) {
  return binary(in, Op::dot_general, a, b, DotAttr{std::make_shared<DotDims>(std::move(dims))});
}

TEST(Dot, FloatTreesInBothForms) {
  int trees_differ = 0;
  for (int64_t k : {0, 1, 3, 64, 511, 512, 513, 2049, 32768, 32769, 70'000, 131'073}) {
    Interner in;
    const std::vector<float> x = uneven(static_cast<size_t>(2 * k), 3), y = uneven(static_cast<size_t>(2 * k), 5);
    const auto row = [&](const std::vector<float>& v, int64_t i) {
      return std::vector<float>(v.begin() + i * k, v.begin() + (i + 1) * k);
    };
    const std::vector<float> z =
        value_of<float>(dot(in, tensor(in, {2, k}, x), tensor(in, {2, k}, y), {{}, {}, {1}, {1}}));
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t j = 0; j < 2; ++j)
        EXPECT_EQ(bits(z[static_cast<size_t>(2 * i + j)]), bits(block_dot(row(x, i), row(y, j)))) << k;
    const NodeRef vector = tensor(in, {k}, row(y, 0)), matrix = tensor(in, {2, k}, x);
    const std::vector<float> right = value_of<float>(dot(in, matrix, vector, {{}, {}, {1}, {0}}));
    const std::vector<float> left = value_of<float>(dot(in, vector, matrix, {{}, {}, {0}, {1}}));
    for (int64_t i = 0; i < 2; ++i) {
      EXPECT_EQ(bits(right[static_cast<size_t>(i)]), bits(lane_dot(row(x, i), row(y, 0)))) << k;
      EXPECT_EQ(bits(left[static_cast<size_t>(i)]), bits(lane_dot(row(y, 0), row(x, i)))) << k;
    }
    trees_differ += k != 0 && bits(right[0]) != bits(z[0]);
  }
  EXPECT_GT(trees_differ, 3);
}

TEST(Dot, BatchFreeAndSeveralContractingAxes) {
  Interner in;
  // out[b, i, j, l] = sum over (q, p) of lhs[p, b, i, q] * rhs[l, q, b, p, j], in the order named: q outer, p inner
  const int64_t P = 2, B = 3, I = 2, Q = 3, L = 2, J = 2;
  std::vector<int32_t> lhs(static_cast<size_t>(P * B * I * Q)), rhs(static_cast<size_t>(L * Q * B * P * J));
  std::iota(lhs.begin(), lhs.end(), -5);
  std::iota(rhs.begin(), rhs.end(), -20);
  const NodeRef z =
      dot(in, tensor(in, {P, B, I, Q}, lhs), tensor(in, {L, Q, B, P, J}, rhs), {{1}, {2}, {3, 0}, {1, 3}});
  EXPECT_EQ(z->shape(), (Shape{B, I, L, J}));
  std::vector<int32_t> expected;
  for (int64_t b = 0; b < B; ++b)
    for (int64_t i = 0; i < I; ++i)
      for (int64_t l = 0; l < L; ++l)
        for (int64_t j = 0; j < J; ++j) {
          int32_t sum = 0;
          for (int64_t q = 0; q < Q; ++q)
            for (int64_t p = 0; p < P; ++p)
              sum += lhs[static_cast<size_t>(((p * B + b) * I + i) * Q + q)] *
                     rhs[static_cast<size_t>((((l * Q + q) * B + b) * P + p) * J + j)];
          expected.push_back(sum);
        }
  EXPECT_EQ(value_of<int32_t>(z), expected);
}

TEST(Dot, ContractingAxesRunInTheOrderNamed) {
  Interner in;
  const std::vector<float> x = uneven(600), y = uneven(600, 9);
  const NodeRef a = tensor(in, {20, 30}, x), b = tensor(in, {20, 30}, y);
  std::vector<float> xt, yt;
  for (size_t j = 0; j < 30; ++j)
    for (size_t i = 0; i < 20; ++i) {
      xt.push_back(x[i * 30 + j]);
      yt.push_back(y[i * 30 + j]);
    }
  EXPECT_EQ(bits(value_of<float>(dot(in, a, b, {{}, {}, {0, 1}, {0, 1}}))[0]), bits(lane_dot(x, y)));
  EXPECT_EQ(bits(value_of<float>(dot(in, a, b, {{}, {}, {1, 0}, {1, 0}}))[0]), bits(lane_dot(xt, yt)));
  EXPECT_NE(bits(lane_dot(xt, yt)), bits(lane_dot(x, y)));
}

TEST(Dot, HalfTypesRoundOnceAndIntegersWrap) {
  Interner in;
  const std::vector<Half> x{Half(1.f / 3), Half(100.25f), Half(-7)}, y{Half(3), Half(0.125f), Half(1e-3f)};
  std::vector<float> wx, wy;
  for (size_t i = 0; i < 3; ++i) {
    wx.push_back(static_cast<float>(x[i]));
    wy.push_back(static_cast<float>(y[i]));
  }
  const NodeRef z = dot(in, tensor(in, {3}, x), tensor(in, {3}, y), {{}, {}, {0}, {0}});
  EXPECT_EQ(value_of<Half>(z)[0].bits, Half(lane_dot(wx, wy)).bits);
  const NodeRef bytes = tensor<int8_t>(in, {2}, {127, 2});
  EXPECT_EQ(value_of<int8_t>(dot(in, bytes, bytes, {{}, {}, {0}, {0}}))[0], 5);  // 16133 mod 256
}

}  // namespace
}  // namespace lazuli::ir
