// Sorting on a GPU: (key, position) pairs of rows, stably. A block sorts a piece in shared memory, merging runs of 1,
// 2, 4 ... elements; then a launch per doubling merges runs in global memory. In every merge each element finds its own
// place: its number in its run plus the number of elements of the other run that come before it, by bisection. Equal
// keys keep their order, so the result is a function of the keys alone.
#pragma once
#include "codegen/block_reduce.h"

namespace lazuli::codegen {

class BlockSort {
 public:
  /// Buffers of elements and of their positions in the row.
  struct Pairs {
    uint32_t keys, positions;
  };
  /// `down`: largest first.
  BlockSort(RegionEmitter& emitter, DType type, bool down, int64_t rows, int64_t length);

  /// Adds the launches. `key(row, i)` is element i of a row. Positions are left in `positions` if given (one element
  /// per element), and the sorted keys with them nowhere; else both are left in workspaces.
  Pairs run(const std::function<ValueId(ValueId row, ValueId i)>& key, std::optional<uint32_t> positions);

 private:
  /// Elements [begin, begin + size) of a row whose first element is number `row_at` of all.
  struct Part {
    ValueId row, row_at, begin, size;
  };
  Pairs shared_pairs();
  Pairs workspace_pairs();
  Part part_of(ValueId unit);
  ValueId length() { return e_.nest.size("length", length_); }
  ValueId comes_first(ValueId y, ValueId x);
  ValueId place(const Pairs& from, ValueId base, ValueId i, ValueId width, ValueId count, ValueId steps);
  void sort_pieces(const std::function<ValueId(ValueId, ValueId)>& key, const Pairs& to, bool keys);
  void merge_runs(int64_t width, const Pairs& from, const Pairs& to, bool keys);

  RegionEmitter& e_;
  KernelBuilder& b_;
  BlockReducer tree_;
  const DType type_;
  const bool down_;
  const int64_t rows_, length_;
  int64_t piece_;       // elements of a row that are sorted in shared memory: a power of two
  int64_t at_once_;     // pieces (of as many rows) that a block sorts
  int64_t pieces_ = 1;  // of a row
};

}  // namespace lazuli::codegen
