// Kernels compute with IEEE rounding, subnormals kept and no traps, whatever mode the calling program has chosen.
// Sets that mode for the lifetime of the object and restores the caller's.
#pragma once
#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace lazuli::runtime {

class FloatMode {
 public:
#if defined(__x86_64__) || defined(_M_X64)
  FloatMode() : saved_(_mm_getcsr()) {
    if ((saved_ & kControl) != kIeee) _mm_setcsr(kIeee);
  }
  ~FloatMode() {
    if ((saved_ & kControl) != kIeee) _mm_setcsr(saved_);
  }
#else
  FloatMode() = default;
#endif
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
#if defined(__x86_64__) || defined(_M_X64)
  static constexpr unsigned kControl = 0xffc0;  // everything but the sticky exception flags
  static constexpr unsigned kIeee = 0x1f80;     // all exceptions masked, nearest even, FTZ and DAZ off
  unsigned saved_;
#endif
};

}  // namespace lazuli::runtime
