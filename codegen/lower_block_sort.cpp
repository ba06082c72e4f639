// argsort on a GPU.
#include <algorithm>
#include <bit>

#include "codegen/block_sort.h"
#include "codegen/strategies.h"

namespace lazuli::codegen {

using namespace ir;

namespace {

constexpr int64_t kPiece = 1024;

}  // namespace

BlockSort::BlockSort(RegionEmitter& emitter, DType type, bool down, int64_t rows, int64_t length)
    : e_(emitter),
      b_(emitter.b),
      tree_(emitter, 1),
      type_(type),
      down_(down),
      rows_(rows),
      length_(length),
      piece_(
          std::min(kPiece, static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(1, length)))))),
      at_once_(kPiece / piece_) {
  if (length_ > piece_) pieces_ = (length_ + piece_ - 1) / piece_;
}

BlockSort::Pairs BlockSort::shared_pairs() {
  return {e_.add_shared(type_, kPiece), e_.add_shared(kInt64, kPiece)};
}

BlockSort::Pairs BlockSort::workspace_pairs() {
  return {e_.add_scratch(type_, Role::Workspace, rows_ * length_),
          e_.add_scratch(kInt64, Role::Workspace, rows_ * length_)};
}

BlockSort::Pairs BlockSort::run(const std::function<ValueId(ValueId, ValueId)>& key,
                                std::optional<uint32_t> positions) {
  // The last launch writes where the result belongs; those before it take turns between two workspaces.
  const int64_t merges = pieces_ == 1 ? 0 : std::bit_width(static_cast<uint64_t>(pieces_ - 1));
  const bool keys = !positions;
  Pairs to{}, other{};
  if (merges > 0 || keys) to = workspace_pairs();
  if (merges > 1 || (merges == 1 && keys)) other = workspace_pairs();
  const auto target = [&](bool last, const Pairs& p) { return last && positions ? Pairs{p.keys, *positions} : p; };
  sort_pieces(key, target(merges == 0, to), merges > 0 || keys);
  int64_t width = piece_;
  for (int64_t m = 0; m < merges; ++m, width *= 2) {
    const bool last = m + 1 == merges;
    merge_runs(width, to, target(last, other), !last || keys);
    std::swap(to, other);
  }
  return target(true, to);
}

BlockSort::Part BlockSort::part_of(ValueId unit) {
  ValueId row = unit, begin = b_.index(0);
  if (pieces_ > 1) {
    const auto [quotient, number] = e_.nest.divide(unit, {301, 0, 0}, pieces_, rows_ * pieces_);
    row = quotient;
    begin = b_.mul(number, b_.index(piece_));
  }
  return {row, b_.mul(row, length()), begin, b_.min(b_.index(piece_), b_.sub(length(), begin))};
}

/// Whether y stands before x, other than by where they come from. NaN is above every number.
ValueId BlockSort::comes_first(ValueId y, ValueId x) {
  if (down_) std::swap(x, y);
  const ValueId less = b_.lt(y, x);
  if (!is_floating(type_)) return less;
  const ValueId nan =
      b_.prim(Prim::bit_and, kBool, {b_.prim(Prim::ne, kBool, {x, x}), b_.prim(Prim::eq, kBool, {y, y})});
  return b_.prim(Prim::bit_or, kBool, {less, nan});
}

/// The place of element i of [0, count) after runs of `width`, a power of two, are merged to runs of twice that. The
/// elements stand at `base` on.
ValueId BlockSort::place(const Pairs& from, ValueId base, ValueId i, ValueId width, ValueId count, ValueId steps) {
  const ValueId one = b_.index(1), mask = b_.sub(b_.add(width, width), one);
  const ValueId in_runs = b_.prim(Prim::bit_and, kInt64, {i, mask}), low = b_.sub(i, in_runs);
  const ValueId middle = b_.min(b_.add(low, width), count), high = b_.min(b_.add(middle, width), count);
  const ValueId is_left = b_.lt(i, middle), x = b_.load(from.keys, b_.add(base, i), 1);
  const ValueId other = b_.select(is_left, middle, low), other_end = b_.select(is_left, high, middle);
  const std::vector<ValueId> found =
      b_.for_loop(b_.index(0), steps, one, {other, other_end}, [&](ValueId, const std::vector<ValueId>& carried) {
        const ValueId open = b_.lt(carried[0], carried[1]);
        const ValueId m = b_.prim(Prim::ashr, kInt64, {b_.add(carried[0], carried[1]), one});
        const ValueId y = b_.load(from.keys, b_.add(base, b_.select(open, m, i)), 1);
        // Of equal elements those of the left run come first.
        const ValueId before =
            b_.select(is_left, comes_first(y, x), b_.prim(Prim::bit_not, kBool, {comes_first(x, y)}));
        const ValueId up = b_.prim(Prim::bit_and, kBool, {open, before});
        const ValueId down = b_.prim(Prim::bit_and, kBool, {open, b_.prim(Prim::bit_not, kBool, {before})});
        return std::vector<ValueId>{b_.select(up, b_.add(m, one), carried[0]), b_.select(down, m, carried[1])};
      });
  const ValueId own = b_.sub(i, b_.select(is_left, low, middle));
  return b_.add(b_.add(low, own), b_.sub(found[0], other));
}

void BlockSort::sort_pieces(const std::function<ValueId(ValueId, ValueId)>& key, const Pairs& to, bool keys) {
  const Pairs a = shared_pairs(), other = shared_pairs();
  const int64_t units = rows_ * pieces_, tasks = (units + at_once_ - 1) / at_once_;
  const int64_t log = std::bit_width(static_cast<uint64_t>(piece_)) - 1;  // 2^log == piece_
  e_.phase("sort", tasks, 20.0 * static_cast<double>(kPiece), [&](ValueId task) {
    const ValueId first = b_.mul(task, b_.index(at_once_)), all = e_.nest.size("units", units);
    const auto each = [&](const std::function<void(const Part&, ValueId slot, ValueId base, ValueId i)>& body) {
      tree_.threads(b_.index(kPiece), [&](ValueId slot) {
        const ValueId i = tree_.low_bits(slot, piece_), unit = b_.add(first, tree_.shift_right(slot, b_.index(log)));
        tree_.when(b_.lt(unit, all), [&] {
          const Part part = part_of(unit);
          tree_.when(b_.lt(i, part.size), [&] { body(part, slot, b_.sub(slot, i), i); });
        });
      });
    };
    b_.barrier();
    each([&](const Part& part, ValueId slot, ValueId, ValueId i) {
      const ValueId at = b_.add(part.begin, i);
      b_.store(a.keys, slot, key(part.row, at));
      b_.store(a.positions, slot, at);
    });
    b_.barrier();
    const auto pass = [&](const Pairs& from, const Pairs& into, ValueId width) {
      each([&](const Part& part, ValueId slot, ValueId base, ValueId i) {
        const ValueId at = b_.add(base, place(from, base, i, width, part.size, b_.index(log + 1)));
        b_.store(into.keys, at, b_.load(from.keys, slot, 1));
        b_.store(into.positions, at, b_.load(from.positions, slot, 1));
      });
      b_.barrier();
    };
    // Two merges at a time, so that pairs are back where they began; one that finds a single run changes nothing.
    b_.for_loop(b_.index(0), b_.index((log + 1) / 2), b_.index(1), {b_.index(1)},
                [&](ValueId, const std::vector<ValueId>& carried) {
                  const ValueId twice = b_.add(carried[0], carried[0]);
                  pass(a, other, carried[0]);
                  pass(other, a, twice);
                  return std::vector<ValueId>{b_.add(twice, twice)};
                });
    each([&](const Part& part, ValueId slot, ValueId, ValueId i) {
      const ValueId at = b_.add(b_.add(part.row_at, part.begin), i);
      if (keys) b_.store(to.keys, at, b_.load(a.keys, slot, 1));
      b_.store(to.positions, at, b_.load(a.positions, slot, 1));
    });
  });
}

void BlockSort::merge_runs(int64_t width, const Pairs& from, const Pairs& to, bool keys) {
  const auto level = static_cast<uint64_t>(std::bit_width(static_cast<uint64_t>(width)));
  e_.phase("merge", rows_ * pieces_, 20.0 * static_cast<double>(piece_), [&](ValueId unit) {
    const Part part = part_of(unit);
    const ValueId half = e_.nest.size({302, level, 0}, width);
    const ValueId steps = e_.nest.size({304, level, 0}, static_cast<int64_t>(level) + 1);
    tree_.threads(part.size, [&](ValueId t) {
      const ValueId i = b_.add(part.begin, t), at = b_.add(part.row_at, i);
      const ValueId into = b_.add(part.row_at, place(from, part.row_at, i, half, length(), steps));
      if (keys) b_.store(to.keys, into, b_.load(from.keys, at, 1));
      b_.store(to.positions, into, b_.load(from.positions, at, 1));
    });
  });
}

void lower_block_sort(RegionEmitter& e) {
  const Node* n = e.region.outputs[0];
  const int64_t length = n->shape().back(), rows = length == 0 ? 0 : n->numel() / length;
  BlockSort sort(e, n->input(0)->dtype(), n->op() == Op::argsort_down, rows, length);
  sort.run(
      [&](ValueId row, ValueId i) {
        return e.b.load(e.input_buffer(), e.b.add(e.b.mul(row, e.nest.size("length", length)), i), 1);
      },
      e.output_buffer());
}

}  // namespace lazuli::codegen
