// The whole public API.
#pragma once
#include "lazuli/eval.h"
#include "lazuli/tensor.h"
