// Contractions of float16, bfloat16 and int8 on the matrix units of a GPU: a block takes a tile of results, which one
// instruction of kernel IR multiplies over the whole depth (KOp::MultiplyTile); the finished sums stand in shared
// memory, and the epilogue runs over them along rows of the result, as that of BlockContract does.
//
// Operands that are elements of tensors as they are (consecutive along the depth or along one of their free axes, at
// equal distances otherwise) are copied. What is computed from tensors element by element (a cast, weights that are
// scaled or unpacked) is made on the way: read into registers while an earlier step is multiplied, computed behind it.
// Anything else is BlockContract's.
//
// Where there are fewer tiles than processors and the depth is long, parts of the depth are tasks of their own, and a
// phase adds their sums up in ascending order.
#include <algorithm>
#include <bit>
#include <tuple>

#include "codegen/block_reduce.h"
#include "codegen/contract_plan.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

namespace {

constexpr int64_t kThreads = 256;
constexpr int64_t kLeastDepth = 32;
constexpr int64_t kTile = 64;       // rows, columns: of one side at least
constexpr int64_t kFewest = 2;      // of the other one: one row is a product of a matrix and a vector
constexpr int64_t kLeastSteps = 8;  // of a part of the depth
constexpr int64_t kMostSplits = 32;
constexpr int64_t kMadeAtOnce = 8;

/// How an operand lies in memory, or is made.
struct Layout {
  ItemId item;  // its load; what is made
  DType type;
  int64_t stride;  // of its free axis, or, where that is consecutive, of the depth
  bool along_depth;
  int made = 0;  // elements at once
};

bool is_operand_type(DType t) {
  return t == kInt8 || t == kFloat16 || t == kBFloat16;
}

std::optional<Layout> stored_layout(const RegionEmitter& e, ItemId id, const std::vector<size_t>& free,
                                    const std::vector<size_t>& depth) {
  const Item& item = e.graph.items[id];
  if (item.kind != ItemKind::Load || item.inside != ir::IndexArena::kAlways) return std::nullopt;
  const auto across = flat_stride(e, item.position, free), along = flat_stride(e, item.position, depth);
  if (!across || !along) return std::nullopt;
  if (*along == 1) return Layout{id, item.dtype, *across, true};
  if (*across == 1 && item.dtype != kInt8) return Layout{id, item.dtype, *along, false};
  return std::nullopt;
}

/// Whether this can be computed for any one element, without anything that may fail.
bool is_elementwise(const ItemGraph& graph, ItemId root) {
  std::vector<bool> seen(graph.items.size());
  std::vector<ItemId> todo{root};
  while (!todo.empty()) {
    const ItemId id = todo.back();
    todo.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    const Item& i = graph.items[id];
    if (i.kind == ItemKind::Gather || i.kind == ItemKind::Reduction || is_random_word(i)) return false;
    if (i.kind == ItemKind::Function && i.function->has_checks()) return false;
    todo.insert(todo.end(), i.operands.begin(), i.operands.end());
  }
  return true;
}

std::optional<Layout> layout(const RegionEmitter& e, ItemId operand, const std::vector<size_t>& free, int64_t count,
                             const std::vector<size_t>& depth) {
  const ItemId id = element_item(e, operand);
  const DType type = e.graph.items[id].dtype;
  if (!is_operand_type(type)) return std::nullopt;
  if (const auto stored = stored_layout(e, id, free, depth)) return stored;
  if (!is_elementwise(e.graph, id)) return std::nullopt;
  const bool along = type == kInt8 || reads_along_depth(e, id, free, depth);
  const int64_t run = along ? e.nest.reduced_extent() : count;
  return Layout{id, type, 0, along, static_cast<int>(run % kMadeAtOnce == 0 ? kMadeAtOnce : 1)};
}

struct Layouts {
  Layout rows, columns;
};

std::optional<Layouts> layouts(const RegionEmitter& e, const ContractPlan& p) {
  const auto rows = layout(e, p.row_item, p.row_groups, p.rows, p.depth_groups);
  const auto columns = layout(e, p.column_item, p.column_groups, p.columns, p.depth_groups);
  if (!rows || !columns || rows->type != columns->type) return std::nullopt;
  return Layouts{*rows, *columns};
}

/// Steps of the depth, each of so many elements.
int64_t step_elements(DType t) {
  return static_cast<int64_t>(TileProduct::kStepBytes / itemsize(t));
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
    if (!lies.rows.made) product.left = e.input_buffer(e.graph.items[lies.rows.item].node);
    if (!lies.columns.made) product.right = e.input_buffer(e.graph.items[lies.columns.item].node);
    product.left_along_depth = lies.rows.along_depth;
    product.right_along_depth = lies.columns.along_depth;
    product.left_made = static_cast<uint16_t>(lies.rows.made);
    product.right_made = static_cast<uint16_t>(lies.columns.made);
    sum_type = lies.rows.type == kInt8 ? kInt32 : kFloat32;
    const int64_t step = step_elements(lies.rows.type), steps = (p.depth + step - 1) / step;
    part = (steps + s.splits - 1) / s.splits * step;
    splits = (p.depth + part - 1) / part;
    product.to = e.add_shared(sum_type, product.extent());
    e.lowered.rounds_as_machine = is_floating(sum_type);
  }

  void run() {
    if (splits > 1) workspace = e.add_scratch(sum_type, Role::Workspace, splits * results());
    const int64_t row_tiles = (p.rows + product.rows - 1) / product.rows;
    const int64_t column_tiles = (p.columns + product.columns - 1) / product.columns;
    const int64_t per_batch = row_tiles * column_tiles, tiles = p.batch * per_batch, tasks = tiles * splits;
    const int64_t deep = std::min(part, p.depth);
    const double ns = 0.001 * static_cast<double>(product.rows * product.columns) * static_cast<double>(deep);
    e.phase("tiles", tasks, ns, [&](ValueId task) {
      ValueId tile = task, split = b.index(0);
      if (splits > 1) std::tie(tile, split) = e.nest.divide(task, {103, 0, 0}, splits, tasks);
      const auto [batch, in_batch] = e.nest.divide(tile, {104, 0, 0}, per_batch, tiles);
      const auto [row, column] = e.nest.divide(in_batch, {105, 0, 0}, column_tiles, per_batch);
      e.nest.bind_flat(p.batch_groups, batch);
      first_row = b.mul(row, b.index(product.rows));
      first_column = b.mul(column, b.index(product.columns));
      ValueId begin = b.index(0), depth = e.nest.size("depth", p.depth);
      if (splits > 1) {
        const ValueId size = e.nest.size("part", part);
        b.note_multiple(size, step_elements(lies.rows.type));
        begin = b.mul(split, size);
        depth = b.min(b.sub(depth, begin), size);
      }
      const ValueId rows = e.nest.size("rows", p.rows), columns = e.nest.size("columns", p.columns);
      const KernelBuilder::TileOperand left = operand(lies.rows, p.row_groups, first_row, begin, rows, "left_stride");
      const KernelBuilder::TileOperand right =
          operand(lies.columns, p.column_groups, first_column, begin, columns, "right_stride");
      b.multiply_tile(product, left, right, depth);
      if (splits == 1) return each_result(left.rows, right.rows, [&](ValueId at, ValueId, ValueId) { store(at); });
      const ValueId base = b.mul(split, e.nest.size("results", results()));
      each_result(left.rows, right.rows, [&](ValueId at, ValueId r, ValueId c) {
        const ValueId in_batch_row = b.add(b.mul(batch, rows), r);
        b.store(workspace, b.add(base, b.add(b.mul(in_batch_row, columns), c)), b.load(product.to, at, 1));
      });
    });
    if (splits > 1) merge();
  }

 private:
  int64_t results() const { return p.batch * p.rows * p.columns; }

  KernelBuilder::TileOperand operand(const Layout& l, const std::vector<size_t>& free, ValueId first, ValueId begin,
                                     ValueId count, const char* purpose) {
    const ValueId rows = b.sub(count, first);
    if (l.made) return made(l, free, first, begin, rows);
    e.nest.bind_flat(free, first);
    e.nest.bind_flat(p.depth_groups, begin);
    return {.offset = e.nest.address(e.graph.items[l.item].position).offset,
            .stride = e.nest.size(purpose, l.stride),
            .rows = rows};
  }

  KernelBuilder::TileOperand made(const Layout& l, const std::vector<size_t>& free, ValueId first, ValueId begin,
                                  ValueId rows) {
    const auto lanes = static_cast<uint16_t>(l.made);
    const auto bind = [this, &l, &free, first, begin, lanes](ValueId row, ValueId k) {
      e.nest.bind_flat(free, b.add(first, row), l.along_depth ? uint16_t{1} : lanes, true);
      e.nest.bind_flat(p.depth_groups, b.add(begin, k), l.along_depth ? lanes : uint16_t{1}, true);
      e.nest.blocks_of_lanes = lanes > 1;
    };
    const std::vector<ItemId> loads = e.loads_below({l.item});
    KernelBuilder::TileOperand side{.offset = b.index(0), .stride = b.index(0), .rows = rows};
    side.fetch = [this, bind, loads, lanes](ValueId row, ValueId k) {
      bind(row, k);
      Body body{.lanes = lanes, .mask = {}, .values = {}};
      std::vector<ValueId> read;
      for (ItemId id : loads) read.push_back(e.emit(id, body));
      return read;
    };
    side.convert = [this, bind, loads, lanes, item = l.item](ValueId row, ValueId k, const std::vector<ValueId>& read) {
      bind(row, k);
      Body body{.lanes = lanes, .mask = {}, .values = {}};
      for (size_t n = 0; n < loads.size(); ++n) body.values[loads[n]] = read[n];
      const ValueId v = e.emit(item, body);
      e.nest.blocks_of_lanes = false;
      return v;
    };
    return side;
  }

  /// For every result of the tile: its place in shared memory, its row and its column, which are bound.
  void each_result(ValueId rows, ValueId columns, const std::function<void(ValueId, ValueId, ValueId)>& body) {
    const int64_t wide = product.columns;
    tree.threads(b.index(product.rows * wide), [&](ValueId i) {
      const ValueId row = tree.shift_right(i, b.index(std::countr_zero(static_cast<uint64_t>(wide))));
      const ValueId column = tree.low_bits(i, wide);
      tree.when(b.prim(Prim::bit_and, kBool, {b.lt(row, rows), b.lt(column, columns)}), [&] {
        const ValueId r = b.add(first_row, row), c = b.add(first_column, column);
        e.nest.bind_flat(p.row_groups, r);
        e.nest.bind_flat(p.column_groups, c);
        body(b.add(b.mul(row, b.index(product.pitch())), column), r, c);
      });
    });
  }

  /// Everything behind the sum, and the stores.
  void finish(const std::function<ValueId()>& sum) {
    e.reduction_value = [&](uint32_t, const Body&) { return reducer.finish({reducer.to_accumulator(sum())}); };
    Body body;
    e.store_outputs(outputs, body);
  }
  void store(ValueId at) {
    finish([&] { return b.load(product.to, at, 1); });
  }

  /// Adds the parts' sums up, in ascending order.
  void merge() {
    const int64_t n = results(), tasks = (n + kThreads - 1) / kThreads;
    e.phase("merge", tasks, static_cast<double>(kThreads * splits), [&](ValueId task) {
      const ValueId begin = b.mul(task, b.index(kThreads)), all = e.nest.size("results", n);
      tree.threads(b.min(b.sub(all, begin), b.index(kThreads)), [&](ValueId t) {
        const ValueId at = b.add(begin, t);
        const auto sum = b.for_loop(b.index(1), e.nest.size("splits", splits), b.index(1), {b.load(workspace, at, 1)},
                                    [&](ValueId s, const std::vector<ValueId>& carried) {
                                      const ValueId v = b.load(workspace, b.add(b.mul(s, all), at), 1);
                                      return std::vector<ValueId>{b.add(carried[0], v)};
                                    });
        const auto [rest, column] = e.nest.divide(at, {106, 0, 0}, p.columns, n);
        const auto [batch, row] = e.nest.divide(rest, {107, 0, 0}, p.rows, p.batch * p.rows);
        e.nest.bind_flat(p.batch_groups, batch);
        e.nest.bind_flat(p.row_groups, row);
        e.nest.bind_flat(p.column_groups, column);
        finish([&] { return sum[0]; });
      });
    });
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
  int64_t part = 0, splits = 1;  // of the depth
  uint32_t workspace = 0;        // sums of the parts
  ValueId first_row = kNone, first_column = kNone;
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
  const int64_t few = std::min(p.rows, p.columns), many = std::max(p.rows, p.columns);
  if (few < kFewest || many < kTile || p.depth < kLeastDepth) return false;
  const auto lies = layouts(probe, p);
  if (!lies) return false;
  chosen.threads = static_cast<int>(kThreads);
  chosen.registers = 128;
  // Every processor wants a tile; larger ones read less for every product. Few rows or columns take tiles that are not
  // padded to more than twice their number.
  const auto tiles = [&](int64_t rows, int64_t columns) {
    return (p.rows + rows - 1) / rows * ((p.columns + columns - 1) / columns) * p.batch;
  };
  // What is made passes through registers, which sums of a large tile want, too.
  constexpr int64_t kMostFetched = 48;
  const auto fetched = [&](const Layout& l) {
    const auto loads = static_cast<int64_t>(l.made ? probe.loads_below({l.item}).size() : 0);
    return loads * 128 * step_elements(l.type) / kThreads;
  };
  const bool fits = fetched(lies->rows) + fetched(lies->columns) <= kMostFetched;
  const bool large = few > kTile && fits && tiles(128, 128) >= gpu.processors;
  chosen.tile_rows = chosen.tile_vectors = large ? 128 : 64;
  if (few <= kTile / 2) {
    const int narrow = few <= 16 ? 16 : 32;
    chosen.tile_rows = p.rows == few ? narrow : 128;
    chosen.tile_vectors = p.rows == few ? 128 : narrow;
  }
  chosen.made_rows = lies->rows.made;
  chosen.made_columns = lies->columns.made;
  chosen.stages = 4;
  chosen.depth_block = static_cast<int64_t>(TileProduct::kStepBytes);
  const int64_t blocks = std::max<int64_t>(1, tiles(chosen.tile_rows, chosen.tile_vectors));
  const int64_t step = step_elements(lies->rows.type), steps = (p.depth + step - 1) / step;
  chosen.splits = std::clamp<int64_t>(std::min(gpu.processors / blocks, steps / kLeastSteps), 1, kMostSplits);
  s = chosen;
  return true;
}

}  // namespace lazuli::codegen
