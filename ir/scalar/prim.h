// Scalar primitives: the vocabulary of every expansion, of the interpreter and of both code generators.
// The types of scalars are DType; Bool is one bit here and one byte in memory.
#pragma once
#include <cstdint>
#include <string_view>

#include "lazuli/base/dtype.h"

namespace lazuli::scalar {

enum class Prim : uint8_t {
#define LAZULI_PRIM(name, ...) name,
#include "ir/scalar/prims.def"
#undef LAZULI_PRIM
};

enum class Operands : uint8_t { F, I, L, T, H };
enum class Result : uint8_t { Same, Bool, Named };

struct PrimInfo {
  std::string_view name;
  uint8_t arity;
  Operands operands;
  Result result;
  std::string_view llvm_float, llvm_signed, llvm_unsigned;
  std::string_view cuda_float32, cuda_float64, cuda_int;
};

inline constexpr PrimInfo kPrims[] = {
#define LAZULI_PRIM(name, arity, operands, result, lf, ls, lu, c32, c64, ci) \
  {#name, arity, Operands::operands, Result::result, lf, ls, lu, c32, c64, ci},
#include "ir/scalar/prims.def"
#undef LAZULI_PRIM
};
inline constexpr int kPrimCount = sizeof(kPrims) / sizeof(kPrims[0]);

constexpr const PrimInfo& info(Prim p) {
  return kPrims[static_cast<int>(p)];
}

/// What the row writes for LLVM when its operands have type `t`; empty if it does not take them.
constexpr std::string_view llvm_spelling(Prim p, DType t) {
  const PrimInfo& i = info(p);
  return is_floating(t) ? i.llvm_float : is_signed(t) ? i.llvm_signed : i.llvm_unsigned;
}

/// What the row writes for CUDA C++ when its operands have type `t`.
constexpr std::string_view cuda_spelling(Prim p, DType t) {
  const PrimInfo& i = info(p);
  return t == kFloat64 ? i.cuda_float64 : is_floating(t) ? i.cuda_float32 : i.cuda_int;
}

}  // namespace lazuli::scalar
