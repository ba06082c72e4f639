// How far a long job is: a bar that fills on a terminal, plain lines elsewhere.
#pragma once
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace examples {

class Progress {
 public:
  /// `what` is counted, "steps"; `lines` is how many lines a run prints where there is no terminal.
  Progress(int64_t all, std::string what, int64_t lines = 10)
      : all_(all), lines_(lines), what_(std::move(what)), terminal_(isatty(STDOUT_FILENO) != 0) {}

  /// Whether show(done) would print, so that the caller makes a note only then.
  bool due(int64_t done) const {
    const int64_t parts = terminal_ ? kWidth : lines_;
    return done == all_ || parts * done / all_ != parts * (done - 1) / all_;
  }
  /// Call it with 1, 2, ... all. `note` stands behind the bar or the line.
  void show(int64_t done, const std::string& note = {}) const {
    if (!due(done)) return;
    if (!terminal_) {
      std::printf("%lld of %lld %s%s%s\n", static_cast<long long>(done), static_cast<long long>(all_), what_.c_str(),
                  note.empty() ? "" : ": ", note.c_str());
      return;
    }
    const auto filled = static_cast<size_t>(kWidth * done / all_);
    std::printf("\r[%s%s] %3lld %% %s%s", std::string(filled, '#').c_str(), std::string(kWidth - filled, ' ').c_str(),
                static_cast<long long>(100 * done / all_), note.c_str(), done == all_ ? "\n" : "");
    std::fflush(stdout);
  }

 private:
  static constexpr int64_t kWidth = 40;
  int64_t all_, lines_;
  std::string what_;
  bool terminal_;
};

}  // namespace examples
