// What is refused in convolution and pooling.
#include "tests/errors/cases.h"

namespace lazuli::errors {
namespace {

Tensor x() {
  return zeros({2, 4, 6, 6});
}
Tensor weight() {
  return zeros({8, 4, 3, 3});
}

}  // namespace

std::vector<Case> conv_cases() {
  return {
      REFUSES(Shape, "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [3, 4]",
              conv2d(m(), weight())),
      REFUSES(Shape, "Expected 4-dimensional weight for conv2d, but got weight of size [2, 3, 4] instead",
              conv2d(x(), cube())),
      REFUSES(DType, "Input type (Float) and weight type (Double) should be the same",
              conv2d(x(), weight().to(kFloat64))),
      REFUSES(DType, "\"conv2d\" not implemented for 'Bool'", conv2d(x() > 0, weight() > 0)),
      REFUSES(Shape,
              "conv2d: expected stride to be a single integer value or a list of 2 values, but got stride=[1, 2, 3]",
              conv2d(x(), weight(), {}, {1, 2, 3})),
      REFUSES(Value, "conv2d: stride should be greater than zero, but got [0, 0]", conv2d(x(), weight(), {}, 0)),
      REFUSES(Value, "conv2d: padding should be non-negative, but got [-1, 1]", conv2d(x(), weight(), {}, 1, {-1, 1})),
      REFUSES(Value, "conv2d: dilation should be greater than zero, but got [0, 0]",
              conv2d(x(), weight(), {}, 1, 0, 0)),
      REFUSES(Value, "conv2d: groups should be greater than zero, but got [0]", conv2d(x(), weight(), {}, 1, 0, 1, 0)),
      REFUSES(
          Shape,
          "Given groups=3, expected weight to be divisible by 3 at dimension 0, but got weight of size [8, 4, 3, 3] "
          "instead",
          conv2d(x(), weight(), {}, 1, 0, 1, 3)),
      REFUSES(Shape,
              "Given groups=2, weight of size [8, 4, 3, 3], expected input[2, 4, 6, 6] to have 8 channels, but got 4 "
              "channels instead",
              conv2d(x(), weight(), {}, 1, 0, 1, 2)),
      REFUSES(
          Shape,
          "Given transposed=1, weight of size [8, 4, 3, 3], expected input[2, 4, 6, 6] to have 8 channels, but got 4 "
          "channels instead",
          conv_transpose2d(x(), weight())),
      REFUSES(Shape,
              "Given weight of size [8, 4, 3, 3], expected bias to be 1-dimensional with 8 elements, but got bias of "
              "size [4] instead",
              conv2d(x(), weight(), v())),
      REFUSES(DType, "Input type (Float) and bias type (Long) should be the same",
              conv2d(x(), weight(), zeros({8}, kInt64))),
      REFUSES(Shape,
              "Calculated padded input size per channel: (2 x 6). Kernel size: (3 x 3). Kernel size can't be greater "
              "than actual input size",
              conv2d(x().slice(2, 0, 2), weight())),
      REFUSES(
          Shape,
          "Given input of size [2, 8, 1, 1], calculated output size per channel: (-1 x -1). Output size is too small",
          conv_transpose2d(zeros({2, 8, 1, 1}), weight(), {}, 1, 2)),
      REFUSES(Value, "padding='same' is not supported for strided convolutions", conv2d(x(), weight(), {}, 2, "same")),
      REFUSES(Value, "Invalid padding string: 'full'", conv2d(x(), weight(), {}, 1, "full")),
      REFUSES(Value, "output padding must be smaller than either stride or dilation, but got output_padding [2, 2]",
              conv_transpose2d(zeros({2, 8, 3, 3}), weight(), {}, 2, 0, 2)),
      REFUSES(Value, "max_pool2d: kernel size should be greater than zero, but got [0, 2]", max_pool2d(x(), {0, 2})),
      REFUSES(Value,
              "max_pool2d: pad should be at most half of effective kernel size, but got pad=2, kernel_size=3 and "
              "dilation=1",
              max_pool2d(x(), 3, 1, 2)),
      REFUSES(Shape, "max_pool2d: Given input size: (6x6). Calculated output size: (0x0). Output size is too small",
              max_pool2d(x(), 7)),
      REFUSES(DType, "\"max_pool2d\" not implemented for 'Bool'", max_pool2d(x() > 0, 2)),
      REFUSES(DType, "\"avg_pool2d\" not implemented for 'Long'", avg_pool2d(x().to(kInt64), 2)),
      REFUSES(Value, "avg_pool2d: divisor must be not zero", avg_pool2d(x(), 2, 2, 0, false, true, 0)),
      REFUSES(Shape,
              "adaptive_avg_pool2d: Expected input to have non-zero size for non-batch dimensions, but input has sizes "
              "[2, 4, 0, 6]",
              adaptive_avg_pool2d(zeros({2, 4, 0, 6}), 2)),
  };
}

}  // namespace lazuli::errors
