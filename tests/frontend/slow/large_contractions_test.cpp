// Contractions over more than 2^31 elements: operands, results and depths. Operands are bytes, or one row read again
// and again, so that memory stays at a few GB. All sums are of whole numbers that their types hold exactly.
#include <gtest/gtest.h>

#include <cstring>

#include "lazuli/lazuli.h"
#include "lazuli/tune.h"

namespace lazuli {
namespace {

constexpr int64_t kRows = 33000, kColumns = 65101;  // 2,148,333,000 elements, 850,000 more than 2^31
static_assert(kRows * kColumns > (int64_t{1} << 31));
constexpr int64_t kPeriod = 65521;

int8_t element(int64_t i) {
  return static_cast<int8_t>((i % kPeriod) * 37 % 251 - 125);
}

/// The matrix of those elements, in memory once for all tests.
Tensor large() {
  static const auto* bytes = [] {
    auto* all = new std::vector<int8_t>(static_cast<size_t>(kRows * kColumns));
    for (int64_t i = 0; i < kPeriod; ++i) (*all)[static_cast<size_t>(i)] = element(i);
    for (auto at = static_cast<size_t>(kPeriod); at < all->size(); at += kPeriod)
      std::memcpy(all->data() + at, all->data(), std::min<size_t>(kPeriod, all->size() - at));
    return all;
  }();
  return from_blob(const_cast<int8_t*>(bytes->data()), {kRows, kColumns}, kInt8);
}

int64_t small_weight(int64_t k, int64_t j) {
  return (k * 5 + j * 3) % 7 - 3;
}

Tensor weights(int64_t rows, int64_t columns, DType t) {
  std::vector<int32_t> w;
  for (int64_t k = 0; k < rows; ++k)
    for (int64_t j = 0; j < columns; ++j) w.push_back(static_cast<int32_t>(small_weight(k, j)));
  return from_host(w.data(), {rows, columns}, kInt32).to(t);
}

/// Row `i` of the matrix times column `j` of the weights.
int64_t row_times(int64_t i, int64_t j, bool flipped = false) {
  int64_t sum = 0;
  for (int64_t k = 0; k < kColumns; ++k) {
    const int64_t at = i * kColumns + k;
    sum += element(flipped ? kRows * kColumns - 1 - at : at) * small_weight(k, j);
  }
  return sum;
}

constexpr int64_t kSomeRows[] = {0, 1, kRows / 2, kRows - 40, kRows - 13, kRows - 2, kRows - 1};

TEST(LargeContractions, OperandsOfMoreThan31Bits) {
  const Tensor x = large().to(kInt32);
  for (const int64_t n : {1, 3, 40}) {
    const Tensor y = matmul(x, weights(kColumns, n, kInt32));
    const Report report = profile(y);
    ASSERT_EQ(report.kernels.back().bytes > int64_t{1} << 31, true) << "the cast was stored";
    const auto got = y.to_vector<int64_t>();
    for (const int64_t i : kSomeRows)
      for (int64_t j = 0; j < n; ++j)
        ASSERT_EQ(got[static_cast<size_t>(i * n + j)], row_times(i, j)) << i << ", " << j << " of " << n;
  }
}

TEST(LargeContractions, OperandsReadBackwards) {
  const Tensor y = matmul(large().flip({0, 1}).to(kInt32), weights(kColumns, 3, kInt32));
  const auto got = y.to_vector<int64_t>();
  for (const int64_t i : kSomeRows)
    for (int64_t j = 0; j < 3; ++j)
      ASSERT_EQ(got[static_cast<size_t>(i * 3 + j)], row_times(i, j, true)) << i << ", " << j;
}

TEST(LargeContractions, GradientsReadTheSameElements) {
  // Of sum(x w * g) with respect to w: the transposed operand times g.
  Tensor w = weights(kColumns, 2, kFloat32);
  w.requires_grad_();
  const Tensor g = weights(kRows, 2, kFloat32);
  sum(matmul(large().to(kFloat32), w) * g).backward();
  const auto got = w.grad().to_vector<double>();
  for (const int64_t k : {int64_t{0}, int64_t{1}, kColumns / 2, kColumns - 17, kColumns - 1})
    for (int64_t j = 0; j < 2; ++j) {
      int64_t want = 0;
      for (int64_t i = 0; i < kRows; ++i) want += element(i * kColumns + k) * small_weight(i, j);
      ASSERT_EQ(got[static_cast<size_t>(k * 2 + j)], static_cast<double>(want)) << k << ", " << j;
    }
}

TEST(LargeContractions, ResultsOfMoreThan31Bits) {
  // Bytes that wrap.
  const auto a = [](int64_t i, int64_t k) { return (i * 7 + k * 3) % 11 - 5; };
  const auto b = [](int64_t k, int64_t j) { return (j * 5 + k) % 13 - 6; };
  std::vector<int8_t> lhs, rhs;
  for (int64_t i = 0; i < kRows; ++i)
    for (int64_t k = 0; k < 2; ++k) lhs.push_back(static_cast<int8_t>(a(i, k)));
  for (int64_t k = 0; k < 2; ++k)
    for (int64_t j = 0; j < kColumns; ++j) rhs.push_back(static_cast<int8_t>(b(k, j)));
  const Tensor y = matmul(from_host(lhs.data(), {kRows, 2}, kInt8), from_host(rhs.data(), {2, kColumns}, kInt8));
  eval(y);
  for (const int64_t i : kSomeRows) {
    const auto row = y.narrow(0, i, 1).to_vector<int64_t>();
    for (int64_t j = 0; j < kColumns; ++j)
      ASSERT_EQ(row[static_cast<size_t>(j)], static_cast<int8_t>(a(i, 0) * b(0, j) + a(i, 1) * b(1, j)))
          << i << ", " << j;
  }
}

TEST(LargeContractions, DepthsOfMoreThan31Bits) {
  // One element of either side, read with strides of 0.
  constexpr int64_t kDepth = (int64_t{1} << 31) + 70001;
  const std::vector<int32_t> a{3, -5}, b{7, 11, -2};
  const Tensor lhs = from_host(a.data(), {2, 1}, kInt32).expand({2, kDepth});
  const Tensor rhs = from_host(b.data(), {1, 3}, kInt32).expand({kDepth, 3});
  const auto got = matmul(lhs, rhs).to_vector<int64_t>();
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 3; ++j) {
      const uint64_t product = static_cast<uint64_t>(int64_t{a[i]} * b[j]) * static_cast<uint64_t>(kDepth);
      ASSERT_EQ(got[i * 3 + j], static_cast<int32_t>(product)) << i << ", " << j;
    }
}

}  // namespace
}  // namespace lazuli
