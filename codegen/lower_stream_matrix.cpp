// Contractions on the matrix units of sm_90a as one pipeline (KOp::StreamTile): as many blocks as there are processors
// take tile after tile; one group of threads has the copy engine bring boxes of the operands, two others multiply, so
// that a tile's epilogue runs while the next one's operands come. Sums stay in registers until a warp takes a piece of
// them through shared memory, where the epilogue finds runs along the result's rows.
//
// The copy engine counts in 16 bytes: where an operand begins, and the distances of its rows and batches, must be
// multiples of that. Addresses that are not, of memory that others bring, are the executor's to mend (runtime/cuda).
#include "codegen/block_reduce.h"
#include "codegen/contract_plan.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

namespace {

constexpr int64_t kCopyBytes = 16;  // what offsets and distances are multiples of
constexpr int64_t kMostDistance = int64_t{1} << 39, kMostExtent = int64_t{1} << 31;  // bytes, elements
constexpr int64_t kLeast = 64, kLeastDepth = 32;  // below, most of a tile would be padding
constexpr int64_t kTall = 8;                      // row tiles that are taken side by side

/// How the copy engine finds an operand.
struct Side {
  ItemId item;       // its load
  bool along_depth;  // or along its free axis: elements in a row
  int64_t stride;    // elements, of the other one
  int64_t offset = 0, batch_stride = 0, batches = 1;
};

bool is_multiple(int64_t elements, DType t) {
  return elements * static_cast<int64_t>(itemsize(t)) % kCopyBytes == 0;
}

std::optional<Side> side(const RegionEmitter& e, const ContractPlan& p, ItemId operand,
                         const std::vector<size_t>& free) {
  const ItemId load = element_item(e, operand);
  const Item& item = e.graph.items[load];
  if (item.kind != ItemKind::Load || item.inside != ir::IndexArena::kAlways) return std::nullopt;
  if (item.dtype != kInt8 && !is_half(item.dtype) && !(item.dtype == kFloat32 && e.options.gpu->tf32))
    return std::nullopt;
  const auto across = flat_stride(e, item.position, free), along = flat_stride(e, item.position, p.depth_groups);
  const auto batch_stride = flat_stride(e, item.position, p.batch_groups);
  if (!across || !along || !batch_stride) return std::nullopt;
  if (*along != 1 && (*across != 1 || !is_half(item.dtype))) return std::nullopt;
  Side s{.item = load,
         .along_depth = *along == 1,
         .stride = *along == 1 ? *across : *along,
         .offset = e.region.arena->expr(item.position).offset};
  if (p.batch > 1 && *batch_stride != 0) {
    s.batches = p.batch;
    s.batch_stride = *batch_stride;
  }
  // A single row or batch has no distance, but the engine wants one.
  const int64_t unit = kCopyBytes / static_cast<int64_t>(itemsize(item.dtype));
  if (s.batches == 1) s.batch_stride = unit;
  const auto distance = [&](int64_t d) {
    return d > 0 && is_multiple(d, item.dtype) && d * static_cast<int64_t>(itemsize(item.dtype)) <= kMostDistance;
  };
  const bool fits = distance(s.stride) && distance(s.batch_stride) && s.offset >= 0 &&
                    is_multiple(s.offset, item.dtype) && p.rows < kMostExtent && p.columns < kMostExtent &&
                    p.depth < kMostExtent && p.batch < kMostExtent;
  return fits ? std::optional(s) : std::nullopt;
}

struct Sides {
  Side rows, columns;
};

std::optional<Sides> sides(const RegionEmitter& e, const ContractPlan& p) {
  const auto rows = side(e, p, p.row_item, p.row_groups), columns = side(e, p, p.column_item, p.column_groups);
  if (!rows || !columns) return std::nullopt;
  const DType t = e.graph.items[rows->item].dtype;
  if (t != e.graph.items[columns->item].dtype) return std::nullopt;
  return Sides{*rows, *columns};
}

/// Elements of a row that a thread takes at once: 16 bytes of the narrowest output where everything runs along the
/// rows or is the same for all of them, else one.
uint16_t epilogue_lanes(const RegionEmitter& e, const ContractPlan& p) {
  if (p.column_groups.size() != 1) return 1;
  const size_t along = p.column_groups[0];
  const auto runs = [&](ir::IndexId position, bool constant) {
    const auto step = e.nest.stride(position, along);
    return step && (*step == 1 || (constant && *step == 0));
  };
  for (const Item& i : e.graph.items) {
    if (i.inner) continue;
    if (i.kind == ItemKind::Gather || i.kind == ItemKind::Choice || i.kind == ItemKind::Position) return 1;
    if (i.kind == ItemKind::Load && (i.inside != ir::IndexArena::kAlways || !runs(i.position, true))) return 1;
  }
  size_t narrowest = 8;
  for (size_t o = 0; o < e.region.outputs.size(); ++o) {
    if (!runs(e.graph.output_position[o], false)) return 1;
    narrowest = std::min(narrowest, itemsize(e.region.outputs[o]->dtype()));
  }
  const auto lanes = static_cast<uint16_t>(std::min<size_t>(8, kCopyBytes / narrowest));
  return p.columns % lanes == 0 ? lanes : 1;
}

class StreamMatrix {
 public:
  explicit StreamMatrix(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        tree(emitter, 1),
        p(emitter),
        reducer(emitter.b, emitter.graph, 0),
        lie(sides(emitter, p).value()),
        outputs(emitter.outputs_where(false)),
        lanes(epilogue_lanes(emitter, p)) {
    const Schedule& s = e.schedule;
    product.rows = static_cast<uint32_t>(s.tile_rows);
    product.columns = static_cast<uint32_t>(s.tile_vectors);
    product.stages = static_cast<uint32_t>(s.stages);
    product.left = e.input_buffer(e.graph.items[lie.rows.item].node);
    product.right = e.input_buffer(e.graph.items[lie.columns.item].node);
    product.left_along_depth = lie.rows.along_depth;
    product.right_along_depth = lie.columns.along_depth;
    product.left_batched = lie.rows.batches > 1;
    product.right_batched = lie.columns.batches > 1;
    sum_type = e.graph.items[lie.rows.item].dtype == kInt8 ? kInt32 : kFloat32;
    product.to = e.add_shared(sum_type, product.extent());
    e.lowered.rounds_as_machine = is_floating(sum_type);
  }

  void run() {
    const int64_t row_tiles = (p.rows + product.rows - 1) / product.rows;
    const int64_t column_tiles = (p.columns + product.columns - 1) / product.columns;
    const int64_t per_batch = row_tiles * column_tiles, tasks = p.batch * per_batch;
    const double ns = 0.0005 * static_cast<double>(product.rows * product.columns) * static_cast<double>(p.depth);
    e.phase("tiles", tasks, ns, [&](ValueId task) {
      product.left_sizes = operand_sizes("left", lie.rows, p.rows);
      product.right_sizes = operand_sizes("right", lie.columns, p.columns);
      const auto [batch, in_batch] = e.nest.divide(task, {104, 0, 0}, per_batch, tasks);
      const auto [row, column] = place(in_batch, row_tiles, column_tiles);
      e.nest.bind_flat(p.batch_groups, batch);
      const ValueId first_row = b.mul(row, b.index(product.rows));
      const ValueId first_column = b.mul(column, b.index(product.columns));
      const ValueId rows = e.nest.size("rows", p.rows), columns = e.nest.size("columns", p.columns);
      b.stream_tile(product, first_row, first_column, batch,
                    [&](ValueId top, ValueId left) { epilogue(top, left, rows, columns); });
    });
  }

 private:
  /// In the order that StreamProduct says.
  uint32_t operand_sizes(const std::string& name, const Side& s, int64_t rows) {
    const std::pair<const char*, int64_t> all[] = {
        {"_offset", s.offset}, {"_stride", s.stride}, {"_batch_stride", s.batch_stride},
        {"_rows", rows},       {"_depth", p.depth},   {"_batches", s.batches}};
    for (const auto& [what, value] : all) e.nest.size((name + what).c_str(), value);
    return e.nest.size_number((name + "_offset").c_str());
  }

  /// Tiles are taken down groups of kTall rows of them, so that those that run side by side share operands in the
  /// second-level cache. The last group may have fewer.
  std::pair<ValueId, ValueId> place(ValueId tile, int64_t row_tiles, int64_t column_tiles) {
    const int64_t tall = std::min(kTall, row_tiles), in_group = tall * column_tiles, tiles = row_tiles * column_tiles;
    const auto [group, in] = e.nest.divide(tile, {105, 0, 0}, in_group, tiles);
    const auto [column, row] = e.nest.divide(in, {106, 0, 0}, tall, in_group);
    const ValueId first = b.mul(group, e.nest.size("tall", tall));
    const int64_t rest = row_tiles % tall;
    if (rest == 0) return {b.add(first, row), column};
    const auto [last_column, last_row] = e.nest.divide(in, {107, 0, 0}, rest, in_group);
    const ValueId is_last = b.lt(e.nest.size("before_last_group", row_tiles - rest), b.add(first, b.index(1)));
    const auto choose = [&](ValueId x, ValueId y) { return b.prim(Prim::select, kInt64, {is_last, x, y}); };
    return {b.add(first, choose(last_row, row)), choose(last_column, column)};
  }

  /// Everything behind the sums of a piece, and the stores.
  void epilogue(ValueId top, ValueId left, ValueId rows, ValueId columns) {
    using P = StreamProduct;
    const auto body = [&](ValueId i, const std::vector<ValueId>&) {
      const ValueId row = b.prim(Prim::lshr, kInt64, {i, b.index(5)}), column = tree.low_bits(i, P::kPieceColumns);
      const ValueId at_row = b.add(top, row), at_column = b.add(left, column);
      tree.when(b.prim(Prim::bit_and, kBool, {b.lt(at_row, rows), b.lt(at_column, columns)}), [&] {
        e.nest.bind_flat(p.row_groups, at_row);
        e.nest.bind_flat(p.column_groups, at_column, lanes);
        const ValueId at = b.add(b.mul(row, b.index(P::kPiecePitch)), column);
        e.reduction_value = [&, at](uint32_t, const Body&) { return reducer.finish({summed(at)}); };
        Body one{.lanes = lanes, .mask = {}, .values = {}};
        e.store_outputs(outputs, one);
      });
      return std::vector<ValueId>{};
    };
    b.for_loop(b.index(0), b.index(int64_t{P::kPieceRows} * P::kPieceColumns), b.index(lanes), {}, body,
               LoopKind::Thread);
  }

  /// Sums in the type that the definition adds up in: integers of the same low bits, floats as they are.
  ValueId summed(ValueId at) { return reducer.to_accumulator(b.load(product.to, at, lanes, lanes > 1 ? kAligned : 0)); }

  RegionEmitter& e;
  KernelBuilder& b;
  BlockReducer tree;
  ContractPlan p;
  Reducer reducer;
  const Sides lie;
  const std::vector<size_t> outputs;
  const uint16_t lanes;
  StreamProduct product;
  DType sum_type = kFloat32;
};

}  // namespace

void lower_stream_matrix(RegionEmitter& e) {
  StreamMatrix(e).run();
}

bool choose_stream_matrix(const RegionEmitter& probe, Schedule& s) {
  const GpuTarget& gpu = *probe.options.gpu;
  if (!gpu.matrix_units || !gpu.streams) return false;
  Schedule chosen = s;
  chosen.strategy = Strategy::StreamMatrix;
  chosen.tile_rows = chosen.tile_vectors = 1;
  const ContractPlan p(probe, chosen);
  if (p.rows <= kLeast || p.columns <= kLeast || p.depth < kLeastDepth || !sides(probe, p)) return false;
  const auto tiles = [&](int64_t columns) {
    return (p.rows + 127) / 128 * ((p.columns + columns - 1) / columns) * p.batch;
  };
  // Fewer are better cut into the smaller tiles of the other pipeline.
  if (2 * tiles(128) < gpu.processors) return false;
  // Wide tiles read less for every product, where every processor has one.
  const bool wide = p.columns > 128 && 8 * tiles(256) >= 7 * gpu.processors;
  chosen.threads = static_cast<int>(StreamProduct::kThreads);
  chosen.registers = 168;
  chosen.tile_rows = 128;
  chosen.tile_vectors = wide ? 256 : 128;
  chosen.stages = wide ? 4 : 6;
  chosen.depth_block = static_cast<int64_t>(StreamProduct::kStepBytes);
  s = chosen;
  return true;
}

}  // namespace lazuli::codegen
