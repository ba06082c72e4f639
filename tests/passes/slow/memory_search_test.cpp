// How far memory plans are from the best ones: over all orders of a program's regions and all placements. What is
// counted is all that a run allocates, its results and the arena. Results are memory of their own and there from the
// start, because nothing may fail to be allocated once something has run; until they are computed they may hold what
// fits. The best is found by search where that ends; where it
// does not, by what the search has proved so far, which is at most as large. Programs are those of the benchmark's e2e
// cases and of examples/ (tests/data/programs), and steps of training.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <queue>
#include <set>
#include <sstream>
#include <unordered_map>

#include "ir/gradient.h"
#include "ir/text.h"
#include "passes/memory_rules.h"
#include "passes/pass.h"
#include "passes/vjp.h"

namespace lazuli::passes {
namespace {

using ir::Node;

int64_t rounded(int64_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

// Sets of regions that have run, cheapest peak first: the first complete one has the best order. What a set keeps does
// not depend on its order, so every set is looked at once.
class BestOrder {
 public:
  BestOrder(const ir::Graph& g, const ir::Partition& p) : p_(p) {
    std::unordered_map<const Node*, uint32_t> ids;
    for (uint32_t r = 0; r < p.regions.size(); ++r)
      for (const Node* n : p.regions[r].outputs) {
        ids.emplace(n, static_cast<uint32_t>(values_.size()));
        values_.push_back({n, rounded(n->nbytes()), r, {}, false});
      }
    for (const ir::NodeRef& o : g.outputs)
      if (const auto it = ids.find(o.get()); it != ids.end()) values_[it->second].output = true;
    reads_.resize(p.regions.size());
    writes_.resize(p.regions.size());
    for (uint32_t r = 0; r < p.regions.size(); ++r) {
      for (const Node* n : p.regions[r].inputs)
        if (const auto it = ids.find(n); it != ids.end()) {
          values_[it->second].readers.push_back(r);
          reads_[r].push_back(it->second);
        }
      for (const Node* n : p.regions[r].outputs) writes_[r].push_back(ids.at(n));
    }
  }

  struct Result {
    int64_t bytes = 0;
    bool exact = true;
  };
  Result run(size_t most_states) const {
    using Set = std::vector<bool>;
    struct State {
      int64_t peak;
      Set done;
      size_t count;
    };
    const auto worse = [](const State& a, const State& b) {
      return std::tie(a.peak, b.count) > std::tie(b.peak, a.count);
    };
    std::priority_queue<State, std::vector<State>, decltype(worse)> queue(worse);
    std::set<Set> seen;
    int64_t results = 0;
    for (const Value& v : values_)
      if (v.output) results += v.bytes;
    queue.push({results, Set(p_.regions.size()), 0});
    while (true) {
      State s = queue.top();
      queue.pop();
      if (s.count == p_.regions.size()) return {s.peak, true};
      if (!seen.insert(s.done).second) continue;
      if (seen.size() > most_states) return {s.peak, false};
      std::vector<State> next;
      for (uint32_t r = 0; r < p_.regions.size(); ++r) {
        if (s.done[r] || !ready(r, s.done)) continue;
        State t{std::max(s.peak, results + during(r, s.done)), s.done, s.count + 1};
        t.done[r] = true;
        next.push_back(std::move(t));
      }
      for (State& t : next) queue.push(std::move(t));
    }
  }

 private:
  struct Value {
    const Node* node;
    int64_t bytes;
    uint32_t region;
    std::vector<uint32_t> readers;
    bool output;
  };

  bool ready(uint32_t r, const std::vector<bool>& done) const {
    return std::all_of(reads_[r].begin(), reads_[r].end(), [&](uint32_t v) { return done[values_[v].region]; });
  }
  bool dies(const Value& v, uint32_t with, const std::vector<bool>& done) const {
    return !v.output &&
           std::all_of(v.readers.begin(), v.readers.end(), [&](uint32_t r) { return done[r] || r == with; });
  }
  /// Bytes beside the results that are needed while the region runs, at least.
  int64_t during(uint32_t r, const std::vector<bool>& done) const {
    std::vector<uint32_t> dead;
    std::vector<int64_t> held, holders;
    for (uint32_t v = 0; v < values_.size(); ++v) {
      const Value& x = values_[v];
      if (x.output && !done[x.region] && x.region != r) holders.push_back(x.bytes);
      if (x.output || !done[x.region] || dies(x, none(), done)) continue;
      if (dies(x, r, done)) {
        dead.push_back(v);
      } else {
        held.push_back(x.bytes);
      }
    }
    for (uint32_t w : writes_[r]) {
      const auto over = std::find_if(dead.begin(), dead.end(), [&](uint32_t v) {
        return may_overwrite(p_.regions[r], values_[w].node, values_[v].node);
      });
      if (over != dead.end()) dead.erase(over);
      if (!values_[w].output) held.push_back(values_[w].bytes);
    }
    for (uint32_t v : dead) held.push_back(values_[v].bytes);
    // Small ones first, each filled with whatever is not larger.
    std::sort(held.begin(), held.end());
    std::sort(holders.begin(), holders.end());
    int64_t all = 0, fits = 0, placed = 0;
    for (int64_t bytes : held) all += bytes;
    size_t next = 0;
    for (int64_t bytes : holders) {
      for (; next < held.size() && held[next] <= bytes; ++next) fits += held[next];
      placed += std::min(bytes, fits);
      fits -= std::min(bytes, fits);
    }
    return all - placed;
  }
  uint32_t none() const { return static_cast<uint32_t>(p_.regions.size()); }

  const ir::Partition& p_;
  std::vector<Value> values_;
  std::vector<std::vector<uint32_t>> reads_, writes_;
};

/// Results in fresh memory and the arena.
int64_t planned_bytes(const ir::Graph& g, const MemoryPlan& plan) {
  int64_t bytes = plan.arena_bytes;
  std::set<const Node*> outputs;
  for (const ir::NodeRef& o : g.outputs) outputs.insert(o.get());
  for (const Slot& s : plan.slots)
    if (s.place == Place::Output && outputs.count(s.node)) bytes += rounded(s.bytes);
  return bytes;
}

/// Loss and gradients of a chain of layers, each a product and an elementwise function.
ir::Graph training_step(ir::Interner& in, int layers, bool residual) {
  using namespace ir::gradient;
  const ir::gradient::Place at{in, {}, kCPU};
  const auto leaf = [&](const ir::Shape& s) {
    return make(at, ir::Op::data, {}, ir::LeafAttr{in.next_leaf_id()}, kFloat32, s);
  };
  Expr h = leaf({256, 64});
  std::vector<Expr> weights;
  std::vector<const Node*> wrt;
  for (int i = 0; i < layers; ++i) {
    weights.push_back(leaf({64, 64}));
    wrt.push_back(weights.back().get());
    const Expr next = tanh(dot_general(h, weights.back(), {{}, {}, {1}, {0}}));
    h = residual ? h + next : next;
  }
  const Expr loss = sum(h, {0, 1});
  const Node* outputs[] = {loss.get()};
  const ir::NodeRef ones[] = {full(at, kFloat32, {}, 1).node()};
  std::vector<ir::NodeRef> gradients = vjp(in, outputs, ones, wrt);
  gradients.insert(gradients.begin(), loss.node());
  return {gradients};
}

class Table {
 public:
  void add(const std::string& name, const ir::Graph& source, ir::Interner& in) {
    PassContext ctx{.interner = in, .observer = {}};
    const ir::Graph g = run_passes(source, default_pipeline(), ctx);
    const ir::Partition p = partition(g, ctx);
    const MemoryPlan plan = plan_memory(g, p, {});
    verify_plan(g, p, {}, plan);
    const int64_t bytes = planned_bytes(g, plan);
    const BestOrder::Result best = BestOrder(g, p).run(20000);
    const double excess = best.bytes ? static_cast<double>(bytes) / static_cast<double>(best.bytes) - 1 : 0;
    printf("| %-20s | %4zu | %11ld | %11ld | %s | %.1f %% |\n", name.c_str(), p.regions.size(), bytes, best.bytes,
           best.exact ? "best " : "bound", 100 * excess);
    EXPECT_LE(excess, 0.05) << name;
    EXPECT_GE(excess, 0) << name << ": the search is wrong";
    worst_ = std::max(worst_, excess);
  }

 private:
  double worst_ = 0;
};

TEST(MemorySearch, PlansAreWithinFivePercentOfTheBest) {
  Table table;
  std::vector<std::filesystem::path> files;
  for (const auto& f : std::filesystem::directory_iterator(LAZULI_SOURCE_DIR "/tests/data/programs"))
    files.push_back(f.path());
  std::sort(files.begin(), files.end());
  EXPECT_GE(files.size(), 8u);
  for (const auto& path : files) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    ir::Interner in;
    table.add(path.stem(), ir::parse(text.str(), in), in);
  }
  for (const int layers : {2, 4, 8, 24})
    for (const bool residual : {false, true}) {
      ir::Interner in;
      table.add("train " + std::to_string(layers) + (residual ? " residual" : ""), training_step(in, layers, residual),
                in);
    }
}

}  // namespace
}  // namespace lazuli::passes
