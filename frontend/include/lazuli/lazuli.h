// The whole public API.
#pragma once
#include "lazuli/creation.h"
#include "lazuli/eval.h"
#include "lazuli/generated/ops.h"
#include "lazuli/join.h"
#include "lazuli/matmul.h"
#include "lazuli/nn.h"
#include "lazuli/operators.h"
#include "lazuli/print.h"
#include "lazuli/random.h"
#include "lazuli/reduce.h"
#include "lazuli/tensor.h"
#include "lazuli/tree.h"
