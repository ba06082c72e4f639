// Schedules that were measured to be the fastest on this machine, by kernel. In memory, and in one file per machine and
// library version below a folder, which later processes read. The file is text, every line carries a digest of itself,
// and whatever is damaged or of somebody else is left out with a reason: a winner that is missing costs time alone.
// Nothing in it is trusted: codegen::Tuning decides whether a region allows what a line says. Thread-safe; several
// processes may write at once, each adding its winners to what it finds.
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lazuli::runtime {

/// Of one kernel at its sizes, on a number of threads.
struct TunedSchedule {
  std::string over;   // the cost model's choice that it was compared with: another one makes the winner worthless
  std::string knobs;  // codegen::knobs() of the winner
  std::string kernel;
  double before_us = 0, after_us = 0;
  bool operator==(const TunedSchedule&) const = default;
};

class TuningTable {
 public:
  using Log = std::function<void(const std::string&)>;
  /// `machine` is everything that winners depend on beside the kernel. No folder: nothing is read or written. `log`
  /// hears what is left out of the file, and why.
  TuningTable(std::string folder, std::string machine, Log log);

  /// `key` is one line without tabs. The first call reads the file.
  std::optional<TunedSchedule> find(const std::string& key);
  void insert(const std::string& key, TunedSchedule winner);
  bool empty();
  std::map<std::string, TunedSchedule> entries();
  /// Forgets winners that the file does not hold, and reads it again.
  void reload();
  /// Adds the winners inserted since the last call to the file. False where that failed; `why` then says.
  bool save(std::string* why);
  /// Where winners are kept; empty: nowhere.
  const std::string& file() const { return file_; }

 private:
  using Entries = std::map<std::string, TunedSchedule>;
  void load();                               // under mutex_
  Entries read(std::string* refused) const;  // the file as it is now

  const std::string folder_, machine_, file_;
  const Log log_;
  std::mutex mutex_;
  bool loaded_ = false;
  Entries entries_, unsaved_;
};

}  // namespace lazuli::runtime
