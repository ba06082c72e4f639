#include "frontend/context.h"

#include "runtime/context.h"

namespace lazuli {

Context::Context()
    : runtime(*runtime::Context::from_environment().release()),  // never destroyed, as this is not
      interner(runtime.interner()),
      allocator(runtime.allocator()) {
  eager = runtime.settings().eager;
}

Context& context() {
  static Context* const instance = new Context();
  return *instance;
}

ir::Interner& interner() {
  return context().interner;
}

EvalOptions Context::merged(EvalOptions options) const {
  const EvalOptions& all = runtime.settings().eval;
  options.fuse &= all.fuse;
  options.check_nan |= all.check_nan;
  options.verify_passes |= all.verify_passes;
  options.interpret |= eager.load(std::memory_order_relaxed);
  return options;
}

std::shared_ptr<runtime::Buffer> Context::allocate(int64_t bytes, Device device) {
  return device.is_cpu() ? allocator.allocate(bytes) : runtime.allocator(device).allocate(bytes);
}

std::shared_ptr<runtime::Buffer> Context::copy_of(const runtime::Buffer& from) {
  auto buffer = allocate(from.bytes(), from.device());
  runtime.copy(*buffer, from, from.bytes());
  return buffer;
}

void Context::link(Storage& s) {
  if (s.linked) return;
  s.linked = true;
  s.prev = last_pending_;
  s.next = nullptr;
  (last_pending_ ? last_pending_->next : first_pending_) = &s;
  last_pending_ = &s;
}

void Context::unlink(Storage& s) {
  if (!s.linked) return;
  s.linked = false;
  (s.prev ? s.prev->next : first_pending_) = s.next;
  (s.next ? s.next->prev : last_pending_) = s.prev;
  s.prev = s.next = nullptr;
}

std::vector<std::shared_ptr<Storage>> Context::pending_storages() const {
  std::vector<std::shared_ptr<Storage>> all;
  for (Storage* s = first_pending_; s; s = s->next)
    if (auto owner = s->weak_from_this().lock()) all.push_back(std::move(owner));
  return all;
}

void Context::track(Storage& s) {
  const bool tracked = s.value->differentiable();
  if (tracked == s.tracked) return;
  if (!tracked) return untrack(s);
  tracked_.insert(&s);
  s.tracked = true;
}

std::vector<std::shared_ptr<Storage>> Context::tracked_storages() const {
  std::vector<std::shared_ptr<Storage>> all;
  for (Storage* s : tracked_)
    if (auto owner = s->weak_from_this().lock()) all.push_back(std::move(owner));
  return all;
}

}  // namespace lazuli
