// Rounds of series: registered by the files that know the cases, run interleaved, collected by name.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

inline double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// A function that returns the milliseconds that `body` takes.
template <class Body>
std::function<double()> timed(Body body) {
  return [body] {
    const auto start = Clock::now();
    body();
    return milliseconds_since(start);
  };
}

/// `round` returns its own time. It is run once untimed before each timed round, so that nobody begins in caches and
/// pages that the previous series left.
void add_series(const std::string& name, int rounds, std::function<double()> round);

struct Release {
  void operator()(float* p) const { std::free(p); }
};
using Memory = std::unique_ptr<float[], Release>;
/// Written once, so that no round pays for its pages.
Memory allocate(int64_t elements);

}  // namespace bench
