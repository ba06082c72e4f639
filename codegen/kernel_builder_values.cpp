// Pure values and memory: broadcasting of lanes, constant folding, and the identities that keep every bit.
#include <algorithm>
#include <array>
#include <bit>

#include "codegen/kernel_builder.h"
#include "codegen/kernel_types.h"
#include "lazuli/base/half.h"

namespace lazuli::codegen {

namespace {

uint64_t bits_of(DType t, double v) {
  switch (t) {
    case kFloat64:
      return std::bit_cast<uint64_t>(v);
    case kFloat32:
      return std::bit_cast<uint32_t>(static_cast<float>(v));
    case kFloat16:
      return float_to_half_bits(static_cast<float>(v));
    case kBFloat16:
      return float_to_bfloat16_bits(static_cast<float>(v));
    case kBool:
      return v != 0;
    default:
      return static_cast<uint64_t>(static_cast<int64_t>(v)) & bit_mask(t);
  }
}

bool commutes(Prim p) {
  switch (p) {
    case Prim::add:
    case Prim::mul:
    case Prim::minimum:
    case Prim::maximum:
    case Prim::bit_and:
    case Prim::bit_or:
    case Prim::bit_xor:
    case Prim::umulhi:
    case Prim::eq:
    case Prim::ne:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<uint64_t> KernelBuilder::constant_of(ValueId v) const {
  const InstId d = kernel_.definers[v];
  if (d == kNone) return {};
  const Inst& inst = kernel_.insts[d];
  if (inst.op != KOp::Prim || inst.prim != Prim::constant) return {};
  return inst.imm;
}

ValueId KernelBuilder::constant(DType t, double v) {
  return constant_bits(t, bits_of(t, v));
}
ValueId KernelBuilder::constant_bits(DType t, uint64_t bits) {
  return splat_constant({t, 1}, bits);
}

ValueId KernelBuilder::splat_constant(Type t, uint64_t bits) {
  Inst inst{KOp::Prim};
  inst.prim = Prim::constant;
  inst.imm = bits & bit_mask(t.dtype);
  return emit_pure(std::move(inst), t);
}

ValueId KernelBuilder::prim(Prim p, DType result, std::initializer_list<ValueId> operands) {
  return prim(p, result, std::span<const ValueId>(operands.begin(), operands.size()));
}

ValueId KernelBuilder::prim(Prim p, DType result, std::span<const ValueId> operands) {
  expect(p != Prim::constant && p != Prim::check, "prim() on constant or check");
  expect(operands.size() == scalar::info(p).arity, "a primitive with the wrong number of operands");
  uint16_t lanes = 1;
  for (ValueId v : operands) lanes = std::max(lanes, type(v).lanes);
  std::array<ValueId, 3> v{};
  for (size_t i = 0; i < operands.size(); ++i) v[i] = splat(operands[i], lanes);
  if (commutes(p)) {
    const auto order = [&](ValueId x) { return std::pair(constant_of(x).has_value(), x); };
    if (order(v[1]) < order(v[0])) std::swap(v[0], v[1]);
  }
  const std::span<const ValueId> args(v.data(), operands.size());
  if (ValueId s = fold(p, result, args); s != kNone) return s;
  if (ValueId s = simplify(p, result, args); s != kNone) return s;
  if (constants_last_ && lanes == 1 && result == kInt64)
    if (ValueId s = with_constant_last(p, args); s != kNone) return s;
  Inst inst{KOp::Prim};
  inst.prim = p;
  inst.operands = args;
  return emit_pure(std::move(inst), {result, lanes});
}

/// (x + c) + y is (x + y) + c, and (x + c) * d is x * d + c * d. Constants are on the right already.
ValueId KernelBuilder::with_constant_last(Prim p, std::span<const ValueId> operands) {
  if (p != Prim::add && p != Prim::mul) return kNone;
  const auto sum = [&](ValueId v) -> std::optional<std::pair<ValueId, ValueId>> {
    const InstId d = kernel_.definers[v];
    if (d == kNone || kernel_.insts[d].op != KOp::Prim || kernel_.insts[d].prim != Prim::add) return {};
    const auto& in = kernel_.insts[d].operands;
    if (!constant_of(in[1])) return {};
    return std::pair(in[0], in[1]);
  };
  const ValueId a = operands[0], b = operands[1];
  if (p == Prim::mul) {
    const auto s = sum(a);
    return s && constant_of(b) ? add(mul(s->first, b), mul(s->second, b)) : kNone;
  }
  const auto left = sum(a), right = sum(b);
  if (left && constant_of(b)) return add(left->first, add(left->second, b));
  if (left && right) return add(add(left->first, right->first), add(left->second, right->second));
  if (left) return add(add(left->first, b), left->second);
  if (right) return add(add(a, right->first), right->second);
  return kNone;
}

ValueId KernelBuilder::fold(Prim p, DType result, std::span<const ValueId> operands) {
  std::array<uint64_t, 3> bits{};
  for (size_t i = 0; i < operands.size(); ++i) {
    const auto c = constant_of(operands[i]);
    if (!c) return kNone;
    bits[i] = *c;
  }
  const Type t = type(operands.back());
  return splat_constant({result, t.lanes}, scalar::evaluate_prim(p, result, t.dtype, bits.data()));
}

ValueId KernelBuilder::simplify(Prim p, DType result, std::span<const ValueId> operands) {
  const ValueId a = operands[0], b = operands.size() > 1 ? operands[1] : kNone;
  const Type t = type(operands.back());
  switch (p) {
    case Prim::select:
      if (const auto c = constant_of(a)) return *c ? b : operands[2];
      return b == operands[2] ? b : kNone;
    case Prim::convert:
    case Prim::bitcast:
      return t.dtype == result ? a : kNone;
    case Prim::minimum:
    case Prim::maximum:
      return a == b ? a : kNone;
    default:
      break;
  }
  if (is_floating(t.dtype)) return kNone;
  const uint64_t ones = bit_mask(t.dtype);
  switch (p) {  // constants of commutative primitives are on the right
    case Prim::add:
    case Prim::sub:
    case Prim::shl:
    case Prim::lshr:
    case Prim::ashr:
    case Prim::bit_xor:
      return is_constant(b, 0) ? a : kNone;
    case Prim::mul:
      return is_constant(b, 1) ? a : is_constant(b, 0) ? b : kNone;
    case Prim::idiv:
      return is_constant(b, 1) ? a : kNone;
    case Prim::bit_and:
      return is_constant(b, ones) || a == b ? a : is_constant(b, 0) ? b : kNone;
    case Prim::bit_or:
      return is_constant(b, 0) || a == b ? a : is_constant(b, ones) ? b : kNone;
    default:
      return kNone;
  }
}

ValueId KernelBuilder::iota(uint16_t lanes) {
  return lanes == 1 ? index(0) : emit_pure(Inst{KOp::Iota}, {kInt64, lanes});
}

ValueId KernelBuilder::splat(ValueId v, uint16_t lanes) {
  const Type t = type(v);
  if (t.lanes == lanes) return v;
  expect(t.lanes == 1, "operands of different lanes");
  if (const auto c = constant_of(v)) return splat_constant({t.dtype, lanes}, *c);
  Inst inst{KOp::Splat};
  inst.operands = {v};
  return emit_pure(std::move(inst), {t.dtype, lanes});
}

ValueId KernelBuilder::lane_op(KOp op, ValueId v, Type result, uint64_t imm) {
  if (const auto c = constant_of(v)) return splat_constant(result, *c);
  if (const InstId d = kernel_.definers[v]; d != kNone && kernel_.insts[d].op == KOp::Splat)
    return splat(kernel_.insts[d].operands[0], result.lanes);
  Inst inst{op};
  inst.operands = {v};
  inst.imm = imm;
  return emit_pure(std::move(inst), result);
}

ValueId KernelBuilder::low(ValueId v) {
  const Type t = type(v);
  expect(t.lanes % 2 == 0, "low half of an odd number of lanes");
  return lane_op(KOp::Low, v, {t.dtype, static_cast<uint16_t>(t.lanes / 2)}, 0);
}

ValueId KernelBuilder::high(ValueId v) {
  const Type t = type(v);
  expect(t.lanes % 2 == 0, "high half of an odd number of lanes");
  return lane_op(KOp::High, v, {t.dtype, static_cast<uint16_t>(t.lanes / 2)}, 0);
}

ValueId KernelBuilder::extract(ValueId v, uint32_t lane) {
  const Type t = type(v);
  expect(lane < t.lanes, "extract of a lane that does not exist");
  return t.lanes == 1 ? v : lane_op(KOp::Extract, v, {t.dtype, 1}, lane);
}

ValueId KernelBuilder::shuffle(ValueId a, ValueId b, const std::vector<uint8_t>& picks) {
  const Type t = type(a);
  expect(t == type(b), "a shuffle of different types");
  const auto x = constant_of(a), y = constant_of(b);
  if (x && y && *x == *y) return splat_constant({t.dtype, static_cast<uint16_t>(picks.size())}, *x);
  auto& known = kernel_.shuffles;
  const auto it = std::find(known.begin(), known.end(), picks);
  Inst inst{KOp::Shuffle};
  inst.imm = static_cast<uint64_t>(it - known.begin());
  if (it == known.end()) known.push_back(picks);
  inst.operands = {a, b};
  return emit_pure(std::move(inst), {t.dtype, static_cast<uint16_t>(picks.size())});
}

ValueId KernelBuilder::any_lane(ValueId v) {
  return type(v).lanes == 1 ? v : lane_op(KOp::AnyLane, v, {kBool, 1}, 0);
}

ValueId KernelBuilder::lane_mask(ValueId n, uint16_t lanes) {
  if (lanes == 1) return lt(index(0), n);
  if (const auto c = constant_of(n)) {
    const auto count = static_cast<int64_t>(*c);
    if (count <= 0 || count >= lanes) return splat_constant({kBool, lanes}, count > 0);
  }
  Inst inst{KOp::LaneMask};
  inst.operands = {n};
  return emit_pure(std::move(inst), {kBool, lanes});
}

ValueId KernelBuilder::fast_div(ValueId x, ValueId multiplier, ValueId shift) {
  const uint16_t lanes = type(x).lanes;
  const auto c = constant_of(x), m = constant_of(multiplier), s = constant_of(shift);
  if (c && m && s) return splat_constant({kInt64, lanes}, (*c * *m) >> *s);
  Inst inst{KOp::FastDiv};
  inst.operands = {x, splat(multiplier, lanes), splat(shift, lanes)};
  return emit_pure(std::move(inst), {kInt64, lanes});
}

ValueId KernelBuilder::dot_bytes(ValueId sum, ValueId a, ValueId b) {
  const Type t = type(sum);
  Inst inst{KOp::DotBytes};
  inst.operands = {sum, splat(a, t.lanes), splat(b, t.lanes)};
  return emit_pure(std::move(inst), t);
}

std::vector<ValueId> KernelBuilder::inline_function(const scalar::Function& f, std::span<const ValueId> args,
                                                    std::optional<ValueId> mask) {
  expect(args.size() == f.params.size(), "a scalar function with the wrong number of arguments");
  std::vector<ValueId> values(args.begin(), args.end());
  values.reserve(args.size() + f.insts.size());
  for (size_t i = 0; i < args.size(); ++i)
    expect(type(args[i]).dtype == f.params[i], "a scalar function's argument of another type");
  for (const scalar::Inst& inst : f.insts) {
    if (inst.prim == Prim::constant) {
      values.push_back(constant_bits(inst.type, inst.imm));
    } else if (inst.prim == Prim::check) {
      const ValueId ok = values[inst.args[0]];
      check(mask ? prim(Prim::bit_or, kBool, {ok, prim(Prim::bit_not, kBool, {*mask})}) : ok);
      values.push_back(ok);
    } else {
      std::array<ValueId, 3> operands{};
      const size_t n = scalar::info(inst.prim).arity;
      for (size_t i = 0; i < n; ++i) operands[i] = values[inst.args[i]];
      values.push_back(prim(inst.prim, inst.type, std::span<const ValueId>(operands.data(), n)));
    }
  }
  std::vector<ValueId> results;
  for (scalar::ValueId r : f.results) results.push_back(values[r]);
  return results;
}

// ---- Memory --------------------------------------------------------------------------------------------------------

ValueId KernelBuilder::load(uint32_t buffer, ValueId offset, uint16_t lanes, uint8_t flags) {
  expect(buffer < kernel_.buffers.size(), "a load from a buffer that was not added");
  Inst inst{KOp::Load};
  inst.flags = flags;
  inst.imm = buffer;
  inst.operands = {offset};
  const uint16_t offsets = type(offset).lanes;
  expect(offsets == 1 || lanes == offsets, "a gather whose lanes are not those of its offsets");
  return load_any(std::move(inst), {kernel_.buffers[buffer].dtype, lanes});
}

ValueId KernelBuilder::load_masked(uint32_t buffer, ValueId offset, ValueId mask, ValueId other) {
  expect(buffer < kernel_.buffers.size(), "a load from a buffer that was not added");
  const uint16_t lanes = std::max(type(mask).lanes, type(offset).lanes);
  mask = splat(mask, lanes);
  other = splat(other, lanes);
  if (const auto m = constant_of(mask)) return *m ? load(buffer, offset, lanes) : other;
  Inst inst{KOp::Load};
  inst.imm = buffer;
  inst.operands = {offset, mask, other};
  return load_any(std::move(inst), {kernel_.buffers[buffer].dtype, lanes});
}

void KernelBuilder::store(uint32_t buffer, ValueId offset, ValueId value, uint8_t flags) {
  expect(buffer < kernel_.buffers.size(), "a store to a buffer that was not added");
  Inst inst{KOp::Store};
  inst.flags = flags;
  inst.imm = buffer;
  inst.operands = {offset, splat(value, std::max(type(offset).lanes, type(value).lanes))};
  emit_effect(std::move(inst));
}

void KernelBuilder::store_masked(uint32_t buffer, ValueId offset, ValueId value, ValueId mask) {
  expect(buffer < kernel_.buffers.size(), "a store to a buffer that was not added");
  const uint16_t lanes = std::max({type(offset).lanes, type(value).lanes, type(mask).lanes});
  mask = splat(mask, lanes);
  value = splat(value, lanes);
  if (const auto m = constant_of(mask)) {
    if (*m) store(buffer, offset, value);
    return;
  }
  Inst inst{KOp::Store};
  inst.imm = buffer;
  inst.operands = {offset, value, mask};
  emit_effect(std::move(inst));
}

void KernelBuilder::prefetch(uint32_t buffer, ValueId offset, uint8_t flags) {
  Inst inst{KOp::Prefetch};
  inst.flags = flags;
  inst.imm = buffer;
  inst.operands = {offset};
  emit_effect(std::move(inst));
}

void KernelBuilder::fence() {
  emit_effect(Inst{KOp::Fence});
}

void KernelBuilder::barrier() {
  emit_effect(Inst{KOp::Barrier});
}

void KernelBuilder::lane_swap(uint32_t to, uint32_t from, uint32_t mask) {
  Inst inst{KOp::LaneSwap};
  inst.imm = pack({to, from, mask});
  emit_effect(std::move(inst));
}

void KernelBuilder::multiply_tile(const TileProduct& product, const TileOperand& left, const TileOperand& right,
                                  ValueId depth) {
  Inst inst{KOp::MultiplyTile};
  inst.imm = kernel_.tiles.size();
  inst.operands = {left.offset, left.stride, left.rows, right.offset, right.stride, right.rows, depth};
  kernel_.tiles.push_back(product);
  for (const auto& [side, made] : {std::pair(&left, product.left_made), std::pair(&right, product.right_made)}) {
    if (made == 0) continue;
    const bool along_depth = side == &left ? product.left_along_depth : product.right_along_depth;
    const auto place = [&](BlockId block) {
      const ValueId row = new_value({kInt64, 1}, kNone, block), k = new_value({kInt64, 1}, kNone, block);
      kernel_.blocks[block].args = {row, k};
      note_multiple(along_depth ? k : row, made);
      return std::pair(row, k);
    };
    const BlockId fetch = open_block(false);
    const auto [row, k] = place(fetch);
    const std::vector<ValueId> read = side->fetch(row, k);
    close_block(read);
    const BlockId convert = open_block(false);
    const auto [to_row, to_k] = place(convert);
    std::vector<ValueId> fetched;
    for (ValueId v : read) fetched.push_back(new_value(type(v), kNone, convert));
    auto& args = kernel_.blocks[convert].args;
    args.insert(args.end(), fetched.begin(), fetched.end());
    close_block({splat(side->convert(to_row, to_k, fetched), made)});
    inst.blocks.push_back(fetch);
    inst.blocks.push_back(convert);
  }
  emit_effect(std::move(inst));
}

void KernelBuilder::stream_tile(const StreamProduct& product, ValueId row, ValueId column, ValueId batch,
                                const std::function<void(ValueId row, ValueId column)>& piece) {
  Inst inst{KOp::StreamTile};
  inst.imm = kernel_.streams.size();
  inst.operands = {row, column, batch};
  kernel_.streams.push_back(product);
  const BlockId block = open_block(false);
  const ValueId first_row = new_value({kInt64, 1}, kNone, block), first_column = new_value({kInt64, 1}, kNone, block);
  kernel_.blocks[block].args = {first_row, first_column};
  note_multiple(first_row, std::min<int64_t>(multiple_of(row), StreamProduct::kPieceRows));
  note_multiple(first_column, std::min<int64_t>(multiple_of(column), StreamProduct::kPieceColumns));
  piece(first_row, first_column);
  close_block({});
  inst.blocks.push_back(block);
  emit_effect(std::move(inst));
}

void KernelBuilder::check(ValueId condition) {
  if (const auto c = constant_of(condition); c && *c) return;
  Inst inst{KOp::Prim};
  inst.prim = Prim::check;
  inst.operands = {condition};
  kernel_.has_checks = true;
  emit_effect(std::move(inst));
}

void KernelBuilder::check_outside(ValueId condition) {
  if (const auto c = constant_of(condition); c && *c) return;
  current();
  size_t home = depth_of(condition);
  for (size_t d = open_.size() - 1; d > home; --d)
    if (open_[d].is_branch) home = d;
  for (size_t d = 0; d <= home; ++d)
    if (checked_.contains({open_[d].block, condition})) return;
  checked_.emplace(open_[home].block, condition);
  Inst inst{KOp::Prim};
  inst.prim = Prim::check;
  inst.operands = {condition};
  kernel_.has_checks = true;
  append(std::move(inst), {}, open_[home].block);
  for (size_t d = 0; d <= home; ++d) block_has_effect_[open_[d].block] = true;
}

}  // namespace lazuli::codegen
