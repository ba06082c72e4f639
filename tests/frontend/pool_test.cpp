// Pooling against loops over a table of geometries, its gradients, and compiled against interpreted to the bit.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lazuli/conv.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

struct Geometry {
  Dims x;  // (planes, ...)
  Dims size, step, padding, dilation;
  bool ceil_mode = false, count_padding = true;
};

const std::vector<Geometry>& geometries() {
  static const std::vector<Geometry> all = {
      {{3, 12}, {2}, {2}, {0}, {1}},
      {{3, 13}, {3}, {2}, {1}, {2}},
      {{3, 13}, {3}, {2}, {1}, {1}, true, false},
      {{2, 8, 8}, {2, 2}, {2, 2}, {0, 0}, {1, 1}},
      {{2, 9, 11}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
      {{2, 9, 11}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, true},
      {{2, 9, 11}, {3, 2}, {1, 3}, {1, 0}, {1, 1}, false, false},
      {{2, 7, 40}, {2, 3}, {3, 4}, {0, 1}, {1, 1}, true, false},
      {{0, 9, 11}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
      {{2, 12, 12}, {11, 7}, {1, 2}, {2, 3}, {1, 1}},
      {{2, 4, 5, 6}, {2, 2, 3}, {1, 2, 2}, {1, 0, 1}, {1, 1, 1}, true},
  };
  return all;
}

/// Numbers with many equal ones among them.
Values noise(int64_t count) {
  Values out;
  uint64_t state = 99;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    out.push_back(static_cast<double>(state >> 33) / 1e9 - 1);
    if (i % 3 == 0) out.back() = std::floor(2 * out.back());
  }
  return out;
}

int64_t product(const Dims& sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}

struct Window {
  std::vector<int64_t> elements;  // flat positions in the plane
  int64_t with_padding = 1;       // how many, those of the padding included
};

/// Of every result of a plane, in order.
std::vector<Window> windows_of(const Geometry& g, Dims* counts) {
  const size_t axes = g.size.size();
  counts->clear();
  for (size_t d = 0; d < axes; ++d) {
    const int64_t room = g.x[1 + d] + 2 * g.padding[d] - ((g.size[d] - 1) * g.dilation[d] + 1);
    int64_t n = (room + (g.ceil_mode ? g.step[d] - 1 : 0)) / g.step[d] + 1;
    if (g.ceil_mode && (n - 1) * g.step[d] >= g.x[1 + d] + g.padding[d]) --n;
    counts->push_back(n);
  }
  std::vector<Window> out{{{0}, 1}};
  for (size_t d = 0; d < axes; ++d) {
    std::vector<Window> next;
    for (const Window& w : out)
      for (int64_t i = 0; i < (*counts)[d]; ++i) {
        Window v{{}, 0};
        for (int64_t before : w.elements)
          for (int64_t k = 0; k < g.size[d]; ++k) {
            const int64_t at = i * g.step[d] - g.padding[d] + k * g.dilation[d];
            if (at >= 0 && at < g.x[1 + d]) v.elements.push_back(before * g.x[1 + d] + at);
          }
        const int64_t start = i * g.step[d] - g.padding[d];
        v.with_padding = w.with_padding * (std::min(start + g.size[d], g.x[1 + d] + g.padding[d]) - start);
        next.push_back(std::move(v));
      }
    out = std::move(next);
  }
  return out;
}

struct Interpreted {
  Interpreted() { set_eager(true); }
  ~Interpreted() { set_eager(false); }
};

void expect_values(const Tensor& t, const Values& want, double tolerance) {
  const Values got = values(t);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], tolerance) << i;
}

TEST(Pooling, MaximaAndTheirGradients) {
  for (size_t row = 0; row < geometries().size(); ++row) {
    const Geometry& g = geometries()[row];
    SCOPED_TRACE(row);
    Dims counts;
    const std::vector<Window> windows = windows_of(g, &counts);
    const Values x = noise(product(g.x));
    const int64_t plane = g.x[0] == 0 ? 0 : product(g.x) / g.x[0];
    Values y, at, dx(x.size());
    for (int64_t p = 0; p < g.x[0]; ++p)
      for (size_t i = 0; i < windows.size(); ++i) {
        int64_t best = windows[i].elements[0];
        for (int64_t e : windows[i].elements)
          if (x[static_cast<size_t>(p * plane + e)] > x[static_cast<size_t>(p * plane + best)]) best = e;
        y.push_back(x[static_cast<size_t>(p * plane + best)]);
        at.push_back(static_cast<double>(best));
        dx[static_cast<size_t>(p * plane + best)] += static_cast<double>(i + 1);
      }
    Dims sizes_of_result{1, g.x[0]}, batched{1}, up_sizes;
    sizes_of_result.insert(sizes_of_result.end(), counts.begin(), counts.end());
    batched.insert(batched.end(), g.x.begin(), g.x.end());
    const auto compute = [&] {
      const Tensor a = from_host(x.data(), batched, kFloat64).requires_grad_();
      const auto f = g.size.size() == 1   ? max_pool1d_with_indices
                     : g.size.size() == 2 ? max_pool2d_with_indices
                                          : max_pool3d_with_indices;
      const auto [most, where] = f(a, g.size, g.step, g.padding, g.dilation, g.ceil_mode, Location::current());
      EXPECT_EQ(sizes(most), sizes_of_result);
      const Tensor up = arange(1, static_cast<int64_t>(windows.size()) + 1, kFloat64).reshape(counts);
      (most * up).sum().backward();
      expect_values(most, y, 0);
      expect_values(where, at, 0);
      expect_values(a.grad(), dx, 0);
    };
    compute();
    const Interpreted interpreted;
    compute();
  }
}

TEST(Pooling, MeansAndTheirGradients) {
  for (size_t row = 0; row < geometries().size(); ++row) {
    const Geometry& g = geometries()[row];
    if (g.dilation[0] != 1) continue;
    SCOPED_TRACE(row);
    Dims counts;
    const std::vector<Window> windows = windows_of(g, &counts);
    const Values x = noise(product(g.x));
    const int64_t plane = g.x[0] == 0 ? 0 : product(g.x) / g.x[0];
    Values y, dx(x.size());
    for (int64_t p = 0; p < g.x[0]; ++p)
      for (size_t i = 0; i < windows.size(); ++i) {
        const auto by = static_cast<double>(g.count_padding ? windows[i].with_padding
                                                            : static_cast<int64_t>(windows[i].elements.size()));
        double sum = 0;
        for (int64_t e : windows[i].elements) {
          sum += x[static_cast<size_t>(p * plane + e)];
          dx[static_cast<size_t>(p * plane + e)] += static_cast<double>(i + 1) / by;
        }
        y.push_back(sum / by);
      }
    const auto compute = [&] {
      const Tensor a = from_host(x.data(), g.x, kFloat64).requires_grad_();
      Tensor mean;
      if (g.size.size() == 1) mean = avg_pool1d(a, g.size, g.step, g.padding, g.ceil_mode, g.count_padding);
      if (g.size.size() == 2) mean = avg_pool2d(a, g.size, g.step, g.padding, g.ceil_mode, g.count_padding);
      if (g.size.size() == 3) mean = avg_pool3d(a, g.size, g.step, g.padding, g.ceil_mode, g.count_padding);
      const Tensor up = arange(1, static_cast<int64_t>(windows.size()) + 1, kFloat64).reshape(counts);
      (mean * up).sum().backward();
      expect_values(mean, y, 1e-12);
      expect_values(a.grad(), dx, 1e-10);
      return std::pair(values(mean), values(a.grad()));
    };
    const auto compiled = compute();
    const Interpreted interpreted;
    EXPECT_EQ(compute(), compiled);
  }
}

TEST(Pooling, TiesNaNAndInfinities) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const Tensor x = tensor({{-inf, -inf, nan, 1.0}, {-inf, -inf, 2.0, 1.0}}).reshape({1, 2, 4});
  const auto [most, at] = max_pool2d_with_indices(x, 2);
  EXPECT_EQ(values(most)[0], -inf);
  EXPECT_TRUE(std::isnan(values(most)[1]));
  EXPECT_EQ(values(at), (Values{0, 2}));
  // The first element that is no padding.
  EXPECT_EQ(values(max_pool1d_with_indices(full({1, 4}, -inf), 3, 2, 1).second), (Values{0, 1}));
  EXPECT_EQ(values(max_pool1d_with_indices(full({1, 6}, -inf), 3, 2, 2, 2).second), (Values{0, 0, 2}));
  const Tensor ones_ = ones({1, 4}, kFloat64).requires_grad_();
  max_pool1d(ones_, 3, 1).sum().backward();
  EXPECT_EQ(values(ones_.grad()), (Values{1, 1, 0, 0}));
  const Tensor i = tensor({-5, -7, 3, 2, -9, -8}, kInt32).reshape({1, 6});
  EXPECT_EQ(values(max_pool1d(i, 2, 2, 1)), (Values{-5, 3, 2, -8}));
  EXPECT_EQ(values(max_pool1d(i.to(kUInt8), 2, 2, 1)), (Values{251, 249, 247, 248}));
}

TEST(Pooling, HalfTypesAndOtherDivisors) {
  const Values v = noise(2 * 6 * 6);
  const Tensor x = from_host(v.data(), {2, 6, 6}, kFloat64).to(kFloat32);
  for (DType t : {kFloat16, kBFloat16}) {
    EXPECT_TRUE(equal(max_pool2d(x.to(t), 3, 2), max_pool2d(x.to(t).to(kFloat32), 3, 2).to(t)));
    EXPECT_TRUE(equal(avg_pool2d(x.to(t), 3, 2), avg_pool2d(x.to(t).to(kFloat32), 3, 2).to(t)));
  }
  EXPECT_TRUE(allclose(avg_pool2d(x, 2, 2, 0, false, true, 3), avg_pool2d(x, 2) * 4 / 3, 1e-5, 1e-6));
}

TEST(Pooling, AdaptiveMeans) {
  const Dims from{2, 7, 10};
  const Values v = noise(product(from));
  const Tensor x = from_host(v.data(), from, kFloat64).requires_grad_();
  for (const Dims& to : {Dims{3, 4}, Dims{7, 5}, Dims{1, 1}, Dims{9, 10}}) {
    const Tensor y = adaptive_avg_pool2d(x, to);
    ASSERT_EQ(sizes(y), (Dims{2, to[0], to[1]}));
    const auto part = [](int64_t i, int64_t n, int64_t count) {
      return std::pair(i * n / count, ((i + 1) * n + count - 1) / count);
    };
    Values want, dx(v.size());
    for (int64_t c = 0; c < 2; ++c)
      for (int64_t i = 0; i < to[0]; ++i)
        for (int64_t j = 0; j < to[1]; ++j) {
          const auto [top, bottom] = part(i, 7, to[0]);
          const auto [left, right] = part(j, 10, to[1]);
          double sum = 0;
          const double by = static_cast<double>((bottom - top) * (right - left));
          for (int64_t a = top; a < bottom; ++a)
            for (int64_t b = left; b < right; ++b) {
              sum += v[static_cast<size_t>((c * 7 + a) * 10 + b)];
              dx[static_cast<size_t>((c * 7 + a) * 10 + b)] += 1 / by;
            }
          want.push_back(sum / by);
        }
    expect_values(y, want, 1e-12);
    expect_values(autograd::grad({y.sum()}, {x})[0], dx, 1e-12);
  }
  EXPECT_EQ(sizes(adaptive_avg_pool2d(x, {0, 3})), (Dims{2, 0, 3}));
  EXPECT_EQ(sizes(adaptive_avg_pool1d(ones({2, 3, 7}), 2)), (Dims{2, 3, 2}));
}

TEST(Pooling, IsOneKernelAndStoresNoWindows) {
  const Tensor x = rand({8, 16, 32, 32});
  eval(x);
  for (const Tensor& y : {max_pool2d(x, 3, 2, 1), avg_pool2d(x, 3, 2, 1)}) {
    const Report report = profile(y);
    EXPECT_EQ(report.kernels.size(), 1u) << explain(y);
    EXPECT_EQ(report.arena_bytes, 0);
  }
}

}  // namespace
}  // namespace lazuli
