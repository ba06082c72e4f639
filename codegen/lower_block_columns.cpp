// Row regions on a GPU that reduce an outer axis: threads run along the innermost kept axis, so that neighbours read
// neighbours. A block takes 32 columns of one chunk; each stage is a launch that reduces chunks into a workspace and
// one that merges them per column; a last launch stores what has one element per point.
#include <fmt/format.h>

#include "codegen/block_reduce.h"

namespace lazuli::codegen {

namespace {

constexpr int64_t kColumns = 32;  // of a block: a warp reads them together
constexpr int kColumnBits = 5;
constexpr int64_t kStoredRows = 64;  // of a block of the last launch

class Columns {
 public:
  explicit Columns(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        tree(emitter, kColumns),
        column_group(e.nest.kept_count() - 1),
        columns(e.nest.groups()[column_group].extent),
        outer(e.nest.kept_extent() / columns),
        length(e.nest.reduced_extent()),
        chunks((length + kChunk - 1) / kChunk),
        kept_outputs(e.outputs_where(false)),
        inner_outputs(e.outputs_where(true)),
        partials(e.graph.reductions.size()) {
    for (uint32_t level = 0; level < e.graph.levels; ++level)
      for (Reducer& r : reducers_at(e, level))
        for (size_t p = 0; p < r.parts(); ++p)
          partials[r.index()].push_back(e.add_scratch(r.type(p), Role::Workspace, outer * chunks * columns));
    e.reduction_value = [this](uint32_t r, const Body&) {
      Reducer reducer(b, e.graph, r);
      return reducer.finish(tree.load(partials[r], b.add(base, column)));
    };
  }

  void run() {
    const int64_t blocks = (columns + kColumns - 1) / kColumns, tasks = outer * blocks;
    const double ns = estimate_ns_per_point(e) * static_cast<double>(kColumns);
    for (uint32_t level = 0; level < e.graph.levels; ++level) {
      e.phase(fmt::format("reduce{}", level), tasks * chunks, ns * static_cast<double>(kChunk), [&](ValueId task) {
        const auto [block, chunk] = e.nest.divide(task, {104, 0, 0}, chunks, tasks * chunks);
        bind_block(block, blocks, tasks);
        reduce(level, chunk);
      });
      e.phase(fmt::format("merge{}", level), tasks, ns * static_cast<double>(chunks), [&](ValueId task) {
        bind_block(task, blocks, tasks);
        tree.threads(here, [&](ValueId t) {
          bind_column(t);
          merge(level);
          if (level + 1 != e.graph.levels || kept_outputs.empty()) return;
          Body body;
          e.store_outputs(kept_outputs, body);
        });
      });
    }
    if (inner_outputs.empty()) return;
    const int64_t pieces = (length + kStoredRows - 1) / kStoredRows;
    e.phase("store", tasks * pieces, ns * static_cast<double>(kStoredRows), [&](ValueId task) {
      const auto [block, piece] = e.nest.divide(task, {105, 0, 0}, pieces, tasks * pieces);
      bind_block(block, blocks, tasks);
      const ValueId first = b.mul(piece, b.index(kStoredRows));
      const ValueId left = b.min(b.sub(e.nest.size("length", length), first), b.index(kStoredRows));
      tree.threads(b.mul(left, b.index(kColumns)), [&](ValueId t) {
        const ValueId c = tree.low_bits(t, kColumns);
        tree.when(b.lt(c, here), [&] {
          bind_column(c);
          e.nest.bind_flat(e.nest.kept_count(), e.nest.groups().size(),
                           b.add(first, tree.shift_right(t, b.index(kColumnBits))));
          Body body;
          e.store_outputs(inner_outputs, body);
        });
      });
    });
  }

 private:
  /// The outer axes and the first column of the block; `here` is how many columns it has.
  void bind_block(ValueId block, int64_t blocks, int64_t tasks) {
    const auto [row, place] = e.nest.divide(block, {106, 0, 0}, blocks, tasks);
    e.nest.bind_flat(0, column_group, row);
    const ValueId all = e.nest.size("columns", columns);
    first_column = b.mul(place, b.index(kColumns));
    here = b.min(b.sub(all, first_column), b.index(kColumns));
    base = b.mul(b.mul(row, e.nest.size("chunks", chunks)), all);
  }
  void bind_column(ValueId in_block) {
    column = b.add(first_column, in_block);
    e.nest.bind_scalar(column_group, column);
  }

  void reduce(uint32_t level, ValueId chunk) {
    std::vector<Reducer> reducers = reducers_at(e, level);
    const std::vector<std::vector<uint32_t>> lanes = tree.lane_buffers(reducers);
    const ValueId begin = b.mul(chunk, b.index(kChunk));
    const ValueId left = b.min(b.sub(e.nest.size("length", length), begin), b.index(kChunk));
    b.barrier();
    tree.threads(b.index(kLanes * kColumns), [&](ValueId t) {
      const ValueId c = tree.low_bits(t, kColumns);
      tree.when(b.lt(c, here), [&] {
        bind_column(c);
        const std::vector<Partial> done =
            tree.take_lane(reducers, begin, left, tree.shift_right(t, b.index(kColumnBits)));
        for (size_t r = 0; r < reducers.size(); ++r) tree.store(lanes[r], t, done[r]);
      });
    });
    b.barrier();
    tree.merge_lanes(reducers, lanes, b.index(kColumns), 1, kColumns);
    const ValueId at = b.add(base, b.mul(chunk, e.nest.size("columns", columns)));
    tree.threads(here, [&](ValueId t) {
      const ValueId to = b.add(b.add(at, first_column), t);
      for (size_t r = 0; r < reducers.size(); ++r)
        tree.store(partials[reducers[r].index()], to, tree.load(lanes[r], t));
    });
  }

  /// The chunks of one column, by one thread.
  void merge(uint32_t level) {
    for (Reducer& r : reducers_at(e, level))
      merge_pairwise(e, r, partials[r.index()], b.add(base, column), e.nest.size("chunks", chunks),
                     e.nest.size("chunk_levels", pair_levels(chunks)), e.nest.size("columns", columns), b.index(1), 1);
  }

  RegionEmitter& e;
  KernelBuilder& b;
  BlockReducer tree;
  const size_t column_group;
  const int64_t columns, outer, length, chunks;
  const std::vector<size_t> kept_outputs, inner_outputs;
  std::vector<std::vector<uint32_t>> partials;  // per reduction and part: [outer][chunk][column]
  ValueId first_column = kNone, here = kNone, base = kNone, column = kNone;
};

}  // namespace

void lower_block_columns(RegionEmitter& e) {
  Columns(e).run();
}

}  // namespace lazuli::codegen
