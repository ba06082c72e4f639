// Small random graphs of tensors of all sizes, and the cheapest of all partitions that partition() could make of one.
// Nothing is computed: sizes are symbols, so tensors may be as large as one likes.
#pragma once
#include <random>

#include "passes/partition_choice.h"
#include "passes/partition_cost.h"
#include "tests/passes/build.h"

namespace lazuli::passes::testing {

/// A graph of at most so many nodes, leaves included; a function of the seed.
class SmallGraph {
 public:
  SmallGraph(ir::Interner& in, uint32_t seed) : in_(in), random_(seed) {
    const int64_t sides[] = {1, 16, 64, 256, 1024, 4096};
    for (int64_t& s : sides_) s = sides[1 + below(5)];
    for (int k = 0; k < 2; ++k) add(data(in_, kFloat32, {sides_[0], sides_[1]}));
    if (one_in(2)) add(data(in_, kFloat32, {sides_[1]}));
  }

  ir::Graph make(size_t nodes) {
    for (int tries = 0; tries < 400; ++tries) {
      const ir::NodeRef n = propose();
      if (!n || n->numel() > kMostElements) continue;
      std::vector<ir::NodeRef> with = pool_;
      with.push_back(n);
      const size_t count = ir::topological_order({with}).size();
      if (count > nodes) continue;
      add(n);
      if (count == nodes) break;
    }
    std::unordered_map<const ir::Node*, bool> used;
    for (const ir::Node* n : ir::topological_order({pool_}))
      for (const ir::Node* input : n->inputs()) used[input] = true;
    ir::Graph g;
    for (const ir::NodeRef& n : pool_)
      if (!used[n.get()] || (n->op() != ir::Op::data && one_in(8))) g.outputs.push_back(n);
    return g;
  }

 private:
  static constexpr int64_t kMostElements = int64_t{1} << 26;

  size_t below(size_t n) { return random_() % n; }
  bool one_in(size_t n) { return below(n) == 0; }
  void add(ir::NodeRef n) { pool_.push_back(std::move(n)); }
  ir::NodeRef any() {
    const size_t n = pool_.size();
    return pool_[one_in(2) ? n - 1 - below(std::min<size_t>(n, 3)) : below(n)];
  }
  /// A node of x's shape, broadcast where need be; x itself if there is no other.
  ir::NodeRef partner(const ir::NodeRef& x) {
    for (int k = 0; k < 10; ++k) {
      const ir::NodeRef y = any();
      if (y->dtype() != x->dtype()) continue;
      if (y->shape() == x->shape()) return y;
      ir::Shape s = y->shape();
      if (s.size() == 1 && x->rank() == 2 && s[0] == x->shape()[0] && one_in(2)) {
        const ir::NodeRef column = node(in_, ir::Op::reshape, {y}, ir::NoAttr{}, {s[0], 1});
        return node(in_, ir::Op::expand, {column}, ir::NoAttr{}, x->shape());
      }
      if (s.size() <= x->rank() && ir::broadcast(s, x->shape()) == x->shape())
        return node(in_, ir::Op::expand, {y}, ir::NoAttr{}, x->shape());
    }
    return x;
  }

  ir::NodeRef propose() {
    const ir::NodeRef x = any();
    switch (below(16)) {
      case 0:
      case 1:
      case 2: {
        const ir::Op ops[] = {ir::Op::exp, ir::Op::tanh, ir::Op::neg, ir::Op::sqrt, ir::Op::erf, ir::Op::relu};
        return node(in_, ops[below(6)], {x});
      }
      case 3:
      case 4:
      case 5:
      case 6: {
        const ir::Op ops[] = {ir::Op::add, ir::Op::sub, ir::Op::mul, ir::Op::div};
        return node(in_, ops[below(4)], {x, partner(x)});
      }
      case 7:
      case 8:
      case 9: {
        ir::Dims axes;
        for (size_t d = 0; d < x->rank(); ++d)
          if (x->rank() == 1 || one_in(2)) axes.push_back(static_cast<int64_t>(d));
        if (axes.empty()) return nullptr;
        return node(in_, one_in(2) ? ir::Op::sum : ir::Op::reduce_max, {x}, ir::AxesAttr{axes});
      }
      case 10:
        return x->rank() == 2 ? node(in_, ir::Op::permute, {x}, ir::AxesAttr{{1, 0}}) : nullptr;
      case 11: {
        ir::SliceAttr a;
        ir::Shape sizes;
        for (int64_t d : x->shape()) {
          const int64_t part = one_in(2) ? d : std::max<int64_t>(1, d / 2);
          a.start.push_back(d - part);
          a.step.push_back(1);
          sizes.push_back(part);
        }
        return sizes == x->shape() ? nullptr : node(in_, ir::Op::slice, {x}, a, sizes);
      }
      case 12: {
        if (x->rank() == 0) return nullptr;
        return node(in_, ir::Op::concat, {x, one_in(3) ? x : partner(x)}, ir::AxesAttr{{0}});
      }
      case 13: {
        const ir::NodeRef y = any();
        if (x->rank() != 2 || y->rank() == 0 || y->rank() > 2 || y->shape()[0] != x->shape()[1]) return nullptr;
        auto dims = std::make_shared<ir::DotDims>();
        dims->lhs_contract = {1};
        dims->rhs_contract = {0};
        return node(in_, ir::Op::dot_general, {x, y}, ir::DotAttr{dims});
      }
      case 14:
        return x->rank() ? node(in_, ir::Op::flip, {x}, ir::AxesAttr{{0}}) : nullptr;
      default:
        return x->rank() && one_in(2)
                   ? node(in_, ir::Op::cumsum, {x}, ir::AxesAttr{{static_cast<int64_t>(below(x->rank()))}})
                   : nullptr;
    }
  }

  ir::Interner& in_;
  std::mt19937 random_;
  int64_t sides_[2];
  std::vector<ir::NodeRef> pool_;
};

/// Takes every combination of ways, one per run of partition().
class EveryWay final : public PlacementChooser {
 public:
  size_t choose(const ir::Node*, std::span<const Way> ways, size_t) override {
    if (at_ == taken_.size()) taken_.push_back({0, ways.size()});
    return taken_[at_++].way;
  }
  /// False when there is no further combination.
  bool next() {
    taken_.resize(at_);
    at_ = 0;
    while (!taken_.empty() && ++taken_.back().way == taken_.back().count) taken_.pop_back();
    return !taken_.empty();
  }

 private:
  struct Taken {
    size_t way, count;
  };
  std::vector<Taken> taken_;
  size_t at_ = 0;
};

struct Search {
  Cost best, chosen;
  std::string best_partition;
  size_t partitions = 0;
  bool complete = true;
  double excess() const { return chosen.ns / best.ns; }
};

inline Search search_partitions(const ir::Graph& g, PassContext& ctx, size_t most) {
  Search s;
  const ir::Partition chosen = partition(g, ctx);
  s.chosen = s.best = partition_cost(chosen);
  s.best_partition = print_partition(chosen);
  EveryWay ways;
  do {
    if (s.partitions++ == most) {
      s.complete = false;
      break;
    }
    const ir::Partition p = partition(g, ctx, ways);
    const Cost cost = partition_cost(p);
    if (cost.ns >= s.best.ns) continue;
    s.best = cost;
    s.best_partition = print_partition(p);
  } while (ways.next());
  return s;
}

}  // namespace lazuli::passes::testing
