#include "runtime/kernel_cache.h"

#include <exception>

namespace lazuli::runtime {
namespace {

/// The hashes that explain misses are forgotten beyond this number.
constexpr size_t kRemembered = 1 << 20;

void remember(std::unordered_set<size_t>& set, size_t hash) {
  if (set.size() >= kRemembered) set.clear();
  set.insert(hash);
}

}  // namespace

std::string_view name(Miss m) {
  constexpr std::string_view names[] = {"", "new structure", "other target", "evicted"};
  return names[static_cast<size_t>(m)];
}

std::string KernelCache::full_key(const std::string& structure, const std::string& target) {
  std::string key;
  key.reserve(structure.size() + target.size() + 1);
  key.append(target).push_back('\0');  // a target's text has no zero byte
  return key.append(structure);
}

Miss KernelCache::reason(const std::string& structure, const std::string& key) const {
  if (evicted_keys_.contains(std::hash<std::string_view>()(key))) return Miss::Evicted;
  if (seen_structures_.contains(std::hash<std::string_view>()(structure))) return Miss::OtherTarget;
  return Miss::NewStructure;
}

KernelCache::Result KernelCache::get(const std::string& structure, const std::string& target,
                                     const std::function<Code()>& compile) {
  const std::string key = full_key(structure, target);
  std::unique_lock lock(mutex_);
  if (Code* found = entries_.find(key)) {
    ++stats_.hits;
    return {*found, Miss::None};
  }
  if (const auto it = pending_.find(key); it != pending_.end()) {
    const std::shared_ptr<Pending> other = it->second;
    compiled_.wait(lock, [&] { return other->done; });
    if (other->error) std::rethrow_exception(other->error);
    ++stats_.hits;
    return {other->code, Miss::None};
  }
  const auto mine = std::make_shared<Pending>();
  pending_.emplace(key, mine);
  const Miss miss = reason(structure, key);
  lock.unlock();

  Code code;
  std::exception_ptr error;
  try {
    code = compile();
  } catch (...) {
    error = std::current_exception();
  }

  lock.lock();
  mine->done = true;
  mine->code = code;
  mine->error = error;
  pending_.erase(key);
  if (!error) {
    ++stats_.compiled;
    remember(seen_structures_, std::hash<std::string_view>()(structure));
    evicted_keys_.erase(std::hash<std::string_view>()(key));
    const auto cost = static_cast<int64_t>(key.size() + code->code_bytes + 512);
    entries_.insert(key, code, cost, [&](std::string_view gone) {
      ++stats_.evicted;
      remember(evicted_keys_, std::hash<std::string_view>()(gone));
    });
  }
  compiled_.notify_all();
  if (error) std::rethrow_exception(error);
  return {code, miss};
}

KernelCache::Code KernelCache::find(const std::string& structure, const std::string& target) {
  const std::lock_guard lock(mutex_);
  Code* found = entries_.find(full_key(structure, target));
  return found ? *found : nullptr;
}

void KernelCache::set_budget(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  entries_.set_budget(bytes);
}

void KernelCache::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

KernelCacheStats KernelCache::stats() const {
  const std::lock_guard lock(mutex_);
  KernelCacheStats s = stats_;
  s.kernels = entries_.size();
  s.bytes = entries_.cost();
  return s;
}

}  // namespace lazuli::runtime
