// A peer: plain functions by case name.
#pragma once
#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "contestants/contestant.h"

namespace bench {

struct NamedKernel {
  std::string_view name;
  void (*run)(const Arguments&);
};

class TablePeer final : public Contestant {
 public:
  TablePeer(std::string version, std::span<const NamedKernel> kernels)
      : version_(std::move(version)), kernels_(kernels) {}
  std::string version() const override { return version_; }
  std::vector<Series> prepare(const Job& job, std::byte* shared) override {
    const auto at = std::find_if(kernels_.begin(), kernels_.end(), [&](const auto& k) { return k.name == job.name; });
    if (at == kernels_.end()) return {};
    return kernel_series(job, shared, at->run);
  }

 private:
  std::string version_;
  std::span<const NamedKernel> kernels_;
};

/// f(i) for the rows of the first operand, shared out among the threads of the run.
template <class F>
void each_row(const Arguments& a, F f) {
  split(a.threads, a.rows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

}  // namespace bench
