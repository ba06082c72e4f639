#include "runtime/cuda/cubin_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <utility>

#include "codegen/cuda/nvrtc.h"
#include "runtime/sha256.h"

namespace lazuli::runtime::cuda {
namespace {

// A file: the magic, the digest of all that follows, the length of the key, key, code.
constexpr std::string_view kMagic = "LZCUBIN1";
constexpr size_t kDigest = 32, kHead = 8 + kDigest + 8;
constexpr int64_t kMostBytes = int64_t{64} << 20;

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0) : fd_(open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() { close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool close() {
    const int fd = std::exchange(fd_, -1);
    return fd >= 0 && ::close(fd) == 0;
  }

 private:
  int fd_;
};

bool ours_alone(const struct stat& s) {
  return s.st_uid == geteuid() && (s.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool folder_is_ours(const std::string& folder) {
  struct stat s{};
  return lstat(folder.c_str(), &s) == 0 && S_ISDIR(s.st_mode) && ours_alone(s);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string_view as_text(const std::array<uint8_t, kDigest>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::string CubinCache::key(const std::string& source, const std::string& arch, const std::string& version) {
  return fmt::format("{}\n{}\n{}\n{}", arch, version, codegen::Nvrtc::fixed_options(), source);
}

std::string CubinCache::path(const std::string& key) const {
  return folder_ + "/" + sha256_hex(key) + ".cubin";
}

std::optional<std::string> CubinCache::find(const std::string& key) const {
  if (!enabled() || !folder_is_ours(folder_)) return std::nullopt;
  const File file(path(key), O_RDONLY | O_NOFOLLOW);
  struct stat s{};
  if (file.fd() < 0 || fstat(file.fd(), &s) != 0 || !S_ISREG(s.st_mode) || !ours_alone(s) || s.st_size > kMostBytes)
    return std::nullopt;
  std::string all(static_cast<size_t>(s.st_size), '\0');
  for (size_t at = 0; at < all.size();) {
    const ssize_t n = read(file.fd(), all.data() + at, all.size() - at);
    if (n <= 0) return std::nullopt;
    at += static_cast<size_t>(n);
  }
  const std::string_view text = all;
  if (text.size() < kHead || text.substr(0, 8) != kMagic) return std::nullopt;
  if (text.substr(8, kDigest) != as_text(sha256(text.substr(8 + kDigest)))) return std::nullopt;
  uint64_t length = 0;
  std::memcpy(&length, all.data() + 8 + kDigest, 8);
  if (length > text.size() - kHead || text.substr(kHead, length) != key) return std::nullopt;
  return std::string(text.substr(kHead + length));
}

bool CubinCache::insert(const std::string& key, const std::string& cubin) const {
  if (!enabled()) return false;
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(folder_).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  mkdir(folder_.c_str(), 0700);
  if (!folder_is_ours(folder_)) return false;
  const uint64_t length = key.size();
  std::string body(reinterpret_cast<const char*>(&length), 8);
  body += key;
  body += cubin;
  const std::string target = path(key);
  std::string fresh = target + ".XXXXXX";
  const int fd = mkostemp(fresh.data(), O_CLOEXEC);
  if (fd < 0) return false;
  bool written = write_all(fd, kMagic) && write_all(fd, as_text(sha256(body))) && write_all(fd, body);
  written = close(fd) == 0 && written;
  // Whoever looks sees the whole entry or none.
  if (written && rename(fresh.c_str(), target.c_str()) == 0) return true;
  unlink(fresh.c_str());
  return false;
}

std::string CubinCache::compiler() const {
  if (!enabled() || !folder_is_ours(folder_)) return {};
  const File file(folder_ + "/compiler", O_RDONLY | O_NOFOLLOW);
  struct stat s{};
  char text[64];
  if (file.fd() < 0 || fstat(file.fd(), &s) != 0 || !S_ISREG(s.st_mode) || !ours_alone(s)) return {};
  const ssize_t n = read(file.fd(), text, sizeof text);
  return n > 0 ? std::string(text, static_cast<size_t>(n)) : std::string();
}

void CubinCache::note_compiler(const std::string& version) const {
  if (!enabled() || !folder_is_ours(folder_) || compiler() == version) return;
  std::string fresh = folder_ + "/compiler.XXXXXX";
  const int fd = mkostemp(fresh.data(), O_CLOEXEC);
  if (fd < 0) return;
  const bool written = write_all(fd, version);
  if (close(fd) == 0 && written && rename(fresh.c_str(), (folder_ + "/compiler").c_str()) == 0) return;
  unlink(fresh.c_str());
}

}  // namespace lazuli::runtime::cuda
