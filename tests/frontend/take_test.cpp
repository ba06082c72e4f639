// Indexing with integer tensors, index_select, gather, take_along_dim, embedding, index_add, scatter_add: values, where
// the axes go, and PyTorch's messages.
#include "lazuli/take.h"

#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;
using testing::HasSubstr;

Tensor places(std::initializer_list<int64_t> v, IntArrayRef sizes) {
  return from_host(v.begin(), sizes, kInt64);
}

template <class F>
void expect_error(F f, ErrorKind kind, const char* message) {
  try {
    f();
    ADD_FAILURE() << "accepted, should be: " << message;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    EXPECT_THAT(e.what(), HasSubstr(message));
    EXPECT_THAT(e.what(), HasSubstr("take_test.cpp"));
  }
}

struct Case {
  const char* text;
  std::vector<TensorIndex> index;
  std::vector<int64_t> sizes;
  std::vector<float> elements;
};

TEST(Take, IndexTensorsInTheirPlaces) {
  const Tensor x = counting({2, 3, 4});
  const Tensor a = integers({1, 0}), b = integers({2, -1}), column = places({0, 1}, {2, 1});
  const std::vector<Case> cases = {
      {"[a]", {a}, {2, 3, 4}, {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
      {"[:, b, 0]", {All, b, 0}, {2, 2}, {8, 8, 20, 20}},
      {"[a, b]", {a, b}, {2, 4}, {20, 21, 22, 23, 8, 9, 10, 11}},
      {"[a, :, b]", {a, All, b}, {2, 3}, {14, 18, 22, 3, 7, 11}},
      {"[:, a, b]", {All, a, b}, {2, 2}, {6, 3, 18, 15}},
      {"[..., b]", {Ellipsis, b}, {2, 3, 2}, {2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23}},
      {"[column, b, 1]", {column, b, 1}, {2, 2}, {9, 9, 21, 21}},
      {"[0, a, None]", {0, a, None}, {2, 1, 4}, {4, 5, 6, 7, 0, 1, 2, 3}},
      {"[scalar]", {places({-1}, {})}, {3, 4}, {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
      {"[nothing]", {places({}, {0}), 1}, {0, 4}, {}},
      {"[a, 1:, ::2]", {a, Slice(1), Slice(None, None, 2)}, {2, 2, 2}, {16, 18, 20, 22, 4, 6, 8, 10}},
      {"[a32]", {a.to(kInt32), 0, 0}, {2}, {12, 0}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const Tensor v = x.index(c.index);
    EXPECT_EQ(v.sizes().vec(), c.sizes);
    EXPECT_EQ(values(v), c.elements);
    EXPECT_FALSE(v.is_alias_of(x));
  }
}

TEST(Take, AnIndexOutsideNamesTheCall) {
  const Tensor x = counting({5, 2});
  expect_error([&] { eval(x.index({integers({0, 7})})); }, ErrorKind::Index,
               "index 7 is out of bounds for dimension 0 with size 5");
  expect_error([&] { eval(x.index({integers({-6})})); }, ErrorKind::Index,
               "index -6 is out of bounds for dimension 0 with size 5");
  expect_error([&] { eval(x.index({All, integers({0, 2})})); }, ErrorKind::Index,
               "index 2 is out of bounds for dimension 1 with size 2");
  expect_error([&] { x.index({integers({0, 1}), integers({0, 1, 0})}); }, ErrorKind::Index,
               "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]");
  expect_error([&] { x.index({counting({2})}); }, ErrorKind::Index,
               "tensors used as indices must be long, int, byte or bool tensors");
  expect_error([&] { x.index({integers({0}), integers({0}), integers({0})}); }, ErrorKind::Index,
               "too many indices for tensor of dimension 2");
}

TEST(Behaviour25, WritesThroughIndexTensors) {
  Tensor x = counting({5, 2});
  const Tensor i = integers({0, 3}), view = x.t();
  x.index({i}) = counting({2, 2}) * 10;
  EXPECT_THAT(values(x), ElementsAre(0, 10, 2, 3, 4, 5, 20, 30, 8, 9));
  x.index({i}) = 1;
  x(i, 1) = 7;
  EXPECT_THAT(values(view), ElementsAre(1, 2, 4, 1, 8, 7, 3, 5, 7, 9));
  x.index({i}) += 1;
  x[4].index({integers({1, 1})}) = floats({5, 6});  // the last one stays
  EXPECT_THAT(values(x), ElementsAre(2, 8, 2, 3, 4, 5, 2, 8, 8, 6));
  x.index({x > 4}) = 0;
  EXPECT_THAT(values(x), ElementsAre(2, 0, 2, 3, 4, 0, 2, 0, 0, 0));
  Tensor rows = x.index({i});
  rows[0] = 7;  // a tensor like any other
  EXPECT_THAT(values(rows), ElementsAre(7, 7, 2, 0));
  rows.fill_(1);
  EXPECT_THAT(values(rows), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(values(x), ElementsAre(2, 0, 2, 3, 4, 0, 2, 0, 0, 0));
}

TEST(Behaviour27, WritesThroughIndexTensorsAreInPlace) {
  Tensor x = counting({64, 64});
  const void* where = x.const_data_ptr();
  x.index_put_({integers({3, 5})}, counting({2, 64}));
  x.scatter_(0, places({1, 2}, {1, 2}), 9);
  x.index_copy_(0, integers({7}), counting({1, 64}));
  x.masked_fill_(x > 100, 0);
  eval(x);
  EXPECT_EQ(x.const_data_ptr(), where);
  EXPECT_EQ(x(5, 1).item<float>(), 65);
}

TEST(Behaviour25, MasksAndIndicesTogether) {
  Tensor x = counting({2, 3});
  const Tensor mask = floats({1, 0, 1}) != 0;
  x.index_put_({0, mask}, floats({10, 20}));
  EXPECT_THAT(values(x), ElementsAre(10, 1, 20, 3, 4, 5));
  x.index_put_({All, mask}, -1);
  EXPECT_THAT(values(x), ElementsAre(-1, 1, -1, -1, 4, -1));
  x.index_put_({integers({0, 0, 1})}, floats({1}, {}), true);
  EXPECT_THAT(values(x), ElementsAre(1, 3, 1, 0, 5, 0));
  expect_error([&] { x.index_put_({mask}, floats({1, 2})); }, ErrorKind::Index,
               "The shape of the mask [3] at index 0 does not match the shape of the indexed tensor [2, 3] at index 0");
  expect_error([&] { eval(x.index_put_({integers({5})}, 1)); }, ErrorKind::Index,
               "index 5 is out of bounds for dimension 0 with size 2");
}

TEST(Take, IndexSelect) {
  const Tensor x = counting({2, 3});
  EXPECT_THAT(values(x.index_select(0, integers({1, 1}))), ElementsAre(3, 4, 5, 3, 4, 5));
  const Tensor columns = index_select(x, -1, integers({2, 0}).to(kInt32));
  EXPECT_EQ(columns.sizes(), (IntArrayRef{2, 2}));
  EXPECT_THAT(values(columns), ElementsAre(2, 0, 5, 3));
  EXPECT_EQ(index_select(x, 1, places({1}, {})).sizes(), (IntArrayRef{2, 1}));
  EXPECT_EQ(index_select(floats({5}, {}), 0, integers({0})).dim(), 0);
  expect_error([&] { x.index_select(0, places({0}, {1, 1})); }, ErrorKind::Index,
               "index_select(): Index is supposed to be a vector");
  expect_error([&] { x.index_select(0, counting({1})); }, ErrorKind::DType,
               "index_select(): Expected dtype int32 or int64 for index");
  expect_error([&] { x.index_select(2, integers({0})); }, ErrorKind::Index, "Dimension out of range");
  expect_error([&] { eval(x.index_select(0, integers({2}))); }, ErrorKind::Index,
               "index 2 is out of bounds for dimension 0 with size 2");
}

TEST(Take, GatherAndTakeAlongDim) {
  const Tensor x = counting({2, 3});
  const Tensor i = places({2, 0, 1, 1}, {2, 2});
  EXPECT_THAT(values(x.gather(1, i)), ElementsAre(2, 0, 4, 4));
  EXPECT_THAT(values(gather(x, 0, places({1, 0, 1}, {1, 3}))), ElementsAre(3, 1, 5));
  EXPECT_THAT(values(take_along_dim(x, i, 1)), ElementsAre(2, 0, 4, 4));
  EXPECT_THAT(values(x.take_along_dim(places({2}, {1, 1}), 1)), ElementsAre(2, 5));  // broadcast along the rows
  EXPECT_THAT(values(x.take_along_dim(integers({5, 0}))), ElementsAre(5, 0));
  EXPECT_EQ(gather(floats({5}, {}), 0, places({0}, {})).item<float>(), 5);
  expect_error([&] { x.gather(1, integers({0})); }, ErrorKind::Shape,
               "Index tensor must have the same number of dimensions as input tensor");
  expect_error([&] { x.gather(1, i.to(kInt32)); }, ErrorKind::DType, "gather(): Expected dtype int64 for index");
  expect_error([&] { x.gather(1, places({0, 0, 0}, {3, 1})); }, ErrorKind::Shape,
               "Size does not match at dimension 0 expected index [3, 1] to be no larger than self [2, 3] apart from "
               "dimension 1");
  expect_error([&] { eval(x.gather(1, places({-1, 0}, {2, 1}))); }, ErrorKind::Index,
               "index -1 is out of bounds for dimension 1 with size 3");
}

TEST(Take, Embedding) {
  const Tensor w = counting({4, 2});
  const Tensor e = embedding(w, places({3, 0, 1, 1}, {2, 2}));
  EXPECT_EQ(e.sizes(), (IntArrayRef{2, 2, 2}));
  EXPECT_THAT(values(e), ElementsAre(6, 7, 0, 1, 2, 3, 2, 3));
  expect_error([&] { embedding(counting({4}), integers({0})); }, ErrorKind::Shape, "'weight' must be 2-D");
}

TEST(Take, IndexAddAndScatterAdd) {
  const Tensor x = counting({2, 3});
  EXPECT_THAT(values(x.index_add(0, integers({1, 1}), counting({2, 3}))), ElementsAre(0, 1, 2, 6, 9, 12));
  EXPECT_THAT(values(index_add(x, 1, integers({2, 0}), counting({2, 2}), 10)), ElementsAre(10, 1, 2, 33, 4, 25));
  EXPECT_THAT(values(x.scatter_add(1, places({0, 0, 2, 1}, {2, 2}), counting({2, 3}))), ElementsAre(1, 1, 2, 3, 8, 8));
  Tensor y = counting({2, 3});
  Tensor row = y[1];
  row.index_add_(0, integers({2, 2, 0}), floats({1, 1, 5}));
  EXPECT_THAT(values(y), ElementsAre(0, 1, 2, 8, 4, 7));
  y.scatter_add_(0, places({0, 1, 0}, {1, 3}), floats({1, 1, 1}, {1, 3}));
  EXPECT_THAT(values(y), ElementsAre(1, 1, 3, 8, 5, 7));
  expect_error([&] { y.index_add_(0, integers({0}), counting({2, 3})); }, ErrorKind::Shape,
               "index_add(): Number of indices (1) should be equal to source.size(dim): (2), for dim: 0");
  expect_error([&] { y.index_add_(0, integers({0}), counting({1, 4})); }, ErrorKind::Shape,
               "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
               "[2, 3] source.shape = [1, 4]");
  expect_error([&] { y.scatter_add_(0, places({0}, {1, 1}), integers({1})); }, ErrorKind::DType,
               "scatter(): Expected self.dtype to be equal to src.dtype");
  // All or nothing.
  y.index_add_(0, integers({0, 2}), counting({2, 3}));
  expect_error([&] { eval(y); }, ErrorKind::Index, "index 2 is out of bounds for dimension 0 with size 2");
}

TEST(Take, ABatchIsOneKernelAndItsIndicesAreFusedIn) {
  const Tensor x = counting({50, 8}), i = integers({3, -1, 4, -10});
  const Report r = profile(x.index({i}) * 2);
  EXPECT_EQ(r.kernels.size(), 1u);
}

}  // namespace
}  // namespace lazuli
