// Views by strides, views of bits, and views in place of the handle. What random chains of them do stands in
// tests/views.
#include <cmath>

#include "tests/frontend/values.h"

namespace lazuli {
namespace {

constexpr const char* kOverlap =
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please "
    "clone() the tensor before performing the operation.";

TEST(ViewsByStrides, OverlappingWindowsSeeLaterWrites) {
  Tensor x = arange(5, kFloat32);
  const Tensor windows = x.unfold(0, 3, 1), corners = as_strided(x, {2, 2}, {1, 2}), first = windows[0];
  EXPECT_TRUE(windows.is_alias_of(x));
  EXPECT_EQ(windows.strides().vec(), Dims({1, 1}));
  EXPECT_EQ(values(windows), Values({0, 1, 2, 1, 2, 3, 2, 3, 4}));
  x(2) = 9;
  EXPECT_EQ(values(windows), Values({0, 1, 9, 1, 9, 3, 9, 3, 4}));
  x.slice(0, 0, 2).zero_();
  EXPECT_EQ(values(corners), Values({0, 9, 0, 3}));
  EXPECT_EQ(values(first), Values({0, 0, 9}));
  EXPECT_EQ(values(windows + 1), Values({1, 1, 10, 1, 10, 4, 10, 4, 5}));
}

TEST(ViewsByStrides, WritesAreRefusedWhereElementsOverlap) {
  Tensor x = arange(6, kFloat32);
  Tensor windows = x.unfold(0, 3, 1);
  EXPECT_EQ(message_of([&] { windows.add_(1); }), kOverlap);
  EXPECT_EQ(message_of([&] { windows.slice(0, 0, 2) = 1; }), kOverlap);
  EXPECT_EQ(message_of([&] { as_strided(x, {2, 3}, {2, 1}).zero_(); }), kOverlap);
  EXPECT_EQ(message_of([&] { as_strided(x, {2, 2, 2}, {1, 2, 2}).zero_(); }), kOverlap);
  EXPECT_EQ(message_of([&] { x.expand({2, 6}).zero_(); }), kOverlap);
  EXPECT_EQ(values(x), Values({0, 1, 2, 3, 4, 5}));
  // A part of them that does not overlap is written where it stands, whatever the windows around it hold.
  windows[1] = tensor({10., 20., 30.});
  EXPECT_EQ(values(x), Values({0, 10, 20, 30, 4, 5}));
  windows.select(1, 2).mul_(2);
  EXPECT_EQ(values(x), Values({0, 10, 40, 60, 8, 10}));
  x.expand({3, 6}).select(0, 1).slice(0, 4, 6).zero_();
  EXPECT_EQ(values(x), Values({0, 10, 40, 60, 0, 0}));
}

TEST(ViewsByStrides, InterleavingAxesAreWrittenThrough) {
  Tensor x = zeros({12});
  as_strided(x, {2, 3}, {3, 2}, 1) = tensor({{1., 2., 3.}, {4., 5., 6.}});
  EXPECT_EQ(values(x), Values({0, 1, 0, 2, 4, 3, 5, 0, 6, 0, 0, 0}));
  Tensor y = zeros({14});
  as_strided(y, {2, 2, 3}, {6, 3, 2}) = arange(1, 13).reshape({2, 2, 3});
  EXPECT_EQ(values(y), Values({1, 0, 2, 4, 3, 5, 7, 6, 8, 10, 9, 11, 0, 12}));
  EXPECT_THROW(as_strided(y, {2, 2, 3}, {6, 4, 2}), Error);
}

TEST(ViewsByStrides, GradientsOfOverlappingReadsAddUp) {
  Tensor x = arange(5, kFloat32).requires_grad_();
  const Tensor weights = tensor({{1., 2., 3.}, {4., 5., 6.}, {7., 8., 9.}});
  (x.unfold(0, 3, 1) * weights).sum().backward();
  EXPECT_EQ(values(x.grad()), Values({1, 6, 15, 14, 9}));
  x.mutable_grad() = Tensor();
  (as_strided(x, {2, 3}, {2, 1}) * weights.slice(0, 0, 2)).sum().backward();
  EXPECT_EQ(values(x.grad()), Values({1, 2, 7, 5, 6}));
  // Through a write into interleaving axes: what is overwritten has no gradient.
  Tensor a = arange(6, kFloat32).requires_grad_(), b = ones({2, 2}).requires_grad_();
  Tensor y = a * 2;
  as_strided(y, {2, 2}, {3, 2}) = b * 3;
  (y * arange(6, kFloat32)).sum().backward();
  EXPECT_EQ(values(a.grad()), Values({0, 2, 0, 0, 8, 0}));
  EXPECT_EQ(values(b.grad()), Values({0, 6, 9, 15}));
}

TEST(ViewsByStrides, OfViewsInsideCompiledFunctions) {
  auto f = compile([](Tensor x) {
    Tensor windows = x.unfold(0, 2, 1);
    x += 1;
    windows[0] = windows[1] * 2;
    return windows.sum(1);
  });
  for (int i = 0; i < 2; ++i) {
    Tensor x = tensor({1., 2., 3.});
    EXPECT_EQ(values(f(x)), Values({14, 12}));
    EXPECT_EQ(values(x), Values({6, 8, 4}));
  }
}

TEST(ViewsOfBits, AliasAndKeepWhatIsNotWritten) {
  Tensor x = tensor({1., 2., -0.5});
  Tensor bits = x.view(kInt32);
  EXPECT_TRUE(bits.is_alias_of(x));
  EXPECT_EQ(bits.to_vector<int64_t>(),
            (std::vector<int64_t>{0x3f800000, 0x40000000, static_cast<int32_t>(0xbf000000)}));
  bits.bitwise_and_(0x7fffffff);
  EXPECT_EQ(values(x), Values({1, 2, 0.5}));
  x[0] = 3;
  EXPECT_EQ(bits[0].item<int>(), 0x40400000);
  EXPECT_EQ(bits.view(kFloat32).is_alias_of(x), true);

  Tensor numbers = tensor({0x7fc01234, 7}, kInt32);  // the first is a NaN with bits of its own
  Tensor floats = numbers.view(kFloat32);
  EXPECT_TRUE(std::isnan(floats[0].item<float>()));
  floats[1] = 1;
  EXPECT_EQ(numbers.to_vector<int64_t>(), (std::vector<int64_t>{0x7fc01234, 0x3f800000}));
  EXPECT_EQ(tensor({true, false}).view(kUInt8).to_vector<int64_t>(), (std::vector<int64_t>{1, 0}));
  EXPECT_THROW(numbers.view(kBool), Error);
}

TEST(ViewsOfBits, OfOtherSizes) {
  Tensor x = tensor({0x04030201, 0x08070605, -1, 1}, kInt32).reshape({2, 2});
  const Tensor bytes = x.view(kUInt8), halves = x.view(kInt16), wide = x.view(kInt64);
  EXPECT_EQ(sizes(bytes), Dims({2, 8}));
  EXPECT_EQ(bytes.strides().vec(), Dims({8, 1}));
  EXPECT_EQ(values(bytes), Values({1, 2, 3, 4, 5, 6, 7, 8, 255, 255, 255, 255, 1, 0, 0, 0}));
  EXPECT_EQ(halves.to_vector<int64_t>(), (std::vector<int64_t>{0x201, 0x403, 0x605, 0x807, -1, -1, 1, 0}));
  EXPECT_EQ(wide.to_vector<int64_t>(), (std::vector<int64_t>{0x0807060504030201, 0x1ffffffff}));
  EXPECT_EQ(sizes(wide), Dims({2, 1}));
  EXPECT_EQ((wide + 0).to_vector<int64_t>(), wide.to_vector<int64_t>());  // computed, not read from memory
  EXPECT_EQ((bytes + 0).to_vector<int64_t>(), bytes.to_vector<int64_t>());
  Tensor low = bytes.select(1, 0);
  low.fill_(0x7f);
  EXPECT_EQ(x.to_vector<int64_t>(),
            (std::vector<int64_t>{0x0403027f, 0x08070605, static_cast<int32_t>(0xffffff7f), 1}));
  wide.select(1, 0)[1] = 0x200000003;
  EXPECT_EQ(x.select(0, 1).to_vector<int64_t>(), (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(x.slice(0, 1, 2).view(kFloat64).storage_offset(), 1);
}

TEST(ViewsOfBits, RefuseWhatPyTorchRefuses) {
  const Tensor x = zeros({4, 6});
  EXPECT_EQ(message_of([] { zeros({}).view(kFloat64); }),
            "self.dim() cannot be 0 to view Float as Double (different element sizes)");
  EXPECT_EQ(message_of([] { zeros({3}).view(kFloat64); }),
            "self.size(-1) must be divisible by 2 to view Float as Double (different element sizes), but got 3");
  EXPECT_EQ(
      message_of([&] { x.slice(1, 1, 5).view(kFloat64); }),
      "self.storage_offset() must be divisible by 2 to view Float as Double (different element sizes), but got 1");
  EXPECT_EQ(message_of([&] { x.t().view(kFloat16); }),
            "self.stride(-1) must be 1 to view Float as Half (different element sizes), but got 6");
  EXPECT_EQ(message_of([] { zeros({4, 3}).slice(1, 0, 2).view(kFloat64); }),
            "self.stride(0) must be divisible by 2 to view Float as Double (different element sizes), but got 3");
  EXPECT_EQ(sizes(x.t().view(kInt32)), Dims({6, 4}));  // of one size: any strides
}

TEST(ViewsOfBits, AreConstantsToGradients) {
  Tensor x = tensor({1., 2.}).requires_grad_();
  const Tensor bits = x.view(kInt32);
  EXPECT_FALSE(bits.requires_grad());
  (x * bits.view(kFloat32)).sum().backward();
  EXPECT_EQ(values(x.grad()), Values({1, 2}));
}

TEST(ViewsInPlace, ChangeTheHandleAndItsCopies) {
  Tensor x = arange(6, kFloat32).reshape({2, 3}).clone();
  const Tensor copy = x, view = x.slice(0, 0, 1);
  const void* memory = x.data_ptr();
  EXPECT_TRUE(x.unsqueeze_(1).is_same(copy));
  EXPECT_EQ(sizes(copy), Dims({2, 1, 3}));
  x.squeeze_(1).t_();
  EXPECT_EQ(sizes(x), Dims({3, 2}));
  EXPECT_EQ(values(x), Values({0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(sizes(view), Dims({1, 3}));
  x[0] = 9;
  EXPECT_EQ(values(view), Values({9, 1, 2}));
  x.transpose_(0, 1).swapaxes_(0, 1).swapdims_(-1, 0);
  EXPECT_EQ(sizes(x), Dims({2, 3}));
  x.as_strided_({2, 2}, {3, 1}, 1);
  EXPECT_EQ(values(x), Values({1, 2, 4, 5}));
  x.unsqueeze_(0).unsqueeze_(0).squeeze_();
  EXPECT_EQ(sizes(x), Dims({2, 2}));
  EXPECT_EQ(static_cast<char*>(x.data_ptr()) - static_cast<const char*>(memory), 4);
  EXPECT_EQ(message_of([] { zeros({1, 1, 1}).t_(); }), "t_() expects a tensor with <= 2 dimensions, but self is 3D");
}

TEST(ViewsInPlace, ResizeWithinTheStorage) {
  Tensor x = arange(12, kFloat32);
  x.resize_({2, 3});
  EXPECT_EQ(values(x), Values({0, 1, 2, 3, 4, 5}));
  x.resize_({12});
  EXPECT_EQ(x.sum().item<float>(), 66);
  x.resize_as_(zeros({3, 4})).t_();
  EXPECT_EQ(values(x.resize_({2, 2})), Values({0, 1, 2, 3}));
  EXPECT_EQ(sizes(x.resize_({0})), Dims({0}));
  EXPECT_THROW(x.resize_({13}), Error);
  EXPECT_THROW(zeros({2}).requires_grad_().resize_({1}), Error);
}

TEST(ViewsInPlace, OfLeavesAreRefused) {
  Tensor x = zeros({2, 2}).requires_grad_();
  EXPECT_EQ(message_of([&] { x.unsqueeze_(0); }),
            "a leaf Variable that requires grad is being used in an in-place operation.");
  Tensor y = x * 2;
  y.t_().unsqueeze_(0);
  y.select(0, 0).select(0, 1).sum().backward();
  EXPECT_EQ(values(x.grad()), Values({0, 2, 0, 2}));
}

// A view of all of a tensor is another tensor: what becomes of its handle is its own affair.
TEST(ViewsInPlace, ViewsOfEverythingAreTensorsOfTheirOwn) {
  Tensor x = arange(6, kFloat32).reshape({2, 3}).clone();
  for (const Tensor& same : {x.view({2, 3}), x.reshape({2, 3}), x.permute({0, 1}), x.slice(0), x.expand({2, 3}),
                             x.squeeze(), x.squeeze(0), x.movedim(0, 0), x.transpose(1, 1)}) {
    EXPECT_FALSE(same.is_same(x));
    EXPECT_TRUE(same.is_alias_of(x));
    Tensor y = same;
    y.unsqueeze_(0);
    EXPECT_EQ(sizes(x), Dims({2, 3}));
  }
  Tensor leaf = ones({2}).requires_grad_();
  EXPECT_FALSE(leaf.view({2}).is_leaf());
  leaf.view({2}).sum().backward();
  EXPECT_EQ(values(leaf.grad()), Values({1, 1}));
}

}  // namespace
}  // namespace lazuli
