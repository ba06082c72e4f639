#include "passes/arena.h"

#include "lazuli/base/error.h"

namespace lazuli::passes {

int64_t Arena::rounded(int64_t bytes) const {
  int64_t up = 0;
  if (__builtin_add_overflow(bytes, alignment_ - 1, &up))
    throw Error(ErrorKind::Memory, "the program's intermediates exceed 2^63 - 1 bytes");
  return up / alignment_ * alignment_;
}

int64_t Arena::allocate(int64_t bytes) {
  if (bytes == 0) return 0;
  bytes = rounded(bytes);
  const auto fit = by_size_.lower_bound({bytes, 0});
  if (fit != by_size_.end()) {
    const auto [size, offset] = *fit;
    erase_hole(holes_.find(offset));
    if (size > bytes) insert_hole(offset + bytes, size - bytes);
    return offset;
  }
  // Nothing fits: grow, starting in the last hole if it touches the end.
  int64_t offset = size_;
  if (!holes_.empty()) {
    const auto last = std::prev(holes_.end());
    if (last->first + last->second == size_) {
      offset = last->first;
      erase_hole(last);
    }
  }
  if (__builtin_add_overflow(offset, bytes, &size_))
    throw Error(ErrorKind::Memory, "the program's intermediates exceed 2^63 - 1 bytes");
  return offset;
}

void Arena::release(int64_t offset, int64_t bytes) {
  if (bytes == 0) return;
  bytes = rounded(bytes);
  auto next = holes_.lower_bound(offset);
  if (next != holes_.end() && next->first == offset + bytes) {
    bytes += next->second;
    erase_hole(next++);
  }
  if (next != holes_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) {
      offset = before->first;
      bytes += before->second;
      erase_hole(before);
    }
  }
  insert_hole(offset, bytes);
}

void Arena::insert_hole(int64_t offset, int64_t bytes) {
  holes_.emplace(offset, bytes);
  by_size_.emplace(bytes, offset);
}

void Arena::erase_hole(std::map<int64_t, int64_t>::iterator hole) {
  by_size_.erase({hole->second, hole->first});
  holes_.erase(hole);
}

}  // namespace lazuli::passes
