// What PyTorch computes and refuses, call by call (tests/frontend/torch/record.py).
#include "tests/frontend/torch/cases.h"

namespace lazuli::torch_cases {
namespace {

TEST(Behaviour10Elementwise, AsPyTorch) {
  expect_results({
#include "tests/frontend/torch/pointwise.inc"
  });
}

TEST(Behaviour10Elementwise, ErrorsAsPyTorch) {
  expect_refusals({
#include "tests/frontend/torch/pointwise_errors.inc"
  });
}

}  // namespace
}  // namespace lazuli::torch_cases
