// Row regions on a GPU, threads along the reduced axis. BlockRows: a block takes a whole row through all stages.
// BlockSplit: a block takes a few chunks of a row; each stage is a launch that reduces chunks into a workspace and one
// that merges them, and a last launch stores what has one element per point.
#include <fmt/format.h>

#include "codegen/block_reduce.h"

namespace lazuli::codegen {

namespace {

constexpr int64_t kSharedChunks = 64;  // more partial results than this stand in global memory

class Rows {
 public:
  explicit Rows(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        at_once(emitter.schedule.threads / kLanes),
        tree(emitter, at_once),
        rows(e.nest.kept_extent()),
        length(e.nest.reduced_extent()),
        chunks((length + kChunk - 1) / kChunk),
        kept(e.nest.kept_count()),
        groups(e.nest.groups().size()),
        kept_outputs(e.outputs_where(false)),
        inner_outputs(e.outputs_where(true)),
        partials(e.graph.reductions.size()) {
    e.reduction_value = [this](uint32_t r, const Body&) { return results[r]; };
  }

  void whole_rows() {
    if (chunks > 1)
      each_reducer([&](Reducer& r, size_t part) {
        partials[r.index()].push_back(chunks <= kSharedChunks ? e.add_shared(r.type(part), kSharedChunks)
                                                              : e.add_scratch(r.type(part), Role::Scratch, chunks));
      });
    e.phase("rows", rows, estimate_ns_per_point(e) * static_cast<double>(length), [&](ValueId row) {
      e.nest.bind_flat(0, kept, row);
      results.assign(e.graph.reductions.size(), kNone);
      for (uint32_t level = 0; level < e.graph.levels; ++level) reduce_row(level);
      if (!kept_outputs.empty()) {
        Body body;
        e.store_outputs(kept_outputs, body);
      }
      if (!inner_outputs.empty()) store_range(b.index(0), e.nest.size("length", length));
    });
  }

  void split_rows() {
    each_reducer([&](Reducer& r, size_t part) {
      partials[r.index()].push_back(e.add_scratch(r.type(part), Role::Workspace, rows * chunks));
    });
    const int64_t pieces = (chunks + at_once - 1) / at_once;
    const double ns = estimate_ns_per_point(e) * static_cast<double>(kChunk * at_once);
    for (uint32_t level = 0; level < e.graph.levels; ++level) {
      e.phase(fmt::format("reduce{}", level), rows * pieces, ns, [&](ValueId task) {
        const ValueId first = bind_piece(task, pieces, level);
        b.barrier();
        reduce_chunks(level, first);
      });
      e.phase(fmt::format("merge{}", level), rows, static_cast<double>(chunks), [&](ValueId row) {
        bind_row(row, level);
        for (Reducer& r : reducers_at(e, level)) {
          tree.merge_chunks(r, partials[r.index()], base, count(), chunk_levels());
          results[r.index()] = r.finish(tree.load(partials[r.index()], base));
        }
        if (level + 1 != e.graph.levels || kept_outputs.empty()) return;
        Body body;
        e.store_outputs(kept_outputs, body);
      });
    }
    if (inner_outputs.empty()) return;
    e.phase("store", rows * pieces, ns, [&](ValueId task) {
      const ValueId begin = b.mul(bind_piece(task, pieces, e.graph.levels), b.index(kChunk));
      const ValueId end = b.add(begin, b.index(kChunk * at_once));
      store_range(begin, b.min(end, e.nest.size("length", length)));
    });
  }

 private:
  void each_reducer(const std::function<void(Reducer&, size_t)>& body) {
    for (uint32_t level = 0; level < e.graph.levels; ++level)
      for (Reducer& r : reducers_at(e, level))
        for (size_t p = 0; p < r.parts(); ++p) body(r, p);
  }
  ValueId count() { return e.nest.size("chunks", chunks); }
  ValueId chunk_levels() { return e.nest.size("chunk_levels", pair_levels(chunks)); }

  /// BlockSplit: the row, and the results of its finished stages.
  void bind_row(ValueId row, uint32_t finished_levels) {
    e.nest.bind_flat(0, kept, row);
    base = b.mul(row, count());
    results.assign(e.graph.reductions.size(), kNone);
    for (uint32_t level = 0; level < finished_levels; ++level)
      for (Reducer& r : reducers_at(e, level)) results[r.index()] = r.finish(tree.load(partials[r.index()], base));
  }
  /// Returns the first chunk of the piece.
  ValueId bind_piece(ValueId task, int64_t pieces, uint32_t finished_levels) {
    const auto [row, piece] = e.nest.divide(task, {103, 0, 0}, pieces, rows * pieces);
    bind_row(row, finished_levels);
    return b.mul(piece, b.index(at_once));
  }

  /// Chunks [first, first + at_once) of the row, as far as there are any: into `partials` at base, or where the row is
  /// one chunk, into the first lane in shared memory.
  std::vector<std::vector<uint32_t>> reduce_chunks(uint32_t level, ValueId first) {
    std::vector<Reducer> reducers = reducers_at(e, level);
    const std::vector<std::vector<uint32_t>> lanes = tree.lane_buffers(reducers);
    const ValueId n = e.nest.size("length", length);
    const ValueId here = chunks == 1 ? b.index(1) : b.min(b.sub(count(), first), b.index(at_once));
    tree.threads(b.mul(here, b.index(kLanes)), [&](ValueId t) {
      const ValueId chunk = b.add(first, tree.shift_right(t, b.index(kLaneBits)));
      const ValueId begin = b.mul(chunk, b.index(kChunk));
      const ValueId left = b.min(b.sub(n, begin), b.index(kChunk));
      const std::vector<Partial> done = tree.take_lane(reducers, begin, left, tree.low_bits(t, kLanes));
      for (size_t r = 0; r < reducers.size(); ++r) tree.store(lanes[r], t, done[r]);
    });
    b.barrier();
    tree.merge_lanes(reducers, lanes, here, kLanes, 1);
    if (partials[reducers[0].index()].empty()) return lanes;
    tree.threads(here, [&](ValueId t) {
      const ValueId at = b.add(first, t);
      for (size_t r = 0; r < reducers.size(); ++r)
        tree.store(partials[reducers[r].index()], base == kNone ? at : b.add(base, at),
                   tree.load(lanes[r], b.mul(t, b.index(kLanes))));
    });
    b.barrier();
    return lanes;
  }

  void reduce_row(uint32_t level) {
    b.barrier();  // everyone has read what the stage before left in shared memory
    std::vector<Reducer> reducers = reducers_at(e, level);
    if (chunks == 1) {
      const auto lanes = reduce_chunks(level, b.index(0));
      for (size_t r = 0; r < reducers.size(); ++r)
        results[reducers[r].index()] = reducers[r].finish(tree.load(lanes[r], b.index(0)));
      return;
    }
    tree.each(b.index(0), count(), b.index(at_once), [&](ValueId first) { reduce_chunks(level, first); });
    for (Reducer& r : reducers) {
      tree.merge_chunks(r, partials[r.index()], b.index(0), count(), chunk_levels());
      results[r.index()] = r.finish(tree.load(partials[r.index()], b.index(0)));
    }
  }

  void store_range(ValueId begin, ValueId end) {
    e.vector_loop(begin, end, 1, [&](ValueId at, Body& body) {
      e.nest.bind_flat(kept, groups, at);
      e.store_outputs(inner_outputs, body);
    });
  }

  RegionEmitter& e;
  KernelBuilder& b;
  const int64_t at_once;  // chunks
  BlockReducer tree;
  const int64_t rows, length, chunks;
  const size_t kept, groups;
  const std::vector<size_t> kept_outputs, inner_outputs;
  std::vector<std::vector<uint32_t>> partials;  // per reduction and part: one element per chunk
  std::vector<ValueId> results;
  ValueId base = kNone;  // BlockSplit: first partial result of the row
};

}  // namespace

void lower_block_rows(RegionEmitter& e) {
  Rows(e).whole_rows();
}

void lower_block_split(RegionEmitter& e) {
  Rows(e).split_rows();
}

}  // namespace lazuli::codegen
