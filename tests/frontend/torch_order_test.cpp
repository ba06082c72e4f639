// What PyTorch computes and refuses, call by call (tests/frontend/torch/record.py).
#include "tests/frontend/torch/cases.h"

namespace lazuli::torch_cases {
namespace {

TEST(TorchOrder, AsPyTorch) {
  expect_results({
#include "tests/frontend/torch/order.inc"
  });
}

TEST(TorchOrder, ErrorsAsPyTorch) {
  expect_refusals({
#include "tests/frontend/torch/order_errors.inc"
  });
}

}  // namespace
}  // namespace lazuli::torch_cases
