#include "lazuli/grad_mode.h"

#include "frontend/history.h"

namespace lazuli {

namespace {
thread_local bool recording = true;
}

bool grad_enabled() {
  return recording;
}
bool is_grad_enabled() {
  return recording;
}
void set_grad_enabled(bool on) {
  recording = on;
}

}  // namespace lazuli
