// Kernel IR: structured SSA over scalars and explicit vectors, the level between schedules and emitters.
//
// A kernel is a list of phases. A phase is a body that runs once per task; tasks of a phase are independent, phases
// run one after the other. Control flow is nested (For, If) with carried values and yields, as in MLIR's scf: there are
// no stack slots to promote. Sizes and strides are arguments, so one kernel serves many shapes.
//
// Invariants (verify_kernel is the spec): operands are defined before use in an enclosing block; lanes of operands
// agree; only `check`, Store, Prefetch, Fence, Barrier, LaneSwap,
// MultiplyTile and StreamTile have effects; nothing traps.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/scalar/prim.h"
#include "ir/small_vec.h"

namespace lazuli::codegen {

using scalar::Prim;

struct Type {
  DType dtype = kInt64;
  uint16_t lanes = 1;
  bool operator==(const Type&) const = default;
};

using ValueId = uint32_t;
using InstId = uint32_t;
using BlockId = uint32_t;
inline constexpr uint32_t kNone = ~0u;

enum class KOp : uint8_t {
  Prim,          // inst.prim on operands, lane by lane; constants have imm. check has no result
  SizeArg,       // int64 argument number imm: an extent, a stride, an offset, a multiplier
  ScalarArg,     // host scalar number imm, of the dtype declared in Kernel::scalars
  Iota,          // int64 lanes 0, 1, 2, ...
  Splat,         // scalar -> every lane
  Low,           // first half of the lanes
  High,          // second half of the lanes
  Extract,       // lane imm, as a scalar
  Shuffle,       // (a, b), equal lanes: lane n of the result is lane picks[n] of a followed by b; picks:
                 // Kernel::shuffles[imm]
  LaneMask,      // (n: int64) bool lanes: lane < n
  AnyLane,       // (bool lanes) -> bool
  FastDiv,       // (x, multiplier, shift): int64 lanes, (x * multiplier) >> shift, unsigned; x < 2^31, see fast_div.h
  DotBytes,      // (sum, a, b): int32 lanes, a multiple of 4: sum + a's four unsigned bytes times b's four signed ones;
                 // wraps
  Load,          // buffer imm: (offset) or (offset, mask, other). Scalar offset: consecutive elements from there.
                 // Vector offset: a gather. Lanes where the mask is false read nothing and give `other`.
  Store,         // buffer imm: (offset, value) or (offset, value, mask). Scalar offset: consecutive; vector: a scatter.
  Prefetch,      // buffer imm: (offset)
  Fence,         // orders non-temporal stores before the end of the task
  Barrier,       // the threads of a block meet (CUDA); nothing elsewhere. Stands outside of Thread loops
  LaneSwap,      // Thread buffers (lane_move(imm)): `to` takes what `from` holds in the thread of the same warp of 32
                 // whose number differs in the bits `mask`. Stands outside of Thread loops
  MultiplyTile,  // a product of matrices on the matrix units of a GPU: Kernel::tiles[imm] says which. Operands, int64:
                 // offset of the first row of `left`, its stride, how many rows there are; the same three of `right`,
                 // whose rows are the result's columns; the depth. Stands outside of Thread loops. Two blocks per side
                 // that is made, not read (see TileProduct)
  StreamTile,  // the same through a pipeline that never stops between tasks: Kernel::streams[imm] says which. Operands,
               // int64: the tile's first row, its first column, its batch. One block, of arguments (row, column): runs
               // for every piece of the tile, which begins there. The last instruction of a phase, not nested
  For,         // (begin, end, step, init...) one block; block args: index, carried...; yields: carried
  If,          // (condition) two blocks; results: what they yield
};

enum InstFlags : uint8_t {
  kAligned = 1,      // Load, Store: the address is a multiple of the vector's size
  kNonTemporal = 2,  // Store
  kFar = 4,          // Prefetch: into the second-level cache, not the first
  kUnlikely = 8,     // If: what it needs is not to take registers from the loops around it
};

enum class LoopKind : uint8_t {
  Serial,
  Thread,  // iterations are spread over the threads of a block (CUDA); serial elsewhere. Carries nothing.
};

struct Inst {
  KOp op;
  Prim prim = Prim::constant;
  LoopKind loop = LoopKind::Serial;
  uint8_t flags = 0;
  uint64_t imm = 0;
  ir::SmallVec<ValueId, 4> operands{};
  ir::SmallVec<ValueId, 2> results{};
  ir::SmallVec<BlockId, 2> blocks{};
};

/// LaneSwap's imm.
struct LaneMove {
  uint32_t to, from, mask;
};
constexpr uint64_t pack(LaneMove m) {
  return m.to | uint64_t{m.from} << 24 | uint64_t{m.mask} << 48;
}
constexpr LaneMove lane_move(uint64_t imm) {
  return {static_cast<uint32_t>(imm & 0xffffff), static_cast<uint32_t>(imm >> 24 & 0xffffff),
          static_cast<uint32_t>(imm >> 48)};
}

/// MultiplyTile: element (r, c) of the tile, at r * pitch() + c of `to`, becomes the sum of left[r, k] * right[c, k]
/// over the depth; 0 where r or c is not one of the rows that there are. Consecutive in memory are the elements of a
/// row where `along_depth` says so, else those of neighbouring rows; the stride leads from one such run to the next.
/// Floats add up in float32 in an order and with roundings that are the machine's (docs/numerics.md), int8 in int32.
///
/// A side that is made is computed where it is needed, `left_made` elements at once that follow each other where
/// `along_depth` says: the first block takes (row, k) and yields what is read for them, the second takes the same and
/// those values and yields the elements. Both are pure. They are asked for rows and depths that there are, at multiples
/// of the number made at once, which divides how many there are in that direction. The side's offset and stride mean
/// nothing then.
struct TileProduct {
  uint32_t to = 0, left = 0, right = 0;  // buffers: Shared, and two of one type
  uint32_t rows = 0, columns = 0;        // of the tile
  uint32_t stages = 0;                   // steps of the depth that are under way at once; `to` holds them meanwhile
  bool left_along_depth = false, right_along_depth = false;
  uint16_t left_made = 0, right_made = 0;  // 0: read from the buffer

  static constexpr uint32_t kStepBytes = 64;  // of a row, in a step
  constexpr uint32_t pitch() const { return columns + 8; }
  /// What `to` has at least, in elements of 4 bytes.
  constexpr uint32_t extent() const {
    const uint32_t staged = stages * (rows + columns) * kStepBytes / 4, sums = rows * pitch();
    return staged > sums ? staged : sums;
  }
};

/// StreamTile: a tile is handed out in pieces. In a run of the block, element (r, c) of the piece, at r * kPiecePitch +
/// c of `to`, is the sum of left[r, k] * right[c, k] over the depth, as in a MultiplyTile; Thread loops in the block
/// are spread over the threads that have the piece, which are 32. Operands are found by six size arguments each, from
/// `left_sizes` and `right_sizes` on: offset, stride and distance of batches (in elements), rows, depth, batches. What
/// the driver needs to know of them for copies of whole boxes (TensorMap in cuda/emit.h) is made of these.
struct StreamProduct {
  uint32_t to = 0, left = 0, right = 0;      // buffers: Shared, and two of one type
  uint32_t left_sizes = 0, right_sizes = 0;  // size arguments
  uint32_t rows = 0, columns = 0;            // of the tile
  uint32_t stages = 0;                       // steps of the depth that are under way at once
  bool left_along_depth = false, right_along_depth = false;
  bool left_batched = false, right_batched = false;  // or every batch reads the first

  static constexpr uint32_t kStepBytes = 128;  // of a row, in a step
  static constexpr uint32_t kPieceRows = 16, kPieceColumns = 32, kPiecePitch = 40;
  static constexpr uint32_t kSizes = 6;
  static constexpr uint32_t kWarps = 8;      // that multiply, a piece each at a time
  static constexpr uint32_t kThreads = 384;  // of a block: those, and a group that copies
  constexpr uint32_t stage_bytes() const { return (rows + columns) * kStepBytes; }
  /// What `to` has at least, in elements of 4 bytes: stages, pieces, two barriers of 8 bytes per stage.
  constexpr uint32_t extent() const { return stages * (stage_bytes() / 4 + 4) + kWarps * kPieceRows * kPiecePitch; }
};

struct Block {
  BlockId parent = kNone;  // block that holds the For or If; kNone for a phase's body
  std::vector<ValueId> args;
  std::vector<InstId> insts;
  std::vector<ValueId> yields;
};

enum class Role : uint8_t {
  Input,      // read only
  Output,     // written; read back only at the same element by the same task
  InOut,      // read and written in place
  Workspace,  // per launch, shared by the phases
  Scratch,    // per worker, contents undefined at the start of a task
  Shared,     // the same, of `extent` elements, in the memory that the threads of a block share (CUDA)
  Thread,     // the same, of `extent` elements per thread, in its registers (CUDA): used at constant offsets, in Thread
              // loops whose iterations are the threads of a block, each for itself
};
std::string_view name(Role r);
std::string_view name(KOp op);
/// "float32", "float32x16".
std::string str(Type t);

struct Buffer {
  DType dtype;
  Role role;
  int64_t extent = 0;  // Shared, Thread: elements; part of the code
};
/// Memory of one worker: found through a PhaseFn's `scratch`.
constexpr bool is_private(Role r) {
  return r == Role::Scratch || r == Role::Shared || r == Role::Thread;
}

struct Phase {
  std::string name;
  BlockId body;  // one block argument: the task number, int64
};

struct Kernel {
  std::string name;  // "map_relu_mul_add": for people, perf and gdb; never in a key
  std::vector<Buffer> buffers;
  std::vector<DType> scalars;
  uint32_t size_args = 0;
  uint32_t threads = 0;  // of a block (CUDA), where there are Thread buffers
  std::vector<Inst> insts;
  std::vector<Block> blocks;
  std::vector<Type> values;      // type of each ValueId
  std::vector<InstId> definers;  // instruction that defines each value; kNone for block arguments
  std::vector<Phase> phases;
  std::vector<std::vector<uint8_t>> shuffles;
  std::vector<TileProduct> tiles;
  std::vector<StreamProduct> streams;
  bool has_checks = false;  // some instruction may fail: the phase function's return value must be looked at
};

/// One instruction per line, nested; the same text for the same structure.
std::string print_kernel(const Kernel& k);
/// Throws Error(Internal) that names the instruction and the rule.
void verify_kernel(const Kernel& k);
/// Everything that code depends on, without names: the cache key.
std::string structural_key(const Kernel& k);

/// What a phase function receives. Generated code relies on this layout.
struct LaunchArgs {
  void* const* buffers;  // one per Kernel::buffers, entries of private ones ignored
  const int64_t* sizes;
  const uint64_t* scalars;  // bit patterns, zero-extended
};
/// Runs tasks [begin, end) of one phase. Returns 0, or nonzero when a check failed. Never throws.
/// `scratch` has one pointer per private buffer, in their order.
using PhaseFn = int32_t (*)(const LaunchArgs* args, int64_t begin, int64_t end, void* const* scratch);

/// Reference execution of one phase: the meaning of kernel IR. Same contract as a PhaseFn.
/// When `extents` is given (elements per buffer), an access outside is Error(Internal).
int32_t interpret_phase(const Kernel& k, size_t phase, const LaunchArgs& args, int64_t begin, int64_t end,
                        void* const* scratch, const std::vector<int64_t>* extents = nullptr);

}  // namespace lazuli::codegen
