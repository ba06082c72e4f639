// Contractions of float16, bfloat16 and int8 on the matrix units of a GPU: a block takes a tile of results, which one
// instruction of kernel IR multiplies over the whole depth (KOp::MultiplyTile); the finished sums stand in shared
// memory, and the epilogue runs over them along rows of the result, as that of BlockContract does.
//
// The operands are elements of tensors as they are: consecutive along the depth or along one of their free axes, at
// equal distances otherwise. Anything else (work on an operand, bytes along a free axis) is BlockContract's.
#include <bit>

#include "codegen/block_reduce.h"
#include "codegen/contract_plan.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

namespace {

constexpr int64_t kThreads = 256;
constexpr int64_t kLeast = 64;  // rows, columns: below, most of a tile would be padding
constexpr int64_t kLeastDepth = 32;

/// How an operand lies in memory.
struct Layout {
  ItemId item;     // its load
  int64_t stride;  // of its free axis, or, where that is consecutive, of the depth
  bool along_depth;
};

/// The distance of neighbours along these loops taken as one; nothing where it varies.
std::optional<int64_t> flat_stride(const RegionEmitter& e, ir::IndexId position, const std::vector<size_t>& groups) {
  std::optional<int64_t> inner;
  int64_t next = 0;  // what a step of the loop outside must be
  for (size_t n = groups.size(); n-- > 0;) {
    const auto stride = e.nest.stride(position, groups[n]);
    if (!stride || (inner && *stride != next)) return std::nullopt;
    if (!inner) inner = stride;
    next = *stride * e.nest.groups()[groups[n]].extent;
  }
  return inner;
}

std::optional<Layout> layout(const RegionEmitter& e, ItemId id, const std::vector<size_t>& free,
                             const std::vector<size_t>& depth) {
  const Item* item = &e.graph.items[id];
  if (item->kind == ItemKind::Function && item->node->op() == ir::Op::cast && item->dtype == kInt32) {
    id = item->operands[0];
    item = &e.graph.items[id];
    if (item->dtype != kInt8) return std::nullopt;
  }
  if (item->kind != ItemKind::Load || item->inside != ir::IndexArena::kAlways) return std::nullopt;
  if (item->dtype != kInt8 && item->dtype != kFloat16 && item->dtype != kBFloat16) return std::nullopt;
  const auto across = flat_stride(e, item->position, free), along = flat_stride(e, item->position, depth);
  if (!across || !along) return std::nullopt;
  if (*along == 1) return Layout{id, *across, true};
  if (*across == 1 && item->dtype != kInt8) return Layout{id, *along, false};
  return std::nullopt;
}

struct Layouts {
  Layout rows, columns;
};

std::optional<Layouts> layouts(const RegionEmitter& e, const ContractPlan& p) {
  const auto rows = layout(e, p.row_item, p.row_groups, p.depth_groups);
  const auto columns = layout(e, p.column_item, p.column_groups, p.depth_groups);
  if (!rows || !columns || e.graph.items[rows->item].dtype != e.graph.items[columns->item].dtype) return std::nullopt;
  return Layouts{*rows, *columns};
}

class BlockMatrix {
 public:
  explicit BlockMatrix(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        tree(emitter, 1),
        p(emitter),
        reducer(emitter.b, emitter.graph, 0),
        lies(layouts(emitter, p).value()),
        outputs(emitter.outputs_where(false)) {
    const Schedule& s = e.schedule;
    product.rows = static_cast<uint32_t>(s.tile_rows);
    product.columns = static_cast<uint32_t>(s.tile_vectors);
    product.stages = static_cast<uint32_t>(s.stages);
    product.left = e.input_buffer(e.graph.items[lies.rows.item].node);
    product.right = e.input_buffer(e.graph.items[lies.columns.item].node);
    product.left_along_depth = lies.rows.along_depth;
    product.right_along_depth = lies.columns.along_depth;
    sum_type = e.graph.items[lies.rows.item].dtype == kInt8 ? kInt32 : kFloat32;
    product.to = e.add_shared(sum_type, product.extent());
    e.lowered.rounds_as_machine = is_floating(sum_type);
  }

  void run() {
    const int64_t row_tiles = (p.rows + product.rows - 1) / product.rows;
    const int64_t column_tiles = (p.columns + product.columns - 1) / product.columns;
    const int64_t per_batch = row_tiles * column_tiles, tasks = p.batch * per_batch;
    const double ns = 0.001 * static_cast<double>(product.rows * product.columns) * static_cast<double>(p.depth);
    e.phase("tiles", tasks, ns, [&](ValueId task) {
      const auto [batch, in_batch] = e.nest.divide(task, {104, 0, 0}, per_batch, tasks);
      const auto [row, column] = e.nest.divide(in_batch, {105, 0, 0}, column_tiles, per_batch);
      e.nest.bind_flat(p.batch_groups, batch);
      const ValueId first_row = b.mul(row, b.index(product.rows));
      const ValueId first_column = b.mul(column, b.index(product.columns));
      const ValueId rows = e.nest.size("rows", p.rows), columns = e.nest.size("columns", p.columns);
      const KernelBuilder::TileOperand left = operand(lies.rows, p.row_groups, first_row, rows, "left_stride");
      const KernelBuilder::TileOperand right =
          operand(lies.columns, p.column_groups, first_column, columns, "right_stride");
      b.multiply_tile(product, left, right, e.nest.size("depth", p.depth));
      epilogue(first_row, first_column, left.rows, right.rows);
    });
  }

 private:
  KernelBuilder::TileOperand operand(const Layout& l, const std::vector<size_t>& free, ValueId first, ValueId count,
                                     const char* purpose) {
    e.nest.bind_flat(free, first);
    e.nest.bind_flat(p.depth_groups, b.index(0));
    return {e.nest.address(e.graph.items[l.item].position).offset, e.nest.size(purpose, l.stride), b.sub(count, first)};
  }

  /// Everything behind the sums, and the stores, along rows of the tile.
  void epilogue(ValueId first_row, ValueId first_column, ValueId rows, ValueId columns) {
    const int64_t wide = product.columns;
    tree.threads(b.index(product.rows * wide), [&](ValueId i) {
      const ValueId row = tree.shift_right(i, b.index(std::countr_zero(static_cast<uint64_t>(wide))));
      const ValueId column = tree.low_bits(i, wide);
      tree.when(b.prim(Prim::bit_and, kBool, {b.lt(row, rows), b.lt(column, columns)}), [&] {
        e.nest.bind_flat(p.row_groups, b.add(first_row, row));
        e.nest.bind_flat(p.column_groups, b.add(first_column, column));
        const ValueId at = b.add(b.mul(row, b.index(product.pitch())), column);
        e.reduction_value = [&, at](uint32_t, const Body&) { return reducer.finish({summed(at)}); };
        Body body;
        e.store_outputs(outputs, body);
      });
    });
  }

  /// A sum in the type that the definition adds up in: integers of the same low bits, floats as they are.
  ValueId summed(ValueId at) {
    const ValueId v = b.load(product.to, at, 1);
    if (reducer.type(0) == sum_type) return v;
    const ValueId args[] = {v};
    return b.inline_function(ir::lower_cast(sum_type, reducer.type(0)), args)[0];
  }

  RegionEmitter& e;
  KernelBuilder& b;
  BlockReducer tree;
  ContractPlan p;
  Reducer reducer;
  const Layouts lies;
  const std::vector<size_t> outputs;
  TileProduct product;
  DType sum_type = kFloat32;
};

}  // namespace

void lower_block_matrix(RegionEmitter& e) {
  BlockMatrix(e).run();
}

bool choose_block_matrix(const RegionEmitter& probe, Schedule& s) {
  const GpuTarget& gpu = *probe.options.gpu;
  if (!gpu.matrix_units) return false;
  Schedule chosen = s;
  chosen.strategy = Strategy::BlockMatrix;
  chosen.tile_rows = chosen.tile_vectors = 1;
  const ContractPlan p(probe, chosen);
  if (p.rows < kLeast || p.columns < kLeast || p.depth < kLeastDepth || !layouts(probe, p)) return false;
  chosen.threads = static_cast<int>(kThreads);
  chosen.registers = 128;
  // Every processor wants a tile; larger ones read less for every product.
  const auto tiles = [&](int64_t side) {
    return (p.rows + side - 1) / side * ((p.columns + side - 1) / side) * p.batch;
  };
  const bool large = p.rows > kLeast && p.columns > kLeast && tiles(128) >= gpu.processors;
  chosen.tile_rows = chosen.tile_vectors = large ? 128 : 64;
  chosen.stages = 4;
  chosen.depth_block = static_cast<int64_t>(TileProduct::kStepBytes);
  s = chosen;
  return true;
}

}  // namespace lazuli::codegen
