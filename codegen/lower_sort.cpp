// argsort along the last axis: a stable merge sort of (element, position) pairs. A task sorts a piece of a row (or
// several short rows) in scratch, bottom-up; then a phase per doubling merges runs, each task finding where its part of
// the merged run begins by bisection. Equal elements keep their order, so the result is a function of the elements
// alone.
#include <bit>

#include "codegen/strategies.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

/// Buffers of elements and of their positions in the row.
struct Pairs {
  uint32_t keys, positions;
};

class Sorter {
 public:
  explicit Sorter(RegionEmitter& emitter)
      : e(emitter),
        b(emitter.b),
        node_(emitter.region.outputs[0]),
        type_(node_->input(0)->dtype()),
        length_(node_->shape().back()),
        rows_(length_ == 0 ? 0 : node_->numel() / length_),
        block_(emitter.schedule.block),
        pieces_((length_ + block_ - 1) / block_) {}

  void run() {
    const Pairs a = pairs(Role::Scratch, block_), other = pairs(Role::Scratch, block_);
    Pairs from{}, to{};
    if (pieces_ > 1) {
      from = pairs(Role::Workspace, rows_ * length_);
      to = pairs(Role::Workspace, rows_ * length_);
    }
    const int64_t units = rows_ * pieces_, per_task = e.schedule.rows_per_task;
    const double ns = 4 * static_cast<double>(block_) * std::bit_width(static_cast<uint64_t>(block_));
    e.phase("sort", (units + per_task - 1) / per_task, ns * static_cast<double>(per_task), [&](ValueId task) {
      e.rows_of_task(task, units, per_task, [&](ValueId unit) {
        const Part part = part_of(unit);
        sort_piece(part, a, other);
        loop(b.index(0), part.size, [&](ValueId i) {
          const ValueId at = b.add(b.add(part.row, part.begin), i), position = b.load(a.positions, i, 1);
          if (pieces_ == 1) return b.store(e.output_buffer(), at, position);
          b.store(from.keys, at, b.load(a.keys, i, 1));
          b.store(from.positions, at, position);
        });
      });
    });
    for (int64_t width = block_; width < length_; width *= 2) {
      e.phase("merge", units, 4 * static_cast<double>(block_),
              [&](ValueId task) { merge_part(part_of(task), width, from, to, width * 2 >= length_); });
      std::swap(from, to);
    }
  }

 private:
  /// Elements [begin, begin + size) of the row whose first element is number `row` of all.
  struct Part {
    ValueId row, begin, size;
  };

  Pairs pairs(Role role, int64_t count) {
    return {e.add_scratch(type_, role, count), e.add_scratch(kInt64, role, count)};
  }

  ValueId length() { return e.nest.size("length", length_); }

  Part part_of(ValueId unit) {
    ValueId row = unit, begin = b.index(0);
    if (pieces_ > 1) {
      const auto [quotient, piece] = e.nest.divide(unit, {101, 0, 0}, pieces_, rows_ * pieces_);
      row = quotient;
      begin = b.mul(piece, e.nest.size("block", block_));
    }
    return {b.mul(row, length()), begin, b.min(e.nest.size("block", block_), b.sub(length(), begin))};
  }

  void loop(ValueId begin, ValueId end, const std::function<void(ValueId)>& body) {
    b.for_loop(begin, end, b.index(1), {}, [&](ValueId i, const std::vector<ValueId>&) {
      body(i);
      return std::vector<ValueId>{};
    });
  }

  ValueId both(ValueId x, ValueId y) { return b.prim(Prim::bit_and, kBool, {x, y}); }
  ValueId either(ValueId x, ValueId y) { return b.prim(Prim::bit_or, kBool, {x, y}); }
  ValueId no(ValueId x) { return b.prim(Prim::bit_not, kBool, {x}); }

  /// Whether y comes before x though it stands behind it.
  ValueId overtakes(ValueId y, ValueId x) {
    if (node_->op() == Op::argsort_down) std::swap(x, y);
    const ValueId less = b.lt(y, x);
    if (!is_floating(type_)) return less;
    return either(less, both(b.prim(Prim::ne, kBool, {x, x}), b.prim(Prim::eq, kBool, {y, y})));
  }

  /// Elements [begin, end) of the runs [low, middle) and [middle, high) merged; `left` elements of the first run come
  /// before them. Indices count from `base` in `from`, from `to_base` in `to`.
  void merge(ValueId low, ValueId middle, ValueId high, ValueId begin, ValueId end, ValueId left, const Pairs& from,
             ValueId base, const Pairs* to, uint32_t to_positions, ValueId to_base) {
    const ValueId last = b.sub(high, b.index(1)), shift = b.sub(middle, low);
    b.for_loop(begin, end, b.index(1), {b.add(low, left)}, [&](ValueId k, const std::vector<ValueId>& carried) {
      const ValueId i = carried[0], j = b.sub(b.add(b.add(k, shift), low), i);
      const ValueId at_i = b.add(base, b.min(i, last)), at_j = b.add(base, b.min(j, last));
      const ValueId x = b.load(from.keys, at_i, 1), y = b.load(from.keys, at_j, 1);
      const ValueId first = both(b.lt(i, middle), either(no(b.lt(j, high)), no(overtakes(y, x))));
      const ValueId at = b.add(to_base, k);
      const ValueId position = b.load(from.positions, b.select(first, at_i, at_j), 1);
      if (to) b.store(to->keys, at, b.select(first, x, y));
      b.store(to_positions, at, position);
      return std::vector<ValueId>{b.add(i, b.select(first, b.index(1), b.index(0)))};
    });
  }

  /// Leaves the sorted piece in `a`.
  void sort_piece(const Part& part, const Pairs& a, const Pairs& other) {
    const ValueId first = b.add(part.row, part.begin), zero = b.index(0);
    loop(zero, part.size, [&](ValueId i) {
      b.store(a.keys, i, b.load(e.input_buffer(), b.add(first, i), 1));
      b.store(a.positions, i, b.add(part.begin, i));
    });
    const auto pass = [&](ValueId width, const Pairs& from, const Pairs& to) {
      const ValueId step = b.add(width, width);
      b.for_loop(zero, part.size, step, {}, [&](ValueId low, const std::vector<ValueId>&) {
        const ValueId middle = b.min(b.add(low, width), part.size), high = b.min(b.add(low, step), part.size);
        merge(low, middle, high, low, high, zero, from, zero, &to, to.positions, zero);
        return std::vector<ValueId>{};
      });
      return step;
    };
    int64_t rounds = 0;  // of two passes each, so that the result is back where it began
    for (int64_t width = 1; width < std::min(block_, length_); width *= 4) ++rounds;
    b.for_loop(zero, e.nest.size("rounds", rounds), b.index(1), {b.index(1)},
               [&](ValueId, const std::vector<ValueId>& carried) {
                 const ValueId width = pass(carried[0], a, other);
                 return std::vector<ValueId>{pass(width, other, a)};
               });
  }

  /// The part of its row after runs of `width` have been merged to runs of twice that.
  void merge_part(const Part& part, int64_t width, const Pairs& from, const Pairs& to, bool last) {
    const auto level = static_cast<uint64_t>(std::bit_width(static_cast<uint64_t>(width)));
    const ValueId half = e.nest.size({102, level, 0}, width);
    const auto [run, offset] = e.nest.divide(part.begin, {103, level, 0}, 2 * width, length_);
    const ValueId low = b.sub(part.begin, offset);
    const ValueId middle = b.min(b.add(low, half), length()), high = b.min(b.add(middle, half), length());
    // The number of elements of the first run among the first `offset` merged ones.
    const ValueId second = b.sub(offset, b.sub(high, middle)), zero = b.index(0);
    const ValueId least = b.select(b.lt(second, zero), zero, second), most = b.min(offset, b.sub(middle, low));
    const int64_t steps = static_cast<int64_t>(std::bit_width(static_cast<uint64_t>(width))) + 1;
    const std::vector<ValueId> found =
        b.for_loop(zero, e.nest.size({104, level, 0}, steps), b.index(1), {least, most},
                   [&](ValueId, const std::vector<ValueId>& carried) {
                     const ValueId open = b.lt(carried[0], carried[1]);
                     const ValueId m = b.prim(Prim::ashr, kInt64, {b.add(carried[0], carried[1]), b.index(1)});
                     const ValueId j = b.sub(b.sub(offset, b.index(1)), m);
                     const ValueId at_i = b.add(part.row, b.select(open, b.add(low, m), low));
                     const ValueId at_j = b.add(part.row, b.select(open, b.add(middle, j), low));
                     const ValueId x = b.load(from.keys, at_i, 1), y = b.load(from.keys, at_j, 1);
                     const ValueId stays = no(overtakes(y, x));
                     return std::vector<ValueId>{b.select(both(open, stays), b.add(m, b.index(1)), carried[0]),
                                                 b.select(both(open, no(stays)), m, carried[1])};
                   });
    merge(low, middle, high, part.begin, b.add(part.begin, part.size), found[0], from, part.row, last ? nullptr : &to,
          last ? e.output_buffer() : to.positions, part.row);
  }

  RegionEmitter& e;
  KernelBuilder& b;
  const Node* node_;
  DType type_;
  int64_t length_, rows_, block_, pieces_;
};

}  // namespace

void lower_sort(RegionEmitter& e) {
  Sorter(e).run();
}

}  // namespace lazuli::codegen
