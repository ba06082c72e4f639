// Decides the kernels. Nodes are visited consumers first; each knows by then where (region) and at which index it is
// needed, and is either virtual (evaluated where it is needed, never stored) or stored by one region.
//
// Regions are numbered in the order of their creation and run in the opposite order. A stored node joins a region whose
// number is at least that of every region that reads it, so no two regions can ever wait for each other.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "ir/attention.h"
#include "ir/contraction.h"
#include "passes/group_maps.h"
#include "passes/partition_builder.h"
#include "passes/partition_choice.h"

namespace lazuli::passes {

using namespace ir;

namespace {

// A value that costs more primitives per element is not computed twice, whatever the cost model says: every copy is
// compiled as well, which takes as long as a small kernel.
constexpr double kRecomputeOps = 64;
// The same for an operand of a matrix-vector product that is needed again for every row.
constexpr double kRepeatOps = 2;
// The same for what is read through windows that overlap, for every window that it is in.
constexpr double kWindowOps = 4;
constexpr int64_t kConcatPieces = 4;
// What is computed from scalars alone by at most this many primitives is never stored, however full a kernel is.
constexpr double kFreeOps = 4;
// Contractions that read windows where they stand, without padding and other work in them: columns, and work, at least.
constexpr int64_t kPlacedColumns = 8;
constexpr int64_t kPlacedWork = 1 << 20;
// Nodes below a root among which an operand that it shares with a kernel is looked for.
constexpr size_t kSharedWithin = 64;

class Partitioner {
 public:
  Partitioner(const Graph& g, PassContext& ctx, PlacementChooser* chooser)
      : ctx_(ctx), chooser_(chooser), order_(topological_order(g)) {
    info_.resize(order_.size());
    for (uint32_t i = 0; i < order_.size(); ++i) position_.emplace(order_[i], i);
    for (const NodeRef& o : g.outputs) info_[position_.at(o.get())].is_output = true;
    estimate_costs();
  }

  Partition run() {
    for (size_t i = order_.size(); i-- > 0;) {
      if (is_attention(order_[i]->op()) && ctx_.fuse && !place_pair(static_cast<uint32_t>(i))) continue;
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
    Shared,    // the same of a large one, where every element is multiplied by a vector of others
    Repeated,  // operand of a contraction with one row or column, evaluated for every row of the other operand
    Windowed,  // read through windows, evaluated for every one that it is in
    Placed,    // read through windows by a large contraction: where it stands, if it does
    Indexed,   // read at places that only the running kernel knows, so it must be stored; the demand has no index
  };
  struct Demand {
    uint32_t region;
    const Node* user;
    IndexVec index;
    Use use;
    bool in_contraction() const { return use == Use::Packed || use == Use::Shared || use == Use::Repeated; }
    bool in_windows() const { return use == Use::Windowed || use == Use::Placed; }
    /// Whether it is needed at `index`, once.
    bool at_point() const { return use == Use::Once; }
  };
  struct NodeInfo {
    std::vector<Demand> demands;
    double ops = 0;    // primitives to compute one element from leaves,
    double work = 0;   // and the time that they take, in cheap ones
    double bytes = 0;  // bytes of leaves below, counted per path of different operands
    bool is_output = false;
    bool needs_all = false;     // every element of it is needed, by its readers together
    bool above_kernel = false;  // a reduction or contraction is below
    bool update = false;        // a slice_update that may leave its base where it stands,
    bool part_first = false;    // and something that must be stored before such an update overwrites its operand
    std::optional<PointScatter> point;  // of a scatter that is computed like an elementwise op
    const Node* contraction = nullptr;  // the first one below of as many elements: this may become its epilogue
    /// Made of scalars, by next to nothing.
    bool is_free() const { return bytes <= 8 && ops <= kFreeOps && !above_kernel; }
  };

  void estimate_costs() {
    std::map<std::vector<uint64_t>, uint32_t> attentions;  // by operands and attributes
    for (size_t i = 0; i < order_.size(); ++i) {
      const Node* n = order_[i];
      NodeInfo& f = info_[i];
      if (n->op() == Op::data) f.bytes = static_cast<double>(n->nbytes());
      if (is_scatter(n->op())) f.point = as_point_scatter(n);
      f.update = is_update(n);
      if (n->op() == Op::attention || n->op() == Op::attention_lse) {
        std::vector<uint64_t> key{AttentionOperands(n).causal, std::bit_cast<uint64_t>(AttentionOperands(n).scale)};
        for (const Node* in : n->inputs()) key.push_back(position_.at(in));
        const auto [it, fresh] = attentions.emplace(std::move(key), static_cast<uint32_t>(i));
        if (!fresh) partners_.insert({{it->second, static_cast<uint32_t>(i)}, {static_cast<uint32_t>(i), it->second}});
      }
      if (is_reduce(n->op()) || n->op() == Op::dot_general || family(n->op()) == Family::Order || is_scan(n->op()) ||
          is_attention(n->op()) || (is_scatter(n->op()) && !f.point)) {
        f.bytes = static_cast<double>(n->nbytes());
        f.above_kernel = true;
        if (n->op() == Op::dot_general) f.contraction = n;
        continue;
      }
      if (n->op() == Op::gather)
        f.bytes = static_cast<double>(n->nbytes()) - static_cast<double>(n->input(0)->nbytes());
      f.ops = costs_.of(n);
      f.work = costs_.work(n);
      for (size_t k = 0; k < n->input_count(); ++k) {
        const Node* in = n->input(k);
        if (k > 0 && in == n->input(0)) continue;
        const NodeInfo& b = info_[position_.at(in)];
        f.ops += b.ops;
        f.work += b.work;
        f.bytes += b.bytes;
        f.above_kernel |= b.above_kernel;
        if (!f.contraction && b.contraction && b.contraction->numel() == n->numel()) f.contraction = b.contraction;
      }
    }
  }

  /// attention and attention_lse over the same operands are one region, which is started when the second one is met:
  /// what they read is the same, so it comes later still. Whether the node is to be placed by itself.
  bool place_pair(uint32_t i) {
    const Node* n = order_[i];
    const bool is_lse = n->op() == Op::attention_lse;
    const auto pair = partners_.find(i);
    if (pair == partners_.end()) return true;
    const uint32_t other = pair->second;
    const auto needed = [&](uint32_t k) { return info_[k].is_output || !info_[k].demands.empty(); };
    if (other < i) return false;
    if (needed(i) && needed(other)) {
      const uint32_t first = is_lse ? other : i, second = is_lse ? i : other;
      const auto why = [&](uint32_t k) { return info_[k].is_output ? Unfused::GraphOutput : Unfused::Indexed; };
      start(first, Way::kNew, why(first));
      const auto region = static_cast<uint32_t>(regions_.size() - 1);
      RegionBuilder& r = *regions_[region];
      r.add_output(order_[second], r.root_index(order_[second]));
      r.add_node(order_[second], 1);
      connect_readers(second, region, why(second));
    } else {
      place(i);
      place(other);
    }
    info_[i].demands = {};
    info_[other].demands = {};
    return false;
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
    const auto used = [&](Use use) {
      return std::any_of(f.demands.begin(), f.demands.end(), [&](const Demand& d) { return d.use == use; });
    };
    // An update that nobody stores is evaluated where it is needed, like any other movement.
    const bool under = used(Use::Under), indexed = used(Use::Indexed);
    f.update &= f.is_output || under;
    f.needs_all = f.demands.size() > 1 || f.is_output || f.part_first;
    if (n->op() == Op::data || n->op() == Op::argument) {
      for (const Demand& d : f.demands) read(d, n);
      return;
    }
    if (f.demands.empty() && !f.is_output) return;  // unreachable from any stored node
    Unfused why{};
    bool must = true;  // be stored, or computed by a kernel of a kind
    if (f.is_output) {
      why = Unfused::GraphOutput;
    } else if (under || f.part_first) {
      why = Unfused::Updated;
    } else if (n->op() == Op::constant || n->op() == Op::iota) {
      if (indexed) return carry_out(i, preferred_store(i, Unfused::Indexed), Unfused::Indexed);
      for (const Demand& d : f.demands) regions_[d.region]->add_node(n, costs_.of(n));
      return;
    } else if (ctx_.stored.contains(n)) {
      return carry_out(i, {Way::Root, Way::kNew}, Unfused::Indexed);
    } else if (!ctx_.fuse) {
      why = Unfused::Disabled;
    } else if (is_reduce(n->op())) {
      why = Unfused::ReducedElsewhere;
    } else if (n->op() == Op::dot_general) {
      why = Unfused::Contraction;
    } else if (indexed || needs_region(i)) {
      why = Unfused::Indexed;
    } else {
      must = false;
    }
    const bool as_virtual = !must && stays_virtual(i, &why);
    const Way preferred = as_virtual ? Way{Way::Virtual} : preferred_store(i, why);
    carry_out(i, chooser_ ? chosen(i, !must, preferred) : preferred, why);
  }

  Way chosen(uint32_t i, bool may_be_virtual, const Way& preferred) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    std::vector<Way> ways;
    if (may_be_virtual && std::all_of(f.demands.begin(), f.demands.end(), [&](const Demand& d) {
          return regions_[d.region]->has_room(costs_.of(n), ctx_) && !(d.in_contraction() && is_indexed(n->op()));
        }))
      ways.push_back({Way::Virtual});
    if (joinable(i)) ways.push_back({Way::Join});
    for (uint32_t r = 0; r < regions_.size(); ++r)
      if (may_be_root_in(r, i) && keys_[r] == RegionBuilder::space_key(n, needs_region(i)))
        ways.push_back({Way::Root, r});
    ways.push_back({Way::Root, Way::kNew});
    const auto at = std::find(ways.begin(), ways.end(), preferred);
    if (at == ways.end()) throw Error(ErrorKind::Internal, "partition prefers what it does not allow");
    return ways[chooser_->choose(n, ways, static_cast<size_t>(at - ways.begin()))];
  }

  /// The first reader's region where that can be, else a region of its own space.
  Way preferred_store(uint32_t i, Unfused why) {
    if (!ctx_.fuse) return {Way::Root, Way::kNew};
    const auto it = open_.find(RegionBuilder::space_key(order_[i], needs_region(i)));
    const bool open = it != open_.end() && may_be_root_in(it->second, i) && shares_operand(it->second, i);
    const Way root{Way::Root, open ? it->second : Way::kNew};
    return why != Unfused::OpLimit && joinable(i) && !evaluated_twice(i, root) ? Way{Way::Join} : root;
  }

  /// Whether a map that takes the node in, too, reads something for both. Maps that do not are one kernel as parts of a
  /// group (group_maps), where each has its own few streams of memory, and parts that are alike are compiled once.
  bool shares_operand(uint32_t region, uint32_t i) const {
    if (!regions_[region]->is_map()) return true;
    std::vector<const Node*> below{order_[i]};
    std::unordered_set<const Node*> seen;
    for (size_t k = 0; k < below.size(); ++k) {
      if (k == kSharedWithin) return true;
      for (const Node* in : below[k]->inputs()) {
        const NodeInfo& f = info_[position_.at(in)];
        if (in->numel() <= 1 || f.is_free() || !seen.insert(in).second) continue;
        const std::vector<Demand>& demands = f.demands;
        if (std::any_of(demands.begin(), demands.end(), [&](const Demand& d) { return d.region == region; }))
          return true;
        below.push_back(in);
      }
    }
    return false;
  }

  /// Whether the first reader's region would evaluate the node twice in order to store it, at a greater cost than
  /// reading it and, where that takes one, another launch.
  bool evaluated_twice(uint32_t i, const Way& root) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    if (is_reduce(n->op()) || n->op() == Op::dot_general) return false;
    const Demand& last = *last_reader(f);
    if (!regions_[last.region]->stores_in_another_stage(last.index)) return false;
    const MachineCosts& m = ctx_.machine;
    const double work = f.work * static_cast<double>(n->nbytes()) / m.vector_bytes_per_ns;
    const double leaves = transfer_ns(static_cast<int64_t>(std::min(f.bytes, 1e18)), m);
    return std::max(work, leaves) > transfer_ns(n->nbytes(), m) + (root.region == Way::kNew ? m.launch_ns : 0);
  }

  /// Whether the region of the reader that runs first may compute the node, and store it if others need it.
  bool joinable(uint32_t i) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    const Demand* last = last_reader(f);
    if (!last || !last->at_point()) return false;
    RegionBuilder& r = *regions_[last->region];
    if (is_reduce(n->op())) return (!f.needs_all || r.covers(n, last->index)) && r.can_reduce(n, last->index, ctx_);
    if (n->op() == Op::dot_general) return r.can_contract(n, last->index, f.needs_all);
    return !needs_region(i) && r.has_room(costs_.of(n), ctx_) && r.can_store(n, last->index);
  }

  bool may_be_root_in(uint32_t region, uint32_t i) {
    const std::vector<Demand>& readers = info_[i].demands;
    return !needs_region(i) &&
           std::all_of(readers.begin(), readers.end(), [&](const Demand& d) { return d.region < region; }) &&
           regions_[region]->has_room(costs_.of(order_[i]), ctx_) &&
           regions_[region]->may_share_contraction(info_[i].contraction);
  }

  void carry_out(uint32_t i, const Way& way, Unfused why) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    if (way.kind == Way::Virtual) {
      for (const Demand& d : f.demands) compute_in(d.region, n, d.index, d.use);
    } else if (way.kind == Way::Join) {
      join(i, Demand(*last_reader(f)), why);
    } else {
      start(i, way.region, why);
    }
  }

  bool stays_virtual(uint32_t i, Unfused* why) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    const double cost = costs_.of(n);
    for (const Demand& d : f.demands) {
      if (d.in_contraction() && !fits_operand(n, f, d.use)) return *why = Unfused::Contraction, false;
      if (d.in_windows() && !fits_operand(n, f, d.use)) return *why = Unfused::Recompute, false;
      if (!f.is_free() && !regions_[d.region]->has_room(cost, ctx_)) return *why = Unfused::OpLimit, false;
    }
    if (f.demands.size() == 1 || n->op() == Op::barrier) return true;
    if (is_movement(n->op()))
      return n->op() != Op::concat || static_cast<int64_t>(n->input_count()) <= kConcatPieces || f.demands.size() < 2;
    *why = Unfused::Recompute;
    return f.ops <= kRecomputeOps && cheaper_again(i);
  }

  /// Whether computing the node at each of its demands costs less than storing it, reading it back, and the launch that
  /// this may take.
  bool cheaper_again(uint32_t i) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    const MachineCosts& m = ctx_.machine;
    const auto numel = static_cast<double>(std::max<int64_t>(1, n->numel()));
    const double work = f.work * static_cast<double>(itemsize(n->dtype())) / m.vector_bytes_per_ns;
    const double leaves = transfer_ns(static_cast<int64_t>(std::min(f.bytes, 1e18)), m);
    double again = 0, stored = work * numel + leaves;
    SmallVec<uint32_t, 4> regions;
    for (const Demand& d : f.demands) {
      const double points = regions_[d.region]->points(d.index);
      again += work * points;
      if (std::find(regions.begin(), regions.end(), d.region) != regions.end()) continue;
      regions.push_back(d.region);
      again += leaves * std::min(1.0, points / numel);
      stored += transfer_ns(n->nbytes(), m);
    }
    const Way way = preferred_store(i, Unfused::Recompute);
    if (way.kind == Way::Root) stored += transfer_ns(n->nbytes(), m);  // nobody has it in registers
    if (way.kind == Way::Root && way.region == Way::kNew) stored += m.launch_ns;
    return again <= stored;
  }

  // Whether windows read their operand so that it should be stored: again and again, or above a kernel that can store
  // it as it likes.
  bool reads_in_windows(const Node* windows) const {
    const WindowDims& w = *windows->attr_as<WindowAttr>().dims;
    bool several = false, overlap = false;
    for (size_t d = 0; d < w.size.size(); ++d) {
      several |= w.size[d] > 1;
      overlap |= w.size[d] > 1 && (w.size[d] - 1) * w.dilation[d] + 1 > w.step[d];
    }
    return overlap || (several && info_[position_.at(windows->input(0))].above_kernel);
  }

  // Whether a contraction computes this while it reads its operand. What follows a reduction or a contraction belongs
  // to that one's kernel, and what is needed again for every row of the other operand must cost next to nothing.
  static bool fits_operand(const Node* n, const NodeInfo& f, Use use) {
    if (use == Use::Placed && (has_pieces(n->op()) || !is_movement(n->op()))) return n->op() == Op::barrier;
    if (is_movement(n->op()) || n->op() == Op::barrier) return true;
    if (is_indexed(n->op())) return false;  // it would be read, and checked, for every tile
    return !f.above_kernel && (use <= Use::Shared || f.ops <= (use == Use::Windowed ? kWindowOps : kRepeatOps));
  }

  // Evaluates `n` in a region at `index` and passes the demand on to its operands.
  void compute_in(uint32_t region, const Node* n, const IndexVec& index, Use use) {
    RegionBuilder& r = *regions_[region];
    r.add_node(n, costs_.of(n));
    if (has_pieces(n->op())) {
      for (const Piece& p : operand_pieces(n, index, r.arena()))
        if (p.inside != IndexArena::kNever) demand(region, n, n->input(p.operand), p.index, use);
    } else if (is_movement(n->op())) {
      if (n->op() == Op::windows && reads_in_windows(n))
        use = std::max(use, use == Use::Shared ? Use::Placed : Use::Windowed);
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

  /// Computes the node in the region of a reader, and stores it there if anybody else needs it.
  void join(uint32_t i, const Demand& where, Unfused why) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    RegionBuilder& r = *regions_[where.region];
    const bool others =
        std::any_of(f.demands.begin(), f.demands.end(), [&](const Demand& d) { return d.region != where.region; });
    const bool computed_there = is_reduce(n->op()) || n->op() == Op::dot_general;
    if (is_reduce(n->op())) r.reduce(n, where.index);
    if (n->op() == Op::dot_general) r.contract(n);
    if (f.is_output || others || !computed_there) r.add_output(n, where.index);
    connect_readers(i, where.region, why);
    if (is_reduce(n->op())) {
      r.add_node(n, 1);
      demand(where.region, n, n->input(0), r.reduction_operand(n, where.index), Use::Once);
    } else if (n->op() == Op::dot_general) {
      demand_operands(where.region, n, where.index);
    } else {
      compute_in(where.region, n, where.index, Use::Once);
    }
  }

  void demand_operands(uint32_t region, const Node* dot, const IndexVec& index) {
    RegionBuilder& r = *regions_[region];
    r.add_node(dot, 1);
    const auto [lhs, rhs] = r.contraction_operands(dot, index);
    const MatrixSizes sizes = matrix_sizes(dot);
    const bool exact = dot->dtype() == kFloat32 || dot->dtype() == kFloat64;
    const bool is_large = !dot->device().is_cuda() && exact && dot->numel() * sizes.depth >= kPlacedWork;
    const auto use = [&](int64_t others) {
      if (sizes.in_lanes() && others > 1) return Use::Repeated;
      return is_large && others >= kPlacedColumns ? Use::Shared : Use::Packed;
    };
    demand(region, dot, dot->input(0), lhs, use(sizes.columns));
    demand(region, dot, dot->input(1), rhs, use(sizes.rows));
  }

  void update_in(uint32_t region, const Node* n, const IndexVec& index) {
    RegionBuilder& r = *regions_[region];
    r.add_node(n, 1);
    demand(region, n, n->input(0), index, Use::Under);
    const IndexVec part = r.part_index();
    if (r.part_reads_elsewhere(n, part, index)) info_[position_.at(n->input(1))].part_first = true;
    demand(region, n, n->input(1), part, Use::Once);
  }

  /// Whether node i is stored by a region of its own kind, which no other root joins.
  bool needs_region(uint32_t i) const {
    const Op op = order_[i]->op();
    return info_[i].update || op == Op::dot_general || family(op) == Family::Order || is_scan(op) || is_attention(op) ||
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

  /// Stores node i as a root of a region: of `region`, or of a new one.
  void start(uint32_t i, uint32_t region, Unfused why) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    if (region == Way::kNew) {
      regions_.push_back(std::make_unique<RegionBuilder>(n, needs_region(i)));
      region = static_cast<uint32_t>(regions_.size() - 1);
      std::string key = RegionBuilder::space_key(n, needs_region(i));
      if (chooser_) keys_.push_back(key);
      open_[std::move(key)] = region;
    }
    RegionBuilder& r = *regions_[region];
    r.share_contraction(f.contraction);
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
    } else if (family(n->op()) == Family::Order || is_attention(n->op())) {
      r.add_node(n, 1);
      for (const Node* in : n->inputs()) demand(region, n, in, {}, Use::Indexed);
    } else if (is_scan(n->op())) {
      r.add_node(n, 1);
      demand(region, n, n->input(0), index, Use::Once);
    } else {
      compute_in(region, n, index, Use::Once);
    }
  }

  // Every reader outside the storing region loads the node.
  void connect_readers(uint32_t i, uint32_t stored_in, Unfused why) {
    const Node* n = order_[i];
    const NodeInfo& f = info_[i];
    for (const Demand& d : f.demands) {
      if (d.region == stored_in) continue;
      read(d, n);
      int64_t bytes = n->nbytes();
      if (d.use != Use::Indexed)
        bytes =
            static_cast<int64_t>(std::min(static_cast<double>(bytes), regions_[d.region]->points(d.index) *
                                                                          static_cast<double>(itemsize(n->dtype()))));
      if (f.demands.size() == 1 && !f.is_output) bytes += n->nbytes();  // nobody else needs it stored
      unfused_.push_back({n, d.user, why, bytes});
    }
  }

  PassContext& ctx_;
  PlacementChooser* chooser_;
  std::vector<const Node*> order_;
  NodeIndex position_;
  std::vector<NodeInfo> info_;
  std::vector<std::unique_ptr<RegionBuilder>> regions_;
  std::unordered_map<std::string, uint32_t> open_;  // the last region of each space
  std::vector<std::string> keys_;                   // with a chooser: the space of every region
  std::map<uint32_t, uint32_t> partners_;           // attention and attention_lse over the same operands
  std::vector<UnfusedEdge> unfused_;
  OpCosts costs_;
};

}  // namespace

Partition partition(const Graph& g, PassContext& ctx) {
  Partition p = Partitioner(g, ctx, nullptr).run();
  group_maps(g, p, ctx);
  return p;
}

Partition partition(const Graph& g, PassContext& ctx, PlacementChooser& chooser) {
  Partition p = Partitioner(g, ctx, &chooser).run();
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
