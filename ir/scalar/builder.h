// Builds a scalar::Function. Rows of the op table and the expansions of mathematical functions are written with it.
// It folds constants, merges equal instructions, and applies only identities that keep every bit
// (x*1, x+(-0.0), select of equal arms ...).
#pragma once
#include <initializer_list>
#include <unordered_map>

#include "ir/scalar/function.h"

namespace lazuli::scalar {

struct Value {
  ValueId id = ~0u;
};

class Builder {
 public:
  explicit Builder(std::vector<DType> params);
  Value param(size_t i) const { return {static_cast<ValueId>(i)}; }
  DType type(Value v) const { return fn_.type(v.id); }
  /// The type that results are rounded to when it is not the one computed in (a half type computed in float32).
  DType storage(Value v) const { return is_floating(type(v)) && is_half(storage_) ? storage_ : type(v); }
  void set_storage(DType t) { storage_ = t; }
  Function finish(std::initializer_list<Value> results);

  // Constants. `constant` rounds the number to the type once; `like` takes the type of another value.
  Value constant(DType t, double v);
  Value constant_int(DType t, int64_t v);
  Value constant_bits(DType t, uint64_t bits);
  Value like(Value x, double v) { return constant(type(x), v); }

  // Primitives. On bool, add and max are or, mul and min are and.
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b);
  Value idiv(Value a, Value b);
  Value irem(Value a, Value b);
  Value neg(Value a);
  Value abs(Value a);
  Value fma(Value a, Value b, Value c);
  /// x * 2^n, n an integral float; see prims.def for its range.
  Value scale2(Value x, Value n);
  Value sqrt(Value a);
  Value floor(Value a);
  Value ceil(Value a);
  Value trunc(Value a);
  Value roundeven(Value a);
  Value minimum(Value a, Value b);
  Value maximum(Value a, Value b);
  Value bit_and(Value a, Value b);
  Value bit_or(Value a, Value b);
  Value bit_xor(Value a, Value b);
  Value bit_not(Value a);
  Value shl(Value a, Value b);
  Value lshr(Value a, Value b);
  Value ashr(Value a, Value b);
  Value shl(Value a, int n) { return shl(a, constant_int(type(a), n)); }
  Value lshr(Value a, int n) { return lshr(a, constant_int(type(a), n)); }
  Value ashr(Value a, int n) { return ashr(a, constant_int(type(a), n)); }
  Value umulhi(Value a, Value b);
  Value eq(Value a, Value b);
  Value ne(Value a, Value b);
  Value lt(Value a, Value b);
  Value le(Value a, Value b);
  Value gt(Value a, Value b) { return lt(b, a); }
  Value ge(Value a, Value b) { return le(b, a); }
  Value ult(Value a, Value b);
  Value select(Value cond, Value a, Value b);
  /// Numeric conversion. To and from bfloat16 it is spelled in integer primitives, to bool it is x != 0.
  Value convert(Value a, DType to);
  Value bitcast(Value a, DType to);
  void check(Value cond, uint64_t code);

  // Helpers that are only combinations of the above.
  Value is_nan(Value a) { return ne(a, a); }
  Value is_inf(Value a);
  Value copysign(Value magnitude, Value sign);
  /// Horner with fma, highest coefficient first.
  Value poly(Value x, std::initializer_list<double> coefficients);

 private:
  /// Folds constants, merges equal instructions, else appends.
  Value emit(Prim p, DType type, std::initializer_list<Value> args, uint64_t imm = 0);
  /// Bits of a constant, null if `v` is none.
  const uint64_t* constant_of(Value v) const;
  bool is_constant(Value v, uint64_t bits) const;
  /// The instruction that defines `v` if it is a `p`, else null. Valid until the next emit.
  const Inst* definition(Value v, Prim p) const;
  void expect_same(Prim p, Value a, Value b) const;
  struct InstHash {
    size_t operator()(const Inst& i) const;
  };
  Function fn_;
  DType storage_ = kBool;  // not a half type: computed as stored
  std::unordered_map<Inst, ValueId, InstHash> known_;
};

}  // namespace lazuli::scalar
