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
  enum : int {
    depths = 64 / sizeof(T), bytes = W * 64, in_piece = 16 / sizeof(T),
    pieces = W * 4, own = (pieces + 255) / 256,  // of a thread
    across = W / 8 < 8 ? W / 8 : 8, together = 8 / across  // turned: pieces of a row; rows in 128 bytes
  };
  typedef T element;

  static LZ_METHOD u32 lz_swizzle(u32 row, u32 piece) {
    return AlongDepth ? row * 64 + (piece ^ (row >> 1 & 3)) * 16
                      : row * (W * 2) + (piece ^ (row / together & (across - 1))) * 16;
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

// Elements of a tensor: copied while others are multiplied.
template <class T, int W, bool AlongDepth> struct lz_copied_side : lz_tile_side<T, W, AlongDepth> {
  typedef lz_tile_side<T, W, AlongDepth> B;
  struct held {};
  const T* from;
  i64 stride, rows, depth;

  LZ_METHOD lz_copied_side(const T* f, i64 s, i64 r, i64 d) : from(f), stride(s), rows(r), depth(d) {}
  LZ_METHOD void copy(u8* stage, i64 k) const {
    LZ_UNROLL
    for (int n = 0; n < B::own; ++n) {
      const u32 id = threadIdx.x + n * 256;
      if (B::pieces % 256 != 0 && id >= B::pieces) break;
      if (AlongDepth) {
        const u32 row = id / 4, piece = id % 4;
        const i64 at = k + piece * B::in_piece;
        const i64 count = row < rows ? depth - at : 0;
        lz_copy_piece(stage + B::lz_swizzle(row, piece), count > 0 ? from + row * stride + at : from, count);
      } else {
        const u32 row = id / (W / 8), piece = id % (W / 8);
        const i64 count = k + row < depth ? rows - piece * 8 : 0;
        lz_copy_piece(stage + B::lz_swizzle(row, piece), count > 0 ? from + (k + row) * stride + piece * 8 : from, count);
      }
    }
  }
  LZ_METHOD void fetch(held&, i64) const {}
  LZ_METHOD void put(const held&, u8*, i64) const {}
};

// Elements that are computed, N at once: fetched(row, k) is read while others are multiplied, converted behind that.
template <class T, int N, class Fetched, class F, class C> struct lz_maker {
  const F& fetch;
  const C& convert;
};
template <class T, int N, class Fetched, class F, class C> LZ lz_maker<T, N, Fetched, F, C> lz_making(const F& f, const C& c) {
  return {f, c};
}
template <class T, int W, bool AlongDepth, int N, class Fetched, class F, class C>
struct lz_made_side : lz_tile_side<T, W, AlongDepth> {
  typedef lz_tile_side<T, W, AlongDepth> B;
  enum : int { times = B::in_piece / N };
  struct held { Fetched of[B::own][times]; };
  struct place { u32 row, piece; i64 r, k; };  // in the stage; of the first element, in the tile and the depth
  const F& fetch_one;
  const C& convert_one;
  i64 rows, depth;

  LZ_METHOD lz_made_side(const lz_maker<T, N, Fetched, F, C>& m, i64 r, i64 d)
      : fetch_one(m.fetch), convert_one(m.convert), rows(r), depth(d) {}
  static LZ_METHOD place lz_place(u32 id, i64 k, int t) {
    if (AlongDepth) return {id / 4, id % 4, (i64)(id / 4), k + id % 4 * B::in_piece + t * N};
    return {id / (W / 8), id % (W / 8), (i64)(id % (W / 8) * 8 + t * N), k + id / (W / 8)};
  }
  LZ_METHOD void copy(u8*, i64) const {}
  LZ_METHOD void fetch(held& h, i64 k) const {
    const i64 last_row = rows - (AlongDepth ? 1 : N), last = depth - (AlongDepth ? N : 1);
    LZ_UNROLL
    for (int n = 0; n < B::own; ++n)
      LZ_UNROLL
      for (int t = 0; t < times; ++t) {
        const place p = lz_place((threadIdx.x + n * 256) % B::pieces, k, t);
        h.of[n][t] = fetch_one(p.r < last_row ? p.r : last_row, p.k < last ? p.k : last);
      }
  }
  LZ_METHOD void put(const held& h, u8* stage, i64 k) const {
    LZ_UNROLL
    for (int n = 0; n < B::own; ++n) {
      const u32 id = threadIdx.x + n * 256;
      if (B::pieces % 256 != 0 && id >= B::pieces) break;
      lz_vec<T, B::in_piece> w;
      LZ_UNROLL
      for (int t = 0; t < times; ++t) {
        const place p = lz_place(id, k, t);
        const bool is = p.k < depth && p.r < rows;
        const lz_vec<T, N> v = convert_one(p.r, p.k, h.of[n][t]);
        LZ_UNROLL
        for (int e = 0; e < N; ++e) w.v[t * N + e] = is ? v.v[e] : T{};
      }
      const place p = lz_place(id, k, 0);
      *(lz_vec<T, B::in_piece>*)(stage + B::lz_swizzle(p.row, p.piece)) = w;
    }
  }
};

template <int W, bool AlongDepth, class T>
LZ lz_copied_side<T, W, AlongDepth> lz_side(const T* from, i64 stride, i64 rows, i64 depth) {
  return {from, stride, rows, depth};
}
template <int W, bool AlongDepth, class T, int N, class Fetched, class F, class C>
LZ lz_made_side<T, W, AlongDepth, N, Fetched, F, C> lz_side(const lz_maker<T, N, Fetched, F, C>& m, i64, i64 rows,
                                                            i64 depth) {
  return {m, rows, depth};
}

template <int Rows, int Columns, int Stages, bool LeftAlong, bool RightAlong, class S, class A, class B>
LZ void lz_multiply_tile(S* to, const A& left, i64 left_stride, i64 rows, const B& right, i64 right_stride, i64 columns,
                         i64 depth) {
  const auto l = lz_side<Rows, LeftAlong>(left, left_stride, rows, depth);
  const auto r = lz_side<Columns, RightAlong>(right, right_stride, columns, depth);
  typedef decltype(lz_side<Rows, LeftAlong>(left, left_stride, rows, depth)) L;
  typedef decltype(lz_side<Columns, RightAlong>(right, right_stride, columns, depth)) R;
  typedef typename L::element T;
  enum : int {
    warps_down = Rows <= 32 ? 1 : Columns <= 16 ? 8 : Columns <= 32 ? 4 : 2, warps_across = 8 / warps_down,
    bytes = L::bytes + R::bytes, down = Rows / (16 * warps_down), across = Columns / (8 * warps_across),
    pitch = Columns + 8
  };
  u8* const stages = (u8*)to;
  const u32 warp = threadIdx.x >> 5;
  const u32 first_row = warp % warps_down * (Rows / warps_down);
  const u32 first_column = warp / warps_down * (Columns / warps_across);
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
      typename L::held l_first;
      typename R::held r_first;
      l.fetch(l_first, s * L::depths);
      r.fetch(r_first, s * L::depths);
      l.put(l_first, stages + s * bytes, s * L::depths);
      r.put(r_first, stages + s * bytes + L::bytes, s * L::depths);
    }
    lz_copy_commit();
  }
  int now = 0, ahead = Stages - 1;
  for (i64 k = 0; k < depth; k += L::depths) {
    lz_copy_wait<Stages - 2>();
    lz_barrier();
    const i64 next = k + (Stages - 1) * L::depths;
    typename L::held l_next;
    typename R::held r_next;
    if (next < depth) {
      l.copy(stages + ahead * bytes, next);
      r.copy(stages + ahead * bytes + L::bytes, next);
      l.fetch(l_next, next);
      r.fetch(r_next, next);
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
    if (next < depth) {
      l.put(l_next, stages + ahead * bytes, next);
      r.put(r_next, stages + ahead * bytes + L::bytes, next);
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
