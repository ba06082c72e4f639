// Convolutions and their gradients against loops in float64 over a table of geometries, compiled against interpreted to
// the bit, and what they cost: one kernel, and no memory of the windows' size.
#include "lazuli/conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "frontend/context.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

/// Numbers without pattern in [-1, 1], the same at every call.
Values noise(int64_t count, uint64_t seed) {
  Values out;
  uint64_t state = seed * 2654435761u + 12345;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    out.push_back(static_cast<double>(static_cast<int32_t>(state >> 33)) / 1073741824.0 - 1.0);
  }
  return out;
}

int64_t product(const Dims& sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}

Tensor float32(const Values& v, const Dims& sizes) {
  return from_host(v.data(), sizes, kFloat64).to(kFloat32);
}

struct Geometry {
  Dims x, weight;  // weight: (out, in of a group, ...); transposed: (in, out of a group, ...)
  Dims stride, padding, dilation;
  int64_t groups = 1;
  Dims output_padding = {};  // transposed if there is one
  bool transposed() const { return !output_padding.empty(); }
  size_t axes() const { return stride.size(); }
};

Dims result_size(const Geometry& g) {
  Dims out{g.x[0], g.transposed() ? g.weight[1] * g.groups : g.weight[0]};
  for (size_t d = 0; d < g.axes(); ++d) {
    const int64_t reach = (g.weight[2 + d] - 1) * g.dilation[d] + 1;
    out.push_back(g.transposed() ? (g.x[2 + d] - 1) * g.stride[d] - 2 * g.padding[d] + reach + g.output_padding[d]
                                 : (g.x[2 + d] + 2 * g.padding[d] - reach) / g.stride[d] + 1);
  }
  return out;
}

/// Calls `f(x, weight, result)` with the flat positions of every product.
template <class F>
void each_product(const Geometry& g, const F& f) {
  const Dims result = result_size(g);
  // `many` is what is read (x; transposed: the result), `few` has a place per window.
  const Dims &many = g.transposed() ? result : g.x, &few = g.transposed() ? g.x : result;
  const int64_t outs = few[1] / g.groups, ins = many[1] / g.groups;
  const size_t axes = g.axes();
  Dims window(axes), place(axes);
  const auto step = [&](Dims& at, auto size) {
    for (size_t d = axes; d-- > 0;) {
      if (++at[d] < size(d)) return true;
      at[d] = 0;
    }
    return false;
  };
  for (int64_t n = 0; n < few[0]; ++n)
    for (int64_t o = 0; o < few[1]; ++o)
      for (int64_t c = 0; c < ins; ++c) {
        bool more = product(few) != 0;
        while (more) {
          bool in_window = true;
          while (in_window) {
            int64_t from = n * many[1] + o / outs * ins + c, to = n * few[1] + o, by = o * ins + c;
            bool inside = true;
            for (size_t d = 0; d < axes; ++d) {
              const int64_t at = place[d] * g.stride[d] + window[d] * g.dilation[d] - g.padding[d];
              inside = inside && at >= 0 && at < many[2 + d];
              from = from * many[2 + d] + at;
              to = to * few[2 + d] + place[d];
              by = by * g.weight[2 + d] + window[d];
            }
            if (inside) g.transposed() ? f(to, by, from) : f(from, by, to);
            in_window = step(window, [&](size_t d) { return g.weight[2 + d]; });
          }
          more = step(place, [&](size_t d) { return few[2 + d]; });
        }
      }
}

Tensor convolve(const Geometry& g, const Tensor& x, const Tensor& w, const Tensor& bias = {}) {
  if (g.transposed()) {
    const auto f = g.axes() == 1 ? conv_transpose1d : g.axes() == 2 ? conv_transpose2d : conv_transpose3d;
    return f(x, w, bias, g.stride, g.padding, g.output_padding, g.groups, g.dilation, Location::current());
  }
  const auto f = g.axes() == 1 ? conv1d : g.axes() == 2 ? conv2d : conv3d;
  return f(x, w, bias, g.stride, g.padding, g.dilation, g.groups, Location::current());
}

const std::vector<Geometry>& geometries() {
  static const std::vector<Geometry> all = {
      {{2, 3, 17}, {4, 3, 3}, {1}, {0}, {1}},
      {{2, 3, 17}, {4, 3, 3}, {2}, {2}, {3}},
      {{1, 1, 5}, {1, 1, 5}, {1}, {0}, {1}},
      {{1, 1, 5}, {1, 1, 1}, {3}, {1}, {1}},
      {{3, 4, 8, 9}, {6, 4, 3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {{2, 4, 16, 16}, {8, 4, 3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {{2, 3, 11, 14}, {5, 3, 4, 2}, {2, 3}, {1, 0}, {1, 2}},
      {{2, 6, 7, 7}, {4, 3, 3, 3}, {1, 2}, {2, 1}, {2, 1}, 2},
      {{2, 6, 9, 20}, {6, 1, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 6},
      {{1, 4, 9, 9}, {8, 1, 3, 5}, {2, 2}, {1, 2}, {1, 1}, 4},
      {{2, 5, 6, 7}, {3, 5, 1, 1}, {1, 1}, {0, 0}, {1, 1}},
      {{1, 2, 4, 4}, {3, 2, 4, 4}, {4, 4}, {0, 0}, {1, 1}},
      {{0, 3, 8, 8}, {4, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {{2, 3, 32, 32}, {4, 3, 8, 8}, {8, 8}, {0, 0}, {1, 1}},
      {{1, 2, 5, 6, 7}, {4, 2, 2, 3, 3}, {1, 2, 1}, {0, 1, 1}, {1, 1, 2}},
      {{2, 4, 3, 4, 5}, {4, 2, 3, 1, 2}, {2, 1, 1}, {1, 0, 0}, {1, 1, 1}, 2},
      {{2, 40, 7, 7}, {24, 40, 3, 3}, {1, 1}, {1, 1}, {1, 1}},
      // Large enough for places to be read where they stand.
      {{3, 24, 10, 10}, {24, 24, 3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {{2, 16, 20, 17}, {17, 16, 3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {{2, 16, 30, 31}, {24, 16, 3, 3}, {2, 2}, {1, 0}, {1, 1}},
      {{2, 32, 16, 16}, {32, 16, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 2},
      {{2, 64, 8, 9}, {20, 64, 3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {{2, 16, 300}, {24, 16, 5}, {1}, {3}, {3}},
      {{1, 8, 6, 7, 9}, {16, 8, 3, 3, 3}, {1, 1, 1}, {1, 0, 1}, {1, 1, 1}},
      {{2, 24, 9, 8}, {24, 20, 3, 4}, {2, 3}, {1, 1}, {1, 2}, 1, {1, 0}},
      {{2, 24, 16, 16}, {43, 24, 3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {{2, 24, 24, 24}, {21, 24, 3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {{2, 3, 6}, {3, 4, 3}, {1}, {0}, {1}, 1, {0}},
      {{2, 3, 6}, {3, 4, 4}, {3}, {2}, {2}, 1, {2}},
      {{2, 4, 5, 6}, {4, 3, 3, 3}, {2, 2}, {1, 1}, {1, 1}, 1, {1, 1}},
      {{2, 4, 5, 6}, {4, 3, 3, 2}, {1, 3}, {2, 0}, {2, 1}, 2, {1, 0}},
      {{1, 4, 3, 4}, {4, 1, 2, 2}, {2, 2}, {0, 0}, {1, 1}, 4, {0, 0}},
      {{0, 4, 3, 4}, {4, 2, 2, 2}, {2, 2}, {0, 0}, {1, 1}, 1, {0, 0}},
      {{1, 2, 3, 2, 3}, {2, 3, 2, 3, 2}, {2, 1, 2}, {0, 1, 0}, {1, 1, 1}, 1, {1, 0, 1}},
  };
  return all;
}

void expect_near(const Tensor& t, const Values& want, const Values& sizes_of_terms, const char* what) {
  const Values got = values(t);
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 1e-6 * (1 + sizes_of_terms[i])) << what << " at " << i;
}

void expect_same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    const std::vector<float> x = a[i].to_vector<float>(), y = b[i].to_vector<float>();
    ASSERT_EQ(x.size(), y.size());
    ASSERT_TRUE(x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0) << "result " << i;
  }
}

struct Interpreted {
  Interpreted() { set_eager(true); }
  ~Interpreted() { set_eager(false); }
};

TEST(Convolution, ResultsAndGradientsAreThoseOfLoops) {
  for (size_t row = 0; row < geometries().size(); ++row) {
    const Geometry& g = geometries()[row];
    SCOPED_TRACE(row);
    const Dims result = result_size(g);
    const Values x = noise(product(g.x), 1), w = noise(product(g.weight), 2), up = noise(product(result), 3);
    const auto rounded = [](double v) { return static_cast<double>(static_cast<float>(v)); };
    Values y(up.size()), dx(x.size()), dw(w.size()), ty = y, tx = dx, tw = dw;
    each_product(g, [&](int64_t i, int64_t k, int64_t o) {
      const auto xi = static_cast<size_t>(i), wk = static_cast<size_t>(k), yo = static_cast<size_t>(o);
      const auto add = [](double& to, double& sizes, double v) {
        to += v;
        sizes += std::abs(v);
      };
      add(y[yo], ty[yo], rounded(x[xi]) * rounded(w[wk]));
      add(dx[xi], tx[xi], rounded(up[yo]) * rounded(w[wk]));
      add(dw[wk], tw[wk], rounded(up[yo]) * rounded(x[xi]));
    });
    const auto compute = [&] {
      const Tensor a = float32(x, g.x).requires_grad_(), b = float32(w, g.weight).requires_grad_();
      const Tensor c = convolve(g, a, b);
      EXPECT_EQ(sizes(c), result);
      (c * float32(up, result)).sum().backward();
      return std::vector<Tensor>{c.detach(), a.grad(), b.grad()};
    };
    const std::vector<Tensor> compiled = compute();
    expect_near(compiled[0], y, ty, "result");
    expect_near(compiled[1], dx, tx, "gradient of the input");
    expect_near(compiled[2], dw, tw, "gradient of the weight");
    const Interpreted interpreted;
    expect_same_bits(compiled, compute());
  }
}

/// The gradient of a weight: few windows of many places. All tasks read rows that were packed once.
TEST(Convolution, TasksOfAWeightsGradientShareRows) {
  const Tensor x = float32(noise(2 * 24 * 24 * 24, 1), {2, 24, 24, 24});
  const Tensor w = float32(noise(43 * 24 * 9, 2), {43, 24, 3, 3}).requires_grad_();
  eval(x, w);
  conv2d(x, w, {}, 1, 1).square().sum().backward();
  const Report r = profile(w.grad());
  ASSERT_FALSE(r.kernels.empty());
  EXPECT_NE(r.kernels.back().schedule.find("pack=shared/task"), std::string::npos) << r.kernels.back().schedule;
}

/// Weights that lie with their channels last, in a convolution whose tasks share them.
TEST(Convolution, WeightsThatLieAcross) {
  const Tensor x = float32(noise(8 * 64 * 36, 1), {8, 64, 6, 6});
  const Tensor w = float32(noise(9 * 64 * 32, 2), {3, 3, 64, 32});
  const auto compute = [&] {
    Tensor y = conv2d(x, w.permute({3, 2, 0, 1}));
    eval(y);
    return std::vector<Tensor>{y};
  };
  const std::vector<Tensor> compiled = compute();
  const Interpreted interpreted;
  expect_same_bits(compiled, compute());
}

TEST(Convolution, OtherTypesAndTheFormsOfArguments) {
  const Geometry& g = geometries()[4];
  const Tensor x = float32(noise(product(g.x), 1), g.x), w = float32(noise(product(g.weight), 2), g.weight);
  const Tensor y = conv2d(x, w, {}, 1, 1);
  EXPECT_TRUE(equal(conv2d(x, w, {}, {1, 1}, {1, 1}), y));
  EXPECT_TRUE(equal(conv2d(x, w, {}, 1, "same"), y));
  EXPECT_TRUE(equal(conv2d(x, w, {}, 1, 0), conv2d(x, w, {}, 1, "valid")));
  EXPECT_TRUE(equal(conv2d(x, w, {}, {1, 1}, {0, 0}), conv2d(x, w)));
  EXPECT_TRUE(equal(conv2d(x.select(0, 1), w, {}, 1, 1), y.select(0, 1)));  // without a batch
  EXPECT_TRUE(equal(conv2d(x, w.slice(2, 0, 2), {}, 1, "same"),
                    conv2d(pad(x, {1, 1, 0, 1}), w.slice(2, 0, 2))));  // one more behind than in front
  const Tensor bias = arange(6, kFloat32);
  EXPECT_TRUE(equal(conv2d(x, w, bias, 1, 1), y + bias.reshape({6, 1, 1})));
  EXPECT_TRUE(allclose(conv2d(x.to(kFloat64), w.to(kFloat64), {}, 1, 1).to(kFloat32), y, 1e-5, 1e-5));
  // Half types are computed in float32 and rounded once.
  for (DType t : {kFloat16, kBFloat16}) {
    const Tensor a = x.to(t), b = w.to(t);
    EXPECT_TRUE(equal(conv2d(a, b, {}, 1, 1), conv2d(a.to(kFloat32), b.to(kFloat32), {}, 1, 1).to(t)));
  }
  const Tensor i = arange(2 * 3 * 5).reshape({2, 3, 5}), k = arange(4 * 3 * 2).reshape({4, 3, 2});
  EXPECT_TRUE(equal(conv1d(i, k), conv1d(i.to(kFloat64), k.to(kFloat64)).to(kInt64)));
}

TEST(Convolution, SecondGradients) {
  const auto at = [](const Tensor& x, const Tensor& w) {
    const Tensor a = x.detach().requires_grad_(), b = w.detach().requires_grad_();
    const Tensor y = conv2d(a, b, {}, 2, 1, 1, 2);
    const std::vector<Tensor> first = autograd::grad({(y * y * y).sum()}, {a, b}, {}, {}, true);
    return std::pair(first, std::pair(a, b));
  };
  const Dims xs{1, 4, 5, 6}, ws{2, 2, 3, 3};
  const Values xv = noise(product(xs), 5), wv = noise(product(ws), 6);
  const Tensor x = from_host(xv.data(), xs, kFloat64), w = from_host(wv.data(), ws, kFloat64);
  const auto [first, leaves] = at(x, w);
  const Values u = noise(product(xs), 7), v = noise(product(ws), 8);
  const Tensor du = from_host(u.data(), xs, kFloat64), dv = from_host(v.data(), ws, kFloat64);
  const std::vector<Tensor> second =
      autograd::grad({(first[0] * du).sum() + (first[1] * dv).sum()}, {leaves.first, leaves.second});
  // The Hessian is symmetric: its product with (u, v) is the derivative of the gradient along it.
  const double h = 1e-5;
  const auto plus = at(x + du * h, w + dv * h).first, minus = at(x - du * h, w - dv * h).first;
  for (size_t i = 0; i < 2; ++i) EXPECT_TRUE(allclose(second[i], (plus[i] - minus[i]) / (2 * h), 1e-6, 1e-6)) << i;
}

TEST(Convolution, StoresNoWindows) {
  const Tensor x = rand({4, 16, 32, 32}), w = rand({32, 16, 3, 3}), bias = rand({32});
  eval(x, w, bias);
  const Tensor y = conv2d(x, w, bias, 1, 1).relu();
  const Report report = profile(y);
  EXPECT_EQ(report.kernels.size(), 2u) << explain(y);  // padding, and all else
  const int64_t bytes = x.numel() * 4;
  EXPECT_LT(report.arena_bytes, 2 * bytes);
  EXPECT_LT(report.peak_bytes, 9 * bytes);
  const Report inside = profile(conv2d(x, w, bias).relu());
  EXPECT_EQ(inside.kernels.size(), 1u);
  EXPECT_LT(inside.arena_bytes, bytes / 8);  // the weights, once more
  const Report few = profile(conv2d(x, w.slice(0, 0, 4), Tensor(), 1, 1));
  EXPECT_EQ(few.kernels.size(), 1u);  // windows are packed, padding with them
  EXPECT_EQ(few.arena_bytes, 0);
}

TEST(Convolution, MultipliesNoZerosBetweenElements) {
  const Tensor g = rand({2, 32, 14, 14}), w = rand({32, 16, 3, 3});
  eval(g, w);
  const auto flops = [](const Report& r) {
    double sum = 0;
    for (const KernelReport& k : r.kernels) sum += k.flops;
    return sum;
  };
  const double needed = 2.0 * 2 * 32 * 14 * 14 * 16 * 9;
  EXPECT_LT(flops(profile(conv_transpose2d(g, w, {}, 2, 1, 1))), 1.2 * needed);
}

}  // namespace
}  // namespace lazuli
