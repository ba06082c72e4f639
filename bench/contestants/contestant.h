// A contestant's process: answers the coordinator's requests (protocol.h) with what a table of functions computes.
#pragma once
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol.h"

namespace bench {

/// One way of computing a case: a series of times.
struct Series {
  std::string name;  // "kernel", "call"
  /// Nanoseconds of `repeats` runs, of which number r takes copy (turn + r) % copies of the operands.
  std::function<double(int64_t turn, int64_t repeats)> run;
  /// Leaves the results of the last run in the shared file.
  std::function<void()> publish;
  /// Facts of the last run to be kept beside the times ("launches=1 allocations=0"); may be empty.
  std::function<std::string()> facts;
};

class Contestant {
 public:
  virtual ~Contestant() = default;
  virtual std::string version() const = 0;
  /// No series: this contestant does not compute the case.
  virtual std::vector<Series> prepare(const Job& job, std::byte* shared) = 0;
};

/// Answers requests until the input ends.
int serve(Contestant& contestant, int argc, char** argv);

struct Release {
  void operator()(std::byte* p) const { std::free(p); }
};
using Block = std::unique_ptr<std::byte[], Release>;
/// Huge pages where they help, and written once so that no run pays for pages.
Block allocate(int64_t bytes);

/// The operands of a job in memory of this process, `copies` times.
std::vector<std::vector<Block>> take_operands(const Job& job, const std::byte* shared);

/// Operands of one run and memory for its results, for plain functions.
struct Arguments {
  std::vector<const void*> in;
  std::vector<void*> out;
  int64_t rows, columns;  // of the first operand
  int threads;
  const Job* job;
  const float* f32(size_t i) const { return static_cast<const float*>(in[i]); }
  const int32_t* i32(size_t i) const { return static_cast<const int32_t*>(in[i]); }
  const int64_t* i64(size_t i) const { return static_cast<const int64_t*>(in[i]); }
  template <class T = float>
  T* result(size_t i = 0) const {
    return static_cast<T*>(out[i]);
  }
};
using Kernel = std::function<void(const Arguments&)>;

/// One series, "kernel", of a plain function that writes memory of the contestant's own, two sets of it in turns.
std::vector<Series> kernel_series(const Job& job, std::byte* shared, Kernel kernel);

/// Calls part(begin, end) for pieces of [0, n), one per thread, and waits. Threads spin between pieces for a moment.
void split(int threads, int64_t n, const std::function<void(int64_t, int64_t)>& part);

}  // namespace bench
