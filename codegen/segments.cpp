#include "codegen/segments.h"

#include <algorithm>

namespace lazuli::codegen {

using namespace ir;

namespace {

constexpr int64_t kLeastVectors = 4;  // of a segment that is worth code of its own
constexpr size_t kMostSegments = 4;
constexpr size_t kMostOps = 32;  // per element: every segment repeats the body

/// Where along the loop a bound begins or ends to hold.
void add_cuts(const IndexBound& b, int64_t step, int64_t offset, std::vector<int64_t>* cuts) {
  for (const int64_t edge : {b.low, b.high})
    if (step == 1) {
      cuts->push_back(edge - offset);
    } else if (step == -1) {
      cuts->push_back(offset - edge + 1);
    }
}

}  // namespace

std::vector<Segment> find_segments(const RegionEmitter& e) {
  if (e.nest.groups().empty() || e.schedule.threads) return {};
  const size_t group = e.nest.groups().size() - 1;
  const int64_t extent = e.nest.groups()[group].extent;
  const IndexArena& arena = *e.region.arena;
  std::vector<int64_t> cuts;
  const auto look_at = [&](PredicateId p) {
    for (const IndexBound& b : arena.bounds(p))
      if (const auto step = e.nest.step_alone(b.expr, group)) add_cuts(b, *step, arena.expr(b.expr).offset, &cuts);
  };
  size_t ops = 0;
  for (const Item& i : e.graph.items) {
    look_at(i.inside);
    for (const PredicateId p : i.pieces) look_at(p);
    if (i.function) ops += i.function->insts.size();
  }
  std::erase_if(cuts, [&](int64_t c) { return c <= 0 || c >= extent; });
  if (cuts.empty() || ops > kMostOps) return {};
  cuts.push_back(0);
  cuts.push_back(extent);
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  std::vector<Segment> found;
  int64_t covered = 0;
  for (size_t c = 0; c + 1 < cuts.size(); ++c) {
    if (cuts[c + 1] - cuts[c] < kLeastVectors * e.lanes) continue;
    found.push_back({cuts[c], cuts[c + 1]});
    covered += cuts[c + 1] - cuts[c];
  }
  if (found.size() > kMostSegments || covered * 2 < extent) return {};
  return found;
}

void segmented_loop(RegionEmitter& e, const std::vector<Segment>& segments, ValueId begin, ValueId end,
                    const std::function<void(ValueId, Body&)>& body) {
  KernelBuilder& b = e.b;
  const size_t group = e.nest.groups().size() - 1;
  const int64_t step = int64_t{e.lanes} * e.schedule.unroll, extent = e.nest.groups()[group].extent;
  // Vectors start at multiples of the lanes from `begin` on, so that stores stay as aligned as they were.
  const auto up = [&](ValueId x) {
    const ValueId from = b.max(b.sub(x, begin), b.index(0));
    return b.add(begin, b.prim(Prim::bit_and, kInt64, {b.add(from, b.index(e.lanes - 1)), b.index(-e.lanes)}));
  };
  ValueId at = begin;
  for (size_t s = 0; s < segments.size(); ++s) {
    const Segment& here = segments[s];
    ValueId from = at;
    if (here.begin > 0) {
      const std::string name = "segment" + std::to_string(s);
      from = b.max(at, b.min(up(e.nest.size((name + ".begin").c_str(), here.begin)), end));
      e.masked_loop(at, from, body);
    }
    const ValueId last =
        here.end == extent ? end : b.min(e.nest.size(("segment" + std::to_string(s) + ".end").c_str(), here.end), end);
    const ValueId whole = b.prim(Prim::bit_and, kInt64, {b.max(b.sub(last, from), b.index(0)), b.index(-step)});
    at = b.add(from, whole);
    e.nest.assume(group, here.begin, here.end - 1);
    e.full_loop(from, at, e.schedule.unroll, body);
    e.nest.assume_nothing();
  }
  e.masked_loop(at, end, body);
}

}  // namespace lazuli::codegen
