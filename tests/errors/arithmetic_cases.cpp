// What is refused in arithmetic, reductions, scans and observation.
#include "tests/errors/cases.h"

namespace lazuli::errors {
namespace {

Tensor& outv() {
  static Tensor out = zeros({4});
  return out;
}
Tensor& outk() {
  static Tensor out = zeros({3, 4}, kInt64);
  return out;
}

}  // namespace

std::vector<Case> arithmetic_cases() {
  return {
      REFUSES(DType, "Negation, the `-` operator, on a bool tensor is not supported.", -b()),
      REFUSES(DType, "Boolean inputs not supported for relu", b().relu()),
      REFUSES(DType, "\"square\" not implemented for 'Bool'", b().square()),
      REFUSES(DType, "Subtraction, the `-` operator, with two bool tensors is not supported.", b() - b()),
      REFUSES(DType, "Subtraction, the `-` operator, with a bool tensor is not supported.", b() - 1),
      REFUSES(DType, "Subtraction, the `-` operator, with a bool tensor is not supported.", 1 - b()),
      REFUSES(Value, "value cannot be converted to type uint8 without overflow: 256", u8() + 256),
      REFUSES(DType, "where expected condition to be a boolean tensor, but got a tensor with dtype Float",
              where(m(), m(), m())),
      REFUSES(Value, "Integers to negative integer powers are not allowed.", pow(k(), -1)),
      REFUSES(DType, "result type Float can't be cast to the desired output type Long", k().clone().div_(2)),
      REFUSES(DType, "result type Float can't be cast to the desired output type Bool", b().clone().add_(1.5)),
      REFUSES(Shape, "output with shape [4] doesn't match the broadcast shape [3, 4]", v().clone().add_(m())),
      REFUSES(DType, "result type Float can't be cast to the desired output type Long", add_out(outk(), m(), 0.5)),
      REFUSES(Shape, "output with shape [4] doesn't match the broadcast shape [3, 4]", add_out(outv(), m(), m())),
      REFUSES(Shape, "The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 1",
              m() + zeros({3})),
      REFUSES(DType, "The `+` operator, on a bool tensor is not supported.", positive(b())),
      REFUSES(Value, "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'",
              div(m(), m(), "up")),
      REFUSES(Unsupported, "to: element type complex64 is not supported", k().gelu().to(DType::Complex64)),
      REFUSES(DType, "\"bitwise_and\" not implemented for 'Float'", k().bitwise_and(m())),
      REFUSES(DType, "\"bitwise_and\" not implemented for 'Float'", m() & m()),
      REFUSES(DType, "\"bitwise_left_shift\" not implemented for 'Float'", m() << 1),
      REFUSES(DType, "\"bitwise_not\" not implemented for 'Float'", ~m()),
      REFUSES(Unsupported, "to: element type float8_e4m3 is not supported",
              m() + m().to(kFloat32).to(DType::Float8E4M3)),
      REFUSES(DType, "std and var only support floating point and complex dtypes", k().var()),
      REFUSES(Shape,
              "max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
              "the 'dim' argument.",
              e().max()),
      REFUSES(Shape, "argmax(): Expected reduction dim to be specified for input.numel() == 0.", e().argmax()),
      REFUSES(Shape, "max(): Expected reduction dim 0 to have non-zero size.", e().max(0)),
      REFUSES(DType, "linalg.vector_norm: Expected a floating point or complex tensor as input. Got Long", k().norm()),
      REFUSES(DType,
              "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
              "Got: Bool",
              b().mean()),
      REFUSES(DType,
              "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
              "Got: Long",
              k().mean()),
      REFUSES(Shape, "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.",
              aminmax(e())),
      REFUSES(DType, "nanmean(): expected input to have floating point or complex dtype but got int64", nanmean(k())),
      REFUSES(Shape, "dim 0 appears multiple times in the list of dims", m().sum({0, 0})),
      REFUSES(Index, "Dimension out of range (expected to be in range of [-2, 1], but got 5)", m().sum(5)),
      REFUSES(DType, "\"cumsum_out_cpu\" not implemented for 'Bool'", b().cumsum(0, kBool)),
      REFUSES(DType, "\"logcumsumexp_out_cpu\" not implemented for 'Long'", k().logcumsumexp(0)),
      REFUSES(Shape, "diff expects input to be at least one-dimensional", s().diff()),
      REFUSES(Value, "order must be non-negative but got -1", m().diff(-1)),
      REFUSES(Shape, "Tensors must have same number of dimensions: got 3 and 2", m().diff(1, 0, zeros({2, 2, 2}))),
      REFUSES(Index, "Dimension out of range (expected to be in range of [-2, 1], but got 2)", m().cumsum(2)),
      REFUSES(Index, "Dimension out of range (expected to be in range of [-2, 1], but got 2)", cummax(m(), 2)),
      REFUSES(Value, "a Tensor with 4 elements cannot be converted to Scalar", m().std(DimList(0), true).item<float>()),
      REFUSES(Value, "a Tensor with 12 elements cannot be converted to Scalar", m().item()),
      REFUSES(Value, "value cannot be converted to type uint8 without overflow", (s() - 300).item<uint8_t>()),
      REFUSES(Value, "Boolean value of Tensor with more than one value is ambiguous", bool(zeros({2}))),
      REFUSES(Value, "Boolean value of Tensor with no values is ambiguous", bool(zeros({0}))),
      REFUSES(DType, "expected scalar type float64 but found float32", m().data_ptr<double>()),
      REFUSES(Shape, "TensorAccessor expected 3 dims but tensor has 2", m().accessor<float, 3>()),
      REFUSES(Value, "set_num_threads expects a positive integer, got -1", set_num_threads(-1)),
      REFUSES(Value, "an undefined Tensor has no value", add(m(), Tensor())),
      REFUSES(Value, "an undefined Tensor has no value", Tensor().item<float>()),
      REFUSES(Shape, "trapezoid: There must be one `x` value for each sample point", trapezoid(v(), zeros({3}))),
      REFUSES(Shape, "aminmax: Expected reduction dim 0 to have non-zero size.", aminmax(e(), 0)),
      REFUSES_ANYWHERE(Unsupported, "promotion of complex64 and float32 is not supported",
                       promote_types(DType::Complex64, kFloat32)),
  };
}

}  // namespace lazuli::errors
