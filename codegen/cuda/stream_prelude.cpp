#include <fmt/format.h>

#include "codegen/cuda/emit.h"

namespace lazuli::codegen {

namespace {

// A block of sm_90a: one group of 128 threads, of which one gives orders to the copy engine, and two groups that
// multiply 64 rows of a tile each. A step of the depth is 128 bytes of every row. It stands in shared memory as the
// engine leaves it and the matrix units want it: 8 rows of 128 bytes after the other, pieces of 16 bytes exchanged
// within a row by its number in the eight; where elements are consecutive along a free axis, "rows" are those of the
// depth, in boxes of 64 elements. A stage has two barriers: `full`, one arrival and as many bytes as it holds, and
// `empty`, an arrival of each of the eight warps that multiply. Both count phases, of which one bit is looked at.
constexpr const char* kMachine = R"cuda(
#define LZ_METHOD __device__ __forceinline__
struct alignas(64) lz_tensor_map { u64 words[16]; };
#ifdef __CUDACC_RTC__
LZ u32 lz_shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }
#define LZ_CONSTANT_ARGUMENT __grid_constant__
#define LZ_SHARED_BOXES(name) extern __shared__ __align__(1024) unsigned char name[]
#define lz_warp_barrier() __syncwarp()
template <int N> LZ void lz_fewer_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(N)); }
template <int N> LZ void lz_more_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(N)); }
LZ void lz_phase_start(u64* b, u32 arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(lz_shared_address(b)), "r"(arrivals) : "memory");
}
// The copy engine, too, sees that they have started.
LZ void lz_phases_started() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
LZ void lz_phase_arrive(u64* b) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(lz_shared_address(b)) : "memory");
}
// Arrives, and lets the phase wait for so many bytes.
LZ void lz_phase_expect(u64* b, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
               :: "r"(lz_shared_address(b)), "r"(bytes) : "memory");
}
// Until the phase of this bit is over.
LZ void lz_phase_wait(u64* b, u32 bit) {
  const u32 at = lz_shared_address(b);
  u32 over;
  do {
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                 : "=r"(over) : "r"(at), "r"(bit) : "memory");
  } while (!over);
}
LZ void lz_copy_box(u8* to, const lz_tensor_map* map, u64* b, i32 x, i32 y, i32 z) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
               " [%0], [%1, {%3, %4, %5}], [%2];"
               :: "r"(lz_shared_address(to)), "l"(map), "r"(lz_shared_address(b)), "r"(x), "r"(y), "r"(z) : "memory");
}
LZ void lz_multiply_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
LZ void lz_multiply_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> LZ void lz_multiply_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(N) : "memory"); }
#endif
)cuda";

constexpr const char* kPipeline = R"cuda(
// Where the matrix units find an operand in shared memory: 64 or more rows at 32 bytes of the depth. Distances, in 16
// bytes: of boxes of 64 elements (where they are consecutive along the free axis), of groups of eight rows.
template <bool AlongDepth> LZ u64 lz_matrix(const u8* stage, int part) {
  const u64 start = (lz_shared_address(stage) + part * (AlongDepth ? 32 : 2048)) >> 4;
  return start | (u64)(AlongDepth ? 1 : 512) << 16 | (u64)64 << 32 | (u64)1 << 62;
}

template <int Rows, int Columns, int Stages, bool LeftAlong, bool RightAlong, class S, class T> struct lz_stream {
  enum : int { step = 128 / sizeof(T), left_bytes = Rows * 128, bytes = left_bytes + Columns * 128, parts = 4 };
  enum : int { warps = 8, piece_rows = 16, piece_columns = 32, pitch = 40, pieces = Columns / piece_columns };
  u8* const memory;
  u64 *const full, *const empty;
  int stage;
  u32 phase;

  LZ_METHOD explicit lz_stream(u8* shared)
      : memory(shared),
        full((u64*)(shared + Stages * bytes + warps * piece_rows * pitch * 4)),
        empty(full + Stages),
        stage(0),
        phase(0) {
    if (threadIdx.x == 0) {
      for (int s = 0; s < Stages; ++s) {
        lz_phase_start(full + s, 1);
        lz_phase_start(empty + s, warps);
      }
      lz_phases_started();
    }
    lz_barrier();
  }
  LZ_METHOD bool copies() const { return threadIdx.x < 128; }
  LZ_METHOD bool gives_orders() const { return threadIdx.x == 0; }
  LZ_METHOD void advance() {
    if (++stage == Stages) {
      stage = 0;
      phase ^= 1;
    }
  }

  template <int W, bool AlongDepth>
  LZ_METHOD void copy_side(u8* to, const lz_tensor_map* map, i32 row, i32 k, i32 batch) {
    if (AlongDepth) {
      lz_copy_box(to, map, full + stage, k, row, batch);
    } else {
      LZ_UNROLL
      for (int n = 0; n < W / 64; ++n) lz_copy_box(to + n * 8192, map, full + stage, row + n * 64, k, batch);
    }
  }
  // A tile's steps, each as soon as its stage is empty.
  LZ_METHOD void copy(const lz_tensor_map* left, const lz_tensor_map* right, i64 row, i64 column, i64 left_batch,
                      i64 right_batch, i64 depth) {
    for (i64 k = 0; k < depth; k += step) {
      lz_phase_wait(empty + stage, phase ^ 1);
      lz_phase_expect(full + stage, bytes);
      u8* const to = memory + stage * bytes;
      copy_side<Rows, LeftAlong>(to, left, (i32)row, (i32)k, (i32)left_batch);
      copy_side<Columns, RightAlong>(to + left_bytes, right, (i32)column, (i32)k, (i32)right_batch);
      advance();
    }
  }

  LZ_METHOD void release(int s) {
    if ((threadIdx.x & 31) == 0) lz_phase_arrive(empty + s);
  }
  // A step is multiplied while the next one is waited for; its stage is empty when it is done.
  LZ_METHOD void multiply(S (&sums)[Columns / 2], i64 depth) {
    LZ_UNROLL
    for (int n = 0; n < Columns / 2; ++n) sums[n] = 0;
    const u8* const own = memory + (threadIdx.x / 128 - 1) * (64 * 128);
    int before = 0;
    for (i64 k = 0; k < depth; k += step) {
      lz_phase_wait(full + stage, phase);
      lz_multiply_fence();
      LZ_UNROLL
      for (int part = 0; part < parts; ++part)
        lz_multiply_add_async<Columns, !LeftAlong, !RightAlong>(T{}, sums, lz_matrix<LeftAlong>(own + stage * bytes, part),
                                                                lz_matrix<RightAlong>(memory + stage * bytes + left_bytes, part));
      lz_multiply_commit();
      lz_multiply_wait<1>();
      if (k > 0) release(before);
      before = stage;
      advance();
    }
    lz_multiply_wait<0>();
    release(before);
  }

  LZ_METHOD S* piece() const {
    return (S*)(memory + Stages * bytes) + (threadIdx.x / 32 - 4) * (piece_rows * pitch);
  }
  LZ_METHOD i64 first_row() const { return (threadIdx.x / 32 - 4) * piece_rows; }
  // Columns from n * piece_columns on of the warp's rows.
  LZ_METHOD void put(const S (&sums)[Columns / 2], int n) const {
    const u32 lane = threadIdx.x & 31;
    S* const to = piece() + lane / 4 * pitch + lane % 4 * 2;
    LZ_UNROLL
    for (int m = 0; m < pieces; ++m) {
      if (n != m) continue;
      LZ_UNROLL
      for (int j = 0; j < 4; ++j) {
        const S* const at = sums + (m * 4 + j) * 4;
        lz_store_aligned(to + j * 8, lz_vec<S, 2>{{at[0], at[1]}});
        lz_store_aligned(to + j * 8 + 8 * pitch, lz_vec<S, 2>{{at[2], at[3]}});
      }
    }
  }
};
)cuda";

/// The instruction for `columns` columns: as many sums per thread as half of them.
std::string multiply_add_async(uint32_t columns, DType t) {
  const bool bytes = t == kInt8, two = is_half(t);
  std::string places, sums;
  for (uint32_t n = 0; n < columns / 2; ++n) {
    places += fmt::format("{}%{}", n ? ", " : "", n);
    sums += fmt::format("{}\"+{}\"(d[{}])", n ? ", " : "", bytes ? "r" : "f", n);
  }
  const uint32_t n = columns / 2;
  const char* const type = bytes ? "s8" : t == kFloat16 ? "f16" : t == kBFloat16 ? "bf16" : "tf32";
  const char* const name = bytes ? "i8" : t == kFloat16 ? "f16" : t == kBFloat16 ? "bf16" : "float";
  // Signs of the operands, and whether they are turned.
  const std::string more = two ? fmt::format(", 1, 1, %{}, %{}", n + 2, n + 3) : bytes ? "" : ", 1, 1";
  const std::string turned = two ? ", \"n\"((int)LeftTurned), \"n\"((int)RightTurned)" : "";
  return fmt::format(R"cuda(
#ifdef __CUDACC_RTC__
template <int Columns, bool LeftTurned, bool RightTurned>
LZ void lz_multiply_add_async({}, {} (&d)[{}], u64 left, u64 right) {{
  asm volatile("wgmma.mma_async.sync.aligned.m64n{}k{}.{}.{}.{} {{{}}}, %{}, %{}, 1{};"
               : {} : "l"(left), "l"(right){});
}}
#endif
)cuda",
                     name, bytes ? "i32" : "float", n, columns, 32 / itemsize(t), bytes ? "s32" : "f32", type, type,
                     places, n, n + 1, more, sums, turned);
}

}  // namespace

std::string cuda_stream_prelude(uint32_t columns, DType operands) {
  return kMachine + multiply_add_async(columns, operands) + kPipeline;
}

}  // namespace lazuli::codegen
