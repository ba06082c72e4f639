#include "codegen/cuda/emit.h"

namespace lazuli::codegen {

// A block of 256 threads multiplies a tile: 2 x 4 warps, each with its part of the tile in registers. A step of the
// depth is 64 bytes of every row, and some steps are on their way to shared memory while one is multiplied. In shared
// memory a step stands in pieces of 16 bytes, which the matrix units read eight at a time, one from each of eight rows:
// pieces are exchanged within their row (lz_swizzle) so that these eight lie in different banks.
const char* const kCudaMatrixPrelude = R"cuda(
#define LZ_METHOD __device__ __forceinline__
#ifdef __CUDACC_RTC__
LZ u32 lz_shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }
LZ void lz_copy_async(u8* to, const void* from, u32 bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :: "r"(lz_shared_address(to)), "l"(from), "r"(bytes) : "memory");
}
LZ void lz_copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> LZ void lz_copy_wait() { asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory"); }
// Four matrices of 8 rows of 16 bytes: lane l names row l % 8 of matrix l / 8, and gets of each two elements of row l / 4.
template <bool Turned> LZ void lz_load_matrices(u32 (&r)[4], const u8* row) {
  if (Turned)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(lz_shared_address(row)) : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(lz_shared_address(row)) : "memory");
}
#define LZ_MULTIPLY_ADD(kind, sum, shape, types, as)                                                            \
  LZ void lz_multiply_add(kind, sum (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {                               \
    asm("mma.sync.aligned." shape ".row.col." types                                                             \
                 " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                             \
                 : "+" as(d[0]), "+" as(d[1]), "+" as(d[2]), "+" as(d[3])                                       \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));                               \
  }
LZ_MULTIPLY_ADD(f16, float, "m16n8k16", "f32.f16.f16.f32", "f")
LZ_MULTIPLY_ADD(bf16, float, "m16n8k16", "f32.bf16.bf16.f32", "f")
LZ_MULTIPLY_ADD(i8, i32, "m16n8k32", "s32.s8.s8.s32", "r")
#endif

template <class T> struct lz_sum_of { typedef float type; };
template <> struct lz_sum_of<i8> { typedef i32 type; };

// Sixteen bytes to shared memory: the first `count` elements, then zeros.
template <class T> LZ void lz_copy_piece(u8* to, const T* from, i64 count) {
  enum : int { most = 16 / sizeof(T) };
  if (count > most) count = most;
  if (count < 0) count = 0;
  if (count == 0) from = (const T*)((u64)from & ~(u64)15);  // the address must be aligned though nothing is read
  if (((u64)from & 15) == 0) return lz_copy_async(to, from, (u32)count * sizeof(T));
  lz_vec<T, most> w;
  LZ_UNROLL
  for (int n = 0; n < most; ++n) w.v[n] = n < count ? from[n] : T{};
  *(lz_vec<T, most>*)to = w;
}

// One operand's part of a step: W rows of 64 bytes, or, turned, the step's depths with W elements each.
template <class T, int W, bool AlongDepth> struct lz_tile_side {
  enum : int { depths = 64 / sizeof(T), bytes = W * 64, in_piece = 16 / sizeof(T) };
  const T* from;
  i64 stride, rows, depth;

  static LZ_METHOD u32 lz_swizzle(u32 row, u32 piece) {
    return AlongDepth ? row * 64 + (piece ^ (row >> 1 & 3)) * 16 : row * (W * 2) + (piece ^ (row & 7)) * 16;
  }
  LZ_METHOD void copy(u8* stage, i64 k) const {
    LZ_UNROLL
    for (int n = 0; n < W * 4 / 256; ++n) {
      const u32 id = threadIdx.x + n * 256;
      if (AlongDepth) {
        const u32 row = id / 4, piece = id % 4;
        const i64 at = k + piece * in_piece;
        const i64 count = row < rows ? depth - at : 0;
        lz_copy_piece(stage + lz_swizzle(row, piece), count > 0 ? from + row * stride + at : from, count);
      } else {
        const u32 row = id / (W / 8), piece = id % (W / 8);
        const i64 count = k + row < depth ? rows - piece * 8 : 0;
        lz_copy_piece(stage + lz_swizzle(row, piece), count > 0 ? from + (k + row) * stride + piece * 8 : from, count);
      }
    }
  }
  // Registers of the 16 rows (of results) from `first` on, at 32 bytes of the depth: the rows' halves in turn as Left
  // wants them, else the depth's.
  template <bool Left> LZ_METHOD void load(u32 (&r)[4], const u8* stage, u32 first, u32 half) const {
    const u32 lane = threadIdx.x & 31, low = lane & 7, even = lane >> 3 & 1, odd = lane >> 4;
    const u32 by_row = Left ? even : odd, by_depth = Left ? odd : even;
    if (AlongDepth)
      lz_load_matrices<false>(r, stage + lz_swizzle(first + low + by_row * 8, half * 2 + by_depth));
    else
      lz_load_matrices<true>(r, stage + lz_swizzle(half * 16 + low + by_depth * 8, first / 8 + by_row));
  }
};

template <int Rows, int Columns, int Stages, bool LeftAlong, bool RightAlong, class S, class T>
LZ void lz_multiply_tile(S* to, const T* left, i64 left_stride, i64 rows, const T* right, i64 right_stride, i64 columns,
                         i64 depth) {
  typedef lz_tile_side<T, Rows, LeftAlong> L;
  typedef lz_tile_side<T, Columns, RightAlong> R;
  enum : int { bytes = L::bytes + R::bytes, down = Rows / 32, across = Columns / 32, pitch = Columns + 8 };
  const L l = {left, left_stride, rows, depth};
  const R r = {right, right_stride, columns, depth};
  u8* const stages = (u8*)to;
  const u32 warp = threadIdx.x >> 5, first_row = (warp & 1) * (Rows / 2), first_column = (warp >> 1) * (Columns / 4);
  S sums[down][across][4];
  LZ_UNROLL
  for (int i = 0; i < down; ++i)
    LZ_UNROLL
    for (int j = 0; j < across; ++j)
      LZ_UNROLL
      for (int n = 0; n < 4; ++n) sums[i][j][n] = 0;
  lz_barrier();  // what stood in this memory has been read
  LZ_UNROLL
  for (int s = 0; s < Stages - 1; ++s) {
    if (s * L::depths < depth) {
      l.copy(stages + s * bytes, s * L::depths);
      r.copy(stages + s * bytes + L::bytes, s * L::depths);
    }
    lz_copy_commit();
  }
  int now = 0, ahead = Stages - 1;
  for (i64 k = 0; k < depth; k += L::depths) {
    lz_copy_wait<Stages - 2>();
    lz_barrier();
    const i64 next = k + (Stages - 1) * L::depths;
    if (next < depth) {
      l.copy(stages + ahead * bytes, next);
      r.copy(stages + ahead * bytes + L::bytes, next);
    }
    lz_copy_commit();
    const u8* const stage = stages + now * bytes;
    LZ_UNROLL
    for (int half = 0; half < 2; ++half) {
      u32 a[down][4], b[across / 2][4];
      LZ_UNROLL
      for (int i = 0; i < down; ++i) l.template load<true>(a[i], stage, first_row + i * 16, half);
      LZ_UNROLL
      for (int j = 0; j < across / 2; ++j)
        r.template load<false>(b[j], stage + L::bytes, first_column + j * 16, half);
      LZ_UNROLL
      for (int i = 0; i < down; ++i)
        LZ_UNROLL
        for (int j = 0; j < across; ++j)
          lz_multiply_add(T{}, sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
    }
    now = now + 1 == Stages ? 0 : now + 1;
    ahead = ahead + 1 == Stages ? 0 : ahead + 1;
  }
  lz_copy_wait<0>();
  lz_barrier();  // all have multiplied: sums take the place of the stages
  const u32 lane = threadIdx.x & 31;
  LZ_UNROLL
  for (int i = 0; i < down; ++i)
    LZ_UNROLL
    for (int j = 0; j < across; ++j)
      LZ_UNROLL
      for (int n = 0; n < 4; n += 2) {
        S* const at = to + (first_row + i * 16 + lane / 4 + n * 4) * pitch + first_column + j * 8 + lane % 4 * 2;
        lz_store_aligned(at, lz_vec<S, 2>{{sums[i][j][n], sums[i][j][n + 1]}});
      }
  lz_barrier();
}
)cuda";

}  // namespace lazuli::codegen
