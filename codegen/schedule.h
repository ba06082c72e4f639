// A schedule says how a region becomes loops. It is a plain value: chosen by a function of (region, target), printed in
// reports, or forced by a test or a tuner. It never changes a result's bits.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "codegen/target.h"
#include "ir/region.h"

namespace lazuli::codegen {

enum class Strategy : uint8_t {
  Map,            // vectors along the innermost axis
  MapTiled,       // the same in tiles, of which operands that run along another axis are turned around first
  RowInner,       // one task per group of rows, vectors along the reduced axis, the row stays in cache between stages
  RowColumns,     // vectors along the innermost kept axis, 64 lane rows of accumulators streamed through cache
  RowUnrolled,    // a window's few elements are reduced in registers; vectors along the innermost kept axis
  RowSplit,       // few long rows: chunks are tasks, partial results are combined in a phase of their own
  Contract,       // vectors along the result's innermost axis
  Sort,           // pieces of rows are tasks, sorted in scratch, then merged pairwise; a phase per doubling
  ScanRows,       // one task per group of rows, vectors along the scanned axis
  ScanSplit,      // few long rows: totals of chunks, a run over them, then the elements; a phase each
  ScanColumns,    // vectors along the innermost kept axis, running totals of a block of columns in cache
  Attention,      // blocks of 64 keys (queries) against a tile of queries (keys) along the vectors, scores in scratch
  AttentionRows,  // a few queries: keys along the vectors, then elements of the value
  Scatter,        // the base first, then the values in order; tasks own parts of the result
  WarpRows,       // GPU: a warp takes whole rows of at most 2,048 elements
  BlockRows,      // GPU: a block takes whole rows, a thread one lane of a chunk
  BlockSplit,     // GPU: few long rows: chunks are spread over blocks, partial results merged by a launch of their own
  BlockColumns,   // GPU: the reduced axis is an outer one: threads run along the innermost kept axis
  BlockContract,  // GPU: a block takes a tile of results, operands through shared memory, sums in registers
  BlockMatrix,    // GPU: the same on the matrix units, operands copied to shared memory some steps ahead
  StreamMatrix,   // GPU: the same by blocks that stay, some threads copying boxes ahead while others multiply
  BlockSort,      // GPU: pieces of rows are sorted in shared memory, every thread finding its elements' places
  BlockScatter,   // GPU: places are sorted by where they point, so that a thread adds what falls on one element
};
std::string_view name(Strategy s);

/// Where a contraction finds an operand.
enum class Pack : uint8_t {
  None,    // in the tensor itself, evaluated for every tile
  Task,    // in the task's scratch, laid out as tiles read it
  Shared,  // in a workspace that a phase of its own fills: evaluated once
};
std::string_view name(Pack p);

struct Schedule {
  Strategy strategy = Strategy::Map;
  int vector_bits = 256;
  int unroll = 1;            // vectors per iteration
  bool segments = false;     // Map: runs of the innermost loop that lie in one piece of a join or padding know it
  bool masked_loop = false;  // one loop with every vector masked, instead of full ones and a masked rest: half the code
  // Elements of the innermost axis per task; 0: whole axis. Sort: of a piece. MapTiled: rows and columns of a tile.
  // Map, where rows are computed side by side: of a panel that stays in the first-level cache.
  int64_t block = 0;
  int64_t rows_per_task = 1;  // MapTiled: tiles
  // RowColumns: rows of one accumulator that a pass over the columns takes in. Map: rows that are computed side by side
  // and share what they read in common.
  int rows_at_once = 1;
  int column_vectors = 0;     // RowColumns: vectors of a tile of columns that is read at once; 0: whole rows are
  int lane_groups = 0;        // RowColumns: units in which a chunk is read lane by lane; 0: it is one unit, streamed
  bool split_rows = false;    // RowColumns: units are tasks (rows_per_task of them), merged by a phase of their own
  int64_t ranges = 1;         // Scatter: parts of the indexed axes that are tasks of their own
  bool non_temporal = false;  // outputs bypass the cache
  int prefetch_bytes = 0;     // distance of software prefetch (RowInner: any, the next row); 0: none
  int threads = 0;            // GPU: threads of a block that share a task's elements; values have one lane. 0: CPU
  int registers = 0;          // GPU: that a thread has at most
  bool narrow = false;        // GPU: no buffer has 2^31 elements or more, so addresses are computed in 32 bits
  int parts = 0;              // a region of parts: how many; the rest is the schedule of the first
  bool cache_rows = false;    // RowInner: keep expensive row values in scratch between stages
  bool overlap_rows = false;  // RowInner: store a row while the next one is computed
  bool stage_rows = false;    // RowInner: lay out what is picked element by element, once for all rows of a task
  // Contract: rows and columns of results are cut into register tiles as evenly as possible, none larger than this.
  // BlockContract: results of a thread (columns, not vectors). BlockMatrix, StreamMatrix: of a block.
  int tile_rows = 0, tile_vectors = 0;
  int64_t row_tiles = 1, column_tiles = 1;  // of a task, at most
  int64_t batches = 1;                      // of a task that has all tiles of one
  int64_t depth_block = 512;                // packed and multiplied at once; a multiple of 512 that divides a span
  // Contract: depths that all tiles of a task take before any goes on; a power of two below 512. 0: whole blocks. So
  // rows of a large operand that is read in place are read along memory, not a tile's width of each.
  int64_t strip = 0;
  Pack pack_rows = Pack::Task, pack_columns = Pack::Task;
  int stages = 0;      // BlockMatrix, StreamMatrix: steps of the depth under way
  int64_t splits = 1;  // BlockMatrix: parts of the depth that are tasks of their own, added up in their order
  // BlockMatrix: elements of an operand that a thread computes at once, through registers; 0: they are copied.
  int made_rows = 0, made_columns = 0;
  bool quads = false;           // bytes are multiplied four of the depth at a time
  bool split_depth = false;     // spans of the depth are tasks; a phase of its own merges their sums
  bool constant_sizes = false;  // sizes and strides are part of the code: operands that are read where they are
  bool places = false;        // rows are places of windows, read where they stand, in tiles of one line or whole lines
  bool in_registers = false;  // the epilogue takes sums from registers, unrolled, not from memory in a loop
  bool operator==(const Schedule&) const = default;
  std::string str() const;
};

/// Facts about buffers that schedules may use; part of the kernel key where they change code.
struct LoweringOptions {
  CpuTarget target;
  /// Pairs from Region::may_alias that the memory plan put into one buffer.
  std::vector<std::pair<uint32_t, uint32_t>> aliases;
  /// No kernel of the program reads the region's results, and the program's results are more than the caches hold.
  bool far_results = false;
  /// Schedule for this GPU: tasks are blocks, elements of a task are spread over threads.
  std::optional<GpuTarget> gpu = {};
};

Schedule choose_schedule(const ir::Region& region, const LoweringOptions& options);

}  // namespace lazuli::codegen
