// Machine code of kernels in a folder, by everything it depends on. An entry is code that will be run, so the folder
// and its files must belong to us and be closed to others, each file carries a digest over all of it, and any doubt
// means that the kernel is compiled again. Writing never fails loudly: a cache that cannot be written is one that is
// empty.
#pragma once
#include <optional>
#include <string>

namespace lazuli::runtime::cuda {

class CubinCache {
 public:
  /// Empty: no cache.
  explicit CubinCache(std::string folder) : folder_(std::move(folder)) {}

  /// What machine code depends on: source, options, architecture, version of NVRTC.
  static std::string key(const std::string& source, const std::string& arch, const std::string& version);

  std::optional<std::string> find(const std::string& key) const;
  /// Whether it was written.
  bool insert(const std::string& key, const std::string& cubin) const;
  bool enabled() const { return !folder_.empty(); }
  /// The version of NVRTC that entries were last made by: where there is no NVRTC, entries of that version do. Empty
  /// when nobody has said.
  std::string compiler() const;
  void note_compiler(const std::string& version) const;

 private:
  std::string path(const std::string& key) const;
  std::string folder_;
};

}  // namespace lazuli::runtime::cuda
