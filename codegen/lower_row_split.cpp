// Row regions with few long rows: chunks of a row are spread over tasks. Each stage is two phases, one that reduces
// chunks into a workspace and one that merges them; a last phase stores what has one element per point.
#include <fmt/format.h>

#include "codegen/row_stages.h"

namespace lazuli::codegen {

void lower_row_split(RegionEmitter& e) {
  e.nest.blocks_of_lanes = true;
  KernelBuilder& b = e.b;
  const int64_t rows = e.nest.kept_extent(), length = e.nest.reduced_extent(), chunks = (length + kChunk - 1) / kChunk;
  const int64_t per_task = e.schedule.rows_per_task;  // chunks
  const int64_t pieces = (chunks + per_task - 1) / per_task;
  const size_t kept = e.nest.kept_count(), groups = e.nest.groups().size();
  const std::vector<size_t> kept_outputs = e.outputs_where(false), inner_outputs = e.outputs_where(true);
  const double ns = estimate_ns_per_point(e) * static_cast<double>(kChunk * per_task);

  std::vector<std::vector<uint32_t>> partials(e.graph.reductions.size());
  for (uint32_t l = 0; l < e.graph.levels; ++l)
    for (Reducer& r : reducers_at(e, l))
      for (size_t p = 0; p < r.parts(); ++p)
        partials[r.index()].push_back(e.add_scratch(r.type(p), Role::Workspace, rows * chunks));

  ValueId base = kNone;  // first partial result of the current row
  std::vector<ValueId> results;
  e.reduction_value = [&](uint32_t r, const Body&) { return results[r]; };
  // Reads the results of the finished stages for the row at hand.
  const auto bind_row = [&](ValueId row, uint32_t finished_levels) {
    e.nest.bind_flat(0, kept, row);
    base = b.mul(row, e.nest.size("chunks", chunks));
    results.assign(e.graph.reductions.size(), kNone);
    for (uint32_t l = 0; l < finished_levels; ++l)
      for (Reducer& r : reducers_at(e, l)) {
        Partial done;
        for (uint32_t buffer : partials[r.index()]) done.push_back(b.load(buffer, base, 1));
        results[r.index()] = r.finish(done);
      }
  };
  const auto for_chunks = [&](ValueId task, uint32_t finished_levels, const std::function<void(ValueId)>& body) {
    const auto [row, piece] = e.nest.divide(task, {101, 0, 0}, pieces, rows * pieces);
    bind_row(row, finished_levels);
    const ValueId per = e.nest.size("chunks_per_task", per_task);
    const ValueId first = b.mul(piece, per);
    b.for_loop(first, b.min(b.add(first, per), e.nest.size("chunks", chunks)), b.index(1), {},
               [&](ValueId c, const std::vector<ValueId>&) {
                 body(c);
                 return std::vector<ValueId>{};
               });
  };
  const auto chunk_length = [&](ValueId begin) {
    return b.min(b.sub(e.nest.size("length", length), begin), b.index(kChunk));
  };

  for (uint32_t level = 0; level < e.graph.levels; ++level) {
    e.phase(fmt::format("reduce{}", level), rows * pieces, ns, [&](ValueId task) {
      for_chunks(task, level, [&](ValueId c) {
        std::vector<Reducer> reducers = reducers_at(e, level);
        const ValueId begin = b.mul(c, b.index(kChunk));
        const std::vector<Partial> done = reduce_chunk(e, reducers, begin, chunk_length(begin));
        for (size_t r = 0; r < reducers.size(); ++r)
          for (size_t p = 0; p < done[r].size(); ++p)
            b.store(partials[reducers[r].index()][p], b.add(base, c), done[r][p]);
      });
    });
    e.phase(fmt::format("merge{}", level), rows, static_cast<double>(chunks), [&](ValueId row) {
      bind_row(row, level);
      for (Reducer& r : reducers_at(e, level)) {
        merge_pairwise(e, r, partials[r.index()], base, e.nest.size("chunks", chunks),
                       e.nest.size("chunk_levels", pair_levels(chunks)), b.index(1), b.index(1), 1);
        Partial done;
        for (uint32_t buffer : partials[r.index()]) done.push_back(b.load(buffer, base, 1));
        results[r.index()] = r.finish(done);
      }
      if (level + 1 != e.graph.levels || kept_outputs.empty()) return;
      Body body;
      e.store_outputs(kept_outputs, body);
    });
  }
  if (inner_outputs.empty()) return;
  e.phase("store", rows * pieces, ns, [&](ValueId task) {
    for_chunks(task, e.graph.levels, [&](ValueId c) {
      const ValueId begin = b.mul(c, b.index(kChunk));
      e.vector_loop(begin, b.add(begin, chunk_length(begin)), e.schedule.unroll, [&](ValueId first, Body& body) {
        e.nest.bind_flat(kept, groups, first, body.lanes, !body.mask);
        e.store_outputs(inner_outputs, body);
      });
    });
  });
}

}  // namespace lazuli::codegen
