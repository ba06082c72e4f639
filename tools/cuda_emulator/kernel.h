// What an emulated kernel is compiled with in the place of CUDA's built-in names: put before the kernel's source by the
// stand-in for NVRTC. The stand-in for the driver fills the table of functions when it loads the code.
#pragma once
#include <math.h>

#include "kernel_state.h"

#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

static lzemu_api lzemu;
extern "C" void lzemu_bind(const lzemu_api* api) {
  lzemu = *api;
}

#define threadIdx (lzemu.state->thread)
#define blockIdx (lzemu.state->block)
#define blockDim (lzemu.state->block_size)
#define gridDim (lzemu.state->grid)

// Functions of the prelude that differ on a GPU.
#define LZ_SHARED(name) unsigned char* const name = lzemu.state->shared
#define lz_barrier() lzemu.barrier(__LINE__)
#define lz_lane_word(word, mask) lzemu_lane_word(word, mask, __LINE__)
#define LZ_UNROLL
#define LZ_UNROLL_TWO

#define LZEMU static inline __attribute__((always_inline))
LZEMU float __fmaf_rn(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
LZEMU double __fma_rn(double a, double b, double c) {
  return __builtin_fma(a, b, c);
}
LZEMU float __fdiv_rn(float a, float b) {
  return a / b;
}
LZEMU double __ddiv_rn(double a, double b) {
  return a / b;
}
LZEMU float __fsqrt_rn(float a) {
  return __builtin_sqrtf(a);
}
LZEMU double __dsqrt_rn(double a) {
  return __builtin_sqrt(a);
}

// The word of the lane whose number differs in these bits.
template <class T>
LZEMU T lzemu_lane_word(T word, unsigned mask, int line) {
  const unsigned from = lzemu.state->thread.x % 32 ^ mask;
  return (T)lzemu.exchange((unsigned long long)(unsigned)word, from, line);
}

// A launch passes the addresses of the arguments.
template <class A>
LZEMU void lzemu_call(void (*kernel)(A), void** arguments) {
  kernel(*static_cast<const A*>(arguments[0]));
}
