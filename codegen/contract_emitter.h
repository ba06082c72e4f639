// The parts of a contraction kernel: where operands are packed, how a tile is multiplied, what happens to its results.
// lower_contract.cpp puts them together.
#pragma once
#include "codegen/contract_plan.h"
#include "codegen/reducer.h"

namespace lazuli::codegen {

class ContractEmitter {
 public:
  explicit ContractEmitter(RegionEmitter& emitter);
  void run();

 private:
  using Values = std::vector<ValueId>;

  /// A tile of results while it is emitted.
  struct Tile {
    ValueId first_row = kNone, rows = kNone;                       // rows it has
    ValueId first_vector = kNone, vectors = kNone;                 // vectors it has
    ValueId is_tall = kNone, is_wide = kNone;                      // where tiles differ: the larger kind
    ValueId row_base = kNone, column_base = kNone;                 // of the packed operands: element at depth 0
    ValueId packed_from = kNone;                                   // depth from which on operands are packed
    ValueId sums = kNone;                                          // of the results
    ValueId starts = kNone;                                        // quads: what sums start from, in the packed columns
    ValueId is_last = kNone;                                       // in chunks: whether this one is the last
    ValueId batch = kNone, column_number = kNone, number = kNone;  // of the batch, of the tile
    ValueId first_line = kNone, lines = kNone, first_place = kNone;  // places: where its rows start
  };
  /// Packed or read in place.
  struct Operand {
    ItemId item;
    const std::vector<size_t>* groups;
    Pack pack;
    bool along_depth;  // packed by turning squares around: memory is consecutive along the depth
    bool heavy;        // its elementwise work is too much to be emitted once per lane
    bool flat_depth;   // its elements are consecutive along the whole depth
    uint32_t buffer = 0, stage = 0;
    int64_t stride = 0;            // elements of a packed tile
    std::vector<ItemId> far = {};  // loads of rows that lie far apart in memory: what no hardware fetches ahead
  };

  void each(ValueId begin, ValueId end, ValueId step, const std::function<void(ValueId)>& body);
  void either(bool differ, ValueId condition, const std::function<void(bool)>& body);
  ValueId start_of(const char* name, const EvenCut& cut, ValueId i);
  void bind_batch(ValueId batch);
  void set_rows(Tile& tile, ValueId t);
  void set_columns(Tile& tile, ValueId t);
  Operand operand(ItemId item, const std::vector<size_t>& groups, Pack pack) const;

  // contract_pack.cpp
  ValueId operand_value(const Operand& o, Body& body);
  ValueId vector_of(const Operand& o, std::span<const size_t> groups, ValueId first, std::optional<ValueId> mask,
                    bool whole);
  void prefetch_columns(ValueId first, ValueId k, int64_t strip);
  void pack_square(const Operand& o, ValueId first, ValueId last, ValueId k, ValueId k_end, ValueId at, ValueId step);
  void pack_rows(const Tile& tile, ValueId k_begin, ValueId k_end);
  void pack_rows_across(ValueId first, ValueId last, ValueId k_begin, ValueId k_end);
  void pack_columns(const Tile& tile, ValueId k_begin, ValueId k_end);

  // contract_places.cpp
  void set_places(Tile& tile, ValueId t);
  void bind_lines(ValueId line);
  void fill_steps();
  Values bases_of(const Tile& tile, int rows);
  void finish_places(const Tile& tile);

  // contract_quads.cpp
  ValueId join_bytes(const Values& bytes);
  ValueId quads_across(const Operand& o, ValueId k, std::optional<ValueId> mask, const std::function<void()>& bind);
  ValueId quads_along(const Operand& o, ValueId k);
  ValueId flipped(const Operand& o, ValueId words);
  ValueId top_bits();
  void pack_starts(const Tile& tile, ValueId k_begin, ValueId k_end);
  ValueId starts_of(const Tile& tile);

  // contract_tile.cpp
  void multiply(const Tile& tile, ValueId k_begin, ValueId k_end, ValueId span_begin);
  void multiply_exact(const Tile& tile, int rows, int vectors, ValueId k_begin, ValueId k_end, ValueId span_begin);
  ValueId place(const Tile& tile, int row, int vector);
  Values starts(const Tile& tile, int rows, int vectors, ValueId k_begin);
  Values chain(const Tile& tile, int rows, int vectors, ValueId k_begin, ValueId k_end);
  void finish(const Tile& tile);
  void finish_registers(const Tile& tile, int rows, int vectors, const Values& sums);
  void prefetch_results(const Tile& tile);
  void fetch_ahead(const Tile& tile, ValueId row_tile, ValueId k_begin);
  void prefetch_rows(const Tile& tile, ValueId row_task, ValueId row_tile, ValueId k_begin, ValueId is_last);

  void pack_rows_phase();
  void pack_phase();
  void pack_strips(double ns);
  void tile_phase();
  void merge_phase();
  void multiply_task(ValueId batch, ValueId row_task, ValueId column_task, ValueId sums, ValueId k_first,
                     ValueId k_last);
  void each_tile(ValueId row_task, ValueId column_task, ValueId sums, const std::function<void(Tile&)>& columns,
                 const std::function<void(Tile&, ValueId row_tile)>& body);

  RegionEmitter& e;
  KernelBuilder& b;
  ContractPlan p;
  Reducer reducer;
  Operand row_side, column_side;
  int64_t padded_depth = 0;   // of what is packed at once, for a square that hangs over
  int64_t tile_elements = 0;  // of the sums of a tile
  int64_t span_stride = 0;    // of the sums of a task
  uint32_t sums_buffer = 0;
  uint32_t steps_buffer = 0, turned_buffer = 0;  // places
  uint32_t chains_buffer = 0;                    // in strips: where chains wait for the next one
  std::vector<size_t> outputs;
  std::vector<ItemId> epilogue_loads;         // those worth a prefetch
  static constexpr int64_t kStepsAtOnce = 8;  // of the depth, where sizes are constant
  static constexpr int64_t kPackDepth = 8;    // of all columns, packed one after the other
  /// What later tiles read, fetched while a tile is multiplied: element `at` + k * step at depth k.
  struct Ahead {
    uint32_t buffer;
    ValueId at, step;
  };
  std::vector<Ahead> ahead;
};

}  // namespace lazuli::codegen
