// What the coordinator and a contestant say to each other. A contestant is a process: it reads a request per line from
// its standard input and answers with a line. Operands and results pass through a file that both have mapped: a
// contestant takes operands from it into memory of its own, several times over, and leaves results there when they are
// to be checked.
//
//   version                          -> text
//   prepare JOB                      -> "ready SERIES ..." or "skip"; a series "~NAME" computes something else than the
//   case,
//                                       to be compared with, and is not checked
//   publish SERIES                   -> "done": runs once and leaves the results in the shared file
//   run SERIES TURN REPEATS          -> nanoseconds of all repeats together, then facts "NAME=NUMBER"
//   forget                           -> "done"
//   anything that fails              -> "error TEXT"
//
// JOB is "CASE SIZE threads=N copies=N limit=KIND:AMOUNT", then per operand "in:NAME:TYPE:DIMS:OFFSET" and per result
// "out:NAME:TYPE:DIMS:OFFSET". DIMS are joined with x, "-" for none. A run takes copy (TURN + repeat) modulo copies of
// the operands, so that large ones are not in a cache from the run before.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "cases/case.h"

namespace bench {

/// Operands of at most this much have one copy: all runs find them in the first-level cache.
constexpr int64_t kTinyBytes = 16 << 10;

struct Place {
  Value value;
  int64_t offset = 0;  // bytes from the start of the shared file
};

struct Job {
  std::string name, size;
  int threads = 1;
  int64_t copies = 1;
  Limit limit = Limit::None;
  double amount = 0;
  std::vector<Place> inputs, outputs;

  std::string str() const;
  /// Throws std::invalid_argument.
  static Job parse(const std::string& text);
  int64_t rows() const;     // of the first operand (of the result, without operands)
  int64_t columns() const;  // the product of its other dimensions
  /// Whether operands have one copy because they are few bytes.
  bool tiny() const;
};

/// A file without a name, mapped by all.
class SharedFile {
 public:
  /// Makes one; others open it at path().
  static SharedFile create(int64_t bytes);
  static SharedFile open(const std::string& path);
  SharedFile(SharedFile&& other) noexcept;
  SharedFile& operator=(SharedFile&&) = delete;
  ~SharedFile();
  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  std::string path() const;

 private:
  SharedFile(int fd, int64_t bytes);
  int fd_;
  std::byte* data_ = nullptr;
  int64_t bytes_;
};

}  // namespace bench
