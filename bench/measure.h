// One case among all contestants: operands are laid out, results checked, then everybody takes turns.
#pragma once
#include <memory>
#include <vector>

#include "coordinator.h"
#include "results.h"

namespace bench {

struct Effort {
  int rounds = 15;  // of every series in a run
  int runs = 5;
  double round_seconds = 2e-3;  // short work is repeated until a round takes about that long
  double series_seconds = 6;    // of a series in a run: the rounds of very long work are fewer, but three
};

class Measurement {
 public:
  Measurement(std::vector<std::unique_ptr<ContestantProcess>>& contestants, const SharedFile& file, int threads)
      : contestants_(contestants), file_(file), threads_(threads) {}

  /// Bytes of the shared file that a case needs.
  static int64_t bytes_needed(const Case& c);
  /// Throws std::runtime_error when Lazuli fails or computes something else; a peer that does is named in `complaints`
  /// and left out.
  CaseResult run(const Case& c, const Effort& effort, std::vector<std::string>& complaints);

 private:
  struct Entrant;
  Job lay_out(const Case& c) const;
  std::vector<Entrant> admit(const Case& c, const Job& job, std::vector<std::string>& complaints);
  static void leave_out(const Case& c, const ContestantProcess& process, const std::string& reason,
                        std::vector<std::string>& complaints);

  std::vector<std::unique_ptr<ContestantProcess>>& contestants_;
  const SharedFile& file_;
  int threads_;
};

}  // namespace bench
