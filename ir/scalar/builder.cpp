#include "ir/scalar/builder.h"

#include <bit>
#include <cmath>
#include <utility>

#include "lazuli/base/error.h"
#include "lazuli/base/half.h"

namespace lazuli::scalar {
namespace {

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

uint64_t all_ones(DType t) {
  return t == kBool ? 1 : ~uint64_t{0} >> (64 - 8 * itemsize(t));
}
uint64_t sign_bit(DType t) {
  return uint64_t{1} << (8 * itemsize(t) - 1);
}

uint64_t number_bits(DType t, double v) {
  switch (t) {
    case kBool:
      return v != 0;
    case kFloat16:
      return float_to_half_bits(static_cast<float>(v));
    case kBFloat16:
      return float_to_bfloat16_bits(static_cast<float>(v));
    case kFloat32:
      return std::bit_cast<uint32_t>(static_cast<float>(v));
    case kFloat64:
      return std::bit_cast<uint64_t>(v);
    default: {
      const uint64_t bits = std::bit_cast<uint64_t>(v);
      return evaluate_prim(Prim::convert, t, kFloat64, &bits);
    }
  }
}

}  // namespace

size_t Builder::InstHash::operator()(const Inst& i) const {
  uint64_t h = static_cast<uint64_t>(i.prim) * 16 + static_cast<uint64_t>(i.type);
  const auto mix = [&h](uint64_t v) {
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  };
  for (ValueId a : i.args) mix(a);
  mix(i.imm);
  return h;
}

Builder::Builder(std::vector<DType> params) {
  fn_.params = std::move(params);
}

// Drops what no result and no check needs; the rest keeps its order.
Function Builder::finish(std::initializer_list<Value> results) {
  const size_t params = fn_.params.size();
  std::vector<bool> used(fn_.insts.size(), false);
  const auto use = [&](ValueId v) {
    if (v >= params) used[v - params] = true;
  };
  for (Value r : results) use(r.id);
  for (size_t k = fn_.insts.size(); k-- > 0;) {
    const Inst& inst = fn_.insts[k];
    if (inst.prim == Prim::check) used[k] = true;
    if (!used[k]) continue;
    for (int i = 0; i < info(inst.prim).arity; ++i) use(inst.args[i]);
  }
  Function out;
  out.params = fn_.params;
  std::vector<ValueId> renamed(fn_.insts.size());
  const auto rename = [&](ValueId v) { return v < params ? v : renamed[v - params]; };
  for (size_t k = 0; k < fn_.insts.size(); ++k) {
    if (!used[k]) continue;
    Inst inst = fn_.insts[k];
    for (int i = 0; i < info(inst.prim).arity; ++i) inst.args[i] = rename(inst.args[i]);
    renamed[k] = static_cast<ValueId>(params + out.insts.size());
    out.insts.push_back(inst);
  }
  for (Value r : results) out.results.push_back(rename(r.id));
  return out;
}

Value Builder::emit(Prim p, DType type, std::initializer_list<Value> args, uint64_t imm) {
  Inst inst{p, type, {}, imm};
  bool foldable = args.size() > 0 && p != Prim::check;
  uint64_t bits[3] = {};
  size_t n = 0;
  for (Value a : args) {
    inst.args[n] = a.id;
    const Inst* def = a.id < fn_.params.size() ? nullptr : &fn_.insts[a.id - fn_.params.size()];
    if (def && def->prim == Prim::constant)
      bits[n] = def->imm;
    else
      foldable = false;
    ++n;
  }
  if (foldable) {
    const DType operand = fn_.type(inst.args[p == Prim::select ? 1 : 0]);
    return constant_bits(type, evaluate_prim(p, type, operand, bits));
  }
  if (commutes(p) && inst.args[0] > inst.args[1]) std::swap(inst.args[0], inst.args[1]);
  const ValueId next = static_cast<ValueId>(fn_.params.size() + fn_.insts.size());
  if (p != Prim::check) {
    const auto [it, fresh] = known_.try_emplace(inst, next);
    if (!fresh) return {it->second};
  }
  fn_.insts.push_back(inst);
  return {next};
}

const uint64_t* Builder::constant_of(Value v) const {
  if (v.id < fn_.params.size()) return nullptr;
  const Inst& inst = fn_.insts[v.id - fn_.params.size()];
  return inst.prim == Prim::constant ? &inst.imm : nullptr;
}

bool Builder::is_constant(Value v, uint64_t bits) const {
  const uint64_t* c = constant_of(v);
  return c && *c == bits;
}

const Inst* Builder::definition(Value v, Prim p) const {
  if (v.id < fn_.params.size()) return nullptr;
  const Inst& inst = fn_.insts[v.id - fn_.params.size()];
  return inst.prim == p ? &inst : nullptr;
}

void Builder::expect_same(Prim p, Value a, Value b) const {
  if (type(a) == type(b)) return;
  throw Error(ErrorKind::Internal, "scalar " + std::string(info(p).name) + " of " + std::string(name(type(a))) +
                                       " and " + std::string(name(type(b))));
}

Value Builder::constant(DType t, double v) {
  return constant_bits(t, number_bits(t, v));
}
Value Builder::constant_int(DType t, int64_t v) {
  if (t == kBool) return constant_bits(t, v != 0);
  if (is_integral(t)) return constant_bits(t, static_cast<uint64_t>(v) & all_ones(t));
  return constant(t, static_cast<double>(v));
}
Value Builder::constant_bits(DType t, uint64_t bits) {
  return emit(Prim::constant, t, {}, bits);
}

Value Builder::add(Value a, Value b) {
  expect_same(Prim::add, a, b);
  const DType t = type(a);
  if (t == kBool) return bit_or(a, b);
  // -0 is the neutral element of float addition; +0 would turn -0 into +0.
  const uint64_t neutral = is_floating(t) ? sign_bit(t) : 0;
  if (is_constant(b, neutral)) return a;
  if (is_constant(a, neutral)) return b;
  return emit(Prim::add, t, {a, b});
}

Value Builder::sub(Value a, Value b) {
  expect_same(Prim::sub, a, b);
  const DType t = type(a);
  if (t == kBool) return bit_xor(a, b);
  if (is_constant(b, 0)) return a;
  if (is_integral(t) && a.id == b.id) return constant_int(t, 0);
  return emit(Prim::sub, t, {a, b});
}

Value Builder::mul(Value a, Value b) {
  expect_same(Prim::mul, a, b);
  const DType t = type(a);
  if (t == kBool) return bit_and(a, b);
  const uint64_t one = number_bits(t, 1);
  if (is_constant(b, one)) return a;
  if (is_constant(a, one)) return b;
  if (is_integral(t) && (is_constant(a, 0) || is_constant(b, 0))) return constant_int(t, 0);
  return emit(Prim::mul, t, {a, b});
}

Value Builder::div(Value a, Value b) {
  expect_same(Prim::div, a, b);
  if (is_constant(b, number_bits(type(b), 1))) return a;
  return emit(Prim::div, type(a), {a, b});
}
Value Builder::idiv(Value a, Value b) {
  expect_same(Prim::idiv, a, b);
  if (is_constant(b, 1)) return a;
  return emit(Prim::idiv, type(a), {a, b});
}
Value Builder::irem(Value a, Value b) {
  expect_same(Prim::irem, a, b);
  if (is_constant(b, 1)) return constant_int(type(a), 0);
  return emit(Prim::irem, type(a), {a, b});
}

Value Builder::neg(Value a) {
  if (type(a) == kBool) return a;
  if (const Inst* inner = definition(a, Prim::neg)) return {inner->args[0]};
  return emit(Prim::neg, type(a), {a});
}
Value Builder::abs(Value a) {
  if (!is_signed(type(a)) || definition(a, Prim::abs)) return a;
  if (const Inst* inner = definition(a, Prim::neg)) return abs({inner->args[0]});
  return emit(Prim::abs, type(a), {a});
}

Value Builder::fma(Value a, Value b, Value c) {
  expect_same(Prim::fma, a, b);
  expect_same(Prim::fma, b, c);
  const DType t = type(a);
  const uint64_t one = number_bits(t, 1);
  if (is_constant(a, one)) return add(b, c);
  if (is_constant(b, one)) return add(a, c);
  if (is_constant(c, sign_bit(t))) return mul(a, b);
  if (a.id > b.id) std::swap(a, b);
  return emit(Prim::fma, t, {a, b, c});
}

Value Builder::sqrt(Value a) {
  return emit(Prim::sqrt, type(a), {a});
}
Value Builder::floor(Value a) {
  return is_floating(type(a)) ? emit(Prim::floor, type(a), {a}) : a;
}
Value Builder::ceil(Value a) {
  return is_floating(type(a)) ? emit(Prim::ceil, type(a), {a}) : a;
}
Value Builder::trunc(Value a) {
  return is_floating(type(a)) ? emit(Prim::trunc, type(a), {a}) : a;
}
Value Builder::roundeven(Value a) {
  return is_floating(type(a)) ? emit(Prim::roundeven, type(a), {a}) : a;
}

Value Builder::minimum(Value a, Value b) {
  expect_same(Prim::minimum, a, b);
  if (a.id == b.id) return a;
  if (type(a) == kBool) return bit_and(a, b);
  return emit(Prim::minimum, type(a), {a, b});
}
Value Builder::maximum(Value a, Value b) {
  expect_same(Prim::maximum, a, b);
  if (a.id == b.id) return a;
  if (type(a) == kBool) return bit_or(a, b);
  return emit(Prim::maximum, type(a), {a, b});
}

Value Builder::bit_and(Value a, Value b) {
  expect_same(Prim::bit_and, a, b);
  const DType t = type(a);
  if (a.id == b.id || is_constant(b, all_ones(t))) return a;
  if (is_constant(a, all_ones(t))) return b;
  if (is_constant(a, 0) || is_constant(b, 0)) return constant_bits(t, 0);
  return emit(Prim::bit_and, t, {a, b});
}
Value Builder::bit_or(Value a, Value b) {
  expect_same(Prim::bit_or, a, b);
  const DType t = type(a);
  if (a.id == b.id || is_constant(b, 0)) return a;
  if (is_constant(a, 0)) return b;
  if (is_constant(a, all_ones(t)) || is_constant(b, all_ones(t))) return constant_bits(t, all_ones(t));
  return emit(Prim::bit_or, t, {a, b});
}
Value Builder::bit_xor(Value a, Value b) {
  expect_same(Prim::bit_xor, a, b);
  const DType t = type(a);
  if (a.id == b.id) return constant_bits(t, 0);
  if (is_constant(b, 0)) return a;
  if (is_constant(a, 0)) return b;
  if (t == kBool && is_constant(b, 1)) return bit_not(a);
  if (t == kBool && is_constant(a, 1)) return bit_not(b);
  return emit(Prim::bit_xor, t, {a, b});
}
Value Builder::bit_not(Value a) {
  if (const Inst* inner = definition(a, Prim::bit_not)) return {inner->args[0]};
  // eq and ne are exact opposites, on NaN too.
  if (const Inst* inner = definition(a, Prim::eq)) return ne({inner->args[0]}, {inner->args[1]});
  if (const Inst* inner = definition(a, Prim::ne)) return eq({inner->args[0]}, {inner->args[1]});
  return emit(Prim::bit_not, type(a), {a});
}

Value Builder::shl(Value a, Value b) {
  expect_same(Prim::shl, a, b);
  return is_constant(b, 0) ? a : emit(Prim::shl, type(a), {a, b});
}
Value Builder::lshr(Value a, Value b) {
  expect_same(Prim::lshr, a, b);
  return is_constant(b, 0) ? a : emit(Prim::lshr, type(a), {a, b});
}
Value Builder::ashr(Value a, Value b) {
  expect_same(Prim::ashr, a, b);
  return is_constant(b, 0) ? a : emit(Prim::ashr, type(a), {a, b});
}
Value Builder::scale2(Value x, Value n) {
  expect_same(Prim::scale2, x, n);
  return emit(Prim::scale2, type(x), {x, n});
}
Value Builder::umulhi(Value a, Value b) {
  expect_same(Prim::umulhi, a, b);
  return emit(Prim::umulhi, type(a), {a, b});
}

Value Builder::eq(Value a, Value b) {
  expect_same(Prim::eq, a, b);
  if (a.id == b.id && !is_floating(type(a))) return constant_int(kBool, 1);
  return emit(Prim::eq, kBool, {a, b});
}
Value Builder::ne(Value a, Value b) {
  expect_same(Prim::ne, a, b);
  if (a.id == b.id && !is_floating(type(a))) return constant_int(kBool, 0);
  return emit(Prim::ne, kBool, {a, b});
}
Value Builder::lt(Value a, Value b) {
  expect_same(Prim::lt, a, b);
  if (a.id == b.id) return constant_int(kBool, 0);
  return emit(Prim::lt, kBool, {a, b});
}
Value Builder::le(Value a, Value b) {
  expect_same(Prim::le, a, b);
  if (a.id == b.id && !is_floating(type(a))) return constant_int(kBool, 1);
  return emit(Prim::le, kBool, {a, b});
}
Value Builder::ult(Value a, Value b) {
  expect_same(Prim::ult, a, b);
  if (a.id == b.id) return constant_int(kBool, 0);
  return emit(Prim::ult, kBool, {a, b});
}

Value Builder::select(Value cond, Value a, Value b) {
  expect_same(Prim::select, a, b);
  if (type(cond) != kBool) throw Error(ErrorKind::Internal, "scalar select needs a bool condition");
  if (a.id == b.id) return a;
  if (const uint64_t* c = constant_of(cond)) return *c ? a : b;
  if (const Inst* inner = definition(cond, Prim::bit_not)) return select({inner->args[0]}, b, a);
  if (type(a) == kBool) {
    if (is_constant(a, 1) && is_constant(b, 0)) return cond;
    if (is_constant(a, 0) && is_constant(b, 1)) return bit_not(cond);
  }
  return emit(Prim::select, type(a), {cond, a, b});
}

Value Builder::bitcast(Value a, DType to) {
  if (type(a) == to) return a;
  if (itemsize(type(a)) != itemsize(to) || type(a) == kBool || to == kBool) {
    throw Error(ErrorKind::Internal, "scalar bitcast between types of different size");
  }
  if (const Inst* inner = definition(a, Prim::bitcast)) return bitcast({inner->args[0]}, to);
  return emit(Prim::bitcast, to, {a});
}

void Builder::check(Value cond, uint64_t code) {
  if (type(cond) != kBool) throw Error(ErrorKind::Internal, "scalar check needs a bool condition");
  if (is_constant(cond, 1)) return;
  emit(Prim::check, kBool, {cond}, code);
}

Value Builder::is_inf(Value a) {
  return eq(abs(a), constant(type(a), INFINITY));
}

Value Builder::copysign(Value magnitude, Value sign) {
  const DType t = type(magnitude), bits = t == kFloat64 ? kInt64 : kInt32;
  const Value mask = constant_bits(bits, sign_bit(bits));
  const Value m = bit_and(bitcast(magnitude, bits), bit_not(mask));
  return bitcast(bit_or(m, bit_and(bitcast(sign, bits), mask)), t);
}

Value Builder::poly(Value x, std::initializer_list<double> coefficients) {
  auto c = coefficients.begin();
  Value p = like(x, *c++);
  for (; c != coefficients.end(); ++c) p = fma(p, x, like(x, *c));
  return p;
}

}  // namespace lazuli::scalar
