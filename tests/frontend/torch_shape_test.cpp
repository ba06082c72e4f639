// What PyTorch computes and refuses, call by call (tests/frontend/torch/record.py).
#include "tests/frontend/torch/cases.h"

namespace lazuli::torch_cases {
namespace {

TEST(Behaviour13Shapes, AsPyTorch) {
  expect_results({
#include "tests/frontend/torch/shape.inc"
  });
}

TEST(Behaviour13Shapes, ErrorsAsPyTorch) {
  expect_refusals({
#include "tests/frontend/torch/shape_errors.inc"
  });
}

}  // namespace
}  // namespace lazuli::torch_cases
