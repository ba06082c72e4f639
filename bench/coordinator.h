// Contestants as processes: started, pinned, asked. A contestant runs only while it is asked something (it is stopped
// otherwise), so that no one's waiting threads disturb another's turn.
#pragma once
#include <sys/types.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol.h"

namespace bench {

class ContestantProcess {
 public:
  static constexpr int kPatience = 60;  // seconds for an answer; compilers take tens of them
  /// `command` gets the path of the shared file as its last argument. Throws std::runtime_error if it does not answer.
  ContestantProcess(std::string name, std::vector<std::string> command, const SharedFile& file, int threads);
  ContestantProcess(const ContestantProcess&) = delete;
  ContestantProcess& operator=(const ContestantProcess&) = delete;
  ~ContestantProcess();

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }

  /// The names of its series of a job; none if it skips the case.
  std::vector<std::string> prepare(const Job& job);
  void publish(const std::string& series);
  struct Run {
    double nanoseconds = 0;
    std::map<std::string, double> facts;
  };
  /// `repeats` in one piece, after some that are not timed; `turn` is the first of them all.
  Run run(const std::string& series, int64_t turn, int64_t untimed, int64_t repeats);
  void forget();

 private:
  void start();
  void end();
  /// A contestant that thinks for longer than kPatience is ended, started again, and told as a failure.
  std::string ask(const std::string& request);

  std::string name_, version_;
  std::vector<std::string> command_;
  int threads_;
  pid_t pid_ = -1;
  int to_ = -1;
  std::FILE* from_ = nullptr;
};

}  // namespace bench
