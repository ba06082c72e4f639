// What PyTorch computes and refuses, call by call (tests/frontend/torch/record.py).
#include "tests/frontend/torch/cases.h"

namespace lazuli::torch_cases {
namespace {

TEST(Behaviour23Reductions, AsPyTorch) {
  expect_results({
#include "tests/frontend/torch/reduce.inc"
  });
}

TEST(Behaviour23Reductions, ErrorsAsPyTorch) {
  expect_refusals({
#include "tests/frontend/torch/reduce_errors.inc"
  });
}

}  // namespace
}  // namespace lazuli::torch_cases
