// Offsets in one growing block of memory: best fit over an ordered free list, so that planning stays near-linear.
// Deterministic: a function of the sequence of calls.
#pragma once
#include <cstdint>
#include <map>
#include <set>

namespace lazuli::passes {

class Arena {
 public:
  explicit Arena(int64_t alignment) : alignment_(alignment) {}
  /// Offset of a block of at least `bytes`; blocks of no bytes all stand at 0 and hold nothing.
  int64_t allocate(int64_t bytes);
  /// `bytes` as they were asked for.
  void release(int64_t offset, int64_t bytes);
  int64_t rounded(int64_t bytes) const;
  /// Largest end that any block had.
  int64_t size() const { return size_; }

 private:
  void insert_hole(int64_t offset, int64_t bytes);
  void erase_hole(std::map<int64_t, int64_t>::iterator hole);

  int64_t alignment_, size_ = 0;
  std::map<int64_t, int64_t> holes_;               // offset -> bytes, no two adjacent
  std::set<std::pair<int64_t, int64_t>> by_size_;  // (bytes, offset)
};

}  // namespace lazuli::passes
