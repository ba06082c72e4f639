// The one piece of process-wide state: the table of nodes, the runtime, the storages whose values are still pending,
// and settings. Never destroyed, so tensors of static storage duration are safe.
//
// Two locks. `mutex` is short: it guards which value every storage has, Node::cached and the list of pending storages.
// `evaluation` is held while a program runs, so that a shared graph is computed once; it is taken before `mutex`.
// Storages and nodes are released outside `mutex`, because Storage's destructor takes it.
#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "frontend/tensor_impl.h"
#include "lazuli/eval.h"
#include "runtime/allocator.h"

namespace lazuli {

namespace runtime {
class Context;
}

class Context {
 public:
  Context();
  ~Context() = delete;

  runtime::Context& runtime;
  ir::Interner& interner;
  runtime::Allocator& allocator;

  std::mutex evaluation;
  std::mutex mutex;
  std::condition_variable landed;  // some storage is no longer in flight

  // ---- Settings. ----
  /// The options of one call together with those of the process (environment, set_eager).
  EvalOptions merged(EvalOptions options) const;
  std::atomic<bool> eager{false};
  std::atomic<int64_t> pending_limit{4096};

  std::atomic<uint64_t> next_trace{1};

  // ---- Counters. ----
  std::atomic<int64_t> evaluations{0}, copies_out{0};

  // ---- Pending storages; callers hold `mutex`. ----
  void link(Storage& s);
  void unlink(Storage& s);
  void restart_growth() { next_look_ = 0; }
  /// Owners of every pending storage, in the order of becoming pending. Let go of them only after `mutex`.
  std::vector<std::shared_ptr<Storage>> pending_storages() const;

  // ---- Tracked storages: those whose value has a history. Callers hold `mutex`. ----
  /// After a change of its value.
  void track(Storage& s);
  void untrack(Storage& s) {
    if (s.tracked) tracked_.erase(&s);
    s.tracked = false;
  }
  /// Their owners. Let go of them only after `mutex`.
  std::vector<std::shared_ptr<Storage>> tracked_storages() const;
  /// What backward() has made and seen, as long as it is pending: computed together with whatever shares operations
  /// with it, because what one needs of a backward pass the others need as well.
  std::vector<std::weak_ptr<Storage>> companions;
  /// Tensors that retain their gradient.
  std::vector<std::weak_ptr<GradSlot>> retaining;

  /// Waits until no thread is evaluating the storage. `lock` holds `mutex`.
  void wait_landed(std::unique_lock<std::mutex>& lock, const Storage& s) {
    landed.wait(lock, [&] { return !s.in_flight; });
  }

  /// Called for every value that is made lazily: evaluates what has grown beyond the limit (see growth.cpp).
  void note_growth(const std::shared_ptr<Storage>& s, const Location& loc);

  std::shared_ptr<runtime::Buffer> allocate(int64_t bytes, Device device = kCPU);
  /// A buffer of its own, on the same device, with the same contents.
  std::shared_ptr<runtime::Buffer> copy_of(const runtime::Buffer& from);

 private:
  Storage* first_pending_ = nullptr;
  Storage* last_pending_ = nullptr;
  std::unordered_set<Storage*> tracked_;

  std::atomic<int64_t> next_look_{0};  // live nodes at which growth is looked into
  std::mutex growth_mutex_;
  const char* growing_file_ = nullptr;
  uint32_t growing_line_ = 0;
};

/// Computes the storages as one program; see evaluate.cpp. Takes both locks.
Report evaluate(std::vector<std::shared_ptr<Storage>> roots, EvalOptions options);
/// Makes the storage ready, its memory its own and outside of Lazuli's disposal; readers of older versions are done.
void* escape(const std::shared_ptr<Storage>& root);

/// What a computed node or a data leaf is held by; null if nothing holds it. Callers hold `mutex`.
std::shared_ptr<Materialized> materialized(const ir::Node* n);
/// A fresh data leaf over the buffer, findable from `computed` (may be null) and from the leaf. Callers hold `mutex`.
std::shared_ptr<Materialized> materialize(const ir::Node* like, std::shared_ptr<runtime::Buffer> buffer,
                                          const ir::Node* computed);

}  // namespace lazuli
