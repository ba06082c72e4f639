// A straight-line function over scalars: what one element of an elementwise op computes.
// It is the single definition that the interpreter evaluates and that kernels inline.
// Invariants: operands of an instruction come before it; identical instructions are one (except check).
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/scalar/prim.h"

namespace lazuli::scalar {

/// Index of a parameter (below params.size()) or of an instruction (offset by params.size()).
using ValueId = uint32_t;

/// What a check stands for: the `imm` of Prim::check. 0 means that nothing failed.
enum CheckCode : uint64_t { kNoFailure = 0, kDivisionByZero = 1, kIndexOutOfBounds = 2 };

struct Inst {
  Prim prim;
  DType type;                     // of the result
  std::array<ValueId, 3> args{};  // the first info(prim).arity are used
  uint64_t imm = 0;               // constant: bit pattern of `type`, zero-extended; check: error code
  bool operator==(const Inst&) const = default;
};

struct Function {
  std::vector<DType> params;
  std::vector<Inst> insts;
  std::vector<ValueId> results;

  DType type(ValueId v) const { return v < params.size() ? params[v] : insts[v - params.size()].type; }
  bool has_checks() const;
  /// One instruction per line, for dumps and tests.
  std::string str() const;
};

/// Evaluates `f` on bit patterns (zero-extended to 64 bits). Returns the results' bits; when `failed` is given
/// it receives the code of the first check that did not hold, 0 if all did.
std::vector<uint64_t> evaluate(const Function& f, const std::vector<uint64_t>& args, uint64_t* failed = nullptr);

/// Evaluates `n` elements: args[i] and results[j] point to n bit patterns each. Returns the smallest index whose
/// checks did not all hold (n if there is none) and stores the code of its first such check in `failed` (else 0).
size_t evaluate_block(const Function& f, std::span<const uint64_t* const> args, std::span<uint64_t* const> results,
                      size_t n, uint64_t* failed = nullptr);

/// The value of one primitive on bit patterns: the definition of the table's meaning.
uint64_t evaluate_prim(Prim p, DType result, DType operand, const uint64_t* args);

/// Text of a bit pattern as it is written in dumps ("1.5", "-0", "nan", "true", "42"). Round-trips through
/// parse_literal.
std::string literal(DType t, uint64_t bits);
/// Returns false when the text is not a literal of type `t`.
bool parse_literal(DType t, std::string_view text, uint64_t* bits);

}  // namespace lazuli::scalar
