// What lazuli-formgen writes: in-place and out forms keep the memory and take no other, also when operations are eager.
#include "tests/frontend/litmus.h"
#include "tests/frontend/values.h"

namespace lazuli {
namespace {

TEST(Forms, OutIsWrittenInPlace) {
  const Tensor x = tensor({{3.0, 1.0, 2.0}, {6.0, 5.0, 4.0}});
  Tensor v = zeros({2, 3}), i = zeros({2, 3}, kInt64), part = zeros({2, 2, 3});
  const void *at = v.data_ptr(), *places = i.data_ptr();
  sort_out(v, i, x, 1);
  EXPECT_EQ(values(v), (Values{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values(i), (Values{1, 2, 0, 2, 1, 0}));
  EXPECT_EQ(v.data_ptr(), at);
  EXPECT_EQ(i.data_ptr(), places);
  Tensor row = part.select(0, 1);
  cumsum_out(row, x, 1);
  EXPECT_EQ(values(part), (Values{0, 0, 0, 0, 0, 0, 3, 4, 6, 6, 11, 15}));
  Tensor empty_one = empty({0});
  gather_out(empty_one, x, 1, tensor({{2}, {0}}));
  EXPECT_EQ(values(empty_one), (Values{2, 6}));
  Tensor none;
  cat_out(none, {x, x}, 1);
  EXPECT_EQ(sizes(none), (Dims{2, 6}));
  Tensor eyes = zeros({2, 2}, kInt32);
  eye_out(eyes, 2);
  EXPECT_EQ(values(eyes), (Values{1, 0, 0, 1}));
  EXPECT_EQ(eyes.dtype(), kInt32);
}

TEST(Forms, ComputeInTheTypeOfOut) {
  // 2^24 + 1 is no float32.
  Tensor out = zeros({2}, kFloat64);
  cumsum_out(out, tensor({16777216.0, 1.0}), 0);
  EXPECT_EQ(values(out), (Values{16777216, 16777217}));
  Tensor whole = zeros({}, kInt64);
  sum_out(whole, tensor({1.5, 2.5}));
  EXPECT_EQ(whole.item<int64_t>(), 3);
}

TEST(Forms, RefuseOutsOfOtherTypesBeforeWriting) {
  const Tensor x = tensor({3.0, 1.0});
  Tensor v = zeros({2}), i = zeros({2}, kInt32), wide = zeros({2}, kFloat64);
  EXPECT_EQ(message_of([&] { sort_out(v, i, x); }), "Expected out tensor to have dtype int64, but got int32 instead");
  EXPECT_EQ(values(v), (Values{0, 0}));
  EXPECT_EQ(message_of([&] { flip_out(wide, x, {0}); }),
            "Expected out tensor to have dtype float32, but got float64 instead");
  Tensor three = zeros({3});
  EXPECT_EQ(message_of([&] { flip_out(three, x, {0}); }),
            "output with shape [3] doesn't match the broadcast shape [2]");
}

TEST(Forms, InPlaceFormsTakeNoOtherMemory) {
  for (const bool eager : {false, true}) {
    set_eager(eager);
    Tensor x = ones({64, 64}), index = tensor({0, 2, 2});
    const Tensor rows = ones({3, 64});
    const void* at = x.data_ptr();
    x.index_add_(0, index, rows);
    x.tril_();
    x.masked_fill_(x.gt(2), 7);
    x.nan_to_num_(0.0);
    EXPECT_EQ(x.data_ptr(), at);
    EXPECT_EQ(x.index({2, 0}).item<float>(), 7);
    EXPECT_EQ(x.index({0, 0}).item<float>(), 2);
    EXPECT_EQ(x.index({0, 1}).item<float>(), 0);
    EXPECT_EQ(x.sum().item<float>(), 64 * 65 / 2 + 1 + 3 * 6);
    set_eager(false);
  }
}

TEST(Forms, FillsDiagonals) {
  Tensor x = zeros({5, 2});
  x.fill_diagonal_(3);
  EXPECT_EQ(values(x), (Values{3, 0, 0, 3, 0, 0, 0, 0, 0, 0}));
  x.zero_().fill_diagonal_(1, true);
  EXPECT_EQ(values(x), (Values{1, 0, 0, 1, 0, 0, 1, 0, 0, 1}));
  Tensor cube = zeros({2, 2, 2}, kInt64);
  EXPECT_EQ(values(cube.fill_diagonal_(4)), (Values{4, 0, 0, 0, 0, 0, 0, 4}));
  EXPECT_TRUE(is_nonzero(tensor(2)));
  EXPECT_EQ(message_of([&] { is_nonzero(x); }), "Boolean value of Tensor with more than one value is ambiguous");
  EXPECT_EQ(values(fill(x, 2.5).select(0, 0)), (Values{2.5, 2.5}));
}

TEST(Forms, NamesOfNamespaces) {
  const Tensor x = tensor({3.0, 4.0});
  EXPECT_EQ(linalg_vector_norm(x).item<float>(), 5);
  EXPECT_EQ(linalg::norm(x).item<float>(), 5);
  EXPECT_EQ(values(special_expit(zeros({2}))), (Values{0.5, 0.5}));
  Tensor out = empty({0});
  linalg::vecdot_out(out, x, x);
  EXPECT_EQ(out.item<float>(), 25);
  linalg_vector_norm_out(out, x);
  EXPECT_EQ(out.item<float>(), 5);
}

TEST(Forms, ErrorsNameWhatWasCalled) {
  const Tensor x = tensor({1.0, 2.0, 3.0}), far = tensor({5});
  const auto refusal = [](const Tensor& t) { return message_of([&] { eval(t); }); };
  const char* rest = ": index 5 is out of bounds for dimension 0 with size 3 (element 0 of the [1] indices)";
  EXPECT_EQ(refusal(take(x, far)), std::string("take") + rest);
  EXPECT_EQ(refusal(put(x, far, tensor({1.0}))), std::string("put") + rest);
  EXPECT_EQ(refusal(index_select(x, 0, far)), std::string("index_select") + rest);
  EXPECT_EQ(refusal(index_copy(x, 0, far, tensor({1.0}))), std::string("index_copy") + rest);
  EXPECT_EQ(refusal(scatter_reduce(x, 0, far, tensor({1.0}), "prod")), std::string("scatter_reduce") + rest);
  EXPECT_EQ(refusal(x.index({far})), std::string("index") + rest);
  EXPECT_EQ(refusal(masked_scatter(x, tensor({1, 1, 1}).to(kBool), tensor({1.0}))).substr(0, 69),
            "masked_scatter: Number of elements of source < number of ones in mask");
}

TEST(Forms, ShapesThatValuesDecideAreRefusedInCompiledFunctions) {
  const Tensor x = tensor({1.0, 0.0, 1.0});
  const char* rest =
      ": the values of a tensor decide the shape of the result, and inside a compiled function they are not known";
  const auto refusal = [&](auto fn) { return message_of([&] { compile(fn)(x); }); };
  EXPECT_EQ(refusal([](const Tensor& t) { return nonzero(t); }), std::string("nonzero") + rest);
  EXPECT_EQ(refusal([](const Tensor& t) { return masked_select(t, t > 0); }), std::string("masked_select") + rest);
  EXPECT_EQ(refusal([](const Tensor& t) { return std::get<0>(unique(t)); }), std::string("unique") + rest);
  EXPECT_EQ(refusal([](const Tensor& t) { return std::get<0>(unique_dim(t, 0)); }), std::string("unique") + rest);
  EXPECT_EQ(refusal([](const Tensor& t) { return bincount(t.to(kInt64)); }), std::string("bincount") + rest);
  EXPECT_EQ(refusal([](const Tensor& t) { return t.index({t > 0}); }), std::string("index") + rest);
  EXPECT_EQ(refusal([](const Tensor& t) { return repeat_interleave(t, t.to(kInt64)); }),
            std::string("repeat_interleave") + rest);
}

TEST(Forms, SecondDerivativesOfProductsAtZeros) {
  // p = x0 * a * b falls on one place; d2p / da db = x0, whatever the values are.
  const Tensor index = tensor({0, 0, 1});
  const auto twice = [&](double a, double b, double base) {
    const Tensor values = tensor({a, b, 5.0}, kFloat64).requires_grad_();
    const Tensor out = scatter_reduce(tensor({base, 2.0}, kFloat64), 0, index, values, "prod");
    const Tensor first = autograd::grad({out.sum()}, {values}, {}, true, true)[0];
    return autograd::grad({first.index({0})}, {values})[0].to_vector<double>();
  };
  EXPECT_EQ(twice(0, 0, 3), (Values{0, 3, 0}));
  EXPECT_EQ(twice(0, 4, 3), (Values{0, 3, 0}));
  EXPECT_EQ(twice(2, 4, 3), (Values{0, 3, 0}));
  EXPECT_EQ(twice(2, 4, 0), (Values{0, 0, 0}));
}

}  // namespace
}  // namespace lazuli
