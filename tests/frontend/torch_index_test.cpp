// What PyTorch computes and refuses, call by call (tests/frontend/torch/record.py).
#include "tests/frontend/torch/cases.h"

namespace lazuli::torch_cases {
namespace {

TEST(Behaviour25Indexing, AsPyTorch) {
  expect_results({
#include "tests/frontend/torch/index.inc"
  });
}

TEST(Behaviour25Indexing, ErrorsAsPyTorch) {
  expect_refusals({
#include "tests/frontend/torch/index_errors.inc"
  });
}

}  // namespace
}  // namespace lazuli::torch_cases
