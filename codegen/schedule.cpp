#include "codegen/schedule.h"

#include <fmt/format.h>

#include <algorithm>

#include "codegen/contract_plan.h"
#include "codegen/row_stages.h"
#include "codegen/segments.h"
#include "codegen/strategies.h"
#include "ir/contraction.h"

namespace lazuli::codegen {

using namespace ir;

std::string_view name(Strategy s) {
  constexpr std::string_view names[] = {
      "map",        "map_tiled",    "row_inner",   "row_columns",   "row_unrolled",   "row_split",      "contract",
      "sort",       "scan_rows",    "scan_split",  "scan_columns",  "attention",      "attention_rows", "scatter",
      "warp_rows",  "block_rows",   "block_split", "block_columns", "block_contract", "block_matrix",   "stream_matrix",
      "block_sort", "block_scatter"};
  return names[static_cast<size_t>(s)];
}

std::string_view name(Pack p) {
  constexpr std::string_view names[] = {"none", "task", "shared"};
  return names[static_cast<size_t>(p)];
}

std::string Schedule::str() const {
  std::string out = fmt::format("{} {}b x{}", name(strategy), vector_bits, unroll);
  if (segments) out += " segments";
  if (masked_loop) out += " masked";
  if (block) out += fmt::format(" block={}", block);
  if (rows_per_task != 1) out += fmt::format(" rows={}", rows_per_task);
  if (rows_at_once != 1) out += fmt::format(" rows_at_once={}", rows_at_once);
  if (column_vectors) out += fmt::format(" column_vectors={}", column_vectors);
  if (lane_groups) out += fmt::format(" lane_groups={}", lane_groups);
  if (split_rows) out += " split";
  if (parts) out += fmt::format(" parts={}", parts);
  if (ranges != 1) out += fmt::format(" ranges={}", ranges);
  if (non_temporal) out += " nt";
  if (prefetch_bytes) out += fmt::format(" prefetch={}", prefetch_bytes);
  if (cache_rows) out += " cache_rows";
  if (overlap_rows) out += " overlap_rows";
  if (stage_rows) out += " stage_rows";
  if (tile_rows)
    out += fmt::format(" tile={}x{} task={}x{} depth={} pack={}/{}", tile_rows, tile_vectors, row_tiles, column_tiles,
                       depth_block, name(pack_rows), name(pack_columns));
  if (strip) out += fmt::format(" strip={}", strip);
  if (batches > 1) out += fmt::format(" batches={}", batches);
  if (stages) out += fmt::format(" stages={}", stages);
  if (splits > 1) out += fmt::format(" splits={}", splits);
  if (made_rows || made_columns) out += fmt::format(" made={}/{}", made_rows, made_columns);
  if (quads) out += " quads";
  if (split_depth) out += " split";
  if (places) out += " places";
  if (in_registers) out += " registers";
  if (constant_sizes) out += " constant";
  if (threads) out += fmt::format(" threads={} registers={}{}", threads, registers, narrow ? " narrow" : "");
  return out;
}

namespace {

constexpr int64_t kFewRows = 16;
constexpr int64_t kStreamedBytes = 64 << 10;  // of results that may be stored around the caches at all

// Votes of the large loads on the loop along which memory is consecutive.
bool reads_along(const ItemGraph& graph, const IndexArena& arena, const std::vector<uint32_t>& variables) {
  int64_t along = 0, across = 0;
  for (const Item& i : graph.items) {
    if ((i.kind != ItemKind::Load && i.kind != ItemKind::Gather) || !i.inner) continue;
    bool unit = false;
    for (const IndexTerm& t : arena.expr(i.position).terms) {
      const IndexAtom& a = arena.atom(t.atom);
      if (a.kind == AtomKind::Variable && t.coefficient == 1)
        unit |= std::find(variables.begin(), variables.end(), a.variable) != variables.end();
    }
    (unit ? along : across) += i.node->nbytes();
  }
  return along >= across;
}

bool is_lane_contraction(const Region& r) {
  for (const Node* n : r.nodes)
    if (n->op() == Op::dot_general) return matrix_sizes(n).in_lanes();
  return false;
}

}  // namespace

namespace {

// Tasks own columns of the rows that are added while rows are long, and ranges of the indexed axes while they are not;
// every further task reads all indices once more.
Schedule scatter_schedule(const RegionEmitter& probe, Schedule s) {
  const ScatterLoops loops(probe);
  const int64_t added = loops.row_extent() * probe.nest.reduced_extent();
  const int64_t wanted = std::clamp<int64_t>(added / probe.options.target.task_elements, 1, 16);
  const int64_t columns = std::max<int64_t>(1, loops.columns);
  const int64_t blocks = std::min(wanted, std::max<int64_t>(1, columns / 64));
  s.strategy = Strategy::Scatter;
  s.block = ((columns + blocks - 1) / blocks + 15) / 16 * 16;
  const int64_t row_tasks = std::min(std::max<int64_t>(1, wanted / blocks), std::max<int64_t>(1, loops.rows));
  s.rows_per_task = std::max<int64_t>(1, (loops.rows + row_tasks - 1) / row_tasks);
  // Whether a place is in the range is a coin toss for the processor: it must cost less than the row that is added.
  const int64_t most =
      loops.row_extent() < 32
          ? 1
          : std::min({int64_t{4}, probe.options.target.cores, std::max<int64_t>(1, loops.destinations)});
  s.ranges = std::clamp<int64_t>(wanted / (blocks * row_tasks), 1, most);
  return s;
}

/// Whether threads or vectors should run along the innermost kept axis rather than along the reduced ones.
bool reduces_an_outer_axis(const RegionEmitter& probe) {
  const LoopNest& nest = probe.nest;
  if (nest.kept_count() == 0) return false;
  std::vector<uint32_t> along_reduced;
  for (size_t g = nest.kept_count(); g < nest.groups().size(); ++g)
    along_reduced.push_back(nest.groups()[g].variables.back());
  return !reads_along(probe.graph, *probe.region.arena, along_reduced) &&
         reads_along(probe.graph, *probe.region.arena, {nest.groups()[nest.kept_count() - 1].variables.back()});
}

/// Whether small windows are reduced whose neighbours along the innermost kept axis can be read in vectors.
bool reduces_small_windows(const RegionEmitter& probe) {
  constexpr int64_t kFew = 32, kMostWork = 512;
  const LoopNest& nest = probe.nest;
  const int64_t length = nest.reduced_extent();
  if (nest.kept_count() == 0 || length < 2 || length > kFew || probe.graph.levels != 1) return false;
  if (!probe.outputs_where(true).empty()) return false;
  double work = 0;
  for (const Reduction& r : probe.graph.reductions)
    for (ItemId o : r.operands) work += 1 + work_below(probe.graph, o);
  const LoopGroup& inner = nest.groups()[nest.kept_count() - 1];
  if (work * static_cast<double>(length) > kMostWork || inner.extent * 2 < probe.lanes) return false;
  if (std::none_of(probe.region.nodes.begin(), probe.region.nodes.end(),
                   [](const Node* n) { return n->op() == Op::windows; }))
    return false;
  const IndexArena& arena = *probe.region.arena;
  int64_t near = 0, far = 0;
  for (const Item& i : probe.graph.items) {
    if (i.kind != ItemKind::Load || !i.inner) continue;
    int64_t step = 0;
    for (const IndexTerm& t : arena.expr(i.position).terms) {
      const IndexAtom& a = arena.atom(t.atom);
      if (a.kind == AtomKind::Variable && a.variable == inner.variables.back()) step = std::abs(t.coefficient);
    }
    (step != 0 && step <= 4 ? near : far) += i.node->nbytes();
  }
  return near > far;
}

// Blocks of 16 elements are the widest vectors that the tree of scans has a use for.
Schedule scan_schedule(const RegionEmitter& probe, Schedule s) {
  const LoopNest& nest = probe.nest;
  const int64_t rows = nest.kept_extent(), length = nest.reduced_extent();
  if (reduces_an_outer_axis(probe)) {
    s.strategy = Strategy::ScanColumns;
    const int64_t columns = nest.groups()[nest.kept_count() - 1].extent;
    s.block = s.threads ? s.threads : std::clamp<int64_t>(columns / 8 / 64 * 64, 64, 1024);
    return s;
  }
  const int64_t task_elements = probe.options.target.task_elements;
  s.strategy = Strategy::ScanRows;
  if (s.threads) {
    if (rows < probe.options.gpu->processors && length > 4 * kChunk) s.strategy = Strategy::ScanSplit;
    return s;
  }
  const int widest = s.vector_bits / probe.lanes;
  s.vector_bits = std::min(s.vector_bits, 16 * widest);
  s.rows_per_task = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, length));
  if (rows < kFewRows && length >= 16 * task_elements) {
    s.strategy = Strategy::ScanSplit;
    s.rows_per_task = std::max<int64_t>(1, task_elements / kChunk);
  }
  return s;
}

/// Whether neighbours along the innermost loop stand side by side in all that a map reads and writes, or are the same.
bool moves_runs(const RegionEmitter& probe) {
  constexpr int64_t kLeast = 64;  // elements of the loop
  constexpr double kMostWork = 64;
  const LoopNest& nest = probe.nest;
  if (nest.groups().empty() || nest.groups().back().extent < kLeast || probe.graph.ops_per_point > kMostWork)
    return false;
  const size_t along = nest.groups().size() - 1;
  const auto step = [&](IndexId position) { return nest.stride(position, along).value_or(-1); };
  std::vector<bool> varies(probe.graph.items.size());
  for (ItemId id = 0; id < probe.graph.items.size(); ++id) {
    const Item& i = probe.graph.items[id];
    for (ItemId o : i.operands) varies[id] = varies[id] || varies[o];
    if (i.kind == ItemKind::Gather && varies[id]) return false;
    if (i.kind != ItemKind::Load && i.kind != ItemKind::Gather && i.kind != ItemKind::Position) continue;
    const int64_t s = step(i.position);
    if (i.kind != ItemKind::Position && s != 0 && s != 1) return false;
    if (i.inside != IndexArena::kAlways) return false;
    varies[id] = varies[id] || s != 0;
  }
  return std::all_of(probe.graph.output_position.begin(), probe.graph.output_position.end(),
                     [&](IndexId p) { return step(p) == 1; });
}

Schedule gpu_schedule(const RegionEmitter& probe) {
  const Region& region = probe.region;
  Schedule s;
  s.threads = 256;
  s.registers = 128;
  s.vector_bits = 64;  // a lane
  if (region.kind == RegionKind::Attention)
    throw Error(ErrorKind::Unsupported,
                fmt::format("{}: there is no kernel for CUDA devices", name(region.outputs[0]->op())), {},
                region.outputs[0]->origin());
  const bool map = region.kind == RegionKind::Map || region.kind == RegionKind::Update;
  if (map) {
    s.block = 1024;
    if (region.kind == RegionKind::Map && !turned_loads(probe).loads.empty()) {
      s.strategy = Strategy::MapTiled;
      s.block = 64;
    } else if (moves_runs(probe)) {
      s.vector_bits = 128;
      s.block = 2048;
    }
    return s;
  }
  if (region.kind == RegionKind::Scan) return scan_schedule(probe, s);
  if (region.kind == RegionKind::Sort || region.kind == RegionKind::Scatter) {
    s.strategy = region.kind == RegionKind::Sort ? Strategy::BlockSort : Strategy::BlockScatter;
    return s;
  }
  if (region.kind == RegionKind::Contract && !is_lane_contraction(region)) {
    if (!choose_stream_matrix(probe, s) && !choose_block_matrix(probe, s)) choose_block_contract(probe, s);
    return s;
  }
  if (reduces_an_outer_axis(probe)) {
    s.strategy = Strategy::BlockColumns;
    return s;
  }
  const int64_t chunks = (probe.nest.reduced_extent() + kChunk - 1) / kChunk;
  constexpr int64_t kLongestOfWarp = 1024;
  if (probe.nest.reduced_extent() <= kLongestOfWarp) {
    s.strategy = Strategy::WarpRows;
    return s;
  }
  // A thread per lane; more chunks at once keep more reads under way.
  const int64_t at_once = std::clamp<int64_t>(chunks, 1, 4);
  s.threads = static_cast<int>(at_once * kLanes);
  const bool few_rows = probe.nest.kept_extent() < probe.options.gpu->processors;
  s.strategy = few_rows && chunks > at_once ? Strategy::BlockSplit : Strategy::BlockRows;
  return s;
}

/// Whether the rows of a map, in pairs, read another row in common that is worth keeping near.
bool shares_a_row(const RegionEmitter& probe) {
  constexpr int64_t kLongRow = 1024;
  const LoopNest& nest = probe.nest;
  const size_t along = nest.groups().size() - 1;
  int64_t rows = 1;
  for (size_t g = 0; g < along; ++g) rows *= nest.groups()[g].extent;
  if (rows % 2 != 0 || nest.groups()[along].extent < kLongRow) return false;
  return std::any_of(probe.graph.items.begin(), probe.graph.items.end(), [&](const Item& i) {
    if (i.kind != ItemKind::Load || nest.stride(i.position, along) != 1) return false;
    for (size_t g = 0; g < along; ++g)
      if (nest.stride(i.position, g) != 0) return false;
    return true;
  });
}

/// Vectors of a tile of columns whose rows are taken by lanes, in registers; 0 where whole rows are better streamed:
/// from memory, which likes rows whole, and where accumulators are more than one value.
int tile_vectors(const RegionEmitter& probe) {
  const int most = probe.schedule.vector_bits == 512 ? 4 : 2;  // of four lanes each: half of the registers
  int64_t read = 0;
  for (const Node* n : probe.region.inputs) read += n->nbytes();
  if (read > probe.options.target.l2_bytes) return 0;
  std::vector<int> per_level(probe.graph.levels);
  for (const Reduction& r : probe.graph.reductions)
    if (r.is_arg() || r.is_dot() || ++per_level[r.level] > 1) return 0;
  const int64_t columns = probe.nest.groups()[probe.nest.kept_count() - 1].extent;
  return static_cast<int>(std::clamp<int64_t>(columns / probe.lanes, 1, most));
}

/// Reads a reduction over an outer axis by lanes where operands are in cache and rows long enough to be read one after
/// the other, and makes its units tasks where blocks of columns are few.
void choose_units(const RegionEmitter& probe, Schedule& s) {
  constexpr int64_t kLongRow = 256, kManyRows = 256, kNarrow = 128;
  const CpuTarget& target = probe.options.target;
  const LoopNest& nest = probe.nest;
  const int64_t columns = nest.groups()[nest.kept_count() - 1].extent, length = nest.reduced_extent();
  const int64_t widest = std::min(columns, std::min<int64_t>(target.task_elements, 4096)) / 64 * 64;
  if (widest == 0 || nest.kept_extent() / widest >= kFewRows) return;
  int64_t read = 0;
  for (const Node* n : probe.region.inputs) read += n->nbytes();
  const bool is_dot = std::any_of(probe.graph.reductions.begin(), probe.graph.reductions.end(),
                                  [](const Reduction& r) { return r.is_dot(); });
  if (read > target.l3_bytes / 2 || columns < kLongRow || length < kManyRows || is_dot) {
    if (length <= kChunk || s.column_vectors > 0) return;
    s.split_rows = true;
    s.block = widest;
    s.rows_per_task = std::max<int64_t>(1, target.task_elements / (kChunk * s.block));
    return;
  }
  s.column_vectors = 0;
  s.lane_groups = 16;
  s.rows_at_once = s.unroll == 1 ? 1 : 4;
  if (columns >= target.cores * kNarrow) {  // results need not move between processors
    s.block = std::min(widest, std::max(kNarrow, columns / target.cores / 64 * 64));
    return;
  }
  s.split_rows = true;
  s.block = widest;
  s.rows_per_task = std::max<int64_t>(1, target.task_elements / (std::min(length, kChunk) / s.lane_groups * s.block));
}

}  // namespace

Schedule choose_schedule(const Region& region, const LoweringOptions& options) {
  if (!region.parts.empty()) {
    LoweringOptions first = options;
    first.aliases.clear();
    Schedule s = choose_schedule(region.parts[0], first);
    s.parts = static_cast<int>(region.parts.size());
    return s;
  }
  return choose_schedule(RegionEmitter(region, options));
}

/// Whether all that is done is to add up elements of more bytes than caches keep: loads of 256 bits then follow each
/// other as closely as memory gives them, those of 512 wait for it longer (docs/limits.md).
bool sums_far_elements(const RegionEmitter& probe, int64_t kept_bytes) {
  int64_t read = 0;
  for (const Node* n : probe.region.inputs) read += n->nbytes();
  return read > kept_bytes && probe.graph.levels == 1 && probe.graph.ops_per_point <= 4 &&
         probe.outputs_where(true).empty() &&
         std::all_of(probe.region.nodes.begin(), probe.region.nodes.end(),
                     [](const Node* n) { return !ir::is_reduce(n->op()) || n->op() == Op::sum; });
}

Schedule choose_schedule(const RegionEmitter& probe) {
  const Region& region = probe.region;
  const LoweringOptions& options = probe.options;
  if (options.gpu) return gpu_schedule(probe);
  Schedule s;
  s.vector_bits = options.target.vector_bits;
  const int64_t task_elements = options.target.task_elements, long_row = task_elements / 2;
  const LoopNest& nest = probe.nest;
  const int64_t rows = nest.kept_extent(), length = nest.reduced_extent();
  const int64_t inner = nest.groups().empty() ? 1 : nest.groups().back().extent;

  int64_t written = 0;
  for (const Node* n : region.outputs) written = std::max(written, n->nbytes());
  // Whether stores of runs of elements can bypass the cache, and should: outputs of more bytes than that.
  const auto can_stream = [&](int64_t run, int64_t bytes) {
    for (size_t o = 0; o < region.outputs.size(); ++o) {
      if (region.outputs[o]->nbytes() <= bytes) continue;
      if (!probe.output_fits_non_temporal(o, run)) return false;
    }
    return options.aliases.empty() && written > bytes;
  };
  // Results of more bytes than this leave the caches before anyone reads them.
  const int64_t kept_bytes = options.far_results ? kStreamedBytes : options.target.l3_bytes / 2;
  const bool heavy = probe.graph.ops_per_point > 24 || probe.graph.items.size() > 24;

  if (region.kind == RegionKind::Map || region.kind == RegionKind::Update) {
    s.strategy = Strategy::Map;
    s.unroll = heavy || nest.groups().empty() ? 1 : 2;
    const bool flat = nest.kept_count() <= 1;
    if (flat || inner > 2 * task_elements) {
      s.block = task_elements;
    } else {
      s.rows_per_task = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, inner));
    }
    bool only = true;  // every output is streamed, so that one flag serves all
    for (const Node* n : region.outputs) only &= n->nbytes() > kept_bytes;
    if (region.kind == RegionKind::Update) return s;
    // What masks leave of a single run is stored plainly; later rows would begin within a vector.
    s.non_temporal = only && can_stream(flat ? probe.lanes : inner, kept_bytes);
    if (const TurnedLoads turned = turned_loads(probe); !turned.loads.empty()) {
      s.strategy = Strategy::MapTiled;
      s.unroll = 1;
      s.block = 64;
      s.rows_per_task = std::max<int64_t>(1, task_elements / (s.block * s.block));
      // Lines of results lie far apart: fetching each before it is written costs more than the cache is worth.
      s.non_temporal = turns_in_registers(probe) && can_stream(inner, std::min(kept_bytes, options.target.l2_bytes));
      return s;
    }
    // Short rows that jump about are nothing that the processor fetches by itself, beyond the second level.
    const bool short_rows = !flat && s.rows_per_task > 1 && inner * 4 <= 2048 && written > options.target.l2_bytes;
    if (s.non_temporal || short_rows) s.prefetch_bytes = 2048;
    if (s.non_temporal && s.block == 0 && !heavy && shares_a_row(probe)) {
      s.rows_at_once = 2;
      s.block = 512;
      s.rows_per_task = std::max<int64_t>(s.rows_per_task / 2, 4) * 2;
    }
    // Masks cost an expensive body nothing, and compiling it once instead of twice halves the time to the first result.
    // Stores around the caches are of whole vectors.
    s.masked_loop = heavy && !s.non_temporal && s.vector_bits == 512;
    s.segments = !s.masked_loop && s.rows_at_once == 1 && !find_segments(probe).empty();
    return s;
  }
  if (region.kind == RegionKind::Sort) {
    s.strategy = Strategy::Sort;
    s.vector_bits = 64;  // scalars of int64
    const int64_t length = std::max<int64_t>(1, region.outputs[0]->shape().back());
    const int64_t piece = std::clamp<int64_t>(task_elements / 8, 4, 4096);
    s.block = std::min(length, piece);
    if (length <= piece) s.rows_per_task = std::max<int64_t>(1, piece / length);
    return s;
  }
  if (region.kind == RegionKind::Attention) return choose_attention_schedule(probe, s);
  if (region.kind == RegionKind::Scatter) return scatter_schedule(probe, s);
  if (region.kind == RegionKind::Scan) {
    s = scan_schedule(probe, s);
    s.non_temporal = can_stream(
        s.strategy == Strategy::ScanColumns ? nest.groups()[nest.kept_count() - 1].extent : length, kept_bytes);
    if (s.strategy != Strategy::ScanColumns) s.prefetch_bytes = 2048;
    return s;
  }
  if (region.kind == RegionKind::Contract && !is_lane_contraction(region)) {
    choose_contract_schedule(probe, s);
    return s;
  }
  if (reduces_small_windows(probe)) {
    s.strategy = Strategy::RowUnrolled;
    const int64_t points = nest.groups()[nest.kept_count() - 1].extent * length;
    s.rows_per_task = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, points));
    s.unroll = heavy || length > 8 ? 1 : 2;
    return s;
  }
  if (reduces_an_outer_axis(probe)) {
    s.strategy = Strategy::RowColumns;
    const int64_t columns = nest.groups()[nest.kept_count() - 1].extent;
    s.block = std::min(columns, std::min<int64_t>(task_elements, 4096));
    s.unroll = heavy ? 1 : 2;
    s.rows_at_once = heavy ? 1 : 4;  // the accumulators of a wide block fill the second-level cache: touch them less
    if (const int vectors = tile_vectors(probe); vectors > 0) {
      const int64_t tile = int64_t{vectors} * probe.lanes;
      s.column_vectors = vectors;
      s.rows_at_once = 1;
      s.block = std::min(columns, std::max(tile, task_elements / std::max<int64_t>(1, length) / tile * tile));
    }
    choose_units(probe, s);
    return s;
  }
  s.unroll = heavy ? 1 : 2;
  if (sums_far_elements(probe, options.target.l3_bytes / 2)) s.vector_bits = std::min(s.vector_bits, 256);
  if (rows < kFewRows && length >= long_row) {
    s.strategy = Strategy::RowSplit;
    s.rows_per_task = std::max<int64_t>(1, task_elements / kChunk);
    s.prefetch_bytes = 0;
    return s;
  }
  s.strategy = Strategy::RowInner;
  s.rows_per_task = std::max<int64_t>(1, task_elements / std::max<int64_t>(1, length));
  s.cache_rows = probe.graph.levels > 0 && length * 8 <= options.target.l2_bytes / 8 * 7;  // the row, and what is kept
  const std::vector<size_t> stored = probe.outputs_where(true);
  s.non_temporal = !stored.empty() && stored.size() == region.outputs.size() && can_stream(length, kept_bytes);
  if (!stored.empty() && length * 4 <= options.target.l2_bytes / 2) s.prefetch_bytes = 64;  // the next row
  if (s.non_temporal && length * 4 <= options.target.l2_bytes / 4 && probe.graph.levels > 0) {
    s.overlap_rows = true;
    s.rows_per_task = std::max<int64_t>(s.rows_per_task, 8);
  }
  int64_t picked = 0;  // bytes of a row
  for (const ItemId id : picked_rows(probe))
    picked += length * static_cast<int64_t>(itemsize(probe.graph.items[id].dtype));
  if (picked > 0 && rows > 1 && picked <= options.target.l2_bytes / 4) {
    s.stage_rows = true;
    const int64_t shared = std::clamp<int64_t>(rows / 16, 16, 64);  // rows that the work of laying out is for
    s.rows_per_task = std::max<int64_t>(s.rows_per_task, shared);
  }
  return s;
}

}  // namespace lazuli::codegen
