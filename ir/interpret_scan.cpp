// Reference meaning of scans: the tree of docs/numerics.md, with the scalar function that combines two elements.
#include "ir/interpret_parts.h"
#include "ir/lower_scalar.h"

namespace lazuli::ir {
namespace {

using Bits = std::vector<uint64_t>;

constexpr int64_t kBlock = 16, kBlocks = 128;  // of a chunk; as many chunks are a group

Bits evaluated(const scalar::Function& f, std::initializer_list<const Bits*> operands) {
  const size_t n = (*operands.begin())->size();
  Bits out(n);
  std::vector<const uint64_t*> rows;
  for (const Bits* o : operands) rows.push_back(o->data());
  uint64_t* const results[] = {out.data()};
  scalar::evaluate_block(f, rows, results, n);
  return out;
}

struct Scan {
  scalar::Function step;
  uint64_t neutral;

  uint64_t both(uint64_t a, uint64_t b) const { return scalar::evaluate(step, {a, b})[0]; }

  /// Every element combined with those before it in its block, by doubling.
  Bits within_blocks(Bits y) const {
    const auto n = static_cast<int64_t>(y.size());
    for (int64_t by = 1; by < kBlock; by *= 2) {
      Bits low, high;
      std::vector<size_t> at;
      for (int64_t i = 0; i < n; ++i) {
        if (i % kBlock < by) continue;
        low.push_back(y[static_cast<size_t>(i - by)]);
        high.push_back(y[static_cast<size_t>(i)]);
        at.push_back(static_cast<size_t>(i));
      }
      if (at.empty()) break;
      const Bits sums = evaluated(step, {&low, &high});
      for (size_t k = 0; k < at.size(); ++k) y[at[k]] = sums[k];
    }
    return y;
  }

  Bits operator()(const Bits& x) const {
    const Bits y = within_blocks(x);
    // What comes before: the blocks of the chunk, the chunks of the group, the groups.
    uint64_t blocks = neutral, chunks = neutral, groups = neutral;
    Bits before(y.size());
    const auto n = static_cast<int64_t>(y.size());
    for (int64_t begin = 0; begin < n; begin += kBlock) {
      const int64_t block = begin / kBlock;
      if (block != 0 && block % kBlocks == 0) {
        chunks = both(chunks, blocks);
        blocks = neutral;
      }
      if (block != 0 && block % (kBlocks * kBlocks) == 0) {
        groups = both(groups, chunks);
        chunks = neutral;
      }
      const uint64_t all = both(both(groups, chunks), blocks);
      const int64_t end = std::min(n, begin + kBlock);
      std::fill(before.begin() + begin, before.begin() + end, all);
      if (end - begin == kBlock) blocks = both(blocks, y[static_cast<size_t>(end - 1)]);
    }
    return evaluated(step, {&before, &y});
  }
};

}  // namespace

void interpret_scan(const Node* n, Operands inputs, HostArray& out) {
  const HostArray& x = *inputs[0];
  const auto axis = static_cast<size_t>(n->attr_as<AxesAttr>().axes[0]);
  const int64_t length = x.shape[axis], stride = contiguous_strides(x.shape)[axis];
  if (numel(x.shape) == 0) return;
  const DType wide = accumulator_type(n->op(), x.dtype);
  const scalar::Function widen = lower_cast(x.dtype, wide), narrow = lower_cast(wide, x.dtype);
  const Scan scan{lower_scan_step(n->op(), wide), scan_identity(n->op(), wide)};
  Bits row(static_cast<size_t>(length));
  for (int64_t r = 0; r < numel(x.shape) / length; ++r) {
    const int64_t first = r / stride * stride * length + r % stride;
    for (int64_t i = 0; i < length; ++i) row[static_cast<size_t>(i)] = x.bits(first + i * stride);
    const Bits scanned = scan(evaluated(widen, {&row})), rounded = evaluated(narrow, {&scanned});
    for (int64_t i = 0; i < length; ++i) out.set_bits(first + i * stride, rounded[static_cast<size_t>(i)]);
  }
}

}  // namespace lazuli::ir
