// What PyTorch computes and refuses, call by call (tests/frontend/torch/record.py).
#include "tests/frontend/torch/cases.h"

namespace lazuli::torch_cases {
namespace {

TEST(Behaviour14Products, AsPyTorch) {
  expect_results({
#include "tests/frontend/torch/products.inc"
  });
}

TEST(Behaviour14Products, ErrorsAsPyTorch) {
  expect_refusals({
#include "tests/frontend/torch/products_errors.inc"
  });
}

}  // namespace
}  // namespace lazuli::torch_cases
