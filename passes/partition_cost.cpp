#include "passes/partition_cost.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "ir/attention.h"
#include "ir/contraction.h"
#include "ir/reduction.h"
#include "passes/op_costs.h"

namespace lazuli::passes {

using namespace ir;

namespace {

// Walks down from what a region stores, as lowering does: one step per node and index.
class Walk {
 public:
  Walk(const Region& r, const MachineCosts& machine) : r_(r), arena_(*r.arena), machine_(machine) {
    for (const Node* n : r.inputs) stored_.insert(n);
    reduced_.resize(arena_.variable_count());
    for (int64_t a : r.reduced) {
      const IndexId axis = r.axes[static_cast<size_t>(a)];
      all_reduced_axes_.push_back(axis);
      const int64_t v = arena_.as_variable(axis);
      if (v < 0) continue;
      reduced_axes_.push_back(axis);
      reduced_[static_cast<size_t>(v)] = true;
    }
    evaluates_again_ = evaluates_again();
  }

  Cost run() {
    for (size_t o = 0; o < r_.outputs.size(); ++o) {
      const Node* n = r_.outputs[o];
      const IndexVec& index = r_.output_index[o];
      if (n->nbytes() == 0) continue;
      if (r_.kind == RegionKind::Update) {
        need(n->input(1), IndexVec(std::span<const IndexId>(r_.axes.data(), r_.axes.size())), 1);
      } else if (r_.kind == RegionKind::Scatter) {
        scatter(n, index);
      } else if (r_.kind == RegionKind::Sort) {
        const auto count = static_cast<double>(n->numel());
        add_work(count * std::log2(std::max(2.0, count)), n->dtype());
      } else if (r_.kind == RegionKind::Attention) {
        const AttentionOperands a(n);
        if (o == 0) add_work(a.scores() * static_cast<double>(a.depth + a.value_depth), n->dtype());
      } else if (r_.kind == RegionKind::Scan) {
        add_work(static_cast<double>(n->numel()), n->dtype());
        need(n->input(0), index, 1);
      } else {
        need(n, index, 1);
      }
    }
    drain();
    return finish();
  }

 private:
  struct Key {
    const Node* node;
    IndexVec index;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& k) const {
      size_t h = std::hash<const void*>()(k.node);
      for (IndexId i : k.index) h = h * 0x9e3779b97f4a7c15u + i;
      return h;
    }
  };

  /// Rows that are not consecutive in memory are gone when their last stage stores: what both it and a reduction need
  /// is evaluated twice.
  bool evaluates_again() const {
    if (r_.kind != RegionKind::Row) return false;
    for (size_t d = r_.space.size(); d-- > 0;)
      if (r_.space[d] > 1)
        return std::find(r_.reduced.begin(), r_.reduced.end(), static_cast<int64_t>(d)) == r_.reduced.end();
    return false;
  }

  /// Evaluates `n` at `index`, `times` for every combination of the variables there.
  void need(const Node* n, IndexVec index, double times) {
    Key key{n, std::move(index)};
    if (stored_.contains(n)) {
      if (n->op() != Op::argument) inner_[n] |= points(key.index).second;
      return;
    }
    if (n->input_count() == 0 && n->op() != Op::random_bits) return;
    uint8_t& stages = seen_[key];
    if (stages & stage_) return;
    if (stages && !(evaluates_again_ && points(key.index).second)) return;
    stages |= stage_;
    todo_.push_back({std::move(key), times, stage_});
  }

  /// How many combinations of the variables that the index depends on there are, and whether one of them is reduced.
  std::pair<double, bool> points(const IndexVec& index) const {
    std::vector<bool> used(arena_.variable_count());
    for (IndexId e : index) arena_.collect_variables(e, &used);
    double count = 1;
    bool inner = false;
    for (size_t v = 0; v < used.size(); ++v)
      if (used[v]) {
        count *= static_cast<double>(arena_.extent(static_cast<uint32_t>(v)));
        inner |= v < reduced_.size() && reduced_[v];
      }
    return {count, inner};
  }

  void add_work(double operations, DType t) {
    cost_.work += operations;
    work_bytes_ += operations * static_cast<double>(itemsize(t));
  }

  void drain() {
    while (!todo_.empty()) {
      const Todo next = std::move(todo_.back());
      todo_.pop_back();
      stage_ = next.stage;
      visit(next.key.node, next.key.index, next.times);
    }
  }

  void visit(const Node* n, const IndexVec& index, double times) {
    if (is_reduce(n->op())) {
      const IndexVec operand = reduction_operand_index(n, index, reduced_axes_);
      ++reductions_;
      stage_ = kReduces;
      add_work(points(operand).first * times, n->dtype());
      return need(n->input(0), operand, times);
    }
    const auto [count, inner] = points(index);
    add_work(count * times * costs_.work(n), n->dtype());
    if (n->op() == Op::dot_general) {
      const MatrixSizes sizes = matrix_sizes(n);
      const auto products = static_cast<double>(sizes.batch * sizes.rows) * static_cast<double>(sizes.columns);
      add_work(products * static_cast<double>(sizes.depth), n->dtype());
      auto [lhs, rhs] = dot_operand_indices(n, index, all_reduced_axes_);
      need(n->input(0), std::move(lhs), sizes.in_lanes() ? static_cast<double>(sizes.columns) : 1);
      need(n->input(1), std::move(rhs), sizes.in_lanes() ? static_cast<double>(sizes.rows) : 1);
    } else if (has_pieces(n->op())) {
      for (const Piece& p : operand_pieces(n, index, arena_)) {
        if (p.inside != IndexArena::kNever) need(n->input(p.operand), p.index, times);
        if (p.inside == IndexArena::kAlways) break;
      }
    } else if (is_movement(n->op())) {
      need(n->input(0), operand_index(n, index, arena_), times);
    } else if (n->op() == Op::gather) {
      const IndexVec place(std::span<const IndexId>(index.data(), n->input(1)->rank()));
      for (const Node* in : n->inputs().subspan(1)) need(in, place, times);
    } else if (is_scatter(n->op())) {
      const std::optional<PointScatter> point = as_point_scatter(n);
      if (!point) throw Error(ErrorKind::Internal, "partition cost: a scatter that is not a region of its own");
      const ScatterIndices at = point_operand_indices(n, *point, index);
      need(n->input(0), index, times);
      need(n->input(1), at.values, times);
      for (size_t c : point->chosen) need(n->input(2 + c), at.place, times);
    } else {
      for (const Node* in : n->inputs()) need(in, in->rank() == 0 ? IndexVec{} : index, times);
    }
  }

  void scatter(const Node* n, const IndexVec& index) {
    const ScatterIndices at = scatter_operand_indices(n, index, all_reduced_axes_);
    add_work(points(at.values).first, n->dtype());
    need(n->input(0), index, 1);
    need(n->input(1), at.values, 1);
    for (const Node* in : n->inputs().subspan(2)) need(in, at.place, 1);
  }

  Cost finish() {
    cost_.launches = 1;
    double memory = 0;
    int64_t inner_bytes = 0;
    for (const Node* n : r_.inputs) {
      const int64_t bytes = bytes_read(r_, n);
      cost_.bytes += bytes;
      memory += transfer_ns(bytes, machine_);
      if (inner_[n]) inner_bytes += bytes;
    }
    bool stores_inner = false;
    for (size_t o = 0; o < r_.outputs.size(); ++o) {
      const int64_t bytes = bytes_written(r_, r_.outputs[o]);
      cost_.bytes += bytes;
      memory += transfer_ns(bytes, machine_);
      if (r_.kind == RegionKind::Row) stores_inner |= points(r_.output_index[o]).second;
    }
    if (r_.kind == RegionKind::Row && reductions_ > 0) {
      int64_t rows = 1;
      for (size_t d = 0; d < r_.space.size(); ++d)
        if (std::find(r_.reduced.begin(), r_.reduced.end(), static_cast<int64_t>(d)) == r_.reduced.end())
          rows *= r_.space[d];
      if (stores_inner && (evaluates_again_ || inner_bytes / std::max<int64_t>(1, rows) > machine_.cached_bytes)) {
        cost_.bytes += inner_bytes;
        memory += transfer_ns(inner_bytes, machine_);
      }
    }
    cost_.ns = machine_.launch_ns + std::max(memory, work_bytes_ / machine_.vector_bytes_per_ns);
    return cost_;
  }

  const Region& r_;
  IndexArena& arena_;
  const MachineCosts& machine_;
  OpCosts costs_;
  std::unordered_set<const Node*> stored_;
  std::unordered_map<const Node*, bool> inner_;  // inputs that are read along reduced axes
  std::vector<bool> reduced_;                    // per variable
  std::vector<IndexId> reduced_axes_, all_reduced_axes_;
  static constexpr uint8_t kStores = 1, kReduces = 2;
  struct Todo {
    Key key;
    double times;
    uint8_t stage;
  };
  bool evaluates_again_ = false;
  uint8_t stage_ = kStores;
  std::unordered_map<Key, uint8_t, Hash> seen_;  // in which stages
  std::vector<Todo> todo_;
  int reductions_ = 0;
  double work_bytes_ = 0;
  Cost cost_;
};

}  // namespace

Cost& Cost::operator+=(const Cost& o) {
  launches += o.launches;
  bytes += o.bytes;
  work += o.work;
  ns += o.ns;
  return *this;
}

double transfer_ns(int64_t bytes, const MachineCosts& machine) {
  return static_cast<double>(bytes) /
         (bytes <= machine.cached_bytes ? machine.cache_bytes_per_ns : machine.memory_bytes_per_ns);
}

Cost region_cost(const Region& region, const MachineCosts& machine) {
  if (region.parts.empty()) return Walk(region, machine).run();
  Cost all;
  for (const Region& part : region.parts) {
    Cost one = region_cost(part, machine);
    one.ns -= machine.launch_ns;
    all += one;
  }
  all.launches = 1;
  all.ns += machine.launch_ns;
  return all;
}

Cost partition_cost(const Partition& p, const MachineCosts& machine) {
  Cost all;
  for (const Region& r : p.regions) all += region_cost(r, machine);
  return all;
}

}  // namespace lazuli::passes
