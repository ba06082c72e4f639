// Decides the kernels. Nodes are visited consumers first; each knows by then where (region) and at which index it is
// needed, and is either virtual (evaluated where it is needed, never stored) or stored by one region.
//
// Regions are numbered in the order of their creation and run in the opposite order. A stored node joins a region whose
// number is at least that of every region that reads it, so no two regions can ever wait for each other.
#include <fmt/format.h>

#include <algorithm>

#include "ir/contraction.h"
#include "passes/group_maps.h"
#include "passes/partition_builder.h"

namespace lazuli::passes {

using namespace ir;

namespace {

// A value that costs at most this many primitives per element is computed again rather than stored, when its operands
// are no more to read than the value itself.
constexpr double kRecomputeOps = 16;
// The same for an operand of a matrix-vector product that is needed again for every row.
constexpr double kRepeatOps = 2;
constexpr int64_t kConcatPieces = 4;

class Partitioner {
 public:
  Partitioner(const Graph& g, PassContext& ctx) : ctx_(ctx), order_(topological_order(g)) {
    info_.resize(order_.size());
    for (uint32_t i = 0; i < order_.size(); ++i) position_.emplace(order_[i], i);
    for (const NodeRef& o : g.outputs) info_[position_.at(o.get())].is_output = true;
    estimate_costs();
  }

  Partition run() {
    for (size_t i = order_.size(); i-- > 0;) {
      place(static_cast<uint32_t>(i));
      info_[i].demands = {};
    }
    Partition p;
    p.regions.reserve(regions_.size());
    for (size_t r = regions_.size(); r-- > 0;) p.regions.push_back(regions_[r]->finish());
    p.unfused = std::move(unfused_);
    return p;
  }

 private:
  /// How often a region evaluates an element that it needs.
  enum class Use : uint8_t {
    Once,      // at one point of the space
    Under,     // what an update leaves where it stands, so it must be stored
    Packed,    // operand of a contraction, evaluated while it is packed or streamed: about once
    Repeated,  // operand of a contraction with one row or column, evaluated for every row of the other operand
    Indexed,   // read at places that only the running kernel knows, so it must be stored; the demand has no index
  };
  struct Demand {
    uint32_t region;
    const Node* user;
    IndexVec index;
    Use use;
    bool in_contraction() const { return use == Use::Packed || use == Use::Repeated; }
    /// Whether it is needed at `index`, once.
    bool at_point() const { return use == Use::Once; }
  };
  struct NodeInfo {
    std::vector<Demand> demands;
    double ops = 0;    // primitives to compute one element from leaves
    double bytes = 0;  // bytes of leaves below, counted per path
    bool is_output = false;
    bool above_kernel = false;  // a reduction or contraction is below
    bool update = false;        // a slice_update that may leave its base where it stands,
    bool part_first = false;    // and something that must be stored before such an update overwrites its operand
    std::optional<PointScatter> point;  // of a scatter that is computed like an elementwise op
    const Node* contraction = nullptr;  // the first one below of as many elements: this may become its epilogue
  };

  void estimate_costs() {
    for (size_t i = 0; i < order_.size(); ++i) {
      const Node* n = order_[i];
      NodeInfo& f = info_[i];
      if (n->op() == Op::data) f.bytes = static_cast<double>(n->nbytes());
      if (is_scatter(n->op())) f.point = as_point_scatter(n);
      f.update = is_update(n);
      if (is_reduce(n->op()) || n->op() == Op::dot_general || family(n->op()) == Family::Order || is_scan(n->op()) ||
          (is_scatter(n->op()) && !f.point)) {
        f.bytes = static_cast<double>(n->nbytes());
        f.above_kernel = true;
        if (n->op() == Op::dot_general) f.contraction = n;
        continue;
      }
      if (n->op() == Op::gather)
        f.bytes = static_cast<double>(n->nbytes()) - static_cast<double>(n->input(0)->nbytes());
      f.ops = costs_.of(n);
      for (const Node* in : n->inputs()) {
        const NodeInfo& b = info_[position_.at(in)];
        f.ops += b.ops;
        f.bytes += b.bytes;
        f.above_kernel |= b.above_kernel;
        if (!f.contraction && b.contraction && b.contraction->numel() == n->numel()) f.contraction = b.contraction;
      }
    }
  }

  /// Whether writing the part alone is worth a kernel: the base is in memory anyway, and the part is a small one of it.
  bool is_update(const Node* n) const {
    if (n->op() != Op::slice_update || n->nbytes() < ctx_.update_bytes) return false;
    const Node *base = n->input(0), *part = n->input(1);
    if (part->numel() == 0 || part->numel() > n->numel() / 2) return false;
    return base->op() == Op::data || info_[position_.at(base)].update || is_reduce(base->op()) ||
           needs_region(position_.at(base));
  }

  void place(uint32_t i) {
    const Node* n = order_[i];
    NodeInfo& f = info_[i];
    // An update that nobody stores is evaluated where it is needed, like any other movement.
    const bool under =
        std::any_of(f.demands.begin(), f.demands.end(), [](const Demand& d) { return d.use == Use::Under; });
    f.update &= f.is_output || under;
    if (n->op() == Op::data || n->op() == Op::argument) {
      for (const Demand& d : f.demands) read(d, n);
      return;
    }
    const bool indexed =
        std::any_of(f.demands.begin(), f.demands.end(), [](const Demand& d) { return d.use == Use::Indexed; });
    if (under || f.part_first) return store(i, f.is_output ? Unfused::GraphOutput : Unfused::Updated);
    if (n->op() == Op::constant || n->op() == Op::iota) {
      if (f.is_output) return store(i, Unfused::GraphOutput);
      if (indexed) return store(i, Unfused::Indexed);
      for (const Demand& d : f.demands) regions_[d.region]->add_node(n, costs_.of(n));
      return;
    }
    if (f.is_output) return store(i, Unfused::GraphOutput);
    if (f.demands.empty()) return;  // unreachable from any stored node
    if (!ctx_.fuse) return store(i, Unfused::Disabled);
    if (is_reduce(n->op())) return place_reduction(i);
    if (n->op() == Op::dot_general) return place_contraction(i);
    if (indexed || needs_region(i)) return store(i, Unfused::Indexed);
    Unfused why{};
    if (!stays_virtual(n, f, &why)) return store(i, why);
    for (const Demand& d : f.demands) compute_in(d.region, n, d.index, d.use);
  }

  bool stays_virtual(const Node* n, const NodeInfo& f, Unfused* why) {
    const double cost = costs_.of(n);
    bool one_region = true;
    for (const Demand& d : f.demands) {
      if (d.in_contraction() && !fits_operand(n, f, d.use)) return *why = Unfused::Contraction, false;
      if (!regions_[d.region]->has_room(cost, ctx_)) return *why = Unfused::OpLimit, false;
      one_region &= d.region == f.demands[0].region;
    }
    if (f.demands.size() == 1 || n->op() == Op::barrier) return true;
    if (is_movement(n->op()))
      return n->op() != Op::concat || static_cast<int64_t>(n->input_count()) <= kConcatPieces || f.demands.size() < 2;
    const bool cheap = f.ops <= kRecomputeOps || (n->numel() == 1 && f.ops <= 4 * kRecomputeOps);
    const bool reads_no_more = one_region || f.bytes <= 1.01 * static_cast<double>(n->nbytes());
    *why = Unfused::Recompute;
    return cheap && reads_no_more;
  }

  // Whether a contraction computes this while it reads its operand. What follows a reduction or a contraction belongs
  // to that one's kernel, and what is needed again for every row of the other operand must cost next to nothing.
  static bool fits_operand(const Node* n, const NodeInfo& f, Use use) {
    if (is_movement(n->op()) || n->op() == Op::barrier) return true;
    if (is_indexed(n->op())) return false;  // it would be read, and checked, for every tile
    return !f.above_kernel && (use == Use::Packed || f.ops <= kRepeatOps);
  }

  // Evaluates `n` in a region at `index` and passes the demand on to its operands.
  void compute_in(uint32_t region, const Node* n, const IndexVec& index, Use use) {
    RegionBuilder& r = *regions_[region];
    r.add_node(n, costs_.of(n));
    if (has_pieces(n->op())) {
      for (const Piece& p : operand_pieces(n, index, r.arena()))
        if (p.inside != IndexArena::kNever) demand(region, n, n->input(p.operand), p.index, use);
    } else if (is_movement(n->op())) {
      demand(region, n, n->input(0), operand_index(n, index, r.arena()), use);
    } else if (n->op() == Op::gather) {
      demand(region, n, n->input(0), {}, Use::Indexed);
      const IndexVec place(std::span<const IndexId>(index.data(), n->input(1)->rank()));
      for (const Node* in : n->inputs().subspan(1)) demand(region, n, in, place, use);
    } else if (is_scatter(n->op())) {
      const PointScatter& point = *info_[position_.at(n)].point;
      const ScatterIndices at = point_operand_indices(n, point, index);
      demand(region, n, n->input(0), index, use);
      demand(region, n, n->input(1), at.values, use);
      for (size_t k : point.chosen) demand(region, n, n->input(2 + k), at.place, use);
    } else {
      for (const Node* in : n->inputs()) demand(region, n, in, in->rank() == 0 ? IndexVec{} : index, use);
    }
  }

  void demand(uint32_t region, const Node* user, const Node* n, IndexVec index, Use use) {
    std::vector<Demand>& all = info_[position_.at(n)].demands;
    for (Demand& d : all) {
      if (d.region != region || !(d.index == index)) continue;
      d.use = std::max(d.use, use);
      return;
    }
    all.push_back({region, user, std::move(index), use});
  }

  void read(const Demand& d, const Node* n) {
    RegionBuilder& r = *regions_[d.region];
    d.use == Use::Indexed ? r.add_indexed_input(n) : r.add_input(n, d.index);
  }

  void place_reduction(uint32_t i) {
    const Node* n = order_[i];
    NodeInfo& f = info_[i];
    const Demand* last = last_reader(f);
    // Other readers need all of it.
    if (last && last->at_point() && (f.demands.size() == 1 || regions_[last->region]->covers(n, last->index)) &&
        regions_[last->region]->accept_reduction(n, last->index, ctx_))
      return reduce_in(i, *last, Unfused::ReducedElsewhere);
    store(i, Unfused::ReducedElsewhere);
  }

  void place_contraction(uint32_t i) {
    const Node* n = order_[i];
    NodeInfo& f = info_[i];
    const Demand* last = last_reader(f);
    const bool all = f.demands.size() > 1;  // others need elements that this reader may not
    if (last && last->at_point() && regions_[last->region]->accept_contraction(n, last->index, all))
      return contract_in(i, Demand(*last), Unfused::Contraction);
    store(i, Unfused::Contraction);
  }

  // The reader that runs first, if it needs the node at one index only.
  const Demand* last_reader(const NodeInfo& f) const {
    const Demand* best = nullptr;
    for (const Demand& d : f.demands)
      if (!best || d.region > best->region) best = &d;
    if (!best) return nullptr;
    for (const Demand& d : f.demands)
      if (&d != best && d.region == best->region) return nullptr;
    return best;
  }

  void reduce_in(uint32_t i, const Demand& where, Unfused why) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    const uint32_t region = where.region;
    RegionBuilder& r = *regions_[region];
    r.add_node(n, 1);
    const bool others =
        std::any_of(f.demands.begin(), f.demands.end(), [&](const Demand& d) { return d.region != region; });
    if (f.is_output || others) r.add_output(n, where.index);
    connect_readers(i, region, why);
    demand(region, n, n->input(0), r.reduction_operand(n, where.index), Use::Once);
  }

  void contract_in(uint32_t i, const Demand& where, Unfused why) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    const uint32_t region = where.region;
    const IndexVec index = where.index;
    const bool others =
        std::any_of(f.demands.begin(), f.demands.end(), [&](const Demand& d) { return d.region != region; });
    if (f.is_output || others) regions_[region]->add_output(n, index);
    connect_readers(i, region, why);
    demand_operands(region, n, index);
  }

  void demand_operands(uint32_t region, const Node* dot, const IndexVec& index) {
    RegionBuilder& r = *regions_[region];
    r.add_node(dot, 1);
    const auto [lhs, rhs] = r.contraction_operands(dot, index);
    const MatrixSizes sizes = matrix_sizes(dot);
    const auto use = [&](int64_t others) { return sizes.in_lanes() && others > 1 ? Use::Repeated : Use::Packed; };
    demand(region, dot, dot->input(0), lhs, use(sizes.columns));
    demand(region, dot, dot->input(1), rhs, use(sizes.rows));
  }

  void update_in(uint32_t region, const Node* n, const IndexVec& index) {
    RegionBuilder& r = *regions_[region];
    r.add_node(n, 1);
    demand(region, n, n->input(0), index, Use::Under);
    const IndexVec part = r.part_index();
    if (reads_elsewhere(n, part, index, r.arena())) info_[position_.at(n->input(1))].part_first = true;
    demand(region, n, n->input(1), part, Use::Once);
  }

  /// Whether the part of an update may read its base at other elements than the one that it overwrites.
  bool reads_elsewhere(const Node* update, const IndexVec& part, const IndexVec& index, IndexArena& arena) const {
    constexpr size_t kMost = 256;
    const Node* base = update->input(0);
    const IndexId here = arena.flatten(index, base->shape());
    std::vector<std::pair<const Node*, IndexVec>> todo{{update->input(1), part}};
    for (size_t k = 0; k < todo.size(); ++k) {
      if (todo.size() > kMost) return true;
      const auto [n, at] = todo[k];
      if (n == base) {
        if (arena.flatten(at, n->shape()) != here) return true;
      } else if (has_pieces(n->op())) {
        for (Piece& p : operand_pieces(n, at, arena)) todo.emplace_back(n->input(p.operand), std::move(p.index));
      } else if (is_movement(n->op())) {
        todo.emplace_back(n->input(0), operand_index(n, at, arena));
      } else if (is_elementwise(n->op()) || family(n->op()) == Family::Cast) {
        for (const Node* in : n->inputs()) todo.emplace_back(in, in->rank() == 0 ? IndexVec{} : at);
      } else if (family(n->op()) != Family::Leaf &&
                 std::find(n->inputs().begin(), n->inputs().end(), base) != n->inputs().end()) {
        return true;
      } else if (is_indexed(n->op())) {
        const IndexVec place(std::span<const IndexId>(at.data(), std::min(at.size(), n->input(1)->rank())));
        if (n->op() != Op::gather) return true;
        for (const Node* in : n->inputs().subspan(1)) todo.emplace_back(in, place);
      }
    }
    return false;
  }

  /// Whether node i is stored by a region of its own kind, which no other root joins.
  bool needs_region(uint32_t i) const {
    const Op op = order_[i]->op();
    return info_[i].update || op == Op::dot_general || family(op) == Family::Order || is_scan(op) ||
           (is_scatter(op) && !info_[i].point);
  }

  void scatter_in(uint32_t region, const Node* n, const IndexVec& index) {
    RegionBuilder& r = *regions_[region];
    r.add_node(n, 1);
    const ScatterIndices at = scatter_operand_indices(n, index, r.reduced_axes());
    demand(region, n, n->input(0), index, Use::Once);
    demand(region, n, n->input(1), at.values, Use::Once);
    for (const Node* in : n->inputs().subspan(2)) demand(region, n, in, at.place, Use::Once);
  }

  // Stores node i in the region of its first reader where that is possible, else in a region of its own.
  void store(uint32_t i, Unfused why) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    const bool computes_alone = is_reduce(n->op()) || needs_region(i);
    const Demand* last = ctx_.fuse ? last_reader(f) : nullptr;
    if (last && last->at_point() && why != Unfused::OpLimit) {
      const Demand where = *last;
      RegionBuilder& r = *regions_[where.region];
      if (is_reduce(n->op()) && r.covers(n, where.index) && r.accept_reduction(n, where.index, ctx_))
        return reduce_in(i, where, why);
      if (n->op() == Op::dot_general && r.accept_contraction(n, where.index, true)) return contract_in(i, where, why);
      if (!computes_alone && r.has_room(costs_.of(n), ctx_) && r.can_store(n, where.index)) {
        r.add_output(n, where.index);
        connect_readers(i, where.region, why);
        return compute_in(where.region, n, where.index, Use::Once);
      }
    }
    const uint32_t region = region_for_root(i, last ? static_cast<int64_t>(last->region) : -1);
    RegionBuilder& r = *regions_[region];
    const IndexVec index = r.root_index(n);
    r.add_output(n, index);
    connect_readers(i, region, why);
    if (is_reduce(n->op())) {
      r.add_node(n, 1);
      demand(region, n, n->input(0), r.reduction_operand(n, index), Use::Once);
    } else if (n->op() == Op::dot_general) {
      demand_operands(region, n, index);
    } else if (f.update) {
      update_in(region, n, index);
    } else if (is_scatter(n->op()) && !f.point) {
      scatter_in(region, n, index);
    } else if (family(n->op()) == Family::Order) {
      r.add_node(n, 1);
      demand(region, n, n->input(0), {}, Use::Indexed);
    } else if (is_scan(n->op())) {
      r.add_node(n, 1);
      demand(region, n, n->input(0), index, Use::Once);
    } else {
      compute_in(region, n, index, Use::Once);
    }
  }

  // A region over the root's space: the last one created for that space if it may take the root in, else a new one.
  uint32_t region_for_root(uint32_t i, int64_t last_reader_region) {
    const Node* n = order_[i];
    int64_t newest_reader = last_reader_region;
    for (const Demand& d : info_[i].demands) newest_reader = std::max<int64_t>(newest_reader, d.region);
    const std::string key = RegionBuilder::space_key(n, needs_region(i));
    if (ctx_.fuse && !needs_region(i)) {
      if (auto it = open_.find(key); it != open_.end() && static_cast<int64_t>(it->second) > newest_reader &&
                                     regions_[it->second]->has_room(costs_.of(n), ctx_) &&
                                     regions_[it->second]->shares_contraction(info_[i].contraction))
        return it->second;
    }
    regions_.push_back(std::make_unique<RegionBuilder>(n, needs_region(i)));
    regions_.back()->shares_contraction(info_[i].contraction);
    const auto id = static_cast<uint32_t>(regions_.size() - 1);
    open_[key] = id;
    return id;
  }

  // Every reader outside the storing region loads the node.
  void connect_readers(uint32_t i, uint32_t stored_in, Unfused why) {
    const Node* n = order_[i];
    for (const Demand& d : info_[i].demands) {
      if (d.region == stored_in) continue;
      read(d, n);
      unfused_.push_back({n, d.user, why, 2 * n->nbytes()});
    }
  }

  PassContext& ctx_;
  std::vector<const Node*> order_;
  NodeIndex position_;
  std::vector<NodeInfo> info_;
  std::vector<std::unique_ptr<RegionBuilder>> regions_;
  std::unordered_map<std::string, uint32_t> open_;
  std::vector<UnfusedEdge> unfused_;
  OpCosts costs_;
};

}  // namespace

Partition partition(const Graph& g, PassContext& ctx) {
  Partition p = Partitioner(g, ctx).run();
  group_maps(g, p, ctx);
  return p;
}

std::string print_partition(const Partition& p) {
  std::string out;
  std::unordered_map<const Node*, std::string> names;
  const auto name_of = [&](const Node* n) {
    auto [it, fresh] = names.try_emplace(n);
    if (fresh) it->second = fmt::format("%{}", names.size() - 1);
    return it->second;
  };
  for (size_t i = 0; i < p.regions.size(); ++i) {
    const Region& r = p.regions[i];
    out += fmt::format("region {} {}", i, name(r.kind));
    if (r.parts.empty()) out += " space=" + str(r.space);
    for (size_t k = 0; k < r.parts.size(); ++k) out += (k ? ", " : " spaces=") + str(r.parts[k].space);
    if (r.kind == RegionKind::Row) out += fmt::format(" reduced={}", str(r.reduced));
    out += " (";
    for (size_t k = 0; k < r.inputs.size(); ++k) out += (k ? ", " : "") + name_of(r.inputs[k]);
    out += ") -> (";
    for (size_t k = 0; k < r.outputs.size(); ++k) out += (k ? ", " : "") + name_of(r.outputs[k]);
    out += ") {\n";
    for (const Node* n : r.nodes) {
      out += fmt::format("  {} = {}", name_of(n), name(n->op()));
      for (size_t k = 0; k < n->input_count(); ++k) out += (k ? ", " : " ") + name_of(n->input(k));
      out += fmt::format(" : {}{}\n", name(n->dtype()), str(n->shape()));
    }
    out += "}\n";
  }
  for (const UnfusedEdge& e : p.unfused)
    out += fmt::format("unfused {} -> {}: {}, {} bytes\n", name_of(e.producer), name(e.consumer->op()), name(e.reason),
                       e.bytes);
  return out;
}

}  // namespace lazuli::passes
