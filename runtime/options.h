// Options of one evaluation are part of the public vocabulary; what only the runtime is told stands here.
#pragma once
#include <cstdint>
#include <functional>

#include "lazuli/base/eval_options.h"

namespace lazuli::runtime {

using lazuli::EvalOptions;

/// Runs body(i) for i in [0, n) on whatever pool the user has.
using ParallelFor = std::function<void(int64_t n, const std::function<void(int64_t)>& body)>;

}  // namespace lazuli::runtime
