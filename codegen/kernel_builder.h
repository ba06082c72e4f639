// Builds kernels. Every pure instruction leaves the loops that it does not depend on, and is merged with an equal one
// that is already visible: loop-invariant code motion and common subexpressions happen while building, so that no
// compiler pass has to find them later. Constants fold through the scalar evaluator, unused instructions are dropped.
//
// Placement: outside every loop that its operands do not need, but inside the branches that lie between there and the
// caller, so that an epilogue under `if (last block)` is not computed on every iteration. Instructions without operands
// go to the phase's body. Loads from Input buffers never leave a branch (it may guard them); they do leave loops, so a
// load whose offset does not depend on a loop must be valid even when the loop runs zero times.
#pragma once
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>

#include "codegen/kernel.h"
#include "ir/scalar/function.h"

namespace lazuli::codegen {

class KernelBuilder {
 public:
  explicit KernelBuilder(std::string name);

  // Arguments.
  /// `extent`: elements, of a Shared buffer only.
  uint32_t add_buffer(DType dtype, Role role, int64_t extent = 0);
  uint32_t add_scalar(DType dtype);
  uint32_t add_size();
  /// An int64 argument; its value at launch is the caller's business. Values belong to one phase: another phase that
  /// needs the same argument asks for its index again.
  ValueId size_arg(uint32_t index);
  /// A fresh one; its index is kernel().size_args - 1.
  ValueId size_arg() { return size_arg(add_size()); }
  ValueId scalar_arg(uint32_t index);

  // Phases. `body` receives the task number.
  void phase(std::string name, const std::function<void(ValueId task)>& body);

  // Control flow. Bodies are called once, while their block is open.
  /// for (i = begin; i < end; i += step) carried = body(i, carried); returns the final carried values.
  std::vector<ValueId> for_loop(ValueId begin, ValueId end, ValueId step, std::vector<ValueId> init,
                                const std::function<std::vector<ValueId>(ValueId i, const std::vector<ValueId>&)>& body,
                                LoopKind kind = LoopKind::Serial);
  /// Both branches yield the same types. `otherwise` may be empty when nothing is yielded.
  std::vector<ValueId> if_then(ValueId condition, const std::function<std::vector<ValueId>()>& then,
                               const std::function<std::vector<ValueId>()>& otherwise = {}, uint8_t flags = 0);

  // Pure values. Operands of different lanes: a scalar is splat to the other's lanes.
  ValueId constant(DType t, double v);
  ValueId constant_bits(DType t, uint64_t bits);
  ValueId index(int64_t v) { return constant_bits(kInt64, static_cast<uint64_t>(v)); }
  ValueId prim(Prim p, DType result, std::initializer_list<ValueId> operands);
  ValueId prim(Prim p, DType result, std::span<const ValueId> operands);
  ValueId add(ValueId a, ValueId b) { return prim(Prim::add, type(b).dtype, {a, b}); }
  ValueId sub(ValueId a, ValueId b) { return prim(Prim::sub, type(b).dtype, {a, b}); }
  ValueId mul(ValueId a, ValueId b) { return prim(Prim::mul, type(b).dtype, {a, b}); }
  ValueId max(ValueId a, ValueId b) { return prim(Prim::maximum, type(b).dtype, {a, b}); }
  ValueId min(ValueId a, ValueId b) { return prim(Prim::minimum, type(b).dtype, {a, b}); }
  ValueId lt(ValueId a, ValueId b) { return prim(Prim::lt, kBool, {a, b}); }
  ValueId select(ValueId c, ValueId a, ValueId b) { return prim(Prim::select, type(b).dtype, {c, a, b}); }
  ValueId iota(uint16_t lanes);
  ValueId splat(ValueId v, uint16_t lanes);
  ValueId low(ValueId v);
  ValueId high(ValueId v);
  ValueId extract(ValueId v, uint32_t lane);
  /// Lane n is lane picks[n] of `a` followed by `b`, which have equal lanes.
  ValueId shuffle(ValueId a, ValueId b, const std::vector<uint8_t>& picks);
  ValueId lane_mask(ValueId n, uint16_t lanes);
  ValueId any_lane(ValueId v);
  ValueId fast_div(ValueId x, ValueId multiplier, ValueId shift);
  ValueId dot_bytes(ValueId sum, ValueId a, ValueId b);
  /// The results of a scalar function on these arguments (lanes may differ as above). `mask` guards its checks.
  std::vector<ValueId> inline_function(const scalar::Function& f, std::span<const ValueId> args,
                                       std::optional<ValueId> mask = {});

  // Memory. Loads from Input buffers are pure (they hoist out of loops, not out of If branches); others stay in place.
  /// lanes > 1 with a scalar offset: consecutive elements; with a vector offset lanes come from it.
  ValueId load(uint32_t buffer, ValueId offset, uint16_t lanes, uint8_t flags = 0);
  ValueId load_masked(uint32_t buffer, ValueId offset, ValueId mask, ValueId other);
  void store(uint32_t buffer, ValueId offset, ValueId value, uint8_t flags = 0);
  void store_masked(uint32_t buffer, ValueId offset, ValueId value, ValueId mask);
  void prefetch(uint32_t buffer, ValueId offset, uint8_t flags = 0);
  void fence();
  /// Between threads that write memory of a block and others that read it there. Not in a Thread loop.
  void barrier();
  /// See KOp::LaneSwap.
  void lane_swap(uint32_t to, uint32_t from, uint32_t mask);
  /// See KOp::MultiplyTile.
  struct TileOperand {
    ValueId offset, stride, rows;
    /// Of a side that is made: what is read for (row, k), and the elements from it.
    std::function<std::vector<ValueId>(ValueId row, ValueId k)> fetch = {};
    std::function<ValueId(ValueId row, ValueId k, const std::vector<ValueId>& fetched)> convert = {};
  };
  void multiply_tile(const TileProduct& product, const TileOperand& left, const TileOperand& right, ValueId depth);
  /// See KOp::StreamTile.
  void stream_tile(const StreamProduct& product, ValueId row, ValueId column, ValueId batch,
                   const std::function<void(ValueId row, ValueId column)>& piece);
  void set_threads(int threads) { kernel_.threads = static_cast<uint32_t>(threads); }
  void check(ValueId condition);
  /// The same, once, and outside of every loop that the condition does not depend on. Such loops must not be empty.
  void check_outside(ValueId condition);

  /// From here on constants in sums of scalar integers are added last, after everything that varies: addresses that
  /// differ by constants share all else, and machines add constants for nothing.
  void add_constants_last() { constants_last_ = true; }

  /// A power of two of which this int64 is known to be a multiple, at most 4096.
  int64_t multiple_of(ValueId v, int steps = 8) const;
  void note_multiple(ValueId v, int64_t multiple) { multiples_[v] = multiple; }
  /// What a sum adds a constant to, and the constant; 0 for anything else.
  std::pair<ValueId, int64_t> constant_part(ValueId v) const;

  Type type(ValueId v) const { return kernel_.values[v]; }
  const Kernel& kernel() const { return kernel_; }
  /// Verifies and hands the kernel over.
  std::shared_ptr<const Kernel> finish();

 private:
  struct OpenBlock {
    BlockId block;
    bool is_branch;  // body of an If; else of a For or a phase
  };
  /// Finds equal pure instructions: open addressing over instruction ids. An entry of a closed block never matches
  /// again.
  class InstTable {
   public:
    /// Returns the equal instruction in `block`, or kNone.
    InstId find(const KernelBuilder& b, const Inst& inst, Type result, BlockId block, uint64_t epoch) const;
    void insert(const KernelBuilder& b, InstId id);

   private:
    std::vector<InstId> slots_;
    size_t used_ = 0;
  };
  uint64_t hash(const Inst& inst, Type result, BlockId block, uint64_t epoch) const;

  ValueId new_value(Type t, InstId definer, BlockId block);
  InstId append(Inst inst, std::span<const Type> results, BlockId block, uint64_t epoch = 0);
  ValueId emit_pure(Inst inst, Type result, bool may_leave_branch = true);
  void emit_effect(Inst inst);
  BlockId open_block(bool is_branch);
  void close_block(std::vector<ValueId> yields);
  BlockId current() const;
  size_t depth_of(ValueId v) const;
  void expect(bool ok, const char* rule) const;
  void drop_unused();

  std::optional<uint64_t> constant_of(ValueId v) const;
  bool is_constant(ValueId v, uint64_t bits) const { return constant_of(v) == bits; }
  ValueId splat_constant(Type t, uint64_t bits);
  ValueId fold(Prim p, DType result, std::span<const ValueId> operands);
  ValueId simplify(Prim p, DType result, std::span<const ValueId> operands);
  ValueId lane_op(KOp op, ValueId v, Type result, uint64_t imm);
  ValueId load_any(Inst inst, Type result);
  ValueId with_constant_last(Prim p, std::span<const ValueId> operands);

  Kernel kernel_;
  std::vector<OpenBlock> open_;           // outermost first
  std::vector<uint32_t> depth_of_block_;  // place in open_ while the block is open
  std::vector<bool> block_has_effect_;
  std::vector<BlockId> block_of_value_;  // block in which each value becomes available
  std::vector<BlockId> block_of_inst_;
  std::vector<uint64_t> epoch_of_inst_;  // loads that must not cross effects: number of effects before it, plus one
  uint64_t effects_ = 1;
  std::unordered_map<ValueId, int64_t> multiples_;  // what is known of loops' indices and remainders
  bool constants_last_ = false;
  std::set<std::pair<BlockId, ValueId>> checked_;  // by check_outside
  InstTable known_;
};

}  // namespace lazuli::codegen
