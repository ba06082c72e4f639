// The cache key of a kernel: a byte string that holds all that code depends on, with values numbered in program order.
// Names are left out. Every list is preceded by its length, so different kernels have different keys.
#include "codegen/kernel.h"

namespace lazuli::codegen {

namespace {

class Writer {
 public:
  explicit Writer(const Kernel& k) : k_(k), number_(k.values.size(), kNone) {}

  std::string run() {
    put(kFormat);
    put(k_.buffers.size());
    for (const Buffer& b : k_.buffers) {
      put(static_cast<uint64_t>(b.dtype) << 3 | static_cast<uint64_t>(b.role));
      if (b.role == Role::Shared || b.role == Role::Thread) put(static_cast<uint64_t>(b.extent));
    }
    put(k_.scalars.size());
    for (DType t : k_.scalars) put(static_cast<uint64_t>(t));
    put(k_.size_args);
    put(k_.threads);
    put(k_.phases.size());
    for (const Phase& p : k_.phases) block(p.body);
    return std::move(out_);
  }

 private:
  static constexpr uint64_t kFormat = 5;  // changes when the meaning of kernel IR does

  /// Little groups of seven bits, the highest bit says that more follow.
  void put(uint64_t v) {
    for (; v >= 128; v >>= 7) out_.push_back(static_cast<char>(v | 128));
    out_.push_back(static_cast<char>(v));
  }
  void define(ValueId v) {
    number_[v] = next_++;
    put(static_cast<uint64_t>(k_.values[v].lanes) << 4 | static_cast<uint64_t>(k_.values[v].dtype));
  }
  template <class Range>
  void uses(const Range& values) {
    put(values.size());
    for (ValueId v : values) put(number_[v]);
  }

  void block(BlockId id) {
    const Block& b = k_.blocks[id];
    put(b.args.size());
    for (ValueId v : b.args) define(v);
    put(b.insts.size());
    for (InstId n : b.insts) {
      const Inst& i = k_.insts[n];
      put(static_cast<uint64_t>(i.op));
      put(static_cast<uint64_t>(i.prim) << 10 | static_cast<uint64_t>(i.loop) << 8 | i.flags);
      if (i.op == KOp::Shuffle) {
        put(k_.shuffles[i.imm].size());
        for (uint8_t p : k_.shuffles[i.imm]) put(p);
      } else if (i.op == KOp::MultiplyTile) {
        const TileProduct& p = k_.tiles[i.imm];
        for (uint32_t v : {p.to, p.left, p.right, p.rows, p.columns, p.stages}) put(v);
        put(static_cast<uint64_t>(p.left_along_depth) << 1 | static_cast<uint64_t>(p.right_along_depth));
        put(uint64_t{p.left_made} << 16 | p.right_made);
      } else if (i.op == KOp::StreamTile) {
        const StreamProduct& p = k_.streams[i.imm];
        for (uint32_t v : {p.to, p.left, p.right, p.left_sizes, p.right_sizes, p.rows, p.columns, p.stages}) put(v);
        put(static_cast<uint64_t>(p.left_along_depth) << 3 | static_cast<uint64_t>(p.right_along_depth) << 2 |
            static_cast<uint64_t>(p.left_batched) << 1 | static_cast<uint64_t>(p.right_batched));
      } else {
        put(i.imm);
      }
      uses(i.operands);
      put(i.blocks.size());
      for (BlockId inner : i.blocks) block(inner);
      put(i.results.size());
      for (ValueId v : i.results) define(v);
    }
    uses(b.yields);
  }

  const Kernel& k_;
  std::vector<uint32_t> number_;
  uint32_t next_ = 0;
  std::string out_;
};

}  // namespace

std::string structural_key(const Kernel& k) {
  return Writer(k).run();
}

}  // namespace lazuli::codegen
