#include "codegen/row_stages.h"

#include <algorithm>
#include <bit>

#include "codegen/lane_reducer.h"

namespace lazuli::codegen {

using namespace ir;

int64_t pair_levels(int64_t n) {
  return n <= 1 ? 0 : std::bit_width(static_cast<uint64_t>(n - 1));
}

std::vector<Reducer> reducers_at(RegionEmitter& e, uint32_t level) {
  std::vector<Reducer> out;
  for (uint32_t r = 0; r < e.graph.reductions.size(); ++r)
    if (e.graph.reductions[r].level == level) out.emplace_back(e.b, e.graph, r);
  return out;
}

namespace {

// Carried values of a loop are one flat list: reducers x vectors x parts.
std::vector<ValueId> flatten(const std::vector<std::vector<Partial>>& acc) {
  std::vector<ValueId> flat;
  for (const auto& vectors : acc)
    for (const Partial& p : vectors) flat.insert(flat.end(), p.begin(), p.end());
  return flat;
}

std::vector<std::vector<Partial>> unflatten(const std::vector<ValueId>& flat, const std::vector<LaneReducer>& reducers,
                                            size_t n) {
  std::vector<std::vector<Partial>> acc;
  size_t at = 0;
  for (const LaneReducer& r : reducers) {
    acc.emplace_back();
    for (size_t v = 0; v < n; ++v) {
      acc.back().emplace_back(flat.begin() + static_cast<long>(at), flat.begin() + static_cast<long>(at + r.parts()));
      at += r.parts();
    }
  }
  return acc;
}

}  // namespace

std::vector<Partial> reduce_chunk(RegionEmitter& e, std::vector<Reducer>& of, ValueId begin, ValueId length) {
  KernelBuilder& b = e.b;
  const uint16_t w = e.lanes;
  // Of a row that is shorter than the lanes, only the vectors in which there is something; the other lanes are skipped.
  const int64_t row = e.nest.reduced_extent();
  const bool is_short = row < kLanes;
  const auto vectors = is_short ? std::bit_ceil(static_cast<size_t>(std::max<int64_t>(1, (row + w - 1) / w)))
                                : static_cast<size_t>(kLanes / w);
  const size_t first_group = e.nest.kept_count(), last_group = e.nest.groups().size();
  std::vector<LaneReducer> reducers;
  for (Reducer& r : of) reducers.emplace_back(b, r, e.nest.reduced_extent());

  const auto take_all = [&](std::vector<std::vector<Partial>>& acc, ValueId first, bool masked, ValueId left) {
    for (size_t v = 0; v < vectors; ++v) {
      const ValueId step = b.index(static_cast<int64_t>(v) * w);
      const ValueId at = b.add(first, step);
      Body body{.lanes = w, .mask = {}, .values = {}};
      if (masked) body.mask = b.lane_mask(b.sub(left, step), w);
      e.nest.bind_flat(first_group, last_group, at, w, !masked);
      e.row_position = [&e, at] { return e.in_scratch(at); };
      e.row_place = at;
      if (e.prefetch_ahead && !masked) e.prefetch_ahead();
      for (size_t r = 0; r < reducers.size(); ++r) {
        std::vector<ValueId> operands;
        for (ItemId o : reducers[r].reduction().operands) operands.push_back(e.emit(o, body));
        Partial next = reducers[r].take(acc[r][v], operands, b.sub(at, begin));
        acc[r][v] = masked ? reducers[r].keep(*body.mask, next, acc[r][v]) : next;
      }
      if (e.beside) e.beside(at, body.mask);
    }
  };

  std::vector<std::vector<Partial>> start;
  for (LaneReducer& r : reducers) {
    start.emplace_back();
    for (size_t v = 0; v < vectors; ++v) {
      const int64_t first = static_cast<int64_t>(v) * w;
      std::optional<ValueId> alive;
      if (r.reduction().is_dot()) alive = b.lane_mask(b.sub(length, b.index(first)), w);
      start.back().push_back(r.start(w, first, alive));
    }
  }
  const auto all_of_row = [&] {
    take_all(start, begin, true, length);
    return flatten(start);
  };
  const auto by_lanes = [&] {
    const ValueId whole = b.prim(Prim::bit_and, kInt64, {length, b.index(-kLanes)});
    const ValueId main_end = b.add(begin, whole);
    std::vector<ValueId> flat = b.for_loop(begin, main_end, b.index(kLanes), flatten(start),
                                           [&](ValueId i, const std::vector<ValueId>& carried) {
                                             auto acc = unflatten(carried, reducers, vectors);
                                             take_all(acc, i, false, kNone);
                                             return flatten(acc);
                                           });
    const ValueId left = b.sub(length, whole);
    return b.if_then(
        b.lt(b.index(0), left),
        [&] {
          auto acc = unflatten(flat, reducers, vectors);
          take_all(acc, main_end, true, left);
          return flatten(acc);
        },
        [&] { return flat; });
  };
  auto acc = unflatten(is_short ? all_of_row() : by_lanes(), reducers, vectors);
  std::vector<Partial> results;
  for (size_t r = 0; r < reducers.size(); ++r) {
    for (size_t n = vectors; n > 1; n /= 2)  // lane l with lane l + 32, then + 16 ...
      for (size_t v = 0; v < n / 2; ++v) acc[r][v] = reducers[r].merge(acc[r][v], acc[r][v + n / 2]);
    results.push_back(reducers[r].finish(acc[r][0], begin));
  }
  return results;
}

void merge_pairwise(RegionEmitter& e, Reducer& reducer, const std::vector<uint32_t>& buffers, ValueId base,
                    ValueId count, ValueId levels, ValueId stride, ValueId width, uint16_t lanes) {
  KernelBuilder& b = e.b;
  const ValueId one = b.index(1);
  b.for_loop(b.index(0), levels, one, {}, [&](ValueId level, const std::vector<ValueId>&) {
    // Result i*2s takes result i*2s + s in; there are ceil((count - s) / 2s) such pairs.
    const ValueId s = b.prim(Prim::shl, kInt64, {one, level});
    const ValueId pairs = b.prim(Prim::lshr, kInt64, {b.sub(b.add(count, s), one), b.add(level, one)});
    b.for_loop(b.index(0), pairs, one, {}, [&](ValueId i, const std::vector<ValueId>&) {
      const ValueId left = b.prim(Prim::shl, kInt64, {i, b.add(level, one)});
      const ValueId at = b.add(base, b.mul(left, stride));
      const ValueId other = b.add(at, b.mul(s, stride));
      const auto merge_at = [&](ValueId column) {
        Partial x, y;
        for (uint32_t buffer : buffers) x.push_back(b.load(buffer, b.add(at, column), lanes));
        for (uint32_t buffer : buffers) y.push_back(b.load(buffer, b.add(other, column), lanes));
        const Partial merged = reducer.merge(x, y);
        for (size_t p = 0; p < buffers.size(); ++p) b.store(buffers[p], b.add(at, column), merged[p]);
      };
      if (lanes == 1) {
        merge_at(b.index(0));
      } else {
        b.for_loop(b.index(0), width, b.index(lanes), {}, [&](ValueId c, const std::vector<ValueId>&) {
          merge_at(c);
          return std::vector<ValueId>{};
        });
      }
      return std::vector<ValueId>{};
    });
    return std::vector<ValueId>{};
  });
}

}  // namespace lazuli::codegen
