// Reductions, products, joining, padding and functions of neural networks: values and messages.
#include <cmath>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

Tensor x23() {
  return tensor({{1., 5., 3.}, {4., 2., 6.}});
}

void expect_near(const Tensor& t, const Values& expected, double tolerance = 1e-6) {
  const Values got = values(t);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << i;
}

TEST(Reduce, SumsAndProducts) {
  EXPECT_EQ(x23().sum().item<float>(), 21);
  EXPECT_EQ(values(x23().sum(0)), Values({5, 7, 9}));
  EXPECT_EQ(values(x23().sum(-1)), Values({9, 12}));
  EXPECT_EQ(sizes(x23().sum(1, true)), Dims({2, 1}));
  EXPECT_EQ(x23().sum({0, 1}).dim(), 0);
  EXPECT_EQ(x23().sum(kFloat64).dtype(), kFloat64);
  EXPECT_EQ(x23().sum(0, false, kInt32).dtype(), kInt32);
  EXPECT_EQ(values(x23().prod(0)), Values({4, 10, 18}));
  EXPECT_EQ(arange(1, 5).prod().item<int64_t>(), 24);
  EXPECT_EQ(arange(3, kUInt8).sum().dtype(), kInt64);
  EXPECT_EQ(zeros({0}).sum().item<float>(), 0);
  EXPECT_EQ(zeros({0}).prod().item<float>(), 1);
  EXPECT_EQ(tensor(3.).sum(0).item<float>(), 3);
  EXPECT_EQ(message_of([] { x23().sum(2); }), "Dimension out of range (expected to be in range of [-2, 1], but got 2)");
  EXPECT_EQ(message_of([] { x23().sum({0, 0}); }), "dim 0 appears multiple times in the list of dims");
  EXPECT_EQ(message_of([] { x23().sum({0, -2}); }), "dim 0 appears multiple times in the list of dims");
  Tensor out = empty({3});
  sum_out(out, x23(), 0);
  EXPECT_EQ(values(out), Values({5, 7, 9}));
}

TEST(Reduce, MeanAndVariance) {
  EXPECT_EQ(x23().mean().item<float>(), 3.5f);
  EXPECT_EQ(values(x23().mean(1)), Values({3, 4}));
  expect_near(x23().var(), {3.5});
  expect_near(x23().var(false), {17.5 / 6});
  expect_near(x23().var(1), {4, 4});
  expect_near(x23().var(1, false), {8. / 3, 8. / 3});
  expect_near(x23().var(1, 0), {8. / 3, 8. / 3});
  expect_near(x23().std(), {std::sqrt(3.5)});
  expect_near(lazuli::std(x23(), 1, true, true), {2, 2});
  EXPECT_EQ(sizes(x23().std(1, true, true)), Dims({2, 1}));
  EXPECT_EQ(arange(4).mean(kFloat32).item<float>(), 1.5f);
  EXPECT_EQ(
      message_of([] { arange(3).mean(); }),
      "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long");
  EXPECT_THROW(arange(3).var(), Error);
}

TEST(Reduce, Extremes) {
  EXPECT_EQ(x23().max().item<float>(), 6);
  EXPECT_EQ(x23().min().item<float>(), 1);
  EXPECT_EQ(values(x23().amax(1)), Values({5, 6}));
  EXPECT_EQ(values(x23().amin({0})), Values({1, 2, 3}));
  const auto [largest, where] = x23().max(1);
  EXPECT_EQ(values(largest), Values({5, 6}));
  EXPECT_EQ(values(where), Values({1, 2}));
  EXPECT_EQ(where.dtype(), kInt64);
  EXPECT_EQ(values(x23().min(0).second), Values({0, 1, 0}));
  EXPECT_EQ(values(max(x23(), full({3}, 4.))), Values({4, 5, 4, 4, 4, 6}));
  EXPECT_EQ(x23().argmax().item<int64_t>(), 5);
  EXPECT_EQ(values(x23().argmin(1)), Values({0, 1}));
  EXPECT_EQ(sizes(x23().argmax(1, true)), Dims({2, 1}));
  EXPECT_TRUE(std::isnan(tensor({1., NAN, 2.}).max().item<float>()));
  EXPECT_EQ(tensor({1., NAN, 2.}).argmax().item<int64_t>(), 1);
  EXPECT_EQ(tensor({true, false}).max().item<bool>(), true);
  EXPECT_EQ(
      message_of([] { zeros({0}).max(); }),
      "max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' "
      "argument.");
  EXPECT_EQ(message_of([] { zeros({0, 2}).amax(0); }), "amax(): Expected reduction dim 0 to have non-zero size.");
  EXPECT_EQ(sizes(zeros({0, 2}).amax(1)), Dims({0}));
}

TEST(Reduce, Truth) {
  EXPECT_TRUE((x23() > 5).any().item<bool>());
  EXPECT_EQ(values((x23() > 3).all(0)), Values({0, 0, 0}));
  EXPECT_EQ(values((x23() > 3).any(1)), Values({1, 1}));
  EXPECT_FALSE(x23().all().item<bool>() == false);
  EXPECT_TRUE(zeros({0}).all().item<bool>());
  EXPECT_EQ((x23() > 2).count_nonzero().item<int64_t>(), 4);
}

TEST(Reduce, Norms) {
  expect_near(tensor({3., 4.}).norm(), {5});
  expect_near(tensor({3., -4.}).norm(1), {7});
  expect_near(tensor({3., -4.}).norm(INFINITY), {4});
  expect_near(tensor({3., 0.}).norm(0), {1});
  expect_near(x23().norm(2, 0), {std::sqrt(17.), std::sqrt(29.), std::sqrt(45.)});
  expect_near(tensor({1., 2.}).norm(3), {std::cbrt(9.)});
  expect_near(tensor({0., std::log(3.)}).logsumexp(0), {std::log(4.)});
  EXPECT_THROW(arange(3).norm(), Error);
}

TEST(Matmul, Shapes) {
  const auto result = [](IntArrayRef a, IntArrayRef b) { return sizes(matmul(ones(a), ones(b))); };
  EXPECT_EQ(result({2, 3}, {3, 4}), Dims({2, 4}));
  EXPECT_EQ(result({3}, {3}), Dims({}));
  EXPECT_EQ(result({3}, {3, 4}), Dims({4}));
  EXPECT_EQ(result({2, 3}, {3}), Dims({2}));
  EXPECT_EQ(result({5, 2, 3}, {3, 4}), Dims({5, 2, 4}));
  EXPECT_EQ(result({5, 2, 3}, {3}), Dims({5, 2}));
  EXPECT_EQ(result({3}, {5, 3, 4}), Dims({5, 4}));
  EXPECT_EQ(result({2, 3}, {5, 3, 4}), Dims({5, 2, 4}));
  EXPECT_EQ(result({6, 1, 2, 3}, {5, 3, 4}), Dims({6, 5, 2, 4}));
  EXPECT_EQ(result({2, 0}, {0, 4}), Dims({2, 4}));
}

TEST(Matmul, BatchesAgreeWithTheirMatrices) {
  const Tensor a = arange(24, kFloat32).reshape({2, 3, 4}), b = arange(40, kFloat32).reshape({2, 4, 5});
  const Tensor both = matmul(a, b);
  EXPECT_TRUE(equal(both, bmm(a, b)));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(equal(both[i], mm(a[i], b[i])));
  const Tensor wide = matmul(a[0], b);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(equal(wide[i], mm(a[0], b[i])));
  const Tensor row = matmul(a[0][1], b);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(equal(row[i], mv(b[i].t(), a[0][1])));
  EXPECT_EQ(values(mm(arange(4).reshape({2, 2}), arange(4).reshape({2, 2}))), Values({2, 3, 6, 11}));
}

TEST(Matmul, OtherProducts) {
  EXPECT_EQ(values(outer(tensor({1, 2}), tensor({3, 4, 5}))), Values({3, 4, 5, 6, 8, 10}));
  EXPECT_EQ(values(mv(arange(6).reshape({2, 3}), arange(3))), Values({5, 14}));
  EXPECT_EQ(values(addmm(ones({2, 2}), eye(2), eye(2), 2, 3)), Values({5, 2, 2, 5}));
  EXPECT_EQ(values(linear(ones({1, 2}), tensor({{1., 2.}, {3., 4.}}), tensor({10., 20.}))), Values({13, 27}));
}

TEST(Matmul, Errors) {
  EXPECT_EQ(message_of([] { mm(ones({2, 3}), ones({4, 5})); }),
            "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)");
  EXPECT_EQ(message_of([] { mm(ones({2}), ones({2, 2})); }), "self must be a matrix");
  EXPECT_EQ(message_of([] { mm(ones({2, 2}), ones({2, 2}, kFloat64)); }),
            "expected m1 and m2 to have the same dtype, but got: float32 != float64");
  EXPECT_EQ(message_of([] { matmul(tensor(1.), ones({2, 2})); }),
            "both arguments to matmul need to be at least 1D, but they are 0D and 2D");
  EXPECT_EQ(
      message_of([] { dot(ones({3}), ones({4})); }),
      "inconsistent tensor size, expected tensor [3] and src [4] to have the same number of elements, but got 3 and 4 "
      "elements respectively");
  EXPECT_EQ(message_of([] { dot(ones({3}), ones({3}, kFloat64)); }),
            "dot : expected both vectors to have same dtype, but found Float and Double");
  EXPECT_EQ(message_of([] { mv(ones({2, 3}), ones({4})); }), "size mismatch, got input (2), mat (2x3), vec (4)");
  EXPECT_EQ(message_of([] { bmm(ones({2, 3, 4}), ones({2, 5, 6})); }),
            "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 5].");
  EXPECT_EQ(message_of([] { matmul(ones({2, 2, 3}), ones({3, 3, 4})); }),
            "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0");
}

TEST(Join, CatPromotesAndSkipsEmpty) {
  EXPECT_EQ(cat({arange(2), ones({2})}).dtype(), kFloat32);
  EXPECT_EQ(values(cat({arange(2), ones({2})})), Values({0, 1, 1, 1}));
  EXPECT_EQ(sizes(cat({zeros({0}), ones({2, 3})}, 1)), Dims({2, 3}));
  EXPECT_EQ(sizes(cat({ones({2, 3}), ones({2, 1})}, -1)), Dims({2, 4}));
  EXPECT_EQ(message_of([] { cat(std::vector<Tensor>{}); }), "torch.cat(): expected a non-empty list of Tensors");
  EXPECT_EQ(message_of([] { cat({ones({2}), ones({2, 2})}); }),
            "Tensors must have same number of dimensions: got 1 and 2");
  EXPECT_EQ(message_of([] { cat({tensor(1), tensor(2)}); }),
            "zero-dimensional tensor (at position 0) cannot be concatenated");
}

TEST(Join, SplitIntoViews) {
  Tensor x = arange(10);
  std::vector<Tensor> parts = split(x, 4);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(values(parts[2]), Values({8, 9}));
  parts[0] += 100;
  EXPECT_EQ(x[0].item<int64_t>(), 100);
  EXPECT_EQ(chunk(x, 3).size(), 3u);
  EXPECT_EQ(chunk(x, 4)[3].numel(), 1);
  EXPECT_EQ(unbind(arange(6).reshape({2, 3}), 1).size(), 3u);
}

TEST(Join, Pad) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  EXPECT_EQ(values(pad(x, {1, 0})), Values({0, 1, 2, 0, 3, 4}));
  EXPECT_EQ(values(pad(x, {0, 0, 0, 1}, "constant", 9)), Values({1, 2, 3, 4, 9, 9}));
  EXPECT_EQ(values(pad(x, {-1, 1})), Values({2, 0, 4, 0}));
  EXPECT_EQ(values(pad(x, {-3, 3})), Values({0, 0, 0, 0}));
  EXPECT_THROW(pad(x, {-3, 0}), Error);
  EXPECT_THROW(pad(x, {1}), Error);
  EXPECT_THROW(pad(x, {1, 1}, "mirror"), Error);
}

TEST(Nn, Softmax) {
  const Tensor x = tensor({{0., std::log(3.)}, {1., 1.}});
  expect_near(softmax(x, 1), {0.25, 0.75, 0.5, 0.5});
  expect_near(x.log_softmax(-1), {std::log(.25), std::log(.75), std::log(.5), std::log(.5)});
  expect_near(softmax(x, 0).sum(0), {1, 1});
  expect_near(softmax(tensor(3.), 0), {1});
  EXPECT_EQ(softmax(arange(3), 0, kFloat32).dtype(), kFloat32);
  EXPECT_EQ(message_of([] { softmax(arange(3), 0); }), "\"softmax_kernel_impl\" not implemented for 'Long'");
}

TEST(Nn, LayerNorm) {
  const Tensor x = tensor({{1., 3.}, {2., 6.}});
  expect_near(layer_norm(x, {2}, {}, {}, 0), {-1, 1, -1, 1});
  expect_near(layer_norm(x, {2}, tensor({2., 3.}), tensor({1., 0.}), 0), {-1, 3, -1, 3});
  expect_near(layer_norm(x, {2}, {}, tensor({1., 0.}), 0), {0, 1, 0, 1});
  EXPECT_EQ(message_of([&] { layer_norm(x, {3}); }),
            "Given normalized_shape=[3], expected input with shape [*, 3], but got input of size[2, 2]");
}

TEST(Nn, Activations) {
  const Tensor x = tensor({-1., 0., 2.}, kFloat64);
  expect_near(gelu(x), {-0.15865525393145707, 0, 1.9544997361036416}, 1e-12);
  EXPECT_TRUE(equal(gelu(x, "none"), gelu(x)));
  expect_near(gelu(x, "tanh"), {-0.15880800939172324, 0, 1.9545976940877752}, 1e-12);
  expect_near(silu(x), {-1 / (1 + std::exp(1)), 0, 2 / (1 + std::exp(-2))}, 1e-12);
  expect_near(sigmoid(x), {1 / (1 + std::exp(1)), 0.5, 1 / (1 + std::exp(-2))}, 1e-12);
  EXPECT_EQ(values(relu(x)), Values({0, 0, 2}));
  EXPECT_EQ(message_of([&] { gelu(x, "sinh"); }), "approximate argument must be either none or tanh.");
}

}  // namespace
}  // namespace lazuli
