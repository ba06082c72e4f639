
#ifdef __CUDACC_RTC__
#pragma nv_diag_suppress 177  // generated code declares variables that it does not use
#endif
typedef signed char i8;
typedef unsigned char u8;
typedef short i16;
typedef int i32;
typedef long long i64;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
struct f16 {
  u16 bits;
};
struct bf16 {
  u16 bits;
};
#define LZ [[maybe_unused]] static __device__ __forceinline__
#ifndef LZ_SHARED
#define LZ_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#define lz_barrier() __syncthreads()
#define lz_lane_word(word, mask) __shfl_xor_sync(0xffffffffu, word, mask)
#define LZ_UNROLL _Pragma("unroll")
#define LZ_UNROLL_TWO _Pragma("unroll 2")
#endif

template <class T>
struct lz_wrap {
  typedef u32 type;
};
template <>
struct lz_wrap<i64> {
  typedef u64 type;
};
template <class T>
LZ T lz_add(T a, T b) {
  typedef typename lz_wrap<T>::type W;
  return (T)((W)a + (W)b);
}
template <class T>
LZ T lz_sub(T a, T b) {
  typedef typename lz_wrap<T>::type W;
  return (T)((W)a - (W)b);
}
template <class T>
LZ T lz_mul(T a, T b) {
  typedef typename lz_wrap<T>::type W;
  return (T)((W)a * (W)b);
}
LZ bool lz_add(bool a, bool b) {
  return a | b;
}
LZ bool lz_sub(bool a, bool b) {
  return a ^ b;
}
LZ bool lz_mul(bool a, bool b) {
  return a & b;
}
template <class T>
LZ T lz_neg(T a) {
  return lz_sub((T)0, a);
}
LZ bool lz_neg(bool a) {
  return a;
}
template <class T>
LZ T lz_abs(T a) {
  return a < (T)0 ? lz_neg(a) : a;
}
LZ bool lz_abs(bool a) {
  return a;
}
template <class T>
LZ T lz_not(T a) {
  return (T)~a;
}
LZ bool lz_not(bool a) {
  return !a;
}
template <class T>
LZ T lz_idiv(T a, T b) {
  if (b == 0) return 0;
  if ((T)-1 < (T)0 && b == (T)-1) return lz_neg(a);
  return (T)(a / b);
}
template <class T>
LZ T lz_irem(T a, T b) {
  if (b == 0 || ((T)-1 < (T)0 && b == (T)-1)) return 0;
  return (T)(a % b);
}

template <class T>
struct lz_unsigned;
template <>
struct lz_unsigned<u8> {
  typedef u8 type;
};
template <>
struct lz_unsigned<i8> {
  typedef u8 type;
};
template <>
struct lz_unsigned<i16> {
  typedef u16 type;
};
template <>
struct lz_unsigned<i32> {
  typedef u32 type;
};
template <>
struct lz_unsigned<i64> {
  typedef u64 type;
};
template <class T>
LZ T lz_shl(T a, T b) {
  return (T)((u64)a << (b & 63));
}
template <class T>
LZ T lz_lshr(T a, T b) {
  return (T)((typename lz_unsigned<T>::type)a >> (b & 63));
}
template <class T>
LZ bool lz_ult(T a, T b) {
  return (typename lz_unsigned<T>::type)a < (typename lz_unsigned<T>::type)b;
}
LZ i32 lz_umulhi(i32 a, i32 b) {
  return (i32)(((u64)(u32)a * (u32)b) >> 32);
}

// Elements in a row: at once where the address is a multiple of their size (or of 16).
template <class T, int N>
struct lz_vec {
  enum : unsigned { bytes = N * sizeof(T) > 16 ? 16 : N * sizeof(T) };
  alignas(bytes) T v[N];
};
template <int N, class T>
LZ lz_vec<T, N> lz_load_aligned(const T* p) {
  return *(const lz_vec<T, N>*)p;
}
template <int N, class T>
LZ lz_vec<T, N> lz_load(const T* p) {
  if (((u64)p & (lz_vec<T, N>::bytes - 1)) == 0) return lz_load_aligned<N>(p);
  lz_vec<T, N> w;
  LZ_UNROLL
  for (int n = 0; n < N; ++n) w.v[n] = p[n];
  return w;
}
template <class T, int N>
LZ void lz_store_aligned(T* p, const lz_vec<T, N>& w) {
  *(lz_vec<T, N>*)p = w;
}
template <class T, int N>
LZ void lz_store(T* p, const lz_vec<T, N>& w) {
  if (((u64)p & (lz_vec<T, N>::bytes - 1)) == 0) return lz_store_aligned(p, w);
  LZ_UNROLL
  for (int n = 0; n < N; ++n) p[n] = w.v[n];
}

template <class T, class F>
LZ T lz_bitcast(F v) {
  return __builtin_bit_cast(T, v);
}
LZ float lz_f32(u32 bits) {
  return __builtin_bit_cast(float, bits);
}
LZ double lz_f64(u64 bits) {
  return __builtin_bit_cast(double, bits);
}

// What the thread of the warp holds whose number differs in the bits of the mask.
template <class T>
LZ T lz_lane_swap(T v, u32 mask) {
  return (T)lz_lane_word((i32)v, mask);
}
LZ float lz_lane_swap(float v, u32 mask) {
  return lz_f32(lz_lane_word(lz_bitcast<u32>(v), mask));
}
LZ i64 lz_lane_swap(i64 v, u32 mask) {
  const u32 low = lz_lane_word((u32)v, mask), high = lz_lane_word((u32)((u64)v >> 32), mask);
  return (i64)((u64)high << 32 | low);
}
LZ double lz_lane_swap(double v, u32 mask) {
  return lz_f64((u64)lz_lane_swap(lz_bitcast<i64>(v), mask));
}

LZ float lz_scale2(float x, float n) {
  const i32 e = (i32)n, h = e >> 1;
  return x * lz_f32((u32)(h + 127) << 23) * lz_f32((u32)(e - h + 127) << 23);
}
LZ double lz_scale2(double x, double n) {
  const i64 e = (i64)n, h = e >> 1;
  return x * lz_f64((u64)(h + 1023) << 52) * lz_f64((u64)(e - h + 1023) << 52);
}

// NaN wins, and -0 < +0.
template <class T>
LZ T lz_min(T a, T b) {
  return a < b ? a : b;
}
template <class T>
LZ T lz_max(T a, T b) {
  return a > b ? a : b;
}
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
  if (magnitude > 0x7f800000u) {
    h.bits = (u16)(sign | 0x7e00u);
    return h;
  }
  if (magnitude >= 0x477ff000u) {
    h.bits = (u16)(sign | 0x7c00u);
    return h;
  }
  if (magnitude < 0x38800000u) {
    if (magnitude < 0x33000000u) {
      h.bits = (u16)sign;
      return h;
    }
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
template <class T>
struct lz_limits;
template <>
struct lz_limits<u8> {
  enum : i64 { low = 0, high = 255 };
};
template <>
struct lz_limits<i8> {
  enum : i64 { low = -128, high = 127 };
};
template <>
struct lz_limits<i16> {
  enum : i64 { low = -32768, high = 32767 };
};
template <>
struct lz_limits<i32> {
  enum : i64 { low = -2147483647ll - 1, high = 2147483647 };
};
template <>
struct lz_limits<i64> {
  enum : i64 { low = -9223372036854775807ll - 1, high = 9223372036854775807ll };
};
template <class T, class F>
LZ T lz_saturate(F v) {
  if (v != v) return 0;
  if (v <= (F)(i64)lz_limits<T>::low) return (T)lz_limits<T>::low;
  if (v >= (F)(i64)lz_limits<T>::high) return (T)lz_limits<T>::high;
  return (T)v;
}
template <class T>
struct lz_converter {
  template <class F>
  LZ T of(F v) {
    return (T)v;
  }
  LZ T of(float v) { return lz_saturate<T>(v); }
  LZ T of(double v) { return lz_saturate<T>(v); }
};
template <>
struct lz_converter<bool> {
  template <class F>
  LZ bool of(F v) {
    return v != (F)0;
  }
};
template <>
struct lz_converter<double> {
  template <class F>
  LZ double of(F v) {
    return (double)v;
  }
};
template <>
struct lz_converter<float> {
  template <class F>
  LZ float of(F v) {
    return (float)v;
  }
  LZ float of(f16 v) { return lz_from_half(v); }
};
template <>
struct lz_converter<f16> {
  LZ f16 of(float v) { return lz_to_half(v); }
};
template <class T, class F>
LZ T lz_convert(F v) {
  return lz_converter<T>::of(v);
}

#define lz_check(ok) ((ok) ? (void)0 : (void)(*lz_args.status = 1))
struct lz_arguments {
  void* buffers[2];
  i64 sizes[2];
  i64 begin, end;
  i32* status;
};
extern "C" __global__ void __launch_bounds__(256, 2) lz_0_map_exp(const lz_arguments lz_args) {
  float* const b0 = (float*)lz_args.buffers[0];
  const float* __restrict__ const b1 = (const float*)lz_args.buffers[1];
  for (i64 v0 = lz_args.begin + blockIdx.x; v0 < lz_args.end; v0 += gridDim.x) {
    const i64 v1 = lz_args.sizes[0];
    const i64 v2 = lz_mul(v0, v1);
    const i64 v3 = lz_args.sizes[1];
    const i64 v4 = lz_add(v1, v2);
    const i64 v5 = lz_min(v3, v4);
    const i64 v6 = lz_sub(v5, v2);
    const i64 v7 = (i64)0xfffffffffffffffcull;
    const i64 v8 = (i64)(v6 & v7);
    const i64 v9 = lz_add(v2, v8);
    const i64 v10 = (i64)0x4ull;
    const float v11 = lz_f32(0x42b20000u);
    const float v12 = lz_f32(0xc2d00000u);
    const float v13_0 = lz_f32(0xc2d00000u);
    const float v13_1 = lz_f32(0xc2d00000u);
    const float v13_2 = lz_f32(0xc2d00000u);
    const float v13_3 = lz_f32(0xc2d00000u);
    const float v14_0 = lz_f32(0x42b20000u);
    const float v14_1 = lz_f32(0x42b20000u);
    const float v14_2 = lz_f32(0x42b20000u);
    const float v14_3 = lz_f32(0x42b20000u);
    const float v15 = lz_f32(0x3fb8aa3bu);
    const float v16 = lz_f32(0x4b400000u);
    const float v17_0 = lz_f32(0x3fb8aa3bu);
    const float v17_1 = lz_f32(0x3fb8aa3bu);
    const float v17_2 = lz_f32(0x3fb8aa3bu);
    const float v17_3 = lz_f32(0x3fb8aa3bu);
    const float v18_0 = lz_f32(0x4b400000u);
    const float v18_1 = lz_f32(0x4b400000u);
    const float v18_2 = lz_f32(0x4b400000u);
    const float v18_3 = lz_f32(0x4b400000u);
    const float v19 = lz_f32(0xbf317217u);
    const float v20_0 = lz_f32(0xbf317217u);
    const float v20_1 = lz_f32(0xbf317217u);
    const float v20_2 = lz_f32(0xbf317217u);
    const float v20_3 = lz_f32(0xbf317217u);
    const float v21 = lz_f32(0xb377d1cfu);
    const float v22_0 = lz_f32(0xb377d1cfu);
    const float v22_1 = lz_f32(0xb377d1cfu);
    const float v22_2 = lz_f32(0xb377d1cfu);
    const float v22_3 = lz_f32(0xb377d1cfu);
    const float v23 = lz_f32(0x3f800000u);
    const float v24 = lz_f32(0x391bbe93u);
    const float v25 = lz_f32(0x3ab69c01u);
    const float v26_0 = lz_f32(0x391bbe93u);
    const float v26_1 = lz_f32(0x391bbe93u);
    const float v26_2 = lz_f32(0x391bbe93u);
    const float v26_3 = lz_f32(0x391bbe93u);
    const float v27_0 = lz_f32(0x3ab69c01u);
    const float v27_1 = lz_f32(0x3ab69c01u);
    const float v27_2 = lz_f32(0x3ab69c01u);
    const float v27_3 = lz_f32(0x3ab69c01u);
    const float v28 = lz_f32(0x3c08ad23u);
    const float v29_0 = lz_f32(0x3c08ad23u);
    const float v29_1 = lz_f32(0x3c08ad23u);
    const float v29_2 = lz_f32(0x3c08ad23u);
    const float v29_3 = lz_f32(0x3c08ad23u);
    const float v30 = lz_f32(0x3d2aaa7eu);
    const float v31_0 = lz_f32(0x3d2aaa7eu);
    const float v31_1 = lz_f32(0x3d2aaa7eu);
    const float v31_2 = lz_f32(0x3d2aaa7eu);
    const float v31_3 = lz_f32(0x3d2aaa7eu);
    const float v32 = lz_f32(0x3e2aaa94u);
    const float v33_0 = lz_f32(0x3e2aaa94u);
    const float v33_1 = lz_f32(0x3e2aaa94u);
    const float v33_2 = lz_f32(0x3e2aaa94u);
    const float v33_3 = lz_f32(0x3e2aaa94u);
    const float v34 = lz_f32(0x3f000000u);
    const float v35_0 = lz_f32(0x3f000000u);
    const float v35_1 = lz_f32(0x3f000000u);
    const float v35_2 = lz_f32(0x3f000000u);
    const float v35_3 = lz_f32(0x3f000000u);
    const float v36_0 = lz_f32(0x3f800000u);
    const float v36_1 = lz_f32(0x3f800000u);
    const float v36_2 = lz_f32(0x3f800000u);
    const float v36_3 = lz_f32(0x3f800000u);
    for (i64 v37 = v2 + threadIdx.x * v10; v37 < v9; v37 += blockDim.x * v10) {
      const lz_vec<float, 4> w38 = lz_load<4>(b1 + v37);
      const bool v39_0 = w38.v[0] < v13_0;
      const bool v39_1 = w38.v[1] < v13_1;
      const bool v39_2 = w38.v[2] < v13_2;
      const bool v39_3 = w38.v[3] < v13_3;
      const float v40_0 = v39_0 ? v13_0 : w38.v[0];
      const float v40_1 = v39_1 ? v13_1 : w38.v[1];
      const float v40_2 = v39_2 ? v13_2 : w38.v[2];
      const float v40_3 = v39_3 ? v13_3 : w38.v[3];
      const bool v41_0 = v14_0 < v40_0;
      const bool v41_1 = v14_1 < v40_1;
      const bool v41_2 = v14_2 < v40_2;
      const bool v41_3 = v14_3 < v40_3;
      const float v42_0 = v41_0 ? v14_0 : v40_0;
      const float v42_1 = v41_1 ? v14_1 : v40_1;
      const float v42_2 = v41_2 ? v14_2 : v40_2;
      const float v42_3 = v41_3 ? v14_3 : v40_3;
      const float v43_0 = __fmaf_rn(v42_0, v17_0, v18_0);
      const float v43_1 = __fmaf_rn(v42_1, v17_1, v18_1);
      const float v43_2 = __fmaf_rn(v42_2, v17_2, v18_2);
      const float v43_3 = __fmaf_rn(v42_3, v17_3, v18_3);
      const float v44_0 = v43_0 - v18_0;
      const float v44_1 = v43_1 - v18_1;
      const float v44_2 = v43_2 - v18_2;
      const float v44_3 = v43_3 - v18_3;
      const float v45_0 = __fmaf_rn(v44_0, v20_0, v42_0);
      const float v45_1 = __fmaf_rn(v44_1, v20_1, v42_1);
      const float v45_2 = __fmaf_rn(v44_2, v20_2, v42_2);
      const float v45_3 = __fmaf_rn(v44_3, v20_3, v42_3);
      const float v46_0 = __fmaf_rn(v44_0, v22_0, v45_0);
      const float v46_1 = __fmaf_rn(v44_1, v22_1, v45_1);
      const float v46_2 = __fmaf_rn(v44_2, v22_2, v45_2);
      const float v46_3 = __fmaf_rn(v44_3, v22_3, v45_3);
      const float v47_0 = __fmaf_rn(v46_0, v26_0, v27_0);
      const float v47_1 = __fmaf_rn(v46_1, v26_1, v27_1);
      const float v47_2 = __fmaf_rn(v46_2, v26_2, v27_2);
      const float v47_3 = __fmaf_rn(v46_3, v26_3, v27_3);
      const float v48_0 = __fmaf_rn(v46_0, v47_0, v29_0);
      const float v48_1 = __fmaf_rn(v46_1, v47_1, v29_1);
      const float v48_2 = __fmaf_rn(v46_2, v47_2, v29_2);
      const float v48_3 = __fmaf_rn(v46_3, v47_3, v29_3);
      const float v49_0 = __fmaf_rn(v46_0, v48_0, v31_0);
      const float v49_1 = __fmaf_rn(v46_1, v48_1, v31_1);
      const float v49_2 = __fmaf_rn(v46_2, v48_2, v31_2);
      const float v49_3 = __fmaf_rn(v46_3, v48_3, v31_3);
      const float v50_0 = __fmaf_rn(v46_0, v49_0, v33_0);
      const float v50_1 = __fmaf_rn(v46_1, v49_1, v33_1);
      const float v50_2 = __fmaf_rn(v46_2, v49_2, v33_2);
      const float v50_3 = __fmaf_rn(v46_3, v49_3, v33_3);
      const float v51_0 = __fmaf_rn(v46_0, v50_0, v35_0);
      const float v51_1 = __fmaf_rn(v46_1, v50_1, v35_1);
      const float v51_2 = __fmaf_rn(v46_2, v50_2, v35_2);
      const float v51_3 = __fmaf_rn(v46_3, v50_3, v35_3);
      const float v52_0 = __fmaf_rn(v46_0, v51_0, v36_0);
      const float v52_1 = __fmaf_rn(v46_1, v51_1, v36_1);
      const float v52_2 = __fmaf_rn(v46_2, v51_2, v36_2);
      const float v52_3 = __fmaf_rn(v46_3, v51_3, v36_3);
      const float v53_0 = __fmaf_rn(v46_0, v52_0, v36_0);
      const float v53_1 = __fmaf_rn(v46_1, v52_1, v36_1);
      const float v53_2 = __fmaf_rn(v46_2, v52_2, v36_2);
      const float v53_3 = __fmaf_rn(v46_3, v52_3, v36_3);
      const float v54_0 = lz_scale2(v53_0, v44_0);
      const float v54_1 = lz_scale2(v53_1, v44_1);
      const float v54_2 = lz_scale2(v53_2, v44_2);
      const float v54_3 = lz_scale2(v53_3, v44_3);
      lz_store(b0 + v37, lz_vec<float, 4>{{v54_0, v54_1, v54_2, v54_3}});
    }
    const i64 v55 = (i64)0x1ull;
    for (i64 v56 = v9 + threadIdx.x * v55; v56 < v5; v56 += blockDim.x * v55) {
      const float v57 = b1[v56];
      const bool v58 = v57 < v12;
      const float v59 = v58 ? v12 : v57;
      const bool v60 = v11 < v59;
      const float v61 = v60 ? v11 : v59;
      const float v62 = __fmaf_rn(v61, v15, v16);
      const float v63 = v62 - v16;
      const float v64 = __fmaf_rn(v63, v19, v61);
      const float v65 = __fmaf_rn(v63, v21, v64);
      const float v66 = __fmaf_rn(v65, v24, v25);
      const float v67 = __fmaf_rn(v65, v66, v28);
      const float v68 = __fmaf_rn(v65, v67, v30);
      const float v69 = __fmaf_rn(v65, v68, v32);
      const float v70 = __fmaf_rn(v65, v69, v34);
      const float v71 = __fmaf_rn(v65, v70, v23);
      const float v72 = __fmaf_rn(v65, v71, v23);
      const float v73 = lz_scale2(v72, v63);
      b0[v56] = v73;
    }
  }
}
