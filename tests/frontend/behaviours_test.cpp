// The first course in tensors that Lazuli starts from: same values, same printed text, same messages.
#include <algorithm>

#include "lazuli/fmt.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

std::string torch_str(const Tensor& t) {
  return str(t, {.torch_compatible = true});
}

Tensor x4() {
  return tensor({1., 2., 4., 8.});
}
Tensor y4() {
  return tensor({2., 2., 2., 2.});
}
Tensor x34() {
  return arange(12, kFloat32).reshape({3, 4});
}
Tensor y34() {
  return tensor({{2, 1, 4, 3}, {1, 2, 3, 4}, {4, 3, 2, 1}}, kFloat32);
}

TEST(Behaviours, Behaviour01ArangePrints) {
  EXPECT_EQ(torch_str(arange(12, kFloat64)),
            "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11.],\n       dtype=torch.float64)");
  EXPECT_EQ(str(arange(12, kFloat64)),
            "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11.],\n       dtype=lazuli.float64)");
}

TEST(Behaviours, Behaviour02Shape) {
  const Tensor x = arange(12);
  EXPECT_EQ(sizes(x), Dims({12}));
  EXPECT_EQ(x.shape().vec(), Dims({12}));
  EXPECT_EQ(x.size(0), 12);
  EXPECT_EQ(x.dim(), 1);
  EXPECT_EQ(x.numel(), 12);
  EXPECT_EQ(str_size(x.sizes()), "lazuli.Size([12])");
  EXPECT_EQ(str_size(x.sizes(), {.torch_compatible = true}), "torch.Size([12])");
  EXPECT_EQ(str(kFloat32), "lazuli.float32");
  EXPECT_EQ(str(kFloat32, {.torch_compatible = true}), "torch.float32");
}

TEST(Behaviours, Behaviour03ReshapeTo3D) {
  EXPECT_EQ(torch_str(arange(12, kFloat64).reshape({3, 2, 2})),
            "tensor([[[ 0.,  1.],\n         [ 2.,  3.]],\n\n        [[ 4.,  5.],\n         [ 6.,  7.]],\n\n"
            "        [[ 8.,  9.],\n         [10., 11.]]], dtype=torch.float64)");
}

TEST(Behaviours, Behaviour04InferredSize) {
  EXPECT_EQ(sizes(arange(12).reshape({-1, 4})), Dims({3, 4}));
  EXPECT_EQ(sizes(arange(12).reshape({3, -1})), Dims({3, 4}));
  EXPECT_EQ(sizes(arange(12).reshape({3, 2, -1})), Dims({3, 2, 2}));
  EXPECT_EQ(message_of([] { arange(12).reshape({-1, -1}); }), "only one dimension can be inferred");
  EXPECT_EQ(message_of([] { arange(12).reshape({5, -1}); }), "shape '[5, -1]' is invalid for input of size 12");
}

TEST(Behaviours, Behaviour05Empty) {
  const Tensor x = empty({2, 3});
  EXPECT_EQ(x.dtype(), kFloat32);
  EXPECT_EQ(sizes(x), Dims({2, 3}));
}

TEST(Behaviours, Behaviour06Creation) {
  EXPECT_EQ(torch_str(zeros({2, 3, 4})),
            "tensor([[[0., 0., 0., 0.],\n         [0., 0., 0., 0.],\n         [0., 0., 0., 0.]],\n\n"
            "        [[0., 0., 0., 0.],\n         [0., 0., 0., 0.],\n         [0., 0., 0., 0.]]])");
  EXPECT_EQ(torch_str(ones({2})), "tensor([1., 1.])");
  EXPECT_EQ(torch_str(full({2}, 7)), "tensor([7, 7])");
  EXPECT_EQ(torch_str(full({2}, true)), "tensor([True, True])");
  EXPECT_EQ(torch_str(eye(2)), "tensor([[1., 0.],\n        [0., 1.]])");
  EXPECT_EQ(torch_str(linspace(0, 1, 5)), "tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])");
  for (double v : values(rand({3, 4}))) EXPECT_TRUE(0 <= v && v < 1);
  EXPECT_EQ(sizes(randn({3, 4})), Dims({3, 4}));
  EXPECT_EQ(randn({3, 4}).dtype(), kFloat32);
  for (double v : values(randint(2, 5, {100}))) EXPECT_TRUE(2 <= v && v < 5);
  EXPECT_EQ(randint(5, {2}).dtype(), kInt64);
  Values shuffled = values(randperm(10));
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, values(arange(10)));
  // The suffix is left out for the default float, int64 and bool, and stands for all others.
  EXPECT_EQ(torch_str(zeros({2})), "tensor([0., 0.])");
  EXPECT_EQ(torch_str(ones({2}, kInt64)), "tensor([1, 1])");
  EXPECT_EQ(torch_str(ones({2}, kBool)), "tensor([True, True])");
  EXPECT_EQ(torch_str(ones({2}, kInt32)), "tensor([1, 1], dtype=torch.int32)");
  EXPECT_EQ(torch_str(ones({2}, kFloat64)), "tensor([1., 1.], dtype=torch.float64)");
}

TEST(Behaviours, Behaviour07TensorOfNumbers) {
  const Tensor x = tensor({{2, 1, 4, 3}, {1, 2, 3, 4}, {4, 3, 2, 1}});
  EXPECT_EQ(x.dtype(), kInt64);
  EXPECT_EQ(sizes(x), Dims({3, 4}));
  EXPECT_EQ(torch_str(x), "tensor([[2, 1, 4, 3],\n        [1, 2, 3, 4],\n        [4, 3, 2, 1]])");
  EXPECT_EQ(tensor({1, 2.5}).dtype(), kFloat32);
  EXPECT_EQ(tensor({{2.0, 1}, {1, 2}}).dtype(), kFloat32);
  EXPECT_EQ(tensor({1, 2}, kFloat64).dtype(), kFloat64);
  EXPECT_EQ(tensor({1.5, 2.5}, dtype(kInt32)).dtype(), kInt32);
}

TEST(Behaviours, Behaviour08Like) {
  const Tensor x = y34();
  EXPECT_EQ(values(ones_like(x) * 2), Values(12, 2));
  EXPECT_EQ(values(zeros_like(x)), Values(12, 0));
  EXPECT_EQ(values(full_like(x, 3)), Values(12, 3));
  EXPECT_EQ(sizes(empty_like(x)), Dims({3, 4}));
  EXPECT_EQ(ones_like(x, kInt32).dtype(), kInt32);
  for (double v : values(rand_like(x))) EXPECT_TRUE(0 <= v && v < 1);
  EXPECT_EQ(sizes(randn_like(x)), Dims({3, 4}));
  EXPECT_EQ(randint_like(x, 3).dtype(), kFloat32);
  const TensorOptions o = dtype(kFloat64).device("cpu");
  for (const Tensor& t : {ones_like(x, o), zeros_like(x, o), empty_like(x, o), full_like(x, 3, o), rand_like(x, o),
                          randn_like(x, o), randint_like(x, 3, o)}) {
    EXPECT_EQ(t.dtype(), kFloat64);
    EXPECT_EQ(t.device(), kCPU);
    EXPECT_EQ(sizes(t), Dims({3, 4}));
  }
}

TEST(Behaviours, Behaviour09DevicesAndDTypes) {
  EXPECT_EQ(zeros({2}, dtype(kInt32).device("cpu")).device(), kCPU);
  EXPECT_EQ(arange(3).to(kDouble).dtype(), kFloat64);
  EXPECT_EQ(arange(3).to("cpu").dtype(), kLong);
  EXPECT_EQ(arange(3).to(kCPU).device(), Device("cpu"));
  EXPECT_EQ(Device("cuda:0"), kCUDA);
  EXPECT_EQ(Device("cuda:1").str(), "cuda:1");
  constexpr std::pair<DType, DType> aliases[] = {{kFloat, kFloat32}, {kDouble, kFloat64}, {kLong, kInt64},
                                                 {kInt, kInt32},     {kShort, kInt16},    {kChar, kInt8},
                                                 {kByte, kUInt8},    {kHalf, kFloat16}};
  for (const auto& [alias, type] : aliases) {
    EXPECT_EQ(alias, type);
    EXPECT_EQ(arange(3).to(alias).dtype(), type);
  }
  EXPECT_EQ(arange(3).to(kBFloat16).dtype(), kBFloat16);
  EXPECT_EQ(arange(3).to(kBool).dtype(), kBool);
}

TEST(Behaviours, Behaviour10Elementwise) {
  EXPECT_EQ(torch_str(x4() + y4()), "tensor([ 3.,  4.,  6., 10.])");
  EXPECT_EQ(torch_str(x4() - y4()), "tensor([-1.,  0.,  2.,  6.])");
  EXPECT_EQ(torch_str(x4() * y4()), "tensor([ 2.,  4.,  8., 16.])");
  EXPECT_EQ(torch_str(x4() / y4()), "tensor([0.5000, 1.0000, 2.0000, 4.0000])");
  EXPECT_EQ(torch_str(pow(x4(), y4())), "tensor([ 1.,  4., 16., 64.])");
}

TEST(Behaviours, Behaviour11Exp) {
  EXPECT_EQ(torch_str(exp(x4())), "tensor([2.7183e+00, 7.3891e+00, 5.4598e+01, 2.9810e+03])");
  EXPECT_EQ(exp(arange(3)).dtype(), kFloat32);
  EXPECT_EQ(torch_str(exp(tensor({1, 2, 4, 8}))), "tensor([2.7183e+00, 7.3891e+00, 5.4598e+01, 2.9810e+03])");
}

TEST(Behaviours, Behaviour12Broadcast) {
  const Tensor a = arange(3, kFloat32).reshape({3, 1}), b = arange(2, kFloat32).reshape({1, 2});
  EXPECT_EQ(torch_str(a + b), "tensor([[0., 1.],\n        [1., 2.],\n        [2., 3.]])");
  EXPECT_EQ(message_of([] { arange(3) + arange(4); }),
            "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0");
}

TEST(Behaviours, Behaviour13Transposes) {
  EXPECT_EQ(sizes(y34().t()), Dims({4, 3}));
  EXPECT_EQ(sizes(arange(24).reshape({2, 3, 4}).permute({1, 2, 0})), Dims({3, 4, 2}));
  EXPECT_EQ(sizes(x34().flatten()), Dims({12}));
  const Tensor cube = arange(24).reshape({2, 3, 4});
  EXPECT_EQ(values(cube.permute({1, 2, 0})[1][2]), Values({6, 18}));
  EXPECT_EQ(values(y34().t()[0]), Values({2, 1, 4}));
  EXPECT_EQ(sizes(cube.mT()), Dims({2, 4, 3}));
  EXPECT_EQ(values(cube.mT()[0][1]), Values({1, 5, 9}));
  EXPECT_EQ(sizes(cube.T()), Dims({4, 3, 2}));
  EXPECT_EQ(sizes(cube.flatten(1)), Dims({2, 12}));
  EXPECT_EQ(sizes(cube.view({4, -1})), Dims({4, 6}));
  EXPECT_EQ(sizes(cube.unsqueeze(1)), Dims({2, 1, 3, 4}));
  EXPECT_EQ(sizes(cube.unsqueeze(1).squeeze()), Dims({2, 3, 4}));
  EXPECT_EQ(values(arange(2).unsqueeze(1).expand({2, 3})), Values({0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(sizes(cube.movedim(0, 2)), Dims({3, 4, 2}));
}

TEST(Behaviours, Behaviour14MatrixProduct) {
  const Values expected = {18, 20, 10, 58, 60, 50, 98, 100, 90};
  EXPECT_EQ(values(mm(x34(), y34().t())), expected);
  EXPECT_EQ(values(matmul(x34(), y34().t())), expected);
}

TEST(Behaviours, Behaviour15Weights) {
  const Tensor s =
      tensor({{60, 30, 10, 30}, {10, 20, 30, 40}, {40, 30, 20, 10}, {40, 30, 20, 10}, {40, 30, 20, 10}}, kFloat32);
  const Tensor weight = tensor({{.3, .3, .2, .2}});
  EXPECT_EQ(torch_str(mm(s, weight.t())),
            "tensor([[35.],\n        [23.],\n        [27.],\n        [27.],\n        [27.]])");
}

TEST(Behaviours, Behaviour16Dot) {
  const Tensor d = dot(x34().flatten(), y34().flatten());
  EXPECT_EQ(d.item<double>(), 168);
  EXPECT_EQ(format_value(d), "168.0");
  EXPECT_EQ(fmt::format("{}", d), "168.0");
  EXPECT_EQ(fmt::format("{:>8} {}", d, x4()), "   168.0 tensor([1., 2., 4., 8.])");
  EXPECT_EQ(message_of([] { dot(x34(), y34()); }), "1D tensors expected, but got 2D and 2D tensors");
}

TEST(Behaviours, Behaviour17Forms) {
  const Tensor a = x34(), b = y34().t().contiguous();
  Tensor out = empty({3, 3});
  matmul_out(out, a, b);
  EXPECT_TRUE(equal(out, matmul(a, b)));
  EXPECT_TRUE(equal(out, a.matmul(b)));
  Tensor sum = empty({4});
  add_out(sum, x4(), y4());
  EXPECT_TRUE(equal(sum, x4().add(y4())));
  EXPECT_TRUE(equal(sum, x4() + y4()));
  mul_out(sum, x4(), y4());
  EXPECT_TRUE(equal(sum, x4().mul(y4())));
  EXPECT_TRUE(equal(sum, x4() * y4()));
  EXPECT_EQ(values(a.matmul(b).add(-50).relu()), Values({0, 0, 0, 8, 10, 0, 48, 50, 40}));
}

TEST(Behaviours, Behaviour19Cat) {
  EXPECT_EQ(sizes(stack({x34(), y34()})), Dims({2, 3, 4}));
  const Tensor rows = cat({x34(), y34()});
  EXPECT_EQ(values(rows[2]), Values({8, 9, 10, 11}));
  EXPECT_EQ(values(rows[3]), Values({2, 1, 4, 3}));
  EXPECT_EQ(sizes(rows), Dims({6, 4}));
  EXPECT_EQ(sizes(cat({x34(), y34()}, 1)), Dims({3, 8}));
  EXPECT_EQ(torch_str(cat({x34(), y34()}, 1)),
            "tensor([[ 0.,  1.,  2.,  3.,  2.,  1.,  4.,  3.],\n        [ 4.,  5.,  6.,  7.,  1.,  2.,  3.,  4.],\n"
            "        [ 8.,  9., 10., 11.,  4.,  3.,  2.,  1.]])");
}

TEST(Behaviours, Behaviour20CatMismatch) {
  const Tensor x = arange(12).reshape({3, 4}), y = arange(8).reshape({2, 4});
  EXPECT_EQ(sizes(cat({x, y}, 0)), Dims({5, 4}));
  EXPECT_EQ(
      message_of([&] { cat({x, y}, 1); }),
      "Sizes of tensors must match except in dimension 1. Expected size 3 but got size 2 for tensor number 1 in the "
      "list.");
  try {
    cat({x, y}, 1);
    FAIL();
  } catch (const Error& e) {
    const std::string text = e.what();
    EXPECT_EQ(text.substr(0, text.find('\n')), e.message());
    EXPECT_NE(text.find("behaviours_test.cpp:"), std::string::npos);
  }
}

TEST(Behaviours, Behaviour21Stack) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(torch_str(stack({x, x}, 0)),
            "tensor([[[1, 2, 3],\n         [4, 5, 6]],\n\n        [[1, 2, 3],\n         [4, 5, 6]]])");
  EXPECT_EQ(torch_str(stack({x, x}, 1)),
            "tensor([[[1, 2, 3],\n         [1, 2, 3]],\n\n        [[4, 5, 6],\n         [4, 5, 6]]])");
  EXPECT_EQ(sizes(stack({x, x}, 2)), Dims({2, 3, 2}));
  EXPECT_EQ(message_of([&] { stack({x, arange(3)}); }),
            "stack expects each tensor to be equal size, but got [2, 3] at entry 0 and [3] at entry 1");
}

TEST(Behaviours, Behaviour22Compare) {
  EXPECT_EQ(torch_str(x34() == y34()),
            "tensor([[False,  True, False,  True],\n        [False, False, False, False],\n"
            "        [False, False, False, False]])");
  EXPECT_EQ(torch_str(tensor({1, 2}) == tensor({1, 2})), "tensor([True, True])");
}

TEST(Behaviours, Behaviour23Sums) {
  const Tensor s =
      tensor({{60, 30, 10, 30}, {10, 20, 30, 40}, {40, 30, 20, 10}, {40, 30, 20, 10}, {40, 30, 20, 10}}, kFloat32);
  EXPECT_EQ(torch_str(x34().sum()), "tensor(66.)");
  EXPECT_EQ(torch_str(s.sum(1)), "tensor([130., 100., 100., 100., 100.])");
  EXPECT_EQ(torch_str(s.sum(0)), "tensor([190., 140., 100., 100.])");
  EXPECT_EQ(arange(3, kInt8).sum().dtype(), kInt64);
  EXPECT_EQ((x34() == y34()).sum().item<int64_t>(), 2);
}

TEST(Behaviours, Behaviour24Norm) {
  EXPECT_EQ(arange(12, kFloat32).norm().item<double>(), 22.494443893432617);
}

TEST(Behaviours, Behaviour32DlpackBothWays) {
  for (const bool versioned : {true, false}) {
    Tensor x = x34();
    Tensor y = from_dlpack(to_dlpack(x, {.versioned = versioned}));
    EXPECT_EQ(y.data_ptr(), x.data_ptr());
    y(1, 2) = -1;
    EXPECT_EQ(x(1, 2).item<float>(), -1);
    x.zero_();
    EXPECT_EQ(values(y), Values(12, 0));
  }
}

TEST(Behaviours, Behaviour35Gradient) {
  const Tensor x = tensor({2.0, 3.0}).requires_grad_();
  const Tensor y = x.pow(2) + 3 * x + 1, z = y.sum();
  z.backward();
  EXPECT_EQ(torch_str(x.grad()), "tensor([7., 9.])");
  const Tensor again = tensor({2.0, 3.0}, requires_grad());
  (again * again + 3 * again + 1).sum().backward();
  EXPECT_EQ(values(again.grad()), Values({7, 9}));
}

TEST(Behaviours, Behaviour27InPlaceForms) {
  Tensor z = empty({4});
  z(Slice()) = x4() + y4();
  EXPECT_EQ(values(z), Values({3, 4, 6, 10}));
  add_out(z, x4(), x4());
  EXPECT_EQ(values(z), Values({2, 4, 8, 16}));
  z += y4();
  EXPECT_EQ(values(z), Values({4, 6, 10, 18}));
}

TEST(Behaviours, Behaviour36RandLikeOfIntegers) {
  try {
    rand_like(arange(12));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), "\"check_uniform_bounds\" not implemented for 'Long'");
    EXPECT_NE(e.hint().find("to(kFloat32)"), std::string::npos);
    EXPECT_NE(e.hint().find("dtype"), std::string::npos);
    EXPECT_NE(e.hint().find("randint_like"), std::string::npos);
  }
}

TEST(Behaviours, Behaviour37WaysOut) {
  const Tensor x = arange(12);
  EXPECT_EQ(rand_like(x.to(kFloat32)).dtype(), kFloat32);
  EXPECT_EQ(rand_like(x, kFloat32).dtype(), kFloat32);
  for (double v : values(randint_like(x, 10))) EXPECT_TRUE(0 <= v && v < 10);
  for (double v : values(randint_like(x, 5, 7, kInt32))) EXPECT_TRUE(5 <= v && v < 7);
  EXPECT_EQ(randint_like(x, 5, 7, dtype(kInt32).device("cpu")).dtype(), kInt32);
  EXPECT_EQ(randint_like(x, 10).dtype(), kInt64);
  EXPECT_EQ(sizes(rand_like(x, kFloat32)), Dims({12}));
}

}  // namespace
}  // namespace lazuli
