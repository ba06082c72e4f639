// Scalar primitives, lane by lane. What the table spells is written as it says; the rows marked "!" are here.
#include <llvm/IR/InstrTypes.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "codegen/kernel_types.h"
#include "codegen/llvm/emitter.h"
#include "codegen/llvm/llvm_compat.h"
#include "lazuli/base/error.h"

namespace lazuli::codegen {

namespace {

using llvm::CmpInst;

struct Named {
  std::string_view text;
  unsigned code;
};
constexpr Named kBinary[] = {
    {"fadd", llvm::Instruction::FAdd}, {"fsub", llvm::Instruction::FSub}, {"fmul", llvm::Instruction::FMul},
    {"fdiv", llvm::Instruction::FDiv}, {"add", llvm::Instruction::Add},   {"sub", llvm::Instruction::Sub},
    {"mul", llvm::Instruction::Mul},   {"and", llvm::Instruction::And},   {"or", llvm::Instruction::Or},
    {"xor", llvm::Instruction::Xor},   {"shl", llvm::Instruction::Shl},   {"lshr", llvm::Instruction::LShr},
    {"ashr", llvm::Instruction::AShr},
};
constexpr Named kCompare[] = {
    {"fcmp oeq", CmpInst::FCMP_OEQ}, {"fcmp une", CmpInst::FCMP_UNE}, {"fcmp olt", CmpInst::FCMP_OLT},
    {"fcmp ole", CmpInst::FCMP_OLE}, {"icmp eq", CmpInst::ICMP_EQ},   {"icmp ne", CmpInst::ICMP_NE},
    {"icmp slt", CmpInst::ICMP_SLT}, {"icmp sle", CmpInst::ICMP_SLE}, {"icmp ult", CmpInst::ICMP_ULT},
    {"icmp ule", CmpInst::ICMP_ULE},
};

template <size_t N>
const Named* find(const Named (&table)[N], std::string_view text) {
  for (const Named& row : table)
    if (row.text == text) return &row;
  return nullptr;
}

}  // namespace

PhaseEmitter::V PhaseEmitter::prim(const Inst& i) {
  const Type result = type(i.results[0]);
  if (i.prim == Prim::constant) return constant(result, i.imm);
  llvm::SmallVector<V, 3> args;
  for (size_t n = 0; n < i.operands.size(); ++n) args.push_back(operand(i, n));
  const Type last = type(i.operands.back());
  const unsigned lanes = result.lanes;
  switch (i.prim) {
    case Prim::select:
      return b_.CreateSelect(args[0], args[1], args[2]);
    case Prim::convert:
      return convert(last.dtype, result.dtype, args[0], lanes);
    case Prim::bitcast:
      return bitcast(last.dtype, result.dtype, args[0], lanes);
    default:
      break;
  }
  if (is_bool(last.dtype)) return bool_prim(i.prim, args);
  switch (i.prim) {
    case Prim::idiv:
      return integer_division(false, last.dtype, args[0], args[1]);
    case Prim::irem:
      return integer_division(true, last.dtype, args[0], args[1]);
    case Prim::umulhi:
      return umulhi(args[0], args[1]);
    case Prim::scale2:
      return scale2(last.dtype, args[0], args[1], lanes);
    case Prim::bit_not:
      return b_.CreateNot(args[0]);
    case Prim::minimum:
    case Prim::maximum:
      if (is_floating(last.dtype)) return extremum(i.prim == Prim::maximum, args[0], args[1]);
      break;
    case Prim::neg:
      if (is_floating(last.dtype)) return b_.CreateFNeg(args[0]);
      return b_.CreateNeg(args[0]);
    case Prim::abs:
      if (is_floating(last.dtype)) break;
      if (!is_signed(last.dtype)) return args[0];
      return intrinsic(llvm::Intrinsic::abs, {args[0]->getType()}, {args[0], b_.getFalse()});
    default:
      break;
  }
  return spelled(scalar::llvm_spelling(i.prim, last.dtype), llvm_type(result), args);
}

PhaseEmitter::V PhaseEmitter::spelled(std::string_view spelling, llvm::Type* result, llvm::ArrayRef<V> args) {
  if (const Named* row = find(kBinary, spelling))
    return b_.CreateBinOp(static_cast<llvm::Instruction::BinaryOps>(row->code), args[0], args[1]);
  if (const Named* row = find(kCompare, spelling))
    return b_.CreateCmp(static_cast<CmpInst::Predicate>(row->code), args[0], args[1]);
  if (spelling.starts_with('@')) {
    const auto id = compat::intrinsic_id(llvm::StringRef(spelling.data() + 1, spelling.size() - 1));
    if (id != llvm::Intrinsic::not_intrinsic) return intrinsic(id, {result}, args);
  }
  throw Error(ErrorKind::Internal,
              "prims.def spells '" + std::string(spelling) + "', which the LLVM emitter cannot write");
}

/// One instruction where AVX-512 has it, else two multiplications by powers of two: 2^(n/2), then what is left of n.
PhaseEmitter::V PhaseEmitter::scale2(DType t, V x, V n, unsigned lanes) {
  const unsigned bits = lanes * static_cast<unsigned>(itemsize(t)) * 8;
  const bool is_double = t == kFloat64;
  const std::string& features = options_.target.features;
  const auto has = [&](const char* f) { return features.find(f) != std::string::npos; };
  // LLVM splits what is wider than the registers that it is to use, but not the machine's own instructions.
  const bool fits = bits <= static_cast<unsigned>(options_.target.vector_bits);
  if (fits && ((bits == 512 && has("+avx512f")) || ((bits == 256 || bits == 128) && has("+avx512vl")))) {
    namespace I = llvm::Intrinsic;
    const I::ID id = bits == 512   ? (is_double ? I::x86_avx512_mask_scalef_pd_512 : I::x86_avx512_mask_scalef_ps_512)
                     : bits == 256 ? (is_double ? I::x86_avx512_mask_scalef_pd_256 : I::x86_avx512_mask_scalef_ps_256)
                                   : (is_double ? I::x86_avx512_mask_scalef_pd_128 : I::x86_avx512_mask_scalef_ps_128);
    llvm::SmallVector<V, 5> args{x, n, x, integer(lanes == 16 ? b_.getInt16Ty() : b_.getInt8Ty(), ~uint64_t{0})};
    if (bits == 512) args.push_back(b_.getInt32(4));  // the current rounding mode
    return intrinsic(id, {}, args);
  }
  llvm::Type* element = is_double ? b_.getInt64Ty() : b_.getInt32Ty();
  llvm::Type* ints = vector_of(element, lanes);
  const unsigned mantissa = is_double ? 52 : 23;
  const V whole = intrinsic(llvm::Intrinsic::fptosi_sat, {ints, x->getType()}, {n});  // NaN has a value as well
  const V half = b_.CreateAShr(whole, integer(ints, 1));
  const auto power = [&](V e) {
    const V biased = b_.CreateAdd(e, integer(ints, is_double ? 1023 : 127));
    return b_.CreateBitCast(b_.CreateShl(biased, integer(ints, mantissa)), x->getType());
  };
  return b_.CreateFMul(b_.CreateFMul(x, power(half)), power(b_.CreateSub(whole, half)));
}

/// Bools are one bit: addition and maximum are or, multiplication and minimum are and, subtraction is xor.
PhaseEmitter::V PhaseEmitter::bool_prim(Prim p, llvm::ArrayRef<V> args) {
  switch (p) {
    case Prim::add:
    case Prim::maximum:
    case Prim::bit_or:
      return b_.CreateOr(args[0], args[1]);
    case Prim::mul:
    case Prim::minimum:
    case Prim::bit_and:
      return b_.CreateAnd(args[0], args[1]);
    case Prim::sub:
    case Prim::ne:
    case Prim::bit_xor:
      return b_.CreateXor(args[0], args[1]);
    case Prim::eq:
      return b_.CreateNot(b_.CreateXor(args[0], args[1]));
    case Prim::lt:
      return b_.CreateAnd(b_.CreateNot(args[0]), args[1]);
    case Prim::le:
      return b_.CreateOr(b_.CreateNot(args[0]), args[1]);
    case Prim::bit_not:
      return b_.CreateNot(args[0]);
    case Prim::neg:
    case Prim::abs:
      return args[0];
    default:
      break;
  }
  throw Error(ErrorKind::Internal, "primitive " + std::string(scalar::info(p).name) + " does not take bool");
}

/// Truncating, and never a trap: a divisor that would trap is replaced by 1, which gives MIN / -1 = MIN and x % 0 = 0.
/// x86 has no vector division of integers; up to 32 bits a float division is exact after truncation, because quotients
/// differ from integers by more than its rounding.
PhaseEmitter::V PhaseEmitter::integer_division(bool remainder, DType t, V a, V b) {
  llvm::Type* ty = a->getType();
  V zero = integer(ty, 0), one = integer(ty, 1);
  V by_zero = b_.CreateICmpEQ(b, zero), unsafe = by_zero;
  if (is_signed(t)) {
    V smallest = llvm::ConstantInt::get(ty, llvm::APInt::getSignedMinValue(ty->getScalarSizeInBits()));
    V overflow = b_.CreateAnd(b_.CreateICmpEQ(a, smallest), b_.CreateICmpEQ(b, llvm::Constant::getAllOnesValue(ty)));
    unsafe = b_.CreateOr(by_zero, overflow);
  }
  V divisor = b_.CreateSelect(unsafe, one, b);
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(ty);
  V quotient;
  if (vector && itemsize(t) <= 4 && !llvm::isa<llvm::Constant>(b)) {
    llvm::Type* f = vector_of(itemsize(t) == 4 ? b_.getDoubleTy() : b_.getFloatTy(), vector->getNumElements());
    llvm::Type* wide = vector_of(b_.getInt32Ty(), vector->getNumElements());
    const auto to_float = [&](V v) { return is_signed(t) ? b_.CreateSIToFP(v, f) : b_.CreateUIToFP(v, f); };
    V q = b_.CreateFDiv(to_float(a), to_float(divisor));
    quotient = b_.CreateTrunc(b_.CreateFPToSI(q, wide), ty);
    if (remainder) return b_.CreateSub(a, b_.CreateMul(quotient, divisor));
  } else {
    if (remainder) return is_signed(t) ? b_.CreateSRem(a, divisor) : b_.CreateURem(a, divisor);
    quotient = is_signed(t) ? b_.CreateSDiv(a, divisor) : b_.CreateUDiv(a, divisor);
  }
  return b_.CreateSelect(by_zero, zero, quotient);
}

/// llvm.minimum and llvm.maximum mean the same, in six x86 instructions; these are three and five, or one to two with a
/// constant. `x < y ? x : y` is MINPS, which gives y when either is NaN or both are zero.
PhaseEmitter::V PhaseEmitter::extremum(bool maximum, V a, V b) {
  const auto constant_float = [](V v) -> llvm::ConstantFP* {
    auto* c = llvm::dyn_cast<llvm::Constant>(v);
    if (c && c->getType()->isVectorTy()) c = c->getSplatValue();
    return llvm::dyn_cast_or_null<llvm::ConstantFP>(c);
  };
  if (constant_float(a)) std::swap(a, b);
  if (llvm::ConstantFP* c = constant_float(b); c && !c->isNaN()) {
    // A NaN fails the comparison and stays. The zero that wins over the other zero needs the comparison with equality.
    const bool wins = c->isZero() && c->isNegative() != maximum;
    const auto p =
        maximum ? (wins ? CmpInst::FCMP_OLE : CmpInst::FCMP_OLT) : (wins ? CmpInst::FCMP_OGE : CmpInst::FCMP_OGT);
    return b_.CreateSelect(b_.CreateFCmp(p, a, b), b, a);
  }
  const auto hardware = [&](V x, V y) {
    return b_.CreateSelect(maximum ? b_.CreateFCmpOGT(x, y) : b_.CreateFCmpOLT(x, y), x, y);
  };
  // Both orders differ only for a NaN and for zeros of both signs.
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(a->getType());
  llvm::Type* bits =
      vector_of(b_.getIntNTy(a->getType()->getScalarSizeInBits()), vector ? vector->getNumElements() : 1);
  V one = b_.CreateBitCast(hardware(a, b), bits), two = b_.CreateBitCast(hardware(b, a), bits);
  if (!maximum) return b_.CreateBitCast(b_.CreateOr(one, two), a->getType());  // keeps NaN, and the sign of -0
  V both = b_.CreateBitCast(b_.CreateAnd(one, two), a->getType());
  return b_.CreateSelect(b_.CreateFCmpUNO(a, b), b_.CreateFAdd(a, b), both);
}

PhaseEmitter::V PhaseEmitter::umulhi(V a, V b) {
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(a->getType());
  const unsigned lanes = vector ? vector->getNumElements() : 1;
  if (lanes % 2 == 0) {
    // Machines multiply every other lane: once as they stand, once moved, and the high halves put together again.
    llvm::Type* pairs = vector_of(b_.getInt64Ty(), lanes / 2);
    V x = b_.CreateBitCast(a, pairs), y = b_.CreateBitCast(b, pairs);
    V low = integer(pairs, 0xffffffff), shift = integer(pairs, 32);
    V even = b_.CreateMul(b_.CreateAnd(x, low), b_.CreateAnd(y, low));
    V odd = b_.CreateMul(b_.CreateLShr(x, shift), b_.CreateLShr(y, shift));
    llvm::SmallVector<int, 16> picks;
    for (unsigned n = 0; n < lanes; ++n) picks.push_back(static_cast<int>(n % 2 ? lanes + n : n + 1));
    return b_.CreateShuffleVector(b_.CreateBitCast(even, a->getType()), b_.CreateBitCast(odd, a->getType()), picks);
  }
  llvm::Type* wide = vector_of(b_.getInt64Ty(), lanes);
  V product = b_.CreateMul(b_.CreateZExt(a, wide), b_.CreateZExt(b, wide));
  return b_.CreateTrunc(b_.CreateLShr(product, integer(wide, 32)), a->getType());
}

PhaseEmitter::V PhaseEmitter::bitcast(DType from, DType to, V v, unsigned lanes) {
  if (is_bool(to) != is_bool(from)) throw Error(ErrorKind::Internal, "bitcast between bool and a number");
  return b_.CreateBitCast(v, llvm_type({to, static_cast<uint16_t>(lanes)}));
}

PhaseEmitter::V PhaseEmitter::convert(DType from, DType to, V v, unsigned lanes) {
  const auto count = static_cast<uint16_t>(lanes);
  llvm::Type* target = llvm_type({to, count});
  if (from == to) return v;
  llvm::Type* half = vector_of(b_.getHalfTy(), lanes);
  if (from == kFloat16) return b_.CreateFPExt(b_.CreateBitCast(v, half), target);
  if (to == kFloat16) return b_.CreateBitCast(b_.CreateFPTrunc(v, half), target);
  if (is_bool(to)) {
    V zero = constant({from, count}, 0);
    return is_floating(from) ? b_.CreateFCmpUNE(v, zero) : b_.CreateICmpNE(v, zero);
  }
  if (is_floating(from)) {
    if (!is_floating(to)) return float_to_int(from, to, v, lanes);
    return to == kFloat64 ? b_.CreateFPExt(v, target) : b_.CreateFPTrunc(v, target);
  }
  if (is_floating(to)) return is_signed(from) ? b_.CreateSIToFP(v, target) : b_.CreateUIToFP(v, target);
  return is_signed(from) ? b_.CreateSExtOrTrunc(v, target) : b_.CreateZExtOrTrunc(v, target);
}

/// Saturates, and NaN gives 0. The conversion itself is poison out of range, which the selects drop. Types narrower
/// than 32 bits are clamped as int32: clamping twice is clamping once.
PhaseEmitter::V PhaseEmitter::float_to_int(DType from, DType to, V v, unsigned lanes) {
  const bool narrow = itemsize(to) < 4;
  const DType wide = narrow ? kInt32 : to;
  const auto count = static_cast<uint16_t>(lanes);
  const unsigned bits = static_cast<unsigned>(bit_width(wide));
  llvm::Type* t = llvm_type({wide, count});
  llvm::Type* f = llvm_type({from, count});
  const double limit = bits == 64 ? 0x1p63 : 0x1p31;
  V above = b_.CreateFCmpOGE(v, llvm::ConstantFP::get(f, limit));
  V below = b_.CreateFCmpOLT(v, llvm::ConstantFP::get(f, -limit));
  V r = b_.CreateFPToSI(v, t);
  r = b_.CreateSelect(below, llvm::ConstantInt::get(t, llvm::APInt::getSignedMinValue(bits)), r);
  r = b_.CreateSelect(above, llvm::ConstantInt::get(t, llvm::APInt::getSignedMaxValue(bits)), r);
  r = b_.CreateSelect(b_.CreateFCmpUNO(v, v), integer(t, 0), r);
  if (!narrow) return r;
  const unsigned width = static_cast<unsigned>(bit_width(to));
  const bool sign = is_signed(to);
  const llvm::APInt low = sign ? llvm::APInt::getSignedMinValue(width).sext(bits) : llvm::APInt::getZero(bits);
  const llvm::APInt high =
      sign ? llvm::APInt::getSignedMaxValue(width).sext(bits) : llvm::APInt::getMaxValue(width).zext(bits);
  r = intrinsic(llvm::Intrinsic::smax, {t}, {r, llvm::ConstantInt::get(t, low)});
  r = intrinsic(llvm::Intrinsic::smin, {t}, {r, llvm::ConstantInt::get(t, high)});
  return b_.CreateTrunc(r, llvm_type({to, count}));
}

/// Raises the status in a branch that is rarely taken, so that the slot is not touched on the way.
void PhaseEmitter::check(V ok) {
  BB raise = new_block("failed"), next = new_block("checked");
  b_.CreateCondBr(any_lane(b_.CreateNot(ok)), raise, next);
  b_.SetInsertPoint(raise);
  b_.CreateStore(b_.getInt32(1), failed_);
  b_.CreateBr(next);
  b_.SetInsertPoint(next);
}

}  // namespace lazuli::codegen
