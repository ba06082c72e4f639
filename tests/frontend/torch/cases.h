// Calls whose results PyTorch recorded (record.py): the inputs they name, and the comparison.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <tuple>
#include <vector>

#include "lazuli/lazuli.h"

namespace lazuli::torch_cases {

struct Inputs {
  Tensor x = arange(12.0).reshape({3, 4});
  Tensor y = tensor({{2.0, 1.0, 4.0, 3.0}, {1.0, 2.0, 3.0, 4.0}, {4.0, 3.0, 2.0, 1.0}});
  Tensor v = tensor({3.0, std::nan(""), 1.0, 3.0, -std::numeric_limits<double>::infinity(), 0.5});
  Tensor u = tensor({2.0, -1.0, 0.5, 4.0});
  Tensor w = tensor({{0.5, -1.5}, {2.5, 3.5}, {-4.5, 0.25}});
  Tensor k = tensor({{2, 1, 4, 3}, {1, 2, 3, 4}, {4, 3, 2, 1}});
  Tensor i = tensor({2, 0, 2});
  Tensor j = tensor({{1, 0, 2, 2}, {0, 0, 1, 2}});
  Tensor b = tensor({{true, false, false, true}, {false, false, false, false}, {true, true, false, true}});
  Tensor p = tensor({true, false, true});
  Tensor c = arange(24.0).reshape({2, 3, 4});
  Tensor t = arange(24.0).reshape({2, 3, 4}).transpose(0, 2);
  Tensor e = zeros({0, 3});
  Tensor s = tensor(5.0);
  Tensor r = tensor({3, 1, 2, 1, 3, 3, -2});
  Tensor h = tensor({{1.5, 2.25, -3.0}, {0.125, 100.0, 7.0}}, kFloat16);
  Tensor z = tensor({1.0, 3.0, 3.0, 7.0});
};
#define USE(in) [[maybe_unused]] auto [x, y, v, u, w, k, i, j, b, p, c, t, e, s, r, h, z] = in

/// Results of functions that give several.
template <size_t N, class T>
Tensor get(const T& several) {
  return std::get<N>(several);
}

struct Case {
  const char* text;
  std::function<Tensor(const Inputs&)> call;
  DType dtype;
  std::vector<int64_t> sizes;
  std::vector<double> values;
};
struct Refusal {
  const char* text;
  std::function<void(const Inputs&)> call;
  const char* message;
};

inline bool agree(double a, double b, DType type) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (!is_floating(type) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= (is_half(type) ? 2e-3 : 3e-6) * std::max(1.0, std::abs(b));
}

inline void expect_results(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    try {
      const Inputs in;
      const Tensor got = c.call(in);
      EXPECT_EQ(got.dtype(), c.dtype) << name(got.dtype());
      EXPECT_EQ(got.sizes().vec(), c.sizes);
      const std::vector<double> values = got.to_vector<double>();
      ASSERT_EQ(values.size(), c.values.size());
      for (size_t n = 0; n < values.size(); ++n)
        if (!agree(values[n], c.values[n], c.dtype)) {
          ADD_FAILURE() << "element " << n << " is " << values[n] << ", PyTorch has " << c.values[n];
          break;
        }
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

/// The first sentence is PyTorch's, at the call or when the result is evaluated.
inline void expect_refusals(const std::vector<Refusal>& cases) {
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.text);
    try {
      c.call(Inputs());
      ADD_FAILURE() << "accepted; PyTorch says: " << c.message;
    } catch (const Error& error) {
      EXPECT_EQ(error.message(),
                std::string(c.message).substr(0, error.message().size()));  // hints follow in PyTorch's
    }
  }
}

}  // namespace lazuli::torch_cases
