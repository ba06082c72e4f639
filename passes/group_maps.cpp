#include "passes/group_maps.h"

#include <algorithm>
#include <map>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "passes/memory_rules.h"
#include "passes/op_costs.h"

namespace lazuli::passes {

using namespace ir;

namespace {

// A launch costs a few microseconds, in which a core moves some hundred kilobytes: larger maps gain nothing, and would
// keep the memory of their operands for longer.
constexpr int64_t kMostBytes = 4 << 20;
// Every part is compiled, also those that are alike (an optimiser's updates); groups that are alike share one kernel.
constexpr size_t kMostParts = 8;
constexpr size_t kMostBuffers = 128;
constexpr size_t kMostNodes = 1024;
// A pad or concat is a choice per piece, which the code generator takes more than linear time for in one function.
constexpr size_t kMostPieces = 24;
constexpr double kMostPrimitives = 3072;

class Grouper {
 public:
  Grouper(const Graph& g, Partition& p) : p_(p), count_(static_cast<uint32_t>(p.regions.size())) {
    for (const NodeRef& o : g.outputs) results_.insert(o.get());
  }

  void run() {
    connect();
    find_levels();
    choose_groups();
    if (groups_.size() == count_) return;
    reorder();
  }

 private:
  void connect() {
    readers_.resize(count_);
    std::unordered_map<const Node*, uint32_t> stored_by;
    for (uint32_t r = 0; r < count_; ++r)
      for (const Node* n : p_.regions[r].outputs) stored_by.emplace(n, r);
    for (uint32_t r = 0; r < count_; ++r)
      for (const Node* n : p_.regions[r].inputs)
        if (const auto it = stored_by.find(n); it != stored_by.end()) readers_[it->second].push_back(r);
  }

  // Longest way to a region that nobody reads. Regions of one level cannot depend on each other, and a graph whose
  // levels are merged has no circles.
  void find_levels() {
    level_.assign(count_, 0);
    for (uint32_t r = count_; r-- > 0;)
      for (uint32_t reader : readers_[r]) level_[r] = std::max(level_[r], level_[reader] + 1);
  }

  // Checks of a part would keep the results of all others out of donated memory. A region that is read and writes a
  // result, too, may have to run before readers of the memory that the result goes to, and a group waits for more.
  bool is_candidate(uint32_t r) const {
    const Region& region = p_.regions[r];
    if (region.kind != RegionKind::Map || may_fail(region)) return false;
    int64_t bytes = 0;
    for (const Node* n : region.outputs) {
      bytes += n->nbytes();
      if (!readers_[r].empty() && results_.contains(n)) return false;
    }
    if (bytes == 0) return false;
    for (const Node* n : region.inputs) bytes += bytes_read(region, n);
    return bytes <= kMostBytes && region.nodes.size() <= kMostNodes / 4;
  }

  struct Size {
    size_t buffers = 0, nodes = 0, pieces = 0;
    double primitives = 0;
    Size& operator+=(const Size& o) {
      buffers += o.buffers;
      nodes += o.nodes;
      pieces += o.pieces;
      primitives += o.primitives;
      return *this;
    }
    bool fits() const {
      return buffers <= kMostBuffers && nodes <= kMostNodes && pieces <= kMostPieces && primitives <= kMostPrimitives;
    }
  };

  Size size_of(const Region& region) {
    const auto scalars = static_cast<size_t>(std::count_if(region.inputs.begin(), region.inputs.end(),
                                                           [](const Node* n) { return n->op() == Op::argument; }));
    Size s{.buffers = region.inputs.size() - scalars + region.outputs.size(), .nodes = region.nodes.size()};
    for (const Node* n : region.nodes) {
      if (has_pieces(n->op())) s.pieces += n->input_count();
      s.primitives += costs_.of(n);
    }
    return s;
  }

  void choose_groups() {
    group_of_.resize(count_);
    struct Open {
      uint32_t group;
      Size size;
    };
    std::map<uint32_t, Open> open;  // per level
    for (uint32_t r = 0; r < count_; ++r) {
      const Region& region = p_.regions[r];
      if (is_candidate(r)) {
        const Size size = size_of(region);
        const auto it = open.find(level_[r]);
        if (it != open.end() && groups_[it->second.group].size() < kMostParts) {
          Size all = it->second.size;
          all += size;
          if (all.fits()) {
            it->second.size = all;
            groups_[it->second.group].push_back(r);
            group_of_[r] = it->second.group;
            continue;
          }
        }
        open[level_[r]] = {static_cast<uint32_t>(groups_.size()), size};
      }
      group_of_[r] = static_cast<uint32_t>(groups_.size());
      groups_.push_back({r});
    }
  }

  // The given order, except that a group waits for all that its parts wait for.
  void reorder() {
    std::vector<uint32_t> waits(groups_.size(), 0);
    for (uint32_t r = 0; r < count_; ++r)
      for (uint32_t reader : readers_[r]) ++waits[group_of_[reader]];
    std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;
    for (uint32_t g = 0; g < groups_.size(); ++g)
      if (waits[g] == 0) ready.push(g);
    std::vector<Region> order;
    while (!ready.empty()) {
      const uint32_t g = ready.top();
      ready.pop();
      for (uint32_t r : groups_[g])
        for (uint32_t reader : readers_[r])
          if (--waits[group_of_[reader]] == 0) ready.push(group_of_[reader]);
      order.push_back(groups_[g].size() == 1 ? std::move(p_.regions[groups_[g][0]]) : merged(groups_[g]));
    }
    if (order.size() != groups_.size()) throw Error(ErrorKind::Internal, "group_maps: groups wait for each other");
    p_.regions = std::move(order);
  }

  Region merged(const std::vector<uint32_t>& members) {
    Region all;
    std::unordered_map<const Node*, uint32_t> input;
    std::unordered_map<const Node*, uint32_t> readers;
    std::unordered_set<const Node*> nodes;
    for (uint32_t r : members) {
      const Region& part = p_.regions[r];
      for (const Node* n : part.inputs) {
        ++readers[n];
        if (input.emplace(n, static_cast<uint32_t>(all.inputs.size())).second) all.inputs.push_back(n);
      }
      for (const Node* n : part.nodes)
        if (nodes.insert(n).second) all.nodes.push_back(n);
    }
    for (uint32_t r : members) {
      const Region& part = p_.regions[r];
      for (const auto& [o, i] : part.may_alias)
        if (const Node* n = part.inputs[i]; readers[n] == 1)
          all.may_alias.emplace_back(static_cast<uint32_t>(all.outputs.size()) + o, input.at(n));
      all.outputs.insert(all.outputs.end(), part.outputs.begin(), part.outputs.end());
      all.parts.push_back(std::move(p_.regions[r]));
    }
    return all;
  }

  Partition& p_;
  OpCosts costs_;
  uint32_t count_;
  std::unordered_set<const Node*> results_;     // of the graph
  std::vector<std::vector<uint32_t>> readers_;  // per region
  std::vector<uint32_t> level_, group_of_;
  std::vector<std::vector<uint32_t>> groups_;  // members, ascending
};

}  // namespace

void group_maps(const Graph& g, Partition& p, const PassContext& ctx) {
  if (ctx.fuse && p.regions.size() > 1) Grouper(g, p).run();
}

}  // namespace lazuli::passes
