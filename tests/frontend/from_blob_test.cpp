// Memory of the user's as tensors: options, strides, and one call of the deleter whatever happens.
#include <gmock/gmock.h>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FromBlob, TakesOptions) {
  double memory[] = {1, 2, 3, 4};
  void* p = memory;
  const Tensor x = from_blob(p, {2, 2}, TensorOptions().dtype(kFloat64).requires_grad(true));
  EXPECT_EQ(x.dtype(), kFloat64);
  EXPECT_TRUE(x.requires_grad());
  EXPECT_TRUE(x.is_leaf());
  EXPECT_EQ(from_blob(p, {4}).dtype(), kFloat32);
  EXPECT_EQ(from_blob(memory, {4}).dtype(), kFloat64);
  EXPECT_EQ(from_blob(memory, {8}, kFloat32).numel(), 8);
  EXPECT_EQ(from_blob(p, 4, kDouble).sum().item<double>(), 10);
}

TEST(FromBlob, Strides) {
  float memory[] = {0, 1, 2, 3, 4, 5, 6, 7};
  Tensor t = from_blob(memory, {4, 2}, {1, 4});
  EXPECT_EQ(values(t), Values({0, 4, 1, 5, 2, 6, 3, 7}));
  EXPECT_EQ(t.strides().vec(), Dims({1, 4}));
  memory[4] = 40;
  EXPECT_EQ(t[0][1].item<float>(), 40);
  t[1] = -1;
  EXPECT_THAT(memory, ElementsAre(0, -1, 2, 3, 40, -1, 6, 7));
  Tensor every = from_blob(memory, {4}, {2}, kFloat32);
  every += 10;
  EXPECT_THAT(memory, ElementsAre(10, -1, 12, 3, 50, -1, 16, 7));
  EXPECT_EQ(values(from_blob(memory, {2, 2}, {0, 1})), Values({10, -1, 10, -1}));
  EXPECT_EQ(sizes(from_blob(memory, {0, 3}, {-1, 5})), Dims({0, 3}));
  Tensor padded = from_blob(memory, {2, 3}, {5, 1});  // rows with two elements between them
  EXPECT_EQ(values(padded), Values({10, -1, 12, -1, 16, 7}));
  padded.fill_(5);
  EXPECT_THAT(memory, ElementsAre(5, 5, 5, 3, 50, 5, 5, 5));
  memory[0] = 10;
  EXPECT_EQ(values(from_blob(memory, {}, IntArrayRef())), Values({10}));
}

TEST(FromBlob, RefusesWithTheDeleterCalledOnce) {
  float memory[8] = {};
  struct Case {
    std::vector<int64_t> sizes, strides;
    TensorOptions options;
    int64_t offset;
    const char* message;
  };
  const Case cases[] = {
      {{2, 2}, {1}, {}, 0, "mismatch in length of strides and shape"},
      {{2, 2}, {-1, 1}, {}, 0, "Negative strides"},
      {{-2, 2}, {2, 1}, {}, 0, "negative dimension -2"},
      {{int64_t{1} << 62, 4}, {4, 1}, {}, 0, "too large"},
      {{2, 2}, {INT64_MAX, 1}, {}, 0, "further than memory"},
      {{2, 2}, {2, 1}, {}, 1, "no multiple of 4"},
      {{2, 2}, {2, 1}, DType::Complex64, 0, "complex64 is not supported"},
      {{2, 2}, {2, 1}, kFloat32, INT64_MIN, "null pointer"},
      {{2, 2}, {2, 1}, requires_grad().dtype(kInt32), 0, "can require gradients"},
      {Dims(100, 1), Dims(100, 1), {}, 0, "axes, not 100"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    int deleted = 0;
    void* data = c.offset == INT64_MIN ? nullptr : reinterpret_cast<char*>(memory) + c.offset;
    void* seen = memory;
    EXPECT_THAT(message_of([&] {
                  from_blob(
                      data, c.sizes, c.strides,
                      [&](void* p) {
                        ++deleted;
                        seen = p;
                      },
                      c.options);
                }),
                HasSubstr(c.message));
    EXPECT_EQ(deleted, 1);
    EXPECT_EQ(seen, data);
  }
}

TEST(FromBlob, TheDeleterIsCalledWithTheLastUse) {
  float memory[] = {1, 2, 3, 4};
  int deleted = 0;
  const auto deleter = [&](void*) { ++deleted; };
  for (const bool strided : {false, true}) {
    deleted = 0;
    Tensor y;
    {
      Tensor x = strided ? from_blob(memory, {2, 2}, {1, 2}, deleter, kFloat32) : from_blob(memory, {2, 2}, deleter);
      const Tensor copy = x, view = x[0];
      y = view + 1;
      x = Tensor();
      EXPECT_EQ(deleted, 0);
    }
    EXPECT_EQ(deleted, 0);
    EXPECT_EQ(values(y), strided ? Values({2, 4}) : Values({2, 3}));
    y = Tensor();
    EXPECT_EQ(deleted, 1);
  }
  deleted = 0;
  {
    const Tensor empty = from_blob(memory, {0}, deleter);
  }
  EXPECT_EQ(deleted, 1);
}

TEST(Options, EveryFactoryTakesThem) {
  const TensorOptions o = TensorOptions().dtype(kFloat64).layout(kStrided).device(kCPU).requires_grad(true);
  const Tensor x = zeros({2, 3}, kInt64);
  const Tensor made[] = {zeros({2}, o),
                         ones({2}, o),
                         full({2}, 7, o),
                         empty({2}, o),
                         arange(3, o),
                         arange(1, 3, o),
                         arange(1, 3, 0.5, o),
                         linspace(0, 1, 3, o),
                         logspace(0, 1, 3, 10.0, o),
                         eye(2, o),
                         eye(2, 3, o),
                         rand({2}, o),
                         randn({2}, o),
                         randint(5, {2}, o),
                         randint(2, 5, {2}, o),
                         randperm(4, o),
                         normal(0, 1, {2}, {}, o),
                         tensor({1, 2}, o),
                         zeros_like(x, o),
                         ones_like(x, o),
                         full_like(x, 1, o),
                         empty_like(x, o),
                         rand_like(x, o),
                         randn_like(x, o),
                         randint_like(x, 5, o),
                         randint_like(x, 2, 5, o),
                         x.new_zeros({2}, o),
                         x.new_ones({2}, o),
                         x.new_empty({2}, o),
                         x.new_full({2}, 1, o)};
  for (const Tensor& t : made) {
    EXPECT_EQ(t.dtype(), kFloat64);
    EXPECT_EQ(t.device(), kCPU);
    EXPECT_EQ(t.layout(), kStrided);
    EXPECT_TRUE(t.requires_grad());
    EXPECT_TRUE(t.is_leaf());
  }
  for (const Tensor& t : {zeros({2}), rand({2}), tensor({1.}), zeros_like(x)}) EXPECT_FALSE(t.requires_grad());
}

TEST(Options, WhatConvertsToThem) {
  EXPECT_EQ(ones(10, kF64).dtype(), kFloat64);
  EXPECT_EQ(ones(10, "cpu").device(), kCPU);
  EXPECT_EQ(ones({2}, Device("cpu")).device().type(), kCPU);
  EXPECT_EQ(ones({2}, kStrided).dtype(), kFloat32);
  EXPECT_EQ(ones({2}, dtype(kInt).layout(kStrided)).dtype(), kInt32);
  EXPECT_TRUE(ones({2}, requires_grad()).requires_grad());
  EXPECT_FALSE(ones({2}, requires_grad(false)).requires_grad());
  const TensorOptions o = device(kCUDA, 1).dtype(kHalf);
  EXPECT_EQ(o.device(), Device("cuda:1"));
  EXPECT_EQ(o.device().index(), 1);
  EXPECT_EQ(o.dtype(), kFloat16);
  EXPECT_FALSE(o.has_requires_grad());
  EXPECT_EQ(TensorOptions().dtype(), kFloat32);
  EXPECT_EQ(TensorOptions().device(), kCPU);
  EXPECT_EQ(arange(3, kInt8).options().dtype(), kInt8);
  EXPECT_THAT(message_of([] { ones({2}, "disk"); }), HasSubstr("device \"disk\" is not known"));
  EXPECT_EQ(message_of([] { ones({2}, requires_grad().dtype(kInt32)); }),
            "only Tensors of floating point dtype can require gradients");
}

TEST(Options, Conversion) {
  const Tensor x = arange(3);
  EXPECT_EQ(x.to(kFloat32, /*non_blocking=*/true).dtype(), kFloat32);
  EXPECT_TRUE(x.to(kCPU, true).is_same(x));
  EXPECT_FALSE(x.to(kCPU, true, /*copy=*/true).is_same(x));
  EXPECT_EQ(x.to(kCPU, kFloat64).dtype(), kFloat64);
  EXPECT_EQ(x.to(dtype(kInt8).device("cpu")).dtype(), kInt8);
  EXPECT_EQ(message_of([&] { x.to(requires_grad()); }),
            "to(options) expects unset requires_grad flag, but got options.requires_grad set as true");
}

TEST(Options, NestedBracesOfAnyRank) {
  EXPECT_EQ(sizes(tensor(1)), Dims({}));
  EXPECT_EQ(sizes(tensor({1})), Dims({1}));
  EXPECT_EQ(sizes(tensor({{1}})), Dims({1, 1}));
  EXPECT_EQ(sizes(tensor({{1, 2}})), Dims({1, 2}));
  EXPECT_EQ(sizes(tensor({{1}, {2}})), Dims({2, 1}));
  EXPECT_EQ(sizes(tensor({{{{{1, 2}, {3, 4}}}}})), Dims({1, 1, 1, 2, 2}));
  EXPECT_EQ(sizes(tensor({{{1.f}}, {{2.f}}, {{3.f}}})), Dims({3, 1, 1}));
  EXPECT_EQ(sizes(tensor({{}, {}})), Dims({2, 0}));
  EXPECT_EQ(sizes(tensor({})), Dims({0}));
  EXPECT_EQ(tensor({}).dtype(), kFloat32);
  EXPECT_EQ(tensor({true, false}).dtype(), kBool);
  EXPECT_EQ(tensor({{1, 2}, {3, 4}}, kFloat64).sum().item<double>(), 10);
  EXPECT_EQ(tensor(std::vector<double>{1, 2}).dtype(), kFloat32);
  EXPECT_EQ(tensor(std::vector<int>{1, 2}).dtype(), kInt64);
  EXPECT_EQ(message_of([] { tensor({{1, 2}, {3}}); }),
            "Expected all sub-lists to have sizes: [2], but got sub-list with sizes: [1]");
}

}  // namespace
}  // namespace lazuli
