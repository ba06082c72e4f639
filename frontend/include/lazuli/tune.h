// Tuning: measure on this machine what the cost model only estimates. Not part of lazuli.h.
//
//   lazuli::Tensor c = lazuli::relu(lazuli::matmul(a, b) + bias);   // pending, not computed
//   lazuli::TuneReport report = lazuli::tune({&c, 1}, {.seconds = 20});
//   for (const lazuli::TunedKernel& k : report.kernels)
//     std::cout << k.name << ": " << k.before_us << " us, now " << k.after_us << " us, " << k.after << "\n";
//   lazuli::eval(c);   // runs the winners; so does every later process of this user on this machine
//
// `lazuli-tune` does the same for sizes given on its command line and for graphs as text.
#pragma once
#include <span>

#include "lazuli/base/tune.h"
#include "lazuli/tensor.h"

namespace lazuli {

/// Times schedules of the kernels that evaluating the tensors would run, on memory of its own, and keeps the fastest
/// for later evaluations of the same kernels at the same sizes on as many threads. Evaluates nothing. Results have the
/// same bits as before.
TuneReport tune(std::span<const Tensor> tensors, const TuneOptions& options = {});

}  // namespace lazuli
