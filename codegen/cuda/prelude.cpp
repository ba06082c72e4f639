#include "codegen/cuda/emit.h"

namespace lazuli::codegen {

// Integer arithmetic wraps: it is done in an unsigned type, since overflow of signed ones is undefined in C++.
const char* const kCudaPrelude = R"cuda(
#ifdef __CUDACC_RTC__
#pragma nv_diag_suppress 177 // generated code declares variables that it does not use
#endif
typedef signed char i8; typedef unsigned char u8; typedef short i16; typedef int i32; typedef long long i64;
typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
struct f16 { u16 bits; };
struct bf16 { u16 bits; };
#define LZ [[maybe_unused]] static __device__ __forceinline__
#ifndef LZ_SHARED
#define LZ_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#define lz_barrier() __syncthreads()
#define lz_lane_word(word, mask) __shfl_xor_sync(0xffffffffu, word, mask)
#define LZ_UNROLL _Pragma("unroll")
#define LZ_UNROLL_TWO _Pragma("unroll 2")
#endif

template <class T> struct lz_wrap { typedef u32 type; };
template <> struct lz_wrap<i64> { typedef u64 type; };
template <class T> LZ T lz_add(T a, T b) { typedef typename lz_wrap<T>::type W; return (T)((W)a + (W)b); }
template <class T> LZ T lz_sub(T a, T b) { typedef typename lz_wrap<T>::type W; return (T)((W)a - (W)b); }
template <class T> LZ T lz_mul(T a, T b) { typedef typename lz_wrap<T>::type W; return (T)((W)a * (W)b); }
LZ bool lz_add(bool a, bool b) { return a | b; }
LZ bool lz_sub(bool a, bool b) { return a ^ b; }
LZ bool lz_mul(bool a, bool b) { return a & b; }
template <class T> LZ T lz_neg(T a) { return lz_sub((T)0, a); }
LZ bool lz_neg(bool a) { return a; }
template <class T> LZ T lz_abs(T a) { return a < (T)0 ? lz_neg(a) : a; }
LZ bool lz_abs(bool a) { return a; }
template <class T> LZ T lz_not(T a) { return (T)~a; }
LZ bool lz_not(bool a) { return !a; }
template <class T> LZ T lz_idiv(T a, T b) {
  if (b == 0) return 0;
  if ((T)-1 < (T)0 && b == (T)-1) return lz_neg(a);
  return (T)(a / b);
}
template <class T> LZ T lz_irem(T a, T b) {
  if (b == 0 || ((T)-1 < (T)0 && b == (T)-1)) return 0;
  return (T)(a % b);
}

template <class T> struct lz_unsigned;
template <> struct lz_unsigned<u8> { typedef u8 type; };
template <> struct lz_unsigned<i8> { typedef u8 type; };
template <> struct lz_unsigned<i16> { typedef u16 type; };
template <> struct lz_unsigned<i32> { typedef u32 type; };
template <> struct lz_unsigned<i64> { typedef u64 type; };
template <class T> LZ T lz_shl(T a, T b) { return (T)((u64)a << (b & 63)); }
template <class T> LZ T lz_lshr(T a, T b) { return (T)((typename lz_unsigned<T>::type)a >> (b & 63)); }
template <class T> LZ bool lz_ult(T a, T b) {
  return (typename lz_unsigned<T>::type)a < (typename lz_unsigned<T>::type)b;
}
LZ i32 lz_umulhi(i32 a, i32 b) { return (i32)(((u64)(u32)a * (u32)b) >> 32); }

// Elements in a row: at once where the address is a multiple of their size (or of 16).
template <class T, int N> struct lz_vec {
  enum : unsigned { bytes = N * sizeof(T) > 16 ? 16 : N * sizeof(T) };
  alignas(bytes) T v[N];
};
template <int N, class T> LZ lz_vec<T, N> lz_load_aligned(const T* p) { return *(const lz_vec<T, N>*)p; }
template <int N, class T> LZ lz_vec<T, N> lz_load(const T* p) {
  if (((u64)p & (lz_vec<T, N>::bytes - 1)) == 0) return lz_load_aligned<N>(p);
  lz_vec<T, N> w;
  LZ_UNROLL
  for (int n = 0; n < N; ++n) w.v[n] = p[n];
  return w;
}
template <class T, int N> LZ void lz_store_aligned(T* p, const lz_vec<T, N>& w) { *(lz_vec<T, N>*)p = w; }
template <class T, int N> LZ void lz_store(T* p, const lz_vec<T, N>& w) {
  if (((u64)p & (lz_vec<T, N>::bytes - 1)) == 0) return lz_store_aligned(p, w);
  LZ_UNROLL
  for (int n = 0; n < N; ++n) p[n] = w.v[n];
}

template <class T, class F> LZ T lz_bitcast(F v) { return __builtin_bit_cast(T, v); }
LZ float lz_f32(u32 bits) { return __builtin_bit_cast(float, bits); }
LZ double lz_f64(u64 bits) { return __builtin_bit_cast(double, bits); }

// What the thread of the warp holds whose number differs in the bits of the mask.
template <class T> LZ T lz_lane_swap(T v, u32 mask) { return (T)lz_lane_word((i32)v, mask); }
LZ float lz_lane_swap(float v, u32 mask) { return lz_f32(lz_lane_word(lz_bitcast<u32>(v), mask)); }
LZ i64 lz_lane_swap(i64 v, u32 mask) {
  const u32 low = lz_lane_word((u32)v, mask), high = lz_lane_word((u32)((u64)v >> 32), mask);
  return (i64)((u64)high << 32 | low);
}
LZ double lz_lane_swap(double v, u32 mask) { return lz_f64((u64)lz_lane_swap(lz_bitcast<i64>(v), mask)); }

LZ float lz_scale2(float x, float n) {
  const i32 e = (i32)n, h = e >> 1;
  return x * lz_f32((u32)(h + 127) << 23) * lz_f32((u32)(e - h + 127) << 23);
}
LZ double lz_scale2(double x, double n) {
  const i64 e = (i64)n, h = e >> 1;
  return x * lz_f64((u64)(h + 1023) << 52) * lz_f64((u64)(e - h + 1023) << 52);
}

// NaN wins, and -0 < +0.
template <class T> LZ T lz_min(T a, T b) { return a < b ? a : b; }
template <class T> LZ T lz_max(T a, T b) { return a > b ? a : b; }
LZ float lz_min(float a, float b) {
  if (a != a || b != b) return a + b;
  if (a == b) return lz_f32(lz_bitcast<u32>(a) | lz_bitcast<u32>(b));
  return a < b ? a : b;
}
LZ float lz_max(float a, float b) {
  if (a != a || b != b) return a + b;
  if (a == b) return lz_f32(lz_bitcast<u32>(a) & lz_bitcast<u32>(b));
  return a > b ? a : b;
}
LZ double lz_min(double a, double b) {
  if (a != a || b != b) return a + b;
  if (a == b) return lz_f64(lz_bitcast<u64>(a) | lz_bitcast<u64>(b));
  return a < b ? a : b;
}
LZ double lz_max(double a, double b) {
  if (a != a || b != b) return a + b;
  if (a == b) return lz_f64(lz_bitcast<u64>(a) & lz_bitcast<u64>(b));
  return a > b ? a : b;
}

// float16 <-> float32 by integer work: round to nearest even, denormals kept.
LZ float lz_from_half(f16 h) {
  const u32 sign = (u32)(h.bits & 0x8000u) << 16, exponent = (h.bits >> 10) & 31u, mantissa = h.bits & 0x3ffu;
  if (exponent == 31) return lz_f32(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return lz_f32(sign | ((exponent + 112u) << 23) | (mantissa << 13));
  const float value = (float)(i32)mantissa * lz_f32(0x33800000u);
  return sign ? -value : value;
}
LZ f16 lz_to_half(float value) {
  const u32 f = lz_bitcast<u32>(value), sign = (f >> 16) & 0x8000u, magnitude = f & 0x7fffffffu;
  f16 h;
  if (magnitude > 0x7f800000u) { h.bits = (u16)(sign | 0x7e00u); return h; }
  if (magnitude >= 0x477ff000u) { h.bits = (u16)(sign | 0x7c00u); return h; }
  if (magnitude < 0x38800000u) {
    if (magnitude < 0x33000000u) { h.bits = (u16)sign; return h; }
    const u32 shift = 126u - (magnitude >> 23), mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const u32 q = mantissa >> shift, rest = mantissa & ((1u << shift) - 1u), half = 1u << (shift - 1u);
    h.bits = (u16)(sign | (q + ((rest > half || (rest == half && (q & 1u))) ? 1u : 0u)));
    return h;
  }
  const u32 r = magnitude - 0x38000000u;
  h.bits = (u16)(sign | ((r + 0xfffu + ((r >> 13) & 1u)) >> 13));
  return h;
}

// Conversions: float to integer saturates, NaN gives 0; integer to integer wraps; to bool is x != 0.
template <class T> struct lz_limits;
template <> struct lz_limits<u8> { enum : i64 { low = 0, high = 255 }; };
template <> struct lz_limits<i8> { enum : i64 { low = -128, high = 127 }; };
template <> struct lz_limits<i16> { enum : i64 { low = -32768, high = 32767 }; };
template <> struct lz_limits<i32> { enum : i64 { low = -2147483647ll - 1, high = 2147483647 }; };
template <> struct lz_limits<i64> { enum : i64 { low = -9223372036854775807ll - 1, high = 9223372036854775807ll }; };
template <class T, class F> LZ T lz_saturate(F v) {
  if (v != v) return 0;
  if (v <= (F)(i64)lz_limits<T>::low) return (T)lz_limits<T>::low;
  if (v >= (F)(i64)lz_limits<T>::high) return (T)lz_limits<T>::high;
  return (T)v;
}
template <class T> struct lz_converter {
  template <class F> LZ T of(F v) { return (T)v; }
  LZ T of(float v) { return lz_saturate<T>(v); }
  LZ T of(double v) { return lz_saturate<T>(v); }
};
template <> struct lz_converter<bool> {
  template <class F> LZ bool of(F v) { return v != (F)0; }
};
template <> struct lz_converter<double> {
  template <class F> LZ double of(F v) { return (double)v; }
};
template <> struct lz_converter<float> {
  template <class F> LZ float of(F v) { return (float)v; }
  LZ float of(f16 v) { return lz_from_half(v); }
};
template <> struct lz_converter<f16> {
  LZ f16 of(float v) { return lz_to_half(v); }
};
template <class T, class F> LZ T lz_convert(F v) { return lz_converter<T>::of(v); }

#define lz_check(ok) ((ok) ? (void)0 : (void)(*lz_args.status = 1))
)cuda";

}  // namespace lazuli::codegen
