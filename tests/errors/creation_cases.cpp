// What is refused in creation, random numbers and memory of the user.
#include "tests/errors/cases.h"

namespace lazuli::errors {
namespace {

char* aligned() {
  alignas(8) static char memory[64];
  return memory;
}

}  // namespace

std::vector<Case> creation_cases() {
  return {
      REFUSES(Shape, "Trying to create tensor with negative dimension -1: [2, -1]", zeros({2, -1})),
      REFUSES(Shape, "zeros: a tensor has at most 32 axes, not 100", zeros(std::vector<int64_t>(100, 1))),
      REFUSES(Shape, "zeros: Storage size calculation overflowed with sizes=[4611686018427387904, 4]",
              zeros({int64_t{1} << 62, 4})),
      REFUSES(Unsupported, "zeros: element type complex64 is not supported", zeros({2}, DType::Complex64)),
      REFUSES(Shape, "Expected all sub-lists to have sizes: [2], but got sub-list with sizes: [1]",
              tensor({{1, 2}, {3}})),
      REFUSES(Value, "number of steps must be non-negative", linspace(0, 1, -1)),
      REFUSES(Value, "number of steps must be non-negative", logspace(0, 1, -1)),
      REFUSES(Value, "step must be nonzero", arange(0, 3, 0)),
      REFUSES(Value, "unsupported range: 0 -> inf", arange(1.0 / 0.0)),
      REFUSES(Value, "upper bound and larger bound inconsistent with step sign", arange(3, 0)),
      REFUSES(Shape, "invalid size, possible overflow?", arange(0.0, 1e30, 0.5)),
      REFUSES(Shape, "invalid size, possible overflow?", arange(INT64_MIN, INT64_MAX, 1)),
      REFUSES(DType, "\"arange_cpu\" not implemented for 'Bool'", arange(3, kBool)),
      REFUSES(Shape, "n must be greater or equal to 0, got -1", eye(-1)),
      REFUSES(Shape, "m must be greater or equal to 0, got -1", eye(2, -1)),
      REFUSES(Value, "device \"disk\" is not known", ones({2}, "disk")),
      REFUSES(DType, "only Tensors of floating point dtype can require gradients", ones({2}, kInt32).requires_grad_()),
      REFUSES(DType, "only Tensors of floating point dtype can require gradients",
              ones({2}, requires_grad().dtype(kInt32))),
      REFUSES(Unsupported, "to: element type complex64 is not supported", ones({2}).to(DType::Complex64)),
      REFUSES(Value, "to(options) expects unset requires_grad flag, but got options.requires_grad set as true",
              ones({2}).to(requires_grad())),
      REFUSES(Device,
              "to: cuda:99 cannot be used: the CUDA driver was not found: libcuda.so.1: cannot open shared object "
              "file: No such file or directory; /usr/lib/wsl/lib/libcuda.so.1: cannot open shared object file: No such "
              "file or directory",
              ones({2}).to("cuda:99")),
      REFUSES(DType, "\"check_uniform_bounds\" not implemented for 'Long'", rand({2}, kInt64)),
      REFUSES(DType, "\"normal_kernel_cpu\" not implemented for 'Long'", randn({2}, kInt64)),
      REFUSES(DType, "\"check_uniform_bounds\" not implemented for 'Long'", rand_like(arange(3))),
      REFUSES(DType, "\"normal_kernel_cpu\" not implemented for 'Long'", randn_like(arange(3))),
      REFUSES(Value, "random_ expects 'from' to be less than 'to', but got from=0 >= to=0", randint(0, {2})),
      REFUSES(Value, "random_ expects 'from' to be less than 'to', but got from=5 >= to=3", randint(5, 3, {2})),
      REFUSES(Value, "to - 1 is out of bounds for uint8", randint(300, {2}, kUInt8)),
      REFUSES(Value, "to - 1 is out of bounds for int8", randint(0, 300, {2}, kInt8)),
      REFUSES(Value, "n must be non-negative, got-1", randperm(-1)),
      REFUSES(Value, "n = 3000 is too large for float16: not every number has a value of its own",
              randperm(3000, kFloat16)),
      REFUSES(Shape, "prob_dist must be 1 or 2 dim", multinomial(cube(), 1)),
      REFUSES(Value, "cannot sample n_sample <= 0 samples", multinomial(v(), 0)),
      REFUSES(Value, "cannot sample n_sample > prob_dist.size(-1) samples without replacement", multinomial(v(), 5)),
      REFUSES(Value, "probability tensor contains either `inf`, `nan` or element < 0", multinomial(-v(), 1)),
      REFUSES(Value, "invalid multinomial distribution (sum of probabilities <= 0)", multinomial(zeros({3}), 1, true)),
      REFUSES(DType, "multinomial only supports floating-point dtypes for input, got: Long", multinomial(k(), 1)),
      REFUSES(Value, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.", bernoulli(full({2}, 2.0))),
      REFUSES(DType, "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'", bernoulli(k())),
      REFUSES(Value, "bernoulli_ expects p to be in [0, 1], but got p=1.5", bernoulli(v(), 1.5)),
      REFUSES(Value, "normal expects std >= 0.0, but found std -1", normal(0, -1, {2})),
      REFUSES(Value, "normal expects std >= 0.0, but found std -1", normal(v(), -1.0)),
      REFUSES(Value, "uniform_ expects to return a [from, to) range, but found from=2 > to=1",
              v().clone().uniform_(2, 1)),
      REFUSES(Value, "normal expects std >= 0.0, but found std -1", v().clone().normal_(0, -1)),
      REFUSES(Value, "bernoulli_ expects p to be in [0, 1], but got p=2", v().clone().bernoulli_(2.0)),
      REFUSES(Value, "exponential_ expects lambda > 0.0, but found lambda=-1", v().clone().exponential_(-1)),
      REFUSES(DType, "\"check_uniform_bounds\" not implemented for 'Long'", k().clone().uniform_()),
      REFUSES(DType, "\"normal_kernel_cpu\" not implemented for 'Long'", k().clone().normal_()),
      REFUSES(DType,
              "Exponential distribution is a continuous probability distribution. dtype must be a floating point but "
              "you specified Long",
              k().clone().exponential_()),
      REFUSES(Value, "random_ expects 'from' to be less than 'to', but got from=5 >= to=3", v().clone().random_(5, 3)),
      REFUSES(Value, "random_ expects 'from' to be less than 'to', but got from=0 >= to=0", v().clone().random_(0)),
      REFUSES(Value, "to - 1 is out of bounds for uint8", u8().clone().random_(0, 300)),
      REFUSES(Value, "from_blob: null pointer", from_blob(nullptr, {2})),
      REFUSES(Shape, "from_blob: negative dimension -1 in [-1]", from_blob(nullptr, {-1})),
      REFUSES(Shape, "from_blob: a tensor has at most 32 axes, not 100",
              from_blob(static_cast<void*>(aligned()), std::vector<int64_t>(100, 1))),
      REFUSES(Shape, "from_blob: shape [4611686018427387904, 4] is too large",
              from_blob(static_cast<void*>(aligned()), {int64_t{1} << 62, 4})),
      REFUSES(Unsupported, "from_blob: element type complex64 is not supported",
              from_blob(static_cast<void*>(aligned()), {2}, DType::Complex64)),
      REFUSES(Shape, "mismatch in length of strides and shape", from_blob(static_cast<void*>(aligned()), {2}, {1, 1})),
      REFUSES(Value, "from_blob: Negative strides are not supported at the moment, got strides: [-1]",
              from_blob(static_cast<void*>(aligned()), {2}, {-1})),
      REFUSES(Shape, "from_blob: sizes [2, 2] with strides [9223372036854775807, 1] reach further than memory can",
              from_blob(static_cast<void*>(aligned()), {2, 2}, {INT64_MAX, 1})),
      REFUSES(Value, "from_blob: memory of float32 begins at an address that is no multiple of 4",
              from_blob(static_cast<void*>(aligned() + 1), {2})),
      REFUSES(Value, "from_blob: 4 elements do not fit behind the address",
              from_blob(static_cast<void*>(reinterpret_cast<char*>(UINTPTR_MAX - 3)), {4})),
      REFUSES(Value, "from is out of bounds for uint8", u8().clone().random_(-5, 3)),
      REFUSES(Shape, "a tensor of shape [4611686018427387904, 4] is too large",
              from_host(nullptr, {int64_t{1} << 62, 4}, kFloat32)),
  };
}

}  // namespace lazuli::errors
