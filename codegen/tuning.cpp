#include "codegen/tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "codegen/contract_plan.h"
#include "codegen/reducer.h"
#include "codegen/strategies.h"

namespace lazuli::codegen {
namespace {

struct Knob {
  std::string_view name;
  int64_t (*get)(const Schedule&);
  void (*set)(Schedule&, int64_t);
  int64_t least, most;
};

#define LAZULI_KNOB(member, least, most)                                                           \
  Knob {                                                                                           \
    #member, [](const Schedule& s) { return static_cast<int64_t>(s.member); },                     \
        [](Schedule& s, int64_t v) { s.member = static_cast<decltype(s.member)>(v); }, least, most \
  }

constexpr int64_t kMany = int64_t{1} << 40;
constexpr Knob kContract[] = {
    LAZULI_KNOB(tile_rows, 1, 31),       LAZULI_KNOB(tile_vectors, 1, 8), LAZULI_KNOB(row_tiles, 1, kMany),
    LAZULI_KNOB(column_tiles, 1, kMany), LAZULI_KNOB(batches, 1, kMany),  LAZULI_KNOB(depth_block, 512, kDepthSpan),
    LAZULI_KNOB(pack_rows, 0, 2),        LAZULI_KNOB(pack_columns, 0, 2), LAZULI_KNOB(split_depth, 0, 1),
    LAZULI_KNOB(in_registers, 0, 1),
};
constexpr Knob kLoops[] = {
    LAZULI_KNOB(rows_per_task, 1, kMany),
    LAZULI_KNOB(unroll, 1, 4),
};
#undef LAZULI_KNOB

std::span<const Knob> knobs_of(const Schedule& s) {
  if (s.threads || s.parts || s.places) return {};  // tiles of places are runs of a line
  if (s.strategy == Strategy::Contract) return kContract;
  const bool in_rows = s.strategy == Strategy::Map || s.strategy == Strategy::RowInner;
  if (in_rows && s.block == 0 && s.rows_at_once == 1) return kLoops;
  return {};
}

/// Beyond this a task's own memory is no cache's.
constexpr int64_t kMostScratch = int64_t{64} << 20, kMostWorkspace = int64_t{64} << 20;
/// Elementwise work of operands that are read in place, of results that are finished in registers.
constexpr double kLight = 4;

int registers_of(const Schedule& s) {
  return s.vector_bits == 512 ? 31 : 15;
}

void add(std::vector<Schedule>& list, const Schedule& s) {
  if (std::find(list.begin(), list.end(), s) == list.end()) list.push_back(s);
}

}  // namespace

std::string knobs(const Schedule& s) {
  std::string text;
  for (const Knob& k : knobs_of(s)) text += fmt::format("{}{}={}", text.empty() ? "" : " ", k.name, k.get(s));
  return text;
}

Tuning::Tuning(const ir::Region& region, LoweringOptions options) : options_(std::move(options)) {
  if (options_.gpu || !region.parts.empty()) return;
  probe_ = std::make_unique<const RegionEmitter>(region, options_);
  chosen_ = choose_schedule(*probe_);
}

Tuning::~Tuning() = default;

int Tuning::stages() const {
  if (!probe_ || knobs_of(chosen_).empty()) return 0;
  return chosen_.strategy == Strategy::Contract ? 5 : 1;
}

std::vector<Schedule> Tuning::candidates(int stage, const Schedule& around) const {
  std::vector<Schedule> all = chosen_.strategy != Strategy::Contract ? loops(around)
                              : stage == 0                           ? tiles(around)
                              : stage == 1                           ? packing(around)
                              : stage == 2                           ? tasks(around)
                              : stage == 3                           ? depths(around)
                                                                     : tasks(around);
  for (Schedule& s : all) finish(s);
  std::vector<Schedule> distinct;
  for (const Schedule& s : all)
    if (s != around && allows(s)) add(distinct, s);
  return distinct;
}

std::optional<Schedule> Tuning::with(std::string_view text, std::string* why) const {
  const auto refuse = [&](std::string reason) {
    if (why) *why = std::move(reason);
    return std::nullopt;
  };
  Schedule s = chosen_;
  for (const Knob& k : knobs_of(chosen_)) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const std::string_view word = text.substr(0, std::min(text.find(' '), text.size()));
    const size_t equals = word.find('=');
    if (equals == word.npos || word.substr(0, equals) != k.name) return refuse(fmt::format("{} is missing", k.name));
    const std::string_view number = word.substr(equals + 1);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc{} || end != number.data() + number.size() || value < k.least || value > k.most)
      return refuse(fmt::format("{} is no value of {}", number, k.name));
    k.set(s, value);
    text.remove_prefix(word.size());
  }
  if (!text.empty()) return refuse("there is more text than knobs");
  finish(s);
  if (!allows(s)) return refuse("the region cannot be computed that way");
  return s;
}

/// What follows from the knobs.
void Tuning::finish(Schedule& s) const {
  if (s.strategy != Strategy::Contract) return;
  s.constant_sizes = chosen_.constant_sizes && s.pack_rows == Pack::None && s.pack_columns == Pack::None;
  if (s.tile_vectors % s.unroll != 0) s.unroll = 1;
}

bool Tuning::allows(const Schedule& s) const {
  if (s == chosen_) return true;
  for (const Knob& k : knobs_of(chosen_))
    if (k.get(s) < k.least || k.get(s) > k.most) return false;
  const RegionEmitter& e = *probe_;
  if (s.strategy != Strategy::Contract)  // loops with several vectors at once end at a multiple of a power of two
    return (s.unroll & (s.unroll - 1)) == 0 && s.rows_per_task <= std::max<int64_t>(1, e.nest.kept_extent());
  const ContractPlan p(e, s);
  const DType accumulated = Reducer(e.b, e.graph, 0).type(0);
  const auto size = static_cast<int64_t>(itemsize(accumulated));
  const bool same_tile = s.tile_rows == chosen_.tile_rows && s.tile_vectors == chosen_.tile_vectors;
  if (!same_tile && s.tile_rows * s.tile_vectors + s.tile_vectors + 1 > registers_of(s)) return false;
  if (s.row_tiles > p.row_tiles.pieces || s.column_tiles > p.column_tiles.pieces) return false;
  if (s.depth_block % kDepthBlock != 0 || kDepthSpan % s.depth_block != 0) return false;
  if (s.depth_block != chosen_.depth_block && s.depth_block / 2 >= p.depth) return false;
  if (s.split_depth && p.spans == 1) return false;
  if (s.batches > std::max<int64_t>(1, p.batch) || (s.batches > 1 && p.batches == 1)) return false;

  const auto is_light = [&](ItemId item) { return !p.quads && work_below(e.graph, item) <= kLight; };
  if (s.pack_rows != chosen_.pack_rows && s.pack_rows == Pack::Shared) return false;
  if (s.pack_rows != chosen_.pack_rows && s.pack_rows == Pack::None)
    if (!is_light(p.row_item) || p.depth_groups.size() > 1) return false;
  if (s.pack_columns != chosen_.pack_columns && s.pack_columns == Pack::None)
    if (!is_light(p.column_item) || p.depth_groups.size() > 1 || p.column_groups.size() > 1 ||
        reads_along_depth(e, p.column_item, p.column_groups, p.depth_groups))
      return false;
  if (s.pack_columns != chosen_.pack_columns && s.pack_columns == Pack::Shared) {
    const bool windows = std::any_of(e.region.nodes.begin(), e.region.nodes.end(),
                                     [](const ir::Node* n) { return n->op() == ir::Op::windows; });
    if (windows || p.depth == 0 || p.batch * p.depth * p.vectors() * p.lanes * size > kMostWorkspace) return false;
  }
  if (s.in_registers && !chosen_.in_registers) {
    double work = 0;
    for (const ItemId o : e.graph.outputs) work = std::max(work, work_below(e.graph, o));
    if (work > kLight || e.region.outputs.size() > 1 || !p.in_registers) return false;
  }
  const int64_t depth = std::min(p.depth, p.depth_block), lanes = p.lanes;
  int64_t scratch = p.column_tiles.size * lanes * depth;
  scratch += p.row_tasks.size * p.row_tiles.size * depth;
  const int64_t tile = p.row_tiles.size * p.column_tiles.size * lanes;
  scratch += tile * p.spans * (p.in_chunks() ? p.row_tasks.size * p.column_tasks.size : 1);
  return scratch * size <= kMostScratch;
}

/// Register tiles, those with most results first; a task keeps about as many rows and columns as it had.
std::vector<Schedule> Tuning::tiles(const Schedule& around) const {
  const ContractPlan p(*probe_, around);
  const int64_t rows = p.rows, vectors = p.vectors();
  const int registers = registers_of(around);
  const int64_t task_rows = p.row_tasks.size * p.row_tiles.size;
  const int64_t task_vectors = p.column_tasks.size * p.column_tiles.size;
  std::vector<std::pair<double, Schedule>> scored;
  for (int v = 1; v <= 8 && v <= vectors; ++v) {
    const int highest = static_cast<int>(std::min<int64_t>(rows, (registers - v - 1) / v));
    for (int h = std::max(1, highest / 2); h <= highest; ++h) {
      const EvenCut down(rows, h), across(vectors, v);
      if (down.size != h || across.size != v) continue;  // another tile is the same
      Schedule s = around;
      s.tile_rows = h;
      s.tile_vectors = v;
      s.row_tiles = p.row_tasks.pieces == 1 ? down.pieces : std::clamp<int64_t>(task_rows / h, 1, down.pieces);
      s.column_tiles =
          p.column_tasks.pieces == 1 ? across.pieces : std::clamp<int64_t>(task_vectors / v, 1, across.pieces);
      const double results = h * v, loads = (h + v) / results;
      const double score = std::min(1.0, 2 * results / registers) * (1 - 0.15 * std::max(0.0, loads - 0.6)) +
                           0.002 * results - 0.03 * (down.uneven() + across.uneven());
      scored.emplace_back(score, s);
    }
  }
  std::stable_sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  constexpr size_t kMost = 24;
  std::vector<Schedule> list;
  for (size_t i = 0; i < scored.size() && i < kMost; ++i) list.push_back(scored[i].second);
  return list;
}

/// Along which axes tasks are cut, and how far; the cuts nearest to the present one first.
std::vector<Schedule> Tuning::tasks(const Schedule& around) const {
  const ContractPlan p(*probe_, around);
  const int64_t tiles = p.row_tiles.pieces * p.column_tiles.pieces;
  std::vector<std::pair<double, Schedule>> scored;
  const auto consider = [&](int64_t down, int64_t across, int64_t batches) {
    if (down > p.row_tiles.pieces || across > p.column_tiles.pieces) return;
    Schedule s = around;
    s.row_tiles = (p.row_tiles.pieces + down - 1) / down;
    s.column_tiles = (p.column_tiles.pieces + across - 1) / across;
    s.batches = batches;
    const auto distance = [](int64_t a, int64_t b) {
      return std::abs(std::log2(static_cast<double>(a) / static_cast<double>(b)));
    };
    scored.emplace_back(distance(s.row_tiles, around.row_tiles) + distance(s.column_tiles, around.column_tiles) +
                            distance(batches, p.batches),
                        s);
  };
  constexpr int64_t kMostTasks = 4096;
  for (const int64_t down : {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64})
    for (const int64_t across : {1, 2, 3, 4, 8, 16})
      if (down * across <= std::min(tiles, kMostTasks)) consider(down, across, 1);
  for (int64_t batches = 2; batches <= p.batch && batches <= 1024; batches *= 2) consider(1, 1, batches);
  std::stable_sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  constexpr size_t kMost = 20;
  std::vector<Schedule> list;
  for (size_t i = 0; i < scored.size() && i < kMost; ++i) list.push_back(scored[i].second);
  return list;
}

/// Where operands are read, and whether epilogues take sums from registers.
std::vector<Schedule> Tuning::packing(const Schedule& around) const {
  std::vector<Schedule> list;
  for (const bool in_registers : {around.in_registers, !around.in_registers})
    for (const Pack rows : {Pack::None, Pack::Task})
      for (const Pack columns : {Pack::None, Pack::Task, Pack::Shared}) {
        Schedule s = around;
        s.in_registers = in_registers;
        s.pack_rows = rows;
        s.pack_columns = columns;
        list.push_back(s);
      }
  return list;
}

/// How much of the depth is packed at once, and whether its spans are tasks.
std::vector<Schedule> Tuning::depths(const Schedule& around) const {
  std::vector<Schedule> list;
  for (const bool split : {around.split_depth, !around.split_depth})
    for (int64_t block = kDepthBlock; block <= 8 * kDepthBlock; block *= 2) {
      Schedule s = around;
      s.depth_block = block;
      s.split_depth = split;
      list.push_back(s);
    }
  return list;
}

/// Rows of a task and vectors of an iteration, where rows are tasks.
std::vector<Schedule> Tuning::loops(const Schedule& around) const {
  std::vector<Schedule> list;
  const int64_t rows = std::max<int64_t>(1, probe_->nest.kept_extent());
  for (const int unroll : {around.unroll, 1, 2, 4})
    for (const int shift : {0, -1, 1, -2, 2, -3, 3}) {
      Schedule s = around;
      s.unroll = unroll;
      s.rows_per_task = shift < 0 ? s.rows_per_task >> -shift : s.rows_per_task << shift;
      if (s.rows_per_task >= 1 && s.rows_per_task <= rows) list.push_back(s);
    }
  return list;
}

}  // namespace lazuli::codegen
