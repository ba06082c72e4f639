// Every error of handles, views and observation: kind, message, and the line of the caller.
#include <functional>

#include "tests/frontend/litmus.h"

namespace lazuli {
namespace {

using namespace litmus;

struct Case {
  uint32_t line;
  ErrorKind kind;
  const char* message;
  std::function<void()> call;
};

#define REFUSES(kind, message, expression)                                    \
  Case {                                                                      \
    __LINE__, ErrorKind::kind, message, [=]() mutable { (void)(expression); } \
  }

TEST(HandleErrors, Table) {
  Tensor x = counting({3, 4}), cube = counting({2, 3, 4}), one = floats({1}, {}), none;
  const std::vector<Case> cases = {
      REFUSES(Index, "index 5 is out of bounds for dimension 0 with size 3", x[5]),
      REFUSES(Index, "index -5 is out of bounds for dimension 1 with size 4", x(0, -5)),
      REFUSES(Index, "too many indices for tensor of dimension 2", x(0, 0, 0)),
      REFUSES(Index, "invalid index of a 0-dim tensor. Use `tensor.item<T>()` to convert a 0-dim tensor to a number",
              one[0]),
      REFUSES(Index, "an index can only have a single ellipsis ('...')", x.index({Ellipsis, 0, "..."})),
      REFUSES(Value, "step must be greater than zero", x.index({Slice(None, None, -1)})),
      REFUSES(Value, "step must be greater than zero", x(Slice(0, 2, 0), All)),
      REFUSES(Value, "Expected \"...\" to represent an ellipsis index, but got \"..\"", x.index({".."})),
      REFUSES(Shape, "shape '[2, 5]' is invalid for input of size 12", x.reshape({2, 5})),
      REFUSES(Shape, "shape '[-1, 5]' is invalid for input of size 12", x.view({-1, 5})),
      REFUSES(Shape, "only one dimension can be inferred", x.reshape({-1, -1})),
      REFUSES(Shape, "invalid shape dimension -2", x.reshape({-2, 6})),
      REFUSES(Shape, "shape '[4611686018427387904, 4]' is invalid for input of size 12", x.view({int64_t{1} << 62, 4})),
      REFUSES(
          Shape,
          "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
          "contiguous subspaces). Use .reshape(...) instead.",
          x.t().view({12})),
      REFUSES(Index, "Dimension out of range (expected to be in range of [-2, 1], but got 2)", x.size(2)),
      REFUSES(Index, "Dimension out of range (expected to be in range of [-2, 1], but got -3)", x.transpose(0, -3)),
      REFUSES(Index, "Dimension out of range (expected to be in range of [-3, 2], but got 3)", x.unsqueeze(3)),
      REFUSES(
          Shape,
          "permute(): number of dimensions in the tensor input does not match the length of the desired ordering of "
          "dimensions i.e. input.dim() = 2 is not equal to len(dims) = 3",
          x.permute({0, 1, 2})),
      REFUSES(Shape, "permute(): duplicate dims are not allowed.", x.permute({0, 0})),
      REFUSES(Shape, "t() expects a tensor with <= 2 dimensions, but self is 3D", cube.t()),
      REFUSES(Shape, "tensor.mT is only supported on matrices or batches of matrices. Got 0-D tensor.", one.mT()),
      REFUSES(Shape,
              "The expanded size of the tensor (5) must match the existing size (4) at non-singleton dimension 1.  "
              "Target sizes: [3, 5].  Tensor sizes: [3, 4]",
              x.expand({3, 5})),
      REFUSES(Shape, "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension 0",
              x.expand({-1, 3, 4})),
      REFUSES(Index, "select(): index 3 out of range for tensor of size [3, 4] at dimension 0", x.select(0, 3)),
      REFUSES(Index, "start (1) + length (4) exceeds dimension size (4).", x.narrow(1, 1, 4)),
      REFUSES(Shape, "flatten() has invalid args: start_dim cannot come after end_dim", cube.flatten(2, 1)),
      REFUSES(Shape, "unflatten: Provided sizes [5, 2] don't multiply up to the size of dim 1 (4) in the input tensor",
              x.unflatten(1, {5, 2})),
      REFUSES(Shape, "The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 1",
              x.copy_(counting({3}))),
      REFUSES(Shape, "output with shape [3, 4] doesn't match the broadcast shape [2, 3, 4]", x.copy_(cube)),
      REFUSES(Shape,
              "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1.  "
              "Target sizes: [2, 4].  Tensor sizes: [3]",
              x(Slice(0, 2), All) = counting({3})),
      REFUSES(
          Value,
          "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
          "Please clone() the tensor before performing the operation.",
          x[0].expand({2, 4}).fill_(1)),
      REFUSES(Value, "a Tensor with 12 elements cannot be converted to Scalar", x.item<float>()),
      REFUSES(Value, "value cannot be converted to type uint8 without overflow", (one - 2).item<uint8_t>()),
      REFUSES(DType, "expected scalar type float64 but found float32", x.data_ptr<double>()),
      REFUSES(Shape, "TensorAccessor expected 3 dims but tensor has 2", (x.accessor<float, 3>())),
      REFUSES(Value, "an undefined Tensor has no value", none.reshape({1})),
      REFUSES(Shape, "from_blob: negative dimension -1 in [-1]", from_blob(nullptr, {-1})),
      REFUSES(Value, "from_blob: null pointer", from_blob(nullptr, {2})),
  };
  for (const Case& c : cases) {
    try {
      c.call();
      ADD_FAILURE() << "line " << c.line << " refuses nothing: " << c.message;
    } catch (const Error& e) {
      EXPECT_EQ(e.message(), c.message);
      EXPECT_EQ(static_cast<int>(e.kind()), static_cast<int>(c.kind)) << c.message;
      EXPECT_STREQ(e.where().file_name(), __FILE__) << c.message;
      EXPECT_LE(e.where().line() - c.line + 2, 4u) << c.message;  // __LINE__ of a macro call is its last line or first
    }
  }
  EXPECT_THAT(values(x), testing::ElementsAreArray(values(counting({3, 4}))));  // nothing was written
}

TEST(HandleErrors, BoolOfManyIsAmbiguous) {
  EXPECT_THROW((void)bool(counting({2})), Error);
  EXPECT_THROW((void)bool(counting({0})), Error);
  EXPECT_FALSE(bool(counting({1})));
}

TEST(HandleErrors, AFailedEvaluationLosesNothing) {
  Tensor x = integers({6, 7, 8}), d = integers({2, 0, 2});
  Tensor good = x + 1;
  const void* p = x.const_data_ptr();
  x %= d;
  const auto line = Location::current().line() - 1;
  for (int round = 0; round < 2; ++round) {
    try {
      eval(x, good);
      FAIL() << "division by zero passed";
    } catch (const Error& e) {
      EXPECT_EQ(static_cast<int>(e.kind()), static_cast<int>(ErrorKind::Value));
      EXPECT_EQ(e.where().line(), line);
    }
    EXPECT_EQ(state(x), State::Pending);
  }
  EXPECT_EQ(good.to_vector<int64_t>(), (std::vector<int64_t>{7, 8, 9}));
  x.fill_(3);
  eval(x);
  EXPECT_EQ(x.to_vector<int64_t>(), (std::vector<int64_t>{3, 3, 3}));
  EXPECT_EQ(x.const_data_ptr(), p);
}

TEST(HandleErrors, AFailedWriteToSharedMemoryChangesNothing) {
  int64_t memory[] = {6, 7}, zeros[] = {0, 1};
  Tensor x = from_blob(memory, {2}), d = from_blob(zeros, {2});
  EXPECT_THROW(x %= d, Error);
  EXPECT_THAT(memory, ElementsAre(6, 7));
  EXPECT_EQ(state(x), State::Ready);
  Tensor bad = x % d;  // a pending reader that cannot be computed is no reason to refuse a write
  x += 1;
  EXPECT_THAT(memory, ElementsAre(7, 8));
  EXPECT_THROW(eval(bad), Error);
  zeros[0] = 4;
  EXPECT_EQ(bad.to_vector<int64_t>(), (std::vector<int64_t>{2, 0}));  // the old version of x
  EXPECT_EQ(x.data_ptr(), memory);
}

}  // namespace
}  // namespace lazuli
