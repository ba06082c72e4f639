// A map from a byte-string key to a value, bounded by cost: the least recently used entries go first. A hash hit is
// verified by comparing whole keys. Not thread-safe; its owners lock.
#pragma once
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lazuli::runtime {

template <class Value>
class LruMap {
 public:
  explicit LruMap(int64_t budget) : budget_(budget) {}

  /// The value, now the most recently used one; null if there is none.
  Value* find(std::string_view key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, it->second);
    return &it->second->value;
  }

  /// Inserts or replaces. `evicted` receives the key of every entry that had to go; the new entry always stays.
  template <class Evicted>
  void insert(std::string key, Value value, int64_t cost, Evicted&& evicted) {
    erase(key);
    entries_.push_front({std::move(key), std::move(value), cost});
    index_.emplace(entries_.front().key, entries_.begin());
    cost_ += cost;
    while (cost_ > budget_ && entries_.size() > 1) {
      evicted(std::string_view(entries_.back().key));
      drop(std::prev(entries_.end()));
    }
  }
  void erase(std::string_view key) {
    if (const auto it = index_.find(key); it != index_.end()) drop(it->second);
  }
  void set_budget(int64_t budget) { budget_ = budget; }
  void clear() {
    index_.clear();
    entries_.clear();
    cost_ = 0;
  }
  size_t size() const { return entries_.size(); }
  int64_t cost() const { return cost_; }

 private:
  struct Entry {
    std::string key;
    Value value;
    int64_t cost;
  };
  using Entries = std::list<Entry>;
  void drop(typename Entries::iterator it) {
    cost_ -= it->cost;
    index_.erase(it->key);
    entries_.erase(it);
  }

  int64_t budget_;
  int64_t cost_ = 0;
  Entries entries_;  // most recently used first
  std::unordered_map<std::string_view, typename Entries::iterator> index_;
};

}  // namespace lazuli::runtime
