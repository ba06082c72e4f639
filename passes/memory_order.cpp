// Scheduled from the end: of the regions all of whose readers stand behind, the one that leaves least to be kept in
// front of it comes next. Seen from the end a value begins with its last reader and ends with its producer, so a region
// whose results are all that keeps memory busy is placed at once: as late as possible. Among equals the one with the
// longest way behind it from the leaves goes last, which keeps chains together.
#include "passes/memory_order.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <tuple>

namespace lazuli::passes {
namespace {

struct Links {
  std::vector<std::vector<uint32_t>> reads, writes;  // values, per region
  std::vector<uint32_t> depth;                       // longest way from a region that reads none
};

Links link(uint32_t regions, std::span<const StoredValue> values) {
  Links l{std::vector<std::vector<uint32_t>>(regions), std::vector<std::vector<uint32_t>>(regions),
          std::vector<uint32_t>(regions, 0)};
  for (uint32_t v = 0; v < values.size(); ++v) {
    l.writes[values[v].region].push_back(v);
    for (const uint32_t r : values[v].readers) l.reads[r].push_back(v);
  }
  for (uint32_t r = 0; r < regions; ++r)
    for (const uint32_t v : l.reads[r]) l.depth[r] = std::max(l.depth[r], l.depth[values[v].region] + 1);
  return l;
}

}  // namespace

std::vector<uint32_t> order_from_the_end(uint32_t regions, std::span<const StoredValue> values) {
  const Links links = link(regions, values);
  std::vector<int64_t> growth(regions, 0);  // of what is kept, when the region is placed next
  std::vector<uint32_t> waiting(regions, 0);
  for (uint32_t r = 0; r < regions; ++r) {
    for (const uint32_t v : links.reads[r]) growth[r] += values[v].bytes;
    for (const uint32_t v : links.writes[r]) {
      growth[r] -= values[v].bytes;
      waiting[r] += static_cast<uint32_t>(values[v].readers.size());
    }
  }
  // Least growth first, then greatest depth, then greatest number. Growth only shrinks; old entries are passed over.
  using Entry = std::tuple<int64_t, uint32_t, uint32_t>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> candidates;
  std::vector<bool> placed(regions, false), kept(values.size(), false);
  const auto offer = [&](uint32_t r) { candidates.emplace(growth[r], ~links.depth[r], ~r); };
  for (uint32_t r = 0; r < regions; ++r)
    if (waiting[r] == 0) offer(r);
  std::vector<uint32_t> order;
  order.reserve(regions);
  while (!candidates.empty()) {
    const uint32_t r = ~std::get<2>(candidates.top());
    candidates.pop();
    if (placed[r]) continue;
    placed[r] = true;
    order.push_back(r);
    for (const uint32_t v : links.reads[r]) {
      if (!kept[v]) {
        kept[v] = true;
        if (values[v].bytes > 0)
          for (const uint32_t other : values[v].readers) {
            growth[other] -= values[v].bytes;
            if (waiting[other] == 0 && !placed[other]) offer(other);
          }
      }
      if (--waiting[values[v].region] == 0) offer(values[v].region);
    }
  }
  std::reverse(order.begin(), order.end());
  return order;
}

int64_t peak_of(std::span<const uint32_t> order, std::span<const StoredValue> values) {
  std::vector<uint32_t> position(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) position[order[i]] = i;
  std::vector<int64_t> change(order.size() + 1, 0);
  for (const StoredValue& v : values) {
    uint32_t last = position[v.region];
    for (const uint32_t r : v.readers) last = std::max(last, position[r]);
    change[position[v.region]] += v.bytes;
    change[last + 1] -= v.bytes;
  }
  int64_t live = 0, peak = 0;
  for (const int64_t c : change) peak = std::max(peak, live += c);
  return peak;
}

std::vector<uint32_t> memory_order(uint32_t regions, std::span<const StoredValue> values) {
  std::vector<uint32_t> given(regions);
  std::iota(given.begin(), given.end(), 0u);
  if (regions < 3) return given;
  std::vector<uint32_t> other = order_from_the_end(regions, values);
  // The given order keeps neighbours of the graph together; it is left for a gain alone.
  return peak_of(other, values) * 8 < peak_of(given, values) * 7 ? other : given;
}

}  // namespace lazuli::passes
