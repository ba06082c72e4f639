// Gradients of the functions that are compositions, against central differences in float64.
#include <cmath>
#include <functional>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

struct Smooth {
  const char* text;
  std::function<Tensor(const Tensor&)> f;  // of a 3x4 tensor of different numbers
};

Tensor input() {
  return tensor({{0.3, -1.2, 2.5, 0.9}, {1.7, 0.1, -0.6, 3.1}, {-2.2, 1.1, 0.75, -0.4}}, kFloat64);
}

/// Different weights for every element of the result, so that no gradient cancels.
Tensor weighted(const Tensor& y) {
  return (y.to(kFloat64) * (arange(y.numel(), kFloat64).reshape(y.sizes()) * 0.37 + 0.5).sin()).sum();
}

TEST(SurfaceGradients, AgreeWithCentralDifferences) {
  const Tensor i = tensor({2, 0, 2}), j = tensor({{1, 0, 2, 2}, {0, 0, 1, 2}});
  const Tensor b = tensor({{true, false, false, true}, {false, false, false, false}, {true, true, false, true}});
  const Tensor y = tensor({{2.0, 1.5, 4.0, 3.0}, {1.0, 2.5, 3.0, 4.0}, {4.0, 3.0, 2.0, 1.0}}, kFloat64);
  const std::vector<Smooth> cases = {
      {"index", [&](const Tensor& x) { return x.index({i}); }},
      {"mask", [&](const Tensor& x) { return x.index({b}); }},
      {"masked_select", [&](const Tensor& x) { return masked_select(x, b); }},
      {"put into", [&](const Tensor& x) { return y.clone().index_put_({i}, x); }},
      {"put over", [&](const Tensor& x) { return x.clone().index_put_({i, 1}, y.select(1, 0)); }},
      {"accumulate", [&](const Tensor& x) { return (x * 1).index_put_({i}, x, true); }},
      {"write",
       [&](const Tensor& x) {
         Tensor z = x.clone();
         z.index({b}) = x.index({b}) * 2;
         return z;
       }},
      {"scatter", [&](const Tensor& x) { return y.scatter(0, j, x); }},
      {"scatter base", [&](const Tensor& x) { return x.scatter(1, j, 3); }},
      {"scatter_reduce prod", [&](const Tensor& x) { return y.scatter_reduce(0, j, x, "prod"); }},
      {"scatter_reduce mean", [&](const Tensor& x) { return x.scatter_reduce(0, j, x, "mean", false); }},
      {"scatter_reduce amax", [&](const Tensor& x) { return x.scatter_reduce(0, j, y, "amax"); }},
      {"index_copy", [&](const Tensor& x) { return y.index_copy(0, i, x); }},
      {"index_fill", [&](const Tensor& x) { return x.index_fill(0, i, 1); }},
      {"masked_fill", [&](const Tensor& x) { return x.masked_fill(b, 1); }},
      {"masked_scatter", [&](const Tensor& x) { return y.masked_scatter(b, x); }},
      {"take", [&](const Tensor& x) { return x.take(j); }},
      {"cumsum", [](const Tensor& x) { return x.cumsum(1); }},
      {"cumsum of many", [](const Tensor& x) { return x.repeat({1, 20}).cumsum(1); }},
      {"cumprod", [](const Tensor& x) { return x.cumprod(0); }},
      {"cummax", [](const Tensor& x) { return x.cummax(1).first; }},
      {"logcumsumexp", [](const Tensor& x) { return x.logcumsumexp(1); }},
      {"diff", [](const Tensor& x) { return x.diff(1, 0); }},
      {"sort", [](const Tensor& x) { return x.sort(1).first; }},
      {"topk", [](const Tensor& x) { return x.topk(2, 0).first; }},
      {"median", [](const Tensor& x) { return x.median(1).first; }},
      {"kthvalue", [](const Tensor& x) { return x.kthvalue(2, 1).first; }},
      {"quantile", [](const Tensor& x) { return x.quantile(0.3, 1); }},
      {"repeat", [](const Tensor& x) { return x.repeat({2, 3}); }},
      {"roll", [](const Tensor& x) { return roll(x, {1, 2}, {0, 1}); }},
      {"rot90", [](const Tensor& x) { return rot90(x); }},
      {"diagonal", [](const Tensor& x) { return x.diagonal(1); }},
      {"diagonal of a transpose", [](const Tensor& x) { return x.t().diagonal(); }},
      {"diag_embed", [](const Tensor& x) { return diag_embed(x); }},
      {"unfold", [](const Tensor& x) { return x.unfold(1, 3, 1); }},
      {"as_strided", [](const Tensor& x) { return as_strided(x, {3, 2}, {4, 2}); }},
      {"repeat_interleave", [&](const Tensor& x) { return repeat_interleave(x, i, 0); }},
      {"einsum", [&](const Tensor& x) { return einsum("ij,kj,lk->il", {x, y, x.slice(1, 0, 3)}); }},
      {"einsum of one", [](const Tensor& x) { return einsum("ii->i", {x.slice(1, 0, 3)}); }},
      {"tensordot", [&](const Tensor& x) { return tensordot(x, y, {0}, {0}); }},
      {"baddbmm",
       [&](const Tensor& x) {
         return baddbmm(x.unsqueeze(-1), x.unsqueeze(-1), x.unsqueeze(1).slice(2, 0, 1), 0.5, 2);
       }},
      {"addr", [](const Tensor& x) { return addr(x, x.select(1, 0), x.select(0, 1)); }},
      {"trace", [](const Tensor& x) { return trace(x.slice(1, 0, 3)); }},
      {"kron", [&](const Tensor& x) { return kron(x, y); }},
      {"cross", [&](const Tensor& x) { return cross(x, y, 0); }},
      {"matrix_power", [](const Tensor& x) { return matrix_power(x.slice(1, 0, 3), 3); }},
      {"prod", [](const Tensor& x) { return prod(x, {0, 1}); }},
      {"std", [](const Tensor& x) { return lazuli::std(x, 1, 0.5); }},
      {"norm", [](const Tensor& x) { return norm(x, 3, 1); }},
      {"aminmax", [](const Tensor& x) { return aminmax(x, 0).second; }},
      {"sinc", [](const Tensor& x) { return sinc(x); }},
      {"nansum", [](const Tensor& x) { return nansum(x, 0); }},
  };
  for (const Smooth& c : cases) {
    SCOPED_TRACE(c.text);
    try {
      const Tensor x = input().requires_grad_();
      weighted(c.f(x)).backward();
      constexpr double kStep = 1e-5;
      for (const double angle : {1.0, 2.3}) {
        const Tensor direction = (arange(12, kFloat64).reshape({3, 4}) * angle).cos();
        const auto moved = [&](double by) { return weighted(c.f(input() + direction * by)).item<double>(); };
        const double slope = (moved(kStep) - moved(-kStep)) / (2 * kStep);
        EXPECT_NEAR((x.grad() * direction).sum().item<double>(), slope, 1e-6 * std::max(1.0, std::abs(slope)));
      }
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
    }
  }
}

TEST(Behaviour29, ViewsByStridesAndDiagonalsAlias) {
  Tensor x = arange(12.0).reshape({3, 4});
  x.diagonal().fill_(-1);
  x.diagonal(-1).add_(100);
  as_strided(x, {3}, {4}, 3).mul_(2);
  x.unfold(1, 2, 2).select(2, 1).select(0, 1) = 0;
  EXPECT_EQ(values(x), (Values{-1, 1, 2, 6, 104, 0, 6, 0, 8, 109, -1, 22}));
  as_strided(x, {2, 2}, {2, 4}).zero_();
  EXPECT_EQ(values(x), (Values{0, 1, 0, 6, 0, 0, 0, 0, 8, 109, -1, 22}));
  EXPECT_TRUE(as_strided(x, {2, 2, 2}, {5, 2, 1}, 1).is_alias_of(x));
  EXPECT_TRUE(as_strided(x, {5, 4}, {1, 1}).is_alias_of(x));
  std::vector<Tensor> parts = x.split({1, 2});
  parts[1].fill_(3);
  EXPECT_EQ(values(x.select(0, 2)), (Values{3, 3, 3, 3}));
}

TEST(Surface, InsideCompiledFunctions) {
  auto f = compile([](const Tensor& x, const Tensor& i) {
    Tensor y = x.clone();
    y.index_put_({i}, x.sort(1, true).first.index({i}) * 2);
    return std::pair{y.cumsum(1), x.topk(2, 1).second};
  });
  const Tensor x = tensor({{3.0, 1.0, 2.0}, {4.0, 6.0, 5.0}}), i = tensor({1});
  for (int n = 0; n < 2; ++n) {
    const auto [sums, order] = f(x, i);
    EXPECT_EQ(values(sums), (Values{3, 4, 6, 12, 22, 30}));
    EXPECT_EQ(values(order), (Values{0, 2, 1, 2}));
  }
  auto g = compile([](const Tensor& x) { return x.index({x > 2}); });
  EXPECT_EQ(message_of([&] { g(x); }),
            "index: the values of a tensor decide the shape of the result, and inside a compiled function they are not "
            "known");
}

TEST(Behaviour17, OutAndInPlaceFormsAgree) {
  const Tensor x = tensor({{3.0, 1.0, 2.0}, {4.0, 6.0, 5.0}});
  Tensor out = empty({2, 3});
  const void* where = out.const_data_ptr();
  cumsum_out(out, x, 1);
  EXPECT_EQ(values(out), (Values{3, 4, 6, 4, 10, 15}));
  addmm_out(out, x, tensor({{1.0, 0.0}, {0.0, 1.0}}), x);
  EXPECT_EQ(values(out), (Values{6, 2, 4, 8, 12, 10}));
  EXPECT_EQ(out.const_data_ptr(), where);
  Tensor small = empty({2});
  amax_out(small, x, 1);
  EXPECT_EQ(values(small), (Values{3, 6}));
  Tensor ints = empty({2}, kInt64);
  argmax_out(ints, x, 1);
  EXPECT_EQ(values(ints), (Values{0, 1}));
  EXPECT_EQ(message_of([&] { var_out(ints, x, 1); }),
            "result type Float can't be cast to the desired output type Long");
}

}  // namespace
}  // namespace lazuli
