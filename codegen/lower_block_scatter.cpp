// The scatters on a GPU, every element in the order of its places without anybody waiting for others: the places are
// sorted by where in the result they point (stably), so that those of one element stand together; a thread takes such a
// run for one element, and combines its values one after the other.
#include <algorithm>

#include "codegen/block_sort.h"
#include "codegen/strategies.h"
#include "ir/lower_scalar.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

constexpr int64_t kBlock = 1024;  // elements of a task

class Scatter {
 public:
  explicit Scatter(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        tree(emitter, 1),
        s(*e.graph.scatter),
        loops(e),
        kept(e.nest.kept_count()),
        groups(e.nest.groups().size()),
        places(e.nest.reduced_extent()),
        row(loops.row_extent()),
        op(e.region.outputs[0]->op()),
        type(e.region.outputs[0]->dtype()) {
    row_groups = loops.outer;
    if (loops.inner) row_groups.push_back(*loops.inner);
  }

  void run() {
    store_scatter_base(e);
    const bool empty = row == 0 || places == 0;
    BlockSort sort(e, kInt64, false, empty ? 0 : 1, empty ? 1 : places);
    const BlockSort::Pairs sorted = sort.run([&](ValueId, ValueId p) { return target(p); }, {});
    const uint32_t ends = e.add_scratch(kInt64, Role::Workspace, places);
    e.phase("runs", empty ? 0 : blocks(places), static_cast<double>(kBlock), [&](ValueId task) {
      each(task, places, [&](ValueId p) { b.store(ends, p, end_of_run(sorted.keys, p)); });
    });
    e.phase("add", empty ? 0 : blocks(places * row), static_cast<double>(kBlock), [&](ValueId task) {
      each(task, places * row, [&](ValueId unit) {
        const auto [p, element] = e.nest.divide(unit, {312, 0, 0}, row, places * row);
        const ValueId end = b.load(ends, p, 1);
        tree.when(b.lt(p, end), [&, p = p, element = element] { add_run(sorted, p, end, element); });
      });
    });
  }

 private:
  static int64_t blocks(int64_t n) { return (n + kBlock - 1) / kBlock; }
  ValueId all() { return e.nest.size("places", places); }

  void each(ValueId task, int64_t count, const std::function<void(ValueId)>& body) {
    const ValueId begin = b.mul(task, b.index(kBlock)),
                  n = e.nest.size({311, static_cast<uint64_t>(count > places), 0}, count);
    tree.threads(b.min(b.index(kBlock), b.sub(n, begin)), [&](ValueId t) { body(b.add(begin, t)); });
  }

  /// What place p adds to an address in the result; -1 where it is refused.
  ValueId target(ValueId p) {
    e.nest.bind_flat(kept, groups, p);
    Body place;
    for (ItemId i : s.indices) e.emit(i, place);
    const RegionEmitter::Dynamic at = e.dynamic_offset(s.indices, s.axes, ~uint64_t{0}, place);
    b.check(at.inside);
    return b.select(at.inside, at.offset, b.index(-1));
  }

  /// Where the run of equal keys that begins at p ends; 0 where none begins.
  ValueId end_of_run(uint32_t keys, ValueId p) {
    const ValueId one = b.index(1), zero = b.index(0), key = b.load(keys, p, 1);
    const ValueId before = b.sub(p, one), is_first = b.lt(before, zero);
    const ValueId differs = b.prim(Prim::ne, kBool, {b.load(keys, b.select(is_first, p, before), 1), key});
    int64_t steps = 1;
    while (int64_t{1} << steps <= places) ++steps;
    const std::vector<ValueId> found = b.for_loop(
        zero, e.nest.size("steps", steps), one, {b.add(p, one), all()},
        [&](ValueId, const std::vector<ValueId>& carried) {
          const ValueId open = b.lt(carried[0], carried[1]);
          const ValueId m = b.prim(Prim::ashr, kInt64, {b.add(carried[0], carried[1]), one});
          const ValueId same = b.prim(Prim::eq, kBool, {b.load(keys, b.select(open, m, p), 1), key});
          const ValueId up = b.prim(Prim::bit_and, kBool, {open, same});
          const ValueId down = b.prim(Prim::bit_and, kBool, {open, b.prim(Prim::bit_not, kBool, {same})});
          return std::vector<ValueId>{b.select(up, b.add(m, one), carried[0]), b.select(down, m, carried[1])};
        });
    const ValueId begins = b.prim(Prim::bit_or, kBool, {is_first, differs});
    const ValueId valid = b.prim(Prim::bit_not, kBool, {b.lt(key, zero)});
    return b.select(b.prim(Prim::bit_and, kBool, {begins, valid}), found[0], zero);
  }

  /// Combines what the places of a run have for one element of the row.
  void add_run(const BlockSort::Pairs& sorted, ValueId begin, ValueId end, ValueId element) {
    e.nest.bind_flat(row_groups, element);
    const ValueId at = b.add(e.nest.address(s.position).offset, b.load(sorted.keys, begin, 1));
    const auto value = [&](ValueId q) {
      e.nest.bind_flat(kept, groups, b.load(sorted.positions, q, 1));
      Body body;
      return e.emit(s.values, body);
    };
    const uint32_t out = e.output_buffer();
    if (op == Op::scatter) return b.store(out, at, value(b.sub(end, b.index(1))));  // the last one stays
    const ValueId sum =
        b.for_loop(begin, end, b.index(1), {b.load(out, at, 1)}, [&](ValueId q, const std::vector<ValueId>& carried) {
          const ValueId both[] = {carried[0], value(q)};
          return std::vector<ValueId>{b.inline_function(lower_scatter_step(op, type), both)[0]};
        })[0];
    b.store(out, at, sum);
  }

  RegionEmitter& e;
  KernelBuilder& b;
  BlockReducer tree;
  const ScatterItems& s;
  const ScatterLoops loops;
  const size_t kept, groups;
  const int64_t places, row;
  const Op op;
  const DType type;
  std::vector<size_t> row_groups;
};

}  // namespace

void lower_block_scatter(RegionEmitter& e) {
  if (is_half(e.region.outputs[0]->dtype()))
    throw Error(ErrorKind::Internal, "lower: a scatter of half types is expanded before");
  Scatter(e).run();
}

}  // namespace lazuli::codegen
