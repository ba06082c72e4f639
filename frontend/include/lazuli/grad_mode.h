// Whether operations record history for gradients. The one setting that belongs to a thread rather than to the process
// or to a call: it follows the dynamic scope, as in PyTorch, and every thread begins with it on.
#pragma once
#include <utility>

namespace lazuli {

/// Whether this thread records history.
bool is_grad_enabled();
/// From now on in this thread; a guard restores the mode at its end.
void set_grad_enabled(bool on);

/// Sets the mode of this thread for the life of the guard.
class AutoGradMode {
 public:
  explicit AutoGradMode(bool on) : before_(is_grad_enabled()) { set_grad_enabled(on); }
  ~AutoGradMode() { set_grad_enabled(before_); }
  AutoGradMode(const AutoGradMode&) = delete;
  AutoGradMode& operator=(const AutoGradMode&) = delete;

 private:
  bool before_;
};

/// What is computed while it lives is a constant to gradients; in-place changes are not recorded.
class NoGradGuard : public AutoGradMode {
 public:
  NoGradGuard() : AutoGradMode(false) {}
};
/// The same for programs that name it; a true PyTorch's inference mode also forbids later gradients, this one does not.
class InferenceMode : public AutoGradMode {
 public:
  explicit InferenceMode(bool on = true) : AutoGradMode(!on) {}
};
class EnableGradGuard : public AutoGradMode {
 public:
  EnableGradGuard() : AutoGradMode(true) {}
};

/// fn() without, and with, recording history.
template <class F>
decltype(auto) no_grad(F&& fn) {
  const NoGradGuard guard;
  return std::forward<F>(fn)();
}
template <class F>
decltype(auto) enable_grad(F&& fn) {
  const EnableGradGuard guard;
  return std::forward<F>(fn)();
}

}  // namespace lazuli
