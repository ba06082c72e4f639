// Map regions on a GPU whose operands do not all run along the innermost loop: a block takes a tile of 64 by 64 points.
// Of every operand that runs along the other side of the tile, elements are read along that side, by neighbouring
// threads, and go to shared memory; the tile is then computed along its rows, like any map. Rows of shared memory are
// one element longer than the tile, so that neither way of going through it meets one bank time and again.
#include <bit>

#include "codegen/block_reduce.h"
#include "codegen/strategies.h"

namespace lazuli::codegen {

namespace {

constexpr int64_t kSide = 64, kPitch = kSide + 1;

/// For every point of a tile, spread over the threads of the block: `body(slow, fast)`, neighbours in `fast`. Unrolled,
/// a thread's loads are under way at once.
void each_point(RegionEmitter& e, BlockReducer& tree, bool unrolled,
                const std::function<void(ValueId, ValueId)>& body) {
  KernelBuilder& b = e.b;
  const auto point = [&](ValueId number) {
    body(tree.shift_right(number, b.index(std::countr_zero(static_cast<uint64_t>(kSide)))),
         tree.low_bits(number, kSide));
  };
  if (!unrolled) return tree.threads(b.index(kSide * kSide), point);
  const int64_t threads = e.schedule.threads;
  tree.threads(b.index(threads), [&](ValueId t) {
    tree.each(b.index(0), b.index(kSide * kSide / threads), b.index(1),
              [&](ValueId n) { point(b.add(t, b.mul(n, b.index(threads)))); });
  });
}

}  // namespace

void lower_block_tiled(RegionEmitter& e) {
  KernelBuilder& b = e.b;
  LoopNest& nest = e.nest;
  BlockReducer tree(e, 1);
  const TurnedLoads turned = turned_loads(e);
  const size_t across = turned.across, along = nest.groups().size() - 1;
  std::vector<size_t> others;
  for (size_t g = 0; g < along; ++g)
    if (g != across) others.push_back(g);
  const int64_t rows = nest.groups()[across].extent, columns = nest.groups()[along].extent;
  const int64_t row_tiles = (rows + kSide - 1) / kSide, column_tiles = (columns + kSide - 1) / kSide;
  const int64_t tasks = nest.extent_of(others) * row_tiles * column_tiles;
  std::vector<uint32_t> shared;
  for (const ItemId id : turned.loads) shared.push_back(e.add_shared(e.graph.items[id].dtype, kSide * kPitch));
  const std::vector<size_t> outputs = e.outputs_where(false);
  const double ns = estimate_ns_per_point(e) * static_cast<double>(kSide * kSide);

  e.phase("tiles", tasks, ns, [&](ValueId task) {
    const auto [rest, column_tile] = nest.divide(task, {101, 0, 0}, column_tiles, tasks);
    const auto [other, row_tile] = nest.divide(rest, {102, 0, 0}, row_tiles, tasks);
    nest.bind_flat(others, other);
    const ValueId first_row = b.mul(row_tile, b.index(kSide)), first_column = b.mul(column_tile, b.index(kSide));
    // Binds the point of the tile, if there is one.
    const auto at = [&](ValueId row, ValueId column, const std::function<void()>& body) {
      const ValueId r = b.add(first_row, row), c = b.add(first_column, column);
      const ValueId there = b.prim(
          Prim::bit_and, kBool, {b.lt(r, nest.size("tiled_rows", rows)), b.lt(c, nest.size("tiled_columns", columns))});
      tree.when(there, [&] {
        nest.bind_scalar(across, r);
        nest.bind_scalar(along, c);
        e.row_position = [&] { return b.add(b.mul(row, b.index(kPitch)), column); };
        body();
      });
    };
    b.barrier();  // the tile before has been read
    each_point(e, tree, true, [&](ValueId column, ValueId row) {
      at(row, column, [&] {
        Body body;
        std::vector<ValueId> values;
        for (const ItemId id : turned.loads) values.push_back(e.emit(id, body));
        for (size_t k = 0; k < values.size(); ++k) b.store(shared[k], e.row_position(), values[k]);
      });
    });
    b.barrier();
    for (size_t k = 0; k < turned.loads.size(); ++k) e.cached_rows[turned.loads[k]] = {shared[k], 0};
    e.stage = 1;
    each_point(e, tree, turns_in_registers(e), [&](ValueId row, ValueId column) {
      at(row, column, [&] {
        Body body;
        e.store_outputs(outputs, body);
      });
    });
    e.cached_rows.clear();
    e.stage = 0;
  });
}

}  // namespace lazuli::codegen
