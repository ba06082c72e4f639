#include "runtime/tuning_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <utility>

#include "runtime/sha256.h"

namespace lazuli::runtime {
namespace {

// A file: two lines that say what it is, then a line per winner: digest of the rest, key, microseconds before and
// after, schedule before, knobs, kernel, with tabs between.
constexpr std::string_view kMagic = "lazuli tuned schedules 1";
constexpr int64_t kMostBytes = int64_t{16} << 20;
constexpr size_t kDigest = 16, kFields = 7;

std::string digest(std::string_view text) {
  return sha256_hex(text).substr(0, kDigest);
}

/// One field: no character that separates fields or lines.
std::string field(std::string text) {
  for (char& c : text)
    if (c == '\t' || c == '\n' || c == '\r' || c == '\0') c = ' ';
  return text;
}

std::string line_of(const std::string& key, const TunedSchedule& t) {
  const std::string rest = fmt::format("{}\t{:.3f}\t{:.3f}\t{}\t{}\t{}", field(key), t.before_us, t.after_us,
                                       field(t.over), field(t.knobs), field(t.kernel));
  return fmt::format("{}\t{}\n", digest(rest), rest);
}

bool parse_number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0 && value < 1e15;
}

std::optional<std::pair<std::string, TunedSchedule>> parse_line(std::string_view line) {
  const size_t tab = line.find('\t');
  if (tab != kDigest || line.substr(0, tab) != digest(line.substr(tab + 1))) return std::nullopt;
  std::vector<std::string_view> fields;
  for (;;) {
    const size_t end = std::min(line.find('\t'), line.size());
    fields.push_back(line.substr(0, end));
    if (end == line.size()) break;
    line.remove_prefix(end + 1);
  }
  TunedSchedule t;
  if (fields.size() != kFields || !parse_number(fields[2], t.before_us) || !parse_number(fields[3], t.after_us))
    return std::nullopt;
  t.over = fields[4];
  t.knobs = fields[5];
  t.kernel = fields[6];
  return std::pair(std::string(fields[1]), std::move(t));
}

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0) : fd_(open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// The contents; nothing where there is no such file. `refused` says why one that exists is not read.
std::optional<std::string> contents(const std::string& path, std::string* refused) {
  const File file(path, O_RDONLY | O_NONBLOCK);
  struct stat s{};
  if (file.fd() < 0) {
    if (errno != ENOENT) *refused = "it cannot be opened";
    return std::nullopt;
  }
  if (fstat(file.fd(), &s) != 0 || !S_ISREG(s.st_mode) || s.st_size > kMostBytes) {
    *refused = "it is no file of winners";
    return std::nullopt;
  }
  std::string all(static_cast<size_t>(s.st_size), '\0');
  for (size_t at = 0; at < all.size();) {
    const ssize_t n = ::read(file.fd(), all.data() + at, all.size() - at);
    if (n <= 0) {
      *refused = "it cannot be read";
      return std::nullopt;
    }
    at += static_cast<size_t>(n);
  }
  return all;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

TuningTable::TuningTable(std::string folder, std::string machine, Log log)
    : folder_(std::move(folder)),
      machine_(field(std::move(machine))),
      file_(folder_.empty() ? "" : fmt::format("{}/tuned-{}.txt", folder_, digest(machine_))),
      log_(std::move(log)) {}

TuningTable::Entries TuningTable::read(std::string* refused) const {
  Entries entries;
  if (file_.empty()) return entries;
  const std::optional<std::string> all = contents(file_, refused);
  if (!all) return entries;
  std::string_view text = *all;
  int64_t number = 0, damaged = 0, first_damaged = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (number == 1 && line != kMagic) {
      *refused = "it does not begin as such a file does";
      return {};
    }
    if (number == 2 && line != machine_) {
      *refused = "it is of another machine or version";
      return {};
    }
    if (number <= 2) continue;
    if (auto entry = parse_line(line)) {
      entries.insert_or_assign(std::move(entry->first), std::move(entry->second));
    } else if (damaged++ == 0) {
      first_damaged = number;
    }
  }
  if (damaged) *refused = fmt::format("{} lines are damaged, the first one is line {}", damaged, first_damaged);
  return entries;
}

void TuningTable::load() {
  if (std::exchange(loaded_, true)) return;
  std::string refused;
  Entries entries = read(&refused);
  if (!refused.empty() && log_)
    log_(fmt::format("{} is left out{}: {}", file_, entries.empty() ? "" : " in part", refused));
  entries_.merge(entries);  // what was inserted here stays
}

std::optional<TunedSchedule> TuningTable::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  load();
  const auto it = entries_.find(key);
  return it == entries_.end() ? std::nullopt : std::optional(it->second);
}

void TuningTable::insert(const std::string& key, TunedSchedule winner) {
  const std::lock_guard lock(mutex_);
  load();
  unsaved_.insert_or_assign(key, winner);
  entries_.insert_or_assign(key, std::move(winner));
}

bool TuningTable::empty() {
  const std::lock_guard lock(mutex_);
  load();
  return entries_.empty();
}

std::map<std::string, TunedSchedule> TuningTable::entries() {
  const std::lock_guard lock(mutex_);
  load();
  return entries_;
}

void TuningTable::reload() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  unsaved_.clear();
  loaded_ = false;
}

bool TuningTable::save(std::string* why) {
  const auto failed = [&](std::string reason) {
    if (why) *why = std::move(reason);
    return false;
  };
  if (file_.empty()) return failed("no folder is set");
  {
    const std::lock_guard lock(mutex_);
    if (unsaved_.empty()) return true;
  }
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  // Another process may keep the file for a while: nobody who plans a kernel waits for that.
  const File lock_file(file_ + ".lock", O_RDWR | O_CREAT, 0600);
  if (lock_file.fd() < 0 || flock(lock_file.fd(), LOCK_EX) != 0)
    return failed(fmt::format("{} cannot be written", folder_));
  const std::lock_guard lock(mutex_);
  std::string refused;
  Entries all = read(&refused);  // what others have written since
  for (const auto& [key, winner] : unsaved_) all.insert_or_assign(key, winner);
  std::string text = fmt::format("{}\n{}\n", kMagic, machine_);
  for (const auto& [key, winner] : all) text += line_of(key, winner);
  std::string fresh = file_ + ".XXXXXX";
  const int fd = mkostemp(fresh.data(), O_CLOEXEC);
  if (fd < 0) return failed(fmt::format("{} cannot be written", folder_));
  const bool written = write_all(fd, text);
  // Whoever reads sees the whole file as it was or as it is now.
  if (::close(fd) != 0 || !written || rename(fresh.c_str(), file_.c_str()) != 0) {
    unlink(fresh.c_str());
    return failed(fmt::format("{} cannot be written", file_));
  }
  unsaved_.clear();
  return true;
}

}  // namespace lazuli::runtime
