// What the GPU strategies for rows share: the canonical tree of docs/numerics.md spread over the threads of a block.
// A thread takes the elements of one lane (i mod 64) of one chunk in ascending order; lanes are merged by halves in
// shared memory; chunk results are merged pairwise.
#pragma once
#include "codegen/reducer.h"
#include "codegen/row_stages.h"

namespace lazuli::codegen {

inline constexpr int kLaneBits = 6;  // of kLanes

class BlockReducer {
 public:
  /// `width`: how many chunks (or columns of chunks) the shared memory holds at once.
  BlockReducer(RegionEmitter& emitter, int64_t width) : e_(emitter), b_(emitter.b), width_(width) {}

  /// Shared memory for the lanes of each of these reducers: kLanes * width elements per part.
  std::vector<std::vector<uint32_t>> lane_buffers(const std::vector<Reducer>& reducers);
  /// Serial: the elements of one lane of the chunk [begin, begin + length) at the current row.
  std::vector<Partial> take_lane(std::vector<Reducer>& reducers, ValueId begin, ValueId length, ValueId lane);
  /// Merges kLanes partial results by halves. In memory, lane l of unit u stands at u * unit_stride + l * lane_stride;
  /// units from `count` on are left out. One of the strides is 1, the other a power of two.
  void merge_lanes(std::vector<Reducer>& reducers, const std::vector<std::vector<uint32_t>>& buffers, ValueId count,
                   int64_t unit_stride, int64_t lane_stride);
  /// Merges `count` results pairwise, in place, spread over threads: result i stands at base + i.
  void merge_chunks(Reducer& reducer, const std::vector<uint32_t>& buffers, ValueId base, ValueId count,
                    ValueId levels);

  /// for (t = 0; t < count; ++t), spread over the threads of the block.
  void threads(ValueId count, const std::function<void(ValueId t)>& body);
  void each(ValueId begin, ValueId end, ValueId step, const std::function<void(ValueId)>& body);
  void when(ValueId condition, const std::function<void()>& body);
  Partial load(const std::vector<uint32_t>& buffers, ValueId at);
  void store(const std::vector<uint32_t>& buffers, ValueId at, const Partial& p);
  ValueId shift_right(ValueId x, ValueId by) { return b_.prim(Prim::lshr, kInt64, {x, by}); }
  ValueId shift_left(ValueId x, ValueId by) { return b_.prim(Prim::shl, kInt64, {x, by}); }
  ValueId low_bits(ValueId x, int64_t power_of_two) {
    return b_.prim(Prim::bit_and, kInt64, {x, b_.index(power_of_two - 1)});
  }

 private:
  RegionEmitter& e_;
  KernelBuilder& b_;
  const int64_t width_;
  std::vector<std::pair<DType, uint32_t>> shared_;  // used again by every stage
};

}  // namespace lazuli::codegen
