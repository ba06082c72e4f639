// Emits the items of a region inside whatever loops a schedule has opened. Strategies (lower_*.cpp) own the loops; this
// class owns buffers, scalars, items and reduction results.
#pragma once
#include <functional>
#include <optional>
#include <unordered_map>

#include "codegen/loop_nest.h"
#include "codegen/lower.h"

namespace lazuli::codegen {

/// One instance of a loop body: the values of items there, and the lanes that are alive.
struct Body {
  uint16_t lanes = 1;
  std::optional<ValueId> mask;  // tail: lanes beyond the end are false
  std::unordered_map<ItemId, ValueId> values;
};

/// The kernel that one or several emitters (the parts of a region) build.
struct KernelTarget {
  explicit KernelTarget(std::string name) : b(std::move(name)) {}
  Lowered lowered;
  KernelBuilder b;
  std::unordered_map<const ir::Node*, uint32_t> buffer_of, output_buffer_of, scalar_of;
};

class RegionEmitter {
  std::unique_ptr<KernelTarget> own_;
  KernelTarget& target_;
  static constexpr uint64_t kDynamicSize = 200, kDynamicStride = 201;  // keys of size arguments

 public:
  /// With the default schedule at the target's vector width, until use() says another.
  RegionEmitter(const ir::Region& region, const LoweringOptions& options);
  /// A part: its buffers, arguments and phases go into another emitter's kernel.
  RegionEmitter(const ir::Region& region, const LoweringOptions& options, KernelTarget& target);
  /// Before anything is emitted.
  void use(const Schedule& schedule);

  const ir::Region& region;
  Schedule schedule;
  const LoweringOptions& options;
  Lowered& lowered;
  ItemGraph graph;
  KernelBuilder& b;
  LoopNest nest;
  /// Lanes of a vector: the schedule's width over the widest type that the region computes in.
  uint16_t lanes;
  int64_t bytes_moved = 0;  // read and written at least, by this region alone

  /// Value of an item in a body; items are emitted at most once per body.
  ValueId emit(ItemId item, Body& body);
  /// Stores output `o` at its element.
  void store_output(size_t o, ValueId value, const Body& body);
  /// Combines the elements of output `o` at `a` with `value`, as its scatter says.
  void scatter_to_output(size_t o, const LoopNest::Address& a, ValueId value, const Body& body);
  /// Evaluates all of these outputs, then stores them all: a store never overtakes a load of the same point.
  void store_outputs(const std::vector<size_t>& outputs, Body& body);
  std::vector<size_t> outputs_where(bool inner) const;

  /// for vectors [begin, end): full vectors unrolled by the schedule, then a masked rest, or only masked ones. Each
  /// element is computed once, for results may stand where operands are.
  /// `body(first, b)`.
  void vector_loop(ValueId begin, ValueId end, int unroll, const std::function<void(ValueId, Body&)>& body);
  /// The parts of it: `end - begin` a multiple of the unrolled lanes; every vector masked.
  void full_loop(ValueId begin, ValueId end, int unroll, const std::function<void(ValueId, Body&)>& body);
  void masked_loop(ValueId begin, ValueId end, const std::function<void(ValueId, Body&)>& body);
  /// `count` vectors, all their lanes.
  void full_vectors(ValueId first, int count, const std::function<void(ValueId, Body&)>& body);

  /// How a reduction's result is read; set by the strategy.
  std::function<ValueId(uint32_t reduction, const Body& body)> reduction_value;
  /// Items kept in scratch rows (RowInner): where, and whether the current stage may read them.
  struct CachedRow {
    uint32_t buffer;
    uint32_t stage;  // the stage that fills it
  };
  std::unordered_map<ItemId, CachedRow> cached_rows;
  /// Loads of a row that are the same for all rows of a task, laid out in scratch before the first one (RowInner), and
  /// the place in the row at which a body stands.
  std::unordered_map<ItemId, uint32_t> staged;
  ValueId row_place = kNone;
  std::function<ValueId()> row_position;  // of the body's first lane in such a scratch row
  std::optional<ValueId> scratch_row;     // where the row at hand begins there; 0 if empty
  ValueId in_scratch(ValueId at) { return scratch_row ? b.add(*scratch_row, at) : at; }
  /// Called once per whole vector of a stage: what to prefetch. Empty: nothing.
  std::function<void()> prefetch_ahead;
  /// Called once per vector of a stage with its position in the row: other work to do meanwhile. Empty: none.
  std::function<void(ValueId at, std::optional<ValueId> mask)> beside;
  uint32_t stage = 0;

  /// Indices that only the running kernel knows: what they add to an address (in bounds even where they are not), and
  /// whether all of them are inside.
  struct Dynamic {
    ValueId offset, inside;
  };
  Dynamic dynamic_offset(const std::vector<ItemId>& indices, const std::vector<DynamicAxis>& axes, uint64_t key,
                         const Body& body);

  /// Set for a part, whose only phase runs inside that of the whole kernel: the part's task.
  std::optional<ValueId> task_of_part;

  /// Buffers of the region's first input and first output, for strategies that address them themselves.
  uint32_t input_buffer() const { return target_.buffer_of.at(region.inputs[0]); }
  uint32_t output_buffer() const { return output_buffer(region.outputs[0]); }
  uint32_t input_buffer(const ir::Node* n) const { return target_.buffer_of.at(n); }
  uint32_t output_buffer(const ir::Node* n) const { return target_.output_buffer_of.at(n); }
  uint32_t add_scratch(DType dtype, Role role, int64_t elements);
  /// Memory that the threads of a block share; its size is part of the code.
  uint32_t add_shared(DType dtype, int64_t elements);
  /// Registers of a thread: Role::Thread.
  uint32_t add_thread(DType dtype, int64_t elements);
  void phase(std::string name, int64_t tasks, double nanoseconds_per_task, const std::function<void(ValueId)>& body);
  /// Calls `row(r)` for each row of the task: rows [task*per_task, min(total, (task+1)*per_task)).
  void rows_of_task(ValueId task, int64_t total, int64_t per_task, const std::function<void(ValueId)>& row);
  /// Prefetches element `offset` of a stored node that is read here.
  void prefetch(const ir::Node* n, ValueId offset, uint8_t flags = 0) {
    b.prefetch(target_.buffer_of.at(n), offset, flags);
  }
  /// Prefetches where output `o` will be stored at the current binding.
  void prefetch_output(size_t o);
  /// Load items that these are computed from, those behind reductions left out.
  std::vector<ItemId> loads_below(std::vector<ItemId> roots) const;
  /// Whether vectors of this output are whole, aligned vectors of the machine when runs have `run` elements.
  bool output_fits_non_temporal(size_t o, int64_t run) const;

 private:
  RegionEmitter(const ir::Region& region, const LoweringOptions& options, std::unique_ptr<KernelTarget> own,
                KernelTarget* target);
  ValueId emit_load(const Item& item, const Body& body);
  ValueId emit_gather(const Item& item, Body& body);
  ValueId load_at(const Item& item, const LoopNest::Address& a, std::optional<ValueId> guard, const Body& body);
  ValueId emit_choice(const Item& item, Body& body);
  uint16_t choose_lanes() const;
  void declare_buffers();
  std::string kernel_name() const;
};

}  // namespace lazuli::codegen
