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

// Matrix units (codegen/cuda/matrix_prelude.cpp).
LZEMU void lz_copy_async(unsigned char* to, const void* from, unsigned bytes) {
  lzemu.copy_async(to, from, bytes);
}
LZEMU void lz_copy_commit() {
  lzemu.copy_commit();
}
template <int N>
LZEMU void lz_copy_wait() {
  lzemu.copy_wait(N);
}

struct lzemu_at {
  int line;
  template <bool Turned>
  void load(unsigned (&r)[4], const unsigned char* row) const {
    if ((unsigned long long)row % 16 != 0) lzemu.fail("a misaligned row of a matrix");
    unsigned long long rows[32];
    lzemu.share((unsigned long long)row, rows, line);
    const unsigned lane = lzemu.state->thread.x % 32;
    for (unsigned m = 0; m < 4; ++m) {
      unsigned short two[2];
      for (unsigned n = 0; n < 2; ++n) {
        const unsigned in_row = Turned ? lane / 4 : lane % 4 * 2 + n, of_row = Turned ? lane % 4 * 2 + n : lane / 4;
        two[n] = ((const unsigned short*)rows[m * 8 + of_row])[in_row];
      }
      r[m] = two[0] | (unsigned)two[1] << 16;
    }
    lzemu.meet(line);
  }
};
#define lz_load_matrices lzemu_at{__LINE__}.load

struct f16;
struct bf16;
template <class T>
struct lzemu_number;
template <>
struct lzemu_number<f16> {
  static double of(unsigned short bits) { return __builtin_bit_cast(_Float16, bits); }
};
template <>
struct lzemu_number<bf16> {
  static double of(unsigned short bits) { return __builtin_bit_cast(float, (unsigned)bits << 16); }
};

struct lzemu_fragments {
  unsigned a[4], b[2];
};
// What a matrix unit adds at once is added exactly and cut off: its own roundings are not to be had, and any order
// within the bound of docs/numerics.md must do.
template <class T>
LZEMU void lzemu_multiply_add(int line, T, float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  const lzemu_fragments own = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
  unsigned long long all[32];
  lzemu.share((unsigned long long)&own, all, line);
  const unsigned lane = lzemu.state->thread.x % 32;
  for (unsigned n = 0; n < 4; ++n) {
    const unsigned row = lane / 4 + n / 2 * 8, column = lane % 4 * 2 + n % 2;
    for (unsigned half = 0; half < 2; ++half) {
      double sum = d[n];
      for (unsigned k = 0; k < 8; ++k) {
        const unsigned left = ((const lzemu_fragments*)all[row % 8 * 4 + k / 2])->a[row / 8 + half * 2];
        const unsigned right = ((const lzemu_fragments*)all[column * 4 + k / 2])->b[half];
        sum += lzemu_number<T>::of(left >> k % 2 * 16) * lzemu_number<T>::of(right >> k % 2 * 16);
      }
      d[n] = (float)sum;
      if (fabs((double)d[n]) > fabs(sum) && fabs(sum) < 1e300) d[n] = nextafterf(d[n], 0);
    }
  }
  lzemu.meet(line);
}
LZEMU void lzemu_multiply_add(int line, signed char, int (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  const lzemu_fragments own = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
  unsigned long long all[32];
  lzemu.share((unsigned long long)&own, all, line);
  const unsigned lane = lzemu.state->thread.x % 32;
  for (unsigned n = 0; n < 4; ++n) {
    const unsigned row = lane / 4 + n / 2 * 8, column = lane % 4 * 2 + n % 2;
    unsigned sum = d[n];
    for (unsigned k = 0; k < 32; ++k) {
      const unsigned left = ((const lzemu_fragments*)all[row % 8 * 4 + k % 16 / 4])->a[row / 8 + k / 16 * 2];
      const unsigned right = ((const lzemu_fragments*)all[column * 4 + k % 16 / 4])->b[k / 16];
      sum += (unsigned)((signed char)(left >> k % 4 * 8) * (signed char)(right >> k % 4 * 8));
    }
    d[n] = (int)sum;
  }
  lzemu.meet(line);
}
#define lz_multiply_add(...) lzemu_multiply_add(__LINE__, __VA_ARGS__)

// What sm_90a has beside its threads (codegen/cuda/stream_prelude.cpp).
#define LZ_CONSTANT_ARGUMENT
#define LZ_SHARED_BOXES(name) unsigned char* const name = lzemu.state->shared
#define lz_warp_barrier() lzemu.meet(__LINE__)
template <int N>
LZEMU void lz_fewer_registers() {}
template <int N>
LZEMU void lz_more_registers() {}
LZEMU unsigned lz_shared_address(const void* p) {
  return (unsigned)((const unsigned char*)p - lzemu.state->shared);
}
LZEMU void lz_phase_start(unsigned long long* b, unsigned arrivals) {
  lzemu.phase_start(b, arrivals);
}
LZEMU void lz_phases_started() {
  lzemu.phases_started();
}
LZEMU void lz_phase_arrive(unsigned long long* b) {
  lzemu.phase_arrive(b, 0);
}
LZEMU void lz_phase_expect(unsigned long long* b, unsigned bytes) {
  lzemu.phase_arrive(b, bytes);
}
#define lz_phase_wait(b, bit) lzemu.phase_wait(b, bit, __LINE__)
LZEMU void lz_copy_box(unsigned char* to, const void* map, unsigned long long* b, int x, int y, int z) {
  const int at[] = {x, y, z};
  lzemu.copy_box(to, map, b, at);
}
LZEMU void lz_multiply_fence() {
  lzemu.multiply_fence();
}
LZEMU void lz_multiply_commit() {
  lzemu.multiply_commit();
}
template <class T>
struct lzemu_type;
template <>
struct lzemu_type<f16> {
  enum { value = lzemu_f16 };
};
template <>
struct lzemu_type<bf16> {
  enum { value = lzemu_bf16 };
};
template <>
struct lzemu_type<float> {
  enum { value = lzemu_tf32 };
};
template <>
struct lzemu_type<signed char> {
  enum { value = lzemu_i8 };
};
struct lzemu_beside {
  int line;
  template <int N>
  void wait() const {
    lzemu.multiply_wait(N, line);
  }
  template <int Columns, bool LeftTurned, bool RightTurned, class T, class S>
  void multiply(T, S (&sums)[Columns / 2], unsigned long long left, unsigned long long right) const {
    const lzemu_product p = {sums, left, right, Columns, lzemu_type<T>::value, LeftTurned, RightTurned};
    lzemu.multiply(&p, line);
  }
};
#define lz_multiply_wait lzemu_beside{__LINE__}.wait
#define lz_multiply_add_async lzemu_beside{__LINE__}.template multiply

// A launch passes the addresses of the arguments.
template <class A>
LZEMU void lzemu_call(void (*kernel)(A), void** arguments) {
  A argument;  // which may want to be aligned
  __builtin_memcpy(&argument, arguments[0], sizeof argument);
  kernel(argument);
}
