// The legality of kernel IR: this file is its specification. Every rule is one `need` with its sentence.
#include <fmt/format.h>

#include <algorithm>

#include "codegen/kernel.h"
#include "codegen/kernel_types.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {

namespace {

using scalar::Operands;

class Verifier {
 public:
  explicit Verifier(const Kernel& k) : k_(k), visible_(k.values.size()), seen_block_(k.blocks.size()) {}

  void run() {
    need(k_.values.size() == k_.definers.size(), "every value has an entry in definers");
    need(!k_.phases.empty(), "a kernel has a phase");
    for (const Buffer& b : k_.buffers) need(is_supported(b.dtype), "buffers have a supported dtype");
    for (DType t : k_.scalars) need(is_supported(t), "scalars have a supported dtype");
    for (const Phase& p : k_.phases) {
      need(p.body < k_.blocks.size(), "the phase's body exists");
      const Block& b = k_.blocks[p.body];
      need(b.parent == kNone, "a phase's body has no parent");
      need(b.args.size() == 1 && arg_type(b, 0) == kIndex, "a phase's body takes the task number, int64");
      need(b.yields.empty(), "a phase yields nothing");
      block(p.body, kNone, 0);
    }
    need(has_checks_ == k_.has_checks, "has_checks says whether there is a check");
  }

 private:
  static constexpr Type kIndex{kInt64, 1};
  static constexpr int kMaxDepth = 64;

  void need(bool ok, std::string_view rule) const {
    if (ok) return;
    const std::string at = current_ == kNone ? std::string() : fmt::format(" at instruction {} ({})", current_, what());
    throw Error(ErrorKind::Internal, fmt::format("kernel {} is malformed{}: {}", k_.name, at, rule));
  }
  std::string what() const {
    const Inst& i = k_.insts[current_];
    return std::string(i.op == KOp::Prim ? scalar::info(i.prim).name : name(i.op));
  }

  Type arg_type(const Block& b, size_t n) const {
    need(b.args[n] < k_.values.size(), "block arguments exist");
    return k_.values[b.args[n]];
  }
  Type type(const Inst& i, size_t n) const { return k_.values[i.operands[n]]; }
  Type result(const Inst& i) const { return k_.values[i.results[0]]; }

  void define(ValueId v, InstId definer) {
    need(v < k_.values.size(), "results exist");
    need(is_supported(k_.values[v].dtype) && k_.values[v].lanes >= 1, "values have a supported dtype and lanes");
    need(k_.definers[v] == definer, "definers names the instruction that defines the value");
    need(!visible_[v], "a value is defined once");
    visible_[v] = true;
    scope_.push_back(v);
  }

  void block(BlockId id, BlockId parent, int depth) {
    need(id < k_.blocks.size() && !seen_block_[id], "a block exists and has one owner");
    need(depth < kMaxDepth, "nesting is bounded");
    seen_block_[id] = true;
    const Block& b = k_.blocks[id];
    need(b.parent == parent, "a block knows its parent");
    const size_t mark = scope_.size();
    const InstId owner = current_;
    for (ValueId v : b.args) define(v, kNone);
    for (InstId n : b.insts) {
      need(n < k_.insts.size(), "instructions of a block exist");
      current_ = n;
      inst(n, k_.insts[n], id, depth);
    }
    current_ = owner;
    for (ValueId v : b.yields) need(v < visible_.size() && visible_[v], "yields are visible");
    for (; scope_.size() > mark; scope_.pop_back()) visible_[scope_.back()] = false;
  }

  void inst(InstId n, const Inst& i, BlockId home, int depth) {
    for (ValueId v : i.operands) need(v < visible_.size() && visible_[v], "operands are defined before their use");
    const size_t operands = i.operands.size();
    size_t results = 1;
    const auto counts = [&](bool ok) { need(ok, "the number of operands is right"); };
    switch (i.op) {
      case KOp::Prim:
        counts(operands == scalar::info(i.prim).arity);
        results = i.prim != Prim::check;
        break;
      case KOp::SizeArg:
      case KOp::ScalarArg:
      case KOp::Iota:
        counts(operands == 0);
        break;
      case KOp::Splat:
      case KOp::Low:
      case KOp::High:
      case KOp::Extract:
      case KOp::LaneMask:
      case KOp::AnyLane:
        counts(operands == 1);
        break;
      case KOp::Shuffle:
        counts(operands == 2);
        break;
      case KOp::FastDiv:
      case KOp::DotBytes:
        counts(operands == 3);
        break;
      case KOp::Load:
        counts(operands == 1 || operands == 3);
        break;
      case KOp::Store:
        counts(operands == 2 || operands == 3), results = 0;
        need(in_threads_ || !in_piece_, "in a piece of a tile, threads store");
        break;
      case KOp::Prefetch:
        counts(operands == 1), results = 0;
        break;
      case KOp::Fence:
        counts(operands == 0), results = 0;
        break;
      case KOp::Barrier:
        need(!in_threads_ && !in_piece_, "threads do not meet inside a thread loop, nor in a piece of a tile");
        counts(operands == 0), results = 0;
        break;
      case KOp::LaneSwap: {
        need(!in_threads_ && !in_piece_, "lanes do not meet inside a thread loop, nor in a piece of a tile");
        counts(operands == 0), results = 0;
        const LaneMove m = lane_move(i.imm);
        need(m.to < k_.buffers.size() && m.from < k_.buffers.size() && m.to != m.from,
             "lanes move between two buffers");
        const Buffer &to = k_.buffers[m.to], &from = k_.buffers[m.from];
        need(to.role == Role::Thread && from.role == Role::Thread && to.dtype == from.dtype && to.extent == from.extent,
             "lanes move between Thread buffers of one type and size");
        break;
      }
      case KOp::MultiplyTile:
        need(!in_threads_ && !in_piece_, "threads multiply together, not inside a thread loop");
        counts(operands == 7), results = 0;
        break;
      case KOp::StreamTile:
        counts(operands == 3), results = 0;
        need(depth == 0 && n == k_.blocks[home].insts.back(), "a streamed tile ends a phase");
        break;
      case KOp::For:
        counts(operands >= 3), results = operands - 3;
        break;
      case KOp::If:
        counts(operands == 1);
        need(i.blocks.size() == 2 && i.blocks[0] < k_.blocks.size(), "If has two blocks");
        results = k_.blocks[i.blocks[0]].yields.size();
        break;
    }
    need(i.results.size() == results, "the number of results is right");
    for (ValueId v : i.results) need(v < k_.values.size(), "results exist");
    need(
        i.op == KOp::For || i.op == KOp::If || i.op == KOp::MultiplyTile || i.op == KOp::StreamTile || i.blocks.empty(),
        "only For, If, MultiplyTile and StreamTile have blocks");
    switch (i.op) {
      case KOp::Prim:
        prim(i);
        break;
      case KOp::For:
        for_loop(i, home, depth);
        break;
      case KOp::MultiplyTile:
        tile(i, home, depth);
        break;
      case KOp::If:
        if_then(i, home, depth);
        break;
      case KOp::StreamTile:
        stream(i, home, depth);
        break;
      case KOp::Load:
      case KOp::Store:
      case KOp::Prefetch:
        memory(i);
        break;
      default:
        plain(i);
        break;
    }
    for (ValueId v : i.results) define(v, n);
  }

  void stream(const Inst& i, BlockId home, int depth) {
    need(i.imm < k_.streams.size(), "the product's form exists");
    const StreamProduct& p = k_.streams[i.imm];
    need(std::max({p.to, p.left, p.right}) < k_.buffers.size(), "the product's buffers exist");
    const Buffer &to = k_.buffers[p.to], &left = k_.buffers[p.left], &right = k_.buffers[p.right];
    const bool bytes = left.dtype == kInt8, two = is_half(left.dtype);
    need(bytes || two || left.dtype == kFloat32, "streams are of float16, bfloat16, float32 and int8");
    need(left.dtype == right.dtype && to.dtype == (bytes ? kInt32 : kFloat32), "a product's operands have one type");
    need(two || (p.left_along_depth && p.right_along_depth), "only elements of two bytes may lie along a free axis");
    need(!is_private(left.role) && !is_private(right.role), "a product's operands are in the device's memory");
    need(to.role == Role::Shared && to.extent >= static_cast<int64_t>(p.extent()), "a tile is in shared memory");
    need(p.rows == 128 && (p.columns == 128 || p.columns == 256) && p.stages >= 2, "a tile has two groups' rows");
    need(std::max(p.left_sizes, p.right_sizes) + StreamProduct::kSizes <= k_.size_args, "an operand's sizes exist");
    for (size_t n = 0; n < 3; ++n) need(type(i, n) == kIndex, "a tile's place is int64");
    need(i.blocks.size() == 1 && i.blocks[0] < k_.blocks.size(), "StreamTile has one block");
    const Block& b = k_.blocks[i.blocks[0]];
    need(b.args.size() == 2 && arg_type(b, 0) == kIndex && arg_type(b, 1) == kIndex && b.yields.empty(),
         "the block takes a piece's row and column");
    in_piece_ = true;
    block(i.blocks[0], home, depth + 1);
    in_piece_ = false;
  }

  void tile(const Inst& i, BlockId home, int depth) {
    need(i.imm < k_.tiles.size(), "the product's form exists");
    const TileProduct& p = k_.tiles[i.imm];
    need(i.blocks.size() == size_t{2} * (p.left_made > 0) + size_t{2} * (p.right_made > 0),
         "a side that is made has two blocks");
    size_t next = 0;
    const DType left = p.left_made ? maker(i, next, p.left_made, home, depth) : stored(p.left);
    const DType right = p.right_made ? maker(i, next, p.right_made, home, depth) : stored(p.right);
    need(p.to < k_.buffers.size(), "the product's buffers exist");
    const Buffer& to = k_.buffers[p.to];
    const bool bytes = left == kInt8;
    need(bytes || left == kFloat16 || left == kBFloat16, "matrix units take float16, bfloat16 and int8");
    need(left == right && to.dtype == (bytes ? kInt32 : kFloat32), "a product's operands have one type");
    need(!bytes || (p.left_along_depth && p.right_along_depth), "bytes are consecutive along the depth");
    need(to.role == Role::Shared && to.extent >= static_cast<int64_t>(p.extent()), "a tile is in shared memory");
    need(p.stages >= 2, "steps of the depth overlap");
    const uint32_t least = std::min(p.rows, p.columns), most = std::max(p.rows, p.columns);
    need((least == 64 || least == 128) ? most % 64 == 0 : (least == 16 || least == 32) && most == 128,
         "tiles are cut among eight warps");
  }

  DType stored(uint32_t buffer) const {
    need(buffer < k_.buffers.size(), "the product's buffers exist");
    need(!is_private(k_.buffers[buffer].role), "a product's operands are in the device's memory");
    return k_.buffers[buffer].dtype;
  }

  /// The two blocks that make a side; the type of its elements.
  DType maker(const Inst& i, size_t& next, uint16_t lanes, BlockId home, int depth) {
    need(lanes == 1 || lanes == 8, "one element is made at once, or eight");
    const BlockId fetch = i.blocks[next++], convert = i.blocks[next++];
    need(fetch < k_.blocks.size() && convert < k_.blocks.size(), "a side that is made has two blocks");
    const Block &from = k_.blocks[fetch], &to = k_.blocks[convert];
    need(from.args.size() == 2 && to.args.size() == 2 + from.yields.size() && to.yields.size() == 1,
         "what makes a side takes a row, a depth and what was fetched, and yields elements");
    for (const Block* b : {&from, &to})
      need(arg_type(*b, 0) == kIndex && arg_type(*b, 1) == kIndex, "rows and depths are int64");
    for (size_t n = 0; n < from.yields.size(); ++n)
      need(from.yields[n] < k_.values.size() && arg_type(to, n + 2) == k_.values[from.yields[n]],
           "what was fetched keeps its type");
    in_threads_ = true;
    block(fetch, home, depth + 1);
    block(convert, home, depth + 1);
    in_threads_ = false;
    need(k_.values[to.yields[0]].lanes == lanes, "as many elements are made at once as the product's form says");
    return k_.values[to.yields[0]].dtype;
  }

  void plain(const Inst& i) {
    switch (i.op) {
      case KOp::SizeArg:
        return need(i.imm < k_.size_args && result(i) == kIndex, "a size argument exists, int64");
      case KOp::ScalarArg:
        return need(i.imm < k_.scalars.size() && result(i) == Type{k_.scalars[i.imm], 1},
                    "a scalar argument exists and has its declared dtype");
      case KOp::Iota:
        return need(result(i).dtype == kInt64, "iota is int64");
      case KOp::Splat:
        return need(type(i, 0) == Type{result(i).dtype, 1}, "splat takes a scalar of its dtype");
      case KOp::Low:
      case KOp::High:
        return need(type(i, 0).dtype == result(i).dtype && type(i, 0).lanes == 2 * result(i).lanes,
                    "a half has half the lanes");
      case KOp::Extract:
        return need(result(i) == Type{type(i, 0).dtype, 1} && i.imm < type(i, 0).lanes, "the extracted lane exists");
      case KOp::Shuffle: {
        need(type(i, 0) == type(i, 1), "a shuffle's operands have one type");
        need(i.imm < k_.shuffles.size(), "the shuffle's picks exist");
        const auto& picks = k_.shuffles[i.imm];
        const uint16_t lanes = type(i, 0).lanes;
        need(result(i) == Type{type(i, 0).dtype, static_cast<uint16_t>(picks.size())}, "a shuffle has a lane per pick");
        return need(std::all_of(picks.begin(), picks.end(), [&](uint8_t p) { return p < 2 * lanes; }),
                    "a shuffle picks lanes that exist");
      }
      case KOp::LaneMask:
        return need(type(i, 0) == kIndex && result(i).dtype == kBool, "lanemask takes an int64 and gives bools");
      case KOp::AnyLane:
        return need(type(i, 0).dtype == kBool && result(i) == Type{kBool, 1}, "any takes bools and gives one");
      case KOp::FastDiv:
        return need(
            result(i).dtype == kInt64 && type(i, 0) == result(i) && type(i, 1) == result(i) && type(i, 2) == result(i),
            "fastdiv works on int64 of equal lanes");
      case KOp::DotBytes:
        return need(result(i).dtype == kInt32 && result(i).lanes % 4 == 0 && type(i, 0) == result(i) &&
                        type(i, 1) == result(i) && type(i, 2) == result(i),
                    "dotbytes works on int32 of equal lanes, a multiple of 4");
      default:
        return;
    }
  }

  bool takes(Prim p, DType t) const {
    const bool wide = t == kFloat32 || t == kFloat64;
    switch (scalar::info(p).operands) {
      case Operands::F:
        return wide;
      case Operands::I:
        return is_integral(t) && (p != Prim::umulhi || t == kInt32);
      case Operands::L:
        return is_integral(t) || is_bool(t);
      case Operands::T:
        return wide || is_integral(t) || is_bool(t);
      case Operands::H:
        return true;
    }
    return false;
  }

  void prim(const Inst& i) {
    if (i.prim == Prim::constant)
      return need((i.imm & ~bit_mask(result(i).dtype)) == 0, "a constant's bits fit its type");
    const size_t n = i.operands.size();
    const Type last = type(i, n - 1);
    if (i.prim == Prim::check) {
      has_checks_ = true;
      return need(last.dtype == kBool, "check takes a bool");
    }
    const Type r = result(i);
    need(takes(i.prim, last.dtype), "the primitive takes this dtype");
    for (size_t k = 0; k < n; ++k) {
      need(type(i, k).lanes == r.lanes, "lanes of operands and result agree");
      const bool condition = i.prim == Prim::select && k == 0;
      need(type(i, k).dtype == (condition ? kBool : last.dtype), "operands have one dtype");
    }
    switch (scalar::info(i.prim).result) {
      case scalar::Result::Same:
        return need(r.dtype == last.dtype, "the result has the operands' dtype");
      case scalar::Result::Bool:
        return need(r.dtype == kBool, "the result is bool");
      case scalar::Result::Named:
        break;
    }
    const bool half = is_half(r.dtype) || is_half(last.dtype);
    if (i.prim == Prim::bitcast)
      return need(bit_width(r.dtype) == bit_width(last.dtype), "bitcast keeps the number of bits");
    if (half)
      need((r.dtype == kFloat16 && last.dtype == kFloat32) || (r.dtype == kFloat32 && last.dtype == kFloat16),
           "half types convert between float16 and float32 only");
  }

  void memory(const Inst& i) {
    need(i.imm < k_.buffers.size(), "the buffer exists");
    const Buffer& b = k_.buffers[i.imm];
    const Type offset = type(i, 0);
    need(offset.dtype == kInt64, "offsets are int64");
    if (i.op == KOp::Prefetch) return need(offset.lanes == 1, "prefetch takes one offset");
    const Type value = i.op == KOp::Load ? result(i) : type(i, 1);
    need(value.dtype == b.dtype, "memory holds the buffer's dtype");
    need(offset.lanes == 1 || offset.lanes == value.lanes, "a vector of offsets has the value's lanes");
    if (i.operands.size() == 3) {
      need(type(i, i.op == KOp::Load ? 1 : 2) == Type{kBool, value.lanes}, "the mask has a bool per lane");
      if (i.op == KOp::Load) need(type(i, 2) == value, "`other` has the load's type");
    }
    if (i.op == KOp::Store) need(b.role != Role::Input, "inputs are not written");
    need(b.role != Role::Thread || in_threads_, "Thread buffers are used in Thread loops");
    need(!(i.flags & kFar), "only prefetches go far");
    need(!(i.flags & kNonTemporal) || i.op == KOp::Store, "only stores are non-temporal");
    need(!i.flags || (offset.lanes == 1 && i.operands.size() < 3), "flags are for plain consecutive accesses");
  }

  void for_loop(const Inst& i, BlockId home, int depth) {
    need(i.blocks.size() == 1 && i.blocks[0] < k_.blocks.size(), "For has one block");
    for (size_t k = 0; k < 3; ++k) need(type(i, k) == kIndex, "begin, end and step are int64");
    const Block& b = k_.blocks[i.blocks[0]];
    const size_t carried = i.operands.size() - 3;
    need(i.loop == LoopKind::Serial || carried == 0, "a thread loop carries nothing");
    need(b.args.size() == carried + 1 && arg_type(b, 0) == kIndex, "the body takes an index and the carried values");
    need(b.yields.size() == carried, "the body yields the carried values");
    for (size_t k = 0; k < carried; ++k) {
      const Type t = type(i, k + 3);
      need(arg_type(b, k + 1) == t && k_.values[i.results[k]] == t, "a carried value keeps its type");
      need(b.yields[k] < k_.values.size() && k_.values[b.yields[k]] == t, "a carried value keeps its type");
    }
    const bool outside = !in_threads_;
    in_threads_ |= i.loop == LoopKind::Thread;
    block(i.blocks[0], home, depth + 1);
    if (outside) in_threads_ = false;
  }

  void if_then(const Inst& i, BlockId home, int depth) {
    need(type(i, 0) == Type{kBool, 1}, "the condition is one bool");
    for (BlockId id : i.blocks) {
      need(id < k_.blocks.size(), "If has two blocks");
      const Block& b = k_.blocks[id];
      need(b.args.empty(), "a branch takes nothing");
      need(b.yields.size() == i.results.size(), "both branches yield the same number of values");
      for (size_t n = 0; n < b.yields.size(); ++n)
        need(b.yields[n] < k_.values.size() && k_.values[b.yields[n]] == k_.values[i.results[n]],
             "both branches yield the same types");
      block(id, home, depth + 1);
    }
  }

  const Kernel& k_;
  std::vector<bool> visible_, seen_block_;
  std::vector<ValueId> scope_;  // visible values, innermost last
  InstId current_ = kNone;
  bool has_checks_ = false, in_threads_ = false, in_piece_ = false;
};

}  // namespace

void verify_kernel(const Kernel& k) {
  Verifier(k).run();
}

}  // namespace lazuli::codegen
