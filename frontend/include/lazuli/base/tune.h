// Searching for schedules that are faster on this machine than the ones the cost model chooses (part of the shared
// vocabulary). A schedule never changes a result's bits; every candidate's results are compared before it is timed.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lazuli/base/eval_options.h"

namespace lazuli {

struct TuneProgress {
  std::string kernel;   // whose candidates are timed
  double fraction = 0;  // of the search, 0 to 1
  double seconds = 0;   // since it began
  double left = 0;      // an estimate, never beyond the budget
};

struct TuneOptions {
  double seconds = 10;                                     // the budget: nothing new is begun after it
  bool again = false;                                      // also kernels that this machine has a winner for already
  bool save = true;                                        // keep winners for later processes (LAZULI_TUNED)
  EvalOptions eval = {};                                   // threads and vectors that are tuned for
  std::function<void(const TuneProgress&)> progress = {};  // called while tune() waits, by another thread
};

/// A kernel whose candidates were timed.
struct TunedKernel {
  std::string name, kind;
  std::string before, after;  // schedules: the cost model's choice and the winner
  double before_us = 0, after_us = 0;
  int candidates = 0;  // that were timed, the model's choice included
};

struct TuneReport {
  std::vector<TunedKernel> kernels;  // distinct ones, in the order in which they would run
  int known = 0;                     // kernels left alone: this machine has a winner for them
  int skipped = 0;                   // kernels that the budget did not reach
  double seconds = 0;
  std::string file;                // where winners were written; empty: nowhere
  std::vector<std::string> notes;  // what could not be done, and why
};

}  // namespace lazuli
